"""What the pages of a campaign show, and what their forms tell."""

from collections.abc import Iterable, Sequence
from datetime import date
from urllib.parse import quote

from sqlalchemy import and_
from sqlmodel import Session

from analytics.closing.reach import Effect, metric_title, reach_of
from config.clock import shanghai_day
from config.errors import MeizhenError
from config.messages import present_language
from organisation import Act, Unit, find_unit, in_sight, in_subtree
from organisation.jobs import newest_job
from scheduler.campaign_board import Board, Entry, page_of_events, read_board
from scheduler.campaign_places import require_sight
from scheduler.campaign_report import REPORT
from scheduler.campaign_story import event_told
from scheduler.campaign_tables import Campaign
from scheduler.campaigns import units_of
from scheduler.post_pages import page_of_posts
from scheduler.posts_read import paths_of_posts
from web.jobs_shown import job_facts
from web.pages._post_story import people_named
from web.post_places import may_everywhere
from web.unit_choices import UnitChoice, units_to_choose
from web.viewer import Viewer

_REGISTERED, _STEPS, _OFFERED = 20, 15, 40


def board_seen(session: Session, viewer: Viewer, campaign_id: int) -> Board:
    """The campaign as far as the viewer sees it. Raises as `require_sight`."""
    require_sight(session, viewer.standing, campaign_id, Act.CAMPAIGN_READ)
    return read_board(
        session, campaign_id, shanghai_day(viewer.now), in_sight(viewer.standing, Act.CAMPAIGN_READ)
    )


def page_facts(session: Session, viewer: Viewer, board: Board) -> dict[str, object]:
    """What `campaign.html` shows, but what came of its posts."""
    campaign, open_ = board.campaign, board.campaign.closed_at is None
    within = in_sight(viewer.standing, Act.CAMPAIGN_READ)
    events = page_of_events(session, campaign.known_id, within, limit=_STEPS)
    register = board.register[::-1][:_REGISTERED]
    posts = open_ and viewer.may_somewhere(Act.POST_WRITE)
    actors = [*(one.by for one in register), *(one.actor for one in events), campaign.closed_by]
    return {
        "board": board,
        "campaign": campaign,
        "register": register,
        "steps": [(one, event_told(one)) for one in events],
        "people": people_named(session, actors),
        "writes": viewer.may(Act.CAMPAIGN_WRITE, board.unit.path),
        "open": open_,
        "posts": page_of_posts(session, viewer.within(Act.POST_WRITE), None, _OFFERED) if posts else [],
        "attaches": posts,
        "reports": viewer.may_somewhere(Act.REPORT_READ),
        "figures_seen": viewer.may_somewhere(Act.FIGURES_READ),
        **report_facts(session, viewer, campaign),
    }


def report_facts(session: Session, viewer: Viewer, campaign: Campaign) -> dict[str, object]:
    """The newest report of all of the campaign, for who may read it all."""
    unit = session.get_one(Unit, campaign.unit_id)
    whole = viewer.may(Act.REPORT_READ, unit.path)
    job = newest_job(session, campaign.name, REPORT) if whole else None
    facts = job_facts(job, viewer.now, at=f"/campaigns/{campaign.known_id}/report", cancels=True)
    return {"job_kept": None, **facts}


def reach_facts(session: Session, board: Board) -> dict[str, object]:
    """What came of its posts: by platform."""
    return {
        "reach": reach_of(session, board.published),
        "effects": tuple(Effect),
        "metric_title": lambda platform, metric: metric_title(platform, metric, present_language()),
    }


