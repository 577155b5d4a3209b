"""群机器人 Group robots that take reports and notices; their keys are taken and never shown."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import StringConstraints

from analytics.reports.robots import Kind, ReportRobot, add_robot, find_robot, listed_robots, open_robot
from analytics.reports.schedules import remove_robot
from organisation import Act, http_for
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Body, Code, Name, Told

noun = Noun("robots")


class RobotShown(Told):
    """A robot by its name."""

    name: str
    kind: Kind
    created_at: datetime
    created_by: str


class RobotList(Told):
    """All robots, by name."""

    items: list[RobotShown]


class NewRobot(Body):
    """A robot: `key` is its address or the key in it (for Matrix the room), `secret` what it signs with."""

    name: Code
    kind: Kind
    key: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    secret: Annotated[str, StringConstraints(max_length=600)] = ""


class Tried(Told):
    """What became of the message: `sent`, or why not; `uncertain` may have arrived."""

    name: str
    state: str
    code: str
    told: str


class RobotGone(Told):
    """The robot is forgotten, with its key."""

    name: str


@noun.read("", Act.REPORT_SCHEDULE)
def list_all(asked: Asked) -> RobotList:
    """机器人列表 Robots of the house."""
    asked.house()
    return RobotList(items=[_shown(one) for one in listed_robots(asked.session)])


@noun.write("POST", "", Act.REPORT_SCHEDULE, status=HTTPStatus.CREATED)
def add(asked: Asked, body: NewRobot) -> RobotShown:
    """添加机器人 A robot with its key, which is not shown again."""
    from analytics.reports.robots import parse_key

    asked.house()
    robot = parse_key(body.kind, f"{body.key}\n{body.secret}")
    return _shown(add_robot(asked.session, asked.keys, body.name, robot, now=asked.now, actor=asked.actor))


@noun.write("POST", "/{name}/test", Act.REPORT_SCHEDULE, alone=True)
def test(asked: Asked, name: Name) -> Tried:
    """测试 Have it say once that this is a test, and tell what became of it."""
    from analytics.reports.trial import try_robot

    asked.house()
    robot = open_robot(asked.keys, find_robot(asked.session, name))
    settings = asked.desk.settings
    found = try_robot(http_for(f"robot-{robot.kind}", settings), settings, robot, asked.now)
    return Tried(name=name, state=found.state, code=found.code, told=found.told)


@noun.write("DELETE", "/{name}", Act.REPORT_SCHEDULE)
def remove(asked: Asked, name: Name) -> RobotGone:
    """删除机器人 Forget it; refused while a schedule names it."""
    asked.house()
    remove_robot(asked.session, asked.keys, name, now=asked.now, actor=asked.actor)
    return RobotGone(name=name)


def _shown(one: ReportRobot) -> RobotShown:
    return RobotShown(
        name=one.name, kind=Kind(one.kind), created_at=one.created_at, created_by=one.created_by
    )
