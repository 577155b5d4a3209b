"""What a process that lives long asks of Python, once, when all is imported."""

import gc

_YOUNG = 20_000  # new objects before the youngest are looked through; Python's 700 suit a short script


def live_long() -> None:
    """Leaves what is there out of every later collection: it stays as long as the process does.

    Measured with 32 senders: a tenth of a node's CPU went into looking through it again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
