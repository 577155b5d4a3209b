"""Collecting: every account's articles and days from its platform into the database, holes left as holes.

Accounts are asked side by side, each in one worker thread; the calling thread plans and writes, many accounts
in one transaction. What one account's platform refuses never stops another.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import date, timedelta
from uuid import uuid4

from sqlmodel import Session

from analytics.asking import Answer, Gates, Task, ask
from analytics.figures import batches
from analytics.plans import Askable, Wish, askable_of, oldest_holes_first, plan_tasks
from analytics.sharing import Alone, Need, Sharing
from analytics.storing import CollectionReport, store_answers
from analytics.turns import end, free
from analytics.verdicts import account_need, closed_for_publishing, outcome_of, shut_gate
from config.clock import Clock, shanghai_day
from config.database import Database
from connectors import Access, Asking, Connector, connector_for, steady
from organisation.accounts import Account, AccountState, accounts_of
from organisation.budgets import give_back

WORKERS = 16
_ACCOUNTS_A_PLAN = 100
_ACCOUNTS_A_WRITE = 16
_LONGEST_UNWRITTEN = 1.0  # seconds: what was told is written within this time

__all__ = ["CollectionReport", "collect", "collect_window"]


def collect_window(clock: Clock) -> tuple[date, date]:
    """The Beijing days a daily run asks for: yesterday and the 30 days before it.

    Yesterday's figures are there from 08:00 at WeChat; an article published on the first day has age 30.
    """
    yesterday = shanghai_day(clock.now()) - timedelta(days=1)
    return yesterday - timedelta(days=Asking().days_back), yesterday


def collect(
    database: Database,
    clock: Clock,
    *,
    access_for: Callable[[Account], Access],
    accounts: Sequence[Account] | None = None,
    since: date | None = None,
    until: date | None = None,
    account_days: bool = True,
    due_only: bool = False,
    progress: Callable[[int, int], None] | None = None,
    connector_of: Callable[[str], Connector] = connector_for,
    sharing: Sharing | None = None,
    workers: int = WORKERS,
) -> CollectionReport:
    """Collects the figures of `accounts` (all active ones without) for `since` to `until` (the plan's days).

    Asks each platform for its articles and for the account days that are not there yet; running it again
    changes nothing. `access_for` opens an account in a worker thread; `progress` is told how many accounts of
    how many are done; without `account_days` only the articles are asked for; with `due_only` those whose
    next asking by the plan is later are passed over. Figures that the platform marks as delayed are left as
    holes; who was told "not before" is not asked before. Never raises for what a platform does: that is in
    the report and the holes.
    """
    wish = Wish(since, until, account_days, due_only, named=accounts is not None)
    with database.read() as session:
        if accounts is None:
            accounts = accounts_of(session, state=AccountState.ACTIVE)
        askable = oldest_holes_first(session, askable_of(accounts, connector_of))
    run = _Run(database, clock, sharing or Alone(), wish, progress, len(askable))
    try:
        for answers in run.answered(askable, access_for, workers):
            run.write(answers)
    finally:
        run.close()
    return run.report


class _Run:
    """One collection: what it holds, knows and has brought."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sharing: Sharing,
        wish: Wish,
        progress: Callable[[int, int], None] | None,
        total: int,
    ) -> None:
        self.report = CollectionReport()
        self._database = database
        self._clock = clock
        self._sharing = sharing
        self._wish = wish
        self._progress = progress
        self._total = total
        self._done = 0
        self._holder = uuid4().hex
        self._gates = Gates(clock.now)
        self._known: set[str] = set()
        self._held = 0

    def answered(
        self, askable: Iterable[Askable], access_for: Callable[[Account], Access], workers: int
    ) -> Iterator[list[Answer]]:
        """The answers as they come, several at a time; only a few tasks are ahead of the writer."""
        pool = ThreadPoolExecutor(workers, thread_name_prefix="collect")
        under_way: set[Future[Answer]] = set()
        waiting: list[Answer] = []
        since = steady()
        try:
            tasks = self._tasks(askable)
            more = True
            while more or under_way:
                while more and len(under_way) < 2 * workers:
                    task = next(tasks, None)
                    if task is None:
                        more = False
                    else:
                        under_way.add(pool.submit(ask, task, access_for, self._gates))
                done, under_way = wait(under_way, _LONGEST_UNWRITTEN, FIRST_COMPLETED)
                waiting += [future.result() for future in done]
                late = steady() - since >= _LONGEST_UNWRITTEN
                if waiting and (late or len(waiting) >= _ACCOUNTS_A_WRITE):
                    yield waiting
                    waiting, since = [], steady()
            if waiting:
                yield waiting
        finally:
            pool.shutdown(cancel_futures=True)

    def _tasks(self, askable: Iterable[Askable]) -> Iterator[Task]:
        for batch in batches(askable, _ACCOUNTS_A_PLAN):
            now = self._clock.now()
            with self._database.read() as session:
                self._gates.learn(self._sharing.gates(session, now))
            tasks, busy = plan_tasks(
                self._database, batch, self._wish, holder=self._holder, now=now, sharing=self._sharing
            )
            self.report.resting += busy
            self._held += sum(task.rest is None for task in tasks)
            self._advance(len(batch) - len(tasks))
            yield from tasks

    def write(self, answers: Sequence[Answer]) -> None:
        """One transaction: figures, holes, turns, budgets, and what publishing must know."""
        at = self._clock.now()
        asked = [answer for answer in answers if answer.task.rest is None]
        with self._database.write(by_key=True) as session:
            store_answers(session, answers, at, self.report, self._known)
            end(session, [outcome_of(answer, at) for answer in asked], self._holder)
            give_back(
                session,
                Asking.counted_under,
                {
                    answer.task.account.known_id: (max(0, plan.granted - answer.made), plan.until)
                    for answer in asked
                    if (plan := answer.task.allowance) is not None
                },
            )
            self._share(session, asked)
        self._held -= len(asked)
        self._advance(len(answers))

    def close(self) -> None:
        """Gives back the turns of accounts whose answers were not written: the run was stopped."""
        if self._held:
            with self._database.write() as session:
                free(session, self._holder)

    def _share(self, session: Session, asked: Iterable[Answer]) -> None:
        at = self._clock.now()
        gates, lanes, needs, well = {}, {}, [], []
        for answer in asked:
            account_id = answer.task.account.known_id
            gate, lane, need = shut_gate(answer), closed_for_publishing(answer), account_need(answer)
            if gate is not None:
                gates[answer.gate] = gate.until, gate.platform_code
            if lane is not None:
                lanes[account_id] = lane
            if need is not None:
                needs.append(Need(account_id, need.platform_code, need.platform_text))
            elif not answer.errors:
                well.append(account_id)
        if gates:
            self._sharing.shut_gates(session, gates)
        if lanes:
            self._sharing.close(session, lanes)
        if needs:
            self._sharing.tell(session, needs, at)
        if well:
            self._sharing.untell(session, well, at)

    def _advance(self, count: int) -> None:
        for _ in range(count):
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._total)
