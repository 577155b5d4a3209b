"""The ledger in words: what was done, and what was noted beside it."""

from collections.abc import Iterator
from datetime import datetime

from config.messages import catalogue, listed, present_language, text
from organisation.ledger import LedgerEntry
from web.moments import moment

_LONGEST = 160  # characters of one fact: the whole of it is in the export


def acts() -> list[tuple[str, str]]:
    """Every act that has words, with them, as the reader's language orders them."""
    language = present_language()
    told = [(act, words[language]) for act, words in catalogue("acts").items()]
    return sorted(told)


def act_told(act: str) -> str:
    """What was done; an act of an earlier version, which has no words, by its code."""
    return text(f"acts.{act}") if act in catalogue("acts") else act


def facts_told(entry: LedgerEntry, now: datetime) -> Iterator[tuple[str, str]]:
    """What was noted beside it: names in words, times in Beijing's; what is empty is left out."""
    for name, value in entry.details.items():
        told = _told(value, now)
        if told:
            yield text(f"act_facts.{name}") if name in catalogue("act_facts") else name, told[:_LONGEST]


def _told(value: object, now: datetime) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return text("console.yes" if value else "console.no")
    if isinstance(value, list):
        return listed(filter(None, (_told(one, now) for one in value)))
    if isinstance(value, dict):
        return listed(f"{name} {_told(one, now)}" for name, one in value.items())
    at = _moment(value)
    return str(value) if at is None else moment(at, now)


def _moment(value: object) -> datetime | None:
    """A moment as the ledger writes it; None for anything else, days among them."""
    if not isinstance(value, str) or len(value) < len("2026-01-01T00:00"):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
