"""How long work tells how far it is, and how it is called off between its steps."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told before each step: its name (and of what, after a blank), steps done, steps in all (0: not known).

It may raise `Cancelled`, and is never called while a transaction is open.
"""


class Cancelled(Exception):
    """Somebody called the work off: it leaves what it has not finished as if it had never begun."""


def tell_nobody(_step: str, _done: int, _total: int) -> None:
    """For work that nobody waits for."""
