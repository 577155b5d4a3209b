"""Coming in and going out: what a browser is told, what it keeps, and how soon it ends."""

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from console import Console, Consoles
from desk_house import DeskHouse
from people import PASSWORD
from sqlmodel import select

from config import Database, ManualClock
from config.database import connect
from config.secrets import KeyRing
from organisation import Person, Role, add_person, invite_person, owners
from organisation.joining import set_up_code
from organisation.leaving import disable_person
from organisation.one_time_codes import hash_of
from organisation.sessions import SignedIn
from organisation.throttle import PAIR

SESSION = "meizhen-session"


@pytest.fixture(autouse=True)
def _owned(request: pytest.FixtureRequest) -> None:
    """Somebody has claimed the house: else every door leads to the first set-up."""
    if "house" in request.fixturenames:
        request.getfixturevalue("house").newsroom.person("own", Role.OWNER, None)


def sessions(house: DeskHouse) -> set[str]:
    with house.database.read() as session:
        return set(session.exec(select(SignedIn.token_hash)))


def token(browser: Console) -> str:
    return next(cookie.value or "" for cookie in browser.client.cookies.jar if cookie.name == SESSION)


def test_signing_in_gives_a_new_session_and_ends_the_one_that_was_brought(house: DeskHouse) -> None:
    browser = house.there.browser()
    browser.client.cookies.set(SESSION, "made-up-by-a-stranger", domain="127.0.0.1", path="/")
    assert browser.sign_in("fa").path == "/"
    first = token(browser)
    assert first != "made-up-by-a-stranger" and len(first) >= 43
    browser.post("/logout")
    browser.sign_in("fa")
    assert token(browser) != first
    assert hash_of(first) not in sessions(house)


def test_a_session_brought_from_elsewhere_does_not_outlive_signing_in_over_it(house: DeskHouse) -> None:
    planted = house.session("wen")
    browser = house.there.browser()
    browser.client.cookies.set(SESSION, planted, domain="127.0.0.1", path="/")
    browser.get("/me")
    form = {"login": "fa", "password": PASSWORD}
    assert browser.post("/login", form).path == "/"
    assert hash_of(planted) not in sessions(house)
    assert "姓名fa" in browser.get("/me").words


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(house: DeskHouse) -> None:
    for address, name, secure in (
        ("http://127.0.0.1:8765", SESSION, False),
        ("https://media.example", f"__Host-{SESSION}", True),
    ):
        browser = house.there.browser(address)
        browser.client.follow_redirects = False
        told = browser.sign_in("fa").response.headers.get_list("set-cookie")
        given = next(line for line in told if line.startswith(f"{name}="))
        assert "HttpOnly" in given and "SameSite=lax" in given and "Path=/" in given
        assert ("Secure" in given) is secure
        assert "Domain" not in given


def test_signing_out_ends_the_session_on_the_server_too(house: DeskHouse) -> None:
    browser, thief = house.browser("fa"), house.there.browser()
    thief.client.cookies.set(SESSION, token(browser))
    assert thief.get("/me").path == "/me"
    browser.client.follow_redirects = False
    left = browser.post("/logout").response
    assert left.headers["clear-site-data"] == '"cache"'
    assert thief.get("/me").path == "/login"
    assert browser.get("/me").response.headers["location"].startswith("/login")


def test_disabling_somebody_bites_at_their_next_click(house: DeskHouse) -> None:
    browser = house.browser("fa")
    assert browser.get("/").path == "/"
    with house.database.write() as session:
        person = session.exec(select(Person).where(Person.login == "fa")).one()
        disable_person(session, house.newsroom.keys, person, at=house.clock.now(), actor="test")
    assert browser.get("/").path == "/login"
    assert browser.post("/queue/stop", {"reason": "x"}).path == "/login"
    assert browser.sign_in("fa").status == 422


def test_a_session_ends_unused_and_at_its_age(house: DeskHouse) -> None:
    browser = house.browser("fa")
    house.clock.advance(timedelta(hours=8, minutes=1).total_seconds())
    assert browser.get("/me").path == "/login"
    used = house.browser("fa")
    for _ in range(7 * 4):
        house.clock.advance(timedelta(hours=6).total_seconds())
        last = used.get("/me").path
    assert last == "/login"


ELSEWHERE = [
    "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "javascript:alert(1)",
    "http:evil.example", "evil.example", "/\n//evil.example", "///evil.example",
    "", " //evil.example", "/%0a", "@evil",
]  # fmt: skip


