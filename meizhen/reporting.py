"""Weekly reports and daily digests on their schedules: fire times, rounds, notices. Wiring only."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.base import BaseScheduler
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from analytics.articles import last_articles
from analytics.reports import Office, plan_fire, run_round, running_schedules
from analytics.reports.content import Report
from analytics.reports.cron import parse_cron
from analytics.reports.ordering import order_reports
from config.messages import speaking
from connectors import Http
from meizhen.house import House
from organisation import Unit, find_unit
from organisation.access import http_for
from organisation.units import in_subtree
from scheduler.digest import read_digest
from scheduler.digest_text import lines_of, title_of
from scheduler.notices import ReportNotices
from scheduler.periodic import last_fire, register_rounds, run_due

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
        digest=lambda session, unit, now: make_digest(session, unit, now, house.settings.site),
    )


def make_digest(session: Session, unit: Unit, now: datetime, site: str) -> Report:
    """What a unit and all below it are told every day, in Chinese as every report."""
    digest = read_digest(session, in_subtree(unit), now, last_articles)
    with speaking("zh"):
        return Report(
            unit=unit.code,
            name=unit.name_zh,
            week="",
            title=title_of(digest, unit.name_zh),
            files={},
            not_made=(),
            headline=tuple(lines_of(digest, site)),
            holes=(),
            complete=True,
            empty=digest.empty,
        )


def robot_http(house: House) -> Callable[[str], Http]:
    """The way out to a kind of robot's platform."""
    return lambda kind: http_for(f"robot-{kind}", house.settings)


def register_reports(ticker: BaseScheduler, house: House, node: str) -> None:
    """Has the reports of every schedule go out while the ticker runs."""
    office = office_of(house, node)
    register_rounds(ticker, "reports", lambda: tick(office), seconds=_TICK_SECONDS, clock=house.clock)


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
