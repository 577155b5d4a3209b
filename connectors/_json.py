"""JSON from strangers: UTF-8 whatever its label, no NaN, no duplicate key, no deep nesting."""

import re
from codecs import BOM_UTF8
from typing import Any

from jiter import from_json

MAX_DEPTH = 64
_LONGEST_ID = 200
_LONGEST_ADDRESS = 1000
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_LOST = rb"\ufffd"
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, half characters


def strict_json(content: bytes) -> Any:
    """Decodes UTF-8 with or without a byte-order mark. Fractions come as Decimal, whole numbers as int.

    Half a character, as platforms leave where they cut a title, comes as U+FFFD. Raises ValueError for what
    programs read in different ways: NaN, a key twice, more than 64 levels.
    """
    content = content.removeprefix(BOM_UTF8)
    try:
        return _read(content)
    except ValueError:
        mended = _ESCAPE.sub(lambda found: _LOST if found["half"] else found[0], content)
        if mended == content:
            raise
        return _read(mended)


def _read(content: bytes) -> Any:
    value = from_json(
        content, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True, float_mode="decimal"
    )
    if not _is_shallow(content):
        _check_depth(value)
    return value


def remote_id(value: object) -> str | None:
    """A platform's id as text, number or text; None for anything that cannot be one."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value)
    return text if 0 < len(text) <= _LONGEST_ID and not _UNSTORABLE.search(text) else None


def whole(value: object) -> int | None:
    """A count, as number or as text; None for anything else: unknown is never 0."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 30 else None


def web_address(value: object) -> str:
    """An address that people may open, '' for anything else: it becomes a link in our pages."""
    fine = isinstance(value, str) and value.startswith(("https://", "http://"))
    text = str(value) if fine else ""
    return text if len(text) <= _LONGEST_ADDRESS and not _UNSTORABLE.search(text) else ""


def line(value: object, length: int) -> str:
    """A platform's words as one line that any database and page can hold."""
    return _UNSTORABLE.sub(" ", str(value or ""))[:length]


_KEPT = b'{}[]"'
_DROPPED = bytes(byte for byte in range(256) if byte not in _KEPT)


def _is_shallow(content: bytes) -> bool:
    """Is this valid JSON surely nested no deeper than allowed? Looking through its values takes far longer.

    Without its text each string is a pair of quotes. Where those pairs leave no quote, no string holds a
    bracket; then empty pairs of brackets are taken away, at most two levels of them a step.
    """
    if b'\\"' in content:
        return False
    left = content.translate(None, _DROPPED).replace(b'""', b"")
    if b'"' in left:
        return False
    for _ in range(MAX_DEPTH // 2):
        if not left:
            return True
        left = left.replace(b"{}", b"").replace(b"[]", b"")
    return not left


def _check_depth(value: object) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
    raise ValueError(f"nested deeper than {MAX_DEPTH}")
