"""Does jobs on a node: a bounded number of threads, each with one job at a time, from taking to end."""

import shutil
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog
from sqlmodel import Session

from config.clock import Clock
from config.database import LOST, Database
from config.errors import MeizhenError
from config.messages import for_page, speaking
from config.progress import Cancelled
from config.secrets import KeyRing
from config.settings import Settings
from organisation.api_keys import standing_by_key
from organisation.grants import standing_of
from organisation.job_leases import End, Entry, Lease, beat, end_job, hand_back, take_job
from organisation.jobs import ON_PAGE, Job, JobState, Order
from organisation.people import Person
from organisation.permissions import Act, Place, Standing, require

LEASE = timedelta(seconds=60)
_GIVEN, _MADE = "given", "made"
_LATER = timedelta(seconds=30)  # when what was cut off before still looks alive
TOLD_EVERY = 0.3  # seconds between two notes of one step
_MOST_PROBLEMS = 20
_JOIN_SECONDS = 5.0
_PAUSE_SECONDS = 10.0  # after a fault
_NOT_ALLOWED = "job.not_allowed"
_log = structlog.get_logger("jobs")


class Stopped(Exception):
    """The node ends: the job is handed back as it is, and taken up by the next."""


class Overtaken(Exception):
    """The job is another node's by now."""


@dataclass(frozen=True)
class Done:
    """What a job came to: a small result, and what the ledger is to tell of it."""

    result: Mapping[str, object] = field(default_factory=dict)
    entries: Sequence[Entry] = ()


@dataclass(frozen=True)
class Tools:
    """What kinds work with: the node's."""

    settings: Settings
    database: Database
    keys: KeyRing
    clock: Clock


class JobKind(ABC):
    """A kind of job, by its `name`."""

    name: str

    @abstractmethod
    def run(self, work: "Work", person: Standing) -> Done:
        """Does it, or raises MeizhenError; `Cancelled` of `work.tell` goes through, with nothing half done.

        `person` is what the asker may just now.
        """

    def passes(self, code: str) -> bool:
        """Does a refusal of this code pass by itself: a dead node's work that still looks alive?"""
        return False

    def abandon(self, work: "Work") -> None:
        """Takes back what an earlier taking, whose node died, left half done: the job was called off."""
        return

    def tidy(self, work: "Work") -> None:
        """Removes what the job was given, once it is done."""
        return


class Work:
    """A job under way: who it is for, and how it tells its steps."""

    def __init__(self, job: Job, folder: Path, at: "_Desk") -> None:
        self.job = job
        self._folder = folder
        self._desk = at
        self._step = ""
        self._told = 0.0

    @property
    def given(self) -> Path:
        """The folder of what the asker gave to it (`give`)."""
        return self._folder / _GIVEN

    @property
    def folder(self) -> Path:
        """The folder of what it makes."""
        made = self._folder / _MADE
        made.mkdir(parents=True, exist_ok=True, mode=0o700)
        return made

    def tell(self, step: str, done: int, total: int) -> None:
        """Notes how far it is. Raises Cancelled, Stopped or Overtaken where it is not to go on."""
        if self._note(step, done, total):
            raise Cancelled

    def tell_on(self, step: str, done: int, total: int) -> None:
        """The same for work that is past calling off."""
        self._note(step, done, total)

    def _note(self, step: str, done: int, total: int) -> bool:
        if self._desk.stopping.is_set():
            raise Stopped
        if self._desk.overtaken.is_set():
            raise Overtaken
        if step == self._step and time.monotonic() - self._told < TOLD_EVERY:
            return self._desk.cancelled.is_set()
        self._step, self._told = step, time.monotonic()
        self._desk.beat(step=step[:120], done=done, total=total)
        if self._desk.overtaken.is_set():
            raise Overtaken
        return self._desk.cancelled.is_set()


