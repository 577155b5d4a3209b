"""Reminders of tasks: each told once over all nodes, by the group robots of units. Wiring only."""

from itertools import groupby

import structlog

from analytics.reports.deliveries import State
from analytics.reports.messages import send_message
from analytics.reports.robots import find_robot, fitted, open_robot
from config.clock import SHANGHAI
from config.errors import MeizhenError
from config.messages import text
from meizhen.house import House
from meizhen.reporting import robot_http
from scheduler.assisted import Reminder, remind

_log = structlog.get_logger("meizhen.reminding")


def remind_of_tasks(house: House) -> None:
    """Expires tasks and tells what is due.

    A reminder is taken before it is told: one that a robot does not take is logged and not repeated, and the
    notices of the queue stand all the same.
    """
    with house.database.write() as session:
        taken = remind(session, house.clock.now(), "house")
    by_robot = sorted((one for one in taken if one.robot), key=lambda one: (one.robot, one.task))
    for robot, reminders in groupby(by_robot, key=lambda one: one.robot):
        _tell(house, robot, [_line(one) for one in reminders])


def _tell(house: House, robot: str, lines: list[str]) -> None:
    try:
        with house.database.read() as session:
            key = open_robot(house.keys, find_robot(session, robot))
    except MeizhenError as error:
        _log.warning("task_robot_not_opened", robot=robot, code=error.code)
        return
    outcome = send_message(robot_http(house)(key.kind), key, fitted(key.kind, lines), house.clock.now())
    if outcome.state is not State.SENT:
        _log.warning("task_robot_did_not_take", robot=robot, code=outcome.code, tasks=len(lines))


def _line(one: Reminder) -> str:
    return text(
        f"task.remind_{one.number}",
        task=one.task,
        post=one.post,
        account=one.account,
        expires=f"{one.expires_at.astimezone(SHANGHAI):%m-%d %H:%M}",
        responsible=one.responsible or "–",
        deputy=one.deputy or "–",
    )
