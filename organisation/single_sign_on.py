"""Sign-on by OpenID Connect: the provider says who somebody is, and we say whether we know them.

Authorization code with PKCE (RFC 7636), state and nonce; the ID token's signature, issuer, audience and times
are checked against the provider's keys (OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3). A person is found
by issuer and subject once they were linked; before that by a claim that the provider vouches for. Nobody is
ever made: who may sign in is decided here, not there.
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import UniqueConstraint, func
from sqlmodel import Field, Session, SQLModel, col, select

from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.logging import hide
from config.secrets import KeyRing, Sealed
from config.settings import Settings
from connectors import ConnectorError, Http
from organisation.access import http_for
from organisation.ledger import record
from organisation.people import Person, PersonState, clean_login, secret_of
from organisation.second_factor import take_factor
from organisation.sessions import open_session
from organisation.signing_in import NOBODY, Welcome
from organisation.throttle import admit, trust

_SIGNED_BY = ("RS256", "PS256", "ES256")  # never by a shared secret, never `none`
_DRIFT = 60  # seconds that two clocks may differ
_ROUND = timedelta(minutes=10)  # to sign in there and come back
_PROVEN = timedelta(minutes=5)  # to give the second factor
_Shape = TypeVar("_Shape", bound=BaseModel)


class PersonIdentity(SQLModel, table=True):
    """Who a provider says that somebody is: its own name for them, which it never gives to another."""

    __tablename__ = "person_identity"
    __table_args__ = (UniqueConstraint("issuer", "person_id"),)

    issuer: str = Field(primary_key=True, max_length=255)
    subject: str = Field(primary_key=True, max_length=255)
    person_id: int = Field(foreign_key="person.id", index=True)
    linked_at: datetime


@dataclass(frozen=True)
class Provider:
    """A provider as the settings name it. `claim` finds a person who is not linked yet."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect: str
    claim: str
    http: Http = field(repr=False)


@dataclass(frozen=True)
class Leaving:
    """Where the browser goes, and what it keeps meanwhile (sealed)."""

    url: str
    kept: str = field(repr=False)


@dataclass(frozen=True)
class Visitor:
    """The browser that came back; `replaces` is the token of the session it had, which ends."""

    address: str
    agent: str = ""
    replaces: str | None = field(default=None, repr=False)


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Metadata(_Lenient):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(_Lenient):
    id_token: str


class _Keys(_Lenient):
    keys: list[dict[str, str | list[str]]]


def provider_of(settings: Settings) -> Provider | None:
    """The provider of the settings; None where they name none."""
    if not settings.oidc_issuer:
        return None
    secret = settings.oidc_client_secret.get_secret_value()
    hide(secret)
    return Provider(
        settings.oidc_issuer.rstrip("/"),
        settings.oidc_client_id,
        secret,
        settings.oidc_redirect,
        settings.oidc_claim,
        http_for("oidc", settings),
    )


def leave(provider: Provider, keys: KeyRing, *, now: datetime) -> Leaving:
    """Begins a sign-on. Raises MeizhenError `sso.provider_away` or `sso.provider_wrong`."""
    metadata = _metadata(provider)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.redirect,
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in metadata.authorization_endpoint else "?"
    kept = {"state": state, "nonce": nonce, "verifier": verifier, "at": now.isoformat()}
    return Leaving(f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}", _seal(keys, "round", kept))