class _Desk:
    """What a job's thread and its heart share."""

    def __init__(self, runner: "JobRunner", lease: Lease) -> None:
        self._runner = runner
        self.lease = lease
        self.stopping = runner.stopping
        self.cancelled = threading.Event()
        self.overtaken = threading.Event()

    def beat(self, **progress: object) -> None:
        runner = self._runner
        asked = beat(runner.database, self.lease, runner.clock.now() + LEASE, **progress)
        if asked is None:
            self.overtaken.set()
        elif asked:
            self.cancelled.set()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Within this the job stays ours, however long a step takes."""
        over = threading.Event()

        def go_on() -> None:
            while not over.wait(LEASE.total_seconds() / 6):
                with suppress(*LOST):
                    self.beat()

        heart = threading.Thread(target=go_on, name="job heart", daemon=True)
        heart.start()
        try:
            yield
        finally:
            over.set()
            heart.join()


class JobRunner:
    """The jobs of a node. `folder` is where jobs have theirs."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        clock: Clock,
        kinds: Mapping[str, JobKind],
        folder: Path,
        *,
        node: str,
        threads: int = 1,
        tick: timedelta = timedelta(seconds=1),
    ) -> None:
        self.database = database
        self.keys = keys
        self.clock = clock
        self.stopping = threading.Event()
        self._kinds = kinds
        self._folder = folder
        self._node = node
        self._threads = threads
        self._tick = tick.total_seconds()
        self._woken = threading.Condition()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within this, jobs are done. At its end those under way are handed back at their next step."""
        threads = [
            threading.Thread(target=self._go_on, name=f"jobs {number}", daemon=True)
            for number in range(self._threads)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            self.wake()
            for thread in threads:
                thread.join(_JOIN_SECONDS)

    def wake(self) -> None:
        """Has the threads look for jobs now."""
        with self._woken:
            self._woken.notify_all()

    def _go_on(self) -> None:
        while not self.stopping.is_set():
            try:
                if self.run_next():
                    continue
                pause = self._tick
            except LOST as error:
                _log.error("jobs_database_unreachable", reason=type(error).__name__)
                pause = _PAUSE_SECONDS
            except Exception as error:  # whatever it was, this thread is there for the next job
                _log.error("jobs_failed", error=type(error).__name__, exc_info=error)
                pause = _PAUSE_SECONDS
            with self._woken:
                if not self.stopping.is_set():
                    self._woken.wait(pause)

    def run_next(self) -> bool:
        """Does the next job in this thread; False where there is none."""
        taken = take_job(
            self.database, self.keys, self._kinds.keys(), node=self._node, now=self.clock.now(), lease=LEASE
        )
        if taken is None:
            return False
        job, lease = taken
        desk = _Desk(self, lease)
        work = Work(job, self._folder / job.token, desk)
        with desk.beating(), speaking(job.language):
            self._do(work, lease)
        return True

    def _do(self, work: Work, lease: Lease) -> None:
        job, kind = work.job, self._kinds[work.job.kind]
        try:
            end = self._through(work, kind)
        except Stopped:
            hand_back(self.database, lease, self.clock.now())
            return
        except Overtaken:
            _log.warning("job_overtaken", job=job.id, kind=job.kind, taking=lease.number)
            return
        except LOST as error:
            _log.error("job_lost_database", job=job.id, kind=job.kind, reason=type(error).__name__)
            hand_back(self.database, lease, self.clock.now() + _LATER)
            return
        except MeizhenError as error:
            if kind.passes(error.code) and lease.number > 1:
                hand_back(self.database, lease, self.clock.now() + _LATER)
                return
            end = End(JobState.FAILED, {}, _told(error))
        except Exception as error:
            # Of what an exception says, nobody knows whether it holds a secret: the log's own rules apply.
            _log.error("job_failed", job=job.id, kind=job.kind, error=type(error).__name__, exc_info=error)
            end = End(JobState.FAILED, {}, MeizhenError("job.fault").as_json())
        if end_job(self.database, self.keys, lease, end, self.clock.now()):
            shutil.rmtree(work.given, ignore_errors=True)
            if end.state == JobState.DONE:
                kind.tidy(work)

    def _through(self, work: Work, kind: JobKind) -> End:
        job = work.job
        shutil.rmtree(self._folder / job.token / _MADE, ignore_errors=True)
        try:
            if job.cancel_at is not None:
                raise Cancelled
            with self.database.read() as session:
                person = require_still(session, job, self.clock)
            done = kind.run(work, person)
        except Cancelled:
            kind.abandon(work)
            return End(JobState.CANCELLED)
        except MeizhenError as error:
            if error.code == _NOT_ALLOWED:
                kind.abandon(work)
            raise
        return End(JobState.DONE, done.result, {}, done.entries)


def require_still(session: Session, job: Job, clock: Clock) -> Standing:
    """What the asker may just now, through the key they asked with.

    Raises MeizhenError `job.not_allowed` unless that is still this, at all the job's places.
    """
    try:
        if job.api_key_id is not None:
            person = standing_by_key(session, job.api_key_id, clock.now())
        else:
            person = standing_of(session, session.get_one(Person, job.person_id))
        for path in job.places:
            require(person, Act(job.act), Place(path))
    except MeizhenError:
        raise MeizhenError(_NOT_ALLOWED, act=job.act) from None
    return person


def give(folder: Path, order: Order, name: str, content: bytes) -> None:
    """Lays a file down for the job that will be asked for by this order."""
    given = folder / order.token / _GIVEN
    given.mkdir(parents=True, exist_ok=True, mode=0o700)
    (given / name).write_bytes(content)


def made_file(folder: Path, job: Job, name: str) -> Path:
    """A file that the job made. Raises MeizhenError `job.no_file` for any other name."""
    path = folder / job.token / _MADE / name
    if name not in job.files or path.is_symlink() or not path.is_file():
        raise MeizhenError("job.no_file", number=job.known_id)
    return path


def sweep_folders(folder: Path, kept: set[str], *, before: float) -> None:
    """Removes the folders of jobs that are not `kept`; those newer than `before` are just being asked for."""
    for one in folder.glob("*"):
        if one.name not in kept and one.lstat().st_mtime < before:
            shutil.rmtree(one, ignore_errors=True)


def _told(error: MeizhenError) -> dict[str, object]:
    """As programs are told of it, and for whoever reads it in the console."""
    with for_page():
        on_page = _shortened(error)
    return _shortened(error) | {ON_PAGE: on_page}


def _shortened(error: MeizhenError) -> dict[str, object]:
    told = error.as_json()
    problems = told.get("problems")
    return told | {"problems": problems[:_MOST_PROBLEMS]} if isinstance(problems, list) else told
