"""Jobs by the API: asked for with 202, told of, called off, their files fetched; nobody else's are there."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from api_caller import Answered, Caller
from api_house import ApiHouse
from award_world import World, small_rule, wechat

from analytics.jobs import job_kinds
from config import ManualClock
from config.database import connect
from config.secrets import KeyRing
from organisation import Account, Act, Role
from organisation.job_runner import JobRunner

HEADER = "账号,数据日期,标题,发表日期,链接,阅读人数,点赞"


def do_jobs(house: ApiHouse) -> int:
    desk = house.desk
    kinds = job_kinds(desk.settings, desk.database, desk.keys, desk.clock)
    runner = JobRunner(desk.database, desk.keys, desk.clock, kinds, desk.settings.jobs_folder, node="n")
    done = 0
    while runner.run_next():
        done += 1
    return done


def sent(caller: Caller, *rows: str, **query: object) -> Answered:
    return caller.send("/imports", "填报.csv", "\n".join([HEADER, *rows]).encode(), **query)


@pytest.fixture
def wechats(house: ApiHouse) -> ApiHouse:
    with house.database.write() as session:
        for code, unit in house.units.items():
            account = Account(unit_id=unit.id or 0, platform="wechat", handle=code.lower(), name=code)
            session.add(account)
    return house


def test_a_file_is_looked_at_imported_and_taken_back_in_the_background(wechats: ApiHouse) -> None:
    caller = wechats.caller(wechats.key(wechats.person("shu", Role.ANALYST, "HH")))
    good, others = (f"wechat:{code},2026-03-01,一篇,2026-02-25,,100,5" for code in ("hh", "bt"))
    asked = sent(caller, good, others, only_check="true")
    assert (asked.status, asked.body["state"], wechats.woken) == (202, "waiting", 1)
    place = asked.headers["location"]
    assert place == f"/api/v1/jobs/{asked.body['id']}" and do_jobs(wechats) == 1
    looked = caller.get(place.removeprefix("/api/v1"))
    assert (looked.body["state"], looked.body["files"]) == ("done", ["preview.json"])
    told = caller.get(f"/jobs/{asked.body['id']}/files/preview.json").raw.decode()
    assert "wechat:bt" in told and '"rows": 1' in told

    refused = sent(caller, good, others)
    assert do_jobs(wechats) == 1
    ended = caller.get(f"/jobs/{refused.body['id']}").body
    assert (ended["state"], ended["refusal"]["code"]) == ("failed", "input.refused")
    assert [one["row"] for one in ended["refusal"]["problems"]] == [3]

    asked = sent(caller, good, others, skip_bad_rows="true")
    assert do_jobs(wechats) == 1
    number = caller.get(f"/jobs/{asked.body['id']}").body["imported"]
    assert number == 1
    undone = caller.post(f"/imports/{number}/undo")
    assert undone.status == 202 and caller.post(f"/imports/{number}/undo").body["code"] == "job.under_way"
    assert do_jobs(wechats) == 1
    assert wechats.owner().get(f"/imports/{number}").body["state"] == "undone"
    assert sent(caller, good, account="wechat:bt").status == 404
    assert list((wechats.desk.settings.home / "uploads").glob("*")) != []  # the look's, until it is swept


def test_a_week_is_exported_called_off_and_fetched_by_nobody_else(wechats: ApiHouse) -> None:
    hong = wechats.caller(wechats.key(wechats.person("hong", Role.VIEWER, "HH"), Act.REPORT_READ))
    bao = wechats.caller(wechats.key(wechats.person("bao", Role.VIEWER, "BT")))
    first = hong.post("/reports/weekly", {"week": "2026-W09", "formats": ["csv"]})
    second = hong.post("/reports/weekly", {"week": "2026-W08"})
    assert hong.post(f"/jobs/{second.body['id']}/cancel").body["state"] == "cancelled"
    again = hong.post(f"/jobs/{second.body['id']}/cancel")
    assert (again.status, again.body["code"]) == (409, "job.ended")
    assert do_jobs(wechats) == 1
    (name,) = hong.get(f"/jobs/{first.body['id']}").body["files"]
    answer = hong.get(f"/jobs/{first.body['id']}/files/{name}")
    assert answer.status == 200 and b"wechat:hh" in answer.raw and b"wechat:bt" not in answer.raw
    assert answer.headers["content-disposition"].startswith("attachment")
    for path in (f"/jobs/{first.body['id']}", f"/jobs/{first.body['id']}/files/{name}", "/jobs/999"):
        assert bao.get(path).status == 404, path
    assert bao.get("/jobs").body == {"items": [], "next": None}
    listed = hong.get("/jobs", limit=1).body
    assert [one["id"] for one in listed["items"]] == [second.body["id"]]
    rest = hong.get("/jobs", limit=1, cursor=listed["next"]).body
    assert [one["id"] for one in rest["items"]] == [first.body["id"]]
    assert hong.get("/jobs", live="true").body["items"] == []
    assert hong.get(f"/jobs/{first.body['id']}/files/..%2F..%2Fkeys.json").status == 404
    assert hong.post("/reports/weekly", {"week": "2026-W99"}).status == 422


@pytest.fixture
def year(_sqlite_template: Path, tmp_path: Path, keys: KeyRing) -> Iterator[ApiHouse]:
    import shutil

    shutil.copy(_sqlite_template, tmp_path / "year.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'year.sqlite'}")
    world = World()
    key = world.account("wechat", "demo-a", "league")
    for month in range(1, 13):
        world.article(key, date(2026, month, 2), wechat(900))
    world.store(database, 1)
    yield ApiHouse(database, keys, ManualClock(datetime(2027, 1, 12, 1, tzinfo=UTC)), tmp_path)
    database.close()


def test_an_award_is_checked_and_run_from_a_rules_text_and_its_files_fetched(
    year: ApiHouse, tmp_path: Path
) -> None:
    owner = year.owner()
    rule = small_rule(tmp_path).read_text("utf-8")
    checked = owner.post("/awards/checks", {"rule": rule})
    assert checked.status == 202 and do_jobs(year) == 1
    told = owner.get(f"/jobs/{checked.body['id']}/files/check.json").raw.decode()
    assert '"accounts": 1' in told
    wrong = owner.post("/awards/checks", {"rule": "schema = 1"})
    assert do_jobs(year) == 1
    assert owner.get(f"/jobs/{wrong.body['id']}").body["refusal"]["code"] == "input.refused"

    assert owner.post("/awards/2026-a/run", {"rule": "schema = 1"}).status == 422
    assert owner.post("/awards/2026-a/run", {}).status == 404
    assert owner.get("/jobs", live="true").body["items"] == []
    started = owner.post("/awards/2026-a/run", {"rule": rule})
    assert (started.status, started.body["about"]) == (202, "award:2026-a")
    twice = owner.post("/awards/2026-a/run", {"rule": f"{rule}\n# other"})
    assert (twice.status, twice.body["code"]) == (409, "job.under_way")
    assert do_jobs(year) == 1
    ended = owner.get(f"/jobs/{started.body['id']}").body
    assert (ended["state"], ended["run"]) == ("done", "2026-a"), ended
    assert [one["name"] for one in owner.get("/awards").body["items"]] == ["2026-a"]
    assert "ranking.csv" in owner.get("/awards/2026-a/files").body["items"]
    assert b"demo-a" in owner.get("/awards/2026-a/files/ranking.csv").raw
    assert owner.get("/awards/2026-a/files/run.json").status == 404
    changed = owner.post("/awards/2026-a/run", {"rule": f"{rule}\n# other"})
    assert (changed.status, changed.body["code"]) == (409, "award.rule_frozen")
    analyst = year.caller(year.key(year.person("shu", Role.ANALYST, "HH")))
    assert analyst.post("/awards/2026-a/run", {}).status == 404
