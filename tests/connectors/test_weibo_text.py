"""Weibo's lengths, links, ids, addresses and moments."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._weibo_status import base62, identifier, moment, public_url, read_status, whole
from connectors._weibo_text import chinese_length, has_link_on, headline, plain, same_post

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("a", 1),
        ("ab", 1),
        ("中文", 2),
        ("中a文", 3),
        ("😀", 2),
        ("𠮷", 2),
        ("https://youth.example.org/" + "x" * 200, 10),
        ("看https://youth.example.org/，报名", 1 + 10 + 3),
        ("http://a.test http://b.test", 21),
        ("\ud800", 1),
    ],
)
def test_length_is_half_the_bytes_in_gbk_with_links_shortened(text: str, length: int) -> None:
    assert chinese_length(text) == length


@given(st.text(), st.text())
def test_length_never_shrinks_when_words_are_added(first: str, second: str) -> None:
    assert chinese_length(f"{first} {second}") + 1 >= chinese_length(first)


@pytest.mark.parametrize(
    ("mid", "short"),
    [
        ("3501756485200075", "z0JH2lOMb"),
        ("5271000000004411", "QtN280199"),
        ("1", "1"),
        ("10000000", "10000"),
    ],
)
def test_base62_of_known_pairs(mid: str, short: str) -> None:
    assert base62(mid) == short


@given(st.integers(1, 10**25))
def test_base62_can_be_read_back(number: int) -> None:
    short, groups = base62(str(number)), []
    while short:
        short, group = short[:-4], short[-4:]
        groups.append(sum(ALPHABET.index(sign) * 62**place for place, sign in enumerate(reversed(group))))
    assert sum(group * 10 ** (7 * place) for place, group in enumerate(groups)) == number


def test_the_public_address_names_account_and_post() -> None:
    assert public_url("5500001234", "5271000000004411") == "https://weibo.com/5500001234/QtN280199"


def test_created_at_is_read_without_the_locale() -> None:
    assert moment("Mon Mar 02 09:30:11 +0800 2026") == datetime(2026, 3, 2, 1, 30, 11, tzinfo=UTC)
    west = timezone(-timedelta(hours=3, minutes=30))
    assert moment("Fri Dec 31 23:59:59 -0330 2027") == datetime(2027, 12, 31, 23, 59, 59, tzinfo=west)


@pytest.mark.parametrize(
    "told",
    [
        None,
        5,
        "",
        "2026-03-02",
        "Mon Mär 02 09:30:11 +0800 2026",
        "Mon Feb 30 09:30:11 +0800 2026",
        "Mon Mar 02 09:30:11 +9900 2026",
        "Mon Mar ٠٢ 09:30:11 +0800 2026",
    ],
)
def test_a_moment_that_cannot_be_read_is_unknown(told: object) -> None:
    assert moment(told) is None


@pytest.mark.parametrize(
    ("told", "number"),
    [
        (3, 3),
        ("3", 3),
        (0, 0),
        ("0", 0),
        (None, None),
        (True, None),
        ("", None),
        ("x", None),
        (-1, None),
        ([], None),
        ("٣", None),
    ],
)
def test_a_count_is_a_number_or_unknown(told: object, number: int | None) -> None:
    assert whole(told) == number


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        # Weibo's own example: `id` went through floating point
        (
            {"id": 3504803600500000, "mid": "3504803600502730", "idstr": "3504803600502730"},
            "3504803600502730",
        ),
        ({"mid": "90071992547409931"}, "90071992547409931"),
        ({"id": 90071992547409931}, "90071992547409931"),
        ({"id": True}, None),
        ({"idstr": "../etc", "id": 0}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_post_is_known_by_its_text_id_first(raw: object, found: str | None) -> None:
    status = read_status(raw)
    assert (status.id if status else None) == found


def test_ids_are_digits_and_nothing_else() -> None:
    assert [identifier(value) for value in (5, "5", 1.5, None, "5a", "-5")] == ["5", "5", "", "", "", ""]


def test_texts_are_compared_without_links_blanks_and_forms() -> None:
    assert plain("  看 https://a.test/x  这里\n") == plain("看 http://t.cn/A6aaaaaa 这里")
    assert plain("e\u0301") == plain("é")


def test_a_post_is_known_again_without_its_topics() -> None:
    assert same_post("#青春# 启动 https://a.test/#x", "启动 http://t.cn/A6aaaaaa")
    assert not same_post("启动", "启动仪式")
    assert not same_post("#只有话题# https://a.test/", "http://t.cn/A6aaaaaa")


def test_a_safe_domain_counts_with_what_lies_below_it_and_no_lookalike() -> None:
    assert has_link_on("看https://A.example.org。", "example.org")
    assert has_link_on("看https://b.test/ https://a.test:8443/x", "c.test, A.test")
    assert not has_link_on("https://badexample.org https://example.org.evil.test", "example.org")
    assert not has_link_on("https://a.test/", "")


def test_a_headline_is_the_first_words_without_links() -> None:
    assert headline("https://a.test/ " + "长" * 100) == "长" * 40
