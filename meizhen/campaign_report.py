"""The closing report of a campaign: what was wanted and done, told by the scheduler, with what its posts came
to, told by analytics. Wiring only.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from analytics.closing.content import Cell, Closing, Item, Line, Step, UnitRow
from analytics.closing.paper import paper
from analytics.closing.reach import Effect, Known, reach_of
from analytics.closing.workbook import said, workbook
from analytics.exports.weekly import write_whole
from config.clock import shanghai_day
from config.database import Database
from config.messages import told
from config.progress import Progress, tell_nobody
from organisation import Person
from scheduler import campaign_board as boards
from scheduler.campaign_board import Board, page_of_events, read_board
from scheduler.campaign_report import wanted_formats
from scheduler.campaign_story import event_told
from scheduler.story import short_name

_MOST_STEPS = 5_000


def write_report(
    database: Database,
    campaign_id: int,
    out: Path,
    *,
    now: datetime,
    formats: Sequence[str],
    within: ColumnElement[bool] | None = None,
    progress: Progress = tell_nobody,
) -> dict[str, Path]:
    """Writes the report into a folder; gives the files by their form.

    `within` is a condition on the units that it tells of (`organisation.in_sight`). Raises MeizhenError
    `campaign.unknown` or `input.not_one_of`.
    """
    wanted = wanted_formats(formats)
    progress("reading", 0, len(wanted) + 1)
    with database.read() as session:
        closing = closing_of(session, campaign_id, within, now)
    out.mkdir(parents=True, exist_ok=True)
    makers, made = {"xlsx": workbook, "pdf": paper}, dict[str, Path]()
    for done, name in enumerate(wanted, start=1):
        progress(f"making {name}", done, len(wanted) + 1)
        made[name] = write_whole(out / f"meizhen-campaign-{campaign_id}.{name}", makers[name](closing))
    return made


def closing_of(
    session: Session, campaign_id: int, within: ColumnElement[bool] | None, now: datetime
) -> Closing:
    """All that the report tells, as of this moment; in a session of `Database.read()`."""
    board = read_board(session, campaign_id, shanghai_day(now), within)
    reach = reach_of(session, board.published)
    events = page_of_events(session, campaign_id, within, limit=_MOST_STEPS)[::-1]
    campaign = board.campaign
    actors = [campaign.closed_by, *(one.by for one in board.register), *(one.actor for one in events)]
    names = _names(session, actors)
    known = {(one.post, one.account_id): told for one, told in zip(board.published, reach.posts, strict=True)}
    return Closing(
        number=campaign.known_id,
        title=campaign.title,
        goal=campaign.goal,
        unit=board.unit.name_zh,
        starts=campaign.starts,
        ends=campaign.ends,
        made_at=now,
        closed_at=campaign.closed_at,
        closed_by=names[campaign.closed_by],
        items=tuple(Item(one.number, one.title, one.kind, one.due, one.wanted) for one in board.items),
        units=_units(board),
        register=tuple(
            _line(one, names, known.get((one.post, one.account_id), {})) for one in board.register
        ),
        reach=reach,
        history=tuple(Step(one.at, names[one.actor], event_told(one, "zh")) for one in events),
    )


def _units(board: Board) -> tuple[UnitRow, ...]:
    return tuple(
        UnitRow(
            row.unit.name_zh,
            row.unit.code,
            tuple(Cell(cell.done, cell.late, cell.coming, cell.standing) for cell in row.cells),
        )
        for row in board.rows
    )


def _line(one: boards.Entry, names: Mapping[str, str], known: Mapping[Effect, Known]) -> Line:
    return Line(
        day=one.day,
        unit=said("no_unit") if one.unit is None else one.unit.name_zh,
        item=one.item,
        headline=one.headline,
        account=one.account_name,
        platform=one.platform,
        state=_state(one),
        late=one.late,
        link=one.link,
        by=names[one.by],
        known=known,
    )


def _state(one: boards.Entry) -> str:
    if one.post is None:
        return said("state_done")
    return told(f"console.state_{one.state}", {}, language="zh")


def _names(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """How each actor is called: a person by name, anybody else as the ledger names them."""
    logins = {
        actor: actor.removeprefix("person:").partition(" ")[0]
        for actor in actors
        if actor.startswith("person:")
    }
    wanted = select(Person.login, Person.name).where(col(Person.login).in_(set(logins.values())))
    people = dict(iter(session.exec(wanted)))
    return {actor: people.get(logins.get(actor, ""), short_name(actor)) for actor in actors}
