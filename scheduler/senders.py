"""Sender threads: they only call platforms. Everything is decided before and after by the dispatcher."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from queue import SimpleQueue

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
    Unauthorised,
    Uncertain,
    sending_before,
)
from scheduler.journal import Work, since_of
from scheduler.media import check_media
from scheduler.outcomes import Purpose

_log = structlog.get_logger("scheduler.senders")
_LOOK_BACK = timedelta(minutes=2)


@dataclass(frozen=True)
class Job:
    """One call to make: its attempt is committed."""

    work: Work
    connector: Connector
    access: Access
    outgoing: Outgoing


@dataclass(frozen=True)
class Answer:
    """How a call ended: a receipt, proof of absence (None, from `find`), or one of the six errors."""

    job: Job
    said: Receipt | ConnectorError | None


class Senders:
    """`count` threads that take jobs and give answers, in any order.

    `send_before()` tells until when (steady clock) the node surely holds its lanes: no write leaves later.
    """

    def __init__(self, count: int, send_before: Callable[[], float]) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.answers: SimpleQueue[Answer | None] = SimpleQueue()
        self._send_before = send_before
        self._threads = [
            threading.Thread(target=self._work, name=f"sender-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, job: Job) -> None:
        self._jobs.put(job)

    def stop(self) -> None:
        """Lets the threads end after what they have; does not wait for a call under way."""
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self.answers.put(Answer(job, self._said(job)))

    def _said(self, job: Job) -> Receipt | ConnectorError | None:
        try:
            return self._call_with_refresh(job)
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
        work = job.work
        if work.purpose is Purpose.FIND:
            return job.connector.find(job.access, job.outgoing, since_of(work, _LOOK_BACK))
        if work.purpose is Purpose.SETTLE:
            receipt = Receipt(ReceiptState.ACCEPTED, work.remote_id, work.url, work.detail)
            return job.connector.settle(job.access, receipt)
        check_media(job.outgoing)
        with sending_before(self._send_before()):
            return job.connector.publish(job.access, job.outgoing)
