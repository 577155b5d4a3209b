"""What goes out: posts, their deliveries to accounts, and the machine that sends each once."""

from scheduler.dispatcher import Dispatcher, Pace
from scheduler.periodic import register_periodic
from scheduler.queue import Enqueued, enqueue
from scheduler.review import approve, send_back, submit
from scheduler.status import queue_status
from scheduler.transitions import cancel, pause, reschedule, resolve, resume, retry

__all__ = [
    "Dispatcher",
    "Enqueued",
    "Pace",
    "approve",
    "cancel",
    "enqueue",
    "pause",
    "queue_status",
    "register_periodic",
    "reschedule",
    "resolve",
    "resume",
    "retry",
    "send_back",
    "submit",
]
