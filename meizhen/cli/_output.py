"""How commands show rows: a table for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import typer

from config.clock import SHANGHAI

Cell = str | int | float | bool | Decimal | date | None | Sequence[str] | Mapping[str, object]


def beijing(at: datetime) -> str:
    """A moment for people."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def show_json(value: object) -> None:
    """Prints `value` as one JSON document: times as ISO 8601 with offset, decimals as text."""
    typer.echo(as_json_text(value))


def as_json_text(value: object) -> str:
    """`value` as a JSON document: times as ISO 8601 with offset, decimals as text."""
    return json.dumps(value, ensure_ascii=False, indent=1, default=_plain)


def show_rows(rows: Sequence[Mapping[str, Cell]], titles: Mapping[str, str], *, as_json: bool) -> None:
    """Prints rows: all keys as JSON, or the columns of `titles` (key → heading) as a table."""
    if as_json:
        show_json(list(rows))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles.values():
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(_shown(row.get(key)) for key in titles))
    Console(soft_wrap=False).print(table)


def _shown(cell: Cell) -> str:
    """A cell for people: times in Beijing, unknown as a dash, no markup read from data."""
    from rich.markup import escape

    if cell is None or cell == "":
        return "–"
    if isinstance(cell, datetime):
        return beijing(cell)
    if isinstance(cell, bool):
        return "✓" if cell else "✗"
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return escape(str(cell))


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"  # in full: no exponent
    return str(value)
