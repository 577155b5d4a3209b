"""Mastodon's text: its length, and its text in the server's HTML."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._mastodon_text import length, plain, same_post
from sandbox.platforms.mastodon import _html

LINKS = st.sampled_from(
    ["https://a.example/", "https://www.example.org/a/" + "x" * 80, "http://b.example/?q=1&r=2"]
)
WORDS = st.text(st.characters(categories=["L", "N", "Zs"], include_characters="，。\n"), max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("五四活动", 4),
        ("https://a.example/", 23),
        ("看https://www.example.org/" + "x" * 200 + "。", 25),
        ("@tuanwei@social.example 你好", 11),
        ("@tuanwei 你好", 11),
        ("a@b.example", 11),
        ("👍" * 500, 500),
    ],
)
def test_links_count_23_and_mentions_without_their_server(text: str, expected: int) -> None:
    assert length(text) == expected


@given(st.lists(WORDS, min_size=1, max_size=4), LINKS)
def test_the_length_of_a_link_does_not_matter(words: list[str], link: str) -> None:
    text = f" {link} ".join(words)
    assert length(text) == sum(map(len, words)) + 25 * (len(words) - 1)


@given(st.text(max_size=100), st.text(max_size=100))
def test_length_adds_up_over_words(first: str, second: str) -> None:
    assert length(f"{first} {second}") == length(first) + 1 + length(second)


@given(WORDS, LINKS, WORDS)
def test_a_text_is_known_again_in_the_servers_html(before: str, link: str, after: str) -> None:
    text = f"{before} {link} {after}"
    assert same_post(text, _html(text))


@given(WORDS, WORDS)
def test_two_texts_are_the_same_only_with_the_same_words(first: str, second: str) -> None:
    ours, theirs = (normalize("NFC", f"甲{text}").split() for text in (first, second))
    assert same_post(f"甲{first}", _html(f"甲{second}")) == (ours == theirs)


@pytest.mark.parametrize(
    ("ours", "content", "same"),
    [
        ("五四活动", "<p>五四活动</p>", True),
        ("一\n\n二\n三", "<p>一</p><p>二<br/>三</p>", True),
        ("a & b < c", "<p>a &amp; b &lt; c</p>", True),
        (
            "@t@social.example 好",
            '<p><span><a href="https://social.example/@t">@<span>t</span></a></span> 好</p>',
            True,
        ),
        ("e\u0301", "<p>\u00e9</p>", True),
        ("五四活动", "<p>五四活动!</p>", False),
        ("", "<p></p>", False),
        ("https://a.example/1", "<p>https://a.example/2</p>", False),
        ("https://a.example/1", "<p><span>https://</span>a.example/1</p>", True),
    ],
)
def test_what_the_server_rewrites_does_not_count(ours: str, content: str, same: bool) -> None:
    assert same_post(ours, content) is same


def test_lines_and_entities_are_text_again() -> None:
    assert plain("<p>一<br>二</p><p>&quot;三&quot;</p>").split() == ["一", "二", '"三"']
