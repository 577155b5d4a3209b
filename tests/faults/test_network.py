"""Names that do not resolve, closed ports, bad certificates, redirects to inside: refused or tried again."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from oracle import Trial, assert_oracle
from raw_server import HOUR, Authority, Server, answering, serving
from raw_site import raw_site
from scenery import attempts, delivery, make_account, make_node, queue_posts, run_until_idle

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation import access
from organisation.accounts import Account
from sandbox.world import Fault
from scheduler import queue_status, retry
from scheduler.deliveries import State
from scheduler.queue import stop_accounts

# 23: nothing has left, so it is tried again, ever more rarely.


def assert_backed_off(database: Database, id_: int) -> None:
    """The pauses grow from seconds to minutes, and no try had left the machine."""
    tries = attempts(database, id_)
    assert {call.outcome for call in tries[:-1]} == {"unreachable"}
    pauses = [later.started_at - earlier.started_at for earlier, later in pairwise(tries)]
    for pause, least in zip(pauses, (1, 4, 15, 60, 150), strict=False):
        assert pause >= timedelta(seconds=least)
    assert max(pauses) <= timedelta(seconds=310)


@pytest.mark.fault(23)
def test_a_closed_port_is_tried_again_until_it_opens(
    sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # taken, but nobody listens yet
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        account = make_account(sqlite, keys, "webhook", "site", api_base=address)
        ids = queue_posts(sqlite, account, ["一", "二", "三"], due=clock.now())
        node = make_node(sqlite, keys, clock, tmp_path)
        run_until_idle(node, timedelta(minutes=2))
        assert {delivery(sqlite, id_).state for id_ in ids} == {State.QUEUED}
        listener.listen()
        with raw_site(listener=listener) as (site, _):
            run_until_idle(make_node(sqlite, keys, clock, tmp_path))
    assert assert_oracle(sqlite, site.received, clock.now()) == {State.PUBLISHED: 3}
    assert_backed_off(sqlite, ids[0])
    assert len(attempts(sqlite, ids[1])) == 1


@pytest.mark.fault(23)
def test_a_name_that_does_not_resolve_is_tried_again_until_it_does(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    lost_until = trial.clock.now() + timedelta(minutes=8)

    def resolve_later(*args: object, **kwargs: object) -> object:
        if trial.clock.now() < lost_until:
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return resolve(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve_later)
    ids = trial.queue(trial.account(), 3)
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 3}
    assert_backed_off(trial.database, ids[0])


# 24: a certificate that is not right is refused; nothing is said to that server, and not in plain text.


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    access._http.cache_clear()  # a way out reads once whom it trusts
    yield authority
    access._http.cache_clear()


BAD = {
    "expired": {"ends": -HOUR},
    "another-name": {"host": "127.0.0.2"},
    "self-signed": {"self_signed": True},
}


@pytest.mark.fault(24)
@pytest.mark.parametrize("how", BAD)
def test_a_bad_certificate_is_refused_and_a_good_one_goes_on(
    how: str, authority: Authority, sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with raw_site(authority.server(**BAD[how])) as (site, address):  # type: ignore[arg-type]
        account = make_account(sqlite, keys, "webhook", "site", api_base=address)
        ids = queue_posts(sqlite, account, ["一", "二", "三"], due=clock.now())
        run_until_idle(make_node(sqlite, keys, clock, tmp_path))
        assert site.calls == 0
    assert assert_oracle(sqlite, [], clock.now()) == {State.FAILED: 1, State.QUEUED: 2}
    failed = delivery(sqlite, ids[0])
    assert (failed.outcome_code, failed.needs_person) == ("tls", True)
    assert "api_base" in attempts(sqlite, ids[0])[0].remedy_zh
    with raw_site(authority.server()) as (site, address):
        with sqlite.write() as session:
            session.get_one(Account, account.known_id).api_base = address
            stop_accounts(session, keys, [account], now=clock.now(), actor="test", stopped=False)
            retry(session, keys, [ids[0]], now=clock.now(), actor="test")
        run_until_idle(make_node(sqlite, keys, clock, tmp_path))
    assert assert_oracle(sqlite, site.received, clock.now(), in_order=False) == {State.PUBLISHED: 3}


@pytest.mark.fault(24)
def test_a_plain_server_behind_an_https_address_hears_no_post(
    authority: Authority, sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    heard: list[bytes] = []

    def plain(connection: socket.socket, server: Server) -> None:
        heard.append(connection.recv(65_536))
        connection.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 15\r\n\r\n{"post_id":"1"}')

    with serving(plain) as server:
        address = server.address("").replace("http:", "https:")
        account = make_account(sqlite, keys, "webhook", "site", api_base=address)
        queue_posts(sqlite, account, ["一"], due=clock.now())
        run_until_idle(make_node(sqlite, keys, clock, tmp_path))
    assert heard and all(b"POST" not in said for said in heard)
    assert assert_oracle(sqlite, [], clock.now()) == {State.FAILED: 1}
    with sqlite.read() as session:
        assert queue_status(session, clock.now()).paused_accounts == 1


# 36: a redirect is no answer, wherever it leads.


@pytest.mark.fault(36)
@pytest.mark.parametrize("kind", ["redirect", "redirect_307"])
@pytest.mark.parametrize("platform", ["webhook", "youth_voice", "weibo"])
def test_a_redirect_to_inside_reaches_nobody(kind: str, platform: str, trial: Trial) -> None:
    trap_answers = answering(b'{"post_id": "1", "id": 1, "state": "published", "errcode": 0}')
    with serving(trap_answers) as trap:
        trial.queue(trial.account(platform), 2)
        trial.strike(Fault(kind, path=f"/{platform}", times=40, value=trap.address("/inside")))
        trial.run(timedelta(hours=12))
        assert trap.connections == 0
    stands = trial.judge()
    assert stands[State.UNCERTAIN] + stands[State.MISSED] == 2
    assert trial.received() == []


@pytest.mark.fault(36)
@pytest.mark.parametrize("kind", ["redirect", "redirect_307"])
def test_a_post_that_was_redirected_once_goes_out_once(kind: str, trial: Trial) -> None:
    with serving(answering(b'{"post_id": "1"}')) as trap:
        (id_, _) = trial.queue(trial.account(), 2)
        trial.strike(Fault(kind, path="/publish", times=1, value=trap.address("/inside")))
        trial.run()
        assert trap.connections == 0
    assert trial.judge() == {State.PUBLISHED: 2}
    assert [call.purpose for call in attempts(trial.database, id_)] == ["publish", "find", "publish"]
