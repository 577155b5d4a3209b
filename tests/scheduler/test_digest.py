"""The digest and the reminders: what is told of what is to come, to whom it belongs, and each thing once."""

import threading
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from json_schemas import differences
from newsroom import Newsroom, make_newsroom
from scenery import queue_posts
from sqlalchemy import update
from sqlmodel import Session, col

from config import Database, ManualClock
from config.messages import speaking
from config.secrets import KeyRing
from meizhen.cli._output import as_json_text
from organisation import Account, entries_of, put_in_charge
from organisation.silence import Silence
from organisation.units import in_subtree
from scheduler import bulk
from scheduler.deliveries import Delivery, State
from scheduler.digest import Digest, read_digest
from scheduler.digest_text import lines_of, reminder_lines, title_of
from scheduler.importance import BEFORE, PostDue, any_due, mark_important, take_reminders
from scheduler.posts import Post
from scheduler.queue import stop_accounts, stop_queue
from scheduler.readiness import Readiness

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


class Desk:
    """The newsroom, with an account of a unit that demands no review."""

    def __init__(self, newsroom: Newsroom) -> None:
        self.newsroom = newsroom
        self.database, self.clock, self.keys = newsroom.database, newsroom.clock, newsroom.keys
        newsroom.demand("BT", "none")
        self.free = newsroom.open_account("BT", "bt")

    def queue(self, at: datetime, title: str = "标题", *, account: Account | None = None) -> int:
        """A queued post; gives its number."""
        told = queue_posts(
            self.database, account or self.free, ["正文"], due=at, now=self.clock.now(), title=title
        )
        with self.database.read() as session:
            return session.get_one(Delivery, told[0]).post_id

    def move(self, post: int, *states: State, **values: object) -> None:
        """The post's delivery goes through these states; `values` stand from the first on."""
        for state in states:
            told = update(Delivery).where(col(Delivery.post_id) == post)
            self.newsroom.tamper(told.values(state=state, **values))

    def mark(self, post: int, important: bool = True) -> bool:
        with self.database.write() as session:
            now = self.clock.now()
            return mark_important(session, self.keys, post, important, now=now, actor="person:wen")

    def charge(self, post: int, login: str = "wen") -> None:
        with self.database.write() as session:
            person = self.newsroom.people[login]
            put_in_charge(session, person, "post", [post], at=self.clock.now())

    def digest(self, code: str = "NM", seen: dict[int, datetime] | None = None) -> Digest:
        def elsewhere(_: Session, ids: Collection[int]) -> dict[int, datetime]:
            return {one: at for one, at in (seen or {}).items() if one in ids}

        with self.database.read() as session:
            within = in_subtree(self.newsroom.units[code])
            return read_digest(session, within, self.clock.now(), elsewhere)

    def reminders(self) -> list[PostDue]:
        now = self.clock.now()
        with self.database.read() as session:
            expected = any_due(session, now)
        with self.database.write() as session:
            taken = take_reminders(session, now)
        assert expected or not taken
        return taken


on_one_database = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)


