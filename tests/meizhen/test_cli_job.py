"""Jobs by the command line: the operator sees all and calls off; a person sees what is theirs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from command import Said, command
from people import make_person, make_tree

from config.database import connect
from config.secrets import load_key_file
from organisation import Act, Role, standing_of
from organisation.job_leases import End, end_job, take_job
from organisation.job_runner import LEASE
from organisation.jobs import Asker, JobState, Order, ask_job

Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    from config.clock import SystemClock

    home = tmp_path / "home"
    monkeypatch.setenv("MEIZHEN_HOME", str(home))
    run = command(monkeypatch, capsys)
    run("init")
    database, keys = connect(f"sqlite:///{home / 'meizhen.sqlite'}"), load_key_file(home / "keys.json")
    clock = SystemClock()
    tree = make_tree(database)
    for login, unit in (("hong", "HH"), ("bao", "BT")):
        person = make_person(database, keys, login, at=clock.now(), roles={Role.VIEWER: tree[unit]})
        with database.write() as session:
            asker = Asker(standing_of(session, person), f"person:{login}", "zh")
            order = Order("report.weekly", {"week": "2026-W09"}, Act.REPORT_READ, [tree[unit].path])
            ask_job(session, keys, order, asker, now=clock.now())
    taken = take_job(database, keys, ["report.weekly"], node="n", now=clock.now(), lease=LEASE)
    assert taken is not None
    told = {"zh": "坏了", "en": "broken", "remedy_zh": "再试", "remedy_en": "again"}
    refusal = {"code": "x", "may_have_gone_out": False, **told}
    end_job(database, keys, taken[1], End(JobState.FAILED, {}, refusal), clock.now())
    database.close()
    return run


def test_jobs_are_listed_shown_and_called_off(run: Run) -> None:
    listed = run("job", "list", "--json").json()
    assert [(one["id"], one["state"]) for one in listed] == [(2, "waiting"), (1, "failed")]
    assert [one["id"] for one in run("job", "list", "--live", "--json").json()] == [2]
    assert "Exporting" in run("job", "list").out
    assert "broken again" in run("job", "show", "1").out
    assert run("job", "show", "1", "--json").json()["refusal"]["code"] == "x"
    assert "Cancelled" in run("job", "cancel", "2").out
    assert "has ended" in run("job", "cancel", "2", code=1).err


def test_a_person_sees_their_own_and_the_others_are_not_there(run: Run) -> None:
    assert [one["id"] for one in run("--as", "bao", "job", "list", "--json").json()] == [2]
    for act in ("show", "cancel"):
        assert "no such thing" in run("--as", "bao", "job", act, "1", code=1).err
    assert "Cancelled" in run("--as", "bao", "job", "cancel", "2").out
