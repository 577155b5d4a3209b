"""A test message to a group through its robot: now, once, and said plainly where it did not arrive."""

import secrets
from datetime import datetime

from analytics.reports.content import said
from analytics.reports.deliveries import Outcome, State
from analytics.reports.messages import send_message
from analytics.reports.robots import Kind, RobotKey
from analytics.reports.rooms import send_to_room
from config.errors import MeizhenError
from config.messages import text
from connectors import Http


def send_trial(http: Http, robot: RobotKey, now: datetime, *, server: str) -> Outcome:
    """Sends a message that only says it is a test; `server` is that of Matrix rooms."""
    told = said("test_message")
    if robot.kind is Kind.MATRIX:
        return send_to_room(http, server, robot, told, secrets.token_hex(16), now)
    return send_message(http, robot, told, now)


def require_sent(outcome: Outcome) -> None:
    """Raises MeizhenError `reports.robot_not_sent` for anything but a message that arrived."""
    if outcome.state is State.SENT:
        return
    why = f"{text(f'reports.why_{outcome.code}')} {outcome.told}".strip()
    raise MeizhenError("reports.robot_not_sent", what=why, may_have_gone_out=outcome.state is State.UNCERTAIN)
