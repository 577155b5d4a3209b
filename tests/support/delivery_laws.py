"""What must hold of deliveries after every step, whatever happened: on the database and the platform."""

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from model_platform import ModelConnector, ModelPlatform
from sqlalchemy import func, select
from sqlmodel import Session, col

from organisation.accounts import Account
from scheduler.deliveries import FOLLOWERS, Attempt, Delivery, DeliveryEvent, State
from scheduler.gates import GateRow
from scheduler.lanes import Lane
from scheduler.queue import is_stopped

_FIELDS = (
    "id", "account_id", "key", "state", "due", "not_before", "late_after", "needs_person", "published_at",
    "calls",
)  # fmt: skip
_DELIVERIES = select(*(col(getattr(Delivery, name)) for name in _FIELDS))
_EVENTS = select(
    col(DeliveryEvent.delivery_id), col(DeliveryEvent.from_state), col(DeliveryEvent.to_state)
).order_by(col(DeliveryEvent.id))
_ATTEMPTS = select(
    col(Attempt.delivery_id),
    col(Attempt.number),
    col(Attempt.purpose),
    col(Attempt.node),
    col(Attempt.started_at),
    col(Attempt.finished_at),
)
_LANES = select(
    col(Lane.account_id), col(Lane.paused), col(Lane.open_from), col(Lane.node), col(Lane.lease_until)
)
_ACCOUNTS = select(col(Account.id), col(Account.state))


@dataclass(frozen=True)
class Row:
    """A delivery as the database has it."""

    id: int
    account_id: int
    key: str
    state: str
    due: datetime
    not_before: datetime
    late_after: datetime
    needs_person: bool
    published_at: datetime | None
    calls: int


@dataclass(frozen=True)
class Scene:
    """Everything a law looks at, read at one moment."""

    deliveries: dict[int, Row]
    events: list[tuple[int, str, str]]  # delivery, from, to
    attempts: dict[tuple[int, int], tuple[str, str, datetime, datetime | None]]
    lanes: dict[int, Any]
    accounts: dict[int, str]
    stopped: bool
    gate_shut_until: datetime | None  # the one gate of all the model's accounts


def read_scene(session: Session) -> Scene:
    connection = session.connection()
    rows = [Row(*row) for row in connection.execute(_DELIVERIES)]
    return Scene(
        {row.id: row for row in rows},
        [(row[0], row[1], row[2]) for row in connection.execute(_EVENTS)],
        {(row[0], row[1]): (row[2], row[3], row[4], row[5]) for row in connection.execute(_ATTEMPTS)},
        {row[0]: row for row in connection.execute(_LANES)},
        {row[0]: row[1] for row in connection.execute(_ACCOUNTS)},
        is_stopped(session),
        session.execute(select(func.max(col(GateRow.shut_until)))).scalar_one(),
    )


def check_history(scene: Scene) -> None:
    """Events form an unbroken chain of legal transitions, from nothing to the present state."""
    chains: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for delivery_id, before, after in scene.events:
        chains[delivery_id].append((before, after))
    for row in scene.deliveries.values():
        at = ""
        for before, after in chains[row.id]:
            assert before == at, (row, chains[row.id])
            legal = before == "" or before == after or State(after) in FOLLOWERS[State(before)]
            # A state follows itself only where a person moved the time of what waits.
            assert legal and (before != after or before in (State.QUEUED, State.PAUSED)), (before, after, row)
            at = after
        assert at == row.state, (row, chains[row.id])


def check_standing(scene: Scene) -> None:
    """One post under way per account; published has its moment; calls are numbered without gaps."""
    sending = [row.account_id for row in scene.deliveries.values() if row.state == State.SENDING]
    assert len(sending) == len(set(sending)), sending
    for row in scene.deliveries.values():
        assert (row.published_at is not None) == (row.state == State.PUBLISHED), row
        numbers = sorted(number for delivery_id, number in scene.attempts if delivery_id == row.id)
        assert numbers == list(range(1, row.calls + 1)), (row, numbers)
        unfinished = [
            (purpose, number)
            for (delivery_id, number), (purpose, _, _, finished) in scene.attempts.items()
            if delivery_id == row.id and finished is None and purpose == "publish"
        ]
        assert len(unfinished) <= 1 or row.state != State.SENDING, (row, unfinished)


