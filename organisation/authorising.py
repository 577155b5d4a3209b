"""Accounts that authorise a platform of ours instead of giving us a secret: stored, renewed, recovered."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from config.clock import Clock
from config.database import Database
from config.errors import MeizhenError
from config.secrets import KeyRing
from connectors import Authorised, Authoriser, connector_for
from organisation.accounts import Account, AccountState
from organisation.credentials import open_credentials, store_credentials
from organisation.ledger import record
from organisation.memory import SealedMemory
from organisation.units import Unit

_LEASE = timedelta(seconds=30)  # no call is made while it is held


def authoriser_of(account: Account) -> Authoriser:
    """The platform of an account that others authorise. Raises MeizhenError `account.no_authoriser`."""
    connector = connector_for(account.platform)
    if not isinstance(connector, Authoriser):
        raise MeizhenError("account.no_authoriser", account=account.stable_id)
    return connector


def store_authorised(
    session: Session,
    keys: KeyRing,
    via: Account,
    given: Authorised,
    unit: Unit | None,
    *,
    at: datetime,
    actor: str,
) -> tuple[Account, bool]:
    """Stores the account that authorised `via`, or what is new of it; True where it was not there.

    `unit` is where a new one belongs; one that is known stays where it is. Raises MeizhenError
    `account.needs_unit`, and `account.own_secret` for one that has its own way in, or another's.
    """
    known = session.exec(
        select(Account).where(Account.platform == given.platform, Account.handle == given.handle)
    ).one_or_none()
    if known is not None and known.via_id != via.known_id:
        raise MeizhenError("account.own_secret", account=known.stable_id)
    if known is None and unit is None:
        raise MeizhenError("account.needs_unit", name=given.name)
    account = known or Account(
        unit_id=0 if unit is None or unit.id is None else unit.id,
        platform=given.platform,
        handle=given.handle,
        name=given.name,
        api_base=via.api_base,
        via_id=via.known_id,
        state=AccountState.ACTIVE,
    )
    account.name, account.verified = given.name, given.verified
    session.add(account)
    session.flush()
    kept = {} if known is None else open_credentials(session, keys, account)
    store_credentials(session, keys, account, {**kept, **given.credentials})
    details = {"via": via.stable_id, "name": given.name}
    record(
        session, keys, at=at, actor=actor, act="account.authorise", subject=account.stable_id, details=details
    )
    return account, known is None


def remember(
    database: Database, keys: KeyRing, account: Account, values: Mapping[str, str], *, clock: Clock
) -> None:
    """What the account's connector shall remember of it from now on."""
    memory = SealedMemory(database, keys, account.known_id, clock=clock, lease=_LEASE)
    for key, value in values.items():
        memory.put(key, value)


def reached_through(session: Session, via: Account) -> list[Account]:
    """The accounts that authorised this one, by handle."""
    wanted = select(Account).where(Account.via_id == via.known_id).order_by(col(Account.handle))
    return list(session.exec(wanted))
