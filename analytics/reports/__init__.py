"""The weekly report on its way to people: schedules, mail, folders, group robots.

The tables are there at once; what sends is imported when it is first asked for, since it brings the workbook.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from analytics.reports.deliveries import ReportDelivery
from analytics.reports.robots import ReportRobot, rotate_robots
from analytics.reports.schedules import ReportSchedule, running_schedules

if TYPE_CHECKING:
    from analytics.reports.run import Office, plan_fire, run_round

_LATER = ("Office", "plan_fire", "run_round")

__all__ = [
    "Office",
    "ReportDelivery",
    "ReportRobot",
    "ReportSchedule",
    "plan_fire",
    "rotate_robots",
    "run_round",
    "running_schedules",
]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'analytics.reports' has no attribute {name!r}")
    return getattr(import_module("analytics.reports.run"), name)
