"""Holes: figures that should be there and are not, each with its reason; closed when they are filled."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, select
from sqlmodel import Session, col

from analytics.articles import CollectionGap
from config.batch import BatchStatement, storable
from config.messages import catalogue, present_language, told
from connectors import Label, connector_for
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


class KnownHole(NamedTuple):
    """An open hole as it is stored."""

    id: int
    seen_at: datetime


Subject = tuple[int, str]  # account id, what is missing


def open_holes(session: Session, account_ids: Sequence[int]) -> dict[Subject, dict[date, KnownHole]]:
    """The open holes of these accounts, by account and subject, by day."""
    wanted = select(
        col(CollectionGap.account_id),
        col(CollectionGap.subject),
        col(CollectionGap.day),
        col(CollectionGap.id),
        col(CollectionGap.seen_at),
    ).where(col(CollectionGap.account_id).in_(account_ids), col(CollectionGap.closed_at).is_(None))
    found: dict[Subject, dict[date, KnownHole]] = {}
    for account_id, subject, day, hole_id, seen_at in session.execute(wanted):
        found.setdefault((account_id, subject), {})[day] = KnownHole(hole_id, seen_at)
    return found


def open_gaps(session: Session, holes: Iterable[tuple[Subject, date, Hole]], at: datetime) -> int:
    """Opens (or renews) holes, one a subject and day; gives how many."""
    rows = {
        (*subject, day): (*subject, day, storable(hole.code, 80), storable(hole.told, 1000), at)
        for subject, day, hole in holes
    }
    if rows:
        _OPEN.run(session.connection(), list(rows.values()))
    return len(rows)


def close_gaps(session: Session, hole_ids: Collection[int], at: datetime) -> int:
    """Closes open holes: they are filled; gives how many."""
    if hole_ids:
        _CLOSE.run(session.connection(), [(hole_id,) for hole_id in sorted(hole_ids)], now=at)
    return len(hole_ids)


_OPEN = BatchStatement(
    "INSERT INTO collection_gap (account_id, subject, day, code, told, seen_at) "
    "SELECT account_id, subject, day, code, told, seen_at FROM {rows} AS hole WHERE true "
    "ON CONFLICT (account_id, subject, day) DO UPDATE SET code = excluded.code, told = excluded.told, "
    "seen_at = excluded.seen_at, closed_at = NULL",
    {
        "account_id": "integer",
        "subject": "text",
        "day": "date",
        "code": "text",
        "told": "text",
        "seen_at": "time",
    },
)
_CLOSE = BatchStatement(
    "UPDATE collection_gap SET closed_at = :now FROM {rows} AS filled WHERE collection_gap.id = filled.id",
    {"id": "integer"},
)


def explain(platform: str, code: str) -> Label | None:
    """Why figures are missing, for people: our own codes first, then what the platform's connector knows."""
    entry = f"hole_{code.lower().replace('-', '_').replace('.', '_')}"
    if entry in catalogue("figures"):
        key = f"figures.{entry}"
        return Label(told(key, {}, language="zh"), told(key, {}, language="en"))
    try:
        return connector_for(platform).explain(code)
    except KeyError:
        return None


def reason_of(account: str, code: str, told: str) -> str:
    """Why figures of an account (platform:handle) are missing, in the present language.

    The platform's own words stand where no text is written.
    """
    if not code:
        return ""
    label = explain(account.partition(":")[0], code)
    shown = getattr(label, present_language()) if label else told
    return f"{shown} ({code})" if shown else code


def list_gaps(
    session: Session,
    *,
    since: date | None = None,
    until: date | None = None,
    unit: Unit | None = None,
    within: ColumnElement[bool] | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> list[OpenGap]:
    """The open holes, newest day first: of all accounts, or of a unit and all below it; at most `limit`.

    `within` is a condition on the accounts' units (`organisation.in_sight`).
    """
    wanted: Select[Account, CollectionGap] = (
        select(Account, CollectionGap)
        .join(Account, col(Account.id) == col(CollectionGap.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(CollectionGap.closed_at).is_(None))
        .order_by(
            col(CollectionGap.day).desc(), col(Account.platform), col(Account.handle), CollectionGap.subject
        )
        .offset(offset)
        .limit(limit)
    )
    if since is not None:
        wanted = wanted.where(col(CollectionGap.day) >= since)
    if until is not None:
        wanted = wanted.where(col(CollectionGap.day) <= until)
    if unit is not None:
        wanted = wanted.where(in_subtree(unit))
    if within is not None:
        wanted = wanted.where(within)
    return [
        OpenGap(account.stable_id, account.name, gap.subject, gap.day, gap.code, gap.told, gap.seen_at)
        for account, gap in session.execute(wanted)
    ]
