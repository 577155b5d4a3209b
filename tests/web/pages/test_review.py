"""审核: what a reviewer sees, marks, signs and returns; nobody sees buttons they may not use."""

from datetime import timedelta

import pytest
from desk_house import DeskHouse

from config import ManualClock
from organisation import Role
from scheduler.review import known_before, latest
from scheduler.review_diff import side_by_side
from scheduler.review_drafts import Change
from scheduler.review_tables import Submission
from scheduler.review_views import Remark
from web.pages._passages import passages


def submitted(house: DeskHouse, said: str = "五四青年节,我们在草原。欢迎你来!") -> int:
    post = house.newsroom.draft(said)
    house.newsroom.submit(post)
    return post


def test_the_list_shows_what_waits_for_the_one_who_looks(house: DeskHouse) -> None:
    post = submitted(house)
    for login, sees in (("yi", True), ("er", False), ("wen", False)):
        browser = house.browser(login)
        assert (f'href="/review/{post}"' in browser.get("/review").html) is sees, login
        assert f'href="/review/{post}"' in browser.get("/review?show=all").html
    assert "没有等你审的稿件" in house.browser("er").get("/review").words


def test_a_longer_list_costs_no_more_statements(house: DeskHouse) -> None:
    submitted(house)
    reviewer = house.browser("yi")
    reviewer.get("/review")
    with house.counting() as few:
        reviewer.get("/review")
    for number in range(12):
        submitted(house, f"第 {number} 篇的正文。")
    with house.counting() as many:
        html = reviewer.get("/review").html
    assert html.count("data-row ") == 13
    assert len(many) == len(few)


def test_three_people_approve_one_after_another_and_none_twice(house: DeskHouse) -> None:
    post = submitted(house)
    for login in ("yi", "er", "san"):
        browser = house.browser(login)
        assert 'data-key="a"' in browser.get(f"/review/{post}").html
        assert browser.post(f"/review/{post}/approve", {"number": "1"}).path == "/review"
        again = browser.get(f"/review/{post}")
        assert 'data-key="a"' not in again.html
        assert browser.post(f"/review/{post}/approve", {"number": "1"}).status in (403, 422)
    assert house.newsroom.latest(post).state == "approved"


def test_who_may_not_sign_sees_no_buttons_and_is_refused(house: DeskHouse) -> None:
    post = submitted(house)
    for login in ("wen", "er", "fa"):
        browser = house.browser(login)
        html = browser.get(f"/review/{post}").html
        assert 'action="/review/' not in html.replace(f'action="/review/{post}/comment"', "")
        assert browser.post(f"/review/{post}/approve", {"number": "1"}).status in (403, 422)
        assert browser.post(f"/review/{post}/return", {"reason": "不行"}).status in (403, 422)
    assert house.newsroom.latest(post).signed == 0


def test_elsewhere_there_is_no_such_review(house: DeskHouse) -> None:
    post = submitted(house)
    house.newsroom.person("lin", Role.FIRST_REVIEWER, "BT")
    lin = house.browser("lin")
    for answer in (
        lin.get(f"/review/{post}"),
        lin.post(f"/review/{post}/approve", {"number": "1"}),
        lin.post(f"/review/{post}/comment", {"quote": "草原", "told": "?"}),
        lin.get("/review/999999"),
    ):
        assert answer.status == 404
    assert f"#{post}" not in lin.get("/review?show=all").words


def test_a_return_needs_a_reason_and_the_author_reads_it(house: DeskHouse) -> None:
    post = submitted(house)
    reviewer = house.browser("yi")
    assert reviewer.post(f"/review/{post}/return", {"reason": "  "}).status == 422
    assert house.newsroom.latest(post).state == "open"
    reviewer.post(f"/review/{post}/return", {"reason": "地点写错了"})
    seen = house.browser("wen").get(f"/review/{post}").words
    assert "地点写错了" in seen and "姓名yi" in seen


