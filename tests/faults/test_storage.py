"""Power cuts and full disks: what was told is kept, what cannot be kept is refused, and then it goes on."""

import resource
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from socket import socket

import pytest
from oracle import Trial, assert_oracle
from raw_site import Accept, raw_site
from scenery import COVER, delivery, make_account, make_node, queue_posts, run_until_idle, story
from sqlalchemy import event, text
from sqlmodel import select

from config import Database, ManualClock, MeizhenError
from config.clock import SystemClock
from config.database import connect, reaching
from config.secrets import KeyRing
from scheduler.deliveries import Delivery, State
from scheduler.media import MediaFile, store_media

# 5: the power goes in the middle of a call.


@pytest.mark.fault(5)
def test_every_connection_writes_ahead_and_waits_for_the_disk(sqlite: Database) -> None:
    """NORMAL instead of FULL (2) may lose the last commits in a power cut."""
    with sqlite.read() as one, sqlite.read() as two, sqlite.write() as three:
        for session in (one, two, three):
            assert session.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
            assert session.execute(text("PRAGMA synchronous")).scalar_one() == 2


@pytest.mark.fault(5)
def test_a_power_cut_while_the_platform_takes_a_post_loses_nothing_and_doubles_nothing(
    sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, chance: Random
) -> None:
    """The disk as it stands when the platform has the post in hand is all that the next start finds."""
    after, stop = tmp_path / "after", threading.Event()
    after.mkdir()

    def power_cut(connection: socket, accept: Accept) -> None:
        accept()
        for file in (tmp_path / "meizhen.sqlite", tmp_path / "meizhen.sqlite-wal"):
            shutil.copy(file, after / file.name)
        stop.set()

    def fine(connection: socket, accept: Accept) -> None:
        connection.sendall(accept())

    with raw_site() as (site, address):
        account = make_account(sqlite, keys, "webhook", "site", api_base=address)
        ids = queue_posts(sqlite, account, [f"第{n}篇" for n in range(8)], due=clock.now())
        struck = chance.randrange(8)
        site.misbehave(*[fine] * struck, power_cut)
        make_node(sqlite, keys, clock, tmp_path).run(stop)
        found = connect(f"sqlite:///{after / 'meizhen.sqlite'}")
        with found.read() as session:
            states = list(session.exec(select(Delivery.state).order_by(Delivery.id)))  # type: ignore[arg-type]
        assert states == [State.PUBLISHED] * struck + [State.SENDING] + [State.QUEUED] * (7 - struck)
        clock.advance(120)
        run_until_idle(make_node(found, keys, clock, after))
    assert assert_oracle(found, site.received, clock.now()) == {State.PUBLISHED: 8}
    assert [step[2] for step in story(found, ids[struck])].count("node-lost") == 1
    found.close()


@pytest.mark.fault(5)
def test_a_disk_cut_at_any_byte_opens_whole(trial: Trial, chance: Random) -> None:
    """What was written last may be missing; what is there is whole, and each commit is there or is not."""
    trial.queue(trial.account(), 12)
    trial.run()
    log = (trial.folder / "meizhen.sqlite-wal").read_bytes()
    for number in range(12):
        file = trial.folder / f"cut{number}.sqlite"
        shutil.copy(trial.folder / "meizhen.sqlite", file)
        (trial.folder / f"{file.name}-wal").write_bytes(log[: chance.randrange(len(log))])
        connection = sqlite3.connect(file)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        told = connection.execute(
            "SELECT count(*) FROM delivery WHERE state = 'published' AND NOT EXISTS (SELECT 1 FROM"
            " delivery_event WHERE delivery_id = delivery.id AND to_state = 'published')"
        )
        assert told.fetchone() == (0,)
        connection.close()


# 6: no room for the database.


@contextmanager
def full_disk(database: Database) -> Iterator[None]:
    """SQLite may use no page more, on any connection."""

    def limit(connection: sqlite3.Connection, pages: int) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    def refuse_growth(connection: sqlite3.Connection, *_: object) -> None:
        limit(connection, connection.execute("PRAGMA page_count").fetchone()[0])

    def allow_growth(connection: sqlite3.Connection, *_: object) -> None:
        limit(connection, 2**30)

    event.listen(database.engine, "checkout", refuse_growth)
    try:
        yield
    finally:
        event.remove(database.engine, "checkout", refuse_growth)
        event.listen(database.engine, "checkout", allow_growth)


@pytest.mark.fault(6)
def test_a_full_disk_refuses_new_posts_with_a_message_and_takes_none_by_half(trial: Trial) -> None:
    account = trial.account()
    trial.queue(account, 2)
    with full_disk(trial.database):
        with pytest.raises(MeizhenError) as caught, reaching():
            trial.queue(account, 500)
        assert caught.value.code == "database.unreachable"
        assert "disk is full" in str(caught.value)
        assert caught.value.remedy("zh")
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 2}


@pytest.mark.fault(6)
def test_on_a_full_disk_nothing_is_sent_that_is_not_written_and_it_goes_on_once_there_is_room(
    trial: Trial,
) -> None:
    clock = SystemClock()
    trial.world.move_to(clock.now())
    accounts = [trial.account("webhook", f"site{number}") for number in range(3)]
    ids = [id_ for account in accounts for id_ in trial.queue(account, 40, due=clock.now())]
    node = make_node(trial.database, trial.keys, clock, trial.folder)
    with full_disk(trial.database):
        node.run(threading.Event(), until=clock.now() + timedelta(seconds=1.2))
    sent = trial.received()
    assert len(sent) < len(ids)
    stands = {(found := delivery(trial.database, id_)).key: found.state for id_ in ids}
    assert {stands[key] for key in sent} <= {State.PUBLISHED, State.SENDING, State.UNCERTAIN}
    trial.clock.move_to(clock.now() + timedelta(minutes=2))
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 120}


# 7: no room for media.


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process may grow past `size` bytes; Python ignores the signal and reports EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.fault(7)
def test_a_picture_for_which_there_is_no_room_is_refused_with_a_message_and_leaves_nothing(
    trial: Trial,
) -> None:
    (trial.folder / "gross.jpg").write_bytes(COVER)
    store = trial.folder / "media"
    too_small = len(COVER) - 1
    with (
        trial.database.write() as session,
        files_of_at_most(too_small),
        pytest.raises(MeizhenError) as caught,
    ):
        store_media(session, store, trial.folder / "gross.jpg", now=trial.clock.now())
    assert caught.value.code == "post.media_not_kept"
    assert caught.value.remedy("zh") and "gross.jpg" in str(caught.value)
    assert [path for path in store.rglob("*") if path.is_file()] == []
    with trial.database.read() as session:
        assert session.exec(select(MediaFile)).all() == []
    with trial.database.write() as session:
        store_media(session, store, trial.folder / "gross.jpg", now=trial.clock.now())
