"""Where calls may go: public addresses, and the networks of its own that a house has named.

Whoever may enter an address could otherwise have the server call what only it can reach: its neighbours, its
own ports, the metadata service of its cloud. So a name is resolved once, every address it has must be
allowed, and the connection goes to one of exactly these (`_http`): a name that says something else a moment
later changes nothing. Spellings (decimal, octal, short) are the resolver's: what it makes of them is judged.
"""

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from urllib3.exceptions import LocationParseError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MOST_TRIED = 4  # addresses of one name
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291, section 2.4: nothing else is given out
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 address
# Not private by the registries, and still no place of the public's.
_NEVER_PUBLIC: tuple[Network, ...] = (
    IPv4Network("192.88.99.0/24"),  # relays of 6to4, withdrawn by RFC 7526
    IPv4Network("192.0.0.0/24"),  # IETF's own; Oracle's metadata
    IPv6Network("3fff::/20"),  # documentation, RFC 9637
    IPv6Network("2001::/23"),  # IETF's own, Teredo among them
)
# Clouds tell their machines' secrets here, whoever asks: not even a network that is named opens these.
_METADATA: tuple[Network, ...] = (
    IPv4Network("169.254.0.0/16"),
    IPv4Network("100.100.100.200/32"),  # Alibaba
    IPv4Network("168.63.129.16/32"),  # Azure
    IPv4Network("192.0.0.192/32"),  # Oracle
    IPv6Network("fd00:ec2::/32"),  # AWS
    IPv6Network("fe80::/10"),
)


class OutOfReach(OSError):
    """A name leads where no call may go; nothing was sent, no connection was made."""


class Reach:
    """Public addresses, and those in `named`."""

    def __init__(self, named: str = "") -> None:
        """`named`: networks by commas (`10.20.0.0/16, 127.0.0.1`). Raises ValueError for what is none."""
        self._named = tuple(ip_network(one.strip()) for one in named.split(",") if one.strip())

    def allows(self, address: Address) -> bool:
        """May a call go there? What an address carries within itself (mapped, NAT64, 6to4) counts too."""
        return all(self._allows(one) for one in _unwrapped(address))

    def _allows(self, address: Address) -> bool:
        if _within(address, _METADATA):
            return False
        return _within(address, self._named) or _is_public(address)

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a name, all of which are allowed.

        Raises OutOfReach where one of them is not: whoever mixes a private one in means no good. Raises
        socket.gaierror for a name without any.
        """
        host = host.strip("[]")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise LocationParseError("label empty or too long") from None
        told = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        for one in told:
            if not self.allows(_parsed(one)):
                raise OutOfReach("the address is not public")
        return told[:_MOST_TRIED]


def _parsed(told: str) -> Address:
    try:
        address = ip_address(told)
    except ValueError:
        raise OutOfReach("the address is none of the internet's") from None
    if isinstance(address, IPv6Address) and address.scope_id:
        raise OutOfReach("an address with a zone is one of this machine's links")
    return address


def _unwrapped(address: Address) -> Iterator[Address]:
    """The address, or those it stands for."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64:
        yield low
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if (int(address) >> 32) & 0xFFFFFFFF in (0x5EFE, 0x02005EFE):  # ISATAP, RFC 5214
        yield low


def _is_public(address: Address) -> bool:
    if _within(address, _NEVER_PUBLIC) or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == one.version and address in one for one in networks)
