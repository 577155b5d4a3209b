"""A campaign as people look at it: the matrix of units and items, the register 台账 of all that was done, and
what happened in order.

Everything is for the units that whoever looks may see: of the others there is neither row nor line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, true
from sqlalchemy import select as columns
from sqlmodel import Session, col

from config.clock import shanghai_day
from config.keyset import keyset
from organisation import Account, Unit
from organisation.units import nearest
from scheduler.campaign_counting import seen_within
from scheduler.campaign_tables import (
    Campaign,
    CampaignEvent,
    CampaignItem,
    CampaignPost,
    CampaignUnit,
    CampaignWork,
    Phase,
)
from scheduler.campaigns import find_campaign, items_of, units_of
from scheduler.deliveries import Delivery, State
from scheduler.posts import Post, Variant
from scheduler.review_tables import Planned

_HEADLINE = 60
_PLANNED = "draft"
_GONE = (State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Entry:
    """A line of the register: one post on one account, or one piece of work that is no post.

    `unit` is the unit it counts for (None: none that takes part). `at` is when it was published or done,
    else when it is due. Of a post, `state` is its delivery's (`draft` where it is only planned); of other
    work it is ''. `account_id` and `remote_id` name its article.
    """

    item: int | None
    unit: Unit | None
    at: datetime | None
    day: date
    done: bool
    late: bool
    headline: str
    link: str
    by: str
    post: int | None = None
    work: int | None = None
    account: str = ""
    account_name: str = ""
    account_id: int | None = None
    platform: str = ""
    remote_id: str = ""
    state: str = ""
    noted_at: datetime | None = None


@dataclass
class Cell:
    """What a unit has done of an item: how many, of which so many late, and how many are on their way."""

    item: CampaignItem
    unit: Unit
    today: date
    done: int = 0
    late: int = 0
    coming: int = 0

    @property
    def missing(self) -> int:
        """How many are still wanted."""
        return max(0, self.item.wanted - self.done)

    @property
    def standing(self) -> str:
        """done, late (too few, and its day is past), begun or open."""
        if not self.missing:
            return "done"
        if self.today > self.item.due:
            return "late"
        return "begun" if self.done or self.coming else "open"


@dataclass(frozen=True)
class Row:
    """A unit with a cell for every item."""

    unit: Unit
    cells: tuple[Cell, ...]

    @property
    def done(self) -> int:
        """How many of its items are done."""
        return sum(cell.standing == "done" for cell in self.cells)


@dataclass(frozen=True)
class Board:
    """A campaign on a Beijing day. `register` is all that counts for it, in order of days."""

    campaign: Campaign
    unit: Unit
    today: date
    items: tuple[CampaignItem, ...]
    rows: tuple[Row, ...]
    register: tuple[Entry, ...]

    @property
    def phase(self) -> Phase:
        return self.campaign.phase(self.today)

    @property
    def days_left(self) -> int:
        return self.campaign.days_left(self.today)

    @property
    def cells(self) -> Iterator[Cell]:
        return (cell for row in self.rows for cell in row.cells)

    @property
    def wanted(self) -> int:
        """How many cells there are."""
        return len(self.rows) * len(self.items)

    @property
    def done(self) -> int:
        """How many of them are done."""
        return sum(row.done for row in self.rows)

    @property
    def behind(self) -> int:
        """How many of them are past their day without being done."""
        return sum(cell.standing == "late" for cell in self.cells)

    @property
    def published(self) -> list[Entry]:
        """The posts that are out, each once an account."""
        return [one for one in self.register if one.post is not None and one.done]

    def of_cell(self, unit: Unit, item: int) -> list[Entry]:
        """What the register has for one cell."""
        return [
            one
            for one in self.register
            if one.item == item and one.unit is not None and one.unit.path == unit.path
        ]


def read_board(
    session: Session, campaign_id: int, today: date, within: ColumnElement[bool] | None = None
) -> Board:
    """The campaign with all that counts for it: five statements, however much that is.

    `within` is a condition on units (`organisation.in_sight`). Raises MeizhenError `campaign.unknown`.
    """
    campaign = find_campaign(session, campaign_id)
    sight = true() if within is None else within
    units = units_of(session, campaign, within)
    items = {one.number: one for one in items_of(session, campaign_id)}
    register = [
        *_posts(session, campaign_id, items, {one.path: one for one in units}, sight),
        *_work(session, campaign_id, items, {one.id: one for one in units}),
    ]
    register.sort(key=lambda one: (one.day, one.post or 0, one.work or 0, one.account))
    unit = session.get_one(Unit, campaign.unit_id)
    rows = _rows(items.values(), units, register, today)
    return Board(campaign, unit, today, tuple(items.values()), rows, tuple(register))


def _rows(items: Any, units: Sequence[Unit], register: Sequence[Entry], today: date) -> tuple[Row, ...]:
    """Each post counts once a unit and item, however many accounts it went to there: by its first day out."""
    rows = tuple(Row(unit, tuple(Cell(item, unit, today) for item in items)) for unit in units)
    cells = {(row.unit.path, cell.item.number): cell for row in rows for cell in row.cells}
    first: dict[tuple[str, int, int], Entry] = {}
    coming: dict[tuple[str, int, int], Entry] = {}
    for one in register:
        if one.unit is None or one.item is None:
            continue
        cell = cells[one.unit.path, one.item]
        if one.post is None:
            cell.done += 1
            cell.late += one.late
        elif one.done:
            first.setdefault((one.unit.path, one.item, one.post), one)
        elif one.state not in _GONE:
            coming[one.unit.path, one.item, one.post] = one
    for (path, item, _), one in first.items():
        cells[path, item].done += 1
        cells[path, item].late += one.late
    for path, item, _ in coming.keys() - first.keys():
        cells[path, item].coming += 1
    return rows


_SAID = (
    col(CampaignPost.post_id),
    col(CampaignPost.item),
    col(CampaignPost.by),
    col(CampaignPost.at),
    func.coalesce(col(Variant.title), col(Post.title)),
    func.substr(func.coalesce(col(Variant.text), col(Post.text)), 1, _HEADLINE),
    col(Account.id),
    col(Account.platform),
    col(Account.handle),
    col(Account.name),
    col(Unit.path),
)


def _going(way: type[Delivery] | type[Planned], *more: Any) -> Select[*tuple[Any, ...]]:
    """A campaign's posts by one of the two ways to accounts."""
    return (
        columns(*_SAID, col(way.due), *more)
        .join(Post, col(Post.id) == col(CampaignPost.post_id))
        .join(way, col(way.post_id) == col(CampaignPost.post_id))
        .join(Account, col(Account.id) == col(way.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .outerjoin(
            Variant,
            and_(col(Variant.post_id) == col(way.post_id), col(Variant.account_id) == col(way.account_id)),
        )
        .order_by(col(CampaignPost.post_id), col(way.account_id))
    )


_QUEUED = (col(Delivery.state), col(Delivery.published_at), col(Delivery.url), col(Delivery.remote_id))


def _posts(
    session: Session,
    campaign_id: int,
    items: dict[int, CampaignItem],
    taking: dict[str, Unit],
    within: ColumnElement[bool],
) -> Iterator[Entry]:
    ours = and_(col(CampaignPost.campaign_id) == campaign_id, within)
    queued = session.execute(_going(Delivery, *_QUEUED).where(ours)).all()
    there = {(row[0], row[6]) for row in queued}
    planned = [
        (*row, _PLANNED, None, "", "")
        for row in session.execute(_going(Planned).where(ours))
        if (row[0], row[6]) not in there
    ]
    for row in [*map(tuple, queued), *planned]:
        post, number, by, noted, title, said, account, platform, handle, name, path, due, *stands = row
        state, published, url, remote_id = stands
        at = published or due
        item, day = items.get(number), shanghai_day(at)
        yield Entry(
            item=number,
            unit=nearest(path, taking),
            at=at,
            day=day,
            done=state == State.PUBLISHED,
            late=state == State.PUBLISHED and item is not None and day > item.due,
            headline=" ".join((title or said).split()),
            link=url,
            by=by,
            post=post,
            account=f"{platform}:{handle}",
            account_name=name,
            account_id=account,
            platform=platform,
            remote_id=remote_id,
            state=state,
            noted_at=noted,
        )


def _work(
    session: Session, campaign_id: int, items: dict[int, CampaignItem], taking: dict[int | None, Unit]
) -> Iterator[Entry]:
    wanted = columns(CampaignWork).where(col(CampaignWork.campaign_id) == campaign_id)
    for one in session.scalars(wanted.order_by(col(CampaignWork.id))):
        if one.unit_id in taking:
            yield Entry(
                item=one.item,
                unit=taking[one.unit_id],
                at=None,
                day=one.day,
                done=True,
                late=one.day > items[one.item].due,
                headline=one.note,
                link=one.link,
                by=one.by,
                work=one.id,
                noted_at=one.at,
            )


# --- lists ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A campaign in a list, with how many units take part, how many items and posts it has."""

    campaign: Campaign
    unit: Unit
    phase: Phase
    units: int
    items: int
    posts: int


@dataclass(frozen=True)
class Asked:
    """Which campaigns are asked for: those of some phases on a day; all without any named."""

    today: date
    phases: Sequence[Phase] = field(default_factory=tuple)


def page_of_campaigns(
    session: Session,
    within: ColumnElement[bool] | None,
    asked: Asked,
    after: Sequence[object] | None = None,
    limit: int = 50,
) -> list[Listed]:
    """Campaigns that a unit `within` has or takes part in, those that end last first; beyond end and id."""
    wanted = columns(Campaign, Unit).join(Unit, col(Unit.id) == col(Campaign.unit_id))
    if within is not None:
        wanted = wanted.where(seen_within(within))
    if asked.phases:
        wanted = wanted.where(or_(*(_in_phase(one, asked.today) for one in asked.phases)))
    found = session.execute(
        keyset(wanted, [col(Campaign.ends), col(Campaign.id)], after, limit, newest_first=True)
    ).all()
    ids = [campaign.known_id for campaign, _ in found]
    units, items, posts = (
        _counted(session, table, ids) for table in (CampaignUnit, CampaignItem, CampaignPost)
    )
    return [
        Listed(
            campaign,
            unit,
            campaign.phase(asked.today),
            units.get(campaign.known_id, 0),
            items.get(campaign.known_id, 0),
            posts.get(campaign.known_id, 0),
        )
        for campaign, unit in found
    ]


def _counted(
    session: Session, table: type[CampaignUnit] | type[CampaignItem] | type[CampaignPost], ids: Sequence[int]
) -> dict[int, int]:
    rows = session.execute(
        columns(col(table.campaign_id), func.count())
        .where(col(table.campaign_id).in_(ids))
        .group_by(col(table.campaign_id))
    )
    return {campaign_id: count for campaign_id, count in rows}  # noqa: C416 - rows are no pairs to mypy


def _in_phase(phase: Phase, today: date) -> ColumnElement[bool]:
    if phase is Phase.CLOSED:
        return col(Campaign.closed_at).is_not(None)
    days = {
        Phase.COMING: col(Campaign.starts) > today,
        Phase.RUNNING: and_(col(Campaign.starts) <= today, col(Campaign.ends) >= today),
        Phase.OVER: col(Campaign.ends) < today,
    }
    return and_(col(Campaign.closed_at).is_(None), days[phase])


def page_of_events(
    session: Session,
    campaign_id: int,
    within: ColumnElement[bool] | None = None,
    after: Sequence[object] | None = None,
    limit: int = 50,
) -> list[CampaignEvent]:
    """What happened, the newest first, beyond the event with the id `after`: of the units that are seen, and
    what concerns all.
    """
    wanted = columns(CampaignEvent).where(col(CampaignEvent.campaign_id) == campaign_id)
    if within is not None:
        seen = columns(col(Unit.id)).where(within)
        wanted = wanted.where(or_(col(CampaignEvent.unit_id).is_(None), col(CampaignEvent.unit_id).in_(seen)))
    return list(session.scalars(keyset(wanted, [col(CampaignEvent.id)], after, limit, newest_first=True)))
