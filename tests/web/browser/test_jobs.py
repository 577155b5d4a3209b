"""Background work in a real browser: a reload in the middle shows the same, and the end comes by itself."""

from datetime import timedelta

from live_console import Live
from playwright.sync_api import expect

from organisation import Act, Role, standing_of
from organisation.job_leases import End, beat, end_job, take_job
from organisation.jobs import Asker, JobState, Order, ask_job


def test_a_reload_in_the_middle_shows_the_same_and_the_end_comes_by_itself(live: Live) -> None:
    house, newsroom, clock = live.house, live.house.newsroom, live.house.clock
    person = newsroom.person("shu", Role.ANALYST, "HH")
    with house.database.write() as session:
        asker = Asker(standing_of(session, person), "person:shu", "zh")
        order = Order("report.weekly", {"week": "2026-W09"}, Act.REPORT_READ, [newsroom.units["HH"].path])
        ask_job(session, newsroom.keys, order, asker, now=clock.now())
    minute = timedelta(minutes=1)
    taken = take_job(
        house.database, newsroom.keys, ["report.weekly"], node="n", now=clock.now(), lease=minute
    )
    assert taken is not None
    lease, until = taken[1], clock.now() + minute
    beat(house.database, lease, until, step="making xlsx", done=3, total=7)
    page = live.signed_in("shu", 360, 740)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    page.get_by_role("link", name="导出周报(工作 1)").click()
    bar = page.get_by_role("progressbar", name="导出周报")
    expect(bar).to_have_attribute("value", "3")
    page.reload()
    expect(bar).to_have_attribute("value", "3")
    # Without a reload of ours, in a page that nobody touches:
    beat(house.database, lease, until, step="making pdf", done=5, total=7)
    expect(bar).to_have_attribute("value", "5")
    end_job(house.database, newsroom.keys, lease, End(JobState.DONE, {"files": ["w.xlsx"]}), clock.now())
    expect(page.get_by_text("导出周报已完成。")).to_be_visible()
    expect(page.get_by_role("link", name="w.xlsx")).to_be_visible()
    # Nothing asks any more: over three seconds of the browser's own time no request leaves.
    count = len(asked)
    page.wait_for_timeout(3_000)
    assert asked[count:] == []
