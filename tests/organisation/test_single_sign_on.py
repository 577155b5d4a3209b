"""Sign-on against a real provider: who it vouches for and we know comes in, and nobody else."""

import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from people import make_person
from raw_server import Server, answering, serving
from sign_on_provider import SignOnProvider, sign_on_provider
from sqlmodel import select, update

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from connectors import Http, Reach
from organisation import Person, entries_of, find_session
from organisation.people import PersonState
from organisation.second_factor import begin_second_factor, confirm_second_factor
from organisation.single_sign_on import (
    PersonIdentity,
    Provider,
    Visitor,
    come_back,
    enter,
    leave,
)

pytestmark = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)

REDIRECT = "https://meizhen.unit.cn/login/oidc/back"
LI = {"email": "Li@unit.cn", "email_verified": True, "preferred_username": "li"}
USERS: dict[str, dict[str, object]] = {
    "sub-li": dict(LI),
    "sub-wang": {"email": "li@unit.cn", "email_verified": False},
    "sub-zhao": {"email": "zhao@unit.cn", "email_verified": True},
    "sub-other": dict(LI),
}


@pytest.fixture(scope="module")
def there() -> Iterator[SignOnProvider]:
    with sign_on_provider(USERS) as running:
        yield running


class Desk:
    """Our side: the person li, with an address, and a provider to sign on at."""

    def __init__(self, database: Database, keys: KeyRing, issuer: str, claim: str = "email") -> None:
        self.database, self.keys = database, keys
        self.clock = ManualClock(datetime.now(UTC))  # the provider's tokens are of today
        http = Http("oidc", seconds=5, reach=Reach("127.0.0.1"))
        self.provider = Provider(issuer, "meizhen", "s3cr3t/+ %", REDIRECT, claim, http)
        self.li = make_person(database, keys, "li", at=self.clock.now())
        with database.write() as session:
            session.execute(update(Person).values(email="li@unit.cn"))

    def prove(self, there: SignOnProvider, subject: str = "sub-li") -> str:
        leaving = leave(self.provider, self.keys, now=self.clock.now())
        brought = there.sign_in(leaving.url, subject)
        return self.back(leaving.kept, brought["state"], brought["code"])

    def back(self, kept: str, state: str, code: str) -> str:
        return come_back(
            self.provider, self.database, self.keys, self.clock, kept=kept, state=state, code=code
        )

    def enter(self, proof: str, code: str = "") -> str:
        visitor = Visitor("127.0.0.1", "browser")
        welcome = enter(self.provider, self.database, self.keys, self.clock, visitor, proof=proof, code=code)
        return welcome.token

    def who(self, token: str) -> str:
        with self.database.read() as session:
            found = find_session(session, token, now=self.clock.now())
        assert found is not None
        return found[1].login

    def acts(self) -> list[tuple[str, str]]:
        with self.database.read() as session:
            return [(one.act, one.subject) for one in reversed(entries_of(session, act="person"))]


@pytest.fixture
def desk(database: Database, keys: KeyRing, there: SignOnProvider) -> Desk:
    return Desk(database, keys, there.issuer)


def refused(code: str, desk: Desk, kept: str, state: str, given: str) -> None:
    with pytest.raises(MeizhenError) as error:
        desk.back(kept, state, given)
    assert error.value.code == code


def test_a_person_is_linked_by_a_verified_address_once_and_comes_in(
    desk: Desk, there: SignOnProvider
) -> None:
    assert desk.who(desk.enter(desk.prove(there))) == "li"
    with desk.database.write() as session:
        session.execute(update(Person).values(email="new@unit.cn"))  # from now on the subject counts
    assert desk.who(desk.enter(desk.prove(there))) == "li"
    with desk.database.read() as session:
        (link,) = session.exec(select(PersonIdentity)).all()
    assert (link.issuer, link.subject) == (there.issuer, "sub-li")
    acts = [act for act, _ in desk.acts()]
    assert acts.count("person.link") == 1 and acts.count("person.sign_in") == 2


@pytest.mark.parametrize("subject", ["sub-wang", "sub-zhao", "nobody@unit.cn"])
def test_whom_we_do_not_know_stays_outside_and_nobody_is_made(
    desk: Desk, there: SignOnProvider, subject: str
) -> None:
    with pytest.raises(MeizhenError) as error:
        desk.prove(there, subject)
    assert error.value.code == "sso.refused"
    with desk.database.read() as session:
        assert [person.login for person in session.exec(select(Person))] == ["li"]
        assert session.exec(select(PersonIdentity)).all() == []
    assert desk.acts()[-1] == ("person.sign_in_refused", "person:?")


