"""`meizhen account`: no output ever shows a credential."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Said, command

CANARY = "canary-5b20"
Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    run = command(monkeypatch, capsys)
    run("init")
    units = tmp_path / "units.csv"
    units.write_text("code,parent,kind,name_zh\nNM,,region,内蒙古\nHH,NM,league,呼和浩特\n", "utf-8")
    run("org", "import", units)

    def quiet(*arguments: object, code: int = 0) -> Said:
        said = run(*arguments, code=code)
        assert CANARY not in said.out + said.err
        return said

    return quiet


def accounts_file(folder: Path, *lines: str) -> Path:
    path = folder / "accounts.csv"
    path.write_text("\n".join(["handle,platform,unit,name,api_base,token", *lines]) + "\n", "utf-8")
    return path


@pytest.fixture
def two(run: Run, tmp_path: Path) -> None:
    file = accounts_file(
        tmp_path,
        f"first,webhook,HH,青春呼和浩特,http://127.0.0.1:9,{CANARY}",
        "second,webhook,NM,,http://127.0.0.1:9,",
    )
    assert run("account", "import", file).out == "2 accounts registered, 0 updated.\n"


@pytest.mark.usefixtures("two")
def test_import_refuses_what_is_there_and_updates_when_told(run: Run, tmp_path: Path) -> None:
    file = accounts_file(tmp_path, f"first,webhook,NM,新名,http://127.0.0.1:9,{CANARY}2")
    assert "--update" in run("account", "import", file, code=2).err
    assert run("account", "import", file, "--update", "--json").json() == {
        "added": [],
        "updated": ["webhook:first"],
    }
    shown = run("account", "show", "first", "--json").json()
    assert (shown["name"], shown["unit"], shown["credentials"]) == ("新名", "NM", {"token": True})


@pytest.mark.usefixtures("two")
def test_list_filters_and_show_tells_which_credentials_are_set(run: Run) -> None:
    rows = run("account", "list", "--json").json()
    assert [(row["account"], row["unit"], row["state"]) for row in rows] == [
        ("webhook:first", "HH", "active"),
        ("webhook:second", "NM", "active"),
    ]
    assert [row["handle"] for row in run("account", "list", "--unit", "HH", "--json").json()] == ["first"]
    assert run("account", "list", "--platform", "weibo", "--json").json() == []
    assert "青春呼和浩特" in run("account", "list").out
    shown = run("account", "show", "first").out
    assert "Access token (token): set" in shown and "State: active" in shown
    assert "Access token (token): not set" in run("account", "show", "webhook:second").out


@pytest.mark.usefixtures("two")
def test_pause_resume_and_retire_once(run: Run) -> None:
    assert "is paused" in run("account", "pause", "first", "--reason", "核查").out
    assert "nothing was changed" in run("account", "pause", "first", code=1).err
    assert [row["handle"] for row in run("account", "list", "--state", "paused", "--json").json()] == [
        "first"
    ]
    assert "paused" in run("account", "list").out
    assert "active again" in run("account", "resume", "first").out
    assert "is retired" in run("account", "retire", "first").out
    assert "nothing was changed" in run("account", "resume", "first", code=1).err
    acts = [row["act"] for row in run("ledger", "list", "--subject", "webhook:first", "--json").json()]
    assert acts == ["account.retire", "account.resume", "account.pause"]


def test_add_takes_secrets_from_files_only(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(f"{CANARY}\n")
    site = ("account", "add", "webhook", "third", "--unit", "HH", "--api-base", "http://127.0.0.1:9")
    assert "must not stand on a command line" in run(*site, "--credential", f"token={CANARY}", code=1).err
    assert "There are: token" in run(*site, "--credential", "tokn=@x", code=1).err
    assert "cannot be read" in run(*site, "--credential", f"token=@{tmp_path}/none", code=2).err
    assert run(*site, "--credential", f"token=@{secret}").out == "Registered webhook:third.\n"
    assert run("account", "show", "third", "--json").json()["credentials"] == {"token": True}
    assert "is registered already" in run(*site, code=2).err


def test_add_asks_at_a_terminal_for_what_is_needed(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, bool]] = []

    def answer(prompt: str, hide_input: bool = False) -> str:
        asked.append((prompt, hide_input))
        known = {"Weibo UID": "123", "App Key": "456", "Safe domain (several with commas)": "example.org"}
        return known.get(prompt, CANARY if hide_input else "203.0.113.7")

    monkeypatch.setattr("typer.prompt", answer)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    run("account", "add", "weibo", "imu", "--unit", "NM", "--verified", "--filed", "2024-01-02")
    assert ("Access token", True) in asked and ("Weibo UID", False) in asked
    shown = run("account", "show", "imu", "--json").json()
    assert (shown["verified"], shown["filed"]) == (True, "2024-01-02")


def test_add_to_a_platform_that_is_none_names_those_there_are(run: Run) -> None:
    assert "webhook" in run("account", "add", "webhok", "x", "--unit", "NM", code=2).err


@pytest.mark.usefixtures("two")
def test_check_tells_what_is_wrong_and_ends_with_1(run: Run) -> None:
    rows = run("account", "check", "--json", code=1).json()
    assert [(row["account"], row["fine"]) for row in rows] == [
        ("webhook:first", False),
        ("webhook:second", False),
    ]
    assert "webhook:first" in run("account", "check", "first", code=1).out


def test_check_of_a_working_account_ends_with_0(run: Run, tmp_path: Path, sandbox) -> None:  # type: ignore[no-untyped-def]
    from sandbox.platforms.webhook import example

    account = example(sandbox.world, "site")
    token = account.credentials["token"]
    run("account", "import", accounts_file(tmp_path, f"site,webhook,HH,,{sandbox.url}/webhook,{token}"))
    (row,) = run("account", "check", "site", "--json").json()
    assert (row["account"], row["fine"]) == ("webhook:site", True)


@pytest.mark.usefixtures("two")
def test_new_keys_open_everything(run: Run, tmp_path: Path) -> None:
    assert "now version 2; the credentials of 2 accounts" in run("account", "rotate-keys").out
    assert run("account", "show", "first", "--json").json()["credentials"] == {"token": True}
    assert run("ledger", "list", "--json").json()[0]["details"] == {"version": 2, "accounts": 2, "robots": 0}
    assert "sound" in run("ledger", "verify").out


@pytest.mark.usefixtures("two")
def test_an_unknown_account_is_told_with_near_names(run: Run) -> None:
    assert "webhook:first" in run("account", "show", "frst", code=1).err
