"""Secrets that were entered in every way are found nowhere: no log, error, database, WAL or backup."""

import base64
import secrets
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pyotp
import pytest
import structlog
from people import make_person, make_tree
from raw_server import Server, Talk, serving

from analytics.reports.robots import Kind, add_robot, parse_key
from config import MeizhenError
from config.settings import load_settings
from connectors import Reach, connector_for
from meizhen.backup import take_backup
from meizhen.house import House, make_house, open_house
from meizhen.upkeep import record_settings
from meizhen.webhooks import post_of
from organisation import SignIn, access_for, add_account, check_account, http_for, sign_in
from organisation.joining import set_password, set_up_code
from organisation.second_factor import begin_second_factor, confirm_second_factor
from organisation.single_sign_on import come_back, leave, provider_of
from organisation.webhook_messages import announce_one
from organisation.webhook_sending import run_round
from organisation.webhooks import Event, Wanted, add_webhook, check_wanted

_PLAIN = {  # what a platform wants beside its secrets
    "bluesky": {"identifier": "did:plc:abc"},
    "mastodon": {},
    "telegram": {"chat_id": "@league"},
    "webhook": {},
    "wechat": {"appid": "wx0123456789abcdef"},
    "weibo": {"uid": "1", "app_key": "1", "safe_domain": "unit.cn", "rip": "1.2.3.4"},
    "youth_voice": {},
}


def echoing() -> Talk:
    """A server that sends back whatever it was told, as an error: nothing it echoes may be shown."""

    def talk(connection, server: Server) -> None:  # type: ignore[no-untyped-def]
        while request := server.read_request(connection):
            body = b'{"errcode": 40001, "errmsg": "' + request.hex().encode() + request[:900] + b'"}'
            head = f"HTTP/1.1 500 {request[:60]!r}\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode("latin-1", "replace") + body)

    return talk


class Canaries:
    """Fifty secrets and more, each in the shape that its place wants."""

    def __init__(self) -> None:
        self.all: dict[str, str] = {}

    def new(self, name: str, value: str = "") -> str:
        self.all[name] = value or f"canary-{secrets.token_urlsafe(18)}"
        return self.all[name]

    def for_field(self, name: str, platform: str, field: str) -> str:
        digits = secrets.token_hex(32)
        shapes = {
            ("bluesky", "app_password"): "-".join(digits[at : at + 4] for at in range(0, 16, 4)),
            ("telegram", "token"): f"{int(digits[:12], 16)}:{digits[:35]}",
            ("wechat", "secret"): digits[:32],
            ("wechat", "callback_token"): digits[:30],
            ("wechat", "encoding_aes_key"): digits[:43],
        }
        return self.new(name, shapes.get((platform, field), ""))

    def seen_in(self, content: bytes) -> list[str]:
        """Those that stand there, as they are or in one of the usual spellings."""
        return [name for name, value in self.all.items() if any(one in content for one in _spellings(value))]


def _spellings(value: str) -> set[bytes]:
    raw = value.encode()
    forms = {raw, raw.hex().encode(), quote(value, safe="").encode(), base64.b64encode(raw)}
    return forms | {base64.urlsafe_b64encode(raw), raw.decode().encode("utf-16-le")}


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def house(tmp_path: Path, canaries: Canaries) -> Iterator[House]:
    settings = load_settings(
        {
            "MEIZHEN_HOME": str(tmp_path / "home"),
            "MEIZHEN_LOG_LEVEL": "debug",
            "MEIZHEN_CALL_SECONDS": "2",
            "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8",
            "MEIZHEN_SMTP_PASSWORD": canaries.new("smtp password"),
            "MEIZHEN_OIDC_CLIENT_SECRET": canaries.new("oidc secret"),
            "MEIZHEN_OIDC_ISSUER": "http://127.0.0.1:9",
        }
    )
    make_house(settings)
    with open_house(settings) as made:
        yield made


