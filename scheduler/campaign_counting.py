"""What counts for a campaign: posts that are attached to it, and work that a unit says it has done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from config.clock import shanghai_day
from config.errors import InputError, MeizhenError, Problem
from config.secrets import KeyRing
from organisation import Unit
from organisation.units import nearest
from scheduler.campaign_tables import (
    LINK,
    NOTE,
    Campaign,
    CampaignItem,
    CampaignPost,
    CampaignUnit,
    CampaignWork,
    Happening,
)
from scheduler.campaigns import find_item, hold_open, note, units_of
from scheduler.outgoing import has_control
from scheduler.posts import Post
from scheduler.posts_read import paths_of_post

_MOST_OFFERED = 100


@dataclass(frozen=True)
class Cell:
    """Where a post counts: a campaign, and one of its items; without one only its figures do.

    People write it `3/2`, or `3` without an item.
    """

    campaign: int
    item: int | None = None

    @classmethod
    def parse(cls, told: str) -> "Cell":
        """As people write it. Raises MeizhenError `campaign.bad_cell`."""
        parts = told.strip().split("/")
        if not (1 <= len(parts) <= 2 and all(_is_number(one) for one in parts)):
            raise MeizhenError("campaign.bad_cell", received=told[:40])
        return cls(*(int(one) for one in parts))

    def __str__(self) -> str:
        return str(self.campaign) if self.item is None else f"{self.campaign}/{self.item}"


def _is_number(told: str) -> bool:
    return told.isascii() and told.isdigit() and len(told) < 10


@dataclass(frozen=True)
class Work:
    """What a unit says it has done: what and when, and an address where it can be seen ('' for none)."""

    note: str
    day: date
    link: str = ""


# --- posts ------------------------------------------------------------------------------------------------


def attach_post(
    session: Session, keys: KeyRing, post_id: int, cell: Cell, *, now: datetime, actor: str
) -> None:
    """From now on the post counts there; one that is there already changes nothing.

    Raises MeizhenError `post.not_found`, `campaign.unknown`, `campaign.closed`, `campaign.unknown_item`,
    `campaign.other` where it belongs to another campaign, `campaign.post_outside` where none of its
    accounts is the campaign's unit's.
    """
    if session.get(Post, post_id) is None:
        raise MeizhenError("post.not_found", id=post_id)
    campaign = hold_open(session, cell.campaign)
    if cell.item is not None:
        find_item(session, cell.campaign, cell.item)
    present = session.get(CampaignPost, post_id, populate_existing=True)
    if present is not None and present.campaign_id != cell.campaign:
        raise MeizhenError("campaign.other", post=post_id, other=present.campaign_id)
    if present is not None and present.item == cell.item:
        return
    unit = session.get_one(Unit, campaign.unit_id)
    inside = [path for path in paths_of_post(session, post_id) if path.startswith(unit.path)]
    if not inside:
        raise MeizhenError("campaign.post_outside", post=post_id, unit=unit.code)
    row = present or CampaignPost(post_id=post_id, campaign_id=cell.campaign, at=now, by=actor)
    row.item = cell.item
    session.add(row)
    session.flush()
    _note_post(session, keys, campaign, Happening.ATTACHED, row, inside, now=now, actor=actor)


def detach_post(
    session: Session, keys: KeyRing, campaign_id: int, post_id: int, *, now: datetime, actor: str
) -> None:
    """The post counts no more. Raises MeizhenError `campaign.unknown`, `campaign.closed`,
    `campaign.not_attached`.
    """
    campaign = hold_open(session, campaign_id)
    row = session.get(CampaignPost, post_id, populate_existing=True)
    if row is None or row.campaign_id != campaign_id:
        raise MeizhenError("campaign.not_attached", id=campaign_id, post=post_id)
    unit = session.get_one(Unit, campaign.unit_id)
    inside = [path for path in paths_of_post(session, post_id) if path.startswith(unit.path)]
    session.delete(row)
    session.flush()
    _note_post(session, keys, campaign, Happening.DETACHED, row, inside, now=now, actor=actor)


def place_post(
    session: Session, keys: KeyRing, post_id: int, cell: Cell | None, *, now: datetime, actor: str
) -> None:
    """Attaches the post there, or takes it out of the campaign it is in (None). Raises as those two do."""
    present = cell_of_post(session, post_id)
    if present == cell:
        return
    if present is not None and (cell is None or cell.campaign != present.campaign):
        detach_post(session, keys, present.campaign, post_id, now=now, actor=actor)
    if cell is not None:
        attach_post(session, keys, post_id, cell, now=now, actor=actor)


def cell_of_post(session: Session, post_id: int) -> Cell | None:
    """Where the post counts."""
    row = session.exec(
        select(CampaignPost.campaign_id, CampaignPost.item).where(CampaignPost.post_id == post_id)
    ).one_or_none()
    return None if row is None else Cell(*row)


def campaigns_offered(
    session: Session, within: ColumnElement[bool]
) -> list[tuple[Campaign, list[CampaignItem]]]:
    """The campaigns not closed that a unit `within` has or takes part in, the next to end first."""
    wanted = columns(Campaign).where(col(Campaign.closed_at).is_(None), seen_within(within))
    found = session.scalars(wanted.order_by(col(Campaign.ends), col(Campaign.id)).limit(_MOST_OFFERED)).all()
    ids = [one.known_id for one in found]
    items: dict[int, list[CampaignItem]] = {id_: [] for id_ in ids}
    chosen = select(CampaignItem).where(col(CampaignItem.campaign_id).in_(ids))
    for item in session.exec(chosen.order_by(col(CampaignItem.campaign_id), col(CampaignItem.number))):
        items[item.campaign_id].append(item)
    return [(one, items[one.known_id]) for one in found]


def seen_within(within: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that a `Campaign` is of one of these units, or that one of them takes part in it."""
    own = columns(col(Unit.id)).where(within)
    part = columns(col(CampaignUnit.campaign_id)).join(Unit, col(Unit.id) == col(CampaignUnit.unit_id))
    return or_(col(Campaign.unit_id).in_(own), col(Campaign.id).in_(part.where(within)))


