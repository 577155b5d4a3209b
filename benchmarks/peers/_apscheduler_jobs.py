"""Bare APScheduler 3, a job a post, on SQLite.

A job with a date leaves the store before it runs, so a kill would lose whatever waits for a thread. Here a
job comes again every minute until it has removed itself: the careful way to lose nothing with it.
"""

import logging
import threading
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from benchmarks.peers import _task

AGAIN_SECONDS = 60  # longer than a call

_engine = create_engine(_task.STORE, connect_args={"timeout": 30})


@event.listens_for(_engine, "connect")
def _tune(connection: object, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


scheduler = BackgroundScheduler(
    jobstores={"default": SQLAlchemyJobStore(engine=_engine)},
    executors={"default": ThreadPoolExecutor(_task.THREADS)},
    job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    timezone=UTC,
)
logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


def publish(post: _task.Task, retries: int) -> None:
    name = str(post["id"])
    try:
        _task.publish(post)
    except _task.RETRIED as error:
        again = datetime.now(UTC) + timedelta(seconds=_task.pause(error, retries))
        scheduler.modify_job(name, next_run_time=again, args=(post, retries + 1))
    else:
        scheduler.remove_job(name)


def fill() -> None:
    due = datetime.now(UTC)
    scheduler.start(paused=True)
    for post in _task.tasks():
        scheduler.add_job(
            publish,
            IntervalTrigger(seconds=AGAIN_SECONDS, start_date=due, timezone=UTC),
            id=str(post["id"]),
            args=(post, 0),
            next_run_time=due,
        )
    scheduler.shutdown()


def work() -> None:
    scheduler.start()
    threading.Event().wait()