def test_a_second_subject_of_the_same_address_is_not_the_person(desk: Desk, there: SignOnProvider) -> None:
    desk.prove(there)
    with pytest.raises(MeizhenError) as error:
        desk.prove(there, "sub-other")
    assert error.value.code == "sso.refused"


def test_an_address_of_two_people_is_nobodys(desk: Desk, there: SignOnProvider) -> None:
    make_person(desk.database, desk.keys, "other", at=desk.clock.now())
    with desk.database.write() as session:
        session.execute(update(Person).values(email="li@unit.cn"))
    with pytest.raises(MeizhenError):
        desk.prove(there)


def test_who_was_disabled_does_not_come_in_even_between_the_steps(desk: Desk, there: SignOnProvider) -> None:
    proof = desk.prove(there)
    with desk.database.write() as session:
        session.execute(update(Person).values(state=PersonState.DISABLED))
    with pytest.raises(MeizhenError) as error:
        desk.enter(proof)
    assert error.value.code == "person.sign_in_refused"
    with pytest.raises(MeizhenError):
        desk.prove(there)


def test_another_claim_may_name_the_login(database: Database, keys: KeyRing, there: SignOnProvider) -> None:
    desk = Desk(database, keys, there.issuer, claim="preferred_username")
    assert desk.who(desk.enter(desk.prove(there))) == "li"


def test_the_second_factor_is_asked_for_here_too(desk: Desk, there: SignOnProvider) -> None:
    now = desk.clock.now()
    with desk.database.write() as session:
        li = session.get_one(Person, desk.li.id)
        secret = begin_second_factor(session, desk.keys, li).secret
        confirm_second_factor(session, desk.keys, li, pyotp.TOTP(secret).at(now), at=now, actor="t")
    proof = desk.prove(there)
    for code, expected in (("", "person.code_needed"), ("000000", "person.sign_in_refused")):
        with pytest.raises(MeizhenError) as error:
            desk.enter(proof, code)
        assert error.value.code == expected
    desk.clock.advance(60)
    assert desk.who(desk.enter(proof, pyotp.TOTP(secret).at(desk.clock.now()))) == "li"
    desk.clock.advance(300)
    with pytest.raises(MeizhenError) as error:
        desk.enter(proof, pyotp.TOTP(secret).at(desk.clock.now()))
    assert error.value.code == "sso.round_over"


def test_what_comes_back_belongs_to_the_browser_that_left_and_to_its_round(
    desk: Desk, there: SignOnProvider
) -> None:
    mine = leave(desk.provider, desk.keys, now=desk.clock.now())
    theirs = leave(desk.provider, desk.keys, now=desk.clock.now())
    brought = there.sign_in(mine.url, "sub-li")
    refused("sso.round_over", desk, mine.kept, "another state", brought["code"])
    refused("sso.round_over", desk, theirs.kept, brought["state"], brought["code"])
    refused("sso.round_over", desk, "nonsense", brought["state"], brought["code"])
    refused("sso.round_over", desk, mine.kept[:-4] + "AAAA", brought["state"], brought["code"])
    # A stolen code with the thief's own state and verifier: PKCE.
    other = there.sign_in(theirs.url, "sub-li")
    refused("sso.provider_wrong", desk, theirs.kept, other["state"], "wrong-code")
    desk.back(mine.kept, brought["state"], brought["code"])
    refused("sso.provider_wrong", desk, mine.kept, brought["state"], brought["code"])  # good once
    late = leave(desk.provider, desk.keys, now=desk.clock.now() - timedelta(minutes=11))
    refused("sso.round_over", desk, late.kept, "x", "y")


KEY, OTHER_KEY = RSAKey.generate_key(2048), RSAKey.generate_key(2048)


