"""A lane in the hands of a node: its next deliveries in memory, and which of them is to be done now."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from connectors import Access, Connector
from scheduler.deliveries import State
from scheduler.journal import READ_AHEAD, Work
from scheduler.lanes import Held


@dataclass
class HeldLane:
    """One account's work as this node sees it; the database is asked again before anything is sent."""

    lane: Held
    connector: Connector
    access: Access
    queued: deque[Work] = field(default_factory=deque)
    waiting: list[Work] = field(default_factory=list)
    busy: bool = False
    whole: bool = True  # False: there may be more queued than was read
    stale: bool = False  # something happened in the database: read again
    stopped: bool = False  # paused, here or for the whole queue

    def fill(self, queued: Iterable[Work], waiting: Iterable[Work]) -> None:
        """Takes what was just read."""
        self.queued = deque(queued)
        self.waiting = list(waiting)
        self.whole = len(self.queued) < READ_AHEAD
        self.stale = False

    def next(self) -> tuple[datetime, Work] | None:
        """What is to be done next, and when; None when there is nothing.

        A doubt comes before everything queued, so that order holds through retries and crashes; what the
        platform is still working on holds nothing up.
        """
        asked = min(self.waiting, key=lambda work: (work.not_before, work.id), default=None)
        candidates = [] if asked is None else [(asked.not_before, asked)]
        in_doubt = any(work.state is State.UNCERTAIN for work in self.waiting)
        if self.queued and not in_doubt and not self.stopped:
            head = self.queued[0]
            opens = self.lane.open_from
            candidates.append((max(head.not_before, opens) if opens else head.not_before, head))
        return min(candidates, key=lambda candidate: (candidate[0], candidate[1].id), default=None)

    def late(self, now: datetime) -> list[Work]:
        """Queued deliveries that are past their limit."""
        return [work for work in self.queued if work.late_after < now]

    def drop(self, ids: set[int]) -> None:
        """Forgets deliveries that left the queue."""
        self.queued = deque(work for work in self.queued if work.id not in ids)
        self.waiting = [work for work in self.waiting if work.id not in ids]

    def put_back(self, work: Work) -> None:
        """Files a delivery after its call: to the head again, among the waiting, or away."""
        self.drop({work.id})
        if work.state is State.QUEUED:
            self.queued.appendleft(work)
        elif work.state in (State.UNCERTAIN, State.ACCEPTED):
            self.waiting.append(work)
