"""Celery on Redis, as its documentation advises for tasks that must not be lost."""

from typing import Any

from celery import Celery

from benchmarks.peers import _task

app = Celery("posts", broker=_task.STORE)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # Longer than the longest call and pause together; a worker that died gives its posts back after it.
        "visibility_timeout": 60,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    },
)


@app.task(name="publish", bind=True, max_retries=None)
def publish(self: Any, post: _task.Task) -> None:
    try:
        _task.publish(post)
    except _task.RETRIED as error:
        raise self.retry(exc=error, countdown=_task.pause(error, self.request.retries)) from error


def fill() -> None:
    for post in _task.tasks():
        publish.delay(post)


def work() -> None:
    app.worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={_task.THREADS}",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=ERROR",
        ]
    )
