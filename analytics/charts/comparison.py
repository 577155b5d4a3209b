"""Bars of this week beside last week's, a pair an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.charts.drawing import (
    BESIDE,
    COLOURS,
    GREY,
    INK,
    PALE,
    blank_sheet,
    box,
    most,
    said,
    save,
    short_number,
    signed_share,
    write,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Inches.
_MARGIN, _HEAD, _ROW, _BAR, _KEY, _CHANGE = 0.35, 0.75, 0.4, 0.13, 0.3, 0.75
_LEGEND = (("this_week", COLOURS[0]), ("last_week", BESIDE))


@dataclass(frozen=True)
class Pair:
    """One name with its value this week and last week; None is unknown."""

    name: str
    this: Decimal | None
    last: Decimal | None


def week_on_week_picture(pairs: Sequence[Pair], title: str, path: Path) -> tuple[Path, Path]:
    """Draws the pairs in their order as `path`.png and `path`.svg, all on one scale, with their change.

    They must be of one figure of one platform: people and events have no common scale.
    """
    return save(comparison_figure(pairs, title), path)


def comparison_figure(
    pairs: Sequence[Pair], title: str, *, width: float = 8.0, names: float = 2.4, row: float = _ROW
) -> "Figure":
    """Bars lying down; sizes in inches, `names` the room for names."""
    # Without a title it stands in a page that has margins of its own.
    head, margin = (_HEAD, _MARGIN) if title else (0.0, 0.02)
    figure, axes = blank_sheet(width, head + _KEY + max(1, len(pairs)) * row + 0.1)
    if title:
        write(axes, margin, 0.45, title, 13, limit=int((width - 2 * margin) / 0.19))
    begin = margin + names
    room = width - margin - _CHANGE - begin
    for number, (entry, colour) in enumerate(_LEGEND):
        box(axes, begin + number * 0.8, head + 0.08, 0.14, 0.1, colour)
        write(axes, begin + number * 0.8 + 0.2, head + 0.17, said(entry), 8, GREY)
    write(axes, width - margin, head + 0.17, said("change"), 8, GREY, align="right")
    ceiling = most([value for pair in pairs for value in (pair.this, pair.last)])
    for number, pair in enumerate(pairs):
        top = head + _KEY + number * row
        write(
            axes,
            begin - 0.12,
            top + row / 2,
            pair.name,
            8.5,
            INK,
            align="right",
            middle=True,
            limit=int(names / 0.125),
        )
        for place, (value, colour) in enumerate(((pair.this, COLOURS[0]), (pair.last, BESIDE))):
            bar_top = top + row / 2 - _BAR + place * (_BAR + 0.01)
            length = float(max(value or Decimal(0), Decimal(0)) / ceiling) * (room - 0.55)
            box(axes, begin, bar_top, max(length, 0.01), _BAR, colour if value is not None else PALE)
            label = said("unknown") if value is None else short_number(value)
            write(axes, begin + length + 0.06, bar_top + _BAR / 2, label, 7, GREY, middle=True)
        write(axes, width - margin, top + row / 2, _change(pair), 8.5, INK, align="right", middle=True)
    if not pairs:
        write(axes, margin, head + _KEY + 0.2, said("no_figures"), 11, GREY)
    return figure


def _change(pair: Pair) -> str:
    if pair.this is None or not pair.last:
        return "–"
    return signed_share((pair.this - pair.last) / pair.last)
