"""今日 is given again only while nothing that it is made from has changed; every change bites at once."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_house import DeskHouse, desk_house
from httpx2 import ASGITransport, AsyncClient
from sqlmodel import Session

from config import Database, ManualClock
from config.database import connect
from config.secrets import KeyRing
from organisation import Role, end_sessions, find_unit, revoke_role
from organisation.people import PersonState, move_person
from scheduler.posts import Draft, queue_post
from scheduler.queue import stop_queue
from web.pages import today


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


class HeldUp:
    """Makes of 今日 in a house: how many there were, and the first of them waits until it is let go."""

    def __init__(self, house: DeskHouse, monkeypatch: pytest.MonkeyPatch) -> None:
        self.makes = self.looks = 0
        self._house = house
        self._reached, self._go = threading.Event(), threading.Event()
        self._page, self._version = today.page, house.there.inner.state.desk.database.version
        monkeypatch.setattr(today, "page", self._made)
        monkeypatch.setattr(house.there.inner.state.desk.database, "version", self._looked_at)

    def _made(self, *facts: Any) -> Any:
        """Its posts are read by then."""
        self.makes += 1
        if self.makes == 1:
            self._reached.set()
            assert self._go.wait(30)
        return self._page(*facts)

    def _looked_at(self) -> object:
        self.looks += 1
        return self._version()

    async def answers(self, then: Callable[[], None], others: int) -> list[str]:
        """Asks once; while that is being made does `then`, and asks `others` more times at once."""
        client = AsyncClient(
            transport=ASGITransport(self._house.there.app),
            base_url="http://127.0.0.1:8765",
            cookies={"meizhen-session": self._house.session("own"), "meizhen-language": "zh"},
        )
        async with client, asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(client.get("/"))]
            await asyncio.to_thread(self._reached.wait, 30)
            then()
            seen = self.looks
            asked += [tasks.create_task(client.get("/")) for _ in range(others)]
            while self.looks < seen + others:  # all have come, and found nothing that is kept
                await asyncio.sleep(0)
            self._go.set()
        return [task.result().text for task in asked]


def test_requests_that_wait_for_one_page_are_given_one_that_was_begun_after_all_of_them_had_come(
    house: DeskHouse, elsewhere: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed before they came is on it, though the page being made then has it not."""
    house.newsroom.demand("HH", "none")
    held = HeldUp(house, monkeypatch)

    def change() -> None:
        with elsewhere.write() as session:
            _gone(house, session, "post")

    first, *others = asyncio.run(held.answers(change, others=8))
    assert "新来的一篇" not in first
    assert ["新来的一篇" in html for html in others] == [True] * 8
    assert held.makes == 2
    tokens = {html.split('name="csrf-token" content="')[1].split('"')[0] for html in (first, *others)}
    assert len(tokens) == 9
