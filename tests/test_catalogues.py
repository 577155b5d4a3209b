"""Every text is there in both languages, and every text that the code asks for exists."""

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CATALOGUES = {path.stem: path for path in (ROOT / "config" / "catalogues").glob("*.toml")}
PACKAGES = ("config", "connectors", "organisation", "scheduler", "analytics", "web", "meizhen")
LANGUAGES = ("zh", "en")
# Calls whose first argument names an entry.
ASKING = {"text", "told", "MeizhenError", "Problem", "refuse"}
ENTRY = re.compile(r"[a-z_]+\.[a-z0-9_]+")


def entries(topic: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(CATALOGUES[topic].read_text("utf-8"))


def placeholders(told: str) -> set[str]:
    """The facts in a text. One that itself comes in both languages is `told_zh` (or `zh`) in the one."""
    names = {name for _, name, _, _ in string.Formatter().parse(told) if name is not None}
    return {re.sub(r"(^|_)(zh|en)$", "", name) for name in names}


@pytest.mark.parametrize("topic", sorted(CATALOGUES))
def test_every_entry_speaks_both_languages_about_the_same_facts(topic: str) -> None:
    for name, texts in entries(topic).items():
        remedied = {*LANGUAGES, "remedy_zh", "remedy_en"}
        on_pages = {*remedied, "remedy_page_zh", "remedy_page_en"}
        assert set(texts) in ({*LANGUAGES}, remedied, on_pages), f"{topic}.{name}"
        assert all(told.strip() for told in texts.values()), f"{topic}.{name}"
        by_language = {
            language: placeholders(texts[language]) | placeholders(texts.get(f"remedy_{language}", ""))
            for language in LANGUAGES
        }
        assert by_language["zh"] == by_language["en"], f"{topic}.{name}"


def calls() -> Iterator[tuple[str, str]]:
    """Place and entry of every literal that names an entry where a text is asked for."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                first = node.args[0]
                if name in ASKING and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", first.value


def in_templates() -> Iterator[tuple[str, str, bool]]:
    """Place and entry of every `t("…")` of a template, and whether it is only how the entry begins."""
    for path in sorted((ROOT / "web" / "templates").rglob("*.html")):
        for found in re.finditer(r'\bt\("([a-z0-9_.]+)"(\s*~)?', path.read_text("utf-8")):
            yield str(path.relative_to(ROOT)), found[1], bool(found[2])


def test_every_text_that_the_code_asks_for_exists() -> None:
    known = {f"{topic}.{name}" for topic in CATALOGUES for name in entries(topic)}
    asked = [(place, entry) for place, entry in calls() if ENTRY.fullmatch(entry)]
    asked += [(place, entry) for place, entry, begins in in_templates() if not begins]
    assert len(asked) > 50
    assert [(place, entry) for place, entry in asked if entry not in known] == []


def test_no_entry_is_left_that_nothing_asks_for() -> None:
    """An entry is asked for by its whole name, by an f-string that is built like it, or by `Words`."""
    literals: set[str] = set()
    built: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    literals.add(node.value)
                elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Words":
                    if isinstance(node.args[0], ast.Constant):
                        built.add(str(node.args[0].value))
                elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                    built.add(str(node.values[0].value))
    for _, entry, begins in in_templates():
        (built if begins else literals).add(entry)
    prefixes = tuple(start for start in built if ENTRY.fullmatch(f"{start}x"))
    left = [
        f"{topic}.{name}"
        for topic in CATALOGUES
        for name in entries(topic)
        if f"{topic}.{name}" not in literals and not f"{topic}.{name}".startswith(prefixes)
    ]
    assert left == []
