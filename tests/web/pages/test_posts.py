"""稿件: the list, acts on many posts, and the story of one."""

from datetime import timedelta

import pytest
from desk_house import DeskHouse
from sqlalchemy import update
from sqlmodel import col

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation import Role
from organisation.leaving import in_charge
from scheduler import bulk
from scheduler.deliveries import Attempt, Delivery, DeliveryEvent, State


def test_the_list_is_found_by_state_account_words_and_time(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    soon, later = house.queue(free, "五四预告", 2), house.queue(free, "招募志愿者", 80)
    draft = house.newsroom.draft()
    owner = house.browser("quan")
    assert {"五四预告", "招募志愿者", "预告"} <= set(owner.get("/posts").words.split())
    for query, found in (
        ("state=draft", {draft}),
        ("state=queued", {soon, later}),
        ("state=failed", set()),
        ("account=webhook:bt", {soon, later}),
        ("account=nowhere", set()),
        ("words=招募", {later}),
        (f"words=%23{soon}", {soon}),
        ("since=2026-03-03&until=2026-03-08", {later}),
        ("until=2026-03-02", {soon, draft}),
    ):
        html = owner.get(f"/posts?{query}").html
        assert {one for one in (soon, later, draft) if f'href="/posts/{one}"' in html} == found, query
    assert "没有符合条件" in owner.get("/posts?words=没有这样的").words
    assert owner.get("/posts?state=nonsense").status == 422
    assert owner.get("/posts?since=yesterday").status == 422


def test_a_list_shows_only_what_lies_wholly_in_reach(house: DeskHouse) -> None:
    free = house.free_account()
    theirs = house.queue(free, "别处的")
    both = house.newsroom.draft("两处的", accounts=[house.newsroom.account, free])
    mine = house.newsroom.draft("自己的")
    html = house.browser("fa").get("/posts").html
    assert [f'href="/posts/{one}"' in html for one in (theirs, both, mine)] == [False, False, True]


def test_pages_follow_each_other_by_the_last_row_and_cost_the_same(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    house.queue(free, "第一")
    owner = house.browser("quan")
    owner.get("/posts")
    with house.counting() as few:
        owner.get("/posts")
    ids = [house.queue(free, f"第 {number} 篇") for number in range(60)]
    with house.counting() as many:
        first = owner.get("/posts")
    assert len(many) == len(few)
    assert f'href="/posts/{ids[-1]}"' in first.html and f"before={ids[10]}" in first.html
    second = owner.get(f"/posts?before={ids[10]}")
    assert f'href="/posts/{ids[9]}"' in second.html and f'href="/posts/{ids[10]}"' not in second.html


def test_many_posts_move_by_days_and_back_within_ten_seconds(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    ids = [house.queue(free, f"第 {number} 篇") for number in range(50)]
    owner = house.browser("quan")
    before = [one.due for one in house.deliveries(ids)]
    owner.get("/posts")
    moved = owner.post("/posts/move", {"post": [str(one) for one in ids], "days": "2", "back": "/posts"})
    assert [one.due for one in house.deliveries(ids)] == [due + timedelta(days=2) for due in before]
    assert "50 篇移了 2 天" in moved.words and 'action="/posts/move/undo"' in moved.html
    told = {"post": [str(one) for one in ids], "days": "2", "at": house.clock.now().isoformat()}
    house.clock.advance(8)
    assert "已撤销" in owner.post("/posts/move/undo", told).words
    assert [one.due for one in house.deliveries(ids)] == before
    assert owner.post("/posts/move/undo", told).status == 422  # nothing of it stands any more
    assert house.there.woken == 2


def test_nothing_is_undone_after_ten_seconds_or_by_another(house: DeskHouse) -> None:
    free = house.free_account()
    post = house.queue(free, "一篇")
    for login in ("quan", "lin"):
        house.newsroom.person(login, Role.OWNER, None)
    told = {"post": [str(post)], "days": "2", "at": house.clock.now().isoformat()}
    house.browser("quan").post("/posts/move", told)
    assert "post.too_late_to_undo" in house.browser("lin").post("/posts/move/undo", told).words
    house.clock.advance(14)
    assert "post.too_late_to_undo" in house.browser("quan").post("/posts/move/undo", told).words


def test_many_posts_are_called_off_and_what_is_out_is_left(house: DeskHouse) -> None:
    free = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    ids = [house.queue(free, "一"), house.queue(free, "二")]
    _put(house.database, ids[0], state=State.SENDING)
    _put(house.database, ids[0], state=State.PUBLISHED, published_at=house.clock.now())
    owner = house.browser("quan")
    assert "已撤回 1 篇" in owner.post("/posts/cancel", {"post": [str(one) for one in ids]}).words
    assert [one.state for one in house.deliveries(ids)] == ["published", "cancelled"]
    assert owner.post("/posts/cancel", {"post": [str(ids[0])]}).status == 422
    assert owner.post("/posts/cancel", {}).status == 422


def test_acts_on_many_ask_for_the_right_at_each(house: DeskHouse) -> None:
    theirs = house.queue(house.free_account(), "别处的")
    mine = house.newsroom.draft()
    publisher, editor = house.browser("fa"), house.browser("wen")
    both = {"post": [str(mine), str(theirs)], "days": "1"}
    assert publisher.post("/posts/move", both).status == 404
    assert editor.post("/posts/move", {"post": [str(mine)], "days": "1"}).status == 403
    assert house.deliveries([theirs])[0].state == "queued"
    assert "data-choose-all" not in editor.get("/posts").html


@pytest.mark.parametrize(
    ("days", "code"), [(0, "post.bad_days"), (400, "post.bad_days"), (-3, "post.moved_to_past")]
)
def test_a_move_that_makes_no_sense_moves_nothing(
    house: DeskHouse, keys: KeyRing, clock: ManualClock, days: int, code: str
) -> None:
    post = house.queue(house.free_account(), "一")
    before = house.deliveries([post])[0].due
    with pytest.raises(MeizhenError) as error, house.database.write() as session:
        bulk.shift(session, keys, [post], days, now=clock.now(), actor="test")
    assert error.value.code == code
    assert house.deliveries([post])[0].due == before


# --- one post ---------------------------------------------------------------------------------------------


def _put(database: Database, post: int, **values: object) -> None:
    with database.write() as session:
        session.execute(update(Delivery).where(col(Delivery.post_id) == post).values(**values))


def test_a_doubt_is_told_in_words_with_the_code_and_settled(house: DeskHouse) -> None:
    post = house.queue(house.free_account(), "五四预告")
    house.newsroom.person("quan", Role.OWNER, None)
    now = house.clock.now()
    _put(house.database, post, state=State.SENDING)
    _put(house.database, post, state=State.UNCERTAIN, needs_person=True, outcome_code="no-answer")
    with house.database.write() as session:
        delivery = house.deliveries([post])[0].id or 0
        session.add(
            Attempt(
                delivery_id=delivery, number=1, purpose="publish", node="a:b:c:d:e", started_at=now,
                finished_at=now + timedelta(seconds=30), outcome="uncertain", platform_code="no-answer",
                remedy_zh="到平台看一看。",
            )
        )  # fmt: skip
        session.add(
            DeliveryEvent(
                delivery_id=delivery, at=now + timedelta(seconds=30), from_state="sending",
                to_state="uncertain", actor="a:b:c:d:e", code="no-answer",
            )
        )  # fmt: skip
    owner = house.browser("quan")
    seen = owner.get(f"/posts/{post}")
    for words in ("待核实", "连接断了或等不到", "no-answer", "到平台看一看。", "可能已经发出", "用了 30 秒"):
        assert words in seen.words, words
    back = {"back": f"/posts/{post}"}
    act = f"/deliveries/{delivery}/settle"
    refused = owner.post(act, {"outcome": "published", "url": "", **back})
    assert refused.status == 422 and house.deliveries([post])[0].state == "uncertain"
    owner.post(act, {"outcome": "not_published", **back})
    assert house.deliveries([post])[0].state == "failed"
    owner.post(act, {"outcome": "retry", **back})
    owner.post(act, {"outcome": "pause", **back})
    assert house.deliveries([post])[0].state == "paused"
    owner.post(act, {"outcome": "resume", **back})
    owner.post(f"/deliveries/{delivery}/move", {"due": "2026-03-09T08:30", **back})
    assert "3月9日 周一 08:30" in owner.get(f"/posts/{post}").words
    assert owner.post(f"/deliveries/{delivery}/move", {"due": "2020-01-01T08:30"}).status == 422
    owner.post(act, {"outcome": "cancel", **back})
    assert house.deliveries([post])[0].state == "cancelled"
    assert owner.post(act, {"outcome": "explode"}).status == 422


def test_a_post_elsewhere_does_not_exist_and_acts_need_the_role(house: DeskHouse) -> None:
    theirs = house.queue(house.free_account(), "别处的")
    mine = house.newsroom.draft()
    editor = house.browser("wen")
    assert editor.get(f"/posts/{theirs}").status == 404
    assert editor.get("/posts/999999").status == 404
    assert editor.get(f"/posts/{mine}").status == 200
    assert editor.post(f"/posts/{mine}/send").status == 403
    assert house.browser("fa").post(f"/posts/{mine}/submit").status == 403
    assert house.browser("fa").post(f"/posts/{theirs}/send").status == 404


def test_a_post_is_handed_on_by_who_may_write_it(house: DeskHouse) -> None:
    draft = house.newsroom.draft()
    address = f"/posts/{draft}/charge"
    assert house.browser("yi").post(address, {"login": "wen"}).status == 403
    writer = house.browser("wen")
    assert writer.post(address, {"login": "nobody"}).status == 404
    assert "由 姓名yi 负责" in writer.post(address, {"login": "yi"}).words
    with house.database.read() as session:
        found = in_charge(session, "post", draft)
    assert found is not None and found.login == "yi"


def test_from_draft_over_review_into_the_queue(house: DeskHouse) -> None:
    post = house.newsroom.draft()
    editor, publisher = house.browser("wen"), house.browser("fa")
    seen = editor.get(f"/posts/{post}")
    assert "提交审核" in seen.words and f'href="/posts/{post}/edit"' in seen.html
    assert publisher.post(f"/posts/{post}/send").status == 422  # not approved
    assert "审核中" in editor.post(f"/posts/{post}/submit").words
    house.newsroom.approve(post, "yi", "er", "san")
    seen = publisher.get(f"/posts/{post}")
    assert "姓名san" in seen.words and f'action="/posts/{post}/send"' in seen.html
    assert f'action="/posts/{post}/send"' not in editor.get(f"/posts/{post}").html
    assert "已排期" in publisher.post(f"/posts/{post}/send").words
    assert house.deliveries([post])[0].approved_hash


def test_words_of_a_post_run_nothing(house: DeskHouse) -> None:
    post = house.newsroom.draft("<script>alert(1)</script>")
    html = house.browser("wen").get(f"/posts/{post}").html
    assert "<script>alert" not in html and "&lt;script&gt;" in html
