"""A report ordered by a person: to everyone in a unit's schedules, at the next round."""

from datetime import datetime

from sqlmodel import Session

from analytics.exports.week import Week
from analytics.reports.cron import reported_day
from analytics.reports.deliveries import plan
from analytics.reports.schedules import Content, running_schedules
from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation import Unit, record


def order_reports(
    session: Session, keys: KeyRing, unit: Unit, week: str | None, *, now: datetime, actor: str
) -> list[int]:
    """Plans a week's report (last week's without one); gives the ids of the deliveries.

    Raises MeizhenError: not a week, no schedule of the unit.
    """
    chosen = str(Week.parse(week)) if week is not None else str(Week.of(reported_day(now)))
    found = running_schedules(session, unit=unit, content=Content.WEEK)
    if not found:
        raise MeizhenError("reports.no_schedule_of_unit", unit=unit.code)
    ids = [
        delivery
        for schedule, _ in found
        for delivery in plan(session, schedule, now, chosen, now=now, ordered_by=actor)
    ]
    details = {"week": chosen, "deliveries": ids}
    subject = f"unit:{unit.code}"
    record(session, keys, at=now, actor=actor, act="report.deliver", subject=subject, details=details)
    return ids
