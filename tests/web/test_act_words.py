"""What the ledger notes has words: the acts that are recorded, and nothing that is not."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from config.messages import catalogue
from organisation.ledger import LedgerEntry
from web.act_words import act_told, acts, facts_told

ROOT = Path(__file__).parents[2]
PACKAGES = ("organisation", "scheduler", "analytics", "meizhen", "web")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# Acts whose verbs are put together: accounts' moves, and steps of a campaign by their events.
ACCOUNT_MOVES = {"account.pause", "account.resume", "account.retire"}


def literals() -> Iterator[str]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


# What writes into the ledger, itself or by the way of another.
RECORDING = {"record", "_record", "_note", "note", "note_act", "Entry"}
ACT = re.compile(r"[a-z]+\.[a-z_]+")


def recorded() -> Iterator[str]:
    """The acts that are given to what records them, where they are written out: by place or by name."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RECORDING:
                    given = [*node.args, *(word.value for word in node.keywords if word.arg == "act")]
                    for one in given:
                        if isinstance(one, ast.Constant) and ACT.fullmatch(str(one.value)):
                            yield str(one.value)


def test_every_act_that_is_recorded_has_words_and_no_others_have() -> None:
    steps = {
        f"campaign.{name.removeprefix('event_')}"
        for name in catalogue("campaign")
        if name.startswith("event_")
    }
    known = set(catalogue("acts"))
    found = set(recorded())
    assert len(found) > 60
    assert found - known == set()
    assert steps <= known
    assert known <= set(literals()) | steps | ACCOUNT_MOVES


def test_an_act_of_an_earlier_version_is_told_by_its_code() -> None:
    assert act_told("person.sign_in") == "signed in"
    assert act_told("house.painted") == "house.painted"
    assert ("person.sign_in", "signed in") in acts()


def test_facts_are_told_in_words_with_beijings_times_and_without_what_is_empty() -> None:
    details: dict[str, object] = {
        "due": "2026-03-02T01:00:00+00:00",
        "accounts": ["webhook:a", "webhook:b"],
        "voided": None,
        "important": True,
        "expires_at": "2026-04-01 01:00:00+00:00",
        "things": {"account": 2},
        "reason": "x" * 500,
        "brand_new": "2026-W10",
    }
    entry = LedgerEntry(seq=1, at=NOW, actor="a", act="post.add", subject="post:1", details=details, mac="")
    told = dict(facts_told(entry, NOW))
    assert told["due"].endswith("09:00")
    assert told["accounts"] == "webhook:a, webhook:b"
    assert told["important"] == "yes"
    assert told["expires"].endswith("09:00")
    assert told["things"] == "account 2"
    assert len(told["reason"]) < 200
    assert told["brand_new"] == "2026-W10"
    assert "voided review" not in told
