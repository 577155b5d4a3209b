"""`meizhen person`, and the other commands when a person runs them: what they may, and no more."""

import re
import shutil
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from command import Said, command

from config.clock import SystemClock
from config.settings import load_settings
from config.table_files import read_table
from meizhen.cli.serve import _say as say_started
from meizhen.house import make_house, open_house
from meizhen.rules import JOBS
from meizhen.service import _register_jobs
from meizhen.upkeep import first_way_in, note_ledger_head, record_settings, sweep
from organisation import add_account, import_units

Run = Callable[..., Said]
PASSWORD = "草原上的云走得很慢呢"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house with NM (below it HH and BT) and BJ, an account in HH and one in BT."""
    folder = tmp_path_factory.mktemp("house")
    units = folder / "units.csv"
    units.write_text(
        "code,parent,kind,name_zh\nNM,,region,内蒙古\nHH,NM,league,呼和浩特\n"
        "BT,NM,league,包头\nBJ,,region,北京\n",
        "utf-8",
    )
    settings = load_settings({"MEIZHEN_HOME": str(folder / "home")})
    make_house(settings)
    with open_house(settings) as house, house.database.write() as session:
        now = house.clock.now()
        import_units(session, house.keys, read_table(units), at=now, actor="test")
        for code in ("HH", "BT"):
            site = {"platform": "youth_voice", "handle": code.lower(), "unit": code, "name": code}
            site |= {"api_base": "https://site.example/api", "token": "a-token-of-the-site"}
            add_account(session, house.keys, site, at=now, actor="test")
    return folder / "home"


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made: Path, tmp_path: Path
) -> Run:
    """Commands in a house of the test's own."""
    shutil.copytree(made, tmp_path / "home")
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    (tmp_path / "password").write_text(f"{PASSWORD}\n", "utf-8")
    return command(monkeypatch, capsys)


@pytest.fixture
def come_in(run: Run, tmp_path: Path) -> Callable[..., None]:
    """Adds a person with roles, who accepts their invitation."""

    def enter(login: str, *roles: str, unit: str | None = None) -> None:
        home = ["--unit", unit] if unit else []
        run("person", "add", login, "--name", f"姓名{login}", *home)
        code = run("person", "invite", login, "--json").json()["code"]
        (tmp_path / "code").write_text(code, "utf-8")
        run("person", "accept", "--code-file", tmp_path / "code", "--password-file", tmp_path / "password")
        for role in roles:
            name, _, place = role.partition("@")
            run("person", "grant", login, name, *(["--unit", place] if place else ["--everywhere"]))

    return enter


def acts(run: Run) -> list[str]:
    return [row["act"] for row in run("ledger", "list", "--json").json()]


def test_a_person_comes_is_given_a_role_and_goes(run: Run, come_in: Callable[..., None]) -> None:
    come_in("li", "editor@HH", unit="HH")
    (row,) = run("person", "list", "--json").json()
    assert row == {
        "login": "li",
        "name": "姓名li",
        "unit": "HH",
        "state": "active",
        "roles": ["editor@HH"],
    }
    assert "姓名li" in run("person", "list").out and "editor" in run("person", "show", "li").out
    run("person", "charge", "li", "--account", "youth_voice:hh", "--account", "youth_voice:bt")
    assert run("person", "charge", "li", code=1).err.startswith("It is not said")
    assert "no post 7" in run("person", "charge", "li", "--post", 7, code=1).err
    come_in("wang", unit="HH")
    said = run("person", "disable", "li", "--reason", "离职")
    assert "2 things" in said.out
    assert run("person", "disable", "li", code=1).err.startswith("li is disabled")
    moved = run("person", "hand-over", "li", "--to", "wang", "--json").json()
    assert moved == {"from": "li", "to": "wang", "things": {"account": 2}, "roles": []}
    shown = run("person", "show", "wang", "--json").json()
    assert shown["charges"] == {"account": 2} and shown["factor"] is False
    run("person", "enable", "li")
    run("person", "revoke", "li", "editor", "--unit", "HH")
    assert run("person", "show", "li", "--json").json()["roles"] == []
    assert "does not hold" in run("person", "revoke", "li", "editor", "--unit", "HH", code=1).err
    assert acts(run)[:5] == [
        "role.revoke",
        "person.enable",
        "person.hand_over",
        "person.disable",
        "person.password",
    ]


