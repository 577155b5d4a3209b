"""What the dispatcher reads and writes, in statements that take a whole batch at once.

Every change of a delivery is a compare-and-set on state and fence, with its event in the same transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlmodel import Session

from config.batch import BatchQuery, BatchStatement, storable
from scheduler import announcements
from scheduler.deliveries import State
from scheduler.outcomes import Purpose, Verdict

READ_AHEAD = 16
_TEXT = 1000
_CODE = 80


@dataclass(slots=True)
class Work:
    """A delivery that a lane has to do something about, as the node last knew it."""

    id: int
    account_id: int
    post_id: int
    key: str
    seq: int
    state: State
    due: datetime
    not_before: datetime
    late_after: datetime
    attempts: int
    calls: int
    looks: int
    fence: int
    waiting_since: datetime | None
    remote_id: str
    url: str
    detail: dict[str, str]
    started_at: datetime | None = field(default=None)

    @property
    def purpose(self) -> Purpose:
        if self.state is State.UNCERTAIN:
            return Purpose.FIND
        return Purpose.SETTLE if self.state is State.ACCEPTED else Purpose.PUBLISH


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """A call that ended: the work as it was begun, when, and the verdict on it."""

    work: Work
    at: datetime
    verdict: Verdict
    stands: Work  # as it stands after the call

    @classmethod
    def by(cls, work: Work, at: datetime, verdict: Verdict) -> "Ended":
        """The end of a call with this verdict."""
        if verdict.state is State.QUEUED and verdict.not_before < work.due:
            # The clock was set back meanwhile: what is tried again leaves no earlier than it was meant to.
            verdict = replace(verdict, not_before=work.due)
        stands = copy(work)
        stands.state, stands.not_before = verdict.state, verdict.not_before
        stands.looks, stands.waiting_since = verdict.looks, verdict.waiting_since
        if verdict.uncounted and work.purpose is Purpose.PUBLISH:
            stands.attempts = max(0, work.attempts - 1)
        receipt = verdict.receipt
        if receipt is not None:
            stands.remote_id = receipt.remote_id
            stands.url = receipt.url or work.url
            stands.detail = {**work.detail, **receipt.detail}
        return cls(work, at, verdict, stands)


_GIVES = {
    "id": "integer",
    "account_id": "integer",
    "post_id": "integer",
    "key": "text",
    "seq": "integer",
    "state": "text",
    "due": "time",
    "not_before": "time",
    "late_after": "time",
    "attempts": "integer",
    "calls": "integer",
    "looks": "integer",
    "fence": "integer",
    "waiting_since": "time",
    "remote_id": "text",
    "url": "text",
    "detail": "json",
}
_COLUMNS = ", ".join(f"d.{name} AS {name}" for name in _GIVES)
_FIRST = (
    "SELECT queued.id FROM delivery queued "
    "WHERE queued.account_id = wanted.account_id AND queued.state = 'queued' "
    f"ORDER BY queued.due, queued.id LIMIT {READ_AHEAD}"
)
_UNDER_WAY = (
    f"SELECT {_COLUMNS}, CASE WHEN d.state = 'sending' THEN COALESCE((SELECT MAX(a.started_at) "
    "FROM attempt a WHERE a.delivery_id = d.id AND a.finished_at IS NULL), d.not_before) END AS started_at "
    "FROM {rows} AS wanted JOIN delivery d ON d.account_id = wanted.account_id "
    "WHERE d.state IN ('sending', 'uncertain', 'accepted') AND NOT d.needs_person"
)
# In one statement, since each sees the state of one moment: between two, another node may commit, and what
# it began or put back would be in neither.
_UNFINISHED = BatchQuery(
    f"SELECT {_COLUMNS}, NULL AS started_at FROM {{rows}} AS wanted JOIN delivery d ON d.id IN ({_FIRST}) "
    f"UNION ALL {_UNDER_WAY} ORDER BY account_id, due, id",
    {"account_id": "integer"},
    _GIVES | {"started_at": "time"},
    on_postgresql=f"SELECT {_COLUMNS}, CAST(NULL AS timestamptz) AS started_at FROM {{rows}} AS wanted "
    f"CROSS JOIN LATERAL ({_FIRST}) AS head JOIN delivery d ON d.id = head.id "
    f"UNION ALL {_UNDER_WAY} ORDER BY account_id, due, id",
)


@dataclass(slots=True)
class Unfinished:
    """What a lane has left to do: the first READ_AHEAD queued, in order; what the platform is to be asked
    about; and the calls that somebody began and has not ended, with their start (`started_at`)."""

    queued: list[Work] = field(default_factory=list)
    waiting: list[Work] = field(default_factory=list)
    left_open: list[Work] = field(default_factory=list)


def unfinished(session: Session, account_ids: Sequence[int]) -> dict[int, Unfinished]:
    """What these lanes have left to do, as of one moment; what waits for a person is left out."""
    found = {account_id: Unfinished() for account_id in account_ids}
    for row in _UNFINISHED.ask(session.connection(), [(account_id,) for account_id in account_ids]):
        work = Work(*row)
        work.state = State(work.state)
        lane = found[work.account_id]
        if work.state is State.QUEUED:
            lane.queued.append(work)
        elif work.state is State.SENDING:
            lane.left_open.append(work)
        else:
            lane.waiting.append(work)
    return found


# --- one transaction of a node ----------------------------------------------------------------------------

_BEGUN = {"id": "integer", "account_id": "integer", "calls": "integer", "fence": "integer"}
# The lane must still be the node's, under the fence it knows, and nobody may have moved the delivery. States
# are compared `IS TRUE`, which no index serves: rows are found by their key, never by way of all in a state.
_IS_MINE = (
    "delivery.id = begun.id AND delivery.calls = begun.calls AND NOT delivery.needs_person "
    "AND delivery.not_before <= :now AND begun.fence = (SELECT lane.fence FROM lane "
    "WHERE lane.account_id = begun.account_id AND lane.node = :node AND lane.lease_until > :now{open})"
)
_BEGIN_PUBLISHING = BatchStatement(
    "UPDATE delivery SET state = 'sending', attempts = attempts + 1, calls = begun.calls + 1, "
    f"fence = begun.fence FROM {{rows}} AS begun WHERE {_IS_MINE.format(open=' AND NOT lane.paused')} "
    "AND (delivery.state = 'queued') IS TRUE AND delivery.late_after >= :now "
    "AND NOT EXISTS (SELECT 1 FROM queue_switch WHERE stopped)",
    _BEGUN,
)
_BEGIN_ASKING = BatchStatement(
    "UPDATE delivery SET calls = begun.calls + 1, fence = begun.fence FROM {rows} AS begun "
    f"WHERE {_IS_MINE.format(open='')} AND (delivery.state IN ('uncertain', 'accepted')) IS TRUE",
    _BEGUN,
)
_BEGAN = BatchQuery(
    "SELECT delivery.id FROM {rows} AS begun JOIN delivery ON delivery.id = begun.id "
    "WHERE delivery.calls = begun.calls + 1 AND delivery.fence = begun.fence",
    _BEGUN,
    {"id": "integer"},
)
_ATTEMPTS = BatchStatement(
    "INSERT INTO attempt (delivery_id, number, purpose, node, started_at, outcome, platform_code, "
    "platform_text, request_id, remedy_zh, remedy_en) "
    "SELECT delivery_id, number, purpose, node, started_at, '', '', '', '', '', '' FROM {rows} AS begun",
    {"delivery_id": "integer", "number": "integer", "purpose": "text", "node": "text", "started_at": "time"},
)
_FINISH = BatchStatement(
    "UPDATE attempt SET finished_at = ended.at, outcome = ended.outcome, platform_code = ended.code, "
    "platform_text = ended.told, request_id = ended.request_id, remedy_zh = ended.remedy_zh, "
    "remedy_en = ended.remedy_en FROM {rows} AS ended "
    "WHERE attempt.delivery_id = ended.id AND attempt.number = ended.number",
    {
        "id": "integer",
        "number": "integer",
        "at": "time",
        "outcome": "text",
        "code": "text",
        "told": "text",
        "request_id": "text",
        "remedy_zh": "text",
        "remedy_en": "text",
    },
)
_SETTING = (
    "UPDATE delivery SET state = ended.state, not_before = ended.not_before, attempts = ended.attempts, "
    "looks = ended.looks, waiting_since = ended.waiting_since, needs_person = ended.needs_person, "
    "remote_id = ended.remote_id, url = ended.url, detail = ended.detail, outcome_code = ended.code, "
    "outcome_text = ended.told, published_at = ended.published_at FROM {rows} AS ended "
    "WHERE delivery.id = ended.id AND delivery.fence = ended.fence AND delivery.state = ended.from_state"
)
_SET = BatchStatement(
    _SETTING,
    {
        "id": "integer",
        "fence": "integer",
        "from_state": "text",
        "state": "text",
        "not_before": "time",
        "attempts": "integer",
        "looks": "integer",
        "waiting_since": "time",
        "needs_person": "boolean",
        "remote_id": "text",
        "url": "text",
        "detail": "json",
        "code": "text",
        "told": "text",
        "published_at": "time",
    },
    on_postgresql=f"{_SETTING} RETURNING delivery.id",
)
_MINE = BatchQuery(
    "SELECT d.id FROM {rows} AS ended JOIN delivery d "
    "ON d.id = ended.id AND d.fence = ended.fence AND d.state = ended.from_state",
    {"id": "integer", "fence": "integer", "from_state": "text"},
    {"id": "integer"},
)
_ADOPT = BatchStatement(
    "UPDATE delivery SET state = 'published', needs_person = false, remote_id = ended.remote_id, "
    "url = ended.url, published_at = ended.at FROM {rows} AS ended "
    "WHERE delivery.id = ended.id AND delivery.state = ended.from_state",
    {"id": "integer", "from_state": "text", "remote_id": "text", "url": "text", "at": "time"},
)
_MISS = BatchStatement(
    "UPDATE delivery SET state = 'missed', needs_person = true, outcome_code = 'late' FROM {rows} AS late "
    "WHERE delivery.id = late.id AND (delivery.state = 'queued') IS TRUE AND delivery.late_after < :now "
    "RETURNING delivery.id",
    {"id": "integer"},
)
_EVENTS = BatchStatement(
    "INSERT INTO delivery_event (delivery_id, at, from_state, to_state, actor, code, told) "
    "SELECT delivery_id, at, from_state, to_state, actor, code, told FROM {rows} AS happened",
    {
        "delivery_id": "integer",
        "at": "time",
        "from_state": "text",
        "to_state": "text",
        "actor": "text",
        "code": "text",
        "told": "text",
    },
)


class Page:
    """What a node writes in one transaction; its events go in together at the end (`close`)."""

    def __init__(self, session: Session, node: str, now: datetime) -> None:
        self._connection: Connection = session.connection()
        self._node = node
        self._now = now
        self._events: list[Event] = []

    def begin(self, works: Sequence[Work]) -> list[Work]:
        """Writes the attempts of calls that are about to be made; gives those that may be made.

        A work is left out when it was cancelled, moved or taken meanwhile, the queue was stopped, or the
        node lost its lane: the database decides. `Work.fence` must be the lane's. After the transaction is
        committed, and only then, the calls go out.
        """
        publishing = [work for work in works if work.purpose is Purpose.PUBLISH]
        asking = [work for work in works if work.purpose is not Purpose.PUBLISH]
        begun = [
            *self._begin(_BEGIN_PUBLISHING, publishing),
            *self._begin(_BEGIN_ASKING, asking),
        ]
        for work in begun:
            work.calls += 1
            work.started_at = self._now
            if work.purpose is Purpose.PUBLISH:
                work.attempts += 1
                self._add(work.id, State.QUEUED, State.SENDING)
        if begun:
            rows = [(work.id, work.calls, work.purpose, self._node, self._now) for work in begun]
            _ATTEMPTS.run(self._connection, rows)
        return begun

    def _begin(self, statement: BatchStatement, works: Sequence[Work]) -> Sequence[Work]:
        if not works:
            return ()
        rows = [(work.id, work.account_id, work.calls, work.fence) for work in works]
        changed = statement.run(self._connection, rows, node=self._node, now=self._now).rowcount
        if changed == len(works):
            return works
        began = {row[0] for row in _BEGAN.ask(self._connection, rows)} if changed else set()
        return [work for work in works if work.id in began]

    def end(self, ended: Sequence[Ended]) -> list[Ended]:
        """Writes how calls ended; gives those that this node may no longer write.

        Its lane was taken over, somebody else set the state, or a database that went away had kept the first
        writing after all. The attempts of those are finished all the same: what was heard is kept.
        """
        if not ended:
            return []
        _FINISH.run(self._connection, [_attempt_row(item) for item in ended])
        written = self._set(ended)
        for item in ended:
            if item.work.id in written and item.verdict.state is not _from_state(item.work):
                self._add(item.work.id, _from_state(item.work), item.verdict.state, *_said(item.verdict))
        return [item for item in ended if item.work.id not in written]

    def _set(self, ended: Sequence[Ended]) -> set[int]:
        """Sets the deliveries that are still as they were when the call began; gives their ids."""
        rows = [_delivery_row(item) for item in ended]
        if self._connection.dialect.name != "sqlite":
            return {row[0] for row in _SET.run(self._connection, rows)}
        # Asked first: SQLite gives what it RETURNs row by row, each behind all the senders (config/batch.py);
        # and in this transaction nobody comes between the question and the writing.
        mine = {row[0] for row in _MINE.ask(self._connection, [row[:3] for row in rows])}
        if mine:
            _SET.run(self._connection, rows)
        return mine

    def adopt_late_answer(self, item: Ended) -> bool:
        """A receipt that came after the lane was lost: it still settles a doubt, whoever holds the lane."""
        receipt = item.verdict.receipt
        if item.verdict.state is not State.PUBLISHED or receipt is None:
            return False
        for doubt in (State.UNCERTAIN, State.ACCEPTED):
            row = (
                item.work.id,
                doubt,
                storable(receipt.remote_id, 200),
                storable(receipt.url, 1000),
                item.at,
            )
            if _ADOPT.run(self._connection, [row]).rowcount:
                self._add(item.work.id, doubt, State.PUBLISHED, "late-answer")
                return True
        return False

    def miss(self, works: Iterable[Work]) -> set[int]:
        """Marks queued deliveries past their limit as missed: a person decides. Gives the ids that were."""
        rows = _MISS.run(self._connection, [(work.id,) for work in works], now=self._now)
        missed = {row[0] for row in rows}
        for delivery_id in sorted(missed):
            self._add(delivery_id, State.QUEUED, State.MISSED, "late")
        return missed

    def close(self) -> None:
        """Writes the events, in the order in which things happened."""
        events, self._events = self._events, []
        _write(self._connection, events)

    def _add(
        self, delivery_id: int, from_state: State, to_state: State, code: str = "", told: str = ""
    ) -> None:
        self._events.append(event(delivery_id, self._now, from_state, to_state, self._node, code, told))


# A row of `delivery_event`: delivery, when, from, to, who, code, words.
Event = tuple[int, datetime, str, str, str, str, str]


def event(
    delivery_id: int,
    at: datetime,
    from_state: State | str,
    to_state: State,
    actor: str,
    code: str = "",
    told: str = "",
) -> Event:
    """One row of `delivery_event`."""
    return (
        delivery_id,
        at,
        str(from_state),
        str(to_state),
        actor,
        storable(code, _CODE),
        storable(told, _TEXT),
    )


def write_events(session: Session, rows: Sequence[Event]) -> None:
    """Appends events in one statement."""
    _write(session.connection(), rows)


def _write(connection: Connection, rows: Sequence[Event]) -> None:
    if rows:
        _EVENTS.run(connection, rows)
        announcements.of_deliveries(connection, [(row[0], row[3], row[5]) for row in rows], rows[-1][1])


def _from_state(work: Work) -> State:
    return State.SENDING if work.purpose is Purpose.PUBLISH else work.state


def _said(verdict: Verdict) -> tuple[str, str]:
    """The platform's code and text, or what the receipt notes."""
    error = verdict.error
    if error is not None:
        return error.platform_code, error.platform_text
    if verdict.receipt is not None and verdict.receipt.note is not None:
        return "note", verdict.receipt.note.zh
    return "", ""


