"""The library: whose a file is, where it is used, and who sees it."""

from datetime import timedelta
from pathlib import Path

import pytest
from newsroom import Newsroom, make_newsroom
from PIL import Image

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation import Act, Role, Unit, in_sight
from scheduler.library import (
    add_media,
    find_media,
    holders_of,
    keep_all,
    page_of_library,
    require_media,
    set_alt,
    uses_of,
)
from scheduler.media import FoundMedia, MediaFile, examine
from scheduler.review_drafts import Change


@pytest.fixture
def room(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Newsroom:
    return make_newsroom(database, keys, clock, tmp_path)


def picture(room: Newsroom, number: int = 0) -> FoundMedia:
    path = room.folder / f"{number}.png"
    Image.new("RGB", (20 + number, 10), "red").save(path)
    return examine(path)


def added(room: Newsroom, unit: str, number: int = 0, alt: str = "") -> MediaFile:
    found = [picture(room, number)]
    keep_all(room.folder, found)
    with room.database.write() as session:
        place = session.get_one(Unit, room.units[unit].id)
        (row,) = add_media(session, room.keys, found, place, alt=alt, now=room.clock.now(), actor="t")
    return row


def seen(room: Newsroom, login: str) -> list[str]:
    with room.database.read() as session:
        rows = page_of_library(session, in_sight(room.who(login), Act.MEDIA_READ))
    return [row.sha256 for row in rows]


def test_a_file_is_kept_once_and_held_by_every_unit_that_adds_it(room: Newsroom) -> None:
    first, again = added(room, "HH", alt="草原"), added(room, "BJ", alt="别的话")
    assert first.sha256 == again.sha256
    with room.database.read() as session:
        row = find_media(session, first.sha256[:10])
        assert [unit.code for unit in holders_of(session, row)] == ["BJ", "HH"]
        assert (row.alt, row.width, row.height) == ("草原", 20, 10)


def test_people_see_what_their_units_hold_or_their_posts_use(room: Newsroom) -> None:
    room.person("bei", Role.EDITOR, "BJ")
    ours, theirs = added(room, "HH", 1), added(room, "BJ", 2)
    used = added(room, "BJ", 3)
    assert seen(room, "wen") == [ours.sha256] and set(seen(room, "bei")) == {theirs.sha256, used.sha256}
    post = room.draft()
    room.change(post, Change(media=(picture(room, 3),)))
    assert set(seen(room, "wen")) == {ours.sha256, used.sha256}
    with room.database.read() as session:
        row = find_media(session, used.sha256)
        sight = in_sight(room.who("wen"), Act.MEDIA_READ)
        assert [(use.post, use.accounts) for use in uses_of(session, row, sight)] == [(post, ("webhook:hh",))]
        assert uses_of(session, row, in_sight(room.who("bei"), Act.MEDIA_READ)) == []
        for told in (theirs.sha256, "0" * 64, "short", "%" * 8):
            with pytest.raises(MeizhenError) as error:
                require_media(session, room.who("wen"), told, Act.MEDIA_READ)
            assert error.value.code == "media.unknown"
        # A post that uses it shows it; changing it takes a unit that holds it and a role there.
        assert require_media(session, room.who("wen"), used.sha256, Act.MEDIA_WRITE).sha256 == used.sha256
        with pytest.raises(MeizhenError):
            require_media(session, room.who("yi"), used.sha256, Act.MEDIA_WRITE)
    room.change(post, Change(media=()))
    assert seen(room, "wen") == [ours.sha256]


def test_pages_follow_each_other_newest_first(room: Newsroom) -> None:
    rows = []
    for number in range(5):
        rows.append(added(room, "HH", number).sha256)
        room.clock.advance(timedelta(minutes=number % 2).total_seconds())  # some at the same moment
    found: list[str] = []
    after = None
    for _ in range(4):
        with room.database.read() as session:
            page = page_of_library(session, None, after=after, limit=2)
        found += [row.sha256 for row in page]
        after = (page[-1].added_at, page[-1].sha256) if page else after
    assert sorted(found) == sorted(rows) and len(found) == len(rows)
    with room.database.read() as session:
        assert page_of_library(session, None, content_type="video") == []
        assert len(page_of_library(session, None, content_type="image")) == 5


def test_words_are_kept_in_one_visible_line(room: Newsroom) -> None:
    row = added(room, "HH", alt=" 草原\n 上的  升旗 ")
    with room.database.write() as session:
        assert find_media(session, row.sha256).alt == "草原 上的 升旗"
        for told in ("x" * 501, "a\x00b", "\u202egnp"):
            with pytest.raises(MeizhenError) as error:
                set_alt(session, room.keys, row.sha256, told, now=room.clock.now(), actor="t")
            assert error.value.code == "media.bad_alt"
        assert set_alt(session, room.keys, row.sha256, "新的", now=room.clock.now(), actor="t")
        assert not set_alt(session, room.keys, row.sha256, "新的", now=room.clock.now(), actor="t")
