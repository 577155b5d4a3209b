"""What the console's desk asks of both databases: finding posts, moving many, keeping what is written."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from newsroom import Newsroom, make_newsroom
from sqlalchemy import true
from sqlmodel import select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from scheduler import bulk
from scheduler import working_copies as copies
from scheduler.composing import compose
from scheduler.deliveries import Delivery, State
from scheduler.post_search import Asked, search_posts
from scheduler.posts_read import paths_of_posts
from scheduler.review_content import contents_of
from scheduler.review_drafts import Change
from scheduler.review_tables import Standing
from scheduler.working_copies import Own, Writing


@pytest.fixture
def newsroom(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Newsroom:
    made = make_newsroom(database, keys, clock, tmp_path)
    made.demand("NM", "none")
    return made


def test_posts_are_found_by_what_is_asked_of_them(newsroom: Newsroom) -> None:
    sent, draft = newsroom.draft("发过的。"), newsroom.draft("没有发的。")
    newsroom.send(sent)
    now = newsroom.clock.now()
    questions = {
        Asked(): [draft, sent],
        Asked(state=State.QUEUED): [sent],
        Asked(state=State.PUBLISHED): [],
        Asked(state="draft"): [draft],
        Asked(state=Standing.RETURNED): [],
        Asked(words="没有"): [draft],
        Asked(words=f"#{sent}"): [sent],
        Asked(account_id=newsroom.account.known_id): [draft, sent],
        Asked(unit=true()): [draft, sent],
        Asked(since=now, until=now + timedelta(hours=2)): [draft, sent],
        Asked(since=now + timedelta(hours=2)): [],
    }
    with newsroom.database.read() as session:
        for asked, expected in questions.items():
            found = search_posts(session, true(), asked, None, 10)
            assert [one.id for one in found] == expected, asked
        assert [one.id for one in search_posts(session, true(), Asked(), (draft,), 10)] == [sent]
        paths = paths_of_posts(session, [sent, draft, 999])
    assert paths == {sent: [newsroom.units["HH"].path], draft: [newsroom.units["HH"].path], 999: []}


def test_a_move_is_taken_back_only_while_it_stands(newsroom: Newsroom) -> None:
    post = newsroom.draft()
    newsroom.send(post)
    now, keys = newsroom.clock.now(), newsroom.keys
    with newsroom.database.write() as session:
        assert bulk.shift(session, keys, [post], 2, now=now, actor="a") == bulk.Done(1, 1, 0)
    with newsroom.database.write() as session, pytest.raises(MeizhenError) as other:
        bulk.undo_shift(session, keys, [post], 2, now, now=now, actor="b")
    assert other.value.code == "post.too_late_to_undo"
    with newsroom.database.write() as session:
        bulk.undo_shift(session, keys, [post], 2, now, now=now + timedelta(seconds=9), actor="a")
    with newsroom.database.read() as session:
        (delivery,) = session.exec(select(Delivery))
    assert delivery.due == now + timedelta(hours=1) and delivery.late_after == now + timedelta(hours=3)


def test_what_is_written_is_kept_handed_over_and_never_over_anothers(newsroom: Newsroom) -> None:
    now, person = newsroom.clock.now(), newsroom.people["wen"].known_id
    mine = newsroom.account.known_id
    writing = Writing("题", "文", "", (mine,), (), {mine: Own(None, "自己的")}, "markdown")
    with newsroom.database.write() as session:
        copy = copies.begin(session, person, None, Writing(), now)
        copies.save(session, copy, 1, writing, now)
    with newsroom.database.write() as session, pytest.raises(MeizhenError) as stale:
        copies.save(session, copies.find_copy(session, copy.known_id, person), 1, writing, now)
    assert stale.value.code == "draft.elsewhere"
    post = hand_over(newsroom, copy.known_id, person)
    with newsroom.database.read() as session:
        content = contents_of(session, [post])[post]
    assert content.options == {"format": "markdown"} and content.copies[0].text == "自己的"
    with newsroom.database.write() as session:
        again = copies.begin(session, person, post, copies.writing_from(content, "2026-03-02T10:00"), now)
        assert again.writing == replace(writing, due="2026-03-02T10:00")
    newsroom.change(post, Change(text="别人改的。"))
    with pytest.raises(MeizhenError) as overtaken:
        hand_over(newsroom, again.known_id, person)
    assert overtaken.value.code == "draft.overtaken"


def hand_over(newsroom: Newsroom, copy_id: int, person: int) -> int:
    with newsroom.database.write() as session:
        return copies.hand_over(
            session,
            newsroom.keys,
            copies.find_copy(session, copy_id, person),
            [newsroom.account],
            newsroom.folder,
            due=newsroom.clock.now() + timedelta(hours=1),
            lateness_hours=2,
            now=newsroom.clock.now(),
            actor="person:wen",
        )


def test_a_look_at_what_is_written_stores_nothing(newsroom: Newsroom) -> None:
    newsroom.demand("NM", "first,final")
    writing = Writing("题", "一。二。", "", (newsroom.account.known_id,))
    with newsroom.database.read() as session:
        seen = compose(
            session,
            writing,
            [newsroom.account],
            due=newsroom.clock.now() - timedelta(hours=9),
            post_id=None,
            media_folder=newsroom.folder,
            lateness_hours=2,
            now=newsroom.clock.now(),
            checked={},
        )
    assert [stage.value for stage in seen.stages] == ["first", "final"]
    assert [one.problem.code for one in seen.findings if one.stops][-1] == "draft.past"
    assert seen.looks[0].differs == 0 and seen.looks[0].text == "一。二。"