def _delivery_row(item: Ended) -> tuple[object, ...]:
    work, verdict, stands = item.work, item.verdict, item.stands
    code, told = _said(verdict)
    return (
        work.id,
        work.fence,
        _from_state(work),
        verdict.state,
        verdict.not_before,
        stands.attempts,
        verdict.looks,
        verdict.waiting_since,
        verdict.needs_person,
        storable(stands.remote_id, 200),
        storable(stands.url, 1000),
        _storable_detail(stands.detail),
        storable(code, _CODE),
        storable(told, _TEXT),
        item.at if verdict.state is State.PUBLISHED else None,
    )


def _storable_detail(detail: Mapping[str, str]) -> dict[str, str]:
    return {storable(name, _CODE): storable(value, 100_000) for name, value in detail.items()}


def _attempt_row(item: Ended) -> tuple[object, ...]:
    error = item.verdict.error
    code, told = _said(item.verdict)
    remedy = error.remedy if error else None
    return (
        item.work.id,
        item.work.calls,
        item.at,
        item.verdict.outcome[:16],
        storable(code, _CODE),
        storable(told, _TEXT),
        storable(error.request_id if error else "", 120),
        storable(remedy.zh if remedy else "", 500),
        storable(remedy.en if remedy else "", 500),
    )


def since_of(work: Work, margin: timedelta) -> datetime:
    """The moment from which `find` looks: a little before the doubtful call began."""
    return (work.waiting_since or work.started_at or work.due) - margin
