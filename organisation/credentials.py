"""The accounts' credentials at rest: all fields of the platform's form, sealed together for one account."""

import json
from collections.abc import Collection, Mapping

from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.logging import hide
from config.secrets import KeyRing, Sealed
from connectors import connector_for, platforms
from organisation.accounts import Account
from organisation.checkups import forget_checkup


class Credential(SQLModel, table=True):
    """One account's sealed credentials; the account's id is their associated data."""

    __tablename__ = "credential"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    key_version: int
    wrapped_key: bytes
    ciphertext: bytes


def seal_credentials(keys: KeyRing, account: Account, values: Mapping[str, str]) -> Credential:
    """The row that keeps `values` (field → value) for a stored account."""
    sealed = keys.seal(json.dumps(dict(values), ensure_ascii=False).encode(), _owner(account))
    return Credential(
        account_id=account.known_id,
        key_version=sealed.key_version,
        wrapped_key=sealed.wrapped_key,
        ciphertext=sealed.ciphertext,
    )


def store_credentials(session: Session, keys: KeyRing, account: Account, values: Mapping[str, str]) -> None:
    """Puts `values` in place of all that the account had, and forgets what was found with those."""
    session.merge(seal_credentials(keys, account, values))
    forget_checkup(session, account.known_id)


def open_credentials(session: Session, keys: KeyRing, account: Account) -> dict[str, str]:
    """The account's credentials; empty where none were given.

    Raises MeizhenError `secrets.wrong_key` where the keys at hand are not those that sealed them.
    """
    row = session.get(Credential, account.known_id)
    return {} if row is None else _opened(keys, account, row)


def credentials_of(
    session: Session, keys: KeyRing, accounts: Collection[Account]
) -> dict[int, dict[str, str] | MeizhenError]:
    """The credentials of many accounts by account id, in one statement; the error where they do not open."""
    wanted = [account.known_id for account in accounts]
    rows = session.exec(select(Credential).where(col(Credential.account_id).in_(wanted)))
    sealed = {row.account_id: row for row in rows}
    opened: dict[int, dict[str, str] | MeizhenError] = {}
    for account in accounts:
        row = sealed.get(account.known_id)
        try:
            opened[account.known_id] = {} if row is None else _opened(keys, account, row)
        except MeizhenError as error:
            opened[account.known_id] = error
    return opened


def check_keys(session: Session, keys: KeyRing) -> None:
    """Raises MeizhenError `secrets.wrong_key` where these are not the keys of this database's credentials."""
    found = session.exec(
        select(Account, Credential)
        .join(Credential, col(Credential.account_id) == col(Account.id))
        .order_by(col(Account.id))
        .limit(1)
    ).one_or_none()
    if found is not None:
        _opened(keys, *found)


def rotate_credentials(session: Session, keys: KeyRing) -> int:
    """Seals every account's credentials anew under the newest master key; gives how many were older."""
    older = session.exec(
        select(Account, Credential)
        .join(Credential, col(Credential.account_id) == col(Account.id))
        .where(Credential.key_version != keys.newest)
    ).all()
    for account, row in older:
        session.merge(seal_credentials(keys, account, _opened(keys, account, row)))
    return len(older)


def _opened(keys: KeyRing, account: Account, row: Credential) -> dict[str, str]:
    try:
        plain = keys.open(Sealed(row.key_version, row.wrapped_key, row.ciphertext), _owner(account))
    except MeizhenError:
        raise MeizhenError("secrets.wrong_key", owner=account.stable_id) from None
    values: dict[str, str] = json.loads(plain)
    hide(*(value for name, value in values.items() if name not in _open_names(account.platform)))
    return values


def _open_names(platform: str) -> set[str]:
    """The fields that are no secrets, where the platform is known: they may stand in logs."""
    if platform not in platforms():
        return set()
    return {field.name for field in connector_for(platform).credential_fields if not field.secret}


def _owner(account: Account) -> str:
    return f"account {account.known_id}"