def test_next_leads_nowhere_but_into_this_console(house: DeskHouse) -> None:
    signed, stranger = house.browser("fa"), house.there.browser()
    signed.client.follow_redirects = stranger.client.follow_redirects = False
    for told in ELSEWHERE:
        there = signed.client.get("/login", params={"next": told}).headers["location"]
        assert there.startswith("/") and not there.startswith(("//", "/\\")), told
        assert "evil" not in stranger.client.get("/login", params={"next": told}).text, told
        answer = signed.post("/language", {"language": "zh", "back": told}).response.headers["location"]
        assert answer.startswith("/") and "evil" not in answer, told
    assert signed.client.get("/login", params={"next": "/me?a=b"}).headers["location"] == "/me?a=b"


def test_who_was_not_signed_in_comes_to_where_they_were_going(house: DeskHouse) -> None:
    browser = house.there.browser()
    answer = browser.get("/me?x=1")
    assert answer.path == "/login"
    assert 'value="/me?x=1"' in answer.html
    after = browser.post("/login", {"login": "fa", "password": PASSWORD, "next": "/me?x=1"})
    assert (after.path, after.response.url.query) == ("/me", b"x=1")
    part = house.there.browser().get("/notices", **{"hx-request": "true"})
    assert part.status == 401 and part.response.headers["hx-redirect"] == "/login"


def test_an_unknown_login_and_a_wrong_password_are_told_alike_and_held_up_alike(house: DeskHouse) -> None:
    told: dict[str, list[tuple[int, str]]] = {}
    for login in ("fa", "nobody"):
        browser = house.there.browser(seen_as=f"198.51.100.{len(login)}")
        browser.get("/login")
        answers = [browser.post("/login", {"login": login, "password": "x"}) for _ in range(PAIR.tries + 1)]
        told[login] = [(one.status, one.words.replace(login, "·")) for one in answers]
    assert told["fa"] == told["nobody"]
    assert [status for status, _ in told["fa"]] == [422] * PAIR.tries + [429]
    held = house.there.browser(seen_as="198.51.100.2")
    assert held.sign_in("fa").status == 429  # the right password, too: who guesses learns nothing
    assert house.there.browser(seen_as="198.51.100.200").sign_in("fa").path == "/"


def test_what_was_typed_as_a_password_stands_on_no_page(house: DeskHouse) -> None:
    answer = house.there.browser().sign_in("fa", "hunter2-canary")
    assert answer.status == 422 and "hunter2-canary" not in answer.html
    assert 'value="fa"' in answer.html


def test_the_language_is_the_browser_s_own_wish(house: DeskHouse) -> None:
    browser, other = house.there.browser(), house.there.browser()
    assert 'lang="zh-CN"' in browser.get("/login").html
    english = browser.post("/language", {"language": "en", "back": "/login"})
    assert english.path == "/login"
    assert 'lang="en"' in english.html and "Sign in" in english.words
    assert 'lang="zh-CN"' in other.get("/login").html
    browser.post("/language", {"language": "xx", "back": "/login"})
    assert 'lang="en"' in browser.get("/login").html
    for made_up in ("../../etc", "xx", "zh-CN;q=1"):
        other.client.cookies.set("meizhen-language", made_up)
        assert 'lang="zh-CN"' in other.get("/login").html


# --- the first owner, invitations -------------------------------------------------------------------------


@pytest.fixture
def empty(_sqlite_template: Path, tmp_path: Path, keys: KeyRing, clock: ManualClock) -> "Fresh":
    return Fresh(_sqlite_template, tmp_path, keys, clock)


class Fresh:
    """A house that nobody has entered yet, and the code that its machine wrote."""

    def __init__(self, template: Path, folder: Path, keys: KeyRing, clock: ManualClock) -> None:
        shutil.copy(template, folder / "fresh.sqlite")
        self.database: Database = connect(f"sqlite:///{folder / 'fresh.sqlite'}")
        self.there = Consoles(self.database, keys, clock, folder, demo=False)
        with self.database.write() as session:
            made = set_up_code(session, at=clock.now())
        assert made is not None
        self.code = made[0]


