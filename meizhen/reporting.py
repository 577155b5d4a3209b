"""Weekly reports of a house on their schedules: fire times, rounds of sending, notices. Wiring only."""

import threading
from collections.abc import Callable
from datetime import timedelta

import structlog
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import OperationalError

from analytics.reports import Office, plan_fire, run_round, running_schedules
from analytics.reports.cron import parse_cron
from analytics.reports.ordering import order_reports
from connectors import Http
from meizhen.house import House
from organisation import find_unit
from organisation.access import http_for
from scheduler.notices import ReportNotices
from scheduler.periodic import last_fire, run_due

_TICK_SECONDS = 15
_PLANNING = timedelta(minutes=5)
_log = structlog.get_logger("meizhen.reporting")


def office_of(house: House, node: str) -> Office:
    """What a node of this house sends reports with."""
    return Office(
        database=house.database,
        keys=house.keys,
        clock=house.clock,
        settings=house.settings,
        node=node,
        teller=ReportNotices(),
        http=robot_http(house),
    )


def robot_http(house: House) -> Callable[[str], Http]:
    """The way out to a kind of robot's platform."""
    return lambda kind: http_for(f"robot-{kind}", house.settings)


def register_reports(ticker: BaseScheduler, house: House, node: str) -> None:
    """Has the reports of every schedule go out while the ticker runs."""
    office = office_of(house, node)
    running = threading.Lock()

    def tick_once() -> None:
        # A hundred mails take minutes: a tick meanwhile has nothing to do, and nobody to tell.
        if running.acquire(blocking=False):
            try:
                tick(office)
            finally:
                running.release()

    ticker.add_job(
        tick_once,
        IntervalTrigger(seconds=_TICK_SECONDS),
        id="reports",
        max_instances=2,  # the second only finds the first at work
        next_run_time=house.clock.now(),
        misfire_grace_time=None,
    )


def tick(office: Office) -> None:
    """Plans what came due, on one node a fire time, then sends what is due. Never raises."""
    try:
        _plan(office)
        run_round(office)
    except OperationalError as error:
        _log.error("database_unreachable", job="reports", reason=type(error.orig).__name__)
    except Exception as error:
        # Of what an exception says, nobody knows whether it holds a secret: the class is enough.
        _log.error("reports_failed", error=type(error).__name__)


def _plan(office: Office) -> None:
    with office.database.read() as session:
        running = [(schedule.known_id, schedule.cron) for schedule, _ in running_schedules(session)]
    for schedule_id, cron in running:
        trigger = parse_cron(cron)

        def plan_newest(schedule_id: int = schedule_id, cron: str = cron) -> None:
            fire_at = last_fire(parse_cron(cron), office.clock.now(), office.lateness)
            if fire_at is not None:
                plan_fire(office, schedule_id, fire_at)

        run_due(
            f"report-{schedule_id}",
            trigger,
            plan_newest,
            database=office.database,
            clock=office.clock,
            node=office.node,
            at_most=_PLANNING,
            grace=office.lateness,
        )


def deliver_now(house: House, unit: str, week: str | None) -> list[int]:
    """Sends a week's report (last week's without one) to everyone in a unit's schedules; gives the ids.

    Raises MeizhenError: unknown unit, not a week, no schedule of the unit.
    """
    with house.database.write() as session:
        ids = order_reports(
            session, house.keys, find_unit(session, unit), week, now=house.clock.now(), actor=house.actor
        )
    run_round(office_of(house, "cli"), ids)
    return ids
