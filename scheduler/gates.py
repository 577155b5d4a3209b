"""Gates: what shares a platform's limits. A shut one holds all its accounts; then it is paced.

A platform that says "slow down" shuts the gate until the time it names, for every node (table `gate`), and
within this node at once: what is already handed to the senders stays here. After that the node sends a little
slower than what the platform had taken, and very slowly faster again: a limit is then met once in a while
instead of by every second request.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Field, Session, SQLModel, col, select

from config.batch import BatchStatement
from config.clock import Clock
from connectors import steady

_SECOND = timedelta(seconds=1)
_BACK_OFF = 0.9  # of what the platform took in the second before it refused
_GROWTH, _FREE_GROWTH = 1.02, 1.25  # a second; the second once nothing was refused for `_CALM`
_CALM = timedelta(seconds=60)
_UNPACED = 10_000.0  # a second: no pace worth keeping
_BURST_SECONDS = 0.05
_FRESH_SECONDS = 0.05


class GateRow(SQLModel, table=True):
    """A gate that was shut, for all nodes. `key` is `Connector.gate`."""

    __tablename__ = "gate"

    key: str = Field(primary_key=True, max_length=160)
    shut_until: datetime
    code: str = Field(default="", max_length=80)


_SHUT = BatchStatement(
    "INSERT INTO gate (key, shut_until, code) SELECT key, shut_until, code FROM {rows} AS told WHERE true "
    "ON CONFLICT (key) DO UPDATE SET shut_until = excluded.shut_until, code = excluded.code "
    "WHERE gate.shut_until < excluded.shut_until",
    {"key": "text", "shut_until": "time", "code": "text"},
)


class Gate:
    """One gate as this node sees it. Senders ask `shut_until`; the dispatcher alone changes the pace."""

    def __init__(self, key: str, clock: Clock) -> None:
        self.key = key
        self._clock = clock
        self._shut_until: datetime | None = None
        self._taken: deque[datetime] = deque()  # when the platform took something, within the last second
        self._rate: float | None = None  # calls a second; None is as many as will go
        self._tokens = 1.0
        self._counted_at = clock.now()
        self._refused_at = clock.now()
        self._probing = False  # after it was shut: one call first
        self._probe_under_way = False

    def shut_until(self) -> datetime | None:
        """Until when nothing may leave; None when it is open. From any thread."""
        until = self._shut_until
        return until if until is not None and self._clock.now() < until else None

    def shut(self, until: datetime) -> None:
        """The platform said: not before `until`. From any thread; never shortens a longer wait."""
        known = self._shut_until
        if known is None or until > known:
            self._shut_until = until

    def refused(self, now: datetime) -> None:
        """Notes that the platform slowed us down: once for all calls of one moment."""
        self._probe_under_way = False
        if self._probing:
            return
        self._forget_old(now)
        taken = max(1.0, _BACK_OFF * len(self._taken))
        self._rate = taken if self._rate is None else min(taken, self._rate)
        self._refused_at = self._counted_at = now
        self._tokens = 1.0
        self._probing = True

    def took(self, now: datetime) -> None:
        """Notes a call that the platform answered with anything but "slow down"."""
        self._taken.append(now)
        self._forget_old(now)
        if self._probe_under_way:
            self._probing = self._probe_under_way = False

    def passable(self, now: datetime) -> bool:
        """Would one more call be let through?"""
        opens = self.open_at(now)
        return opens is not None and opens <= now

    def pass_one(self, now: datetime) -> bool:
        """May one more call begin now? Counts it."""
        if self.shut_until() is not None:
            return False
        if self._probing:
            if self._probe_under_way:
                return False
            self._probe_under_way = True
            return True
        self._refill(now)
        if self._rate is None:
            return True
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def put_back(self) -> None:
        """A call that was let through was not made after all."""
        if self._probe_under_way:
            self._probe_under_way = False
        elif self._rate is not None:
            self._tokens += 1.0

    def open_at(self, now: datetime) -> datetime | None:
        """When the next call may begin; None while the answer to a probe decides."""
        shut = self.shut_until()
        if shut is not None:
            return shut
        if self._probing:
            return None if self._probe_under_way else now
        self._refill(now)
        if self._rate is None or self._tokens >= 1.0:
            return now
        return now + timedelta(seconds=(1.0 - self._tokens) / self._rate)

    def _refill(self, now: datetime) -> None:
        passed = (now - self._counted_at).total_seconds()
        self._counted_at = now
        if self._rate is None or passed <= 0:  # a clock that went back gives nothing
            return
        growth = _GROWTH if now - self._refused_at < _CALM else _FREE_GROWTH
        self._rate *= growth ** min(passed, 1.0)
        self._tokens = min(max(1.0, self._rate * _BURST_SECONDS), self._tokens + passed * self._rate)
        if self._rate > _UNPACED:
            self._rate = None

    def _forget_old(self, now: datetime) -> None:
        while self._taken and now - self._taken[0] > _SECOND:
            self._taken.popleft()


class Gates:
    """The gates this node has met."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Gate] = {}
        self._read_at = 0.0

    def of(self, key: str) -> Gate:
        """The gate of that key, open until the platform says otherwise."""
        gate = self._known.get(key)
        if gate is None:
            gate = self._known[key] = Gate(key, self._clock)
        return gate

    def read_again(self, session: Session, now: datetime) -> None:
        """Reads where the last reading is not quite fresh."""
        if steady() - self._read_at >= _FRESH_SECONDS:
            self.read(session, now)

    def read(self, session: Session, now: datetime) -> None:
        """Learns which gates other nodes, or this one before its restart, found shut."""
        self._read_at = steady()
        for key, until in session.exec(
            select(GateRow.key, GateRow.shut_until).where(col(GateRow.shut_until) > now)
        ):
            gate = self.of(key)
            if gate.shut_until() is None:
                gate.shut(until)
                gate.refused(now)

    @staticmethod
    def write(session: Session, shut: Mapping[str, tuple[datetime, str]]) -> None:
        """Tells all nodes: by gate until when it is shut, and the platform's code."""
        if shut:
            rows = [(key, until, code[:80]) for key, (until, code) in sorted(shut.items())]
            _SHUT.run(session.connection(), rows)
