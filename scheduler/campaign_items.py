"""The items of a campaign: what it wants of every unit that takes part, and by when."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func
from sqlalchemy import select as columns
from sqlmodel import Session, col

from config.errors import InputError, MeizhenError, Problem
from config.secrets import KeyRing
from scheduler.campaign_tables import (
    KIND,
    MOST_WANTED,
    TITLE,
    Campaign,
    CampaignEvent,
    CampaignItem,
    CampaignPost,
    CampaignWork,
    Happening,
)
from scheduler.campaigns import (
    advance,
    day_problems,
    find_item,
    hold_open,
    items_of,
    length_problems,
    note,
    one_line,
    title_problems,
)

MOST_ITEMS = 40


@dataclass(frozen=True)
class Wanted:
    """An item as it is told: what, of which kind (free words), by the end of which day, how many a unit."""

    title: str
    due: date
    wanted: int = 1
    kind: str = ""


@dataclass(frozen=True)
class ItemChange:
    """What is changed of an item; None leaves it."""

    title: str | None = None
    due: date | None = None
    wanted: int | None = None
    kind: str | None = None


def add_item(
    session: Session, keys: KeyRing, campaign_id: int, wanted: Wanted, *, now: datetime, actor: str
) -> CampaignItem:
    """One more thing is wanted. Raises InputError, MeizhenError `campaign.unknown`, `campaign.closed`."""
    campaign = hold_open(session, campaign_id)
    full = len(items_of(session, campaign_id)) >= MOST_ITEMS
    wanted = _checked(campaign, wanted, full=full)
    advance(session, campaign)
    item = CampaignItem(campaign_id=campaign_id, number=_next_number(session, campaign_id), **vars(wanted))
    session.add(item)
    session.flush()
    note(session, keys, campaign, Happening.ITEM_ADDED, now=now, actor=actor, told=_told(item))
    return item


def edit_item(
    session: Session,
    keys: KeyRing,
    campaign_id: int,
    number: int,
    change: ItemChange,
    *,
    edition: int | None,
    now: datetime,
    actor: str,
) -> CampaignItem:
    """Changes what is wanted; what counts for it goes on counting. `edition` as in `edit_campaign`.

    Raises InputError, MeizhenError `campaign.unknown`, `campaign.closed`, `campaign.changed`,
    `campaign.unknown_item`.
    """
    campaign = hold_open(session, campaign_id)
    if edition is not None and edition != campaign.edition:
        raise MeizhenError("campaign.changed", id=campaign_id)
    item = find_item(session, campaign_id, number)
    wanted = _checked(
        campaign,
        Wanted(
            item.title if change.title is None else change.title,
            item.due if change.due is None else change.due,
            item.wanted if change.wanted is None else change.wanted,
            item.kind if change.kind is None else change.kind,
        ),
    )
    advance(session, campaign)
    item.title, item.due, item.wanted, item.kind = wanted.title, wanted.due, wanted.wanted, wanted.kind
    session.add(item)
    session.flush()
    note(session, keys, campaign, Happening.ITEM_EDITED, now=now, actor=actor, told=_told(item))
    return item


def remove_item(
    session: Session, keys: KeyRing, campaign_id: int, number: int, *, now: datetime, actor: str
) -> None:
    """It is wanted no more. Raises MeizhenError `campaign.unknown`, `campaign.closed`,
    `campaign.unknown_item`, or `campaign.item_used` where something counts for it.
    """
    campaign = hold_open(session, campaign_id)
    item = find_item(session, campaign_id, number)
    used = sum(
        session.execute(
            columns(func.count()).where(col(table.campaign_id) == campaign_id, col(table.item) == number)
        ).scalar_one()
        for table in (CampaignPost, CampaignWork)
    )
    if used:
        raise MeizhenError("campaign.item_used", id=campaign_id, item=number, count=used)
    advance(session, campaign)
    told: dict[str, object] = {"item": number, "title": item.title}
    session.delete(item)
    session.flush()
    note(session, keys, campaign, Happening.ITEM_REMOVED, now=now, actor=actor, told=told)


def _checked(campaign: Campaign, wanted: Wanted, *, full: bool = False) -> Wanted:
    """The item, tidied. Raises InputError with all that is wrong with it."""
    title, kind = one_line(wanted.title), one_line(wanted.kind)
    problems = [Problem("campaign.too_many_items", params={"most": MOST_ITEMS})] if full else []
    problems += title_problems(title, "title", TITLE) + length_problems(kind, "kind", KIND)
    problems += day_problems(wanted.due, "due")
    if not campaign.starts <= wanted.due <= campaign.ends:
        days = {"starts": campaign.starts, "ends": campaign.ends}
        problems.append(Problem("campaign.due_outside", column="due", params=days))
    if not 1 <= wanted.wanted <= MOST_WANTED:
        problems.append(Problem("campaign.bad_wanted", column="wanted", params={"most": MOST_WANTED}))
    if problems:
        raise InputError("campaign item", problems)
    return Wanted(title, wanted.due, wanted.wanted, kind)


def _told(item: CampaignItem) -> dict[str, object]:
    return {"item": item.number, "title": item.title, "due": item.due.isoformat(), "wanted": item.wanted}


def _next_number(session: Session, campaign_id: int) -> int:
    """Numbers that were removed are not given again: the events and people's notes name them."""
    there = [one.number for one in items_of(session, campaign_id)]
    removed = columns(col(CampaignEvent.facts)).where(
        col(CampaignEvent.campaign_id) == campaign_id,
        col(CampaignEvent.happening) == Happening.ITEM_REMOVED,
    )
    gone = [facts["item"] for facts in session.scalars(removed)]
    return max([0, *there, *(one for one in gone if isinstance(one, int))]) + 1
