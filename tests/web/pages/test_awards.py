"""评优: a rule is written, tried, run in the background; then the list, reasons, notice, objections."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from award_world import World, small_rule, wechat
from console import Console, Consoles, consoles
from people import make_person
from sqlmodel import col, select

from config import Database, ManualClock
from config.database import connect
from config.secrets import KeyRing
from organisation import Role, Unit
from organisation.ledger import LedgerEntry
from organisation.sessions import open_session

_NOTICE = "\n[notice]\npublic_days = 3\nobjection = { named = true, answer_days = 5 }\n"


class AwardHouse:
    """A house with a year of two tracks, its owner `quan`, and `shu`, who is analyst of one unit only."""

    def __init__(
        self, database: Database, keys: KeyRing, clock: ManualClock, there: Consoles, home: Path
    ) -> None:
        self.database, self.clock, self.home = database, clock, home
        self._there = there
        with database.read() as session:
            unit = session.exec(select(Unit)).first()
        self._people = {
            login: make_person(database, keys, login, at=clock.now(), roles=roles)
            for login, roles in (("quan", {Role.OWNER: None}), ("shu", {Role.ANALYST: unit}))
        }

    def browser(self, login: str) -> Console:
        console = self._there.browser()
        with self.database.write() as session:
            token = open_session(session, self._people[login], at=self.clock.now(), address="127.0.0.1")
        console.client.cookies.set("meizhen-language", "zh")
        console.client.cookies.set("meizhen-session", token)
        console.get("/me")
        return console

    def through(self) -> None:
        """Does the job that a form asked for."""
        assert self._there.do_jobs() == 1

    def acts(self) -> list[str]:
        with self.database.read() as session:
            entries = session.exec(select(LedgerEntry).order_by(col(LedgerEntry.seq))).all()
        return [one.act for one in entries if one.act.startswith("award.")]


@pytest.fixture
def house(_sqlite_template: Path, tmp_path: Path, keys: KeyRing) -> Iterator[AwardHouse]:
    shutil.copy(_sqlite_template, tmp_path / "awards.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'awards.sqlite'}")
    world = World()
    for number in range(3):
        key = world.account("wechat", f"demo-a{number}", "league")
        for month in range(1, 13):
            world.article(key, date(2026, month, 2), wechat(900 * (number + 1)))
    world.store(database, 1)
    clock = ManualClock(datetime(2027, 1, 12, 1, tzinfo=UTC))
    with consoles(database, keys, clock, tmp_path) as there:
        yield AwardHouse(database, keys, clock, there, tmp_path)
    database.close()


def rule_text(folder: Path, more: str = "") -> str:
    return small_rule(folder).read_text("utf-8") + more


def test_an_award_from_its_rule_to_an_answered_objection(house: AwardHouse) -> None:
    owner = house.browser("quan")
    assert "还没有评优" in owner.get("/awards").words
    assert owner.post("/awards", {"name": "../x", "shape": "points"}).status == 422
    assert (
        owner.post("/awards", {"name": "2026-a", "shape": "most-influential"}).path == "/awards/2026-a/rule"
    )
    owner.post("/awards/2026-a/rule", {"text": "schema = 1\n[award]\nid = 'x'\n"})
    owner.post("/awards/2026-a/check")
    house.through()
    assert "award.period" in owner.get("/awards/2026-a/rule").words
    assert owner.post("/awards/2026-a/dry").status == 422
    owner.post("/awards/2026-a/rule", {"text": rule_text(house.home, _NOTICE)})
    assert "规则没有问题" not in owner.get("/awards/2026-a/rule").words
    assert owner.post("/awards/2026-a/check").path == "/awards/2026-a/rule"
    house.through()
    checked = owner.get("/awards/2026-a/rule").words
    assert "规则没有问题" in checked and "可参评 3 / 3" in checked

    owner.post("/awards/2026-a/dry")
    house.through()
    tried = owner.get("/awards/2026-a")
    assert "没有冻结任何数据" in tried.words and "/explain" not in tried.html
    owner.post("/awards/2026-a/run")
    house.through()
    listed = owner.get("/awards/2026-a")
    assert listed.words.index("demo-a2 青年") < listed.words.index("demo-a0 青年")
    told = owner.get("/awards/2026-a/explain?category=wechat&account=demo-a2")
    assert "第 1 名" in told.words and "10,8" not in told.words and "style=" not in told.html
    assert owner.post("/awards/2026-a/rule", {"text": "other"}).status == 422

    refused = owner.post("/awards/2026-a/objections", {"text": "不服", "by": "李敏"})
    assert refused.status == 422
    assert "可以提异议" in owner.post("/awards/2026-a/notice").words
    owner.post("/awards/2026-a/objections", {"text": "不服 <b>", "by": "李敏", "account": "demo-a0"})
    owner.post("/awards/2026-a/objections/1", {"text": "核对无误", "by": "王强"})
    notice = owner.get("/awards/2026-a/notice")
    assert "核对无误" in notice.words and "<b>" not in notice.html
    acts = ["rule", "rule", "run", "notice", "objection", "answer"]
    assert house.acts() == [f"award.{act}" for act in acts]


def test_lists_are_downloads_and_nothing_else_of_the_folder_is(house: AwardHouse) -> None:
    owner = house.browser("quan")
    owner.post("/awards", {"name": "2026-a", "shape": "most-influential"})
    owner.post("/awards/2026-a/rule", {"text": rule_text(house.home)})
    owner.post("/awards/2026-a/run")
    house.through()
    assert "demo-a2" in owner.get("/awards/2026-a/files/ranking.csv").html
    assert "/files/ranking.csv" in owner.get("/awards/2026-a/files").html
    inner = (
        "run.json",
        "wechat/accounts.csv",
        "stages/01-freeze.json",
        "..%2Fkeys.json",
        "papers/../run.json",
    )
    for name in inner:
        assert owner.get(f"/awards/2026-a/files/{name}").status in (404, 422), name


def test_only_who_has_it_for_the_whole_house_sees_awards(house: AwardHouse) -> None:
    house.browser("quan").post("/awards", {"name": "2026-a", "shape": "most-influential"})
    analyst = house.browser("shu")
    told = analyst.get("/awards")
    assert told.status == 200 and "全区统一" in told.words and "2026-a" not in told.words
    for path in ("", "/rule", "/flags", "/notice", "/files", "/work"):
        assert analyst.get(f"/awards/2026-a{path}").status == 404, path
    for path in ("/rule", "/check", "/dry", "/run", "/papers", "/notice"):
        assert analyst.post(f"/awards/2026-a{path}", {"text": "x"}).status == 404, path
    assert house.browser("quan").get("/awards/none").status == 404


def test_a_refused_run_says_why_after_a_reload(house: AwardHouse) -> None:
    owner = house.browser("quan")
    owner.post("/awards", {"name": "2026-a", "shape": "most-influential"})
    owner.post("/awards/2026-a/rule", {"text": rule_text(house.home)})
    house.clock.move_to(datetime(2026, 6, 1, tzinfo=UTC))
    owner = house.browser("quan")
    owner.post("/awards/2026-a/run")
    house.through()
    for _ in range(2):
        assert "评出名次没有做成" in owner.get("/awards/2026-a").words
