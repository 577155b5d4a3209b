"""Campaigns (活动): a unit's plan for a theme, changed and closed by people; every change leaves an event.

Changes are compare-and-set on the campaign's `edition`; a closed campaign is changed no more until it is
opened again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from config.errors import InputError, MeizhenError, Problem
from config.secrets import KeyRing
from organisation import Unit, record
from organisation.tree import children_of
from scheduler.campaign_tables import (
    GOAL,
    TITLE,
    Campaign,
    CampaignEvent,
    CampaignItem,
    CampaignUnit,
    CampaignWork,
    Happening,
)
from scheduler.outgoing import has_control

MOST_UNITS = 500
_FIRST_YEAR, _LAST_YEAR = 2000, 2899


@dataclass(frozen=True)
class Plan:
    """What a campaign says of itself."""

    title: str
    starts: date
    ends: date
    goal: str = ""


@dataclass(frozen=True)
class Change:
    """What is changed of a campaign; None leaves it. Units `enter` it or `leave` it."""

    title: str | None = None
    goal: str | None = None
    starts: date | None = None
    ends: date | None = None
    enter: Sequence[Unit] = ()
    leave: Sequence[Unit] = ()


# --- the campaign itself ----------------------------------------------------------------------------------


def add_campaign(
    session: Session,
    keys: KeyRing,
    unit: Unit,
    plan: Plan,
    units: Sequence[Unit],
    *,
    now: datetime,
    actor: str,
) -> Campaign:
    """A new campaign of a unit. Raises InputError as `checked_plan` does."""
    plan = checked_plan(plan, unit, units)
    made = Campaign(
        unit_id=unit.id or 0,
        title=plan.title,
        goal=plan.goal,
        starts=plan.starts,
        ends=plan.ends,
        created_at=now,
        created_by=actor,
    )
    session.add(made)
    session.flush()
    _enter(session, made, units)
    days = {"starts": plan.starts.isoformat(), "ends": plan.ends.isoformat()}
    told = {"title": plan.title, **days, "units": [one.code for one in units], "count": len(units)}
    note(session, keys, made, Happening.ADDED, now=now, actor=actor, told=told)
    return made


def checked_plan(plan: Plan, unit: Unit, units: Sequence[Unit]) -> Plan:
    """The plan, tidied. Raises InputError with all that is wrong with it or with the units."""
    plan = _tidy(plan)
    problems = [*_plan_problems(plan), *_unit_problems(unit, units)]
    if problems:
        raise InputError("campaign", problems)
    return plan


def units_offered(session: Session, unit: Unit) -> list[Unit]:
    """Who takes part where nobody says it: the units right below, or the unit where there are none."""
    below = children_of(session, [unit], limit=MOST_UNITS).get(unit.id or 0, [])
    return [one for one, _ in below] or [unit]


def edit_campaign(
    session: Session,
    keys: KeyRing,
    campaign_id: int,
    change: Change,
    *,
    edition: int | None,
    now: datetime,
    actor: str,
) -> Campaign:
    """Changes a campaign that still is what its editor has read as `edition` (None: whatever it is now).

    Raises InputError (days that leave an item's due day out are among it), MeizhenError `campaign.unknown`,
    `campaign.closed`, `campaign.changed`, or `campaign.unit_used` for a unit that has done something already.
    """
    campaign = hold_open(session, campaign_id)
    if edition is not None and edition != campaign.edition:
        raise MeizhenError("campaign.changed", id=campaign_id)
    told = Plan(
        campaign.title if change.title is None else change.title,
        campaign.starts if change.starts is None else change.starts,
        campaign.ends if change.ends is None else change.ends,
        campaign.goal if change.goal is None else change.goal,
    )
    there = {one.path: one for one in units_of(session, campaign)}
    leaving = [one for one in change.leave if one.path in there]
    entering = [one for one in change.enter if one.path not in there]
    gone = {one.path for one in leaving}
    staying = [*(one for path, one in there.items() if path not in gone), *entering]
    plan = checked_plan(told, session.get_one(Unit, campaign.unit_id), staying)
    _require_items_within(session, campaign, plan)
    before = Plan(campaign.title, campaign.starts, campaign.ends, campaign.goal)
    campaign = advance(
        session, campaign, title=plan.title, goal=plan.goal, starts=plan.starts, ends=plan.ends
    )
    _leave(session, campaign, leaving)
    _enter(session, campaign, entering)
    steps = [(one, Happening.ENTERED) for one in entering] + [(one, Happening.LEFT) for one in leaving]
    for one, happening in steps:
        names: dict[str, object] = {"unit": one.code, "name": one.name_zh}
        note(session, keys, campaign, happening, now=now, actor=actor, told=names, unit_id=one.id)
    if before != plan:
        days = {"starts": plan.starts.isoformat(), "ends": plan.ends.isoformat()}
        note(
            session,
            keys,
            campaign,
            Happening.EDITED,
            now=now,
            actor=actor,
            told={"title": plan.title, **days},
        )
    return campaign


def close_campaign(
    session: Session, keys: KeyRing, campaign_id: int, *, now: datetime, actor: str
) -> Campaign:
    """Nothing counts for it from now on. Raises MeizhenError `campaign.unknown` or `campaign.closed`."""
    campaign = advance(session, hold_open(session, campaign_id), closed_at=now, closed_by=actor)
    note(session, keys, campaign, Happening.CLOSED, now=now, actor=actor)
    return campaign


def reopen_campaign(
    session: Session, keys: KeyRing, campaign_id: int, *, now: datetime, actor: str
) -> Campaign:
    """It was closed too early. Raises MeizhenError `campaign.unknown` or `campaign.not_closed`."""
    campaign = _held(session, campaign_id)
    if campaign.closed_at is None:
        raise MeizhenError("campaign.not_closed", id=campaign_id)
    campaign = advance(session, campaign, closed_at=None, closed_by="")
    note(session, keys, campaign, Happening.REOPENED, now=now, actor=actor)
    return campaign


# --- what others ask --------------------------------------------------------------------------------------


def find_campaign(session: Session, campaign_id: int) -> Campaign:
    """The campaign. Raises MeizhenError `campaign.unknown`."""
    found = session.get(Campaign, campaign_id)
    if found is None:
        raise MeizhenError("campaign.unknown", id=campaign_id)
    return found


def hold_open(session: Session, campaign_id: int) -> Campaign:
    """The campaign, locked to the transaction's end, so that nothing comes into one that is just closed.

    Raises MeizhenError `campaign.unknown` or `campaign.closed`.
    """
    campaign = _held(session, campaign_id)
    if campaign.closed_at is not None:
        raise MeizhenError("campaign.closed", id=campaign_id, title=campaign.title)
    return campaign


def items_of(session: Session, campaign_id: int) -> list[CampaignItem]:
    """Its items in the order of their numbers."""
    wanted = select(CampaignItem).where(CampaignItem.campaign_id == campaign_id)
    return list(session.exec(wanted.order_by(col(CampaignItem.number))))


def find_item(session: Session, campaign_id: int, number: int) -> CampaignItem:
    """One item. Raises MeizhenError `campaign.unknown_item`."""
    item = session.get(CampaignItem, (campaign_id, number))
    if item is None:
        raise MeizhenError("campaign.unknown_item", id=campaign_id, item=number)
    return item


def units_of(session: Session, campaign: Campaign, within: ColumnElement[bool] | None = None) -> list[Unit]:
    """The units that take part, in the order in which they were added to the house; `within` is a condition
    on them (`organisation.in_sight`).
    """
    wanted = select(Unit).join(CampaignUnit, col(CampaignUnit.unit_id) == col(Unit.id))
    wanted = wanted.where(CampaignUnit.campaign_id == campaign.known_id).order_by(col(Unit.id))
    return list(session.exec(wanted if within is None else wanted.where(within)))


def note(
    session: Session,
    keys: KeyRing,
    campaign: Campaign,
    happening: Happening,
    *,
    now: datetime,
    actor: str,
    told: dict[str, object] | None = None,
    unit_id: int | None = None,
) -> None:
    """The event of a step, and its entry in the ledger; at the end of the transaction that made it."""
    facts = told or {}
    session.add(
        CampaignEvent(
            campaign_id=campaign.known_id,
            at=now,
            actor=actor,
            happening=happening,
            unit_id=unit_id,
            facts=facts,
        )
    )
    record(
        session,
        keys,
        at=now,
        actor=actor,
        act=f"campaign.{happening}",
        subject=campaign.name,
        details=facts,
    )


# --- inside -----------------------------------------------------------------------------------------------


def _held(session: Session, campaign_id: int) -> Campaign:
    wanted = columns(Campaign).where(col(Campaign.id) == campaign_id).with_for_update()
    found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise MeizhenError("campaign.unknown", id=campaign_id)
    return found


def advance(session: Session, campaign: Campaign, **values: object) -> Campaign:
    """One change of the row, if it still is what was read."""
    wanted = (
        update(Campaign)
        .where(col(Campaign.id) == campaign.known_id, col(Campaign.edition) == campaign.edition)
        .values(edition=campaign.edition + 1, **values)
        .returning(Campaign)
        .execution_options(populate_existing=True)
    )
    moved = session.scalars(wanted).one_or_none()
    if moved is None:
        raise MeizhenError("campaign.changed", id=campaign.known_id)
    return moved


def _require_items_within(session: Session, campaign: Campaign, plan: Plan) -> None:
    due = columns(CampaignItem).where(col(CampaignItem.campaign_id) == campaign.known_id)
    problems = []
    for item in session.scalars(due.order_by(col(CampaignItem.number))):
        if not plan.starts <= item.due <= plan.ends:
            column = "starts" if item.due < plan.starts else "ends"
            params = {"number": item.number, "title": item.title, "due": item.due}
            problems.append(Problem("campaign.item_left_out", column=column, params=params))
    if problems:
        raise InputError("campaign", problems)


def _enter(session: Session, campaign: Campaign, units: Sequence[Unit]) -> None:
    ids = dict.fromkeys(one.id or 0 for one in units)
    session.add_all(CampaignUnit(campaign_id=campaign.known_id, unit_id=id_) for id_ in ids)
    session.flush()


def _leave(session: Session, campaign: Campaign, units: Sequence[Unit]) -> None:
    ids = {one.id: one.code for one in units}
    done = columns(col(CampaignWork.unit_id)).where(
        col(CampaignWork.campaign_id) == campaign.known_id, col(CampaignWork.unit_id).in_(ids)
    )
    used = session.scalars(done.limit(1)).one_or_none()
    if used is not None:
        raise MeizhenError("campaign.unit_used", unit=ids[used])
    session.execute(
        delete(CampaignUnit).where(
            col(CampaignUnit.campaign_id) == campaign.known_id, col(CampaignUnit.unit_id).in_(ids)
        )
    )


def one_line(told: str) -> str:
    """A text without line breaks or blanks around it."""
    return " ".join(told.split())


def _tidy(plan: Plan) -> Plan:
    goal = plan.goal.replace("\r\n", "\n").replace("\r", "\n").strip()
    return Plan(one_line(plan.title), plan.starts, plan.ends, goal)


def _plan_problems(plan: Plan) -> list[Problem]:
    problems = title_problems(plan.title, "title", TITLE) + length_problems(plan.goal, "goal", GOAL)
    problems += day_problems(plan.starts, "starts") + day_problems(plan.ends, "ends")
    if plan.ends < plan.starts:
        problems.append(Problem("campaign.backwards", column="ends"))
    return problems


def title_problems(told: str, column: str, limit: int) -> list[Problem]:
    """Of a text that has to be there."""
    return length_problems(told, column, limit) if told else [Problem("input.required", column=column)]


def length_problems(told: str, column: str, limit: int) -> list[Problem]:
    """Of a text that may be empty."""
    if len(told) > limit:
        return [Problem("input.too_long", column=column, params={"received": len(told), "limit": limit})]
    return [Problem("input.control_character", column=column)] if has_control(told) else []


def day_problems(day: date, column: str) -> list[Problem]:
    """Of a day that would be none in either database."""
    if _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return []
    return [Problem("input.not_a_date", column=column, params={"received": day})]


def _unit_problems(unit: Unit, units: Sequence[Unit]) -> list[Problem]:
    """Of the units that are to take part: there are some, not too many, all at or below the campaign's."""
    if not units:
        return [Problem("campaign.no_units", column="units")]
    if len(units) > MOST_UNITS:
        return [Problem("campaign.too_many_units", column="units", params={"most": MOST_UNITS})]
    outside = ", ".join(one.code for one in units if not one.path.startswith(unit.path))
    if not outside:
        return []
    return [
        Problem("campaign.units_outside", column="units", params={"units": outside[:200], "unit": unit.code})
    ]
