"""Answers of strangers: read as the standard decoder reads them or refused; only half characters are lost."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._json import strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
HALVES = st.text(st.characters(categories=["Cs"]) | st.characters() | st.sampled_from('\\"u😀'))


@given(VALUES, st.booleans(), st.booleans())
def test_what_is_json_is_read_as_the_standard_decoder_reads_it(
    value: object, ascii_only: bool, marked: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    mark = b"\xef\xbb\xbf" if marked else b""
    assert strict_json(mark + text.encode()) == json.loads(text, parse_float=Decimal)


@given(st.dictionaries(HALVES, HALVES, max_size=3))
def test_half_a_character_is_lost_and_nothing_around_it(value: dict[str, str]) -> None:
    read = json.loads(json.dumps(value))  # two halves that meet are one
    expected = {_whole(key): _whole(told) for key, told in read.items()}
    if len(expected) == len(read):
        assert strict_json(json.dumps(value).encode()) == expected
    else:
        with pytest.raises(ValueError, match="uplicate key"):
            strict_json(json.dumps(value).encode())


def _whole(text: str) -> str:
    return "".join("�" if "\ud800" <= one <= "\udfff" else one for one in text)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"NaN",
        b"[Infinity]",
        b'{"a": 1, "a": 2}',
        b'{"a": 1} x',
        b"[1,]",
        b"01",
        b'"\x01"',
        b'"\xed\xa0\x80"',
        "“GBK”".encode("gbk"),
        b"[" * 300 + b"]" * 300,
        b'{"a":' * 100_000,
        b"1" * 100_000,
        rb'"\ud800" "',
    ],
)
def test_what_programs_read_in_different_ways_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        strict_json(content)
