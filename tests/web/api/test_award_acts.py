"""Acts on an award's run by the API: sheets sealed and opened together, notice, objections; in the ledger."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from api_house import ApiHouse
from award_world import World, small_rule, wechat
from xlsxwriter import Workbook

from analytics.awards import run_award
from analytics.awards.folder import RunFolder
from analytics.awards.sheets import COLUMNS, read_sheet, write_sheets
from config.database import connect
from organisation import entries_of

JURY = (
    'data = { weight = "1", scale = "fixed_anchor", anchor = 1000 }',
    'data = { weight = "0.5", scale = "fixed_anchor", anchor = 1000 }\n'
    'jury = { weight = "0.5", min_judges = 3, trim = 1, recuse_same_org = true }',
)
NOTICE = "\n[notice]\npublic_days = 5\nobjection = { named = true, answer_days = 3 }\n"


@pytest.fixture
def sheets(house: ApiHouse, tmp_path: Path, _sqlite_template: Path) -> list[Path]:
    """A run that waits for its jury, as `2026` among the award runs; the judges' sheets, filled in."""
    world = World()
    for number in range(2):
        key = world.account("wechat", f"demo-{number}", "league", unit=f"U-{number}")
        world.article(key, date(2026, 1, 5) + timedelta(days=number), wechat(500 + 100 * number))
    figures = connect(f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / 'figures.sqlite')}")
    world.store(figures, 1)
    rule = small_rule(tmp_path, JURY)
    rule.write_text(rule.read_text("utf-8") + NOTICE, "utf-8")
    folder = house.desk.settings.awards_root / "2026"
    folder.parent.mkdir(parents=True, exist_ok=True)
    run_award(figures, rule, folder, until="index")
    figures.close()
    judges = tmp_path / "judges.csv"
    judges.write_text("judge,unit\n李敏,\n王强,\n赵岩,\n", "utf-8")
    return [filled(path) for path in write_sheets(RunFolder(folder), judges, tmp_path / "sheets")]


def filled(sheet: Path) -> Path:
    path = sheet.with_name(f"filled-{sheet.name}")
    book = Workbook(path)
    page = book.add_worksheet()
    page.write_row(0, 0, COLUMNS)
    for number, row in enumerate(read_sheet(sheet).rows, start=1):
        for place, name in enumerate(COLUMNS):
            page.write_string(number, place, "87" if name == "score" else row[name])
    book.close()
    return path


def test_sheets_are_sealed_until_all_are_in_and_objections_answered_once(
    house: ApiHouse, sheets: list[Path]
) -> None:
    owner = house.owner()
    assert owner.get("/awards/2026/sheets").body == {"filed": [], "missing": ["李敏", "王强", "赵岩"]}
    for number, path in enumerate(sheets):
        assert owner.post("/awards/2026/sheets/open").body["code"] == "award.sheets_missing"
        answer = owner.send("/awards/2026/sheets", path.name, path.read_bytes())
        assert answer.status == 200 and len(answer.body["filed"]) == number + 1, answer.body
    twice = owner.send("/awards/2026/sheets", sheets[0].name, sheets[0].read_bytes())
    assert (twice.status, twice.body["code"]) == (409, "award.sheet_is_in")
    assert owner.post("/awards/2026/sheets/open").status == 200
    early = owner.post("/awards/2026/objections", {"text": "阅读数有误", "by": "某大学团委"})
    assert (early.status, early.body["code"]) == (409, "award.notice_not_up")
    up = owner.post("/awards/2026/notice", {})
    assert up.body == {"put_up": "2026-03-02", "until": "2026-03-07"}
    filed = owner.post("/awards/2026/objections", {"text": "阅" * 600, "by": "某大学团委"})
    assert (filed.status, filed.body["number"], filed.body["answer"]) == (201, 1, None)
    answering = {"text": "已核对", "by": "评审组"}
    answered = owner.post("/awards/2026/objections/1/answer", answering)
    assert answered.body["answer"]["upheld"] is False
    assert owner.post("/awards/2026/objections/1/answer", answering).status == 409
    assert owner.post("/awards/2026/objections/9/answer", answering).status == 404
    assert owner.get("/awards/2026/objections").body["items"] == [answered.body]
    with house.database.read() as session:
        acts = [entry.act for entry in entries_of(session) if entry.act.startswith("award.")]
        long = next(entry for entry in entries_of(session) if entry.act == "award.objection")
    told = ["award.sheet"] * 3 + ["award.open", "award.notice", "award.objection", "award.answer"]
    assert acts == told[::-1]
    assert len(str(long.details["text"])) == 64
