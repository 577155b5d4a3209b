"""Which platforms there are, and what is refused as one."""

import ast
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

import connectors._registry as registry
from connectors import Connector, connector_for, platforms
from connectors.webhook import Webhook
from connectors.webhook import connector as webhook

_FOLDERS = ("analytics", "config", "connectors", "meizhen", "organisation", "sandbox", "scheduler", "web")
_SOURCES = (".py", ".toml", ".html", ".js", ".typ")


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry remembers: each test asks a forgetful one."""
    monkeypatch.setattr(registry, "platforms", platforms.__wrapped__)
    monkeypatch.setattr(registry, "connector_for", connector_for.__wrapped__)


def offer(monkeypatch: pytest.MonkeyPatch, connector: object, name: str = "elsewhere") -> None:
    """A third party's package offers this connector."""
    entry = SimpleNamespace(name=name, load=lambda: connector)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == registry.GROUP else [])


def test_every_public_module_is_a_platform_and_no_other() -> None:
    assert {"wechat", "weibo", "webhook", "youth_voice"} <= set(platforms())
    assert list(platforms()) == sorted(platforms())
    assert not [name for name in platforms() if name.startswith("_")]


def test_a_platform_gives_its_one_connector() -> None:
    assert connector_for("webhook") is webhook


@pytest.mark.parametrize("name", ["nowhere", "_http", "_contract", "", "webhook.x", "../webhook", "Webhook"])
def test_an_unknown_platform_is_refused_without_an_import(name: str) -> None:
    with pytest.raises(KeyError):
        connector_for(name)


@pytest.mark.parametrize("name", sorted(set(platforms()) - {"wechat", "weibo", "webhook", "youth_voice"}))
def test_a_platform_is_named_in_its_own_files_only(name: str) -> None:
    """The first four have layouts and rules of awards of their own; whoever comes after them has none.

    A shipped index names the platform that it is defined for.
    """
    root = Path(registry.__file__).parent.parent
    indices = root / "config/defaults/indices"
    files = [
        file
        for folder in _FOLDERS
        for file in (root / folder).rglob("*")
        if file.suffix in _SOURCES and file.is_file() and file.parent != indices and not _built(file)
    ]
    named = {file.name for file in files if name in file.read_text("utf-8").lower()}
    assert len(files) > 200
    assert f"{name}.py" in named
    assert [file for file in named if file != f"{name}.py" and not file.startswith(f"_{name}_")] == []


def _built(file: Path) -> bool:
    """Others' sources, and what is made of them."""
    return not {"node_modules", "static"}.isdisjoint(file.parts)


# What names one of the first four in its code all the same, each for a reason: examples of what people type,
# and what one platform alone has. What is mended leaves the list.
_EXCEPTIONS = {
    "analytics/awards/rule_file.py": "repeated questions are a column that one platform alone has",
    "analytics/awards/source_mix.py": "which figures tell where reads come from",
    "connectors/_pasted_page.py": "pasted pages are cleaned by the list of its articles",
    "analytics/awards/sources.py": "which figures of a platform an award's words mean",
    "analytics/exports/columns.py": "the weekly report's columns, agreed a platform",
    "analytics/imports/template.py": "the example in the template's first row",
    "meizhen/examples.py": "examples of the helps",
    "meizhen/demo/accounts.py": "made-up accounts",
    "meizhen/demo/campaign.py": "made-up posts",
    "meizhen/demo/run.py": "what the demo counts",
    "meizhen/demo/newsroom.py": "made-up posts",
    "organisation/webhooks.py": "how the ledger names an endpoint of ours",
    "sandbox/readers.py": "how many read where",
    "web/api/examples.py": "examples of the reference",
}


def test_the_first_four_are_named_in_code_only_where_it_is_listed_and_why() -> None:
    root = Path(registry.__file__).parent.parent
    found = set()
    for folder in _FOLDERS:
        for file in (root / folder).rglob("*.py"):
            told = [word.lower() for word in _said(file)]
            for name in ("wechat", "weibo", "webhook", "youth_voice"):
                own = file.name == f"{name}.py" or file.name.startswith(f"_{name}_")
                # Another platform of the same house is no mention of this one.
                if not own and _names(name, told) and not (file.stem in platforms() and file.stem != name):
                    found.add(str(file.relative_to(root)))
    assert found == set(_EXCEPTIONS)


def _names(platform: str, told: list[str]) -> bool:
    """Is the platform named? `webhook` is also what we call others by: there it counts before a handle."""
    if platform == "webhook":
        return any(word.startswith((f"{platform}:", f"connectors.{platform}")) for word in told)
    return any(platform in word for word in told)


def _said(file: Path) -> Iterator[str]:
    """Names, imports and strings of a file's code; comments and docstrings may speak of anything."""
    tree = ast.parse(file.read_text("utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.usefixtures("fresh_registry")
def test_a_third_party_platform_arrives_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere(Webhook):
        platform = "elsewhere"

    connector = Elsewhere()
    offer(monkeypatch, connector)
    assert "elsewhere" in registry.platforms()
    assert registry.connector_for("elsewhere") is connector


@pytest.mark.usefixtures("fresh_registry")
@pytest.mark.parametrize(
    "offered", [webhook, Webhook, object(), None], ids=["name", "class", "object", "none"]
)
def test_what_is_no_connector_of_that_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, offered: Connector | object
) -> None:
    offer(monkeypatch, offered)
    with pytest.raises(TypeError, match="elsewhere"):
        registry.connector_for("elsewhere")


def test_the_entry_point_group_is_the_documented_one() -> None:
    assert EntryPoint("x", "y:z", registry.GROUP).group == "meizhen.connectors"
