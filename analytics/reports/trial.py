"""A robot tried out: one message that only says so, now and once."""

import secrets
from datetime import datetime

from analytics.reports.content import said
from analytics.reports.deliveries import Outcome, State
from analytics.reports.robots import RobotKey
from analytics.reports.telling import tell_robot
from config.errors import MeizhenError
from config.messages import text
from config.settings import Settings
from connectors import Http


def try_robot(http: Http, settings: Settings, robot: RobotKey, now: datetime) -> Outcome:
    """Sends the message in the present language; gives what became of it."""
    return tell_robot(http, settings, robot, said("test_message"), secrets.token_hex(16), now)


def require_sent(outcome: Outcome) -> None:
    """Raises MeizhenError `reports.robot_not_sent` with why, unless the message arrived."""
    if outcome.state is not State.SENT:
        why = f"{text(f'reports.why_{outcome.code}')} {outcome.told}".strip()
        raise MeizhenError(
            "reports.robot_not_sent", what=why, may_have_gone_out=outcome.state is State.UNCERTAIN
        )
