"""后台工作: its progress survives a reload and another tab, it is called off, and is nobody else's."""

from datetime import timedelta

import pytest
from desk_house import DeskHouse
from sqlmodel import select

from organisation import Act, Role, standing_of
from organisation.job_leases import End as Ended
from organisation.job_leases import Lease, beat, end_job, take_job
from organisation.jobs import Asker, Job, JobState, Order, ask_job
from organisation.ledger import LedgerEntry


class Jobs:
    """A job of `shu`, who is analyst of HH, taken by a node that the test plays."""

    def __init__(self, house: DeskHouse) -> None:
        self.house, self.database, self.clock = house, house.database, house.clock
        self.keys = house.newsroom.keys
        for login, unit in (("shu", "HH"), ("bao", "BT"), ("he", "HH")):
            house.newsroom.person(login, Role.ANALYST, unit)

    def ask(self) -> Job:
        path = self.house.newsroom.units["HH"].path
        order = Order("report.weekly", {"week": "2026-W09"}, Act.REPORT_READ, [path])
        with self.database.write() as session:
            person = standing_of(session, self.house.newsroom.people["shu"])
            asker = Asker(person, person.subject, "zh")
            return ask_job(session, self.keys, order, asker, now=self.clock.now())

    def take(self) -> Lease:
        minute = timedelta(minutes=1)
        taken = take_job(
            self.database, self.keys, ["report.weekly"], node="n", now=self.clock.now(), lease=minute
        )
        assert taken is not None
        return taken[1]

    def tell(self, lease: Lease, **progress: object) -> bool | None:
        return beat(self.database, lease, self.clock.now() + timedelta(minutes=1), **progress)


@pytest.fixture
def jobs(house: DeskHouse) -> Jobs:
    return Jobs(house)


def test_a_reload_and_another_tab_show_the_same_progress_and_the_end_stops_the_asking(jobs: Jobs) -> None:
    job = jobs.ask()
    one, other = jobs.house.browser("shu"), jobs.house.browser("shu")
    assert "导出周报:等待轮到" in one.get(f"/jobs/{job.id}").words
    assert "正在进行" in one.get("/").words
    lease = jobs.take()
    jobs.tell(lease, step="making xlsx", done=3, total=7)
    for seen in (one.get(f"/jobs/{job.id}"), other.get(f"/jobs/{job.id}")):
        assert "导出周报:制作文件 xlsx" in seen.words and "3 / 7" in seen.words
        assert '<progress class="mz-progress" value="3" max="7"' in seen.html
        assert f'hx-get="/jobs/{job.id}/state" hx-trigger="every 1s"' in seen.html
        assert f'<noscript><a class="btn btn-sm" href="/jobs/{job.id}">' in seen.html
    part = one.get(f"/jobs/{job.id}/state", **{"HX-Request": "true"})
    assert "3 / 7" in part.words and "hx-refresh" not in part.response.headers
    end_job(jobs.database, jobs.keys, lease, Ended(JobState.DONE, {"files": []}), jobs.clock.now())
    over = one.get(f"/jobs/{job.id}/state", **{"HX-Request": "true"})
    assert over.response.headers["hx-refresh"] == "true" and "hx-trigger" not in over.html
    assert "导出周报已完成" in other.get(f"/jobs/{job.id}").words
    assert "正在进行" not in one.get("/").words


def test_a_job_is_called_off_from_its_page_and_says_so_until_it_stops(jobs: Jobs) -> None:
    job, browser = jobs.ask(), jobs.house.browser("shu")
    lease = jobs.take()
    browser.get(f"/jobs/{job.id}")
    told = browser.post(f"/jobs/{job.id}/cancel")
    assert "做完当前一步就停" in told.words and "/cancel" not in told.html
    assert jobs.tell(lease) is True
    end_job(jobs.database, jobs.keys, lease, Ended(JobState.CANCELLED), jobs.clock.now())
    assert "导出周报已取消,没有留下只做了一半的结果" in browser.get(f"/jobs/{job.id}").words
    assert browser.post(f"/jobs/{job.id}/cancel").status == 409
    waiting = jobs.ask()
    assert "已取消" in browser.post(f"/jobs/{waiting.id}/cancel").words
    with jobs.database.read() as session:
        noted = session.exec(select(LedgerEntry).where(LedgerEntry.act == "job.cancel")).all()
    assert [(one.actor, one.subject) for one in noted] == [
        ("person:shu", job.name),
        ("person:shu", waiting.name),
    ]


def test_a_job_is_its_askers_and_theirs_who_may_the_same_there_and_is_not_there_for_others(
    jobs: Jobs,
) -> None:
    job = jobs.ask()
    stranger, colleague = jobs.house.browser("bao"), jobs.house.browser("he")
    for path in (f"/jobs/{job.id}", f"/jobs/{job.id}/state", f"/jobs/{job.id}/files/x.csv", "/jobs/999"):
        assert stranger.get(path).status == 404, path
    assert stranger.post(f"/jobs/{job.id}/cancel").status == 404
    assert "没有后台工作" in stranger.get("/jobs").words
    assert colleague.get(f"/jobs/{job.id}").status == 200
    assert "导出周报" in colleague.get("/jobs").words
    assert "正在进行" not in colleague.get("/").words


def test_what_went_wrong_is_told_with_what_to_do(jobs: Jobs) -> None:
    job, browser = jobs.ask(), jobs.house.browser("shu")
    refusal = {
        "code": "org.unknown_unit", "zh": "没有这个单位。", "en": "No such unit.",
        "remedy_zh": "看单位表。", "remedy_en": "See the list.",
        "problems": [{"zh": "第 3 行", "en": "row 3"}],
    }  # fmt: skip
    end_job(jobs.database, jobs.keys, jobs.take(), Ended(JobState.FAILED, {}, refusal), jobs.clock.now())
    told = browser.get(f"/jobs/{job.id}").words
    for part in ("导出周报没有做成: 没有这个单位。", "看单位表。", "第 3 行", "org.unknown_unit"):
        assert part in told
