"""今日: what waits for me, the next 36 hours, what went wrong, who is silent."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from config.clock import SHANGHAI
from config.database import rows_of
from organisation import Account, Act, Person, Unit
from organisation.jobs import page_of_jobs
from scheduler.agenda import AHEAD, count_agenda
from scheduler.assisted_views import list_tasks, unfinished_tasks
from scheduler.posts import Listed, list_deliveries
from scheduler.review_views import waiting_for
from web.access import SIGNED_IN, ruled
from web.desk import Desk
from web.jobs_shown import job_facts
from web.kept_pages import kept
from web.rendering import page
from web.silence import silent_accounts
from web.viewer import Viewer, Viewing

_MOST = 200
_MOST_JOBS = 5


def today_router(desk: Desk) -> APIRouter:
    """`/`."""
    router = APIRouter()

    @router.get("/")
    @ruled(SIGNED_IN)
    @kept
    def today(request: Request, viewer: Viewing) -> Response:
        within = viewer.within(Act.POST_READ)
        since = viewer.now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
        with desk.database.read() as session:
            counts = count_agenda(session, within, viewer.now)
            asking = list_deliveries(session, asking=True, within=within, limit=_MOST)
            asked = {one.delivery for one in asking}
            planned = list_deliveries(
                session, since=since, until=viewer.now + AHEAD, within=within, limit=_MOST
            )
            mine = waiting_for(session, viewer.standing, viewer.now) if viewer.unit is None else []
            running = page_of_jobs(session, viewer.standing, live=True, own=True, limit=_MOST_JOBS)
            silent = silent_accounts(session, viewer)
            names = _names(session, [*asking, *planned])
            tasks = unfinished_tasks(session, asked)
            by_hand = len(list_tasks(session, person_id=viewer.standing.person_id, limit=_MOST))
            steps = _first_steps(session, viewer)
        facts = {
            "counts": counts,
            "asking": asking,
            "planned": [one for one in planned if one.delivery not in asked],
            "mine": mine,
            "silent": silent,
            "jobs_now": [job_facts(job, viewer.now) for job in running],
            "names": names,
            "tasks": tasks,
            "by_hand": by_hand,
            "steps": steps,
            "settles": viewer.may_somewhere(Act.POST_SEND),
        }
        return page(request, viewer, "today.html", facts)

    return router


def _first_steps(session: Session, viewer: Viewer) -> list[tuple[str, str, bool]]:
    """What comes first in a new house (its name, where, is it done?); nothing once there are accounts."""
    if not viewer.may(Act.ACCOUNT_WRITE) or _is_any(session, Account):
        return []
    others = len(session.execute(select(col(Person.id)).limit(2)).all()) > 1
    return [
        ("units", "/organisation", _is_any(session, Unit)),
        ("people", "/people/new", others),
        ("accounts", "/accounts/new", False),
        ("posts", "/posts/new", False),
    ]


def _is_any(session: Session, table: type[Account | Unit]) -> bool:
    return session.execute(select(col(table.id)).limit(1)).first() is not None


def _names(session: Session, listed: Sequence[Listed]) -> dict[str, str]:
    """The names of the accounts that are listed, by `platform:handle`."""
    handles = {one.account.partition(":")[2] for one in listed}
    rows = rows_of(session, _NAMES, {"handles": list(handles)})
    return {f"{platform}:{handle}": name for platform, handle, name in rows}


_NAMES = select(col(Account.platform), col(Account.handle), col(Account.name)).where(
    col(Account.handle).in_(bindparam("handles", expanding=True))
)
