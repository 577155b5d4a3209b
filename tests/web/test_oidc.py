"""Signing in at the house's provider, as a browser sees it: away, back, in, and the second factor."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pyotp
import pytest
from console import Console, Consoles, consoles
from people import make_person
from sign_on_provider import SignOnProvider, sign_on_provider
from sqlmodel import update

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation import Person, Role
from organisation.second_factor import begin_second_factor, confirm_second_factor

pytestmark = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def there() -> Iterator[SignOnProvider]:
    with sign_on_provider({"sub-li": {"email": "li@unit.cn", "email_verified": True}}) as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime.now(UTC))  # the provider's tokens are of today


@pytest.fixture
def li(database: Database, keys: KeyRing, clock: ManualClock) -> Person:
    made = make_person(database, keys, "li", at=clock.now(), roles={Role.OWNER: None})
    with database.write() as session:
        session.execute(update(Person).values(email="li@unit.cn"))
    return made


@pytest.fixture
def house(
    database: Database, keys: KeyRing, clock: ManualClock, li: Person, tmp_path: Path, there: SignOnProvider
) -> Iterator[Consoles]:
    (tmp_path / "settings.toml").write_text(
        f'oidc_issuer = "{there.issuer}"\noidc_client_id = "meizhen"\noidc_client_secret = "s3cr3t"\n'
        'oidc_redirect = "http://127.0.0.1:8765/login/oidc/back"\nprivate_networks = "127.0.0.1"\n'
        'oidc_label = "校园统一认证"\n'
    )
    with consoles(database, keys, clock, tmp_path) as made:
        yield made


def brought_back(console: Console, there: SignOnProvider, subject: str = "sub-li") -> str:
    away = console.client.get("/login/oidc", follow_redirects=False)
    assert away.status_code == 303 and away.headers["Location"].startswith(there.issuer)
    assert "HttpOnly" in away.headers["Set-Cookie"] and "samesite=lax" in away.headers["Set-Cookie"].lower()
    return "/login/oidc/back?" + urlencode(there.sign_in(away.headers["Location"], subject))


def test_a_person_comes_in_by_the_button_and_the_round_is_good_once(
    house: Consoles, there: SignOnProvider
) -> None:
    console = house.browser()
    assert "校园统一认证" in console.get("/login").words
    back = brought_back(console, there)
    answer = console.get(back)
    assert answer.status == 200 and answer.path == "/" and "姓名li" in answer.words
    again = console.get(back)
    assert again.status == 422 and "not begun in this browser" in again.words


def test_another_browser_gets_nothing_from_what_was_brought_back(
    house: Consoles, there: SignOnProvider
) -> None:
    back = brought_back(house.browser(), there)
    thief = house.browser()
    assert thief.get(back).status == 422
    assert thief.get("/").path == "/login"


def test_whom_nobody_knows_is_told_so_and_stays_outside(house: Consoles, there: SignOnProvider) -> None:
    console = house.browser()
    answer = console.get(brought_back(console, there, "stranger@unit.cn"))
    assert answer.status == 422 and "nobody here goes by" in answer.words
    assert console.get("/").path == "/login"


def test_the_second_factor_stands_before_the_session(
    house: Consoles, there: SignOnProvider, database: Database, keys: KeyRing, clock: ManualClock, li: Person
) -> None:
    with database.write() as session:
        person = session.get_one(Person, li.id)
        secret = begin_second_factor(session, keys, person).secret
        now = clock.now()
        confirm_second_factor(session, keys, person, pyotp.TOTP(secret).at(now), at=now, actor="t")
    clock.advance(60)
    console = house.browser()
    assert console.get(brought_back(console, there)).path == "/login/oidc/code"
    assert console.get("/").path == "/login"
    console.get("/login/oidc/code")
    assert console.post("/login/oidc/code", {"code": "000000"}).status == 422
    answer = console.post("/login/oidc/code", {"code": pyotp.TOTP(secret).at(clock.now())})
    assert answer.path == "/" and "姓名li" in answer.words


def test_without_a_provider_there_is_no_such_page(
    database: Database, keys: KeyRing, clock: ManualClock, li: Person, tmp_path: Path
) -> None:
    with consoles(database, keys, clock, tmp_path) as made:
        console = made.browser()
        assert "/login/oidc" not in console.get("/login").html
        assert console.get("/login/oidc").status == 404