def test_no_canary_is_found_anywhere(
    house: House, canaries: Canaries, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told: list[str] = []
    with serving(echoing()) as site:
        told += _accounts(house, canaries, site.address(""))
        told += _webhooks(house, canaries, site.address(""))
        told += _people(house, canaries)
        told += _robots(house, canaries)
        told += _sign_on(house)
    record_settings(house)
    told += _mistakes(house, canaries)
    assert len(canaries.all) >= 50
    logged = capfd.readouterr()
    assert "webhook_tried" in logged.err
    assert canaries.seen_in((logged.out + logged.err).encode()) == []
    assert canaries.seen_in("\n".join(told).encode("utf-8", "replace")) == []
    _look_into_files(house, canaries, tmp_path)


def test_the_search_finds_what_is_there(canaries: Canaries) -> None:
    value = canaries.new("one")
    for told in (value, quote(value), base64.b64encode(value.encode()).decode(), value.encode().hex()):
        assert canaries.seen_in(f"x{told}x".encode()) == ["one"]


def _accounts(house: House, canaries: Canaries, site: str) -> list[str]:
    told = []
    units = make_tree(house.database)
    for platform, plain in _PLAIN.items():
        for number in range(6):
            values = {"platform": platform, "handle": f"a{number}", "unit": units["HH"].code, "name": "号"}
            values |= plain | {"api_base": site}
            for field in connector_for(platform).credential_fields:
                if field.secret:
                    name = f"{platform} {number} {field.name}"
                    values[field.name] = canaries.for_field(name, platform, field.name)
            with house.database.write() as session:
                now = house.clock.now()
                account = add_account(session, house.keys, values, at=now, actor="test")
                account = session.merge(account)
                session.flush()
                session.expunge_all()
            if number:
                continue
            http = http_for(platform, house.settings)
            access = access_for(house.database, house.keys, account, clock=house.clock, http=http)
            told += [f"{finding}" for finding in check_account(access, platform).findings]
            told += [repr(access), str(access), repr(account)]
    return told


def _webhooks(house: House, canaries: Canaries, site: str) -> list[str]:
    told = []
    for number in range(4):
        token = canaries.new(f"webhook token {number}")
        wanted = Wanted(f"hook{number}", f"{site}/hook?token={token}")
        host = check_wanted(wanted, Reach("127.0.0.1"))
        units = _units(house)
        with house.database.write() as session:
            row, secret = add_webhook(
                session, house.keys, wanted, host, units[0], now=house.clock.now(), actor="test"
            )
            canaries.new(f"webhook secret {number}", secret.removeprefix("whsec_"))
            told += [repr(row), repr(wanted)]
            announce_one(session, Event.POST_FAILED, [units[0].path], {"post": 1}, house.clock.now())
    run_round(post_of(house, "test"))
    return told


def _units(house: House):  # type: ignore[no-untyped-def]
    from sqlmodel import select

    from organisation import Unit

    with house.database.read() as session:
        return session.exec(select(Unit)).all()


def _people(house: House, canaries: Canaries) -> list[str]:
    told = []
    now = house.clock.now()
    person = make_person(house.database, house.keys, "li", at=now)
    right, wrong = canaries.new("password"), canaries.new("wrong password")
    typed = canaries.new("password in the field of the login")
    with house.database.write() as session:
        person = session.merge(person)
        set_password(session, person, right, at=now)
        enrolment = begin_second_factor(session, house.keys, person)
        canaries.new("totp", enrolment.secret)
        told.append(repr(enrolment))
        codes = confirm_second_factor(
            session, house.keys, person, pyotp.TOTP(enrolment.secret).at(now), at=now, actor="test"
        )
        for number, code in enumerate(codes):
            canaries.new(f"recovery {number}", code)
        made = set_up_code(session, at=now)
        assert made is not None
        canaries.new("set-up code", made[0])
    for given in (SignIn("li", wrong, "1.2.3.4"), SignIn(typed, right, "1.2.3.4")):
        with pytest.raises(MeizhenError) as error:
            sign_in(house.database, house.keys, house.clock, given)
        told += traceback.format_exception(error.value)
    given = SignIn("li", right, "1.2.3.4", code=canaries.all["recovery 0"])
    welcome = sign_in(house.database, house.keys, house.clock, given)
    canaries.new("session", welcome.token)
    return [*told, repr(welcome), repr(given)]


def _robots(house: House, canaries: Canaries) -> list[str]:
    told = []
    for kind in Kind:
        key = canaries.new(f"robot {kind}", f"canary{secrets.token_hex(12)}")
        robot = parse_key(kind, f"!room:example.org\n{key}" if kind is Kind.MATRIX else key)
        with house.database.write() as session:
            row = add_robot(session, house.keys, kind, robot, now=house.clock.now(), actor="test")
            told += [repr(row), repr(robot)]
    return told


def _sign_on(house: House) -> list[str]:
    provider = provider_of(house.settings)
    assert provider is not None
    with pytest.raises(MeizhenError) as away:
        leave(provider, house.keys, now=house.clock.now())
    with pytest.raises(MeizhenError) as over:
        come_back(provider, house.database, house.keys, house.clock, kept="x", state="y", code="z")
    return [repr(provider), repr(house.settings), *(str(one.value) for one in (away, over))]


def _mistakes(house: House, canaries: Canaries) -> list[str]:
    """Errors and log lines that hold a secret by somebody's mistake."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    told = []
    log = structlog.get_logger("test")
    for value in canaries.all.values():
        with pytest.raises(SQLAlchemyError) as error, house.database.write() as session:
            session.execute(
                text("INSERT INTO person (id, login, name, email) VALUES (1, :a, :b, NULL)"),
                {"a": value, "b": value},
            )
        told += [str(error.value)]
    for name in ("token", "password", "client_secret", "Authorization", "cookie", "api_key"):
        log.warning("mistake", **{name: canaries.new(f"logged {name}")})
    for value in list(canaries.all.values())[:40]:
        log.warning("mistake", address=f"https://a.example/x?access_token={value}&y=1")
    return told


def _look_into_files(house: House, canaries: Canaries, tmp_path: Path) -> None:
    files = [file for file in house.settings.home.rglob("*") if file.is_file() and file.name != "keys.json"]
    names = {file.name for file in files}
    assert {"meizhen.sqlite", "meizhen.sqlite-wal"} <= names
    backup = take_backup(house, tmp_path / "backup.tar").file
    assert backup.stat().st_size > 100_000
    for file in [*files, backup]:
        assert canaries.seen_in(file.read_bytes()) == [], file.name
