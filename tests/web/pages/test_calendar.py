"""日历: what it shows, and moving by the form (drags and keys send the same form)."""

from datetime import UTC, date, datetime, timedelta

from desk_house import DeskHouse

from config.holidays import is_announced, special_days
from organisation import Account, Role
from organisation.silence import Silence
from scheduler.deliveries import Delivery, State
from web.silence import gaps_between

MARCH = "start=2026-02-23T00:00:00&end=2026-04-06T00:00:00"


def events(house: DeskHouse, login: str, query: str = "") -> dict[str, dict[str, object]]:
    told = house.browser(login).get(f"/calendar/events?{MARCH}{query}")
    assert told.status == 200, told.words
    return {str(one["title"]): one for one in told.response.json()}


def test_the_calendar_has_deliveries_drafts_and_days_off_within_reach(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    house.queue(free, "五四预告", 24)
    house.newsroom.draft()
    seen = events(house, "quan")
    assert seen["五四预告"]["start"] == "2026-03-03T09:00:00+08:00"
    assert seen["五四预告"]["extendedProps"]["state"] == "已排期"  # type: ignore[index]
    assert seen["预告"]["extendedProps"]["state"] == "草稿"  # type: ignore[index]
    assert "班 调休上班" in seen and seen["班 调休上班"]["start"] == "2026-02-28"
    assert "休 清明节" in seen
    theirs = events(house, "fa")  # the publisher of HH
    assert "五四预告" not in theirs and "预告" in theirs


def test_events_are_filtered_and_say_what_may_be_moved(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    house.newsroom.person("kan", Role.VIEWER, None)
    house.queue(free, "五四预告", 24)
    house.newsroom.draft()
    assert events(house, "quan")["五四预告"]["editable"] is True
    assert events(house, "kan")["五四预告"]["editable"] is False
    assert "五四预告" not in events(house, "quan", "&state=draft")
    assert "预告" not in events(house, "quan", "&account=webhook:bt")
    browser = house.browser("quan")
    assert browser.get(f"/calendar/events?{MARCH}&state=nonsense").status == 422
    assert browser.get("/calendar/events?start=2020-01-01&end=2026-01-01").status == 422
    assert browser.get("/calendar/events?start=today&end=2026-01-01").status == 422


def test_two_posts_of_an_account_within_an_hour_clash(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    for title, hours in (("甲", 24), ("乙", 24.5), ("丙", 25.5), ("丁", 30)):
        house.queue(free, title, hours)
    seen = events(house, "quan")
    clashing = [title for title in "甲乙丙丁" if "mz-slot-clash" in str(seen[title]["className"])]
    assert clashing == ["甲", "乙"]


def test_the_form_moves_a_delivery_and_refuses_the_past(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    post = house.queue(free, "五四预告", 24)
    (row,) = house.deliveries([post])
    owner = house.browser("quan")
    page = owner.get(f"/calendar/delivery/{row.id}")
    assert 'value="2026-03-03T09:00"' in page.html
    answer = owner.post(f"/calendar/delivery/{row.id}", {"due": "2026-03-05T18:30"})
    assert answer.path == "/calendar" and "已改到 3月5日 周四 18:30" in answer.words
    (moved,) = house.deliveries([post])
    assert moved.due == datetime(2026, 3, 5, 10, 30, tzinfo=UTC)
    assert moved.late_after - moved.due == row.late_after - row.due
    refused = owner.post(f"/calendar/delivery/{row.id}", {"due": "2026-01-01T00:00"})
    assert refused.status == 422 and "post.due_past" in refused.html
    assert house.deliveries([post])[0].due == moved.due
    assert house.there.woken == 1


def test_a_drag_is_answered_without_a_page_and_a_refusal_in_the_corner(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    (row,) = house.deliveries([house.queue(free, "五四预告", 24)])
    browser = house.browser("quan")
    drag = {"HX-Request": "true", "X-Calendar": "yes"}
    taken = browser.post(f"/calendar/delivery/{row.id}", {"due": "2026-03-06T01:00:00.000Z"}, **drag)
    assert taken.status == 204 and "3月6日 周五 09:00" in taken.response.headers[
        "hx-trigger"
    ].encode().decode("unicode_escape")
    with house.database.write() as session:
        one = session.get_one(Delivery, row.id)
        one.state = State.CANCELLED
    refused = browser.post(f"/calendar/delivery/{row.id}", {"due": "2026-03-07T01:00:00Z"}, **drag)
    assert refused.status == 409 and "delivery.wrong_state" in refused.html and "<html" not in refused.html
    assert "不能改时间" in browser.get(f"/calendar/delivery/{row.id}?part=true").words


def test_a_draft_in_review_moves_only_with_its_review_given_up(house: DeskHouse) -> None:
    post = house.newsroom.draft()
    house.newsroom.submit(post)
    editor = house.browser("wen")
    assert 'name="void"' in editor.get(f"/calendar/draft/{post}").html
    refused = editor.post(f"/calendar/draft/{post}", {"due": "2026-03-05T18:30"})
    assert refused.status == 422 and "calendar.would_void" in refused.html
    taken = editor.post(f"/calendar/draft/{post}", {"due": "2026-03-05T18:30", "void": "true"})
    assert "已改到 3月5日" in taken.words
    assert events(house, "wen")["预告"]["extendedProps"]["state"] == "已失效"  # type: ignore[index]


def test_out_of_reach_is_404_and_without_the_role_403(house: DeskHouse) -> None:
    free = house.free_account()
    (row,) = house.deliveries([house.queue(free, "别处的")])
    address = f"/calendar/delivery/{row.id}"
    assert house.browser("fa").post(address, {"due": "2026-03-05T18:30"}).status == 404
    assert house.browser("fa").get(address).status == 404
    assert house.browser("fa").get("/calendar/delivery/99999").status == 404
    assert house.browser("fa").get("/calendar/nothing/1").status == 422
    house.newsroom.person("bian", Role.EDITOR, "BT")
    assert house.browser("bian").get(address).status == 200
    assert house.browser("bian").post(address, {"due": "2026-03-05T18:30"}).status == 403


def test_the_page_costs_the_same_however_much_is_planned(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    house.queue(free, "第一", 24)
    browser = house.browser("quan")
    browser.get("/calendar")
    counts = []
    for more in (0, 40):
        for number in range(more):
            house.queue(free, f"第 {number} 篇", 24 + number)
        with house.counting() as page:
            browser.get("/calendar")
        with house.counting() as feed:
            browser.get(f"/calendar/events?{MARCH}")
        counts.append((len(page), len(feed)))
    assert counts[0] == counts[1]


def test_an_account_with_nothing_planned_has_a_gap_after_ten_and_thirteen_days() -> None:
    last = datetime(2026, 3, 1, 8, tzinfo=UTC)
    account = Account(id=1, unit_id=1, platform="webhook", handle="a", name="号")
    window = (last, last + timedelta(days=40))
    lights = [(gap.on.day, gap.light) for gap in gaps_between([account], {1: last}, {}, *window)]
    assert lights == [(11, Silence.YELLOW), (14, Silence.RED)]
    filled = {1: [last + timedelta(days=10), last + timedelta(days=21)]}
    lights = [(gap.on.day, gap.light) for gap in gaps_between([account], {1: last}, filled, *window)]
    assert lights == [(21, Silence.YELLOW), (1, Silence.YELLOW), (4, Silence.RED)]
    assert gaps_between([account], {}, filled, *window) == []


def test_make_up_days_are_known_for_announced_years() -> None:
    first, last = date(2026, 1, 1), date(2027, 1, 1)
    days = {day.on.isoformat(): day for day in special_days(first, last, "zh")}
    assert [on for on, day in days.items() if day.works] == [
        "2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10",
    ]  # fmt: skip
    assert days["2026-10-07"].name == "休息日" and days["2026-10-01"].name == "国庆节"
    assert is_announced(2026) and not is_announced(2099)


def test_without_scripts_the_page_lists_a_week_and_leads_to_the_others(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    house.queue(free, "这周的", 24)
    house.queue(free, "下周的", 24 * 7)
    owner = house.browser("quan")
    present = owner.get("/calendar")
    assert "这周的" in present.words and "下周的" not in present.words
    assert "week=2026-03-09" in present.html
    assert "下周的" in owner.get("/calendar?week=2026-03-09").words
    assert owner.get("/calendar?week=someday").status == 422
