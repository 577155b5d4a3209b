"""活动 Campaigns: what people do to them: begin, change, close, and what counts for them."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from config.clock import shanghai_day
from config.errors import MeizhenError
from organisation import Act, Unit, find_unit, sees
from scheduler.campaign_counting import Cell, Work, add_work, attach_post, detach_post, drop_work
from scheduler.campaign_items import ItemChange, Wanted, add_item, edit_item, remove_item
from scheduler.campaign_places import path_of_campaign, path_of_work, require_sight
from scheduler.campaign_report import order_report
from scheduler.campaign_tables import GOAL, KIND, LINK, MOST_WANTED, NOTE, TITLE, Campaign
from scheduler.campaigns import (
    MOST_UNITS,
    Change,
    Plan,
    add_campaign,
    close_campaign,
    edit_campaign,
    find_campaign,
    reopen_campaign,
    units_of,
    units_offered,
)
from scheduler.posts_read import paths_of_post
from web.api.asking import JobShown, accepted
from web.api.call import Answer, Asked
from web.api.campaigns import CampaignShown, ItemShown, item_shown, shown
from web.api.noun import Noun
from web.api.texts import Body, Code, Day, Number, Told

noun = Noun("campaigns")

Theme = Annotated[str, StringConstraints(min_length=1, max_length=TITLE)]
Goal = Annotated[str, StringConstraints(max_length=GOAL)]
Kind = Annotated[str, StringConstraints(max_length=KIND)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=NOTE)]
Link = Annotated[str, StringConstraints(max_length=LINK)]


class CampaignMade(Body):
    """A new campaign. Without `units`, those right below the unit take part."""

    unit: Code
    title: Theme
    goal: Goal = ""
    starts: Day
    ends: Day
    units: list[Code] | None = Field(default=None, min_length=1, max_length=MOST_UNITS)


class CampaignChange(Body):
    """What is changed; what is not named stays. `units` are all that take part from then on."""

    title: Theme | None = None
    goal: Goal | None = None
    starts: Day | None = None
    ends: Day | None = None
    units: list[Code] | None = Field(default=None, min_length=1, max_length=MOST_UNITS)


class ItemMade(Body):
    """One more thing that is wanted of every unit."""

    title: Theme
    due: Day
    wanted: int = Field(default=1, ge=1, le=MOST_WANTED)
    kind: Kind = ""


class ItemEdit(Body):
    """What is changed of an item; what is not named stays."""

    title: Theme | None = None
    due: Day | None = None
    wanted: int | None = Field(default=None, ge=1, le=MOST_WANTED)
    kind: Kind | None = None


class Attachment(Body):
    """The item that the post counts for; null: for none, but its figures are the campaign's."""

    item: int | None = Field(ge=1, le=10**6)


class Counted(Told):
    """Where a post counts now; `campaign` null: nowhere."""

    post: int
    campaign: int | None
    item: int | None


class WorkDone(Body):
    """What a unit has done that is no post; without a day, today."""

    unit: Code
    item: int = Field(ge=1, le=10**6)
    note: Note
    link: Link = ""
    day: Day | None = None


class WorkShown(Told):
    """What a unit has done, as it stands in the register."""

    id: int
    unit: str
    item: int
    day: date
    note: str
    link: str
    by: str


class WorkStruck(Told):
    """What was taken out of the register."""

    id: int


class ReportAsked(Body):
    """The forms of the closing report."""

    formats: list[Literal["xlsx", "pdf"]] = Field(default=["xlsx", "pdf"], min_length=1, max_length=2)


@noun.write("POST", "", Act.CAMPAIGN_WRITE, status=HTTPStatus.CREATED)
def add(asked: Asked, body: CampaignMade) -> Answer[CampaignShown]:
    """发起活动 A new campaign of a unit."""
    unit = find_unit(asked.session, body.unit)
    asked.at(unit.path)
    told = None if body.units is None else [_unit(asked, code) for code in body.units]
    units = units_offered(asked.session, unit) if told is None else told
    plan = Plan(body.title, body.starts, body.ends, body.goal)
    made = add_campaign(asked.session, asked.keys, unit, plan, units, now=asked.now, actor=asked.actor)
    return shown(asked, made, None, f"/api/v1/campaigns/{made.known_id}")


@noun.write("PATCH", "/{campaign}", Act.CAMPAIGN_WRITE, edit=True)
def change(asked: Asked, campaign: Number, body: CampaignChange) -> Answer[CampaignShown]:
    """修改活动 Change what it says, its days, or who takes part."""
    found = _writing(asked, campaign)
    asked.match(shown(asked, found, None).etag)
    there = {one.code: one for one in units_of(asked.session, found)}
    wanted = there if body.units is None else {code: _unit(asked, code) for code in body.units}
    told = Change(
        title=body.title,
        goal=body.goal,
        starts=body.starts,
        ends=body.ends,
        enter=[one for code, one in wanted.items() if code not in there],
        leave=[one for code, one in there.items() if code not in wanted],
    )
    edition = found.edition
    made = edit_campaign(
        asked.session, asked.keys, campaign, told, edition=edition, now=asked.now, actor=asked.actor
    )
    return shown(asked, made, None)


@noun.write("POST", "/{campaign}/close", Act.CAMPAIGN_WRITE)
def close(asked: Asked, campaign: Number) -> Answer[CampaignShown]:
    """结项 Nothing counts for it from now on; its report is asked for beside it."""
    _writing(asked, campaign)
    made = close_campaign(asked.session, asked.keys, campaign, now=asked.now, actor=asked.actor)
    return shown(asked, made, None)


