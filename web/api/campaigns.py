"""活动 Campaigns: what a unit wants of others by when, what was done, and what came of it."""

from datetime import date, datetime

from sqlalchemy import ColumnElement

from analytics.closing.reach import Effect, reach_of
from config.clock import shanghai_day
from organisation import Act, Unit, in_sight
from scheduler.campaign_board import Asked as Wish
from scheduler.campaign_board import (
    Board,
    Entry,
    Listed,
    page_of_campaigns,
    page_of_events,
    read_board,
)
from scheduler.campaign_places import require_sight
from scheduler.campaign_story import event_told
from scheduler.campaign_tables import (
    Campaign,
    CampaignItem,
    Phase,
)
from scheduler.campaigns import (
    find_campaign,
    items_of,
    units_of,
)
from web.api.call import Answer, Asked, etag_of
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Figure, Number, Told

noun = Noun("campaigns")


class CampaignRow(Told):
    """A campaign in a list; `phase` is where it is today."""

    id: int
    unit: str
    title: str
    starts: date
    ends: date
    phase: Phase
    units: int
    items: int
    posts: int


class ItemShown(Told):
    """One thing that is wanted of every unit by the end of a Beijing day."""

    number: int
    title: str
    kind: str
    due: date
    wanted: int


class CampaignShown(Told):
    """What a campaign wants of whom; `units` are those that take part and that the caller sees."""

    id: int
    unit: str
    title: str
    goal: str
    starts: date
    ends: date
    phase: Phase
    days_left: int
    units: list[str]
    items: list[ItemShown]
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    closed_by: str


class CellShown(Told):
    """What a unit has done of an item; `coming`: on its way. `standing`: done, late, begun or open."""

    item: int
    done: int
    late: int
    coming: int
    standing: str


class UnitCells(Told):
    """A unit with a cell for every item."""

    unit: str
    name: str
    cells: list[CellShown]


class Matrix(Told):
    """The units that the caller sees, with what they have done."""

    campaign: int
    done: int
    wanted: int
    rows: list[UnitCells]


class Registered(Told):
    """A line of the register: one post on one account, or work that is no post. `state` is a delivery's."""

    day: date
    unit: str | None
    item: int | None
    post: int | None
    work: int | None
    headline: str
    account: str
    state: str
    done: bool
    late: bool
    link: str
    by: str


class FigureTold(Told):
    """A figure of one post, with its source."""

    metric: str
    counts: str
    value: Figure
    as_of: date
    kind: str
    source: str


class PostFigures(Told):
    """What is known of one post on one account; what is not known is not named."""

    post: int
    account: str
    figures: dict[Effect, FigureTold]


class TotalTold(Told):
    """The known figures of a platform's posts; null where nothing is known. `metric` '': it tells none."""

    metric: str
    counts: str
    value: Figure | None
    known: int
    sources: list[str]


class PlatformFigures(Told):
    """What a platform's posts came to."""

    platform: str
    posts: int
    totals: dict[Effect, TotalTold]


class CampaignFigures(Told):
    """What came of the posts that are out: by platform, and of each."""

    campaign: int
    platforms: list[PlatformFigures]
    posts: list[PostFigures]


class Happened(Told):
    """One step, in the language asked for."""

    id: int
    at: datetime
    by: str
    happening: str
    told: str


@noun.read("", Act.CAMPAIGN_READ)
def list_campaigns(asked: Asked, paging: Pages, phase: Phase | None = None) -> Page[CampaignRow]:
    """活动列表 Campaigns of the caller's units and those they take part in; those that end last first."""
    sight = asked.sight()
    wish = Wish(shanghai_day(asked.now), () if phase is None else (phase,))
    rows, following = asked.page(
        paging,
        {"phase": phase},
        (str, int),
        lambda after, limit: page_of_campaigns(asked.session, sight, wish, _place(after), limit),
        lambda row: (row.campaign.ends.isoformat(), row.campaign.known_id),
    )
    return Page[CampaignRow](items=[_row(one) for one in rows], next=following)


@noun.read("/{campaign}", Act.CAMPAIGN_READ, etag=True)
def show(asked: Asked, campaign: Number) -> Answer[CampaignShown]:
    """一个活动 What it wants of whom."""
    return shown(asked, find_campaign(asked.session, campaign), _within(asked, campaign))


@noun.read("/{campaign}/matrix", Act.CAMPAIGN_READ)
def matrix(asked: Asked, campaign: Number) -> Matrix:
    """任务矩阵 Units and items: how many of each are done, late, on their way."""
    board = _board(asked, campaign)
    rows = [
        UnitCells(
            unit=row.unit.code,
            name=row.unit.name_zh,
            cells=[
                CellShown(
                    item=cell.item.number,
                    done=cell.done,
                    late=cell.late,
                    coming=cell.coming,
                    standing=cell.standing,
                )
                for cell in row.cells
            ],
        )
        for row in board.rows
    ]
    return Matrix(campaign=campaign, done=board.done, wanted=board.wanted, rows=rows)


