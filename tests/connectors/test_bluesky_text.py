"""Bluesky's text: graphemes and bytes, and facets by UTF-8 offsets; its record keys."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._bluesky_text import facets, graphemes, length
from connectors._bluesky_tid import make_tid, moment_of

MOMENTS = st.integers(0, 2**52).map(lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us))
PIECES = st.sampled_from(
    [
        "青年志愿周",
        "👨‍👩‍👧",
        "e\u0301",
        "#青年",
        "#youth2026。",
        "https://www.example.org/a/1",
        "https://例子.example/路径?x=(1)#y",
        "@league.example.org",
        "@nobody",
        "\n",
        "，",
        "#",
        "#https://a.example/",
    ]
)


def nobody(handle: str) -> str | None:
    return None


def spans(text: str) -> list[tuple[str, str]]:
    """What each facet says, and the text it stands on."""
    told: list[tuple[str, str]] = []
    for facet in facets(text, lambda handle: f"did:plc:{handle}"):
        index, features = facet["index"], facet["features"]
        assert isinstance(index, dict)
        assert isinstance(features, list)
        (feature,) = features
        value = feature.get("uri") or feature.get("tag") or feature["did"]
        told.append((value, text.encode()[index["byteStart"] : index["byteEnd"]].decode()))
    return told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("青年", 2),
        ("👨‍👩‍👧", 2),  # one grapheme of 18 bytes
        ("e\u0301", 1),
        ("a" * 300, 300),
        ("青" * 300, 300),
        ("👨‍👩‍👧" * 167, 301),  # 167 graphemes, but 3006 bytes
    ],
)
def test_length_is_graphemes_or_tens_of_bytes(text: str, expected: int) -> None:
    assert length(text) == expected


@given(st.text(max_size=400))
def test_what_fits_is_at_most_300_graphemes_and_3000_bytes(text: str) -> None:
    assert (length(text) <= 300) == (graphemes(text) <= 300 and len(text.encode()) <= 3000)


@given(st.text(max_size=60), st.text(max_size=60))
def test_two_texts_are_never_longer_together(first: str, second: str) -> None:
    assert length(first + second) <= length(first) + length(second)


def test_the_sheets_example_has_its_offsets() -> None:
    (facet,) = facets("五四活动 #青年", nobody)
    assert facet == {
        "index": {"byteStart": 13, "byteEnd": 20},
        "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "青年"}],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("看 https://a.example/x。", [("https://a.example/x", "https://a.example/x")]),
        ("(https://a.example/x)", [("https://a.example/x", "https://a.example/x")]),
        ("https://a.example/x_(y).", [("https://a.example/x_(y)", "https://a.example/x_(y)")]),
        ("#青年大学习#", [("青年大学习", "#青年大学习")]),
        ("#五四,", [("五四", "#五四")]),
        ("#2026 #", []),
        ("没有#空格", []),
        ("👍 @a.example.org！", [("did:plc:a.example.org", "@a.example.org")]),
        ("a@b.example.org", []),
        ("#https://a.example/", [("https://a.example/", "https://a.example/")]),
        ("#" + "长" * 65, []),
    ],
)
def test_links_tags_and_mentions_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert spans(text) == expected


def test_a_handle_of_nobody_is_plain_text() -> None:
    assert facets("你好 @nobody.example.org", nobody) == []


@given(st.lists(PIECES, max_size=8), st.sampled_from([" ", ""]))
def test_facets_stand_on_their_own_text_in_order_and_apart(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    for value, under in spans(text):
        assert under in (value, f"#{value}", value.replace("did:plc:", "@"))
    ends = [facet["index"] for facet in facets(text, nobody)]
    places = [(index["byteStart"], index["byteEnd"]) for index in ends if isinstance(index, dict)]
    flat = [place for pair in places for place in pair]
    assert flat == sorted(flat)
    assert all(start < end <= len(text.encode()) for start, end in places)


@given(st.text(max_size=80))
def test_any_text_has_facets_on_whole_characters(text: str) -> None:
    for value, under in spans(text):
        assert value
        assert under


@given(MOMENTS, st.text(max_size=20))
def test_a_key_tells_its_moment(at: datetime, name: str) -> None:
    tid = make_tid(at, name)
    assert re.fullmatch("[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}", tid)
    assert moment_of(tid) == at


@given(MOMENTS, MOMENTS)
def test_keys_sort_by_time(first: datetime, second: datetime) -> None:
    assert (make_tid(first, "a") < make_tid(second, "a")) == (first < second)


@pytest.mark.parametrize("text", ["", "meizhen-job-42", "z" * 13, "3mabcd2efgh2", "3mabcd2efgh21"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="TID"):
        moment_of(text)
