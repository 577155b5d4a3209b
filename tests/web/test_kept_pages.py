"""今日 is given again only while nothing that it is made from has changed; every change bites at once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk_house import DeskHouse, desk_house
from sqlmodel import Session

from config import Database, ManualClock
from config.database import connect
from config.secrets import KeyRing
from organisation import Role, end_sessions, find_unit, revoke_role
from organisation.people import PersonState, move_person
from scheduler.posts import Draft, queue_post
from scheduler.queue import stop_queue


@pytest.fixture
def house(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Iterator[DeskHouse]:
    """On both databases: whether anything has changed is asked of each in its own way."""
    with desk_house(database, keys, clock, tmp_path) as made:
        for login in ("own", "stays"):
            made.newsroom.person(login, Role.OWNER, None)
        yield made


@pytest.fixture
def elsewhere(house: DeskHouse, database_address: str) -> Iterator[Database]:
    """The database as another process has it."""
    database = connect(database_address)
    yield database
    database.close()


def test_a_page_of_which_nothing_changed_is_given_again_with_a_form_token_of_its_own(
    house: DeskHouse,
) -> None:
    browser = house.browser("own")
    first = browser.get("/")
    token = browser.token
    with house.counting() as asked:
        again = browser.get("/")
    assert asked == []
    assert browser.token != token
    assert again.html.replace(browser.token, token) == first.html
    headers, before = (dict(one.response.headers) for one in (again, first))
    for one in (headers, before):
        del one["content-length"]  # zipped: another token is as long, but not as easy to zip
    assert headers == before
    assert browser.post("/queue/stop", {"reason": "演练"}).status == 200


def _gone(house: DeskHouse, session: Session, what: str) -> None:
    person, keys, now = house.newsroom.people["own"], house.newsroom.keys, house.clock.now()
    if what == "session":
        end_sessions(session, person)
    elif what == "person":
        move_person(session, person, (PersonState.ACTIVE,), PersonState.DISABLED)
    elif what == "role":
        revoke_role(session, keys, person, Role.OWNER, None, at=now, actor="person:x")
    elif what == "queue":
        stop_queue(session, keys, now=now, actor="person:x", stopped=True, reason="演练甲")
    else:
        queue_post(
            session,
            keys,
            Draft("新来的一篇", "正文"),
            [house.newsroom.account],
            due=now,
            lateness_hours=2,
            now=now,
            actor="person:x",
        )


_SHOWN: dict[str, Callable[[str, str], bool]] = {
    "session": lambda path, html: path == "/login",
    "person": lambda path, html: path == "/login",
    "role": lambda path, html: 'href="/settings"' in html and 'href="/ledger"' not in html,
    "queue": lambda path, html: "演练甲" in html,
    "post": lambda path, html: "新来的一篇" in html,
}


@pytest.mark.parametrize("what", _SHOWN)
def test_what_another_process_changes_shows_at_the_very_next_request(
    house: DeskHouse, elsewhere: Database, what: str
) -> None:
    browser = house.browser("own")
    if what == "post":
        house.newsroom.demand("HH", "none")
    browser.get("/")
    before = browser.get("/")  # a kept one
    assert not _SHOWN[what](before.path, before.html)
    with elsewhere.write() as session:
        _gone(house, session, what)
    after = browser.get("/")
    assert _SHOWN[what](after.path, after.html)


def test_nobody_is_given_the_page_of_another_or_one_for_other_wishes(house: DeskHouse) -> None:
    owner, editor = house.browser("own"), house.browser("fa")
    name = house.newsroom.people["own"].name
    assert f'<p class="mz-menu-name">{name}' in owner.get("/").html
    assert f'<p class="mz-menu-name">{name}' not in editor.get("/").html
    assert '<html lang="zh-CN" data-bs-theme="light"' in owner.get("/").html
    owner.client.cookies.set("meizhen-language", "en")
    owner.client.cookies.set("meizhen-theme", "dark")
    assert '<html lang="en" data-bs-theme="dark"' in owner.get("/").html
    with house.database.read() as session:
        unit = find_unit(session, "HH")
    owner.client.cookies.set("meizhen-unit", unit.code)
    assert f'<span class="mz-pick-name">{unit.name_zh}</span>' in owner.get("/").html
    owner.client.cookies.delete("meizhen-session")
    assert owner.get("/").path == "/login"


def test_a_page_is_made_anew_with_the_next_minute_and_not_given_beyond_its_session(house: DeskHouse) -> None:
    browser = house.browser("own")
    house.clock.advance(30)
    browser.get("/")
    house.clock.advance(29)
    with house.counting() as asked:
        browser.get("/")
    assert asked == []
    house.clock.advance(1)
    with house.counting() as asked:
        browser.get("/")
    assert asked != []
    browser.get("/")
    house.clock.advance(8 * 3600)
    assert browser.get("/").path == "/login"


def test_news_is_told_once(house: DeskHouse) -> None:
    browser = house.browser("own")
    plain = browser.get("/").html
    told = browser.post("/queue/stop", {"reason": "演练", "back": "/"})
    assert "data-toast" in told.html and "data-toast" not in plain
    assert "data-toast" not in browser.get("/").html
