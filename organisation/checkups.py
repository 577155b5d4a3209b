"""How accounts stood when their platforms were last asked: what pages and checks tell without asking again.

The platform's words stay as they came, in both languages. `ends` is the first moment from which nothing goes
out unless a person signs in anew; `left` what the platform still took that day, None where it does not say.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import JSON, Column, delete, or_
from sqlmodel import Field, Session, SQLModel, col, select

from config.clock import SHANGHAI
from connectors import Finding, Label, platforms
from organisation.accounts import Account, AccountState

_ASKED_EVERY = timedelta(hours=20)  # a run a day finds all due, though the one before ended late
WARNED_AT = (7, 3, 1)  # days before the end


_Told = tuple[bool, tuple[str, str], tuple[str, str] | None]  # fine; Chinese and English; the remedy's


class Checkup(SQLModel, table=True):
    """The last one of an account."""

    __tablename__ = "account_checkup"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    checked_at: datetime
    fine: bool
    findings: list[_Told] = Field(sa_column=Column(JSON, nullable=False))
    ends: datetime | None = Field(default=None, index=True)
    left: int | None = None

    def left_at(self, now: datetime) -> int | None:
        """What the platform still takes today; None where it did not say, or said so on another day."""
        same = self.checked_at.astimezone(SHANGHAI).date() == now.astimezone(SHANGHAI).date()
        return self.left if same else None

    def told(self) -> list[Finding]:
        """The findings as the connector gave them."""
        return [
            Finding(fine, Label(*told), None if remedy is None else Label(*remedy))
            for fine, told, remedy in self.findings
        ]


def keep_checkup(session: Session, account_id: int, found: Sequence[Finding], *, at: datetime) -> Checkup:
    """Keeps what was found, in place of what was found before."""
    ends = [one.ends for one in found if one.ends is not None]
    left = [one.left for one in found if one.left is not None]
    return session.merge(
        Checkup(
            account_id=account_id,
            checked_at=at,
            fine=all(one.fine for one in found),
            findings=[_told(one) for one in found],
            ends=min(ends, default=None),
            left=min(left, default=None),
        )
    )


def _told(one: Finding) -> _Told:
    remedy = None if one.remedy is None else (one.remedy.zh, one.remedy.en)
    return one.fine, (one.told.zh, one.told.en), remedy


def checkups_of(session: Session, account_ids: Collection[int]) -> Mapping[int, Checkup]:
    """The last checkups of these accounts, by account; one that was never asked is left out."""
    rows = session.exec(select(Checkup).where(col(Checkup.account_id).in_(account_ids)))
    return {row.account_id: row for row in rows}


def is_fresh(known: Checkup | None, now: datetime) -> bool:
    """Was the account asked lately enough?"""
    return known is not None and known.checked_at > now - _ASKED_EVERY


def forget_checkup(session: Session, account_id: int) -> None:
    """What was found no longer holds: the account is asked anew with the next run."""
    session.execute(delete(Checkup).where(col(Checkup.account_id) == account_id))


def due_for_checkup(session: Session, now: datetime, limit: int = 10_000) -> list[Account]:
    """Active accounts that were not asked for a day, those that wait longest first."""
    wanted = (
        select(Account)
        .outerjoin(Checkup, col(Checkup.account_id) == col(Account.id))
        .where(col(Account.state) == AccountState.ACTIVE, col(Account.platform).in_(sorted(platforms())))
        .where(or_(col(Checkup.checked_at).is_(None), col(Checkup.checked_at) <= now - _ASKED_EVERY))
        .order_by(col(Checkup.checked_at).nulls_first(), col(Account.id))
    )
    return list(session.exec(wanted.limit(limit)))


def days_left(ends: datetime, now: datetime) -> int:
    """Whole days until then; less than 0 once it is past."""
    return (ends - now) // timedelta(days=1)


def warning_of(ends: datetime, now: datetime) -> int | None:
    """Which of `WARNED_AT` is reached, 0 once it is past; None while there is time."""
    if ends <= now:
        return 0
    return min((days for days in WARNED_AT if ends - now <= timedelta(days=days)), default=None)
