"""How far a backup or a restore is, on standard error: a line a step, and one every few seconds."""

import time

import typer

from config.messages import text
from config.progress import Progress

_SECONDS = 5.0


def telling() -> Progress:
    """Tells each step once at its beginning, then now and then."""
    last_step, last_time = "", 0.0

    def tell(step: str, done: int, total: int) -> None:
        nonlocal last_step, last_time
        now = time.monotonic()
        if step == last_step and now - last_time < _SECONDS:
            return
        last_step, last_time = step, now
        far = f" {100 * done // total} %" if total else f" {done}" if done else ""
        typer.echo(f"… {text(f'backup.step_{step}')}{far}", err=True)

    return tell
