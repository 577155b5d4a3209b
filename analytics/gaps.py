"""Holes: figures that should be there and are not, each with its reason; closed when they are filled."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Select, or_, select, update
from sqlmodel import Session, col

from analytics.articles import CollectionGap
from analytics.figures import upsert
from organisation.accounts import Account
from organisation.units import Unit, in_subtree

ARTICLES = "articles"
ACCOUNT_DAY = "account_day"
DELAYED = "delayed"


@dataclass(frozen=True)
class Hole:
    """Why figures are missing: the platform's code (or ours) and its words."""

    code: str
    told: str = ""


@dataclass(frozen=True)
class OpenGap:
    """An open hole for people: which account lacks what of which day, and why."""

    account: str
    name: str
    subject: str
    day: date
    code: str
    told: str
    seen_at: datetime


def open_gaps(
    session: Session, account_id: int, subject: str, holes: Mapping[date, Hole], at: datetime
) -> int:
    """Opens (or renews) a hole a day; gives how many."""
    if not holes:
        return 0
    statement = upsert(session, CollectionGap)
    fresh = {name: statement.excluded[name] for name in ("code", "told", "seen_at", "closed_at")}
    session.execute(
        statement.on_conflict_do_update(index_elements=["account_id", "subject", "day"], set_=fresh),
        [
            {
                "account_id": account_id,
                "subject": subject,
                "day": day,
                "code": hole.code[:80],
                "told": hole.told[:1000],
                "seen_at": at,
                "closed_at": None,
            }
            for day, hole in holes.items()
        ],
    )
    return len(holes)


def close_gaps(
    session: Session,
    account_id: int,
    subject: str,
    days: Iterable[date],
    at: datetime,
    *,
    seen_since: datetime | None = None,
) -> int:
    """Closes the open holes of these days, and those seen since `seen_since`; gives how many there were."""
    filled = col(CollectionGap.day).in_(sorted(set(days)))
    closed = session.execute(
        update(CollectionGap)
        .where(
            col(CollectionGap.account_id) == account_id,
            col(CollectionGap.subject) == subject,
            or_(filled, col(CollectionGap.seen_at) >= seen_since) if seen_since else filled,
            col(CollectionGap.closed_at).is_(None),
        )
        .values(closed_at=at)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", closed).rowcount


def list_gaps(
    session: Session, *, since: date | None = None, until: date | None = None, unit: Unit | None = None
) -> list[OpenGap]:
    """The open holes, newest day first: of all accounts, or of a unit and all below it."""
    wanted: Select[Account, CollectionGap] = (
        select(Account, CollectionGap)
        .join(Account, col(Account.id) == col(CollectionGap.account_id))
        .where(col(CollectionGap.closed_at).is_(None))
        .order_by(
            col(CollectionGap.day).desc(), col(Account.platform), col(Account.handle), CollectionGap.subject
        )
    )
    if since is not None:
        wanted = wanted.where(col(CollectionGap.day) >= since)
    if until is not None:
        wanted = wanted.where(col(CollectionGap.day) <= until)
    if unit is not None:
        wanted = wanted.join(Unit, col(Unit.id) == col(Account.unit_id)).where(in_subtree(unit))
    return [
        OpenGap(account.stable_id, account.name, gap.subject, gap.day, gap.code, gap.told, gap.seen_at)
        for account, gap in session.execute(wanted)
    ]
