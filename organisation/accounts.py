"""Official accounts of the organisation: the table, finding and listing them, pausing and resuming."""

from collections.abc import Sequence
from datetime import date, datetime
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, UniqueConstraint, bindparam, update
from sqlalchemy import select as columns
from sqlmodel import Field, Session, SQLModel, col, select

from config.database import REACHES
from config.errors import MeizhenError
from config.keyset import keyset
from config.secrets import KeyRing
from organisation.ledger import record
from organisation.units import Unit, in_subtree


class AccountState(StrEnum):
    """Whether posts go out through the account; persons move it, and a platform that needs one pauses it."""

    ACTIVE = "active"
    PAUSED = "paused"  # nothing goes out until a person resumes
    RETIRED = "retired"  # history only, for good


class Account(SQLModel, table=True):
    """One official account on one platform.

    `track` is the group it competes in at the yearly award (league, university, enterprise).
    """

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("platform", "handle"),)

    id: int | None = Field(default=None, primary_key=True)
    unit_id: int = Field(foreign_key="unit.id", index=True)
    platform: str = Field(max_length=32)
    handle: str = Field(max_length=120)
    name: str = Field(max_length=200)
    track: str = Field(default="", max_length=32)
    filed: date | None = None  # when it was filed with the authority; None is not filed
    verified: bool = False
    api_base: str = Field(default="", max_length=500)
    via_id: int | None = Field(default=None, foreign_key="account.id", index=True)  # reached through that one
    state: str = Field(default=AccountState.ACTIVE, max_length=16)

    @property
    def stable_id(self) -> str:
        """`platform:handle`: how logs, ledger and connectors name the account."""
        return f"{self.platform}:{self.handle}"

    @property
    def known_id(self) -> int:
        """The row's id; the account is stored."""
        if self.id is None:
            raise ValueError(f"expected a stored account: {self.stable_id} has no id yet")
        return self.id


def find_account(session: Session, name: str) -> Account:
    """The account named `platform:handle`, or by its handle alone where that is unique.

    Raises MeizhenError `account.unknown` (with near names) or `account.ambiguous`.
    """
    platform, _, handle = name.partition(":")
    named = select(Account).where(Account.platform == platform, Account.handle == handle)
    found = session.exec(named).all() or session.exec(select(Account).where(Account.handle == name)).all()
    if len(found) > 1:
        shown = ", ".join(sorted(account.stable_id for account in found))
        raise MeizhenError("account.ambiguous", name=name, found=shown)
    if not found:
        raise MeizhenError("account.unknown", name=name, near=_near(session, name))
    return found[0]


def _near(session: Session, name: str) -> str:
    pairs = session.exec(select(Account.platform, Account.handle).limit(10_000)).all()
    by_name = {handle: f"{platform}:{handle}" for platform, handle in pairs}
    by_name |= {stable: stable for stable in by_name.values()}
    near = [by_name[match] for match in get_close_matches(name, by_name, n=3)]
    return ", ".join(dict.fromkeys(near)) or "–"


def accounts_of(
    session: Session,
    *,
    unit: Unit | None = None,
    platform: str | None = None,
    state: str | None = None,
    within: ColumnElement[bool] | None = None,
) -> list[Account]:
    """The accounts of a unit and all below it, of a platform, in a state; by platform and handle.

    `within` is a condition on their units (`permissions.in_sight`).
    """
    given = {"platform": platform, "state": state}
    told = {name: value for name, value in given.items() if value is not None}
    wanted = _accounts(frozenset(told), None if unit is None else in_subtree(unit), within)
    return list(session.scalars(wanted, told))


@lru_cache(maxsize=REACHES)
def _accounts(
    named: frozenset[str], unit: ColumnElement[bool] | None, within: ColumnElement[bool] | None
) -> Select[Account]:
    wanted = columns(Account).order_by(col(Account.platform), col(Account.handle))
    if unit is not None or within is not None:
        wanted = wanted.join(Unit, col(Unit.id) == col(Account.unit_id))
    conditions = [one for one in (unit, within) if one is not None]
    facts = {"platform": col(Account.platform), "state": col(Account.state)}
    return wanted.where(*conditions, *(facts[name] == bindparam(name) for name in named))


def page_of_accounts(
    session: Session,
    within: ColumnElement[bool],
    after: Sequence[object] | None,
    limit: int,
    *,
    platform: str | None = None,
    state: str | None = None,
) -> list[tuple[Account, str]]:
    """Accounts by platform and handle, each with its unit's code; beyond the one named by `after`."""
    wanted = columns(Account, col(Unit.code)).join(Unit, col(Unit.id) == col(Account.unit_id)).where(within)
    if platform is not None:
        wanted = wanted.where(col(Account.platform) == platform)
    if state is not None:
        wanted = wanted.where(col(Account.state) == state)
    ordered = keyset(wanted, [col(Account.platform), col(Account.handle)], after, limit)
    return [(account, code) for account, code in session.execute(ordered)]


def pause_account(
    session: Session, keys: KeyRing, account: Account, *, at: datetime, actor: str, reason: str = ""
) -> bool:
    """Nothing goes out any more until a person resumes. False where it was not active."""
    return _move(session, keys, account, "pause", at=at, actor=actor, reason=reason)


def resume_account(
    session: Session, keys: KeyRing, account: Account, *, at: datetime, actor: str, reason: str = ""
) -> bool:
    """Posts go out again. False where it was not paused."""
    return _move(session, keys, account, "resume", at=at, actor=actor, reason=reason)


def retire_account(
    session: Session, keys: KeyRing, account: Account, *, at: datetime, actor: str, reason: str = ""
) -> bool:
    """For good: only its history stays. False where it was retired before."""
    return _move(session, keys, account, "retire", at=at, actor=actor, reason=reason)


_MOVES = {
    "pause": ((AccountState.ACTIVE,), AccountState.PAUSED),
    "resume": ((AccountState.PAUSED,), AccountState.ACTIVE),
    "retire": ((AccountState.ACTIVE, AccountState.PAUSED), AccountState.RETIRED),
}


def _move(
    session: Session, keys: KeyRing, account: Account, verb: str, *, at: datetime, actor: str, reason: str
) -> bool:
    sources, target = _MOVES[verb]
    moved = session.execute(
        update(Account)
        .where(col(Account.id) == account.known_id, col(Account.state).in_(sources))
        .values(state=target)
        .returning(col(Account.id))
        .execution_options(synchronize_session=False)
    ).first()
    if moved is None:
        return False
    account.state = target
    details = {"reason": reason} if reason else {}
    record(
        session, keys, at=at, actor=actor, act=f"account.{verb}", subject=account.stable_id, details=details
    )
    return True
