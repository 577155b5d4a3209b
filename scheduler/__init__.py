"""What goes out: posts, their deliveries to accounts, and the machine that sends each once."""

from scheduler.dispatcher import Dispatcher, Pace
from scheduler.queue import Enqueued, enqueue, queue_status
from scheduler.transitions import cancel, reschedule, resolve, retry

__all__ = [
    "Dispatcher",
    "Enqueued",
    "Pace",
    "cancel",
    "enqueue",
    "queue_status",
    "reschedule",
    "resolve",
    "retry",
]
