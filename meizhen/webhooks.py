"""Webhooks of a house: rounds of sending while the service runs, and single ones by command. Wiring only."""

import structlog
from apscheduler.schedulers.base import BaseScheduler
from sqlalchemy.exc import OperationalError

from meizhen.house import House
from organisation.access import http_for
from organisation.webhook_sending import Post, run_round
from scheduler.periodic import register_rounds

_TICK_SECONDS = 5
_log = structlog.get_logger("meizhen.webhooks")


def post_of(house: House, node: str) -> Post:
    """What a node of this house sends to webhooks with."""
    http = http_for("webhook-endpoint", house.settings)
    return Post(house.database, house.keys, house.clock, http, node)


def register_webhooks(ticker: BaseScheduler, house: House, node: str) -> None:
    """Has messages go out while the ticker runs; of several nodes, one serves an endpoint at a time."""
    post = post_of(house, node)
    register_rounds(ticker, "webhooks", lambda: tick(post), seconds=_TICK_SECONDS, clock=house.clock)


def tick(post: Post) -> None:
    """One round. Never raises."""
    try:
        run_round(post)
    except OperationalError as error:
        _log.error("database_unreachable", job="webhooks", reason=type(error.orig).__name__)
    except Exception as error:
        # Of what an exception says, nobody knows whether it holds a secret: the class is enough.
        _log.error("webhooks_failed", error=type(error).__name__)
