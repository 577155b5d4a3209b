"""A lane in the hands of a node: its next deliveries in memory, and which of them is to be done now."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from connectors import Access, Connector
from scheduler.deliveries import State
from scheduler.gates import Gate
from scheduler.journal import READ_AHEAD, Work
from scheduler.lanes import Held
from scheduler.senders import Tenure


@dataclass(slots=True, eq=False)
class HeldLane:
    """One account's work as this node sees it; the database is asked again before anything is sent."""

    lane: Held
    connector: Connector
    access: Access
    tenure: Tenure
    gate: Gate
    queued: deque[Work] = field(default_factory=deque)
    waiting: list[Work] = field(default_factory=list)
    busy: bool = False
    whole: bool = True  # False: there may be more queued than was read
    stale: bool = False  # something happened in the database: read again
    stopped: bool = False  # paused, here or for the whole queue
    first_late: datetime | None = None  # when the first of what is queued becomes late

    def fill(self, queued: Iterable[Work], waiting: Iterable[Work]) -> None:
        """Takes what was just read."""
        self.queued = deque(queued)
        self.waiting = list(waiting)
        self.whole = len(self.queued) < READ_AHEAD
        self.stale = False
        self.first_late = min((work.late_after for work in self.queued), default=None)

    def needs_reading(self) -> bool:
        """Must the database be read before anything is decided?"""
        return not self.busy and (self.stale or (not self.queued and not self.whole))

    def next(self) -> tuple[datetime, Work] | None:
        """What is to be done next, and when; None when there is nothing. A shut gate is counted in.

        A doubt comes before everything queued, so that order holds through retries and crashes; what the
        platform is still working on holds nothing up.
        """
        chosen = self._next_asked()
        in_doubt = any(work.state is State.UNCERTAIN for work in self.waiting)
        if self.queued and not self.stopped and not in_doubt:
            head = self.queued[0]
            opens = self.lane.open_from
            at = head.not_before if opens is None else max(head.not_before, opens)
            if chosen is None or (at, head.id) < (chosen[0], chosen[1].id):
                chosen = at, head
        shut = self.gate.shut_until()
        return chosen if chosen is None or shut is None else (max(chosen[0], shut), chosen[1])

    def _next_asked(self) -> tuple[datetime, Work] | None:
        if not self.waiting:
            return None
        asked = min(self.waiting, key=lambda work: (work.not_before, work.id))
        return asked.not_before, asked

    def late(self, now: datetime) -> list[Work]:
        """Queued deliveries that are past their limit."""
        if self.first_late is None or self.first_late >= now:
            return []
        return [work for work in self.queued if work.late_after < now]

    def drop(self, ids: set[int]) -> None:
        """Forgets deliveries that left the queue."""
        if self.queued and self.queued[0].id in ids and len(ids) == 1:
            self.queued.popleft()
        else:
            self.queued = deque(work for work in self.queued if work.id not in ids)
        if self.waiting:
            self.waiting = [work for work in self.waiting if work.id not in ids]

    def put_back(self, work: Work) -> None:
        """Files a delivery after its call: to the head again, among the waiting, or away."""
        self.drop({work.id})
        if work.state is State.QUEUED:
            if self.queued and (self.queued[0].due, self.queued[0].id) < (work.due, work.id):
                self.stale = True  # queued meanwhile for an earlier time: its place is read again
            self.queued.appendleft(work)
            self.first_late = min(self.first_late or work.late_after, work.late_after)
        elif work.state in (State.UNCERTAIN, State.ACCEPTED):
            self.waiting.append(work)
