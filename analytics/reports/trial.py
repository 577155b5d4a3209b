"""A robot tried out: one message that only says so, now and once."""

import secrets
from datetime import datetime

from analytics.reports.content import said
from analytics.reports.deliveries import Outcome, State
from analytics.reports.messages import send_message
from analytics.reports.robots import Kind, RobotKey
from analytics.reports.rooms import send_to_room
from config.errors import MeizhenError
from config.messages import text
from config.settings import Settings
from connectors import Http


def try_robot(http: Http, settings: Settings, robot: RobotKey, now: datetime) -> Outcome:
    """Sends the message in the present language; gives what became of it."""
    told = said("test_message")
    if robot.kind is Kind.MATRIX:
        return send_to_room(http, settings.matrix_server, robot, told, secrets.token_hex(16), now)
    return send_message(http, robot, told, now)


def require_sent(outcome: Outcome) -> None:
    """Raises MeizhenError `reports.robot_not_sent` with why, unless the message arrived."""
    if outcome.state is not State.SENT:
        why = f"{text(f'reports.why_{outcome.code}')} {outcome.told}".strip()
        raise MeizhenError(
            "reports.robot_not_sent", what=why, may_have_gone_out=outcome.state is State.UNCERTAIN
        )
