"""The ranking picture: no glyph missing, no system font asked, the same bytes every time."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from defusedxml import ElementTree

from analytics.charts import MOST_ROWS, TRACK_COLOURS, PictureRow, ranking_picture
from config.paper import known_characters, printable

NAMES = ("龘𬀩青年", "共青团呼和浩特市委员会", "$x_1$ 与 100%", "Hinggan League", "鹿城·青年(公众号)")


def rows(number: int = 5, names: tuple[str, ...] = NAMES) -> list[PictureRow]:
    return [
        PictureRow(category, track, place, names[place % len(names)], Decimal(f"{99 - place}.50"), place <= 2)
        for category in ("微信公众号", "官方微博", "“青年之声”平台")
        for track in ("盟市", "高校", "企业")
        for place in range(1, number + 1)
    ]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in ranking_picture(rows(), "2026 年度", tmp_path / "a")]
    second = [path.read_bytes() for path in ranking_picture(rows(), "2026 年度", tmp_path / "b")]
    assert first == second
    png, svg = first
    assert png.startswith(b"\x89PNG")
    assert b"tEXt" not in png
    assert b"dc:date" not in svg
    other = ranking_picture(rows(4), "2026 年度", tmp_path / "c")[0].read_bytes()
    assert other != png


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
from analytics.charts import PictureRow, ranking_picture
rows = [PictureRow("微信公众号", "盟市", n, name, Decimal(n), True) for n, name in enumerate({NAMES!r}, 1)]
ranking_picture(rows, "年度最具影响力 龘𬀩", Path({str(tmp_path / "alone")!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_the_rare_characters_are_in_the_font() -> None:
    assert {ord(character) for character in "龘𬀩镕堃翀赟㛃…□"} <= known_characters()
    assert printable("龘𬀩\n🏆") == "龘𬀩 □"


def test_a_name_with_unknown_characters_or_markup_is_drawn_as_text(tmp_path: Path) -> None:
    odd = ("青年🏆", "$\\frac{1}{0}$", "<b>&amp;", "a\nb", "\u202e反", "长" * 200)
    _, svg = ranking_picture(rows(3, odd), "标题" * 60, tmp_path / "odd")
    ElementTree.parse(svg)


@pytest.mark.parametrize("number", [1, MOST_ROWS, MOST_ROWS + 5])
def test_any_number_of_accounts_fits(tmp_path: Path, number: int) -> None:
    png, _ = ranking_picture(rows(number), "标题", tmp_path / "p")
    assert png.stat().st_size > 10_000


def test_zero_negative_and_no_values_are_drawn(tmp_path: Path) -> None:
    ranking_picture([], "没有账号", tmp_path / "none")
    flat = [PictureRow("甲", "乙", place, "丙", Decimal(value), False) for place, value in ((1, 0), (2, -3))]
    ranking_picture(flat, "零", tmp_path / "flat")


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", TRACK_COLOURS)
def test_white_figures_can_be_read_upon_every_colour(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5  # WCAG 2.2, 1.4.3