@pytest.mark.parametrize(
    ("change", "key", "algorithm"),
    [
        ({"iss": "https://other.example"}, KEY, "RS256"),
        ({"aud": "another client"}, KEY, "RS256"),
        ({"aud": ["meizhen", "another"]}, KEY, "RS256"),
        ({"exp": 1}, KEY, "RS256"),
        ({"nonce": "another"}, KEY, "RS256"),
        ({"nonce": None}, KEY, "RS256"),
        ({"sub": None}, KEY, "RS256"),
        ({"iat": None}, KEY, "RS256"),
        ({}, OTHER_KEY, "RS256"),
        ({}, OctKey.import_key("s3cr3t/+ %" * 8), "HS256"),
        ({}, None, "none"),
    ],
)
def test_a_token_that_is_not_the_providers_for_this_round_is_refused(
    database: Database, keys: KeyRing, change: dict[str, object], key: RSAKey | OctKey | None, algorithm: str
) -> None:
    """A provider of bare sockets that forges; the same token unchanged is taken."""
    for claims, expected in (({}, None), (change, "sso.provider_wrong")):
        forging = Forger(claims, KEY if expected is None else key, "RS256" if expected is None else algorithm)
        with serving(forging.talk) as server:
            desk = Desk.__new__(Desk)
            desk.database, desk.keys, desk.clock = database, keys, ManualClock(datetime.now(UTC))
            http = Http("oidc", seconds=5, reach=Reach("127.0.0.1"))
            issuer = f"http://127.0.0.1:{server.port}"
            desk.provider = Provider(issuer, "meizhen", "s3cr3t", REDIRECT, "email", http)
            leaving = leave(desk.provider, keys, now=desk.clock.now())
            state, forging.nonce = (
                leaving.url.split(f"{name}=")[1].split("&")[0] for name in ("state", "nonce")
            )
            with pytest.raises(MeizhenError) as error:
                desk.back(leaving.kept, state, "code")
            assert error.value.code == (expected or "sso.refused")  # nobody is li here: but it was believed


class Forger:
    """Answers as a provider would, with an ID token of its own making."""

    def __init__(self, change: dict[str, object], key: RSAKey | OctKey | None, algorithm: str) -> None:
        self._change, self._key, self._algorithm = change, key, algorithm
        self.nonce = ""

    def talk(self, connection, server: Server) -> None:  # type: ignore[no-untyped-def]
        while request := server.read_request(connection):
            issuer = f"http://127.0.0.1:{server.port}"
            if b"/.well-known" in request:
                told: dict[str, object] = {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/a",
                    "token_endpoint": f"{issuer}/t",
                    "jwks_uri": f"{issuer}/k",
                }
            elif request.startswith(b"GET /k"):
                told = {"keys": [KEY.as_dict(private=False)]}
            else:
                told = {"id_token": self._token(issuer)}
            body = json.dumps(told).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)

    def _token(self, issuer: str) -> str:
        now = int(time.time())
        claims: dict[str, object] = {"iss": issuer, "aud": "meizhen", "exp": now + 60, "iat": now}
        claims |= {"sub": "x", "nonce": self.nonce, "email": "li@unit.cn"} | self._change
        claims = {name: value for name, value in claims.items() if value is not None}
        if self._key is None:
            parts = ({"alg": "none"}, claims)
            return ".".join(_part(part) for part in parts) + "."
        return jwt.encode({"alg": self._algorithm}, claims, self._key, algorithms=[self._algorithm])


def _part(told: dict[str, object]) -> str:
    import base64

    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"<html>", "200 OK", "sso.provider_away"),
        (b"{}", "200 OK", "sso.provider_wrong"),
        (b'{"error": "x"}', "500 Oops", "sso.provider_wrong"),
        (
            b'{"issuer": "https://evil.example", "authorization_endpoint": "https://e.example/a", '
            b'"token_endpoint": "https://e.example/t", "jwks_uri": "https://e.example/k"}',
            "200 OK",
            "sso.provider_wrong",
        ),
    ],
)
def test_a_provider_that_says_something_else_is_not_believed(
    database: Database, keys: KeyRing, body: bytes, status: str, code: str
) -> None:
    with serving(answering(body, status)) as server:
        http = Http("oidc", seconds=5, reach=Reach("127.0.0.1"))
        provider = Provider(
            f"http://127.0.0.1:{server.port}", "m", secrets.token_hex(8), REDIRECT, "email", http
        )
        with pytest.raises(MeizhenError) as error:
            leave(provider, keys, now=datetime.now(UTC))
    assert error.value.code == code


def test_no_secret_is_shown(desk: Desk, there: SignOnProvider) -> None:
    leaving = leave(desk.provider, desk.keys, now=desk.clock.now())
    assert "s3cr3t" not in repr(desk.provider) and "s3cr3t" not in leaving.url
    assert leaving.kept not in repr(leaving)
