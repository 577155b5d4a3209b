"""Dramatiq on Redis: acknowledged after the work by itself."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.cli import main, make_argument_parser
from dramatiq.middleware import CurrentMessage

from benchmarks.peers import _task

# A worker that died gives its posts back after half a minute, not after a whole one and a thousand commands.
broker = RedisBroker(url=_task.STORE, heartbeat_timeout=30_000, maintenance_chance=10_000)
broker.add_middleware(CurrentMessage())
dramatiq.set_broker(broker)


@dramatiq.actor(max_retries=None)
def publish(post: _task.Task) -> None:
    try:
        _task.publish(post)
    except _task.RETRIED as error:
        message = CurrentMessage.get_current_message()
        retries = message.options.get("retries", 0) if message else 0
        raise dramatiq.Retry(str(error), delay=int(1000 * _task.pause(error, retries))) from error


def fill() -> None:
    for post in _task.tasks():
        publish.send(post)


def work() -> None:
    arguments = [f"{__name__}:broker", "--processes", "1", "--threads", str(_task.THREADS)]
    raise SystemExit(main(make_argument_parser().parse_args(arguments)))
