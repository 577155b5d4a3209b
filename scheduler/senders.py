"""Sender threads: they only call platforms. Everything is decided before and after by the dispatcher."""

import threading
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue

import structlog

from config.errors import MeizhenError
from connectors import (
    Access,
    Connector,
    ConnectorError,
    Label,
    NeedsPerson,
    Outgoing,
    Receipt,
    ReceiptState,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
    fitted,
    sending_before,
    steady,
)
from scheduler.gates import Gate
from scheduler.journal import Work, since_of
from scheduler.media import check_media
from scheduler.outcomes import Purpose

_log = structlog.get_logger("scheduler.senders")
_LOOK_BACK = timedelta(minutes=2)
_SLOW_SECONDS = 0.5  # a call that takes longer gets a stand-in, so that it holds nobody up
_MOST_THREADS = 512


@dataclass(slots=True)
class Tenure:
    """Until when (steady clock) a node surely holds one lane; only renewing that very lane moves it on."""

    until: float

    def ends(self) -> float:
        return self.until


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One call to make: its attempt is committed."""

    work: Work
    connector: Connector
    access: Access
    outgoing: Outgoing
    tenure: Tenure
    gate: Gate


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """How a call ended: a receipt, proof of absence (None, from `find`), or one of the six errors.

    `seconds` is what the call took; 0 where none was made.
    """

    job: Job
    said: Receipt | ConnectorError | None
    seconds: float = 0.0


class Senders:
    """`count` threads that take jobs and give answers, in any order; more while calls are slow."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.answers: SimpleQueue[Answer | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._calls: dict[int, float] = {}  # by thread: when its call began
        self._threads = 0
        self._wanted = count
        self._stopped = False
        for _ in range(count):
            self._start()

    def send(self, job: Job) -> None:
        self._jobs.put(job)

    def slow(self) -> int:
        """How many calls take so long that others must not wait for their threads."""
        since = steady() - _SLOW_SECONDS
        return sum(began < since for began in list(self._calls.values()))

    def relieve(self) -> None:
        """Puts a stand-in beside every slow call; those that are not needed any more end by themselves."""
        self._wanted = min(self._count + self.slow(), _MOST_THREADS)
        while not self._stopped and self._threads < self._wanted and not self._jobs.empty():
            self._start()

    def stop(self) -> None:
        """Lets the threads end; jobs not begun come back as not called. Waits for no call under way."""
        self._stopped = True
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is not None:
                told = "not called: the node was stopped"
                self.answers.put(
                    Answer(job, Throttled(told, until=job.access.now(), platform_code="held-back"))
                )
        for _ in range(self._threads):
            self._jobs.put(None)

    def _start(self) -> None:
        with self._lock:
            self._threads += 1
        threading.Thread(target=self._work, name=f"sender-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        me = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            began = self._calls[me] = steady()
            said = self._said(job)
            del self._calls[me]
            self.answers.put(Answer(job, said, steady() - began))
            if self._is_spare():
                return

    def _is_spare(self) -> bool:
        """Is this thread one too many? Then it has left the count."""
        if self._threads <= self._wanted or self._stopped:
            return False
        with self._lock:
            if self._threads <= self._wanted:
                return False
            self._threads -= 1
            return True

    def _said(self, job: Job) -> Receipt | ConnectorError | None:
        try:
            self._wait_at_gate(job.gate)
            return self._call_with_refresh(job)
        except Throttled as error:
            if error.app_wide:
                job.gate.shut(error.until)  # at once: what is handed over already stays here
            return error
        except ConnectorError as error:
            return error
        except MeizhenError as error:
            # Raised before anything was sent: a stored file is missing or has changed.
            remedy = Label(error.remedy("zh"), error.remedy("en"))
            return Refused(str(error), platform_code=error.code, remedy=remedy)
        except Exception as error:
            # A fault of the connector's own: what it did until then is not known.
            _log.exception("connector_failed", account=job.access.account, delivery=job.work.id)
            return Uncertain(f"{type(error).__name__} in the connector", platform_code="internal")

    @staticmethod
    def _wait_at_gate(gate: Gate) -> None:
        until = gate.shut_until()
        if until is not None:
            told = "not called: the platform had just asked everybody to wait"
            raise Throttled(told, until=until, platform_code="held-back", app_wide=True)

    def _call_with_refresh(self, job: Job) -> Receipt | None:
        try:
            return self._call(job)
        except Unauthorised:
            job.connector.refresh(job.access)
        try:
            return self._call(job)
        except Unauthorised as error:
            raise NeedsPerson(
                error.platform_text, platform_code=error.platform_code, remedy=error.remedy
            ) from None

    def _call(self, job: Job) -> Receipt | None:
        work, outgoing = job.work, fitted(job.connector, job.outgoing)
        if work.purpose is Purpose.FIND:
            return job.connector.find(job.access, outgoing, since_of(work, _LOOK_BACK))
        if work.purpose is Purpose.SETTLE:
            receipt = Receipt(ReceiptState.ACCEPTED, work.remote_id, work.url, work.detail)
            return job.connector.settle(job.access, receipt)
        check_media(outgoing)
        with sending_before(job.tenure.ends):
            return job.connector.publish(job.access, outgoing)