@noun.write("POST", "/{campaign}/reopen", Act.CAMPAIGN_WRITE)
def reopen(asked: Asked, campaign: Number) -> Answer[CampaignShown]:
    """重新打开 It was closed too early."""
    _writing(asked, campaign)
    made = reopen_campaign(asked.session, asked.keys, campaign, now=asked.now, actor=asked.actor)
    return shown(asked, made, None)


@noun.write("POST", "/{campaign}/report", Act.REPORT_READ, status=HTTPStatus.ACCEPTED)
def report(asked: Asked, campaign: Number, body: ReportAsked) -> Answer[JobShown]:
    """结项报告 The closing report, made in the background: fetch its files from the job."""
    return accepted(asked, order_report(asked.session, campaign, asked.person, body.formats))


@noun.write("POST", "/{campaign}/items", Act.CAMPAIGN_WRITE, status=HTTPStatus.CREATED)
def want(asked: Asked, campaign: Number, body: ItemMade) -> ItemShown:
    """加任务 One more thing is wanted of every unit."""
    _writing(asked, campaign)
    told = Wanted(body.title, body.due, body.wanted, body.kind)
    return item_shown(add_item(asked.session, asked.keys, campaign, told, now=asked.now, actor=asked.actor))


@noun.write("PATCH", "/{campaign}/items/{item}", Act.CAMPAIGN_WRITE, edit=True)
def change_item(asked: Asked, campaign: Number, item: Number, body: ItemEdit) -> Answer[CampaignShown]:
    """改任务 Change what is wanted; what counts for it goes on counting. If-Match is the campaign's ETag."""
    found = _writing(asked, campaign)
    asked.match(shown(asked, found, None).etag)
    told, edition = ItemChange(**body.model_dump()), found.edition
    edit_item(
        asked.session, asked.keys, campaign, item, told, edition=edition, now=asked.now, actor=asked.actor
    )
    return shown(asked, found, None)


@noun.write("DELETE", "/{campaign}/items/{item}", Act.CAMPAIGN_WRITE)
def unwant(asked: Asked, campaign: Number, item: Number) -> Answer[CampaignShown]:
    """去掉任务 It is wanted no more; refused where something counts for it."""
    found = _writing(asked, campaign)
    remove_item(asked.session, asked.keys, campaign, item, now=asked.now, actor=asked.actor)
    return shown(asked, found, None)


@noun.write("PUT", "/{campaign}/posts/{post}", Act.POST_WRITE)
def attach(asked: Asked, campaign: Number, post: Number, body: Attachment) -> Counted:
    """挂上稿件 From now on the post counts there."""
    _counting(asked, campaign, post)
    cell = Cell(campaign, body.item)
    attach_post(asked.session, asked.keys, post, cell, now=asked.now, actor=asked.actor)
    return Counted(post=post, campaign=campaign, item=body.item)


@noun.write("DELETE", "/{campaign}/posts/{post}", Act.POST_WRITE)
def detach(asked: Asked, campaign: Number, post: Number) -> Counted:
    """取下稿件 It counts no more."""
    _counting(asked, campaign, post)
    detach_post(asked.session, asked.keys, campaign, post, now=asked.now, actor=asked.actor)
    return Counted(post=post, campaign=None, item=None)


@noun.write("POST", "/{campaign}/register", Act.POST_WRITE, status=HTTPStatus.CREATED)
def done(asked: Asked, campaign: Number, body: WorkDone) -> WorkShown:
    """登记完成 A unit has done what is no post."""
    unit = find_unit(asked.session, body.unit)
    asked.at(unit.path)
    require_sight(asked.session, asked.person, campaign, Act.CAMPAIGN_READ)
    work = Work(body.note, body.day or shanghai_day(asked.now), body.link)
    cell = Cell(campaign, body.item)
    made = add_work(asked.session, asked.keys, cell, unit, work, now=asked.now, actor=asked.actor)
    return WorkShown(
        id=made.id or 0,
        unit=unit.code,
        item=made.item,
        day=made.day,
        note=made.note,
        link=made.link,
        by=made.by,
    )


@noun.write("DELETE", "/{campaign}/register/{work}", Act.POST_WRITE)
def undone(asked: Asked, campaign: Number, work: Number) -> WorkStruck:
    """取消登记 It was not done."""
    asked.at(path_of_work(asked.session, work))
    require_sight(asked.session, asked.person, campaign, Act.CAMPAIGN_READ)
    drop_work(asked.session, asked.keys, campaign, work, now=asked.now, actor=asked.actor)
    return WorkStruck(id=work)


# --- inside -----------------------------------------------------------------------------------------------


def _writing(asked: Asked, campaign: int) -> Campaign:
    asked.at(path_of_campaign(asked.session, campaign))
    return find_campaign(asked.session, campaign)


def _counting(asked: Asked, campaign: int, post: int) -> None:
    asked.at(*paths_of_post(asked.session, post))
    require_sight(asked.session, asked.person, campaign, Act.CAMPAIGN_READ)


def _unit(asked: Asked, code: str) -> Unit:
    """A unit that is to take part. One out of sight is told as one that is not there."""
    unit = find_unit(asked.session, code)
    if not sees(asked.person, unit):
        raise MeizhenError("org.unknown_unit", code=code)
    return unit
