"""What collecting shares with publishing: shut gates, closed accounts, notices. Wired by the house.

This folder knows nothing of queues and lanes. Without a house collecting stands alone (`Alone`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlmodel import Session


@dataclass(frozen=True)
class Need:
    """An account whose figures need a person: the platform's code and words."""

    account_id: int
    code: str
    told: str


class Sharing(Protocol):
    """Every call is within a transaction of the caller's."""

    def gates(self, session: Session, now: datetime) -> Mapping[str, datetime]:
        """The gates (`Connector.gate`) that are shut, and until when."""
        ...

    def shut_gates(self, session: Session, shut: Mapping[str, tuple[datetime, str]]) -> None:
        """A platform said to every account behind these gates: not before; with its code."""
        ...

    def closed(self, session: Session, account_ids: Sequence[int], now: datetime) -> Mapping[int, datetime]:
        """Those of the accounts that publishing must not use before a time."""
        ...

    def close(self, session: Session, until: Mapping[int, datetime]) -> None:
        """These accounts must not be used for publishing before a time: their one quota is used up."""
        ...

    def tell(self, session: Session, needs: Iterable[Need], at: datetime) -> None:
        """Tells a person, once an account until `untell`."""
        ...

    def untell(self, session: Session, account_ids: Iterable[int], at: datetime) -> None:
        """The cause is gone: the account told its figures."""
        ...


class Alone:
    """Collecting without publishing beside it: nothing is shared, nobody is told."""

    def gates(self, session: Session, now: datetime) -> Mapping[str, datetime]:
        return {}

    def shut_gates(self, session: Session, shut: Mapping[str, tuple[datetime, str]]) -> None:
        pass

    def closed(self, session: Session, account_ids: Sequence[int], now: datetime) -> Mapping[int, datetime]:
        return {}

    def close(self, session: Session, until: Mapping[int, datetime]) -> None:
        pass

    def tell(self, session: Session, needs: Iterable[Need], at: datetime) -> None:
        pass

    def untell(self, session: Session, account_ids: Iterable[int], at: datetime) -> None:
        pass
