"""No address that a person entered leads inside: 0 connections at the trap, whatever the spelling."""

import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from hostile_addresses import HOSTS, NAMES, Trap, resolving, trap
from raw_server import answering, serving

from connectors import ConnectorError, Http, NeedsPerson, Reach


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trap]:
    resolving(monkeypatch, NAMES)
    with trap() as set_up:
        yield set_up


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_hostile_address_is_connected_to(caught: Trap, scheme: str) -> None:
    http = Http("test", seconds=2, reach=Reach())
    told = []
    for address in caught.addresses(scheme):
        with pytest.raises(ConnectorError) as refused:
            http.call("POST", address, writes=True, json_body={})
        told.append((address, refused.value.platform_code))
    assert len(told) >= 80
    # Refused by their address; the rest are spellings that no resolver takes, so nothing is there to call.
    others = [(address, code) for address, code in told if code != "out-of-reach"]
    assert {code for _, code in others} <= {"not-sent", "bad-address"} and len(others) <= 4, others
    assert caught.connections == 0


def test_the_trap_catches_whoever_is_not_guarded(caught: Trap) -> None:
    assert Http("test", seconds=2).call("GET", f"http://127.0.0.1:{caught.port}/", writes=False).status == 200
    assert caught.connections == 1


def test_a_named_network_is_reached_and_its_neighbours_are_not(caught: Trap) -> None:
    http = Http("test", seconds=2, reach=Reach("127.0.0.1/32"))
    assert http.call("GET", f"http://127.0.0.1:{caught.port}/", writes=False).status == 200
    with pytest.raises(NeedsPerson):
        http.call("GET", f"http://127.0.0.2:{caught.port}/", writes=False)
    assert caught.connections == 1


def test_metadata_services_stay_shut_even_in_a_network_that_is_named() -> None:
    reach = Reach("169.254.0.0/16, 100.64.0.0/10, fd00::/8, ::/0, 0.0.0.0/0")
    for told in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fe80::1"):
        assert not reach.allows(ip_address(told)), told
    assert not reach.allows(ip_address("::ffff:169.254.169.254"))


def test_public_addresses_are_allowed() -> None:
    for told in ("8.8.8.8", "223.5.5.5", "2606:4700::1111", "240e::1", "64:ff9b::808:808", "::ffff:8.8.8.8"):
        assert Reach().allows(ip_address(told)), told


def test_the_connection_goes_to_the_address_that_was_looked_at(
    monkeypatch: pytest.MonkeyPatch, caught: Trap
) -> None:
    """A name that is allowed when it is looked up and another a moment later (rebinding)."""
    resolving(monkeypatch, {"turns.example": (("127.0.0.2",), ("127.0.0.1",))})
    connected: list[str] = []

    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(ConnectorError):
        Http("test", seconds=2, reach=Reach("127.0.0.2")).call(
            "POST", f"http://turns.example:{caught.port}/", writes=True
        )
    assert connected == ["127.0.0.2"] and caught.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_inside_is_not_followed(caught: Trap, status: int) -> None:
    moved = answering(b"", f"{status} Moved", f"Location: http://127.0.0.2:{caught.port}/")
    with serving(moved) as server, pytest.raises(ConnectorError):
        Http("test", seconds=2, reach=Reach("127.0.0.1")).call("POST", server.address(), writes=True)
    assert caught.connections == 0


def test_every_host_of_the_list_is_judged_as_hostile_or_is_no_address() -> None:
    assert len(set(HOSTS)) == len(HOSTS) >= 80
