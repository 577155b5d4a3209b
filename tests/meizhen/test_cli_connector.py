"""`meizhen connector`: a stranger's connector is found, tested like ours, and told what is wrong with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Said, command
from example_connector import EXAMPLE, installed_connector
from scenery import make_account

from config import ManualClock
from config.database import connect
from config.secrets import KeyRing
from connectors import Limits, connector_for, platforms
from meizhen.conforming import at_the_sandbox, declarations
from organisation.stages import parse_stages, set_stages
from organisation.units import Unit

ROOT = Path(__file__).parents[2]
Run = Callable[..., Said]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with installed_connector(tmp_path / "site", monkeypatch):
        yield


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return command(monkeypatch, capsys)


@pytest.mark.usefixtures("installed")
def test_a_strangers_connector_is_found_by_its_entry_point_and_meets_every_demand(run: Run) -> None:
    assert "campus_bulletin" in platforms()
    assert connector_for("campus_bulletin").label.zh == "校园公告"
    rows = {row["platform"]: row["from"] for row in run("connector", "list", "--json").json()}
    assert (rows["campus_bulletin"], rows["wechat"]) == ("meizhen-campus-bulletin", "meizhen")
    said = run("connector", "test", "campus_bulletin", "--json")
    states = {row["demand"]: (row["state"], row["told"]) for row in said.json()}
    assert {state for state, _ in states.values()} == {"met"}
    assert len(states) >= 30 and "0 broken" in said.err
    assert "campus_bulletin" not in run("connector", "page").out


def test_the_smallest_complete_connector_is_under_sixty_lines() -> None:
    assert len((EXAMPLE / "campus_bulletin.py").read_text("utf-8").splitlines()) <= 60


def test_the_page_of_platforms_is_made_from_their_declarations(run: Run) -> None:
    assert (ROOT / "docs" / "reference" / "platforms.md").read_text("utf-8") == run("connector", "page").out


def test_a_platform_by_hand_is_tested_without_a_double() -> None:
    verdicts = list(at_the_sandbox(connector_for("zhihu")))
    assert verdicts[-1].demand == "handing_over_calls_nobody"
    assert {one.state for one in verdicts} == {"met"}


def test_what_is_broken_is_named() -> None:
    class Careless(type(connector_for("zhihu"))):  # type: ignore[misc]
        limits = Limits(title_length=0)
        assistance = None

    broken = {one.demand: one.told for one in declarations(Careless()) if one.state == "broken"}
    assert broken == {
        "limits_are_sane": "a limit of 0",
        "what_it_hands_to_a_person_it_says_all_about": "assisted and assistance differ",
    }


def test_a_real_account_is_only_read_and_nothing_passes_by_review(
    run: Run,
    sandbox,  # type: ignore[no-untyped-def]
    clock: ManualClock,
    keys: KeyRing,
    tmp_path: Path,
    _sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "meizhen.sqlite").write_bytes(_sqlite_template.read_bytes())
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    database = connect(f"sqlite:///{tmp_path / 'meizhen.sqlite'}")
    from sandbox.platforms import webhook

    credentials = webhook.example(sandbox.world, "us").credentials
    base = f"{sandbox.url}/webhook"
    make_account(database, keys, "webhook", "us", api_base=base, credentials=credentials)
    test = ("connector", "test", "webhook", "--account", "webhook:us")
    run(*test)
    assert sandbox.world.published == []
    run(*test, "--write")
    assert len(sandbox.world.published) == 1
    assert run("ledger", "list", "--json").json()[0]["act"] == "connector.test"
    with database.write() as session:
        unit = session.get_one(Unit, 1)
        set_stages(session, keys, unit, parse_stages("first"), at=clock.now(), actor="test")
    database.close()
    assert "Nothing was sent" in run(*test, "--write", code=1).err
    assert len(sandbox.world.published) == 1
    run("connector", "test", "webhook", "--write", code=1)
    run("connector", "test", "nowhere", code=1)
    run("connector", "test", "zhihu", "--account", "webhook:us", code=1)
