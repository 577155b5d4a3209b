"""What all pictures share: an inch-wide sheet, Chinese text without tofu, colours, files with fixed bytes.

The font is Noto Sans SC from `pylopdf-fonts-zh-cn`; it has no bold, so size and colour carry the weight.
No pyplot and no system font is asked.
"""

import io
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from config.messages import told
from config.paper import font_file, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

# Okabe and Ito: told apart with every common colour blindness. Dark enough for white text upon them.
COLOURS = ("#0072B2", "#B85A00", "#00785A", "#A34A7C")
BESIDE = "#A9B4BF"  # what stands beside for comparison
INK, GREY, PALE, LINE = "#1B2733", "#66727F", "#EEF1F4", "#D5DBE1"
_DPI = 160


def blank_sheet(width: float, height: float) -> "tuple[Figure, Axes]":
    """A white sheet whose coordinates are inches from the upper left corner."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    return figure, axes


def write(
    axes: "Axes",
    x: float,
    y: float,
    content: str,
    size: float,
    colour: str = INK,
    *,
    align: str = "left",
    middle: bool = False,
    limit: int = 80,
) -> None:
    """Text at a place in inches, at most `limit` Chinese characters wide; size in points."""
    axes.text(
        x,
        y,
        printable(shortened(content, limit)),
        fontproperties=label_font(),
        fontsize=size,
        color=colour,
        ha=align,
        va="center_baseline" if middle else "baseline",
        parse_math=False,  # a name may hold dollar signs
    )


def said(entry: str, **params: object) -> str:
    """A text of the pictures: leaders read Chinese, whatever the language of the command line."""
    return told(f"report.{entry}", params, language="zh")


def box(axes: "Axes", left: float, top: float, width: float, height: float, colour: str) -> None:
    """A filled rectangle."""
    from matplotlib.patches import Rectangle

    # The axes' limits are fixed: as a patch of theirs, its extent would be looked at, which costs the most.
    axes.add_artist(Rectangle((left, top), width, height, facecolor=colour, linewidth=0))


def stroke(
    axes: "Axes",
    points: Sequence[tuple[float, float]],
    colour: str,
    width: float,
    *,
    marker: str = "None",
    size: float = 0.0,
) -> None:
    """A line through the points; with a marker of `size` points at each."""
    from matplotlib.lines import Line2D

    drawn = Line2D(
        [x for x, _ in points],
        [y for _, y in points],
        color=colour,
        linewidth=width,
        marker=marker,
        markersize=size,
        solid_capstyle="round",
    )
    axes.add_artist(drawn)


def shortened(content: str, limit: int) -> str:
    """At most `limit` Chinese characters wide; Latin ones count half."""
    width = 0.0
    for place, character in enumerate(content):
        width += 1.0 if ord(character) > 0x2E7F else 0.55
        if width > limit:
            return content[: max(1, place - 1)] + "…"
    return content


def short_number(value: Decimal) -> str:
    """A figure in few characters: 9,876 or 1.2万 or 3.4亿."""
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if abs(value) >= unit:
            return f"{value / unit:,.1f}{name}"
    return f"{value:,.0f}"


def signed_share(value: Decimal) -> str:
    """A change as people read it: +12.3%, -4.0%, 0.0%."""
    told_of = f"{value * 100:+,.1f}%"
    return told_of[1:] if told_of in ("+0.0%", "-0.0%") else told_of


@cache
def label_font() -> "FontProperties":
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=str(font_file()))


def save(figure: "Figure", path: Path) -> tuple[Path, Path]:
    """Writes `path`.png and `path`.svg; the same figure gives the same bytes."""
    png, svg = path.with_name(path.name + ".png"), path.with_name(path.name + ".svg")
    figure.savefig(png, format="png", metadata={"Software": None})
    svg.write_bytes(svg_bytes(figure))
    return png, svg


def svg_bytes(figure: "Figure") -> bytes:
    """The figure as SVG, its letters as outlines: shown alike everywhere, without a font."""
    from matplotlib import rc_context

    content = io.BytesIO()
    with rc_context({"svg.hashsalt": "meizhen", "svg.fonttype": "path"}):
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


def most(values: Sequence[Decimal | None]) -> Decimal:
    """The largest known value; never 0, so that it can be divided by."""
    return max((value for value in values if value is not None and value > 0), default=Decimal(1))
