"""Keys by the command line: made, listed without themselves, revoked; nobody makes one beyond their reach."""

from collections.abc import Callable
from pathlib import Path

import pytest
from command import Said, command

Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    run = command(monkeypatch, capsys)
    run("init")
    units = tmp_path / "units.csv"
    units.write_text("code,parent,kind,name_zh\nNM,,region,全区\nHH,NM,league,盟市\n", "utf-8")
    run("org", "import", units)
    for login, unit in (("boss", "NM"), ("li", "HH")):
        run("person", "add", login, "--name", login, "--unit", unit)
    (tmp_path / "password").write_text("草原上的云走得很慢呢\n", "utf-8")
    for login in ("boss", "li"):
        (tmp_path / "code").write_text(run("person", "invite", login, "--json").json()["code"], "utf-8")
        run("person", "accept", "--code-file", tmp_path / "code", "--password-file", tmp_path / "password")
    run("person", "grant", "boss", "administrator", "--unit", "NM")
    run("person", "grant", "li", "editor", "--unit", "HH")
    return run


def test_a_key_is_shown_once_listed_without_itself_and_revoked(run: Run) -> None:
    made = run(
        "key", "add", "li", "--name", "排稿", "--scope", "read", "--scope", "post.write", "--json"
    ).json()
    assert made["key"].startswith(f"mz_{made['prefix']}_") and "post.write" in made["scopes"]
    told = run("key", "add", "li", "--name", "x", "--scope", "post.read", "--days", "7").out
    assert "mz_" in told and "post.write" not in told
    listed = run("key", "list", "--person", "li", "--json")
    assert made["key"] not in listed.out and len(listed.json()) == 2
    assert made["prefix"] in run("key", "list").out
    run("key", "revoke", made["prefix"])
    assert "revoked before" in run("key", "revoke", made["prefix"], code=1).err
    (mine,) = [one for one in run("key", "list", "--json").json() if one["prefix"] == made["prefix"]]
    assert mine["revoked_at"]
    assert "There is no key" in run("key", "revoke", "nothing", code=1).err


def test_a_key_is_made_for_oneself_or_for_those_one_is_over(run: Run) -> None:
    scope = ("--name", "x", "--scope", "read")
    own = run("--as", "li", "key", "add", "li", *scope, "--json").json()
    run("--as", "boss", "key", "add", "li", *scope)
    theirs = run("key", "add", "boss", *scope, "--json").json()
    run("--as", "li", "key", "add", "boss", *scope, code=1)
    run("--as", "li", "key", "revoke", theirs["prefix"], code=1)
    run("--as", "li", "key", "revoke", own["prefix"])
    run("--as", "boss", "key", "revoke", theirs["prefix"])
    seen = {one["person"] for one in run("--as", "boss", "key", "list", "--json").json()}
    assert seen == {"boss", "li"}
    run("--as", "li", "key", "list", code=1)
