"""Accounts by pages, with their units: what lists for people show."""

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select

from organisation.accounts import Account
from organisation.units import Unit


def accounts_with_units(
    session: Session,
    within: ColumnElement[bool],
    *,
    words: str = "",
    platform: str = "",
    state: str = "",
    first: int = 0,
    limit: int = 60,
) -> list[tuple[Account, Unit]]:
    """Accounts of units `within`, by name, from number `first` on; '' is no condition.

    `words` is part of a name, a handle or the unit's name.
    """
    wanted = (
        select(Account, Unit)
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(within)
        .order_by(col(Account.name), col(Account.id))
        .offset(first)
        .limit(limit)
    )
    if words:
        named = (col(Account.name), col(Account.handle), col(Unit.name_zh))
        wanted = wanted.where(or_(*(one.icontains(words, autoescape=True) for one in named)))
    if platform:
        wanted = wanted.where(Account.platform == platform)
    if state:
        wanted = wanted.where(Account.state == state)
    return list(session.exec(wanted).all())


def account_with_unit(session: Session, account_id: int) -> tuple[Account, Unit] | None:
    """The account of an id with its unit."""
    wanted = (
        select(Account, Unit).join(Unit, col(Unit.id) == col(Account.unit_id)).where(Account.id == account_id)
    )
    return session.exec(wanted).one_or_none()
