"""A text to a group, by whichever robot it has."""

from datetime import datetime

from analytics.reports.deliveries import Outcome
from analytics.reports.messages import send_message
from analytics.reports.robots import Kind, RobotKey
from analytics.reports.rooms import send_to_room
from config.settings import Settings
from connectors import Http


def tell_robot(
    http: Http, settings: Settings, robot: RobotKey, told: str, token: str, now: datetime
) -> Outcome:
    """Sends one text. `token` names it: where the platform drops repeats, it arrives once however often."""
    if robot.kind is Kind.MATRIX:
        return send_to_room(http, settings.matrix_server, robot, told, token, now)
    return send_message(http, robot, told, now)
