"""What a process that lives long asks of Python and of the machine: to collect less, to be told to stop."""

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_YOUNG = 20_000  # new objects before the youngest are looked through; Python's 700 suit a short script


def live_long() -> None:
    """Leaves what is there out of every later collection: it stays as long as the process does.

    Measured with 32 senders: a tenth of a node's CPU went into looking through it again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)


@contextmanager
def stopping_by_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set: what is under way is finished, then the process ends."""
    stop = threading.Event()

    def obey(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, obey) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
