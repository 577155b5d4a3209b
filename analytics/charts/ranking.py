"""The ranking of an award as a picture: a panel a category, a colour a track."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.charts.drawing import COLOURS, GREY, INK, LINE, PALE, blank_sheet, save, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRACK_COLOURS = COLOURS
MOST_ROWS = 10  # of a track; the rest is counted below it
# Inches.
_PANEL, _GUTTER, _MARGIN = 4.3, 0.55, 0.55
_HEAD, _PANEL_HEAD, _TRACK_HEAD, _ROW, _NOTE, _FOOT = 1.05, 0.55, 0.5, 0.47, 0.34, 0.5
_BAR, _BADGE, _INDENT = 0.13, 0.24, 0.42


@dataclass(frozen=True)
class PictureRow:
    """One bar: an account's place and value in its track and category; labels as people read them."""

    category: str
    track: str
    place: int
    name: str
    value: Decimal
    awarded: bool
    noun: str = "账号"  # what is ranked


def ranking_picture(
    rows: Sequence[PictureRow], title: str, path: Path, *, noun: str = "账号"
) -> tuple[Path, Path]:
    """Draws the rows (in their order, grouped by category and track) as `path`.png and `path`.svg.

    A panel a category, a colour a track; awarded accounts stand in full colour. Characters that the font
    lacks are shown as □.
    """
    panels = [
        (category, [(track, list(of_track)) for track, of_track in groupby(of_panel, key=lambda r: r.track)])
        for category, of_panel in groupby(rows, key=lambda row: row.category)
    ]
    body = max((_panel_height(tracks) for _, tracks in panels), default=1.0)
    count = max(1, len(panels))
    width = 2 * _MARGIN + count * _PANEL + (count - 1) * _GUTTER
    height = _HEAD + body + _FOOT
    figure, axes = blank_sheet(width, height)
    write(axes, _MARGIN, 0.62, title, 21, INK, limit=int((width - 2 * _MARGIN) / 0.3))
    axes.plot([_MARGIN, width - _MARGIN], [0.88, 0.88], color=INK, linewidth=1.2)
    colours = _track_colours(rows)
    for number, (category, tracks) in enumerate(panels):
        _panel(axes, _MARGIN + number * (_PANEL + _GUTTER), category, tracks, colours)
    if not panels:
        write(axes, _MARGIN, _HEAD + 0.5, f"没有符合条件的{noun}", 13, GREY)
    else:
        legend = "实色为入选,浅色为未入选;名次与得分见 ranking.csv"
        write(axes, _MARGIN, height - 0.2, legend, 8.5, GREY)
    return save(figure, path)


def _panel_height(tracks: Sequence[tuple[str, Sequence[PictureRow]]]) -> float:
    notes = sum(len(rows) > MOST_ROWS for _, rows in tracks)
    bars = sum(min(len(rows), MOST_ROWS) for _, rows in tracks)
    return _PANEL_HEAD + len(tracks) * _TRACK_HEAD + bars * _ROW + notes * _NOTE


def _track_colours(rows: Sequence[PictureRow]) -> dict[str, str]:
    tracks = list(dict.fromkeys(row.track for row in rows))
    return {track: TRACK_COLOURS[number % len(TRACK_COLOURS)] for number, track in enumerate(tracks)}


def _panel(
    axes: "Axes",
    left: float,
    category: str,
    tracks: Sequence[tuple[str, Sequence[PictureRow]]],
    colours: dict[str, str],
) -> None:
    top = _HEAD
    write(axes, left, top + 0.34, category, 15, INK, limit=18)
    top += _PANEL_HEAD
    most = max(max((row.value for _, rows in tracks for row in rows), default=Decimal(0)), Decimal("1e-6"))
    for track, rows in tracks:
        axes.plot([left, left + _PANEL], [top + 0.34] * 2, color=LINE, linewidth=0.8)
        write(axes, left, top + 0.26, track, 11, colours[track], limit=24)
        top += _TRACK_HEAD
        for row in rows[:MOST_ROWS]:
            _bar(axes, left, top, row, float(max(row.value, Decimal(0)) / most), colours[track])
            top += _ROW
        if len(rows) > MOST_ROWS:
            write(
                axes, left + _INDENT, top + 0.16, f"另有 {len(rows) - MOST_ROWS} 个{rows[0].noun}", 8.5, GREY
            )
            top += _NOTE


def _bar(axes: "Axes", left: float, top: float, row: PictureRow, share: float, colour: str) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    begin, room = left + _INDENT, _PANEL - _INDENT
    middle = top + 0.08
    if row.awarded:
        box = "round,pad=0,rounding_size=0.05"
        corner = (left, middle - _BADGE / 2 + 0.09)
        axes.add_patch(FancyBboxPatch(corner, _BADGE, _BADGE, boxstyle=box, facecolor=colour, linewidth=0))
    place_colour = "white" if row.awarded else GREY
    write(
        axes, left + _BADGE / 2, middle + 0.09, str(row.place), 9.5, place_colour, align="center", middle=True
    )
    write(axes, begin, top + 0.12, row.name, 9.5, INK if row.awarded else GREY, limit=22)
    write(axes, left + _PANEL, top + 0.12, f"{row.value}", 9.5, INK if row.awarded else GREY, align="right")
    bar_top = top + 0.2
    axes.add_patch(Rectangle((begin, bar_top), room, _BAR, facecolor=PALE, linewidth=0))
    alpha = 1.0 if row.awarded else 0.38
    axes.add_patch(
        Rectangle((begin, bar_top), room * share, _BAR, facecolor=colour, alpha=alpha, linewidth=0)
    )
