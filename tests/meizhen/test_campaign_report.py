"""The closing report: one click, one workbook and one paper with what was wanted, done and reached."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from campaigning import DUE, Field
from people import make_person
from python_calamine import CalamineWorkbook
from weeks import publish

from analytics.figures import Meaning, know_metrics
from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from config.settings import load_settings
from meizhen.campaign_job import CampaignReport
from meizhen.campaign_report import write_report
from organisation import Act, Role, in_sight, standing_of
from organisation.job_runner import JobRunner, Tools, made_file
from organisation.jobs import Asker, Job, JobState, ask_job
from scheduler.campaign_counting import Cell, Work, add_work
from scheduler.campaign_report import order_report
from scheduler.campaigns import close_campaign

SHEETS = ["总览", "任务完成矩阵", "任务明细", "工作台账", "经过"]


@pytest.fixture
def field(database: Database, keys: KeyRing, clock: ManualClock) -> Field:
    """A campaign (1) with a post of HH that has figures, one of BT without, and work of BT."""
    made = Field(database, keys, clock, "wechat")
    campaign = made.campaign()
    with database.write() as session:
        know_metrics(session, "wechat", [Meaning("read_people", "people", "cumulative")])
    posts = {"HH": made.post("HH", title="=1+1"), "BT": made.post("BT", title="青年在行动")}
    for code, post in posts.items():
        made.attach(post, campaign, 1)
        made.publish(post, code, DUE if code == "HH" else DUE + timedelta(1), remote_id=code)
    publish(database, made.accounts["HH"], DUE, [(DUE + timedelta(3), 120)], remote_id="HH")
    with database.write() as session:
        work = Work("清扫社区", date(2026, 3, 2), "https://bt.example/1")
        add_work(session, keys, Cell(campaign, 2), made.units["BT"], work, **made.by)
    clock.advance(5 * 86_400)
    return made


def sheets(path: Path) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names == SHEETS
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in SHEETS}


def under_header(rows: list[list[object]], first: str) -> list[list[object]]:
    start = next(place for place, row in enumerate(rows) if row and row[0] == first)
    return rows[start + 1 :]


def test_the_workbook_has_matrix_register_figures_and_history(field: Field, tmp_path: Path) -> None:
    made = write_report(field.database, 1, tmp_path, now=field.clock.now(), formats=["xlsx", "pdf"])
    found = sheets(made["xlsx"])
    assert [row[:4] for row in under_header(found["任务完成矩阵"], "单位")] == [
        ["HH", "0/2", "1/2 逾", "0/1"],
        ["BT", "1/2", "1/2 逾", "1/1"],
    ]
    lines = {str(row[3]): row for row in under_header(found["工作台账"], "日期")}
    assert lines["=1+1"][6:10] == ["已发布", "", 120, ""]  # likes are not known: blank, never 0
    assert lines["青年在行动"][7:9] == ["迟交", ""]
    assert lines["清扫社区"][4] == "其他工作" and lines["清扫社区"][15] == "https://bt.example/1"
    assert any("尚未结项" in str(row[0]) for row in found["总览"])
    totals = {str(row[2]): row for row in found["总览"] if row[0] == "微信公众号"}
    assert totals["阅读"][3:8] == ["人", 2, 120, 1, "接口"] and totals["点赞"][5] == ""
    assert len(under_header(found["经过"], "时间(北京)")) == 6
    assert made["pdf"].read_bytes().startswith(b"%PDF")
    assert sorted(one.name for one in tmp_path.iterdir() if "campaign" in one.name) == [
        "meizhen-campaign-1.pdf",
        "meizhen-campaign-1.xlsx",
    ]
    again = write_report(field.database, 1, tmp_path / "b", now=field.clock.now(), formats=["xlsx"])
    assert again["xlsx"].read_bytes() == made["xlsx"].read_bytes()
    with pytest.raises(MeizhenError) as told:
        write_report(field.database, 1, tmp_path, now=field.clock.now(), formats=["docx"])
    assert told.value.code == "input.not_one_of"


def test_the_job_tells_each_asker_only_of_what_they_may_read(field: Field, tmp_path: Path) -> None:
    database, keys, clock = field.database, field.keys, field.clock
    settings = load_settings({"MEIZHEN_HOME": str(tmp_path)})
    kind = CampaignReport(Tools(settings, database, keys, clock))
    runner = JobRunner(database, keys, clock, {kind.name: kind}, tmp_path / "jobs", node="n")
    with database.write() as session:
        close_campaign(session, keys, 1, **field.by)
    told = {}
    for login, role, code in (("chief", Role.PUBLISHER, "NM"), ("ed", Role.EDITOR, "HH")):
        person = make_person(database, keys, login, at=clock.now(), roles={role: field.units[code]})
        with database.write() as session:
            standing = standing_of(session, person)
            order = order_report(session, 1, standing)
            job = ask_job(session, keys, order, Asker(standing, standing.subject, "en"), now=clock.now())
        assert runner.run_next()
        with database.read() as session:
            done = session.get_one(Job, job.known_id)
        assert (done.state, done.files) == (
            JobState.DONE,
            ["meizhen-campaign-1.xlsx", "meizhen-campaign-1.pdf"],
        )
        found = sheets(made_file(tmp_path / "jobs", done, done.files[0]))
        told[login] = [row[0] for row in under_header(found["任务完成矩阵"], "单位")], done.subject
        assert any("结项" in str(row[0]) and "尚未" not in str(row[0]) for row in found["总览"])
        assert ("清扫社区" in str(found)) is (login == "chief")
    assert told["chief"] == (["HH", "BT"], "campaign:1")
    assert told["ed"][0] == ["HH"] and told["ed"][1].startswith("token:")
    with database.read() as session:
        sight = in_sight(standing_of(session, person), Act.REPORT_READ)
    mine = write_report(database, 1, tmp_path, now=clock.now(), formats=["xlsx"], within=sight)
    assert "清扫社区" not in str(sheets(mine["xlsx"]))
