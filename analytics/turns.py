"""Turns: when each account is asked for its figures next, not before when, and who is asking it now.

A turn is taken by lease, so that two nodes and a run by hand never ask one account at the same time. What a
platform said ("not before", "a person must act") is kept, and holds for every later run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import update
from sqlmodel import Field, Session, SQLModel, col, select

from config.batch import BatchStatement, storable

LEASE = timedelta(minutes=15)
"""How long an account that is being asked is kept from others should its node die."""

_FIRST_PAUSE = timedelta(minutes=30)  # WeChat: data not ready, ask again after half an hour
_LONGEST_PAUSE = timedelta(hours=6)


class CollectionTurn(SQLModel, table=True):
    """One account's turn. `next_at`: when the plan asks next (None: never asked); `open_from`: not before."""

    __tablename__ = "collection_turn"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    asked_at: datetime | None = None
    next_at: datetime | None = None
    open_from: datetime | None = None  # the platform said: not before
    paused: bool = False  # the platform needs a person; asked again once the account is named
    failures: int = 0  # askings that left holes, one after the other
    code: str = Field(default="", max_length=80)  # why the last asking left holes
    told: str = Field(default="", max_length=1000)
    holder: str | None = Field(default=None, max_length=32)
    lease_until: datetime | None = None


class Rest(StrEnum):
    """Why an account is not asked now."""

    CLOSED = "closed"  # the platform said: not before
    PAUSED = "paused"  # a person must act
    NOT_DUE = "not_due"
    TAKEN = "taken"  # another run is asking it


@dataclass(frozen=True)
class Outcome:
    """What an asking means for the account's turn."""

    account_id: int
    asked_at: datetime
    next_at: datetime | None
    open_from: datetime | None = None
    paused: bool = False
    failures: int = 0
    code: str = ""
    told: str = ""


def pause_after(failures: int) -> timedelta:
    """How long the plan waits after so many askings that left holes: half an hour, doubled, 6 h at most."""
    doublings = min(max(failures - 1, 0), 10)
    return min(_FIRST_PAUSE * float(2**doublings), _LONGEST_PAUSE)


def turns_of(session: Session, account_ids: Sequence[int]) -> dict[int, CollectionTurn]:
    """The turns of these accounts; one that was never asked is left out."""
    rows = session.exec(select(CollectionTurn).where(col(CollectionTurn.account_id).in_(account_ids)))
    return {turn.account_id: turn for turn in rows}


def rest_of(turn: CollectionTurn | None, now: datetime, *, due_only: bool, named: bool) -> Rest | None:
    """Why the account rests; None where it may be asked. `named`: a person asked for this very account."""
    if turn is None:
        return None
    if turn.open_from is not None and now < turn.open_from:
        return Rest.CLOSED
    if turn.paused and not named:
        return Rest.PAUSED
    if due_only and turn.next_at is not None and now < turn.next_at:
        return Rest.NOT_DUE
    return None


_TAKE = BatchStatement(
    "INSERT INTO collection_turn AS turn (account_id, paused, failures, code, told, holder, lease_until) "
    "SELECT account_id, false, 0, '', '', :holder, until FROM {rows} AS wanted WHERE true "
    "ON CONFLICT (account_id) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until "
    "WHERE turn.lease_until IS NULL OR turn.lease_until <= :now RETURNING account_id",
    {"account_id": "integer", "until": "time"},
)
_END = BatchStatement(
    "UPDATE collection_turn SET asked_at = ended.asked_at, next_at = ended.next_at, "
    "open_from = ended.open_from, paused = ended.paused, failures = ended.failures, code = ended.code, "
    "told = ended.told, holder = NULL, lease_until = NULL FROM {rows} AS ended "
    "WHERE collection_turn.account_id = ended.account_id AND collection_turn.holder = :holder",
    {
        "account_id": "integer",
        "asked_at": "time",
        "next_at": "time",
        "open_from": "time",
        "paused": "boolean",
        "failures": "integer",
        "code": "text",
        "told": "text",
    },
)


def take(session: Session, account_ids: Iterable[int], holder: str, now: datetime) -> set[int]:
    """Takes the turns that nobody holds; gives the accounts taken."""
    rows = [(account_id, now + LEASE) for account_id in sorted(account_ids)]
    if not rows:
        return set()
    return {row[0] for row in _TAKE.run(session.connection(), rows, holder=holder, now=now)}


def end(session: Session, outcomes: Iterable[Outcome], holder: str) -> None:
    """Writes what came of turns and gives them back; one that another has taken meanwhile stays as it is."""
    rows = [
        (
            outcome.account_id,
            outcome.asked_at,
            outcome.next_at,
            outcome.open_from,
            outcome.paused,
            outcome.failures,
            storable(outcome.code, 80),
            storable(outcome.told, 1000),
        )
        for outcome in outcomes
    ]
    if rows:
        _END.run(session.connection(), rows, holder=holder)


def free(session: Session, holder: str) -> None:
    """Gives back what a run still holds, as it was: it ended before its answers were written."""
    session.execute(
        update(CollectionTurn)
        .where(col(CollectionTurn.holder) == holder)
        .values(holder=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def shut_until(
    turn: CollectionTurn | None, lanes: Mapping[int, datetime], account_id: int
) -> datetime | None:
    """Until when the account is closed: by its own turn or, where one quota serves both, by publishing."""
    times = [turn.open_from if turn else None, lanes.get(account_id)]
    return max((at for at in times if at is not None), default=None)
