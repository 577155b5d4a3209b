"""评优: a rule is written, tried, run in the background; then the list, reasons, notice, objections."""

import io
import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from award_desk import AwardHouse, award_house
from award_world import small_rule

from config.database import connect
from config.secrets import KeyRing

_NOTICE = "\n[notice]\npublic_days = 3\nobjection = { named = true, answer_days = 5 }\n"


@pytest.fixture
def house(_sqlite_template: Path, tmp_path: Path, keys: KeyRing) -> Iterator[AwardHouse]:
    shutil.copy(_sqlite_template, tmp_path / "awards.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'awards.sqlite'}")
    with award_house(database, keys, tmp_path) as made:
        yield made
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
    assert "作品不少于 1 篇" in checked and "min_posts" not in checked.partition("规则全文")[0]
    assert "备案早晚" in checked and "earlier_filed" not in checked.partition("规则全文")[0]

    owner.post("/awards/2026-a/dry")
    house.through()
    tried = owner.get("/awards/2026-a")
    assert "没有冻结任何数据" in tried.words and "/explain" not in tried.html
    owner.post("/awards/2026-a/run")
    house.through()
    listed = owner.get("/awards/2026-a")
    assert listed.words.index("demo-a2 青年") < listed.words.index("demo-a0 青年")
    (list_of_run,) = house.home.rglob("ranking.json")
    whole = list_of_run.read_bytes()
    list_of_run.write_bytes(whole.replace(b'"of": "accounts"', b'"of_": ""'))  # as earlier runs have it
    assert list_of_run.read_bytes() != whole and "账号" in owner.get("/awards/2026-a").words
    list_of_run.write_bytes(whole)
    told = owner.get("/awards/2026-a/explain?category=wechat&account=demo-a2")
    assert "组别:盟市(本类有 盟市" in told.words
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


def test_an_account_is_taken_out_by_name_in_a_new_run_which_stands_beside_the_old_one(
    house: AwardHouse,
) -> None:
    owner = house.browser("quan")
    owner.post("/awards", {"name": "2026-a", "shape": "most-influential"})
    owner.post("/awards/2026-a/rule", {"text": rule_text(house.home)})
    owner.post("/awards/2026-a/run")
    house.through()
    out = {"account": "demo-a2", "by": "李敏", "reason": "刷量<b>", "into": "2026-a-2"}
    assert owner.post("/awards/2026-a/exclude", out | {"into": "../x"}).status == 422
    assert owner.post("/awards/2026-a/exclude", out | {"into": "2026-a"}).status == 422
    assert house.browser("shu").post("/awards/2026-a/exclude", out).status in (403, 404)
    assert "已在后台开始" in owner.post("/awards/2026-a/exclude", out).words
    house.through()
    told = owner.get("/awards/2026-a-2/runs?other=2026-a")
    assert "李敏" in told.words and "刷量&lt;b&gt;" in told.html
    assert "1 → –" in told.words and "2 → 1" in told.words
    assert house.acts()[-1] == "award.exclude"

    assert "每个字节都一样" in owner.post("/awards/2026-a-2/verify").words
    ranking = house.home / "awards" / "2026-a-2" / "ranking.csv"
    ranking.write_text(ranking.read_text("utf-8").replace("demo-a1", "demo-a9"), "utf-8")
    changed = owner.post("/awards/2026-a-2/verify").words
    assert "ranking.csv" in changed and "应为“demo-a1”,现在是“demo-a9”" in changed


def test_score_sheets_go_out_come_back_sealed_and_are_opened_together(house: AwardHouse) -> None:
    owner = house.browser("quan")
    owner.post("/awards", {"name": "2026-j", "shape": "most-influential"})
    data = 'data = { weight = "1", scale = "fixed_anchor", anchor = 1000 }'
    jury = 'jury = { weight = "0.30", min_judges = 2, trim = 0, recuse_same_org = false }'
    text = rule_text(house.home).replace(data, f"{data.replace('1', '0.70', 1)}\n{jury}")
    owner.post("/awards/2026-j/rule", {"text": text})
    assert "先评到指数" in owner.get("/awards/2026-j/jury").words
    owner.post("/awards/2026-j/run", {"until": "index"})
    house.through()
    assert owner.post("/awards/2026-j/jury", {"judges": "Ada"}).status == 422  # too few
    assert "2 位评委" in owner.post("/awards/2026-j/jury", {"judges": "Ada\nBo，\n"}).words
    packed = zipfile.ZipFile(io.BytesIO(owner.client.get("/awards/2026-j/jury/sheets.zip").content))
    assert packed.namelist() == ["01-Ada.xlsx", "02-Bo.xlsx"]
    assert owner.post("/awards/2026-j/jury/open").status == 422
    for judge in ("Ada", "Bo"):
        rows = "".join(f"wechat,demo-a{number},{judge},{70 + number}\n" for number in range(3))
        sheet = ("sheet.csv", f"category,handle,judge,score\n{rows}")
        told = owner.client.post(
            "/awards/2026-j/jury/sheet", data={"_token": owner.token}, files={"file": sheet}
        )
        assert f"{judge}" in told.text and told.status_code == 200, told.text[-2000:]
    opened = owner.post("/awards/2026-j/jury/open")
    assert "已拆封" in opened.words
    owner.post("/awards/2026-j/run")
    house.through()
    assert "demo-a2" in owner.get("/awards/2026-j").words
    assert [act for act in house.acts() if act in ("award.sheet", "award.open")] == [
        "award.sheet", "award.sheet", "award.open",
    ]  # fmt: skip
