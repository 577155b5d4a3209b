"""Notices: what a person must know once, however often it happens.

A notice is opened in the transaction of the change it tells of, and closed once its cause is gone. There is
one open notice at most for a kind and a subject: six posts on a revoked token are one notice.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Index,
    Select,
    Update,
    and_,
    bindparam,
    false,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement
from sqlmodel import Field, Session, SQLModel, col

from config.batch import storable
from config.clock import SHANGHAI
from config.database import REACHES, rows_of
from connectors import Receipt
from organisation.accounts import Account
from organisation.units import Unit
from scheduler import announcements
from scheduler.assisted_tasks import UNFINISHED, Task
from scheduler.deliveries import Delivery, State
from scheduler.journal import Ended
from scheduler.lanes import Lane
from scheduler.outcomes import Purpose

_CODE, _TEXT = 80, 1000
QUEUE = "queue"  # the subject of what concerns no single account


class Kind(StrEnum):
    """What a notice is about. Those named like a state are about an account's deliveries in it."""

    ACCOUNT_PAUSED = "account_paused"  # the platform needs a person: nothing goes out until one resumes
    UNCERTAIN = "uncertain"
    HANDED_OVER = "handed_over"
    TO_CONFIRM = "to_confirm"  # a person opens a link to finish a post that the platform has accepted
    MISSED = "missed"
    FAILED = "failed"
    DUE_BUT_IDLE = "due_but_idle"
    REPORT = "report"  # a weekly report did not arrive, or nobody knows; the subject is `unit:CODE`
    FIGURES_PAUSED = "figures_paused"  # the platform needs a person before it tells figures again
    TASK_LATE = "task_late"  # what was handed to a person is not done yet
    ENDING = "ending"  # a person's authorisation ends within days; the code says within how many


_OF_STATE = {
    State.UNCERTAIN: Kind.UNCERTAIN,
    State.HANDED_OVER: Kind.HANDED_OVER,
    State.MISSED: Kind.MISSED,
    State.FAILED: Kind.FAILED,
}


