"""No form of another site, session or machine does anything here; an own one does."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from desk_house import DeskHouse
from fastapi.routing import iter_route_contexts

from scheduler.queue import is_stopped
from web.bodies import MOST_PLAIN, MOST_WITH_FILES, MOST_WITH_FILM

STOP = {"reason": "演练"}


def stopped(house: DeskHouse) -> bool:
    with house.database.read() as session:
        return is_stopped(session)


@pytest.fixture
def owner(house: DeskHouse) -> DeskHouse:
    from organisation import Role

    house.newsroom.person("own", Role.OWNER, None)
    return house


def test_a_form_without_its_own_token_is_refused_and_does_nothing(owner: DeskHouse) -> None:
    browser, other = owner.browser("own"), owner.browser("fa")
    salt, _, mask = browser.token.partition(".")
    for token in ("", "x", f"{salt}.", f"{salt}.{'0' * 64}", f"x{salt}.{mask}", other.token, "·.·"):
        refused = browser.post("/queue/stop", {**STOP, "_token": token})
        assert refused.status == 403, token
        assert "web.foreign_form" in refused.words
    without = browser.client.post("/queue/stop", data=STOP)
    in_json = browser.client.post("/queue/stop", json=STOP)
    assert (without.status_code, in_json.status_code) == (403, 403)
    assert not stopped(owner)
    browser.get("/me")
    assert browser.post("/queue/stop", STOP).status == 200
    assert stopped(owner)


def test_a_token_of_the_session_before_signing_out_is_worth_nothing(owner: DeskHouse) -> None:
    browser = owner.browser("own")
    old = browser.token
    browser.post("/logout")
    browser.client.cookies.set("meizhen-session", owner.session("own"))
    assert browser.post("/queue/stop", {**STOP, "_token": old}).status == 403
    assert not stopped(owner)


ELSEWHERE = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://elsewhere.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9999"},
    {"origin": "http://127.0.0.1:8765", "sec-fetch-site": "cross-site"},
]


def test_a_form_that_stood_elsewhere_is_refused_even_with_the_right_token(owner: DeskHouse) -> None:
    browser = owner.browser("own")
    for told in ELSEWHERE:
        assert browser.post("/queue/stop", STOP, **told).status == 403, told
    assert not stopped(owner)


def test_a_form_that_the_browser_says_is_ours_passes(owner: DeskHouse) -> None:
    browser = owner.browser("own")
    told = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8765"}
    assert browser.post("/queue/stop", STOP, **told).status == 200
    assert stopped(owner)


def test_the_token_may_come_in_a_header_and_differs_from_page_to_page(owner: DeskHouse) -> None:
    browser = owner.browser("own")
    first, second = browser.get("/me").token, browser.get("/me").token
    assert first != second
    for token in (first, second):
        answer = browser.client.post("/queue/stop", data=STOP, headers={"x-csrf-token": token})
        assert answer.status_code == 200


def test_signing_in_wants_the_form_of_our_own_page_too(owner: DeskHouse) -> None:
    """Else a stranger could sign a person in as somebody else, and read what they then write."""
    browser = owner.there.browser()
    form = {"login": "own", "password": "x"}
    assert browser.client.post("/login", data=form).status_code == 403
    other = owner.there.browser()
    other.get("/login")
    browser.get("/login")
    assert browser.post("/login", {**form, "_token": other.token}).status == 403


def test_a_page_that_only_reads_wants_no_token_and_a_get_changes_nothing(owner: DeskHouse) -> None:
    browser = owner.browser("own")
    assert browser.get("/queue/stop").status == 405
    assert browser.get("/logout").status == 405
    assert browser.get("/me").status == 200


@pytest.mark.parametrize("path", ["/login", "/setup", "/join", "/queue/stop"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_stranger_cannot_have_a_large_form_read(owner: DeskHouse, path: str, kind: str) -> None:
    """Not even one that does not say its size: no more of it is taken than of a plain form."""
    taken = 0
    head = b'--x\r\nContent-Disposition: form-data; name="login"; filename="f"\r\n\r\n'
    told: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        nonlocal taken
        first = head if taken == 0 and kind.startswith("multipart") else b""
        taken += 1
        return {"type": "http.request", "body": first + b"x" * 1024 * 1024, "more_body": taken < 64}

    async def send(message: MutableMapping[str, Any]) -> None:
        told.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", kind.encode())],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(owner.there.inner(scope, receive, send))
    assert told[0]["status"] in (303, 400, 403, 413)
    assert taken <= MOST_PLAIN // 1024**2 + 1


def test_only_what_takes_files_reads_more_than_a_plain_form(owner: DeskHouse) -> None:
    posts = [one for one in iter_route_contexts(owner.there.inner.routes) if "POST" in (one.methods or ())]
    pages = [one for one in posts if not one.path.startswith("/callback/")]
    larger = {one.path: one.max_body_size for one in pages if one.max_body_size != MOST_PLAIN}
    assert larger == {
        "/posts/compose": MOST_WITH_FILM,
        "/posts/finish": MOST_WITH_FILM,
        "/figures/imports": MOST_WITH_FILES,
        "/awards/{name}/given": MOST_WITH_FILES,
        "/awards/{name}/jury/sheet": MOST_WITH_FILES,
        "/organisation/import": MOST_WITH_FILES,
    }
