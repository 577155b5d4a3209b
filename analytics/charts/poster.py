"""One track's whole ranking as a long poster: every place, its score, and how sure the place is."""

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
    LINE,
    PALE,
    blank_sheet,
    box,
    save,
    stroke,
    write,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PLACES = 300  # a longer picture is read by nobody and refused by phones; the workbook has all
# Inches.
_WIDTH, _MARGIN, _HEAD, _KEYS, _ROW, _FOOT = 7.5, 0.5, 1.75, 0.45, 0.56, 1.05
_BADGE, _NAMES, _SCORE = 0.34, 1.05, 4.55
_PLACES = 5.35  # where the scale of places begins
_RED = "#9B1C1F"


@dataclass(frozen=True)
class PosterRow:
    """One account: place, score, and the interval of places with the share of draws that award it."""

    place: int
    name: str
    unit: str
    score: Decimal
    awarded: bool
    low: int
    high: int
    inside: Decimal


def poster_picture(
    rows: Sequence[PosterRow],
    titles: tuple[str, str],
    notes: Sequence[str],
    path: Path,
    *,
    noun: str = "账号",
) -> tuple[Path, Path]:
    """Draws the rows in their order as `path`.png and `path`.svg: the same rows give the same bytes.

    `titles`: the award's and the track's; `notes` stand below. At most MOST_PLACES rows; what is left out is
    counted.
    """
    shown = rows[:MOST_PLACES]
    height = _HEAD + _KEYS + max(1, len(shown)) * _ROW + _FOOT
    figure, axes = blank_sheet(_WIDTH, height)
    box(axes, 0, 0, _WIDTH, _HEAD - 0.2, _RED)
    write(axes, _MARGIN, 0.62, titles[0], _title_size(titles[0]), "white", limit=34)
    write(axes, _MARGIN, 1.14, titles[1], 15, "#F6DEDE", limit=28)
    if shown:
        _keys(axes, _HEAD + 0.2)
        most = max(max(row.score for row in shown), Decimal("1e-6"))
        last = max(row.high for row in shown)
        for number, row in enumerate(shown):
            _row(axes, _HEAD + _KEYS + number * _ROW, row, float(max(row.score, Decimal(0)) / most), last)
    else:
        write(axes, _MARGIN, _HEAD + 0.5, f"没有符合条件的{noun}", 13, GREY)
    left = len(rows) - len(shown)
    told = [note for note in (f"另有 {left} 个{noun}，见 figures.xlsx" if left else "", *notes) if note]
    stroke(axes, [(_MARGIN, height - _FOOT + 0.1), (_WIDTH - _MARGIN, height - _FOOT + 0.1)], LINE, 0.8)
    for number, note in enumerate(told[:4]):
        write(axes, _MARGIN, height - _FOOT + 0.35 + number * 0.21, note, 8, GREY, limit=62)
    return save(figure, path)


def _title_size(title: str) -> float:
    """As large as fits the width."""
    width = sum(1.0 if ord(character) > 0x2E7F else 0.55 for character in title)
    return max(13.0, min(24.0, (_WIDTH - 2 * _MARGIN) * 72 / max(width, 1)))


def _keys(axes: "Axes", top: float) -> None:
    write(axes, _SCORE, top, "得分", 8.5, GREY, align="right")
    write(axes, _PLACES, top, "名次区间", 8.5, GREY)
    write(axes, _WIDTH - _MARGIN, top, "入选概率", 8.5, GREY, align="right")


def _row(axes: "Axes", top: float, row: PosterRow, share: float, last: int) -> None:
    colour = COLOURS[0] if row.awarded else GREY
    middle = top + _ROW / 2 - 0.06
    box(axes, _MARGIN, middle - _BADGE / 2, _BADGE, _BADGE, colour if row.awarded else PALE)
    size = 12 if row.place < 100 else 9
    ink = "white" if row.awarded else GREY
    write(axes, _MARGIN + _BADGE / 2, middle, str(row.place), size, ink, align="center", middle=True)
    write(axes, _NAMES, top + 0.17, row.name, 11, INK if row.awarded else GREY, limit=15)
    write(axes, _NAMES, top + 0.34, row.unit, 7.5, GREY, limit=26)
    write(axes, _SCORE, top + 0.17, f"{row.score}", 11, INK if row.awarded else GREY, align="right")
    box(axes, _NAMES, top + 0.41, _SCORE - _NAMES, 0.05, PALE)
    bar = colour if row.awarded else BESIDE
    box(axes, _NAMES, top + 0.41, (_SCORE - _NAMES) * share, 0.05, bar)
    _interval(axes, middle, row, colour, last)
    shown = f"{row.inside * 100:.1f} %"
    write(axes, _WIDTH - _MARGIN, middle, shown, 9, INK, align="right", middle=True)


def _interval(axes: "Axes", middle: float, row: PosterRow, colour: str, last: int) -> None:
    """From `low` to `high` on a scale of places, the place itself as a dot, both ends written."""
    room = _WIDTH - _MARGIN - 0.75 - _PLACES

    def at(place: int) -> float:
        return _PLACES + (place - 1) / max(last - 1, 1) * room

    line = middle + 0.07
    stroke(axes, [(at(1), line), (at(last), line)], LINE, 0.8)
    stroke(axes, [(at(row.low), line), (at(row.high), line)], colour, 3.2)
    stroke(axes, [(at(row.place), line)], INK, 0.0, marker="o", size=4.5)
    told = f"{row.low}" if row.low == row.high else f"{row.low}–{row.high}"
    write(axes, _PLACES, middle - 0.06, told, 8, INK)