@noun.read("/{campaign}/register", Act.CAMPAIGN_READ)
def register(asked: Asked, campaign: Number, paging: Pages) -> Page[Registered]:
    """台账 All that counts for it, in order of days."""
    lines = _board(asked, campaign).register
    rows, following = asked.page(
        paging,
        {"campaign": campaign},
        (str, int, int, str),
        lambda after, limit: [one for one in lines if after is None or _key(one) > tuple(after)][:limit],
        _key,
    )
    return Page[Registered](items=[_line(one) for one in rows], next=following)


@noun.read("/{campaign}/figures", Act.FIGURES_READ)
def figures(asked: Asked, campaign: Number) -> CampaignFigures:
    """传播数据 What came of its posts: unknown is null, never 0; each figure with its source."""
    board = _board(asked, campaign)
    reach = reach_of(asked.session, board.published)
    return CampaignFigures(
        campaign=campaign,
        platforms=[
            PlatformFigures(
                platform=one.platform,
                posts=one.posts,
                totals={
                    effect: TotalTold(
                        metric=total.metric,
                        counts=total.counts,
                        value=total.value,
                        known=total.known,
                        sources=list(total.sources),
                    )
                    for effect, total in one.totals.items()
                },
            )
            for one in reach.platforms
        ],
        posts=[
            PostFigures(
                post=one.post or 0,
                account=one.account,
                figures={effect: FigureTold.model_validate(told) for effect, told in known.items()},
            )
            for one, known in zip(board.published, reach.posts, strict=True)
        ],
    )


@noun.read("/{campaign}/events", Act.CAMPAIGN_READ)
def events(asked: Asked, campaign: Number, paging: Pages) -> Page[Happened]:
    """经过 What happened, the newest first."""
    within = _within(asked, campaign)
    rows, following = asked.page(
        paging,
        {"campaign": campaign},
        (int,),
        lambda after, limit: page_of_events(asked.session, campaign, within, after, limit),
        lambda row: (row.id or 0,),
    )
    items = [
        Happened(id=one.id or 0, at=one.at, by=one.actor, happening=one.happening, told=event_told(one))
        for one in rows
    ]
    return Page[Happened](items=items, next=following)


# --- inside -----------------------------------------------------------------------------------------------


def _within(asked: Asked, campaign: int) -> ColumnElement[bool]:
    """The units whose part of it the caller sees. Raises as `require_sight`."""
    if asked.act is None:
        raise RuntimeError("expected an act to ask for")
    asked.checked = True
    require_sight(asked.session, asked.person, campaign, asked.act)
    return in_sight(asked.person, asked.act)


def _board(asked: Asked, campaign: int) -> Board:
    return read_board(asked.session, campaign, shanghai_day(asked.now), _within(asked, campaign))


def _place(after: object) -> list[object] | None:
    """The day and id that a cursor goes on after."""
    if not isinstance(after, list):
        return None
    day, number = after
    return [date.fromisoformat(str(day)), number]


def _key(one: Entry) -> tuple[str, int, int, str]:
    return (one.day.isoformat(), one.post or 0, one.work or 0, one.account)


def _row(one: Listed) -> CampaignRow:
    campaign = one.campaign
    return CampaignRow(
        id=campaign.known_id,
        unit=one.unit.code,
        title=campaign.title,
        starts=campaign.starts,
        ends=campaign.ends,
        phase=one.phase,
        units=one.units,
        items=one.items,
        posts=one.posts,
    )


def item_shown(one: CampaignItem) -> ItemShown:
    return ItemShown.model_validate(one)


def _line(one: Entry) -> Registered:
    return Registered(
        day=one.day,
        unit=None if one.unit is None else one.unit.code,
        item=one.item,
        post=one.post,
        work=one.work,
        headline=one.headline,
        account=one.account,
        state=one.state,
        done=one.done,
        late=one.late,
        link=one.link,
        by=one.by,
    )


def shown(
    asked: Asked, campaign: Campaign, within: ColumnElement[bool] | None, location: str = ""
) -> Answer[CampaignShown]:
    """The campaign; `within` None where its caller acts on all of it."""
    today = shanghai_day(asked.now)
    units = units_of(asked.session, campaign, within)
    shown = CampaignShown(
        id=campaign.known_id,
        unit=asked.session.get_one(Unit, campaign.unit_id).code,
        title=campaign.title,
        goal=campaign.goal,
        starts=campaign.starts,
        ends=campaign.ends,
        phase=campaign.phase(today),
        days_left=campaign.days_left(today),
        units=[one.code for one in units],
        items=[item_shown(one) for one in items_of(asked.session, campaign.known_id)],
        created_at=campaign.created_at,
        created_by=campaign.created_by,
        closed_at=campaign.closed_at,
        closed_by=campaign.closed_by,
    )
    return Answer(shown, etag=etag_of(shown), location=location)
