"""The week's pictures: its own figures, no system fonts, the same bytes, told apart by anyone."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from defusedxml import ElementTree
from scenery import make_account
from weeks import MONDAY, SUNDAY, WEEK, know_wechat, publish

from analytics.charts import Pair, Panel, hours_picture, trend_picture, week_on_week_picture
from analytics.charts.drawing import BESIDE, COLOURS, short_number, signed_share
from analytics.charts.hours import _STEPS, _step
from analytics.charts.panels import panels_figure
from analytics.exports import export_pictures
from analytics.exports.content import read_report
from analytics.exports.pictures import leading_pairs, leading_panels, posts_of_units
from analytics.exports.week import Week
from config import Database
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.units import Unit

NAMES = ("龘𬀩青年", "$x_1$ 与 100%", "青年🏆", "<b>&amp;", "长" * 90)


def scene(database: Database, keys: KeyRing) -> None:
    """Two units below one root; posts at 18 o'clock in Beijing, one of which only the day is known."""
    know_wechat(database)
    account = make_account(database, keys, "wechat", "qnzs")
    with database.write() as session:
        below = Unit(code="NM/1", kind="league", name_zh="某盟", path="x/", parent_id=account.unit_id)
        session.add(below)
        session.flush()
        below.path = f"{account.unit_id}/{below.id}/"
        other = Account(unit_id=below.id or 0, platform="wechat", handle="meng", name="某盟团委")
        session.add(other)
        session.flush()
    for back in range(3):
        day = SUNDAY - timedelta(weeks=back)
        at = datetime(day.year, day.month, day.day, 10, 30, tzinfo=UTC)
        publish(database, account, day, [(day, 100 - back)], remote_id=f"{back}", at=at)
    midnight = datetime(2026, 11, 8, 16, tzinfo=UTC)
    publish(database, other, MONDAY, [(SUNDAY, 7)], at=midnight)


def test_the_pictures_show_the_weeks_own_figures(database: Database, keys: KeyRing) -> None:
    scene(database, keys)
    with database.read() as session:
        report = read_report(session, Week.parse(WEEK), None)
    assert report.hours.posts == {(6, 18): 3}
    assert report.hours.without == 1
    (panel,) = leading_panels(report)
    assert panel.name == "微信公众号 · 阅读人数"
    assert list(panel.values) == [None] * 10 + [98, 99, 107]
    units = {panel.name: list(panel.values) for panel in posts_of_units(report)}
    assert units == {"单位NM": [None] * 10 + [1, 1, 1], "某盟": [None] * 11 + [0, 1]}
    pairs = leading_pairs(report.platforms[0], 9)
    assert [(pair.name, pair.this, pair.last) for pair in pairs] == [
        ("账号qnzs", 100, 99),
        ("某盟团委", 7, None),
    ]


def test_the_same_week_gives_the_same_bytes(database: Database, keys: KeyRing, tmp_path: Path) -> None:
    scene(database, keys)
    drawn = [export_pictures(database, WEEK, tmp_path / name) for name in ("a", "b")]
    assert set(drawn[0]) == {"trend", "hours", "units", "week-on-week-wechat", "units-wechat"}
    for name, (png, svg) in drawn[0].items():
        assert (png.suffix, svg.suffix) == (".png", ".svg")
        assert png.name == f"meizhen-weekly-2026-W46-{name}.png"
        assert [path.read_bytes() for path in drawn[1][name]] == [png.read_bytes(), svg.read_bytes()]
        assert png.read_bytes().startswith(b"\x89PNG")
        ElementTree.parse(svg)
        assert b"dc:date" not in svg.read_bytes()


