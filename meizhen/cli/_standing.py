"""How the queue's standing is shown: whole for one look, live on a terminal, a line a look elsewhere."""

from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING

from config.clock import SHANGHAI
from config.messages import text

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table

    from scheduler.status import QueueStatus

Look = Callable[[], "tuple[datetime, QueueStatus | None]"]


def watch(look: Look, every: float, console: "Console", stop: Event) -> None:
    """Shows what `look` sees every so many seconds, until `stop`."""
    if console.is_terminal:
        _live(look, every, console, stop)
    else:
        for now, standing in _looks(look, every, stop):
            console.out(line(standing, now), highlight=False)
    console.out("")


def _live(look: Look, every: float, console: "Console", stop: Event) -> None:
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        for now, standing in _looks(look, every, stop):
            live.update(whole(standing, now), refresh=True)


def _looks(look: Look, every: float, stop: Event) -> "Iterator[tuple[datetime, QueueStatus | None]]":
    while not stop.is_set():
        yield look()
        stop.wait(every)


def line(standing: "QueueStatus | None", now: datetime) -> str:
    """One look in one line."""
    if standing is None:
        return f"{_time(now)} {text('queue.no_answer')}"
    counts = ", ".join(
        f"{text(f'delivery.state_{state}')} {count}" for state, count in standing.states.items() if count
    )
    held = sum(standing.nodes.values())
    parts = [*_warnings(standing), _summary(standing), counts]
    parts.append(text("queue.nodes", nodes=len(standing.nodes), lanes=held))
    return " ".join([_time(now), *filter(None, parts)])


def whole(standing: "QueueStatus | None", now: datetime) -> "Group":
    """One look whole: warnings in red, the summary, then states by platform and the nodes."""
    from rich.console import Group
    from rich.text import Text

    head = Text(_time(now), style="dim")
    if standing is None:
        return Group(head, Text(text("queue.no_answer"), style="bold red"))
    warnings = [Text(told, style="bold red") for told in _warnings(standing)]
    return Group(head, *warnings, Text(_summary(standing)), *_tables(standing))


def _tables(standing: "QueueStatus") -> "list[Table]":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    names = list(standing.platforms)
    states = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    states.add_column(text("queue.state"))
    for title in (text("queue.count"), *map(escape, names)):
        states.add_column(title, justify="right")
    # Only what there is: the nodes below must still fit a terminal of 24 lines.
    for state, count in ((state, count) for state, count in standing.states.items() if count):
        each = [str(standing.platforms[name].states.get(state, 0)) for name in names]
        states.add_row(text(f"delivery.state_{state}"), str(count), *each)
    states.add_section()
    due = [str(standing.platforms[name].due) for name in names]
    states.add_row(text("queue.due"), str(standing.due), *due)
    oldest = [_time(standing.platforms[name].oldest_due) for name in names]
    states.add_row(text("queue.oldest"), _time(standing.oldest_due), *oldest)
    if not standing.nodes:
        return [states]
    nodes = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    nodes.add_column(text("queue.node"))
    nodes.add_column(text("queue.lanes"), justify="right")
    for node, lanes in standing.nodes.items():
        nodes.add_row(escape(node), str(lanes))
    return [states, nodes]


def _warnings(standing: "QueueStatus") -> list[str]:
    told = []
    if standing.idle_since is not None:
        told.append(text("queue.idle_alarm", since=_time(standing.idle_since)))
    if standing.stopped:
        told.append(text("queue.stopped"))
    if standing.notices:
        kinds = ", ".join(
            f"{text(f'queue.notice_{kind}')} {count}" for kind, count in standing.notices.items()
        )
        told.append(text("queue.open_notices", count=sum(standing.notices.values()), kinds=kinds))
    return told


def _summary(standing: "QueueStatus") -> str:
    return text(
        "queue.status",
        due=standing.due,
        oldest=_time(standing.oldest_due),
        person=standing.needs_person,
        paused=standing.paused_accounts,
    )


def _time(at: datetime | None) -> str:
    return "–" if at is None else at.astimezone(SHANGHAI).strftime("%m-%d %H:%M:%S")
