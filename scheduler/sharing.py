"""What publishing shares with the collecting of figures: gates, closed accounts, notices."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlmodel import Session, col, select

from scheduler import lanes, notices
from scheduler.gates import GateRow, Gates


class _Need(Protocol):
    """An account whose figures need a person (`analytics.sharing.Need`)."""

    @property
    def account_id(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def told(self) -> str: ...


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

    def tell(self, session: Session, needs: Iterable[_Need], at: datetime) -> None:
        for need in needs:
            notices.of_figures(session, need.account_id, at, code=need.code, told=need.told)

    def untell(self, session: Session, account_ids: Iterable[int], at: datetime) -> None:
        notices.end_figures(session, list(account_ids), at)