def cell_facts(session: Session, viewer: Viewer, board: Board, item: int, code: str) -> dict[str, object]:
    """What `campaign_cell.html` shows. Raises MeizhenError `organisation.out_of_sight`."""
    found = next(
        (one for row in board.rows for one in row.cells if _is(one.unit, code) and one.item.number == item),
        None,
    )
    if found is None:
        raise MeizhenError("organisation.out_of_sight")
    lines = board.of_cell(found.unit, item)
    open_ = board.campaign.closed_at is None
    posts = open_ and viewer.may_somewhere(Act.POST_WRITE)
    return {
        "board": board,
        "campaign": board.campaign,
        "cell": found,
        "posts": [one for one in lines if one.post is not None],
        "work": [one for one in lines if one.post is None],
        "loose": _loose(session, viewer, lines) if open_ else set(),
        "marks": open_ and viewer.may(Act.POST_WRITE, found.unit.path),
        "attaches": posts,
        "offered": page_of_posts(session, viewer.within(Act.POST_WRITE), None, _OFFERED) if posts else [],
        "people": people_named(session, [one.by for one in lines]),
        "today": board.today,
    }


def _is(unit: Unit, code: str) -> bool:
    return unit.code == code


def _loose(session: Session, viewer: Viewer, lines: Sequence[Entry]) -> set[int]:
    """The posts that the viewer may take out."""
    paths = paths_of_posts(session, {one.post for one in lines if one.post is not None})
    return {post for post, places in paths.items() if may_everywhere(viewer, Act.POST_WRITE, places)}


# --- forms ------------------------------------------------------------------------------------------------


def unit_facts(
    session: Session, viewer: Viewer, campaign: Campaign | None = None, told: Iterable[str] = ()
) -> dict[str, object]:
    """Whom a campaign's form offers for taking part, who is chosen, and whose campaign it may be."""
    chosen, within = codes_told(told), viewer.within(Act.UNIT_READ)
    if campaign is not None:
        within = and_(
            in_sight(viewer.standing, Act.UNIT_READ), in_subtree(session.get_one(Unit, campaign.unit_id))
        )
    taking = units_to_choose(session, within)
    if taking and campaign is not None:  # who takes part stays on the list, seen or not
        there = {one.code for one in taking}
        entered = units_of(session, campaign)
        taking += [UnitChoice(one.code, one.name_zh) for one in entered if one.code not in there]
    writes = in_sight(viewer.standing, Act.CAMPAIGN_WRITE)
    units = [] if campaign else units_to_choose(session, writes)
    return {"taking": taking, "chosen": chosen, "units": units}


def codes_told(told: Iterable[str]) -> list[str]:
    """Codes as a form tells them: boxes that were ticked, or lines."""
    lines = (line.strip() for text in told for line in text.splitlines())
    return list(dict.fromkeys(filter(None, lines)))


def units_told(session: Session, viewer: Viewer, told: Iterable[str]) -> list[Unit]:
    """The units whose codes a form tells.

    Raises MeizhenError `org.unknown_unit`, also for one that the viewer does not see.
    """
    found = []
    for code in codes_told(told):
        unit = find_unit(session, code)
        if not viewer.may(Act.UNIT_READ, unit.path):
            raise MeizhenError("org.unknown_unit", code=code)
        found.append(unit)
    return found


def day_told(told: str) -> date:
    """A day of a form. Raises MeizhenError `input.not_a_date`."""
    try:
        return date.fromisoformat(told.strip())
    except ValueError:
        raise MeizhenError("input.not_a_date", received=told[:40]) from None


def number_told(told: str) -> int:
    """A post's number as people write it, `#12` too. Raises MeizhenError `post.not_found`."""
    number = told.strip().removeprefix("#").partition(" ")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise MeizhenError("post.not_found", id=told[:40])
    return int(number)


def back_to(campaign_id: int, item: int, unit: str) -> str:
    """The page that a form stood on: a cell's, else the campaign's."""
    if unit and item:
        return f"/campaigns/{campaign_id}/cells/{item}/{quote(unit, safe='')}"
    return f"/campaigns/{campaign_id}"


def place_of(campaign: Campaign) -> str:
    """Where a list of campaigns goes on after this one."""
    return f"{campaign.ends.isoformat()},{campaign.known_id}"


def place_told(told: str) -> list[object] | None:
    """The same as it came back. Raises MeizhenError `web.misread`."""
    if not told:
        return None
    day, _, number = told.partition(",")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise MeizhenError("web.misread")
    return [day_told(day), int(number)]
