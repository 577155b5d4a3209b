"""The weekly report on its way to people: schedules, mail, folders, group robots."""

from analytics.reports.cron import parse_cron
from analytics.reports.deliveries import ReportDelivery
from analytics.reports.robots import ReportRobot, rotate_robots
from analytics.reports.run import Office, plan_fire, run_round
from analytics.reports.schedules import ReportSchedule, running_schedules

__all__ = [
    "Office",
    "ReportDelivery",
    "ReportRobot",
    "ReportSchedule",
    "parse_cron",
    "plan_fire",
    "rotate_robots",
    "run_round",
    "running_schedules",
]
