"""Notices: a person is told once, in the transaction of the change, and no longer than the cause lasts."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from scenery import delivery, make_account, make_node, queue_posts, run_until_idle
from sqlmodel import col, select

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation.accounts import Account
from sandbox.platforms import douyin, webhook
from sandbox.world import Fault
from scheduler import cancel, reschedule, resolve, retry
from scheduler.deliveries import Delivery, State
from scheduler.media import store_media
from scheduler.notices import Notice, close_gone, of_missed, open_notices, raise_idle
from scheduler.posts import Post
from scheduler.queue import stop_accounts

if TYPE_CHECKING:
    from conftest import RunningSandbox


@pytest.fixture
def site(database: Database, keys: KeyRing, sandbox: "RunningSandbox") -> Account:
    there = webhook.example(sandbox.world, "site")
    return make_account(
        database,
        keys,
        "webhook",
        "site",
        api_base=f"{sandbox.url}/webhook",
        credentials=there.credentials,
    )


def told(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return sorted((notice.kind, notice.subject) for notice in open_notices(session))


def states(database: Database, ids: list[int]) -> list[str]:
    with database.read() as session:
        return list(
            session.exec(select(Delivery.state).where(col(Delivery.id).in_(ids)).order_by(col(Delivery.id)))
        )


def test_a_link_that_waits_for_a_tap_is_told_until_it_is_published(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, sandbox: "RunningSandbox"
) -> None:
    there = douyin.example(sandbox.world, "film")
    account = make_account(
        database, keys, "douyin", "film", api_base=f"{sandbox.url}/douyin", credentials=there.credentials
    )
    there.switches["confirm_seconds"] = None
    picture = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(picture)
    [id_] = queue_posts(database, account, ["一"], due=clock.now())
    with database.write() as session:
        kept = store_media(session, tmp_path, picture, now=clock.now())
        post = session.get_one(Post, session.get_one(Delivery, id_).post_id)
        post.media = [kept.sha256]
    run_until_idle(make_node(database, keys, clock, tmp_path), timedelta(minutes=1))
    assert told(database) == [("to_confirm", "douyin:film")]
    douyin.press(sandbox.world, there, delivery(database, id_).detail["link"])
    run_until_idle(make_node(database, keys, clock, tmp_path), timedelta(minutes=10))
    assert states(database, [id_]) == ["published"]
    with database.write() as session:
        close_gone(session, clock.now())
    assert told(database) == []


def test_six_posts_on_a_revoked_token_are_one_notice(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    sandbox.world.set_faults(Fault("status", path="/publish", value="401"))
    ids = queue_posts(database, site, list("一二三四五六"), due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path), timedelta(minutes=10))
    assert states(database, ids) == [State.FAILED, *[State.QUEUED] * 5]
    assert told(database) == [("account_paused", "webhook:site")]
    # A person resumes without having mended it: the same once more, and the first notice is closed.
    with database.write() as session:
        stop_accounts(session, keys, [site], now=clock.now(), actor="test", stopped=False)
    assert told(database) == []
    run_until_idle(make_node(database, keys, clock, tmp_path), timedelta(minutes=10))
    assert told(database) == [("account_paused", "webhook:site")]
    with database.read() as session:
        every = session.exec(select(Notice).order_by(col(Notice.id))).all()
    assert [notice.closed_at is None for notice in every] == [False, True]
    assert all(notice.code for notice in every)


def test_resuming_a_mended_account_ends_its_notice_and_sends_the_rest(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    sandbox.world.set_faults(Fault("status", path="/publish", value="401", times=1))
    ids = queue_posts(database, site, ["一", "二"], due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path), timedelta(minutes=10))
    with database.write() as session:
        stop_accounts(session, keys, [site], now=clock.now(), actor="test", stopped=False)
        retry(session, keys, ids[:1], now=clock.now(), actor="test")
    run_until_idle(make_node(database, keys, clock, tmp_path), timedelta(minutes=10))
    assert states(database, ids) == [State.PUBLISHED] * 2
    assert told(database) == []


def test_a_doubt_that_a_person_must_settle_is_told_until_it_is(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    sandbox.world.set_faults(
        Fault("cut_after", path="/publish", times=1), Fault("status", path="/lookup", value="500")
    )
    [id_] = queue_posts(database, site, ["一"], due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path), timedelta(hours=12))
    assert delivery(database, id_).needs_person
    assert told(database) == [("uncertain", "webhook:site")]
    with database.write() as session:
        resolve(session, keys, id_, published_url="https://x.example/1", now=clock.now(), actor="test")
    assert told(database) == []


def test_a_refused_post_is_told_until_it_is_called_off(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    site: Account,
) -> None:
    sandbox.world.set_faults(Fault("status", path="/publish", value="422"))
    ids = queue_posts(database, site, ["一", "二", "三"], due=clock.now())
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert states(database, ids) == [State.FAILED] * 3
    assert told(database) == [("failed", "webhook:site")]
    with database.write() as session:
        cancel(session, keys, ids[:2], now=clock.now(), actor="test")
    assert told(database) == [("failed", "webhook:site")], "the third is still there"
    with database.write() as session:
        cancel(session, keys, ids[2:], now=clock.now(), actor="test")
    assert told(database) == []


def test_forty_missed_posts_are_one_notice_an_account(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, site: Account
) -> None:
    other = make_account(database, keys, "webhook", "other", api_base="http://127.0.0.1:9")
    ids = queue_posts(database, site, [str(n) for n in range(40)], due=clock.now())
    ids += queue_posts(database, other, ["一"], due=clock.now())
    clock.advance(3 * 3600)
    run_until_idle(make_node(database, keys, clock, tmp_path))
    assert set(states(database, ids)) == {State.MISSED}
    assert told(database) == [("missed", "webhook:other"), ("missed", "webhook:site")]
    with database.write() as session:
        due = clock.now() + timedelta(days=1)
        reschedule(session, keys, ids[40:], due=due, now=clock.now(), actor="test")
    assert told(database) == [("missed", "webhook:site")]


def test_what_the_person_did_is_taken_back_together_with_its_notice(
    database: Database, keys: KeyRing, clock: ManualClock, site: Account
) -> None:
    ids = queue_posts(database, site, ["一"], due=clock.now())
    with database.write() as session:
        found = session.exec(select(Delivery)).one()
        found.state, found.needs_person = State.MISSED, True
        session.add(found)
        session.flush()
        of_missed(session, ids, clock.now())
    with pytest.raises(RuntimeError), database.write() as session:
        cancel(session, keys, ids, now=clock.now(), actor="test")
        raise RuntimeError("power cut")
    assert told(database) == [("missed", "webhook:site")]


def test_the_database_itself_allows_one_open_notice_of_a_kind(database: Database, clock: ManualClock) -> None:
    from sqlalchemy.exc import IntegrityError

    def notice() -> Notice:
        return Notice(kind="missed", subject="webhook:x", opened_at=clock.now())

    with database.write() as session:
        session.add(notice())
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(notice())
    with database.write() as session:
        close_gone(session, clock.now())
        session.add(notice())
    with database.read() as session:
        assert len(session.exec(select(Notice)).all()) == 2


def test_a_long_answer_of_the_platform_fits(
    database: Database,
    clock: ManualClock,
    site: Account,
) -> None:
    from connectors import NeedsPerson
    from scheduler import journal
    from scheduler.journal import Ended
    from scheduler.notices import of_verdict
    from scheduler.outcomes import Verdict

    queue_posts(database, site, ["一"], due=clock.now())
    error = NeedsPerson("x" * 5000, platform_code="c" * 500)
    verdict = Verdict(State.FAILED, "needsperson", clock.now(), needs_person=True, error=error, pause=True)
    with database.write() as session:
        [work] = journal.unfinished(session, [site.known_id])[site.known_id].queued
        for _ in range(2):
            of_verdict(session, Ended.by(work, clock.now(), verdict))
    with database.read() as session:
        [notice] = open_notices(session)
    assert (len(notice.code), len(notice.told)) == (80, 1000)


def test_the_queues_own_notice_is_open_until_the_watchman_ends_it(
    database: Database, clock: ManualClock
) -> None:
    with database.write() as session:
        raise_idle(session, clock.now())
        raise_idle(session, clock.now())
        close_gone(session, clock.now())
    assert told(database) == [("due_but_idle", "queue")]
