"""A post's text as a web page: safe whatever was written, pictures where they were put."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import Outgoing
from connectors._page import page_of, page_problems, slug_of


@pytest.mark.parametrize(
    ("written", "html"),
    [
        ("一\n二\n\n三", "<p>一<br>二</p><p>三</p>"),
        ("一\r\n\r\n\r\n 二 ", "<p>一</p><p>二</p>"),
        ("1 < 2 & 3", "<p>1 &lt; 2 &amp; 3</p>"),
        ("见 https://a.example/x?y=1&z=2。", '<p>见 <a href="https://a.example/x?y=1&amp;z=2">'
         "https://a.example/x?y=1&amp;z=2</a>。</p>"),
        ('https://a.example/"onclick', '<p><a href="https://a.example/">https://a.example/</a>"onclick</p>'),
        ("<p onclick='x()'>一</p><script>x</script>", "<p>一</p>"),
        ("<a href='javascript:x()'>一</a>", '<a rel="noopener noreferrer">一</a>'),
        ("", ""),
    ],
)  # fmt: skip
def test_plain_text_becomes_paragraphs_and_html_is_cleaned(written: str, html: str) -> None:
    assert page_of(written, []) == html


def test_pictures_stand_where_they_are_named_and_the_others_follow() -> None:
    plain = page_of("一\n\nmedia:3\n\n二", ["a", "b", "c"], behind=1)
    assert re.findall('src="([^"]*)"', plain) == ["c", "b"]
    html = page_of("<p>一</p><img src='media:1'><img src='media:9'>", ["a&b", "c"])
    assert re.findall('src="([^"]*)"', html) == ["a&amp;b", "", "c"]


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=3))
def test_nothing_that_runs_gets_into_a_page(written: str, addresses: list[str]) -> None:
    page = page_of(written, addresses)
    assert not re.search(r"<\s*(script|iframe|object|style)", page, re.IGNORECASE)
    assert not re.search(r"<[^>]*\son\w+\s*=", page, re.IGNORECASE)


@pytest.mark.parametrize(("text", "count"), [("一", 0), (" ", 1), ("media:1", 1), ("一\n\nmedia:0", 1)])
def test_an_empty_page_and_a_hole_are_seen(text: str, count: int) -> None:
    assert len(page_problems(Outgoing("k", 1, "题", text))) == count


@given(st.text("0123456789abcdefABCDEF_-", min_size=1, max_size=32))
def test_a_slug_is_one_that_sites_leave_as_it_is(key: str) -> None:
    slug = slug_of(Outgoing(key, 1, "题", "文"))
    assert re.fullmatch("mz-[0-9a-f]{20}", slug)
    assert slug != slug_of(Outgoing(f"{key}x"[:32] if len(key) < 32 else key[:-1], 1, "题", "文"))
