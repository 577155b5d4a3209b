"""Plans: when each account is asked for its figures, for which days, and with how many of the day's calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from analytics.archive import with_archive
from analytics.articles import AccountDayFigure, CollectionGap, FigureSource
from analytics.asking import Allowance, Task, is_live
from analytics.figures import batches
from analytics.gaps import ACCOUNT_DAY, ARTICLES, Hole
from analytics.sharing import Alone, Sharing
from analytics.turns import CollectionTurn, Rest, rest_of, shut_until, take, turns_of
from config.clock import SHANGHAI, Clock
from config.database import Database
from connectors import Asking, Connector, connector_for
from organisation.accounts import Account, AccountState, accounts_of
from organisation.budgets import spent_of, take_budgets

_DAY = timedelta(days=1)
_ACCOUNTS_AT_ONCE = 100
Askable = tuple[Account, Connector]


@dataclass(frozen=True)
class Wish:
    """What a run asks for: days (the plan's without), account days or not, only accounts that are due.

    `named`: a person asked for these very accounts, so those that wait for a person are asked too.
    """

    since: date | None = None
    until: date | None = None
    account_days: bool = True
    due_only: bool = False
    named: bool = False


@dataclass(frozen=True)
class AccountPlan:
    """What the plan has for one account, for people.

    `next_at` is None while a person must act (`code`, `told`: why). `since` to `newest` are the days whose
    articles are asked for, `days` the account days that are missing, `calls` what that will take; `limit` and
    `left` are of today's calls, None where the platform sets no limit.
    """

    account: str
    name: str
    next_at: datetime | None
    since: date
    newest: date
    days: int
    calls: int
    limit: int | None
    left: int | None
    code: str = ""
    told: str = ""


def newest_day(connector: Connector, at: datetime) -> date:
    """The newest Beijing day that the platform has figures for at this moment."""
    here = at.astimezone(SHANGHAI)
    if is_live(connector):
        return here.date()
    ready = here.timetz().replace(tzinfo=None) >= connector.asking.ready_at
    return here.date() - (_DAY if ready else 2 * _DAY)


def next_asking(connector: Connector, at: datetime) -> datetime:
    """When the platform has figures of a newer day."""
    day = newest_day(connector, at) + _DAY
    if is_live(connector):
        return datetime.combine(day, time(), SHANGHAI)
    return datetime.combine(day + _DAY, connector.asking.ready_at, SHANGHAI)


def budget_ends(at: datetime) -> datetime:
    """When the day's calls are new: all Chinese platforms count by Beijing's days."""
    return datetime.combine(at.astimezone(SHANGHAI).date() + _DAY, time(), SHANGHAI)


def askable_of(
    accounts: Iterable[Account], connector_of: Callable[[str], Connector] = connector_for
) -> list[Askable]:
    """The accounts whose platform tells figures; one of a platform that is no longer there has none."""
    found: dict[str, Connector | None] = {}
    askable = []
    for account in accounts:
        if account.platform not in found:
            try:
                found[account.platform] = connector_of(account.platform)
            except KeyError:
                found[account.platform] = None
        connector = found[account.platform]
        if connector is not None and connector.capabilities & {"articles", "account_day"}:
            askable.append((account, connector))
    return askable


def oldest_holes_first(session: Session, askable: Sequence[Askable]) -> list[Askable]:
    """Those whose oldest hole is oldest come first: it is the first that the platform forgets."""
    oldest = (
        select(col(CollectionGap.account_id), func.min(col(CollectionGap.day)))
        .where(col(CollectionGap.closed_at).is_(None))
        .group_by(col(CollectionGap.account_id))
    )
    days: dict[int, date] = {row[0]: row[1] for row in session.execute(oldest)}
    return sorted(askable, key=lambda pair: days.get(pair[0].known_id, date.max))


@dataclass(frozen=True)
class _Known:
    """What the tables tell of a batch of accounts."""

    turns: Mapping[int, CollectionTurn]
    lanes: Mapping[int, datetime]
    present: Mapping[int, set[date]]
    holes: Mapping[tuple[int, str], list[date]]

    @classmethod
    def read(
        cls, session: Session, batch: Sequence[Askable], wish: Wish, sharing: Sharing, now: datetime
    ) -> "_Known":
        ids = [account.known_id for account, _ in batch]
        shared = [account.known_id for account, connector in batch if connector.asking.one_quota]
        start = min(_first_day(connector, wish, newest_day(connector, now)) for _, connector in batch)
        return cls(
            turns_of(session, ids),
            sharing.closed(session, shared, now) if shared else {},
            _present_days(session, ids, start) if wish.account_days else {},
            _open_holes(session, ids),
        )


def plan_tasks(
    database: Database,
    batch: Sequence[Askable],
    wish: Wish,
    *,
    holder: str,
    now: datetime,
    sharing: Sharing,
) -> tuple[list[Task], int]:
    """The tasks of these accounts, their turns taken for `holder`; and how many others are at work on.

    One that the platform has closed, or that waits for a person, comes as a task that only leaves its holes;
    one that is not due does not come.
    """
    with database.read() as session:
        known = _Known.read(session, batch, wish, sharing, now)
    tasks: dict[int, Task] = {}
    for account, connector in batch:
        turn = known.turns.get(account.known_id)
        shut = shut_until(turn, known.lanes, account.known_id)
        rest = rest_of(turn, now, due_only=wish.due_only, named=wish.named)
        if shut is not None and now < shut:
            rest = Rest.CLOSED
        if rest is Rest.NOT_DUE:
            continue
        task = _task(account, connector, wish, known, now)
        if rest is not None:
            task = replace(task, rest=Hole(turn.code or str(rest), turn.told) if turn else Hole(str(rest)))
        tasks[account.known_id] = task
    return _taken(database, tasks, holder, now)


def _taken(
    database: Database, tasks: Mapping[int, Task], holder: str, now: datetime
) -> tuple[list[Task], int]:
    open_ids = [account_id for account_id, task in tasks.items() if task.rest is None]
    if not open_ids:
        return list(tasks.values()), 0
    until = budget_ends(now)
    with database.write() as session:
        mine = take(session, open_ids, holder, now)
        granted: set[int] = set()
        by_limit: dict[int, dict[int, int]] = {}
        for account_id in mine:
            asking = tasks[account_id].connector.asking
            if asking.daily_calls is not None and not asking.one_quota:
                by_limit.setdefault(asking.daily_calls, {})[account_id] = tasks[account_id].calls
        for limit, wanted in by_limit.items():
            granted |= take_budgets(session, Asking.counted_under, wanted, limit=limit, until=until, now=now)
    ready = []
    for account_id, task in tasks.items():
        limit_of = task.connector.asking.daily_calls
        if task.rest is not None:
            ready.append(task)
        elif account_id in mine and limit_of is not None and not task.connector.asking.one_quota:
            calls = task.calls if account_id in granted else 0
            ready.append(replace(task, allowance=Allowance(calls, limit_of, until)))
        elif account_id in mine:
            ready.append(task)
    return ready, len(open_ids) - len(mine)


def _first_day(connector: Connector, wish: Wish, newest: date) -> date:
    return wish.since or newest - timedelta(days=connector.asking.days_back)


def _task(account: Account, connector: Connector, wish: Wish, known: _Known, at: datetime) -> Task:
    newest = newest_day(connector, at)
    start, end = _first_day(connector, wish, newest), min(wish.until or newest, newest)
    live, account_id = is_live(connector), account.known_id
    days: list[date] = []
    if wish.account_days and "account_day" in connector.capabilities:
        oldest = newest if live else start
        present = known.present.get(account_id, set())
        wanted = (oldest + timedelta(days=n) for n in range((end - oldest).days + 1))
        days = [day for day in wanted if day not in present]
    if wish.since is None and not live:
        days = [day for day in known.holes.get((account_id, ACCOUNT_DAY), []) if day < start] + days
        back = timedelta(days=connector.asking.days_back)
        oldest_hole = min(known.holes.get((account_id, ARTICLES), []), default=newest)
        # Who was not asked for weeks is asked for the articles whose last ages fell into them.
        start = min(start, max(oldest_hole - back, start - 2 * back))
    turn = known.turns.get(account_id)
    return Task(
        account,
        connector,
        start,
        end,
        newest,
        tuple(days),
        calls=_calls(connector, start, end, len(days)),
        whole=end == newest and wish.account_days,
        failures=turn.failures if turn else 0,
        next_at=turn.next_at if turn else None,
    )


def _calls(connector: Connector, since: date, until: date, days: int) -> int:
    asking = connector.asking
    publishing_days = max(0, (until - since).days + 1)
    return asking.calls + asking.calls_a_publishing_day * publishing_days + asking.calls_an_account_day * days


def _present_days(session: Session, accounts: Sequence[int], since: date) -> dict[int, set[date]]:
    """The days from `since` for which a platform has told an account's own figures."""
    told = (
        select(col(AccountDayFigure.account_id), col(AccountDayFigure.day))
        .join(FigureSource, col(FigureSource.id) == col(AccountDayFigure.source_id))
        .where(
            col(AccountDayFigure.account_id).in_(accounts),
            col(AccountDayFigure.day) >= since,
            col(FigureSource.kind) == "api",
        )
        .distinct()
    )
    with_archive(session, "account_days", since=since)
    present: dict[int, set[date]] = {}
    for account_id, day in session.execute(told):
        present.setdefault(account_id, set()).add(day)
    return present


def _open_holes(session: Session, accounts: Sequence[int]) -> dict[tuple[int, str], list[date]]:
    rows = session.execute(
        select(col(CollectionGap.account_id), col(CollectionGap.subject), col(CollectionGap.day))
        .where(col(CollectionGap.account_id).in_(accounts), col(CollectionGap.closed_at).is_(None))
        .order_by(col(CollectionGap.day))
    )
    holes: dict[tuple[int, str], list[date]] = {}
    for account_id, subject, day in rows:
        holes.setdefault((account_id, subject), []).append(day)
    return holes


def plan_accounts(
    database: Database,
    clock: Clock,
    *,
    accounts: Sequence[Account] | None = None,
    connector_of: Callable[[str], Connector] = connector_for,
    sharing: Sharing | None = None,
) -> list[AccountPlan]:
    """The plan of `accounts` (all active ones without), those that are asked next first. Asks nobody."""
    if accounts is None:
        with database.read() as session:
            accounts = accounts_of(session, state=AccountState.ACTIVE)
    plans: list[AccountPlan] = []
    for batch in batches(askable_of(accounts, connector_of), _ACCOUNTS_AT_ONCE):
        with database.read() as session:
            plans += _plans(session, batch, clock.now(), sharing or Alone())
    return sorted(plans, key=lambda plan: (plan.next_at is None, plan.next_at, plan.account))


def _plans(session: Session, batch: Sequence[Askable], now: datetime, sharing: Sharing) -> list[AccountPlan]:
    known = _Known.read(session, batch, Wish(), sharing, now)
    ids = [account.known_id for account, _ in batch]
    spent = spent_of(session, Asking.counted_under, ids, now)
    return [_plan(account, connector, known, spent, now) for account, connector in batch]


def _plan(
    account: Account, connector: Connector, known: _Known, spent: Mapping[int, int], now: datetime
) -> AccountPlan:
    turn = known.turns.get(account.known_id)
    shut = shut_until(turn, known.lanes, account.known_id) or now
    planned = turn.next_at if turn is not None and turn.next_at is not None else now
    at = max(now, shut, planned)
    task = _task(account, connector, Wish(), known, at)
    limit = connector.asking.daily_calls
    used = spent.get(account.known_id, 0)
    return AccountPlan(
        account=account.stable_id,
        name=account.name,
        next_at=None if turn is not None and turn.paused else at,
        since=task.since,
        newest=task.newest,
        days=len(task.days),
        calls=task.calls,
        limit=limit,
        left=None if limit is None else max(0, limit - used),
        code=turn.code if turn else "",
        told=turn.told if turn else "",
    )
