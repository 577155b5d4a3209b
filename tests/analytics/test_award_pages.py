"""An explanation as a page, and the list that leads to all of them: standalone, without script, escaped."""

import re
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from award_world import SIGNED, World, a_year, small_rule, wechat
from pytest import TempPathFactory

from analytics.awards import run_award, shipped_rule
from analytics.awards.explanation import explain
from analytics.awards.explanation_page import as_page
from analytics.awards.ranking_page import INDEX, address_of, write_pages
from config.database import connect, migrate
from config.errors import MeizhenError

HOSTILE = '<script>alert("x")</script> & "引号"'


class Looked(HTMLParser):
    """The tags, links and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory: TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    database = connect(f"sqlite:///{folder / 'world.sqlite'}")
    migrate(database)
    world = a_year()
    bad = world.account("wechat", "../bad handle", "league", name=HOSTILE)
    for week in range(50):
        day = date(2026, 1, 5) + timedelta(days=7 * week)
        world.article(bad, day, wechat(500 + week), title=HOSTILE, url="javascript:alert(1)")
    world.store(database, 3)
    run_award(database, shipped_rule(), folder / "out", signature=SIGNED)
    database.close()
    return folder / "out"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_account_is_two_clicks_from_the_list(run: Path, tmp_path: Path, language: str) -> None:
    count = write_pages(run, tmp_path / "out", language)
    pages = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.html")}
    assert len(pages) == count > 20
    listed = Looked((tmp_path / "out" / INDEX).read_text("utf-8"))
    assert set(listed.links) == pages - {INDEX}
    for name in pages:
        text = (tmp_path / "out" / name).read_text("utf-8")
        looked = Looked(text)
        assert not {"script", "img", "iframe", "link", "form"} & set(looked.tags), name
        assert not {name for name in looked.attributes if name.startswith("on") or name in ("style", "src")}
        assert "default-src 'none'" in text and f'lang="{"zh-CN" if language == "zh" else "en"}"' in text
        assert all(link == "../index.html" or link in pages for link in looked.links), name


def test_what_people_wrote_is_text_on_the_page(run: Path) -> None:
    page = as_page(explain(run, "../bad handle"), "zh")
    looked = Looked(page)
    assert HOSTILE in looked.texts  # the name in the heading, whole
    assert "script" not in looked.tags
    assert "javascript:" not in page


def test_the_page_tells_what_the_text_tells(run: Path) -> None:
    explained = explain(run, "demo-w1")
    told = "".join(Looked(as_page(explained, "zh")).texts)
    assert explained.placed is not None
    for fact in (explained.run_id, explained.name, str(explained.placed.score), explained.gates[0]["zh"]):
        assert fact in told
    for level in explained.levels:
        assert level.label.zh in told
    gaps = [one for one in (explained.above, explained.below) if one]
    assert gaps
    for one in gaps:
        assert one.neighbour.name in told
        assert f"合计{one.gap:+.4f}" in told


def test_a_handle_that_is_no_plain_name_gets_a_hash() -> None:
    assert address_of("wechat", "demo-1") == "wechat/demo-1.html"
    assert re.fullmatch(r"wechat/[0-9a-f]{24}\.html", address_of("wechat", "../bad handle"))


def test_there_are_no_pages_before_the_list(tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path / 'w.sqlite'}")
    migrate(database)
    world = World()
    world.article(world.account("wechat", "a", "league"), date(2026, 3, 2), wechat(900))
    world.store(database, 1)
    run_award(database, small_rule(tmp_path), tmp_path / "run", until="index")
    database.close()
    with pytest.raises(MeizhenError) as raised:
        write_pages(tmp_path / "run", tmp_path / "out", "zh")
    assert raised.value.code == "award.no_list"
    assert not (tmp_path / "out").exists()
