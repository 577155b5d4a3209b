"""`meizhen init`, and what every command says before it or with a house that does not fit."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Said, command

from config.settings import load_settings
from meizhen.house import make_house, open_house

Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return command(monkeypatch, capsys)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_init_makes_settings_keys_media_and_tables(run: Run, home: Path) -> None:
    assert "Back up" in run("init").out
    assert sorted(path.name for path in home.iterdir() if not path.name.endswith(("-wal", "-shm"))) == [
        "keys.json",
        "media",
        "meizhen.sqlite",
        "settings.toml",
    ]
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "keys.json").stat().st_mode & 0o777 == 0o600
    assert (home / "settings.toml").stat().st_mode & 0o777 == 0o600
    (entry,) = run("ledger", "list", "--json").json()
    assert (entry["act"], entry["subject"]) == ("house.init", "house")


def test_init_again_touches_nothing(run: Run, home: Path) -> None:
    run("init")
    (home / "settings.toml").write_text('language = "en"\n')
    before = {name: (home / name).read_bytes() for name in ("keys.json", "settings.toml")}
    assert "made before" in run("init").out
    assert {name: (home / name).read_bytes() for name in before} == before
    assert len(run("ledger", "list", "--json").json()) == 1


def test_the_written_settings_are_read_and_are_the_defaults(run: Run, home: Path) -> None:
    run("init")
    written = (home / "settings.toml").read_text("utf-8")
    assert load_settings({"MEIZHEN_HOME": str(home)}) == load_settings(
        {"MEIZHEN_HOME": str(home), "MEIZHEN_CONFIG": str(home / "none.toml")}
    )
    uncommented = "\n".join(
        line[2:] if " = " in line and line.startswith("# ") else line for line in written.splitlines()
    )
    (home / "settings.toml").write_text(uncommented, "utf-8")
    assert "senders = 16" in uncommented
    assert load_settings({"MEIZHEN_HOME": str(home)}).senders == 16


@pytest.mark.parametrize("arguments", [("org", "list"), ("account", "list"), ("ledger", "verify")])
def test_a_command_before_init_says_so(run: Run, home: Path, arguments: tuple[str, ...]) -> None:
    said = run(*arguments, code=1)
    assert "Run meizhen init" in said.err and said.out == ""
    assert not home.exists()


def test_keys_that_are_gone_are_not_made_anew_for_a_database_in_use(run: Run, home: Path) -> None:
    run("init")
    (home / "keys.json").unlink()
    assert "put the old key file back" in run("init", code=1).err
    assert not (home / "keys.json").exists()


def test_keys_of_another_house_are_refused_at_once(run: Run, home: Path, tmp_path: Path) -> None:
    run("init")
    units = tmp_path / "units.csv"
    units.write_text("code,parent,kind,name_zh\nNM,,region,x\n", "utf-8")
    run("org", "import", units)
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("handle,platform,unit,api_base,token\na,webhook,NM,http://127.0.0.1:9,t\n", "utf-8")
    run("account", "import", accounts)
    (home / "keys.json").unlink()
    (tmp_path / "second").mkdir()
    make_house(load_settings({"MEIZHEN_HOME": str(tmp_path / "second")}))
    (tmp_path / "second" / "keys.json").rename(home / "keys.json")
    said = run("account", "list", code=1)
    assert said.err.count("do not open with the keys at hand") == 1 and "Traceback" not in said.err


def test_a_key_file_that_others_can_read_is_refused(run: Run, home: Path) -> None:
    run("init")
    (home / "keys.json").chmod(0o644)
    assert "chmod 600" in run("org", "list", code=1).err


@pytest.mark.parametrize(
    "content", ["", "{}", '{"master": {}, "ledger": ""}', '{"master": {"1": "AA=="}, "ledger": "AA=="}']
)
def test_a_key_file_with_other_content_is_refused(run: Run, home: Path, content: str) -> None:
    run("init")
    (home / "keys.json").write_text(content)
    assert "not a key file" in run("org", "list", code=1).err


def test_tables_of_another_version_are_refused_with_the_way_out(run: Run, home: Path) -> None:
    run("init")
    for version, told in (("0000", "run meizhen init"), ("9999", "Upgrade Meizhen")):
        with sqlite3.connect(home / "meizhen.sqlite") as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()
        assert told in run("org", "list", code=1).err


def test_a_database_without_tables_is_refused(run: Run, home: Path) -> None:
    run("init")
    for file in home.glob("meizhen.sqlite*"):
        file.unlink()
    assert "older version" in run("org", "list", code=1).err


def test_a_database_that_is_not_there_is_told_without_its_password(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init")
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", "postgresql+psycopg://who:canary-pw@127.0.0.1:1/none")
    for arguments in (("org", "list"), ("init",)):
        said = run(*arguments, code=1)
        assert "cannot be reached" in said.err and "canary-pw" not in said.err
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", "postgresql+psycopg://who:canary-pw@host:port/none")
    assert "canary-pw" not in run("org", "list", code=1).err


def test_a_home_that_cannot_be_made_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path / "file" / "home"))
    assert "cannot be written" in run("init", code=1).err


def test_two_databases_work_alike(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, database_address: str
) -> None:
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    run("init")
    assert run("ledger", "verify", "--json").json()["entries"] == 1


def test_the_actor_is_the_setting_or_the_user(home: Path) -> None:
    make_house(load_settings({"MEIZHEN_HOME": str(home)}))
    with open_house(load_settings({"MEIZHEN_HOME": str(home), "MEIZHEN_ACTOR": "李雷"})) as house:
        assert house.actor == "李雷"
        assert house.media_folder == home / "media"
    with open_house(load_settings({"MEIZHEN_HOME": str(home)})) as house:
        assert house.actor.startswith("cli")


def test_a_mistake_in_the_settings_ends_with_2(run: Run, home: Path) -> None:
    run("init")
    (home / "settings.toml").write_text("sendrs = 1\n")
    said = run("org", "list", code=2)
    assert "sendrs" in said.err and "senders" in said.err and json.dumps(str(home))[1:-1] in said.err