def _challenge(verifier: str) -> str:
    """RFC 7636, section 4.2: whoever steals the code cannot redeem it without the verifier."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def come_back(
    provider: Provider, database: Database, keys: KeyRing, clock: Clock, *, kept: str, state: str, code: str
) -> str:
    """Whom the provider says that it is, as a sealed proof for `enter`; calls the provider.

    Raises MeizhenError `sso.round_over` (another browser, too late, twice), `sso.provider_away`,
    `sso.provider_wrong`, or `sso.refused` where we know nobody by what it said; that is recorded.
    """
    told = _open(keys, "round", kept, clock.now(), _ROUND)
    if told is None or not hmac.compare_digest(told["state"].encode(), state.encode()):
        raise MeizhenError("sso.round_over")
    claims = _claims(provider, code, told, clock.now())
    with database.write() as session:
        person = _person_of(session, keys, provider, claims, now=clock.now())
        if person is None:
            _record_refusal(session, keys, provider, claims, at=clock.now())
    if person is None:
        raise MeizhenError("sso.refused")
    proof = {"person": str(person.known_id), "at": clock.now().isoformat()}
    return _seal(keys, "proof", proof)


def enter(
    provider: Provider,
    database: Database,
    keys: KeyRing,
    clock: Clock,
    visitor: Visitor,
    *,
    proof: str,
    code: str = "",
) -> Welcome:
    """Opens the session of who was proven; with their second factor where they have one.

    Raises MeizhenError `sso.round_over`, `person.throttled`, `person.code_needed`, or
    `person.sign_in_refused` for a wrong code.
    """
    now = clock.now()
    told = _open(keys, "proof", proof, now, _PROVEN)
    if told is None:
        raise MeizhenError("sso.round_over")
    with database.write() as session:
        person = session.get_one(Person, int(told["person"]))
        admit(session, person.login, visitor.address, now=now)
    outcome: Welcome | str
    with database.write() as session:
        person = session.get_one(Person, int(told["person"]), populate_existing=True)
        outcome = _let_in(session, keys, provider, person, visitor, code, now)
        if isinstance(outcome, Welcome):
            trust(session, person.login, visitor.address, now=now)
    if isinstance(outcome, Welcome):
        return outcome
    raise MeizhenError(outcome)


def _let_in(
    session: Session,
    keys: KeyRing,
    provider: Provider,
    person: Person,
    visitor: Visitor,
    code: str,
    now: datetime,
) -> Welcome | str:
    if person.state != PersonState.ACTIVE:
        return "person.sign_in_refused"
    secret, factor = secret_of(session, person), None
    if secret.totp_confirmed:
        if not code:
            return "person.code_needed"
        factor = take_factor(session, keys, person, secret, code, now)
    refused = secret.totp_confirmed and factor is None
    details = {"address": visitor.address, "by": "oidc", "issuer": provider.issuer, "factor": factor}
    record(
        session,
        keys,
        at=now,
        actor=person.subject,
        act="person.sign_in_refused" if refused else "person.sign_in",
        subject=person.subject,
        details=details,
    )
    if refused:
        return "person.sign_in_refused"
    token = open_session(
        session, person, at=now, address=visitor.address, agent=visitor.agent, replaces=visitor.replaces
    )
    return Welcome(person, token, factor)


# --- whom it says that it is ------------------------------------------------------------------------------


def _metadata(provider: Provider) -> _Metadata:
    """What the provider says of itself (OpenID Connect Discovery 1.0, section 4)."""
    told = _asked(provider, "GET", f"{provider.issuer}/.well-known/openid-configuration", _Metadata)
    secure = urlsplit(provider.issuer).scheme == "https"
    for address in (told.authorization_endpoint, told.token_endpoint, told.jwks_uri):
        if urlsplit(address).scheme not in (("https",) if secure else ("https", "http")):
            raise MeizhenError("sso.provider_wrong", why="endpoint")
    if told.issuer.rstrip("/") != provider.issuer:
        raise MeizhenError("sso.provider_wrong", why="issuer")
    return told


def _claims(provider: Provider, code: str, told: dict[str, str], now: datetime) -> dict[str, object]:
    metadata = _metadata(provider)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.redirect,
        "code_verifier": told["verifier"],
    }
    # RFC 6749, section 2.3.1: both are encoded before they are joined.
    client = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
    basic = "Basic " + urlsafe_b64encode(client.encode()).decode().replace("-", "+").replace("_", "/")
    tokens = _asked(
        provider, "POST", metadata.token_endpoint, _Tokens, form=form, headers={"Authorization": basic}
    )
    keys = _asked(provider, "GET", metadata.jwks_uri, _Keys)
    try:
        registry = JWSRegistry(algorithms=list(_SIGNED_BY))
        token = jwt.decode(
            tokens.id_token, KeySet.import_key_set({"keys": keys.keys}), list(_SIGNED_BY), registry=registry
        )
        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_DRIFT,
            iss={"essential": True, "value": metadata.issuer},
            aud={"essential": True, "value": provider.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": told["nonce"]},
        )
        rules.validate(token.claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise MeizhenError("sso.provider_wrong", why=type(error).__name__) from None
    claims: dict[str, object] = token.claims
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if claims.get("azp", None if several else provider.client_id) != provider.client_id:
        raise MeizhenError("sso.provider_wrong", why="azp")
    return claims


def _asked(
    provider: Provider,
    method: str,
    url: str,
    shape: type[_Shape],
    *,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> _Shape:
    """One answer of the provider. A code is good once, so that nothing is asked a second time."""
    try:
        answer = provider.http.call(
            method, url, writes=method == "POST", form=form, headers=headers, seconds=10.0
        )
        told = answer.json_object()
    except ConnectorError as error:
        why = error.platform_code or type(error).__name__
        raise MeizhenError("sso.provider_away", why=why) from None
    if answer.status != 200:
        raise MeizhenError("sso.provider_wrong", why=f"HTTP {answer.status}")
    try:
        return shape.model_validate(told)
    except ValidationError:
        raise MeizhenError("sso.provider_wrong", why=shape.__name__.strip("_").lower()) from None


# --- whom we know by it -----------------------------------------------------------------------------------


def _person_of(
    session: Session, keys: KeyRing, provider: Provider, claims: dict[str, object], *, now: datetime
) -> Person | None:
    """The linked person, or the one that the claim names, who is linked then; None where there is none."""
    subject = str(claims["sub"])[:256]
    linked = session.exec(
        select(Person)
        .join(PersonIdentity, col(PersonIdentity.person_id) == col(Person.id))
        .where(PersonIdentity.issuer == provider.issuer, PersonIdentity.subject == subject)
    ).one_or_none()
    if linked is not None:
        return linked if linked.state == PersonState.ACTIVE else None
    named = _named(session, provider, claims)
    if named is None or len(subject) > 255 or not subject:
        return None
    known = select(PersonIdentity).where(
        PersonIdentity.issuer == provider.issuer, PersonIdentity.person_id == named.known_id
    )
    if session.exec(known).first() is not None:
        return None  # another subject is this person already: the provider gave the name away twice
    session.add(
        PersonIdentity(issuer=provider.issuer, subject=subject, person_id=named.known_id, linked_at=now)
    )
    session.flush()
    details = {"issuer": provider.issuer, "claim": provider.claim}
    record(
        session, keys, at=now, actor=named.subject, act="person.link", subject=named.subject, details=details
    )
    return named


def _named(session: Session, provider: Provider, claims: dict[str, object]) -> Person | None:
    """The one active person whom the claim names; an address counts only where the provider checked it."""
    value = claims.get(provider.claim)
    if not isinstance(value, str) or not value.strip():
        return None
    wanted = select(Person).where(Person.state == PersonState.ACTIVE)
    if provider.claim == "email":
        if claims.get("email_verified") is not True:
            return None
        wanted = wanted.where(func.lower(col(Person.email)) == value.strip().lower())
    else:
        wanted = wanted.where(Person.login == clean_login(value))
    found = session.exec(wanted.limit(2)).all()
    return found[0] if len(found) == 1 else None


def _record_refusal(
    session: Session, keys: KeyRing, provider: Provider, claims: dict[str, object], *, at: datetime
) -> None:
    details = {"why": "unknown", "by": "oidc", "issuer": provider.issuer, "sub": str(claims["sub"])[:64]}
    record(
        session,
        keys,
        at=at,
        actor="oidc",
        act="person.sign_in_refused",
        subject=NOBODY,
        details=details,
    )


# --- what the browser keeps -------------------------------------------------------------------------------


def _seal(keys: KeyRing, kind: str, told: dict[str, str]) -> str:
    sealed = keys.seal(json.dumps(told).encode(), f"sso {kind}")
    parts = (str(sealed.key_version).encode(), sealed.wrapped_key, sealed.ciphertext)
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _open(keys: KeyRing, kind: str, kept: str, now: datetime, age: timedelta) -> dict[str, str] | None:
    """What was sealed, within its time; None for anything else."""
    try:
        version, wrapped, content = (
            urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in kept.split(".")
        )
        told: dict[str, str] = json.loads(keys.open(Sealed(int(version), wrapped, content), f"sso {kind}"))
        made = datetime.fromisoformat(told["at"])
    except (ValueError, MeizhenError):
        return None
    return told if made <= now < made + age else None
