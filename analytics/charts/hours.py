"""When posts went out: a heat map of weekday and hour, Beijing time."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.charts.drawing import GREY, INK, PALE, blank_sheet, box, said, save, write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# One hue from light to dark: told apart by lightness alone, so also by the colour-blind and in print.
_STEPS = ("#D6E6F4", "#ABD0E6", "#6AAED6", "#3787C0", "#0B559F", "#08306B")
_DARK = 3  # from this step on, white is the better ink
# Inches.
_MARGIN, _HEAD, _NAMES, _KEY = 0.35, 0.75, 0.5, 0.5


def hours_picture(
    posts: Mapping[tuple[int, int], int], without: int, title: str, path: Path
) -> tuple[Path, Path]:
    """Draws posts by (weekday from 0 = Monday, hour) as `path`.png and `path`.svg.

    `without` counts the posts whose hour the platform does not tell; they are told of, not drawn.
    """
    return save(hours_figure(posts, without, title), path)


def hours_figure(
    posts: Mapping[tuple[int, int], int], without: int, title: str, *, width: float = 10.0, cell: float = 0.3
) -> "Figure":
    """Seven rows of 24 cells; sizes in inches, `cell` the height of one."""
    # Without a title it stands in a page that has margins of its own.
    head, margin = (_HEAD, _MARGIN) if title else (0.0, 0.02)
    figure, axes = blank_sheet(width, head + 7 * cell + _KEY + 0.2)
    if title:
        write(axes, margin, 0.45, title, 15, limit=int((width - 2 * margin) / 0.22))
    each = (width - 2 * margin - _NAMES) / 24
    highest = max(posts.values(), default=0)
    for day in range(7):
        top = head + 0.05 + day * cell
        write(axes, margin, top + cell / 2, said(f"weekday_{day}"), 8.5, INK, middle=True)
        for hour in range(24):
            left = margin + _NAMES + hour * each
            count = posts.get((day, hour), 0)
            step = _step(count, highest)
            box(axes, left, top, each - 0.02, cell - 0.02, PALE if step is None else _STEPS[step])
            if step is not None:
                ink = "white" if step >= _DARK else INK
                write(
                    axes,
                    left + each / 2,
                    top + cell / 2,
                    str(count),
                    7 if count < 100 else 5.5,
                    ink,
                    align="center",
                    middle=True,
                )
    bottom = head + 0.05 + 7 * cell
    for hour in range(0, 24, 3):
        left = margin + _NAMES + hour * each
        write(axes, left + each / 2, bottom + 0.15, f"{hour}", 8, GREY, align="center")
    write(axes, width - margin, bottom + 0.15, said("hour_unit"), 8, GREY, align="right")
    entry = "posts_without_hour" if without else "posts_drawn"
    told = said(entry, count=sum(posts.values()), **({"without": without} if without else {}))
    write(axes, margin + _NAMES, bottom + 0.38, told, 8, GREY)
    return figure


def _step(count: int, highest: int) -> int | None:
    """The colour of a count: 0 has none, the highest the darkest."""
    return None if count == 0 else min(len(_STEPS) - 1, (count * len(_STEPS) - 1) // highest)
