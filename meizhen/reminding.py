"""Reminders of tasks and of important posts: each told once over all nodes, by robots and mail. Wiring only.

A reminder is taken before it is told: one that a robot or the mail server does not take is logged and not
repeated.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import structlog
from apscheduler.schedulers.base import BaseScheduler
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from analytics.reports.deliveries import Outcome, State
from analytics.reports.mail import Letter, MailServer, compose, hand_over
from analytics.reports.robots import RobotKey, find_robot, fitted, open_robot
from analytics.reports.schedules import Content, ReportSchedule, is_address, running_schedules
from analytics.reports.telling import tell_robot
from config.clock import SHANGHAI
from config.errors import MeizhenError
from config.messages import speaking, text
from meizhen.house import House
from meizhen.reporting import robot_http
from organisation.units import nearest
from scheduler.assisted import Reminder, remind, task_robots
from scheduler.digest_text import reminder_lines, reminder_subject
from scheduler.importance import PostDue, any_due, take_reminders
from scheduler.periodic import register_rounds

_TICK_SECONDS = 15
_log = structlog.get_logger("meizhen.reminding")


# --- tasks ------------------------------------------------------------------------------------------------


def remind_of_tasks(house: House) -> None:
    """Expires tasks and tells what is due; the notices of the queue stand all the same."""
    with house.database.write() as session:
        taken = remind(session, house.clock.now(), "house")
    by_robot = sorted((one for one in taken if one.robot), key=lambda one: (one.robot, one.task))
    for robot, reminders in groupby(by_robot, key=lambda one: one.robot):
        _tell(house, robot, [_line(one) for one in reminders])


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


# --- important posts --------------------------------------------------------------------------------------


@dataclass
class _Targets:
    """Who is told of a post: groups by their robots, people by their addresses."""

    robots: set[str] = field(default_factory=set)
    mail: set[str] = field(default_factory=set)


def register_post_reminders(ticker: BaseScheduler, house: House, node: str) -> None:
    """Has people reminded of important posts while the ticker runs; `node` needs no name: rows are taken."""
    register_rounds(ticker, "post-reminders", lambda: tick(house), seconds=_TICK_SECONDS, clock=house.clock)


def tick(house: House) -> None:
    """One round. Never raises."""
    try:
        remind_of_posts(house)
    except OperationalError as error:
        _log.error("database_unreachable", job="post-reminders", reason=type(error.orig).__name__)
    except Exception as error:
        # Of what an exception says, nobody knows whether it holds a secret: the class is enough.
        _log.error("post_reminders_failed", error=type(error).__name__)


def remind_of_posts(house: House) -> None:
    """Tells of important posts that are about to go out: to who answers for them, and to their units."""
    now = house.clock.now()
    with house.database.read() as session:
        if not any_due(session, now):
            return
    with house.database.write() as session:
        taken = take_reminders(session, now)
    if not taken:
        return
    with house.database.read() as session:
        targets = [_targets_of(session, one) for one in taken]
    with speaking("zh"):
        _tell_of_posts(house, list(zip(taken, targets, strict=True)), now)


def _targets_of(session: Session, due: PostDue) -> _Targets:
    """Those of the digest of each unit, or of the nearest above it; where none has one, its task robot."""
    orders: dict[str, list[ReportSchedule]] = defaultdict(list)
    for order, unit in running_schedules(session, content=Content.DIGEST):
        orders[unit.path].append(order)
    robots = task_robots(session)
    targets = _Targets()
    for slot, _ in due.copies:
        ordered = nearest(slot.path, orders)
        for order in ordered or ():
            targets.robots.update(order.robots)
            targets.mail.update(order.mail)
        if ordered is None and (robot := nearest(slot.path, robots)):
            targets.robots.add(robot)
    if due.answers is not None and is_address(due.answers.email):
        targets.mail.add(due.answers.email)
    return targets


def _tell_of_posts(house: House, due: list[tuple[PostDue, _Targets]], now: datetime) -> None:
    by_robot: dict[str, list[str]] = defaultdict(list)
    for one, targets in due:
        lines = reminder_lines(one, now, house.settings.site)
        if not (targets.robots or targets.mail):
            _log.warning("post_reminder_for_nobody", post=one.post)
        for robot in sorted(targets.robots):
            by_robot[robot] += lines
        _mail(house, sorted(targets.mail), reminder_subject(one, now), lines, now)
    for robot, told in by_robot.items():
        _tell(house, robot, told)


def _mail(house: House, addresses: Iterable[str], subject: str, lines: list[str], now: datetime) -> None:
    server = MailServer.of(house.settings)
    if server is None:
        return
    for address in addresses:
        token = secrets.token_hex(16)
        letter = Letter(address, subject, [*lines, "", text("digest.reminder_footer")], {}, token, now)
        outcome = hand_over(server, address, compose(letter, server.sender), lambda: True)
        if outcome.state is not State.SENT:
            _log.warning("post_mail_not_taken", code=outcome.code)  # whose address it is, no log is told


# --- robots -----------------------------------------------------------------------------------------------


def _tell(house: House, robot: str, lines: list[str]) -> None:
    try:
        with house.database.read() as session:
            key = open_robot(house.keys, find_robot(session, robot))
    except MeizhenError as error:
        _log.warning("reminder_robot_not_opened", robot=robot, code=error.code)
        return
    outcome = _sent(house, key, fitted(key.kind, lines))
    if outcome.state is not State.SENT:
        _log.warning("reminder_robot_did_not_take", robot=robot, code=outcome.code, lines=len(lines))


def _sent(house: House, key: RobotKey, told: str) -> Outcome:
    http, token = robot_http(house)(key.kind), secrets.token_hex(16)
    return tell_robot(http, house.settings, key, told, token, house.clock.now())
