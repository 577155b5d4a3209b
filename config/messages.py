"""Texts for people, Chinese first: one TOML catalogue a topic in `config/catalogues/`.

A key `account.duplicate_handle` is the table `[duplicate_handle]` of `account.toml`, with `zh`, `en` and,
for errors, `remedy_zh` and `remedy_en`; where those name a command, `remedy_page_zh` and `remedy_page_en` say
the same to a reader of the console.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LANGUAGES = ("zh", "en")
_BETWEEN = {"zh": "、", "en": ", "}
_CATALOGUES = Path(__file__).with_name("catalogues")
_chosen: str | None = None
# Of one request: its reader's. Everything that runs for the request inherits it, threads too.
_requested: ContextVar[str | None] = ContextVar("meizhen_language", default=None)
_for_page: ContextVar[bool] = ContextVar("meizhen_for_page", default=False)


@dataclass(frozen=True)
class Words:
    """Values of an enumeration within a text, each by its own entry: `Words("task.state_", ("done",))`."""

    prefix: str
    values: tuple[str, ...]

    def told(self, language: str) -> str:
        words = (told(f"{self.prefix}{value}", {}, language=language) for value in self.values)
        return listed(words, language)


def listed(words: Iterable[str], language: str | None = None) -> str:
    """The words one after the other, as the language separates them."""
    return _BETWEEN[language or present_language()].join(words)


def use_language(language: str) -> None:
    """Chooses the language of this process: the setting `language`, once the settings are read."""
    global _chosen
    if language not in LANGUAGES:
        raise ValueError(f"expected one of {', '.join(LANGUAGES)}, got {language!r}")
    _chosen = language


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Within this, and in what it starts, texts are in this language; None leaves it as it was."""
    # Settled once: a page asks for hundreds of texts.
    token = _requested.set(language if language in LANGUAGES else present_language())
    try:
        yield
    finally:
        _requested.reset(token)


@contextmanager
def for_page() -> Iterator[None]:
    """Within this, remedies speak to a reader of the console, who has no commands."""
    token = _for_page.set(True)
    try:
        yield
    finally:
        _for_page.reset(token)


def present_language() -> str:
    """The present language: the request's, then MEIZHEN_LANGUAGE, then the setting, then Chinese."""
    requested = _requested.get()
    if requested is not None:
        return requested
    wanted = os.environ.get("MEIZHEN_LANGUAGE", "")
    if wanted in LANGUAGES:
        return wanted
    return _chosen or "zh"


@cache
def catalogue(topic: str) -> dict[str, dict[str, str]]:
    """The catalogue of a topic: entry → its texts by language."""
    with (_CATALOGUES / f"{topic}.toml").open("rb") as file:
        entries: dict[str, dict[str, str]] = tomllib.load(file)
    return entries


def topics() -> list[str]:
    """The names of all catalogues."""
    return sorted(file.stem for file in _CATALOGUES.glob("*.toml"))


def text(key: str, /, **params: object) -> str:
    """The text of `key` in the present language, with `{params}` filled in.

    Raises KeyError for a key that no catalogue knows: a missing text is a bug, and a test looks for it.
    """
    return told(key, params)


def told(key: str, params: Mapping[str, object], *, language: str | None = None, part: str = "") -> str:
    """Like `text` in a chosen language; `part="remedy"` gives the entry's remedy, or '' without one."""
    topic, _, entry = key.partition(".")
    texts = catalogue(topic)[entry]
    chosen = language or present_language()
    found = texts.get(f"{part}_{chosen}", "") if part else texts[chosen]
    if part and _for_page.get():
        found = texts.get(f"{part}_page_{chosen}", found)
    if "{" not in found and "}" not in found:
        return found
    filled = {name: one.told(chosen) if isinstance(one, Words) else one for name, one in params.items()}
    return found.format_map(filled)
