"""Every place where somebody can enter an address, with every hostile one: nobody comes to the trap."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hostile_addresses import NAMES, Trap, resolving, trap
from people import make_tree
from raw_server import Server, Talk, serving

from analytics.reports.robots import Kind, parse_key
from config import Database, InputError, ManualClock, MeizhenError
from config.secrets import KeyRing
from config.settings import Settings, load_settings
from connectors import ConnectorError, Reach, connector_for, platforms
from organisation import Account, Unit, access_for, http_for
from organisation.credentials import store_credentials
from organisation.single_sign_on import leave, provider_of
from organisation.webhook_messages import WebhookMessage, announce_one, messages_of
from organisation.webhook_sending import Post, run_round
from organisation.webhooks import Event, Wanted, add_webhook, check_wanted

SQLITE = pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trap]:
    resolving(monkeypatch, NAMES)
    with trap() as set_up:
        yield set_up


def settings_of(folder: Path, **more: str) -> Settings:
    variables = {f"MEIZHEN_{name.upper()}": value for name, value in more.items()}
    return load_settings({"MEIZHEN_HOME": str(folder), "MEIZHEN_CALL_SECONDS": "2", **variables})


@SQLITE
def test_no_account_is_called_at_a_hostile_api_base(
    database: Database, keys: KeyRing, clock: ManualClock, caught: Trap, tmp_path: Path
) -> None:
    """The account's own address, for every platform; one platform is enough for every spelling."""
    units, settings = make_tree(database), settings_of(tmp_path)
    tried = [("webhook", address) for address in caught.addresses()]
    tried += [(platform, f"http://127.0.0.1:{caught.port}/hook") for platform in platforms()]
    for number, (platform, address) in enumerate(tried):
        account = _account(database, keys, units["HH"], platform, f"a{number}", address)
        http = http_for(platform, settings)
        access = access_for(database, keys, account, clock=clock, http=http)
        with pytest.raises(ConnectorError):
            access.http.call("GET", f"{account.api_base}/lookup", writes=False)
    assert caught.connections == 0 and len(tried) >= 80 + len(platforms())


def _account(
    database: Database, keys: KeyRing, unit: Unit, platform: str, handle: str, api_base: str
) -> Account:
    with database.write() as session:
        account = Account(
            unit_id=unit.id or 0, platform=platform, handle=handle, name="号", api_base=api_base
        )
        session.add(account)
        session.flush()
        secret = next((one for one in connector_for(platform).credential_fields if one.secret), None)
        store_credentials(session, keys, account, {secret.name: "x"} if secret else {})
    return account


@SQLITE
def test_no_webhook_is_sent_to_a_hostile_address_though_it_was_entered_before(
    database: Database, keys: KeyRing, clock: ManualClock, caught: Trap, tmp_path: Path
) -> None:
    """Each is refused when it is entered, and at connect time where it got into the table all the same."""
    units, refused = make_tree(database), 0
    for number, address in enumerate(caught.addresses()):
        wanted = Wanted(f"hook{number}", address)
        try:
            check_wanted(wanted, Reach())
        except InputError:
            refused += 1
        with database.write() as session:
            unit = session.get_one(Unit, units["HH"].id)
            row, _ = add_webhook(session, keys, wanted, "x", unit, now=clock.now(), actor="test")
    assert refused >= 80
    with database.write() as session:
        assert announce_one(session, Event.POST_FAILED, [units["HH"].path], {}, clock.now()) == number + 1
    http = http_for("webhook-endpoint", settings_of(tmp_path))
    post = Post(database, keys, clock, http, "a")
    assert run_round(post) == number + 1
    assert caught.connections == 0
    with database.read() as session:
        messages: list[WebhookMessage] = messages_of(session, session.merge(row))
    assert messages[0].outcome == "out-of-reach" and messages[0].state == "queued"


@SQLITE
def test_a_name_that_is_public_when_it_is_entered_and_private_when_it_is_called_is_not_called(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    caught: Trap,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, {"turning.example": (("8.8.8.8",), ("127.0.0.1",))})
    wanted = Wanted("turning", f"http://turning.example:{caught.port}/hook")
    host = check_wanted(wanted, Reach())
    unit = make_tree(database)["HH"]
    with database.write() as session:
        place = session.get_one(Unit, unit.id)
        add_webhook(session, keys, wanted, host, place, now=clock.now(), actor="test")
        announce_one(session, Event.POST_FAILED, [unit.path], {}, clock.now())
    http = http_for("webhook-endpoint", settings_of(tmp_path))
    assert run_round(Post(database, keys, clock, http, "a")) == 1
    assert caught.connections == 0


def test_no_sign_on_provider_is_asked_at_a_hostile_address(
    keys: KeyRing, caught: Trap, tmp_path: Path
) -> None:
    for address in caught.addresses():
        try:
            settings = settings_of(tmp_path, oidc_issuer=address)
        except InputError:
            continue
        provider = provider_of(settings)
        assert provider is not None
        with pytest.raises(MeizhenError):
            leave(provider, keys, now=datetime.now(UTC))
    assert caught.connections == 0


def test_a_provider_cannot_send_us_inside(keys: KeyRing, caught: Trap, tmp_path: Path) -> None:
    """Its metadata name the addresses that are called next: they are judged like the issuer."""
    inside = f"http://127.0.0.2:{caught.port}"

    def telling() -> Talk:
        def talk(connection, server: Server) -> None:  # type: ignore[no-untyped-def]
            while server.read_request(connection):
                names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
                told = dict.fromkeys(names, inside) | {"issuer": f"http://127.0.0.1:{server.port}"}
                body = json.dumps(told).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        return talk

    with serving(telling()) as server:
        settings = settings_of(
            tmp_path, oidc_issuer=f"http://127.0.0.1:{server.port}", private_networks="127.0.0.1"
        )
        provider = provider_of(settings)
        assert provider is not None
        leaving = leave(provider, keys, now=datetime.now(UTC))
        assert leaving.url.startswith(inside)  # the browser's own business
        with pytest.raises(ConnectorError):
            provider.http.call("POST", inside, writes=True)
    assert caught.connections == 0


def test_a_robot_has_no_address_of_its_own(caught: Trap) -> None:
    for kind in Kind:
        for address in caught.addresses("https"):
            with pytest.raises(InputError):
                parse_key(kind, address)


def test_nothing_in_the_house_calls_unguarded() -> None:
    """One place makes the way out, and it gives every one its bounds."""
    root = Path(__file__).parents[2]
    makers = [
        str(file.relative_to(root))
        for package in ("meizhen", "web", "scheduler", "analytics", "organisation", "connectors", "config")
        for file in (root / package).rglob("*.py")
        if any(word in file.read_text("utf-8") for word in (" Http(", "requests.get(", "urlopen("))
    ]
    assert makers == ["organisation/access.py"]