# --- work that is no post ---------------------------------------------------------------------------------


def add_work(
    session: Session,
    keys: KeyRing,
    cell: Cell,
    unit: Unit,
    work: Work,
    *,
    now: datetime,
    actor: str,
) -> CampaignWork:
    """A unit says that it has done one of what an item wants.

    Raises InputError, MeizhenError `campaign.unknown`, `campaign.closed`, `campaign.unknown_item`,
    `campaign.not_taking_part`.
    """
    campaign = hold_open(session, cell.campaign)
    item = find_item(session, cell.campaign, cell.item or 0)
    if session.get(CampaignUnit, (cell.campaign, unit.id)) is None:
        raise MeizhenError("campaign.not_taking_part", id=cell.campaign, unit=unit.code)
    said, link = " ".join(work.note.split()), work.link.strip()
    problems = _work_problems(said, link, work.day, campaign, shanghai_day(now))
    if problems:
        raise InputError("campaign done", problems)
    made = CampaignWork(
        campaign_id=cell.campaign,
        item=item.number,
        unit_id=unit.id or 0,
        day=work.day,
        note=said,
        link=link,
        at=now,
        by=actor,
    )
    session.add(made)
    session.flush()
    told: dict[str, object] = {"item": item.number, "unit": unit.code, "name": unit.name_zh}
    told |= {"work": made.id, "note": said, "link": link}
    note(session, keys, campaign, Happening.DONE, now=now, actor=actor, told=told, unit_id=unit.id)
    return made


def drop_work(
    session: Session, keys: KeyRing, campaign_id: int, work_id: int, *, now: datetime, actor: str
) -> None:
    """It was not done. Raises MeizhenError `campaign.unknown`, `campaign.closed`, `campaign.unknown_work`."""
    campaign = hold_open(session, campaign_id)
    work, unit = find_work(session, campaign_id, work_id)
    told: dict[str, object] = {"item": work.item, "unit": unit.code, "name": unit.name_zh}
    told |= {"work": work_id, "note": work.note}
    session.delete(work)
    session.flush()
    note(session, keys, campaign, Happening.UNDONE, now=now, actor=actor, told=told, unit_id=unit.id)


def find_work(session: Session, campaign_id: int, work_id: int) -> tuple[CampaignWork, Unit]:
    """What was done, and by which unit. Raises MeizhenError `campaign.unknown_work`."""
    found = session.exec(
        select(CampaignWork, Unit)
        .join(Unit, col(Unit.id) == col(CampaignWork.unit_id))
        .where(CampaignWork.id == work_id, CampaignWork.campaign_id == campaign_id)
    ).one_or_none()
    if found is None:
        raise MeizhenError("campaign.unknown_work", id=campaign_id, work=work_id)
    return found


# --- inside -----------------------------------------------------------------------------------------------


def _note_post(
    session: Session,
    keys: KeyRing,
    campaign: Campaign,
    happening: Happening,
    row: CampaignPost,
    paths: Sequence[str],
    *,
    now: datetime,
    actor: str,
) -> None:
    """One event for every unit it counts for: whoever sees a unit sees what concerns it, and no more."""
    taking = {one.path: one for one in units_of(session, campaign)}
    counted = (nearest(path, taking) for path in paths)
    units = {one.id: one for one in counted if one is not None}
    if not units:
        units = {campaign.unit_id: session.get_one(Unit, campaign.unit_id)}
    for unit_id, unit in units.items():
        told: dict[str, object] = {"post": row.post_id, "item": row.item}
        told |= {"unit": unit.code, "name": unit.name_zh}
        note(session, keys, campaign, happening, now=now, actor=actor, told=told, unit_id=unit_id)


def _work_problems(said: str, link: str, day: date, campaign: Campaign, today: date) -> list[Problem]:
    problems = []
    if not said:
        problems.append(Problem("input.required", column="note"))
    for told, column, limit in ((said, "note", NOTE), (link, "link", LINK)):
        if len(told) > limit:
            over = {"received": len(told), "limit": limit}
            problems.append(Problem("input.too_long", column=column, params=over))
        elif has_control(told):
            problems.append(Problem("input.control_character", column=column))
    if link and not _is_address(link):
        problems.append(Problem("campaign.bad_link", column="link", params={"received": link[:80]}))
    if not campaign.starts <= day <= today:
        days = {"starts": campaign.starts, "today": today}
        problems.append(Problem("campaign.bad_day", column="day", params=days))
    return problems


def _is_address(told: str) -> bool:
    try:
        parts = urlsplit(told)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and told.isprintable()
            and " " not in told
        )
    except ValueError:
        return False
