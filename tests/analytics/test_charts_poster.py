"""The poster of a track: every place on it, the same bytes, names that break nothing."""

import sys
from decimal import Decimal
from pathlib import Path

import pytest
from defusedxml import ElementTree

from analytics.charts import PosterRow, poster_picture

TITLES = ("2026 年度最具影响力新媒体", "微信公众号 · 盟市")


def rows(number: int, name: str = "共青团呼和浩特市委员会") -> list[PosterRow]:
    return [
        PosterRow(
            place,
            name,
            "某单位",
            Decimal(100 - place / 10).quantize(Decimal("0.01")),
            place <= 2,
            max(1, place - 1),
            min(number, place + 1),
            Decimal("0.5"),
        )
        for place in range(1, number + 1)
    ]


def size(svg: Path) -> tuple[float, float]:
    """Width and height in points."""
    root = ElementTree.parse(svg).getroot()
    assert root is not None
    return float(root.attrib["width"].removesuffix("pt")), float(root.attrib["height"].removesuffix("pt"))


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in poster_picture(rows(3), TITLES, ("注",), tmp_path / "a")]
    second = [path.read_bytes() for path in poster_picture(rows(3), TITLES, ("注",), tmp_path / "b")]
    assert first == second
    assert first[0].startswith(b"\x89PNG")
    assert b"dc:date" not in first[1]


def test_every_place_has_its_row(tmp_path: Path) -> None:
    heights = {
        number: size(poster_picture(rows(number), TITLES, (), tmp_path / str(number))[1])[1]
        for number in (5, 6, 12)
    }
    assert heights[12] - heights[6] == pytest.approx(6 * (heights[6] - heights[5]))


def test_a_list_too_long_for_a_picture_is_cut_and_the_rest_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = poster_picture(rows(5)[:2], TITLES, (), tmp_path / "whole")[1]
    monkeypatch.setattr(sys.modules["analytics.charts.poster"], "MOST_PLACES", 2)
    cut = poster_picture(rows(5), TITLES, (), tmp_path / "cut")[1]
    assert size(cut) == size(whole)
    assert cut.read_bytes() != whole.read_bytes()


@pytest.mark.parametrize("name", ["$x_1$ \\frac{", "𬀩龘" * 60, "两行\n名字", "<svg>&", ""])
def test_any_name_can_be_drawn(tmp_path: Path, name: str) -> None:
    png, svg = poster_picture(rows(2, name), (name, name), (name,), tmp_path / "one")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert size(svg)[0] == size(poster_picture(rows(2), TITLES, (), tmp_path / "two")[1])[0]


def test_a_track_without_accounts_says_so(tmp_path: Path) -> None:
    empty = poster_picture([], TITLES, (), tmp_path / "empty")[1]
    assert empty.read_bytes() != poster_picture(rows(1), TITLES, (), tmp_path / "one")[1].read_bytes()