def test_no_glyph_is_missing_without_any_system_font(tmp_path: Path) -> None:
    # A process of its own: the font manager finds no font outside matplotlib, every warning is an error.
    program = f"""
import warnings
warnings.simplefilter("error")
from matplotlib import font_manager
font_manager.findSystemFonts = lambda *a, **k: []
font_manager.fontManager = font_manager.FontManager()
from decimal import Decimal
from pathlib import Path
from analytics.charts import *
names, out = {NAMES!r}, Path({str(tmp_path)!r})
panels = [Panel(name, [None, Decimal(3), None, Decimal(10**9)]) for name in names]
trend_picture(panels, ["W45", "W46"], "各平台 龘𬀩", out / "t")
units_picture(panels, ["W45", "W46"], "各单位", out / "u")
week_on_week_picture([Pair(name, Decimal(5), None) for name in names], "环比", out / "w")
hours_picture({{(6, 23): 1234, (0, 0): 1}}, 5, "时段", out / "h")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(tmp_path.iterdir())) == 8


@pytest.mark.parametrize("values", [[], [None, None], [Decimal(0)] * 3, [Decimal(-5), None, Decimal(2)]])
def test_nothing_zero_and_negative_is_drawn(tmp_path: Path, values: Sequence[Decimal | None]) -> None:
    trend_picture([Panel("甲", values)] if values else [], [], "空", tmp_path / "t")
    week_on_week_picture([Pair("甲", value, value) for value in values], "空", tmp_path / "w")
    hours_picture({}, 0, "空", tmp_path / "h")
    assert len(list(tmp_path.iterdir())) == 6


def test_figures_are_told_shortly() -> None:
    numbers = [Decimal(value) for value in (0, 9_999, 10_000, 123_456, 340_000_000)]
    assert [short_number(number) for number in numbers] == ["0", "9,999", "1.0万", "12.3万", "3.4亿"]
    shares = [Decimal(value) for value in ("0.1234", "-0.04", "0.0001", "-0.0001", "0")]
    assert [signed_share(share) for share in shares] == ["+12.3%", "-4.0%", "0.0%", "0.0%", "0.0%"]


def test_the_darkest_hour_is_the_busiest_and_none_has_no_colour() -> None:
    assert _step(0, 9) is None
    assert [_step(count, 9) for count in (1, 9)] == [0, len(_STEPS) - 1]
    steps = [_step(count, 40) or 0 for count in range(1, 41)]
    assert steps == sorted(steps)
    assert set(steps) == set(range(len(_STEPS)))


# Red-green blindness of both kinds and blue-yellow blindness, in linear light (Machado, Oliveira, Fernandes:
# A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009, severity 1.0).
BLINDNESS = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "tritan": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}


def seen(colour: str, blindness: str) -> tuple[float, float, float]:
    """A colour as it is seen, in CIE L*a*b*."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    light = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    red, green, blue = (
        min(1.0, max(0.0, sum(weight * one for weight, one in zip(row, light, strict=True))))
        for row in BLINDNESS[blindness]
    )
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    x, y, z = (one ** (1 / 3) if one > 0.008856 else 7.787 * one + 16 / 116 for one in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_that_stand_side_by_side_are_told_apart(blindness: str) -> None:
    for pair in ((COLOURS[0], BESIDE), *combinations(("#0072B2", "#B0B7BF", "#E69F00"), 2)):
        one, other = (seen(colour, blindness) for colour in pair)
        distance = sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
        assert distance > 15, pair  # CIE 1976: 2.3 is just noticeable
    lightness = [seen(colour, blindness)[0] for colour in _STEPS]
    assert all(brighter - darker > 5 for brighter, darker in pairwise(lightness))


def test_a_panel_of_which_nothing_is_known_says_so() -> None:
    panels = [Panel("微信 · 阅读人数", [Decimal(3), None]), Panel("微博 · 阅读数", [None, None])]
    figure = panels_figure(panels, ["W45", "W46"], "标题", shared=False)
    words = [written.get_text() for axes in figure.axes for written in axes.texts]
    assert [words.count(word) for word in ("没有数据", "未知", "W45")] == [1, 1, 1]
