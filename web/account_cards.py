"""What is known of accounts at a glance: light, lane, what comes next, who answers, what is left of today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from connectors import Asking, connector_for, platforms
from organisation import Account, Person, Unit
from organisation.budgets import spent_of
from organisation.checkups import Checkup, checkups_of, days_left, warning_of
from organisation.leaving import people_in_charge
from scheduler.calendar import next_dues
from scheduler.lanes import Lane
from web.silence import Silent, last_seen, light_of


@dataclass(frozen=True)
class Card:
    """One account. `calls_left` of today's collecting, None where the platform sets no limit."""

    account: Account
    unit: Unit
    light: Silent
    last: datetime | None
    next: datetime | None
    lane: Lane | None
    manager: Person | None
    calls_left: int | None
    calls: int | None
    checkup: Checkup | None

    def days(self, now: datetime) -> int | None:
        """Whole days until somebody must sign in anew, less than 0 once that is past; None where unknown."""
        ends = self.checkup.ends if self.checkup is not None else None
        return None if ends is None else days_left(ends, now)

    def warned(self, now: datetime) -> bool:
        ends = self.checkup.ends if self.checkup is not None else None
        return ends is not None and warning_of(ends, now) is not None

    def lane_state(self, now: datetime) -> str:
        """`paused`, `closed` (the platform said: not before), or `open`."""
        if self.lane is not None and self.lane.paused:
            return "paused"
        waits = self.lane is not None and self.lane.open_from is not None and self.lane.open_from > now
        return "closed" if waits else "open"


def cards_of(session: Session, pairs: Sequence[tuple[Account, Unit]], now: datetime) -> list[Card]:
    """The cards of these accounts: a fixed number of statements."""
    ids = [account.known_id for account, _ in pairs]
    last, coming = last_seen(session, ids), next_dues(session, ids, now)
    lanes = {
        lane.account_id: lane for lane in session.exec(select(Lane).where(col(Lane.account_id).in_(ids)))
    }
    managers = people_in_charge(session, "account", ids)
    spent = spent_of(session, Asking.counted_under, ids, now)
    checkups = checkups_of(session, ids)
    return [
        _card(account, unit, now, last, coming, lanes, managers, checkups, spent.get(account.known_id, 0))
        for account, unit in pairs
    ]


def _card(
    account: Account,
    unit: Unit,
    now: datetime,
    last: Mapping[int, datetime],
    coming: Mapping[int, Sequence[datetime]],
    lanes: Mapping[int, Lane],
    managers: Mapping[int, Person],
    checkups: Mapping[int, Checkup],
    spent: int,
) -> Card:
    id_ = account.known_id
    calls = connector_for(account.platform).asking.daily_calls if account.platform in platforms() else None
    return Card(
        account,
        unit,
        light_of(account, last.get(id_), now),
        last.get(id_),
        next(iter(coming.get(id_, ())), None),
        lanes.get(id_),
        managers.get(id_),
        None if calls is None else max(calls - spent, 0),
        calls,
        checkups.get(id_),
    )
