"""A publishing node that takes its turns when it is told to, and whose calls end when they are told to.

The only place that knows the dispatcher's inside: a model needs turns it can repeat.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from config import Database
from config.clock import Clock
from scheduler import Dispatcher, Pace
from scheduler.dispatcher import Accounts
from scheduler.journal import Page
from scheduler.senders import Answer, Job, Senders

CUTS = ("at_begin", "before_commit", "after_commit")


class Steady:
    """The clock that cannot be set, stood still between steps."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class Link(Database):
    """A node's own way to the database, that can break once: before or after the commit."""

    cut = ""
    at_commit: Callable[[], None] | None = None  # done once, all being written and nothing committed

    @contextmanager
    def write(self, *, by_key: bool = False) -> Iterator[Session]:
        cut, self.cut = self.cut, ""
        if cut == "at_begin":
            raise _lost()
        with super().write(by_key=by_key) as session:
            yield session
            at_commit, self.at_commit = self.at_commit, None
            if at_commit is not None:
                at_commit()
            if cut == "before_commit":
                raise _lost()
        if cut == "after_commit":
            raise _lost()


def _lost() -> OperationalError:
    return OperationalError("COMMIT", None, ConnectionError("the database went away"))


class _Handed(Senders):
    """No threads: jobs are kept until the model makes the call."""

    def __init__(self, count: int) -> None:
        super().__init__(0)
        self.jobs: list[Job] = []

    def send(self, job: Job) -> None:
        self.jobs.append(job)


class SteppedNode:
    """One dispatcher, turn by turn."""

    def __init__(
        self, database: Database, clock: Clock, accounts: Accounts, folder: Path, pace: Pace
    ) -> None:
        self.link = Link(database.engine)
        self._clock = clock
        with patch("scheduler.dispatcher.Senders", _Handed):
            self._dispatcher = Dispatcher(self.link, clock, accounts, folder, pace)
        senders = self._dispatcher._senders
        assert isinstance(senders, _Handed)
        self._senders = senders
        self._heard: list[Answer] = []

    @property
    def name(self) -> str:
        return self._dispatcher.node

    def waits_its_turn(self) -> bool:
        """Has it something to begin within a second: as soon as a paced gate lets it through, say?"""
        now = self._clock.now()
        coming = self._dispatcher._holding.next_moment(now)
        return coming is not None and now < coming <= now + timedelta(seconds=1)

    def turn(self) -> list[Job]:
        """One turn of its loop; gives the jobs that were handed to the senders.

        A turn that fails without the database having gone away is a fault of the dispatcher's own.
        """
        heard, self._heard = self._heard, []
        cut = self.link.cut
        done = self._dispatcher.turn(heard)
        assert done or (cut and not self.link.cut), "the turn failed"
        jobs, self._senders.jobs = self._senders.jobs, []
        return jobs

    def once_read(self, act: Callable[[], object]) -> None:
        """Has `act` done once, in the midst of the next turn: its queues are read and nothing is begun."""
        holding = self._dispatcher._holding
        goes_on = holding.miss_late

        def first_act(session: Session, page: Page, now: datetime) -> None:
            holding.miss_late = goes_on  # type: ignore[method-assign]
            act()
            goes_on(session, page, now)

        holding.miss_late = first_act  # type: ignore[method-assign]

    def call(self, job: Job) -> Answer:
        """Makes the call as a sender would."""
        return Answer(job, self._senders._said(job))

    def hear(self, answer: Answer) -> None:
        """The answer waits for the node's next turn."""
        self._heard.append(answer)


@contextmanager
def steadied(steady: Steady) -> Iterator[None]:
    """Within this, leases and fences of the scheduler count by `steady`."""
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("scheduler.") and hasattr(module, "steady"):
                stack.enter_context(patch.object(module, "steady", steady))
        yield