def test_the_first_owner_comes_in_with_the_code_of_the_machine_and_nobody_after(empty: Fresh) -> None:
    browser = empty.there.browser()
    assert browser.get("/").path == "/setup"
    form = {"login": "boss", "name": "王主任", "password": PASSWORD, "again": PASSWORD}
    refused = [
        {**form, "code": "aaaaa-bbbbb-ccccc-ddddd-eeeee"},
        {**form, "code": empty.code, "again": "another password"},
        {**form, "code": empty.code, "password": "short", "again": "short"},
        {**form, "code": empty.code, "login": "no spaces allowed"},
    ]
    for one in refused:
        answer = browser.post("/setup", one)
        assert answer.status == 422, one
        assert PASSWORD not in answer.html and "王主任" in answer.html
    with empty.database.read() as session:
        assert not owners(session)
    inside = browser.post("/setup", {**form, "code": empty.code})
    assert inside.path == "/" and "王主任" in inside.html
    later = empty.there.browser()
    assert later.get("/setup").path == "/login"
    again = later.post("/setup", {**form, "login": "thief", "code": empty.code})
    assert again.status == 422 and "person.bad_code" in again.words
    empty.database.close()


def test_an_invitation_opens_the_house_once(house: DeskHouse, keys: KeyRing) -> None:
    with house.database.write() as session:
        now = house.clock.now()
        person = add_person(session, keys, "new", "乌兰", unit=None, at=now, actor="test")
        code, _ = invite_person(session, keys, person, at=now, actor="test")
    browser = house.there.browser()
    chosen = {"password": "一匹白马慢慢走过草原去了", "again": "一匹白马慢慢走过草原去了"}
    assert browser.post("/join", {"code": "x", **chosen}).status == 422
    assert browser.post("/join", {"code": code, "password": "short", "again": "short"}).status == 422
    assert browser.post("/join", {"code": f"  {code.upper()} ", **chosen}).path == "/"
    assert "乌兰" in browser.get("/me").words
    assert house.there.browser().post("/join", {"code": code, **chosen}).status == 422
    assert house.there.browser().sign_in("new", chosen["password"]).path == "/"


# --- the second factor ------------------------------------------------------------------------------------


def test_a_second_factor_is_enrolled_with_the_password_and_asked_for_from_then_on(
    house: DeskHouse, clock: ManualClock
) -> None:
    browser = house.browser("fa")
    assert browser.post("/me/factor", {"present": "wrong"}).status == 422
    shown = browser.post("/me/factor", {"present": PASSWORD})
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", shown.html)
    assert secret is not None
    totp = pyotp.TOTP(secret[1].replace(" ", ""))
    wrong = browser.post("/me/factor/confirm", {"code": "000000"})
    assert wrong.status == 422
    codes = browser.post("/me/factor/confirm", {"code": totp.at(clock.now())})
    recovery = re.findall(r"<li><code>([^<]+)</code>", codes.html)
    assert len(recovery) >= 8 and recovery[0] not in browser.get("/me").html

    clock.advance(60)
    again = house.there.browser()
    asked = again.sign_in("fa")
    assert asked.status == 422 and 'name="code"' in asked.html and asked.path == "/login"
    assert again.get("/me").path == "/login"
    assert again.sign_in("fa", code="123456").status == 422
    assert again.sign_in("fa", code=totp.at(clock.now())).path == "/"
    assert house.there.browser().sign_in("fa", code=totp.at(clock.now())).status == 422  # a code serves once
    assert house.there.browser().sign_in("fa", code=recovery[0]).path == "/"
    assert house.there.browser().sign_in("fa", code=recovery[0]).status == 422
    # Without the password a wrong code is told as a wrong password is.
    blind = house.there.browser().sign_in("fa", "not it", code=totp.at(clock.now()))
    assert blind.status == 422 and "person.sign_in_refused" in blind.words


def test_confirming_a_factor_long_after_the_password_wants_the_password_again(
    house: DeskHouse, clock: ManualClock
) -> None:
    browser = house.browser("fa")
    browser.post("/me/factor", {"present": PASSWORD})
    clock.advance(timedelta(minutes=16).total_seconds())
    assert "person.password_again" in browser.post("/me/factor/confirm", {"code": "000000"}).words


def test_a_new_password_ends_every_other_session(house: DeskHouse) -> None:
    here, elsewhere = house.browser("fa"), house.browser("fa")
    form = {"present": PASSWORD, "password": "一匹白马慢慢走过草原去了", "again": "一匹白马慢慢走过草原去了"}
    assert here.post("/me/password", {**form, "again": "other"}).status == 422
    assert elsewhere.get("/me").path == "/me"
    assert here.post("/me/password", form).path == "/me"
    assert here.get("/me").path == "/me"
    assert elsewhere.get("/me").path == "/login"
