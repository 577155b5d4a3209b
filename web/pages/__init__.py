"""The pages: one file each, a router made by `…_router(desk)`; all of them stand behind the gate."""

from fastapi import APIRouter, Depends

from web.bodies import MOST_PLAIN
from web.desk import Desk
from web.gate import gate
from web.pages.accounts import accounts_router
from web.pages.award_runs import award_runs_router
from web.pages.awards import awards_router
from web.pages.calendar import calendar_router
from web.pages.campaigns import campaigns_router
from web.pages.deliveries import deliveries_router
from web.pages.entrance import entrance_router
from web.pages.figures import figures_router
from web.pages.frame import frame_router
from web.pages.imports import imports_router
from web.pages.jobs import jobs_router
from web.pages.juries import juries_router
from web.pages.ledger import ledger_router
from web.pages.merging import merging_router
from web.pages.notices import notices_router
from web.pages.oidc import oidc_router
from web.pages.organisation import organisation_router
from web.pages.own import own_router
from web.pages.people import people_router
from web.pages.posts import posts_router
from web.pages.review import review_router
from web.pages.settings import settings_router
from web.pages.stopping import stopping_router
from web.pages.tasks import tasks_router
from web.pages.today import today_router
from web.pages.webhooks import webhooks_router
from web.pages.writing import writing_router

__all__ = ["pages_router"]


def pages_router(desk: Desk) -> APIRouter:
    """Every page of the console. A new page's router is added to the list."""
    # FastAPI reads a declared form before any dependency is asked: this limit stands before the gate. What
    # takes files has a larger one, declares no form, and reads nothing until the gate has let it in.
    router = APIRouter(dependencies=[Depends(gate)], include_in_schema=False, max_body_size=MOST_PLAIN)
    for made in (
        entrance_router,
        oidc_router,
        own_router,
        frame_router,
        stopping_router,
        today_router,
        deliveries_router,
        merging_router,
        tasks_router,
        writing_router,  # before the posts: /posts/new is no number
        posts_router,
        review_router,
        campaigns_router,
        figures_router,
        imports_router,
        awards_router,
        notices_router,
        award_runs_router,
        juries_router,
        calendar_router,
        accounts_router,
        organisation_router,
        people_router,
        jobs_router,
        ledger_router,
        settings_router,
        webhooks_router,
    ):
        router.include_router(made(desk))
    return router