class Notice(SQLModel, table=True):
    """One thing told. `subject` is `platform:handle`, or `queue`; `code` and `told` are the platform's."""

    __tablename__ = "notice"
    __table_args__ = (
        Index(
            "uq_notice_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_notice_opened", "opened_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=16)
    subject: str = Field(max_length=200)
    account_id: int | None = Field(default=None, foreign_key="account.id")
    code: str = Field(default="", max_length=_CODE)
    told: str = Field(default="", max_length=_TEXT)
    opened_at: datetime
    closed_at: datetime | None = None


def of_verdict(session: Session, ended: Ended) -> None:
    """Tells of a call that ended so that a person must act; of nothing else."""
    verdict = ended.verdict
    if verdict.pause:
        kind = Kind.ACCOUNT_PAUSED
    elif verdict.needs_person and verdict.state in _OF_STATE:
        kind = _OF_STATE[verdict.state]
    elif _waits_for_a_tap(ended):
        kind = Kind.TO_CONFIRM
    else:
        return
    code, told = "", ""
    if verdict.error is not None:
        code, told = verdict.error.platform_code, verdict.error.platform_text
    elif verdict.receipt is not None and verdict.receipt.note is not None:
        told = verdict.receipt.note.zh
    _open_for_accounts(session, kind, [ended.work.account_id], ended.at, code=code, told=told)


def _waits_for_a_tap(ended: Ended) -> bool:
    """Was a post just accepted that only a person can finish, by a link?"""
    receipt, by_us = ended.verdict.receipt, ended.work.purpose is Purpose.PUBLISH
    return (
        by_us
        and ended.verdict.state == State.ACCEPTED
        and receipt is not None
        and Receipt.LINK in receipt.detail
    )


def of_account(session: Session, account_id: int, now: datetime, *, code: str, told: str) -> None:
    """Tells of an account that cannot be opened: nothing goes out for it until a person has seen to it."""
    _open_for_accounts(session, Kind.ACCOUNT_PAUSED, [account_id], now, code=code, told=told)


def of_figures(session: Session, account_id: int, now: datetime, *, code: str, told: str) -> None:
    """Tells of an account whose platform needs a person before it tells figures again."""
    told = storable(told, _TEXT)
    _open_for_accounts(session, Kind.FIGURES_PAUSED, [account_id], now, code=storable(code, _CODE), told=told)


def end_figures(session: Session, account_ids: Collection[int], now: datetime) -> None:
    """These accounts have told their figures again."""
    session.execute(
        _closing(and_(col(Notice.kind) == Kind.FIGURES_PAUSED, col(Notice.account_id).in_(account_ids)), now)
    )


def of_end(session: Session, account_id: int, ends: datetime, days: int | None, now: datetime) -> None:
    """Tells that an account's authorisation ends within `days`, once for each number; None: time enough.

    What was told of another number of days, or of another end, is told no longer.
    """
    told, code = ends.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"), "" if days is None else str(days)
    same = and_(col(Notice.code) == code, col(Notice.told) == told)
    session.execute(_closing(and_(_of_ending(account_id), ~same), now))
    if days is not None:
        _open_for_accounts(session, Kind.ENDING, [account_id], now, code=code, told=told)


def end_of_end(session: Session, account_id: int, now: datetime) -> None:
    """Nothing of the account ends soon any more."""
    session.execute(_closing(_of_ending(account_id), now))


def _of_ending(account_id: int) -> ColumnElement[bool]:
    return and_(col(Notice.kind) == Kind.ENDING, col(Notice.account_id) == account_id)


def of_missed(session: Session, delivery_ids: Collection[int], now: datetime) -> None:
    """Tells the accounts of deliveries that missed their time: one notice an account."""
    if not delivery_ids:
        return
    accounts = select(col(Delivery.account_id)).where(col(Delivery.id).in_(delivery_ids)).distinct()
    _open_for_accounts(session, Kind.MISSED, [row[0] for row in session.execute(accounts)], now, code="late")


def of_restored(session: Session, delivery_ids: Collection[int], now: datetime) -> None:
    """Tells the accounts of deliveries that may be out since a backup was taken: one notice an account."""
    if not delivery_ids:
        return
    accounts = select(col(Delivery.account_id)).where(col(Delivery.id).in_(delivery_ids)).distinct()
    found = [row[0] for row in session.execute(accounts)]
    _open_for_accounts(session, Kind.UNCERTAIN, found, now, code="restored")


def of_tasks(session: Session, account_ids: Collection[int], now: datetime, *, code: str) -> None:
    """Tells the accounts of tasks that wait too long: one notice an account."""
    _open_for_accounts(session, Kind.TASK_LATE, account_ids, now, code=code)


def raise_idle(session: Session, now: datetime) -> None:
    """Tells that something is due and nothing moves."""
    _insert(
        session, [{"kind": Kind.DUE_BUT_IDLE, "subject": QUEUE, "opened_at": now, "code": "", "told": ""}]
    )


def end_idle(session: Session, now: datetime) -> None:
    """The queue moves again."""
    session.execute(_closing(col(Notice.kind) == Kind.DUE_BUT_IDLE, now))


def raise_report(session: Session, unit: str, now: datetime, *, code: str) -> None:
    """Tells that a unit's report waits for a person."""
    opened = {
        "kind": Kind.REPORT,
        "subject": f"unit:{unit}",
        "opened_at": now,
        "code": code[:_CODE],
        "told": "",
    }
    _insert(session, [opened])


def end_report(session: Session, unit: str, now: datetime) -> None:
    """No report of the unit waits any longer."""
    session.execute(
        _closing(and_(col(Notice.kind) == Kind.REPORT, col(Notice.subject) == f"unit:{unit}"), now)
    )


class ReportNotices:
    """Trouble with reports, told as the house tells everything that a person must know."""

    def trouble(self, session: Session, unit: str, *, code: str, now: datetime) -> None:
        raise_report(session, unit, now, code=code)

    def settled(self, session: Session, unit: str, *, now: datetime) -> None:
        end_report(session, unit, now)


def open_notices(session: Session) -> list[Notice]:
    """Every open notice, newest first."""
    wanted = select(Notice).where(col(Notice.closed_at).is_(None))
    return list(session.scalars(wanted.order_by(col(Notice.opened_at).desc(), col(Notice.id).desc())))


def notices_within(
    session: Session, within: ColumnElement[bool], *, whole: bool, limit: int = 50
) -> list[Notice]:
    """Open notices about accounts and reports of units, newest first.

    `within` is a condition on the units (`organisation.in_sight`); `whole`: the whole queue's too.
    """
    newest = col(Notice.opened_at).desc(), col(Notice.id).desc()
    return list(
        session.scalars(select(Notice).where(_open_within(within, whole)).order_by(*newest).limit(limit))
    )


def count_notices(session: Session, within: ColumnElement[bool], *, whole: bool, limit: int) -> int:
    """How many of them there are; not more than `limit`."""
    return rows_of(session, _count(within, whole), {"limit": limit}).scalar_one()


@lru_cache(maxsize=REACHES)
def _count(within: ColumnElement[bool], whole: bool) -> Select[int]:
    some = select(col(Notice.id)).where(_open_within(within, whole)).limit(bindparam("limit"))
    return select(func.count()).select_from(some.subquery())


def _open_within(within: ColumnElement[bool], whole: bool) -> ColumnElement[bool]:
    of_unit = or_(
        col(Unit.id) == col(Account.unit_id), literal("unit:") + col(Unit.code) == col(Notice.subject)
    )
    mine = (
        select(col(Notice.id))
        .outerjoin(Account, col(Account.id) == col(Notice.account_id))
        .join(Unit, of_unit)
        .where(col(Notice.closed_at).is_(None), within)
    )
    of_all = col(Notice.subject) == QUEUE if whole else false()
    return and_(col(Notice.closed_at).is_(None), or_(col(Notice.id).in_(mine), of_all))


def any_gone(session: Session) -> bool:
    """Is a notice open whose cause is gone?"""
    wanted = select(col(Notice.id)).where(col(Notice.closed_at).is_(None), _GONE).limit(1)
    return session.execute(wanted).first() is not None


def close_gone(session: Session, now: datetime) -> None:
    """Closes every notice whose cause is gone: the account resumed, its last such delivery settled."""
    session.execute(_closing(_GONE, now))


_PAUSED = select(col(Lane.account_id)).where(
    col(Lane.account_id) == col(Notice.account_id), col(Lane.paused).is_(True)
)
_WAITING = select(col(Delivery.id)).where(
    col(Delivery.account_id) == col(Notice.account_id),
    col(Delivery.state) == col(Notice.kind),
    col(Delivery.needs_person).is_(True),
)
_TASKS = select(col(Task.id)).where(
    col(Task.account_id) == col(Notice.account_id), col(Task.state).in_(UNFINISHED)
)
_ACCEPTED = select(col(Delivery.id)).where(
    col(Delivery.account_id) == col(Notice.account_id), col(Delivery.state) == State.ACCEPTED
)
_GONE = or_(
    and_(col(Notice.kind) == Kind.TO_CONFIRM, ~_ACCEPTED.correlate(Notice).exists()),
    and_(col(Notice.kind) == Kind.TASK_LATE, ~_TASKS.correlate(Notice).exists()),
    and_(col(Notice.kind) == Kind.ACCOUNT_PAUSED, ~_PAUSED.correlate(Notice).exists()),
    and_(col(Notice.kind).in_(list(_OF_STATE.values())), ~_WAITING.correlate(Notice).exists()),
)


def _closing(which: ColumnElement[bool], now: datetime) -> Update:
    return (
        update(Notice)
        .where(col(Notice.closed_at).is_(None), which)
        .values(closed_at=now)
        .execution_options(synchronize_session=False)
    )


def _open_for_accounts(
    session: Session,
    kind: Kind,
    account_ids: Collection[int],
    now: datetime,
    *,
    code: str = "",
    told: str = "",
) -> None:
    names = select(col(Account.id), col(Account.platform), col(Account.handle))
    rows = [
        {
            "kind": kind,
            "subject": f"{platform}:{handle}",
            "account_id": account_id,
            "opened_at": now,
            "code": code[:_CODE],
            "told": told[:_TEXT],
        }
        for account_id, platform, handle in session.execute(names.where(col(Account.id).in_(account_ids)))
    ]
    if not rows:
        return
    opened = _insert(session, rows)
    if kind is Kind.ACCOUNT_PAUSED:
        announcements.of_pauses(session, opened, now, code=code[:_CODE], by="")


def _insert(session: Session, rows: list[dict[str, Any]]) -> list[int]:
    """Opens notices; one that is open already stays as it is. Gives the accounts of those it opened."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    opened = session.execute(
        insert(Notice)
        .on_conflict_do_nothing(index_elements=["kind", "subject"], index_where=text("closed_at IS NULL"))
        .returning(col(Notice.account_id)),
        rows,
    )
    return [row[0] for row in opened if row[0] is not None]
