"""Huey on Redis. It takes a task off its queue before the work and has no acknowledgement after it."""

from huey import RedisHuey
from huey.api import Task
from huey.exceptions import RetryTask

from benchmarks.peers import _task

huey = RedisHuey("posts", url=_task.STORE, results=False)


@huey.task(context=True)
def publish(post: _task.Task, retries: int = 0, task: Task | None = None) -> None:
    assert task is not None
    try:
        _task.publish(post)
    except _task.RETRIED as error:
        task.kwargs["retries"] = retries + 1
        raise RetryTask(str(error), delay=_task.pause(error, retries)) from error


def fill() -> None:
    for post in _task.tasks():
        publish(post)


def work() -> None:
    huey.create_consumer(workers=_task.THREADS, worker_type="thread", periodic=False).run()
