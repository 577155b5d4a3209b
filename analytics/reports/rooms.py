"""A text to a Matrix room: the one kind of robot whose platform drops repeats of our key (`txnId`).

Facts from `../shared/platforms/webhook-matrix.md`: three sends with one txnId gave one event three times
(seen). The server keeps the key for some half an hour, so a lost answer is asked for again at once or not at
all.
"""

from datetime import datetime, timedelta
from urllib.parse import quote

from analytics.reports.deliveries import Outcome, State
from analytics.reports.messages import safe_words
from analytics.reports.robots import RobotKey
from connectors import ConnectorError, Http, Throttled, Uncertain, Unreachable

_TRIES = 3


def send_to_room(http: Http, server: str, robot: RobotKey, told: str, token: str, now: datetime) -> Outcome:
    """Sends one text under `token`, the delivery's own name: however often, it stands in the room once."""
    if not server:
        return Outcome(State.FAILED, "robot_no_server")
    room = quote(robot.key, safe="")
    address = f"{server.rstrip('/')}/_matrix/client/v3/rooms/{room}/send/m.room.message/{token}"
    doubt: Outcome | None = None
    for _ in range(_TRIES):
        outcome = _sent(http, address, robot, told, now)
        if outcome.state is State.SENT:
            return outcome
        if outcome.state is State.UNCERTAIN:
            doubt = outcome
        elif doubt is None:
            return outcome  # certainly not sent, now or before
    return doubt or Outcome(State.UNCERTAIN, "robot_uncertain")


def _sent(http: Http, address: str, robot: RobotKey, told: str, now: datetime) -> Outcome:
    body = {"msgtype": "m.text", "body": told}
    try:
        answer = http.call(
            "PUT", address, writes=True, json_body=body, headers={"Authorization": f"Bearer {robot.secret}"}
        )
        if answer.status != 200:
            raise answer.failure(now)
        if not isinstance(answer.json_object().get("event_id"), str):
            raise answer.bad("no event_id")
    except Throttled as error:
        wait = max(timedelta(seconds=5), error.until - now)
        return Outcome(State.PLANNED, "robot_busy", safe_words(error, robot), again_after=wait)
    except Unreachable as error:
        return Outcome(State.PLANNED, "robot_unreachable", safe_words(error, robot))
    except Uncertain as error:
        return Outcome(State.UNCERTAIN, "robot_uncertain", safe_words(error, robot))
    except ConnectorError as error:
        return Outcome(State.FAILED, "robot_refused", safe_words(error, robot))
    return Outcome(State.SENT)
