"""Mastodon's way with text: how long it is, and what of it a reader finds again in the server's HTML."""

import re
import unicodedata
from html import unescape

LENGTH = 500  # of an instance that changed nothing
LINK_LENGTH = 23
_LINK = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w/])@([A-Za-z0-9_]+(?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)@[A-Za-z0-9.-]*[A-Za-z0-9]")
_BREAK = re.compile(r"<(?:br|/p|/li|/div)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def length(text: str) -> int:
    """Length in characters, each link 23, a mention without its server.

    The server counts what people see as one character, so it never counts more. Source: the sheet.
    """
    links = len(_LINK.findall(text))
    return len(_MENTION.sub(r"@\1", _LINK.sub("", text))) + links * LINK_LENGTH


def plain(content: str) -> str:
    """The text of a status's HTML, with its links whole: lines and paragraphs end in blanks."""
    return unescape(_TAG.sub("", _BREAK.sub(" ", content)))


def same_post(ours: str, content: str) -> bool:
    """Is this HTML our text? Links and the servers of mentions do not count: the server rewrites them.

    A text of nothing else is compared with its links; an empty one is like no post.
    """
    mine, theirs = _normal(ours), _normal(plain(content))
    if mine or theirs:
        return mine == theirs
    return bool(ours.strip()) and _run_together(ours) == _run_together(plain(content))


def _normal(text: str) -> str:
    return _run_together(_MENTION.sub(r"@\1", _LINK.sub(" ", text)))


def _run_together(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
