"""A platform through which other accounts are reached: their people authorise it once, by scanning.

No secret of theirs is ever asked for. What the platform gives for an account is remembered for that account;
the account through which it came is handed to its connector as `Access.via`.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors._contract import Access, Connector, Outgoing, Receipt, Reconcile
from connectors._errors import Label, Refused


@dataclass(frozen=True)
class AuthorisationLink:
    """The address at which an account's administrator scans and agrees; it ends at `until`."""

    url: str
    until: datetime
    key: str  # comes back with what is heard of it


@dataclass(frozen=True)
class Heard:
    """An authorisation that the platform told of by callback; `key` is its link's."""

    code: str = field(repr=False)
    key: str
    handle: str


@dataclass(frozen=True)
class Authorised:
    """An account that may be used from now on: what to store, and what its connector shall remember of it.

    `missing` tells what the administrator has not agreed to.
    """

    platform: str
    handle: str
    name: str
    verified: bool
    credentials: Mapping[str, str]
    remembered: Mapping[str, str] = field(repr=False)
    missing: tuple[Label, ...] = ()


class Authoriser(Connector):
    """What such a platform can do. It publishes nothing itself."""

    reconcile = Reconcile.NONE

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        raise Refused("nothing is published through this account itself", platform_code="no-posts")

    @abstractmethod
    def link(self, access: Access, back: str) -> AuthorisationLink:
        """A new link; `back` is where the administrator's browser is led afterwards."""

    @abstractmethod
    def heard(self, access: Access) -> tuple[Heard, ...]:
        """Authorisations that were told of and not used yet; calls nobody."""

    @abstractmethod
    def authorised(self, access: Access, code: str) -> Authorised:
        """Uses a code, once. Raises NeedsPerson for one that is void: a new link is needed."""

    @abstractmethod
    def recover(self, access: Access) -> Mapping[str, Mapping[str, str]]:
        """For every account that is authorised now, by handle: what its connector shall remember."""