@pytest.fixture
def desk(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Desk:
    return Desk(make_newsroom(database, keys, clock, tmp_path))


def test_the_digest_tells_what_comes_whom_it_waits_for_what_failed_and_who_is_silent(desk: Desk) -> None:
    newsroom, now = desk.newsroom, desk.clock.now()
    waiting, returned, approved, sent, changed, draft = (newsroom.draft(f"第{n}篇。") for n in range(6))
    for post in (waiting, returned, approved, sent, changed):
        newsroom.submit(post)
    newsroom.approve(waiting, "yi")
    newsroom.send_back(returned, "yi", "改")
    for post in (approved, sent, changed):
        newsroom.approve(post, "yi", "er", "san")
    for post in (sent, changed):
        newsroom.send(post)
    newsroom.tamper(update(Post).where(col(Post.id) == changed).values(text="换了"))
    held = desk.queue(now + 2 * HOUR)
    desk.move(held, State.PAUSED)
    desk.charge(draft)
    failed, doubtful, over = desk.queue(now), desk.queue(now), desk.queue(now)
    desk.move(failed, State.SENDING, State.FAILED, needs_person=True, outcome_code="40164")
    desk.move(doubtful, State.SENDING, State.UNCERTAIN, needs_person=True)
    desk.move(over, State.CANCELLED)
    desk.charge(failed, "fa")
    desk.queue(now + 36 * HOUR)  # just beyond
    desk.mark(sent)
    silent = newsroom.open_account("HH-1", "still")
    seen = {
        silent.known_id: now - timedelta(days=14),
        newsroom.account.known_id: now - timedelta(days=10),
        desk.free.known_id: now - timedelta(days=9, hours=23),
    }

    digest = desk.digest(seen=seen)
    assert differences("queue-next", as_json_text(asdict(digest))) == ""
    told = {one.post: (one.state, one.stage, one.waits_for) for one in digest.coming}
    assert told == {
        waiting: (Readiness.IN_REVIEW, "second", ("姓名er",)),
        returned: (Readiness.RETURNED, "", ()),
        approved: (Readiness.NOT_SENT, "", ()),
        sent: (Readiness.READY, "", ()),
        changed: (Readiness.NOT_APPROVED, "", ()),
        draft: (Readiness.DRAFT, "", ("姓名wen",)),
        held: (Readiness.PAUSED, "", ()),
    }
    assert [one.post for one in digest.coming if one.important] == [sent]
    assert [(one.post, one.code, one.answers) for one in digest.failed] == [(failed, "40164", "姓名fa")]
    assert [one.post for one in digest.waiting] == [doubtful]
    assert [(one.account, one.light, one.days) for one in digest.silent] == [
        ("webhook:still", Silence.RED, 14),
        ("webhook:hh", Silence.YELLOW, 10),
    ]
    assert (digest.unready, digest.empty, digest.stopped) == (6, False, False)
    with speaking("zh"):
        lines = "\n".join(lines_of(digest, "https://m.edu.cn"))
        assert title_of(digest, "内\n蒙古") == "【摘要】内 蒙古:03-02 09:00 起 36 小时"
    assert "要发 7 条,其中 6 条还没就绪;等人处理 1;出错 1;久未更新的账号 2。" in lines
    assert "★ 03-02 10:00 webhook:hh 预告 · 已就绪" in lines
    assert "二审中 · 等 姓名er" in lines and "https://m.edu.cn" in lines
    assert "03-02 09:00 webhook:bt 标题 · 失败(没有发出) · 负责人 姓名fa" in lines
    assert lines.index("出错:") < lines.index("要发:")  # what is cut for length is not what is urgent

    assert {one.post for one in desk.digest("BT").coming} == {held}  # another unit's is not told
    with desk.database.write() as session:
        stop_queue(session, desk.keys, now=now, actor="test", stopped=True)
    stopped = desk.digest("BJ")
    assert stopped.stopped and not stopped.empty
    assert Readiness.READY not in {one.state for one in desk.digest().coming}


@on_one_database
def test_a_digest_of_nothing_is_one_line_and_a_long_one_says_how_much_it_leaves_out(desk: Desk) -> None:
    assert desk.digest().empty and lines_of(desk.digest(), "") == [lines_of(desk.digest(), "x")[0]]
    for number in range(33):
        desk.queue(desk.clock.now() + HOUR, f"题{number}")
    with speaking("zh"):
        assert lines_of(desk.digest(), "")[-1] == "……还有 3 条"


def test_an_important_post_is_told_of_within_ten_minutes_of_its_time_and_once(desk: Desk) -> None:
    now = desk.clock.now()
    cases = {
        BEFORE + SECOND: False,
        BEFORE: True,
        SECOND: True,
        timedelta(0): False,
    }
    posts = {desk.queue(now + ahead): told for ahead, told in cases.items()}
    plain = desk.queue(now + SECOND)
    ways = {
        State.QUEUED: (),
        State.PAUSED: (State.PAUSED,),
        State.MISSED: (State.MISSED,),
        State.CANCELLED: (State.CANCELLED,),
        **{
            state: (State.SENDING, state)
            for state in (
                *(State.ACCEPTED, State.UNCERTAIN, State.HANDED_OVER, State.PUBLISHED, State.FAILED),
                State.SENDING,  # the last: an account has one under way
            )
        },
    }
    assert set(ways) == set(State)
    states = {state: desk.queue(now + 5 * SECOND) for state in ways}
    for state, way in ways.items():
        desk.move(states[state], *way, published_at=now)
    for post in (*posts, *states.values()):
        assert desk.mark(post) and not desk.mark(post)
    told = desk.reminders()
    expected = {post for post, soon in posts.items() if soon} | {states[State.QUEUED], states[State.PAUSED]}
    assert {one.post for one in told} == expected and plain not in expected
    assert [one.due for one in told] == sorted(one.due for one in told)
    standing = {one.post: [ready.state for _, ready in one.copies] for one in told}
    assert standing[states[State.PAUSED]] == [Readiness.PAUSED]
    assert standing[states[State.QUEUED]] == [Readiness.READY]
    assert desk.reminders() == []
    desk.clock.advance(1)
    assert {one.due for one in desk.reminders()} == {now + BEFORE + SECOND}


def test_a_post_moved_is_told_of_again_before_its_new_time_and_an_unmarked_one_is_not(desk: Desk) -> None:
    post, other = desk.queue(desk.clock.now() + HOUR), desk.queue(desk.clock.now() + HOUR)
    desk.mark(post)
    desk.mark(other)
    desk.clock.advance(55 * 60)
    assert {one.post for one in desk.reminders()} == {post, other}
    with desk.database.write() as session:
        bulk.shift(session, desk.keys, [post, other], 1, now=desk.clock.now(), actor="test")
    assert desk.reminders() == []
    desk.mark(other, False)
    desk.clock.advance(24 * 3600)
    assert [one.post for one in desk.reminders()] == [post]
    with desk.database.read() as session:
        told = [one.details["important"] for one in entries_of(session, act="post.important")]
    assert sorted(told) == [False, True, True]


def test_a_draft_is_told_of_with_whom_it_waits_for_and_its_mark_voids_no_sign_off(desk: Desk) -> None:
    newsroom = desk.newsroom
    league = newsroom.open_account("HH", "second")
    post = newsroom.draft(accounts=[newsroom.account, league])
    newsroom.submit(post)
    newsroom.approve(post, "yi")
    desk.mark(post)
    desk.charge(post)
    newsroom.approve(post, "er")
    desk.clock.advance(51 * 60)
    (told,) = desk.reminders()
    assert [(slot.handle, ready.state, ready.waits_for) for slot, ready in told.copies] == [
        ("hh", Readiness.IN_REVIEW, ("姓名san",)),
        ("second", Readiness.IN_REVIEW, ("姓名san",)),
    ]
    with speaking("zh"):
        lines = reminder_lines(told, desk.clock.now(), "https://m.edu.cn")
    assert lines == [
        f"重点稿件,还有 9 分钟:#{post} 预告,03-02 10:00 发出。",
        "webhook:hh, webhook:second:终审中 · 等 姓名san",
        "负责人:姓名wen",
        f"打开控制台:https://m.edu.cn/posts/{post}",
    ]


def test_a_reminder_is_taken_by_one_of_many_nodes_however_many_look(desk: Desk) -> None:
    posts = [desk.queue(desk.clock.now() + timedelta(minutes=9)) for _ in range(3)]
    for post in posts:
        desk.mark(post)
    with desk.database.write() as session:
        stop_accounts(session, desk.keys, [desk.free], now=desk.clock.now(), actor="test", stopped=True)
    taken: list[PostDue] = []
    nodes = [threading.Thread(target=lambda: taken.extend(desk.reminders())) for _ in range(4)]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()
    assert sorted(one.post for one in taken) == posts
    assert {ready.state for one in taken for _, ready in one.copies} == {Readiness.PAUSED}


@on_one_database
def test_whoever_may_sign_nothing_any_more_is_not_waited_for(desk: Desk) -> None:
    """Where only an owner is left who may sign, the owner is named; where nobody is, that is said."""
    from organisation import Role, disable_person

    newsroom = desk.newsroom
    newsroom.submit(newsroom.draft())
    with desk.database.write() as session:
        disable_person(session, desk.keys, newsroom.people["yi"], at=desk.clock.now(), actor="test")
    (only,) = desk.digest().coming
    assert only.waits_for == ()
    with speaking("zh"):
        assert "一审中 · 没有人有权审" in "\n".join(lines_of(desk.digest(), ""))
    newsroom.person("zhu", Role.OWNER, None)
    assert desk.digest().coming[0].waits_for == ("姓名zhu",)