def check_platform(
    scene: Scene, platform: ModelPlatform, connectors: dict[int, ModelConnector], told: Container[int]
) -> None:
    """Once, and only once: except where a person said of a post (`told`) what only they can know."""
    for row in scene.deliveries.values():
        if row.id in told:
            continue
        taken = platform.taken.get(row.key)
        effects = taken.effects if taken else 0
        assert effects <= 1, ("doubled", row, taken)
        if taken is not None and not connectors[row.account_id].drops_repeats:
            assert taken.receipts <= 1 + taken.rejected, ("received again", row, taken)
        if row.state == State.PUBLISHED:
            assert effects == 1, ("never received", row, taken)
        # What is repeated under its key without being asked about is known to nobody when it is given up.
        blind = connectors[row.account_id].drops_repeats and not connectors[row.account_id].can_be_asked
        if row.state in (State.FAILED, State.MISSED, State.CANCELLED) and not blind:
            assert not platform.shows(row.key), ("is out, and said to be not", row, taken)


def check_begun(before: Scene, after: Scene, *, now: datetime, node: str, settled: Container[int]) -> None:
    """What a node began in one turn might be begun.

    `settled` are the accounts of which nothing was changed by others for a tick: what is newer, a node
    may not have seen yet.
    """
    for (delivery_id, number), (purpose, by, started_at, _) in after.attempts.items():
        if (delivery_id, number) in before.attempts:
            continue
        row = after.deliveries[delivery_id]
        lane = after.lanes[row.account_id]
        assert (by, started_at) == (node, now)
        assert lane.node == node and lane.lease_until > now, ("without the lane", row, lane)
        if purpose == "publish":
            _check_publish(row, before, after, now=now, settled=settled)


def _check_publish(row: Row, before: Scene, after: Scene, *, now: datetime, settled: Container[int]) -> None:
    assert row.state == State.SENDING, row
    assert row.due <= now, ("before its time", row, now)
    assert now <= row.late_after, ("after its limit", row, now)
    if row.account_id not in settled:
        return
    lane = after.lanes[row.account_id]
    assert not before.stopped, ("the queue is stopped", row)
    assert not lane.paused, ("the lane is stopped", row)
    assert before.accounts[row.account_id] == "active", ("the account is not active", row)
    assert lane.open_from is None or lane.open_from <= now, ("throttled", row, lane)
    for other in after.deliveries.values():
        if other.account_id != row.account_id or other.id == row.id:
            continue
        assert not (other.state == State.UNCERTAIN and not other.needs_person), ("past a doubt", row, other)
        first = other.state == State.QUEUED and (other.due, other.id) < (row.due, row.id)
        assert not first, ("out of order", row, other)


def forgotten(scene: Scene, now: datetime) -> list[Row]:
    """Deliveries that nobody will ever look at again though they are not at an end.

    What waits for a retired account waits for good: an account is retired by a person.
    """
    return [
        row
        for row in scene.deliveries.values()
        if row.state in (State.SENDING, State.ACCEPTED)
        or (row.state == State.UNCERTAIN and not row.needs_person)
        or (row.state == State.QUEUED and row.due <= now and scene.accounts[row.account_id] != "retired")
    ]


def stuck(scene: Scene, now: datetime, alive: Container[str]) -> list[Row]:
    """Deliveries that a living node could go on with, and does not, though nothing holds them up."""
    doubted = {
        row.account_id
        for row in scene.deliveries.values()
        if row.state == State.UNCERTAIN and not row.needs_person
    }

    shut = scene.gate_shut_until is not None and scene.gate_shut_until >= now

    def is_free(account_id: int) -> bool:
        lane = scene.lanes[account_id]
        held = lane.node is not None and lane.node not in alive and lane.lease_until > now
        return not held and (lane.open_from is None or lane.open_from < now)

    return [
        row
        for row in scene.deliveries.values()
        if is_free(row.account_id)
        and (
            row.state == State.SENDING
            or (
                row.state == State.QUEUED
                and not shut
                and row.not_before < now
                and row.account_id not in doubted
                and scene.accounts[row.account_id] != "retired"
            )
        )
    ]
