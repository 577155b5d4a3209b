"""今日: what waits for me, the next 36 hours, what went wrong, who is silent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response
from sqlmodel import Session, col, select

from analytics.articles import last_articles
from config.clock import SHANGHAI
from organisation import Account, AccountState, Act, accounts_of
from organisation.silence import Silence, silence_of
from scheduler.agenda import AHEAD, count_agenda, last_published
from scheduler.posts import Listed, list_deliveries
from scheduler.review_views import waiting_for
from web.access import SIGNED_IN, ruled
from web.desk import Desk
from web.rendering import page
from web.viewer import Viewer, Viewing

_MOST = 200


@dataclass(frozen=True)
class Silent:
    """An account that has been silent for long; `days` is None where it was never seen to publish."""

    account: Account
    light: Silence
    days: int | None


def today_router(desk: Desk) -> APIRouter:
    """`/`."""
    router = APIRouter()

    @router.get("/")
    @ruled(SIGNED_IN)
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
            silent = silent_accounts(session, viewer)
            names = _names(session, [*asking, *planned])
        facts = {
            "counts": counts,
            "asking": asking,
            "planned": [one for one in planned if one.delivery not in asked],
            "mine": mine,
            "silent": silent,
            "names": names,
            "settles": viewer.may_somewhere(Act.POST_SEND),
        }
        return page(request, viewer, "today.html", facts)

    return router


def silent_accounts(session: Session, viewer: Viewer) -> list[Silent]:
    """The active accounts in reach whose light is not green, the longest silence first."""
    accounts = accounts_of(session, state=AccountState.ACTIVE, within=viewer.within(Act.ACCOUNT_READ))
    ids = [account.known_id for account in accounts]
    here, anywhere = last_published(session, ids), last_articles(session, ids)
    found: list[tuple[datetime | None, Silent]] = []
    for account in accounts:
        known = [at[account.known_id] for at in (here, anywhere) if account.known_id in at]
        last = max(known, default=None)
        light = silence_of(last, viewer.now)
        if light is not Silence.GREEN:
            days = None if last is None else (viewer.now - last) // timedelta(days=1)
            found.append((last, Silent(account, light, days)))
    found.sort(key=lambda pair: (pair[0] is None, pair[0] or viewer.now))
    return [silent for _, silent in found]


def _names(session: Session, listed: Sequence[Listed]) -> dict[str, str]:
    """The names of the accounts that are listed, by `platform:handle`."""
    handles = {one.account.partition(":")[2] for one in listed}
    accounts = session.exec(select(Account).where(col(Account.handle).in_(handles)))
    return {account.stable_id: account.name for account in accounts}