def test_the_first_owner_comes_by_the_code_of_the_start(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_house() as house:
        say_started(house, "node-1")
    (code,) = re.findall(r"(?:[a-z2-9]{5}-){4}[a-z2-9]{5}", capsys.readouterr().out)
    (tmp_path / "code").write_text(code, "utf-8")
    files = ("--code-file", tmp_path / "code", "--password-file", tmp_path / "password")
    assert "is the owner" in run("person", "setup", "first", "--name", "王芳", *files).out
    assert "not good" in run("person", "setup", "second", "--name", "李雷", *files, code=1).err
    with open_house() as house:
        assert first_way_in(house) is None
    assert "last owner" in run("person", "disable", "first", code=1).err
    assert "last owner" in run("person", "revoke", "first", "owner", "--everywhere", code=1).err


def test_a_role_wants_exactly_one_place_and_its_name(run: Run, come_in: Callable[..., None]) -> None:
    come_in("li")
    for places in ([], ["--unit", "HH", "--everywhere"]):
        assert "--everywhere" in run("person", "grant", "li", "editor", *places, code=1).err
    assert "first_reviewer" in run("person", "grant", "li", "reviewer", "--everywhere", code=1).err
    run("person", "grant", "li", "first-reviewer", "--unit", "HH")
    assert "already" in run("person", "grant", "li", "first_reviewer", "--unit", "HH", code=1).err


def test_lists_show_a_person_what_is_theirs(run: Run, come_in: Callable[..., None]) -> None:
    come_in("li", "viewer@HH", unit="HH")
    assert [row["code"] for row in run("--as", "li", "org", "list", "--json").json()] == ["HH"]
    assert run("--as", "li", "org", "tree").out.split() == ["呼和浩特", "HH"]
    (account,) = run("--as", "li", "account", "list", "--json").json()
    assert account["handle"] == "hh"
    assert run("--as", "li", "post", "list", "--json").json() == []
    assert len(run("account", "list", "--json").json()) == 2
    come_in("wang", "administrator@BJ")
    assert run("--as", "wang", "account", "check", "--json").json() == []


def test_what_is_out_of_sight_and_what_is_not_there_are_told_alike(
    run: Run, come_in: Callable[..., None]
) -> None:
    come_in("li", "administrator@HH", unit="HH")
    come_in("owner", "owner")
    told = {
        run("--as", "li", *words, code=1).err
        for words in (
            ("org", "show", "BT"),
            ("org", "show", "NOWHERE"),
            ("account", "show", "youth_voice:bt"),
            ("account", "pause", "youth_voice:b"),
            ("post", "show", "7"),
            ("person", "show", "owner"),
            ("person", "show", "nobody"),
            ("person", "password", "owner"),
            ("person", "grant", "li", "viewer", "--everywhere"),
            ("queue", "pause"),
        )
    }
    assert told == {
        "There is no such thing, or it is not within your reach. "
        "Check the name; if need be ask an administrator for a role at that unit.\n"
    }
    assert acts(run)[:10] == ["access.refused"] * 10


def test_who_sees_but_may_not_learns_which_role_is_missing(
    run: Run, come_in: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    come_in("li", "viewer@HH")
    monkeypatch.setenv("MEIZHEN_PERSON", "li")
    said = run("account", "pause", "youth_voice:hh", code=1)
    assert "account.write" in said.err and "administrator, owner" in said.err
    monkeypatch.delenv("MEIZHEN_PERSON")
    (entry,) = run("ledger", "list", "--act", "access", "--json").json()
    assert entry["details"] == {"act": "account.write", "person": "li"}
    assert entry["subject"] == "command:account pause" and entry["actor"].startswith("person:li (cli:")
    assert run("account", "show", "youth_voice:hh", "--json").json()["state"] == "active"


def test_an_administrator_does_in_their_unit_what_the_role_says(
    run: Run, come_in: Callable[..., None]
) -> None:
    come_in("admin", "administrator@HH", unit="HH")
    run("--as", "admin", "account", "pause", "youth_voice:hh")
    run("--as", "admin", "org", "set", "HH", "--lateness-hours", "3")
    run("--as", "admin", "person", "add", "new", "--name", "新人", "--unit", "HH")
    run("--as", "admin", "person", "grant", "new", "editor", "--unit", "HH")
    assert (
        "own roles"
        in run("--as", "admin", "person", "grant", "admin", "final_reviewer", "--unit", "HH", code=1).err
    )
    assert "owner" in run("--as", "admin", "person", "grant", "new", "owner", "--unit", "HH", code=1).err
    assert [row["login"] for row in run("--as", "admin", "person", "list", "--json").json()] == [
        "admin",
        "new",
    ]
    (entry,) = run("ledger", "list", "--act", "account.pause", "--json").json()
    assert entry["actor"].startswith("person:admin (")
    run("person", "revoke", "admin", "administrator", "--unit", "HH")
    run("--as", "admin", "account", "resume", "youth_voice:hh", code=1)


def test_who_is_not_here_acts_nowhere(run: Run, come_in: Callable[..., None]) -> None:
    come_in("li", "owner")
    come_in("other", "owner")
    run("person", "disable", "li")
    assert "cannot sign in" in run("--as", "li", "org", "list", code=1).err
    assert "nobody with the login" in run("--as", "ghost", "org", "list", code=1).err


def test_a_role_can_demand_a_second_factor(
    run: Run, come_in: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyotp

    come_in("li", "viewer@HH")
    run("person", "demand", "viewer", "--second-factor")
    assert "second factor" in run("--as", "li", "org", "show", "HH", code=1).err
    shown: list[str] = []

    def answer(*_: object, **__: object) -> str:
        secret = next(word for told in shown for word in told.split() if len(word) == 32)
        return pyotp.TOTP(secret).at(SystemClock().now())

    with monkeypatch.context() as typing:
        typing.setattr("meizhen.cli.person.typer.echo", lambda told="", **_: shown.append(str(told)))
        typing.setattr("meizhen.cli.person.typer.prompt", answer)
        run("person", "factor", "li")
    assert sum(len(told.strip()) == 29 for told in shown) == 10
    assert run("--as", "li", "org", "show", "HH", "--json").json()["code"] == "HH"
    run("person", "factor", "li", "--drop")
    run("--as", "li", "org", "show", "HH", code=1)


def test_who_queues_a_post_answers_for_it_and_reaches_no_other_account(
    run: Run, come_in: Callable[..., None]
) -> None:
    come_in("li", "publisher@HH")
    come_in("far", "publisher@BT")
    words = ("--due", "2099-03-02T09:00", "--title", "招募", "--text", "志愿者招募")
    both = ("--account", "youth_voice:hh", "--account", "youth_voice:bt")
    run("--as", "li", "post", "add", *both, *words, code=1)
    post = run("--as", "li", "post", "add", "--account", "youth_voice:hh", *words, "--json").json()["post"]
    assert run("person", "show", "li", "--json").json()["charges"] == {"post": 1}
    assert [row["post"] for row in run("--as", "li", "post", "list", "--json").json()] == [post]
    assert run("--as", "far", "post", "list", "--json").json() == []
    for act in ("show", "cancel"):
        assert "no such thing" in run("--as", "far", "post", act, post, code=1).err
    run("--as", "li", "post", "cancel", post)


def test_exports_are_recorded_with_what_they_were_told(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "ledger.jsonl"
    assert "entries" in run("ledger", "export", "--out", out).out
    (entry,) = run("ledger", "list", "--act", "ledger.export", "--json").json()
    assert entry["details"] == {"told": {"out": str(out)}}
    assert len(out.read_text("utf-8").splitlines()) == 4
    run("ledger", "export", "--out", out, "--since", "2199-01-01")
    assert out.read_text("utf-8") == ""
    run("ledger", "export", "--out", out, "--until", "yesterday", code=2)


def test_the_daily_head_is_kept_and_compared(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_house() as house:
        note_ledger_head(house)
        sweep(house)
    assert '"event": "ledger_head"' in capsys.readouterr().err
    run("ledger", "note")
    assert run("ledger", "verify", "--json").json()["sound"] is True
    heads = tmp_path / "home" / "ledger-heads.jsonl"
    assert len(heads.read_text("ascii").splitlines()) == 2
    other = tmp_path / "noted.jsonl"
    other.write_text('{"at": "", "entries": 2, "mac": "00"}\n', "ascii")
    said = run("ledger", "verify", "--heads", other, code=1)
    assert "entry 2 differs" in said.err
    other.write_text('{"at": "", "entries": 99, "mac": "00"}\n', "ascii")
    assert run("ledger", "verify", "--heads", other, "--json", code=1).json()["fault"]["kind"] == "rewound"


def test_the_service_runs_the_jobs_that_have_a_rule(run: Run) -> None:
    ticker = BackgroundScheduler(timezone=UTC)
    with open_house() as house:
        _register_jobs(ticker, house, "node-1")
    assert {job.id for job in ticker.get_jobs()} == set(JOBS)


def test_changed_settings_are_recorded_without_a_secret(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_house() as house:
        assert record_settings(house) and not record_settings(house)
    monkeypatch.setenv("MEIZHEN_SENDERS", "3")
    with open_house() as house:
        assert record_settings(house)
    newest, first = run("ledger", "list", "--act", "house.settings", "--json").json()
    assert newest["details"]["changed"] == ["senders"] and first["details"]["changed"] == []
    assert newest["details"]["settings"]["database_url"] == "***"


def test_roles_are_told_with_their_acts(run: Run) -> None:
    told = run("person", "roles", "--json").json()
    assert told["judge"] == ["award.read", "award.judge"] and "editor" in run("person", "roles").out


def test_a_code_and_a_password_are_typed_unseen(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("person", "add", "li", "--name", "李雷")
    code = run("person", "invite", "li", "--json").json()["code"]
    asked: list[bool] = []

    def typed(*_: object, hide_input: bool = False, **__: object) -> str:
        asked.append(hide_input)
        return code if len(asked) == 1 else PASSWORD

    monkeypatch.setattr("meizhen.cli.person.typer.prompt", typed)
    assert "has their password" in run("person", "accept").out
    assert asked == [True, True]
    run("person", "accept", "--code-file", tmp_path / "none", code=2)
    assert "shown this once" in run("person", "password", "li").out
    assert run("person", "password", "li", "--json").json()["login"] == "li"
    kept = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert kept and not any(word.encode() in content for word in (code, PASSWORD) for content in kept)
