"""The library of media: whose a file is, where it is used, what it shows in words.

A file is kept once for the whole house; units hold it. Somebody sees a file where a unit in their sight holds
it, or a post of an account in their sight uses it. Its alternative text is part of what reviewers sign.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, exists, or_, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.ledger import record
from organisation.permissions import Act, Place, Standing, may, require, sees
from organisation.units import Unit
from scheduler.deliveries import Delivery
from scheduler.media import ALT_CHARACTERS, FoundMedia, MediaFile, keep, record_media
from scheduler.media_uses import MediaUse
from scheduler.review_tables import Planned

MOST_FILES = 20  # at once


class MediaUnit(SQLModel, table=True):
    """A unit that holds a file, and who put it there."""

    __tablename__ = "media_unit"

    sha256: str = Field(primary_key=True, max_length=64, foreign_key="media_file.sha256")
    unit_id: int = Field(primary_key=True, foreign_key="unit.id", index=True)
    added_at: datetime
    added_by: str = Field(max_length=120)


@dataclass(frozen=True)
class Use:
    """A post that uses a file."""

    post: int
    accounts: tuple[str, ...]


def clean_alt(told: str) -> str:
    """Alternative text as it is kept. Raises MeizhenError `media.bad_alt`."""
    alt = " ".join(told.split())
    if len(alt) > ALT_CHARACTERS or not alt.isprintable():
        raise MeizhenError("media.bad_alt", received=len(alt), limit=ALT_CHARACTERS)
    return alt


def add_media(
    session: Session,
    keys: KeyRing,
    found: Iterable[FoundMedia],
    unit: Unit,
    *,
    alt: str = "",
    now: datetime,
    actor: str,
) -> list[MediaFile]:
    """Has a unit hold files that were kept before (`media.keep`); gives them in order.

    One that is known keeps its name, and its alternative text where it has one. Raises MeizhenError
    `media.bad_alt`.
    """
    alt, files = clean_alt(alt), list(found)
    record_media(session, files, now=now)
    held = [
        {"sha256": sha256, "unit_id": unit.id, "added_at": now, "added_by": actor}
        for sha256 in sorted({one.sha256 for one in files})
    ]
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(insert(MediaUnit).on_conflict_do_nothing(), held)
    rows = [session.get_one(MediaFile, one.sha256, populate_existing=True) for one in files]
    for row in rows:
        if alt and not row.alt:
            row.alt = alt
            session.add(row)
        details = {"unit": unit.code, "type": row.content_type, "size": row.size}
        record(session, keys, at=now, actor=actor, act="media.add", subject=_subject(row), details=details)
    return rows


def keep_all(folder: Path, found: Iterable[FoundMedia]) -> None:
    """Puts files into the folder, before the transaction that records them."""
    for one in found:
        keep(folder, one)


def set_alt(session: Session, keys: KeyRing, sha256: str, told: str, *, now: datetime, actor: str) -> bool:
    """What the file shows, in words; False where it said so before.

    Sign-offs on posts that use it are void by that: their hash covers it. Raises MeizhenError
    `media.unknown` or `media.bad_alt`.
    """
    row, alt = find_media(session, sha256), clean_alt(told)
    if row.alt == alt:
        return False
    details = {"from": row.alt, "to": alt}
    row.alt = alt
    session.add(row)
    session.flush()
    record(session, keys, at=now, actor=actor, act="media.alt", subject=_subject(row), details=details)
    return True


def find_media(session: Session, told: str) -> MediaFile:
    """The file of a hash, or of its first eight or more digits. Raises MeizhenError `media.unknown`."""
    wanted = select(MediaFile).where(col(MediaFile.sha256).startswith(told.lower(), autoescape=True))
    rows = session.exec(wanted.limit(2)).all() if len(told) >= 8 else []
    if len(rows) != 1:
        raise MeizhenError("media.unknown", media=told[:64])
    return rows[0]


def page_of_library(
    session: Session,
    sight: ColumnElement[bool] | None,
    *,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
    content_type: str | None = None,
) -> list[MediaFile]:
    """Files newest first, those behind `after` (added_at, sha256); `sight` is a condition on units."""
    wanted = select(MediaFile)
    if sight is not None:
        wanted = wanted.where(_seen(sight))
    if content_type is not None:
        wanted = wanted.where(col(MediaFile.content_type).startswith(content_type, autoescape=True))
    if after is not None:
        wanted = wanted.where(tuple_(col(MediaFile.added_at), col(MediaFile.sha256)) < tuple_(*after))
    return list(
        session.exec(
            wanted.order_by(col(MediaFile.added_at).desc(), col(MediaFile.sha256).desc()).limit(limit)
        )
    )


def require_media(session: Session, person: Standing | None, told: str, act: Act) -> MediaFile:
    """The file, for somebody who may do this where it is held or used (None: the operator).

    Raises MeizhenError `media.unknown` alike for what does not exist and for what is out of sight, and as
    `permissions.require` does where it is seen.
    """
    row = find_media(session, told)
    if person is None:
        return row
    places = _places_of(session, row)
    if not any(may(person, act, place) for place in places):
        for place in places:
            if sees(person, place):
                require(person, act, place)
        raise MeizhenError("media.unknown", media=told[:64])
    return row


def _places_of(session: Session, row: MediaFile) -> list[Place]:
    """Where the file is held, and where a post uses it."""
    held = select(Unit.path).join(MediaUnit, col(MediaUnit.unit_id) == col(Unit.id))
    paths = set(session.exec(held.where(MediaUnit.sha256 == row.sha256)))
    for table in (Delivery, Planned):
        used = (
            select(Unit.path)
            .join(Account, col(Account.unit_id) == col(Unit.id))
            .join(table, col(table.account_id) == col(Account.id))
            .join(MediaUse, col(MediaUse.post_id) == col(table.post_id))
        )
        paths |= set(session.exec(used.where(MediaUse.sha256 == row.sha256).distinct()))
    return [Place(path) for path in sorted(paths)]


def holders_of(session: Session, row: MediaFile, sight: ColumnElement[bool] | None = None) -> list[Unit]:
    """The units in sight that hold a file, by code."""
    wanted = select(Unit).join(MediaUnit, col(MediaUnit.unit_id) == col(Unit.id))
    if sight is not None:
        wanted = wanted.where(sight)
    return list(session.exec(wanted.where(MediaUnit.sha256 == row.sha256).order_by(col(Unit.code))))


def uses_of(
    session: Session, row: MediaFile, sight: ColumnElement[bool] | None = None, *, limit: int = 100
) -> list[Use]:
    """The posts that use a file, newest first, with their accounts in sight; without any, it is not shown."""
    posts: dict[int, set[str]] = {}
    for table in (Delivery, Planned):
        wanted = (
            select(MediaUse.post_id, Account.platform, Account.handle)
            .join(table, col(table.post_id) == col(MediaUse.post_id))
            .join(Account, col(Account.id) == col(table.account_id))
            .join(Unit, col(Unit.id) == col(Account.unit_id))
            .where(MediaUse.sha256 == row.sha256)
            .order_by(col(MediaUse.post_id).desc())
            .limit(limit * 10)
        )
        if sight is not None:
            wanted = wanted.where(sight)
        for post_id, platform, handle in session.exec(wanted):
            posts.setdefault(post_id, set()).add(f"{platform}:{handle}")
    return [Use(post_id, tuple(sorted(posts[post_id]))) for post_id in sorted(posts, reverse=True)[:limit]]


def _seen(sight: ColumnElement[bool]) -> ColumnElement[bool]:
    """Is the file held or used where this condition on units holds?"""
    held = (
        select(MediaUnit.sha256)
        .join(Unit, col(Unit.id) == col(MediaUnit.unit_id))
        .where(col(MediaUnit.sha256) == col(MediaFile.sha256), sight)
    )
    used = [
        select(MediaUse.sha256)
        .join(table, col(table.post_id) == col(MediaUse.post_id))
        .join(Account, col(Account.id) == col(table.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(MediaUse.sha256) == col(MediaFile.sha256), sight)
        for table in (Delivery, Planned)
    ]
    return or_(*(exists(one.correlate(MediaFile)) for one in (held, *used)))


def _subject(row: MediaFile) -> str:
    return f"media:{row.sha256}"
