"""A platform for models: it answers as it is told, and counts what reached it, by key and by account."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from access import make_access
from sqlmodel import Session

from config.clock import Clock
from connectors import (
    Access,
    Connector,
    Finding,
    Label,
    Limits,
    NeedsPerson,
    Outgoing,
    Receipt,
    ReceiptState,
    Reconcile,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
    Unreachable,
)
from connectors._http import _send_before
from scheduler.dispatcher import Opened


class Ending(StrEnum):
    """How the next call ends. `LOST`, `FAULT`: with the effect or without it."""

    PUBLISHED = "published"
    ACCEPTED = "accepted"
    HANDED_OVER = "handed_over"
    REFUSED = "refused"
    NEEDS_PERSON = "needs_person"
    NEEDS_PERSON_HERE = "needs_person_here"
    THROTTLED = "throttled"
    THROTTLED_ALL = "throttled_all"
    UNREACHABLE = "unreachable"
    TOKEN_RENEWED = "token_renewed"
    TOKEN_DEAD = "token_dead"
    LOST_BEFORE = "lost_before"
    LOST_AFTER = "lost_after"
    FAULT_BEFORE = "fault_before"
    FAULT_AFTER = "fault_after"
    NO_RECEIPT = "no_receipt"


_TAKEN = {
    Ending.PUBLISHED: ReceiptState.PUBLISHED,
    Ending.ACCEPTED: ReceiptState.ACCEPTED,
    Ending.HANDED_OVER: ReceiptState.HANDED_OVER,
    Ending.TOKEN_RENEWED: ReceiptState.PUBLISHED,
    Ending.LOST_AFTER: ReceiptState.PUBLISHED,
    Ending.FAULT_AFTER: ReceiptState.ACCEPTED,
    Ending.NO_RECEIPT: ReceiptState.PUBLISHED,
}


@dataclass
class Taken:
    """What the platform has of one key."""

    account: str
    state: ReceiptState
    receipts: int = 0  # calls that reached it with this key
    effects: int = 0  # posts that it made of them
    rejected: int = 0  # posts that it decided against later

    def receipt(self, key: str) -> Receipt:
        return Receipt(self.state, f"r-{key}", f"https://platform.example.org/{key}")


@dataclass
class ModelPlatform:
    """What was taken, and how the next call shall end."""

    clock: Clock
    steady: Callable[[], float]
    ending: Ending = Ending.PUBLISHED
    taken: dict[str, Taken] = field(default_factory=dict)
    on_the_wire: list[tuple[str, str, ReceiptState, bool]] = field(default_factory=list)
    _renewed: bool = False

    def raise_as_told(self) -> None:
        """Raises what the ending asks for; returns where the call is answered."""
        match self.ending:
            case Ending.REFUSED:
                raise Refused("not this text", platform_code="refused")
            case Ending.NEEDS_PERSON:
                raise NeedsPerson("not in the whitelist", platform_code="whitelist")
            case Ending.NEEDS_PERSON_HERE:
                raise NeedsPerson("not this post", platform_code="audit", account_wide=False)
            case Ending.THROTTLED:
                raise Throttled("later", until=self._later(), platform_code="429")
            case Ending.THROTTLED_ALL:
                raise Throttled("later", until=self._later(), platform_code="429", app_wide=True)
            case Ending.UNREACHABLE:
                raise Unreachable("no route", platform_code="unreachable")
            case Ending.TOKEN_DEAD:
                raise Unauthorised("token", platform_code="401")
            case Ending.TOKEN_RENEWED if not self._renewed:
                raise Unauthorised("token", platform_code="401")
            case Ending.LOST_BEFORE | Ending.LOST_AFTER:
                raise Uncertain("cut", platform_code="cut")
            case Ending.FAULT_BEFORE | Ending.FAULT_AFTER:
                raise ZeroDivisionError("a fault of the connector's own")
            case _:
                self._renewed = False

    def _later(self) -> datetime:
        return self.clock.now() + timedelta(minutes=7)

    def renew(self) -> None:
        self._renewed = True

    def arrive(self, account: str, key: str, state: ReceiptState, drops_repeats: bool) -> None:
        """A post reaches the platform."""
        taken = self.taken.setdefault(key, Taken(account, state))
        taken.receipts += 1
        if not (drops_repeats and taken.effects):
            taken.effects += 1
            taken.state = state

    def reject(self, key: str) -> None:
        """The platform decides against a post that it had accepted."""
        taken = self.taken[key]
        if taken.effects:
            taken.effects -= 1
            taken.rejected += 1

    def has(self, key: str) -> bool:
        return key in self.taken and self.taken[key].effects > 0

    def shows(self, key: str) -> bool:
        """Is it out, or will it be without us? A draft that waits for a person is not."""
        return self.has(key) and self.taken[key].state is not ReceiptState.HANDED_OVER


class ModelConnector(Connector):
    """Asks a ModelPlatform; subclasses say how a lost answer of theirs is settled."""

    platform = "model"
    label = Label("模型", "Model")
    credential_fields = ()
    limits = Limits()
    capabilities = frozenset({"publish", "settle", "find"})

    def __init__(self, model: ModelPlatform) -> None:
        self.model = model

    @property
    def drops_repeats(self) -> bool:
        return self.reconcile is Reconcile.KEY

    @property
    def can_be_asked(self) -> bool:
        return "find" in self.capabilities

    def check(self, access: Access) -> tuple[Finding, ...]:
        return ()

    def refresh(self, access: Access) -> None:
        if self.model.ending is Ending.TOKEN_DEAD:
            raise NeedsPerson("sign in again", platform_code="no-refresh")
        self.model.renew()

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        """The effect, if there is one, is put on the wire: the model lets it arrive."""
        if self.model.steady() >= _send_before.get()():
            raise Unreachable("the lease ended before the request left", platform_code="fenced")
        model, key = self.model, outgoing.key
        if self.drops_repeats and model.has(key) and model.ending in (Ending.REFUSED, Ending.ACCEPTED):
            return model.taken[key].receipt(key)  # it took this key before: it says so again
        if model.ending in _TAKEN and (model.ending is not Ending.TOKEN_RENEWED or model._renewed):
            model.on_the_wire.append((access.account, key, _TAKEN[model.ending], self.drops_repeats))
        model.raise_as_told()
        state = _TAKEN[model.ending]
        if self.drops_repeats and model.has(key):
            return model.taken[key].receipt(key)
        return Receipt(state, f"r-{key}", f"https://platform.example.org/{key}")

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        key = receipt.remote_id.removeprefix("r-")
        taken = self.model.taken[key]
        if self.model.ending in (Ending.REFUSED, Ending.NEEDS_PERSON_HERE):
            if taken.state is not ReceiptState.ACCEPTED:
                return taken.receipt(key)  # it is out: there is nothing left to refuse
            self.model.reject(key)
        self.model.raise_as_told()
        if not taken.effects:
            raise Refused("not this text", platform_code="refused")
        if taken.state is ReceiptState.ACCEPTED and self.model.ending in _TAKEN:
            taken.state = _TAKEN[self.model.ending]
        return taken.receipt(key)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        if self.model.ending is not Ending.REFUSED:
            self.model.raise_as_told()
        if self.model.has(outgoing.key):
            return self.model.taken[outgoing.key].receipt(outgoing.key)
        if self.reconcile is Reconcile.LIST:
            raise Uncertain("not in the list", platform_code="not-listed")
        return None


class Keyed(ModelConnector):
    """Drops repeats and can be asked."""

    reconcile = Reconcile.KEY


class KeyedBlind(ModelConnector):
    """Drops repeats, cannot be asked."""

    reconcile = Reconcile.KEY
    capabilities = frozenset({"publish", "settle"})


class Searchable(ModelConnector):
    """Can be asked, and absence is proof."""

    reconcile = Reconcile.LOOKUP


class SearchableBlind(ModelConnector):
    """Could be asked, but the connector does not."""

    reconcile = Reconcile.LOOKUP
    capabilities = frozenset({"publish", "settle"})


class Listed(ModelConnector):
    """Can be asked; absence is no proof."""

    reconcile = Reconcile.LIST


class Silent(ModelConnector):
    """Nothing can be asked."""

    reconcile = Reconcile.NONE
    capabilities = frozenset({"publish", "settle"})


class SilentFinder(ModelConnector):
    """Says that nothing can be asked, and has a `find` all the same."""

    reconcile = Reconcile.NONE


CLASSES: tuple[type[ModelConnector], ...] = (
    Keyed,
    KeyedBlind,
    Searchable,
    SearchableBlind,
    Listed,
    Silent,
    SilentFinder,
)


class ModelAccounts:
    """Opens the model's accounts for a node, by id."""

    def __init__(self, connectors: dict[int, ModelConnector], clock: Clock) -> None:
        self._opened: dict[int, Opened] = {
            account_id: (
                connector,
                make_access("model", f"a{account_id}", credentials={}, api_base="", now=clock.now),
            )
            for account_id, connector in connectors.items()
        }

    def open(self, session: Session, account_ids: Sequence[int]) -> dict[int, Opened]:
        return {id_: self._opened[id_] for id_ in account_ids if id_ in self._opened}
