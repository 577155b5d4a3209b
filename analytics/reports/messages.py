"""A text to a group through its robot: one request, and what the platform's answer means.

Platform facts: the three answer 200 also when they refuse; the code in the body decides. DingTalk signs
`timestamp (ms)\\nsecret` with the secret as key, Feishu the empty text with `timestamp (s)\\nsecret` as key.
"""

import hashlib
import hmac
from base64 import b64encode
from datetime import datetime, timedelta

from analytics.reports.deliveries import Outcome, State
from analytics.reports.robots import Kind, RobotKey
from connectors import ConnectorError, Http, Throttled, Uncertain, Unreachable

# "Too fast" and "busy": WeCom 45009 and -1, DingTalk 130101, 410100 and -1, Feishu 11232 and 9499's 429.
_BUSY = {-1, 45009, 130101, 410100, 11232}
_PAUSE = timedelta(minutes=11)  # DingTalk locks a robot out for ten


def send_message(http: Http, robot: RobotKey, told: str, now: datetime) -> Outcome:
    """Sends one text. None of the three can be asked whether it arrived: a lost answer stays uncertain."""
    params, body = _request(robot, told, now)
    try:
        answer = http.call("POST", robot.address, writes=True, params=params, json_body=body)
        if answer.status != 200:
            raise answer.failure(now)
        said = answer.json_object()
    except Throttled as error:
        return Outcome(
            State.PLANNED, "robot_busy", safe_words(error, robot), again_after=max(_PAUSE, error.until - now)
        )
    except Unreachable as error:
        return Outcome(State.PLANNED, "robot_unreachable", safe_words(error, robot))
    except Uncertain as error:
        return Outcome(State.UNCERTAIN, "robot_uncertain", safe_words(error, robot))
    except ConnectorError as error:
        return Outcome(State.FAILED, "robot_refused", safe_words(error, robot))
    code = next((said[name] for name in ("errcode", "code", "StatusCode") if name in said), None)
    words = str(said.get("errmsg") or said.get("msg") or said.get("StatusMessage") or "")
    shown = _without_keys(f"{code} {words}", robot)
    if type(code) is not int:
        return Outcome(State.UNCERTAIN, "robot_uncertain", shown)
    if code == 0:
        return Outcome(State.SENT)
    if code in _BUSY:
        return Outcome(State.PLANNED, "robot_busy", shown, again_after=_PAUSE)
    return Outcome(State.FAILED, "robot_refused", shown)


def _request(robot: RobotKey, told: str, now: datetime) -> tuple[dict[str, str] | None, dict[str, object]]:
    """What goes into the address and what into the body."""
    if robot.kind is Kind.FEISHU:
        body: dict[str, object] = {"msg_type": "text", "content": {"text": told}}
        if robot.secret:
            timestamp = str(int(now.timestamp()))
            body |= {"timestamp": timestamp, "sign": _signature(f"{timestamp}\n{robot.secret}", "")}
        return None, body
    params = None
    if robot.secret:
        timestamp = str(int(now.timestamp() * 1000))
        params = {"timestamp": timestamp, "sign": _signature(robot.secret, f"{timestamp}\n{robot.secret}")}
    return params, {"msgtype": "text", "text": {"content": told}}


def _signature(key: str, signed: str) -> str:
    return b64encode(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()).decode()


def safe_words(error: ConnectorError, robot: RobotKey) -> str:
    """An error's words without the robot's keys."""
    return _without_keys(str(error), robot)


def _without_keys(told: str, robot: RobotKey) -> str:
    """Error pages echo addresses, and ours hold the key."""
    for secret in filter(None, (robot.key, robot.secret)):
        told = told.replace(secret, "…")
    return told