def test_what_changed_since_ones_last_look_stands_side_by_side(house: DeskHouse) -> None:
    post = submitted(house, "我们在赛罕区见。欢迎你来!")
    reviewer = house.browser("yi")
    reviewer.get(f"/review/{post}")
    house.newsroom.send_back(post, "yi", "地点写错了")
    house.newsroom.change(post, Change(text="我们在新城区见。欢迎你来!"))
    house.newsroom.submit(post)
    html = reviewer.get(f"/review/{post}").html
    assert "我们在<mark>赛罕</mark>区见。" in html and "我们在<mark>新城</mark>区见。" in html
    assert (
        "<mark>" not in house.browser("er").get(f"/review/{post}").html
    )  # who never looked compares nothing
    assert reviewer.post(f"/review/{post}/approve", {"number": "1"}).status == 422  # that was the old one


def test_a_passage_is_marked_by_place_or_by_its_words(house: DeskHouse) -> None:
    post = submitted(house, "一二三一二三四")
    reviewer = house.browser("yi")
    reviewer.get(f"/review/{post}")
    act = f"/review/{post}/comment"
    assert reviewer.post(act, {"quote": "一二三", "told": "哪一个?"}).status == 422
    assert reviewer.post(act, {"quote": "一二三", "told": "后一个", "start": "3"}).status == 200
    reviewer.post(act, {"quote": "四", "told": "好"})
    seen = reviewer.get(f"/review/{post}").html
    assert ">一二三</mark>" in seen and "后一个" in seen
    assert 'title="好 "' in seen
    assert reviewer.post(act, {"quote": "四", "told": " "}).status == 422


def test_the_form_is_printed_for_who_may_read_it(house: DeskHouse) -> None:
    post = submitted(house)
    reviewer = house.browser("yi")
    assert f'href="/review/{post}/form"' in reviewer.get(f"/review/{post}").html
    printed = reviewer.get(f"/review/{post}/form").response
    assert printed.headers["content-type"] == "application/pdf" and printed.content.startswith(b"%PDF")
    house.newsroom.person("lin", Role.FIRST_REVIEWER, "BT")
    assert house.browser("lin").get(f"/review/{post}/form").status == 404


def test_reviews_are_handed_on_and_taken_back(house: DeskHouse) -> None:
    post = submitted(house)
    house.newsroom.person("dai", Role.VIEWER)
    first, other = house.browser("yi"), house.browser("dai")
    assert 'data-key="a"' not in other.get(f"/review/{post}").html
    until = (house.clock.now() + timedelta(days=1)).date().isoformat()
    assert "姓名dai" in first.post("/review/hand-on", {"login": "dai", "until": until}).words
    assert 'data-key="a"' in other.get(f"/review/{post}").html
    first.post("/review/hand-on", {"login": ""})
    assert 'data-key="a"' not in other.get(f"/review/{post}").html
    assert first.post("/review/hand-on", {"login": "yi", "until": until}).status == 422


def test_side_by_side_leaves_out_what_is_far_from_any_change(house: DeskHouse) -> None:
    long = "".join(f"第{number}句。" for number in range(30))
    post = submitted(house, long)
    house.newsroom.read(post, "yi")
    house.newsroom.change(post, Change(text=long.replace("第15句", "第十五句")))
    house.newsroom.submit(post)
    with house.database.read() as session:
        present = latest(session, post)
        assert present is not None
        before = known_before(session, present, house.newsroom.people["yi"].known_id)
    assert before is not None
    rows = side_by_side(before, present)
    assert [row.changed for row in rows].count(True) == 1
    assert sum(row.skipped or 1 for row in rows) == 32  # the title, thirty sentences, the account
    assert side_by_side(present, Submission(**present.model_dump())) == []


@pytest.mark.parametrize(
    ("spans", "cut"),
    [
        ((), ["abcdef"]),
        (((1, 3),), ["a", "bc", "def"]),
        (((1, 4), (3, 6)), ["a", "bc", "d", "ef"]),
        (((0, 99),), ["abcdef"]),
    ],
)
def test_passages_are_cut_where_remarks_begin_and_end(
    clock: ManualClock, spans: tuple[tuple[int, int], ...], cut: list[str]
) -> None:
    now = clock.now()
    remarks = [Remark("yi", now, start, end, "", "") for start, end in spans]
    assert [one.told for one in passages("abcdef", remarks)] == cut
