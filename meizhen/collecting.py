"""Collecting figures for a house: accounts opened, platforms asked, publishing told. Wiring only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from meizhen.house import House
from organisation.access import access_for, http_for
from organisation.accounts import Account
from scheduler import lanes, notices
from scheduler.gates import GateRow, Gates

if TYPE_CHECKING:
    from analytics.collection import CollectionReport
    from analytics.plans import AccountPlan
    from analytics.sharing import Need


class SharedWithPublishing:
    """`analytics.sharing.Sharing` over the tables of publishing: gates, lanes, notices."""

    def gates(self, session: Session, now: datetime) -> Mapping[str, datetime]:
        shut = select(GateRow.key, GateRow.shut_until).where(col(GateRow.shut_until) > now)
        return dict(iter(session.exec(shut)))

    def shut_gates(self, session: Session, shut: Mapping[str, tuple[datetime, str]]) -> None:
        Gates.write(session, shut)

    def closed(self, session: Session, account_ids: Sequence[int], now: datetime) -> Mapping[int, datetime]:
        closed = select(lanes.Lane.account_id, lanes.Lane.open_from).where(
            col(lanes.Lane.account_id).in_(account_ids), col(lanes.Lane.open_from) > now
        )
        return {account_id: until for account_id, until in session.exec(closed) if until is not None}

    def close(self, session: Session, until: Mapping[int, datetime]) -> None:
        lanes.ensure(session, list(until))
        for account_id, moment in until.items():
            lanes.hold_until(session, account_id, moment)

    def tell(self, session: Session, needs: Iterable["Need"], at: datetime) -> None:
        for need in needs:
            notices.of_figures(session, need.account_id, at, code=need.code, told=need.told)

    def untell(self, session: Session, account_ids: Iterable[int], at: datetime) -> None:
        notices.end_figures(session, list(account_ids), at)


def collect_figures(
    house: House,
    *,
    accounts: Sequence[Account] | None = None,
    since: date | None = None,
    until: date | None = None,
    account_days: bool = True,
    due_only: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> "CollectionReport":
    """Asks the platforms of `accounts` (all active ones without) for their figures (`analytics.collect`)."""
    from analytics import collect

    return collect(
        house.database,
        house.clock,
        access_for=lambda account: access_for(
            house.database,
            house.keys,
            account,
            clock=house.clock,
            http=http_for(account.platform, house.settings),
        ),
        accounts=accounts,
        since=since,
        until=until,
        account_days=account_days,
        due_only=due_only,
        progress=progress,
        sharing=SharedWithPublishing(),
    )


def plan_figures(house: House, accounts: Sequence[Account] | None = None) -> "list[AccountPlan]":
    """When the platforms of `accounts` are asked next, and for what (`analytics.plans.plan_accounts`)."""
    from analytics.plans import plan_accounts

    return plan_accounts(house.database, house.clock, accounts=accounts, sharing=SharedWithPublishing())
