"""Group robots of WeCom, DingTalk, Feishu and Matrix: their keys at rest, and what their platforms allow.

A robot is a kind and a key; its address is built here from the two. No address is ever taken as it was given:
whoever may add a robot could otherwise have the server call any place it can reach. For the same reason the
server of a Matrix room is a setting of the house.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import InputError, MeizhenError, Problem
from config.logging import hide
from config.secrets import KeyRing, Sealed
from organisation.ledger import record

_NAME = re.compile(r"[\w.-]{1,40}")
_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9_-]{8,128}", re.ASCII)
_ROOM = re.compile(r"![A-Za-z0-9._~-]{1,200}(:[A-Za-z0-9.-]{1,200}(:[0-9]{1,5})?)?", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}", re.ASCII)


class Kind(StrEnum):
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    MATRIX = "matrix"


@dataclass(frozen=True)
class _Platform:
    """`address` ends where the key begins. `messages` a minute, `size` bytes of text.

    `key` and `secret` are what they look like; a room of Matrix is the key, the access token its secret.
    WeCom: 20 a minute, text of 2,048 bytes. DingTalk: 20 a minute, else blocked for ten; a body of 20,000
    bytes. Feishu: 100 a minute and 5 a second, a body of 20 KB. Matrix: what its server sets, by itself ten
    at once and then one in five seconds; an event of 65,536 bytes. We stay below each.
    """

    address: str
    messages: int
    size: int
    signs: bool
    needs_secret: bool = False
    key: re.Pattern[str] = _KEY
    secret: re.Pattern[str] = _SECRET


_PLATFORMS: Mapping[Kind, _Platform] = {
    Kind.WECOM: _Platform("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", 15, 2_000, signs=False),
    Kind.DINGTALK: _Platform("https://oapi.dingtalk.com/robot/send?access_token=", 15, 4_000, signs=True),
    Kind.FEISHU: _Platform("https://open.feishu.cn/open-apis/bot/v2/hook/", 60, 4_000, signs=True),
    Kind.MATRIX: _Platform("", 10, 20_000, signs=True, needs_secret=True, key=_ROOM, secret=_TOKEN),
}


class ReportRobot(SQLModel, table=True):
    """A group's robot; key and signing secret are sealed, the name is their associated data."""

    __tablename__ = "report_robot"

    name: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=16)
    key_version: int
    wrapped_key: bytes
    ciphertext: bytes
    created_at: datetime
    created_by: str = Field(max_length=120)


@dataclass(frozen=True)
class RobotKey:
    """An opened robot: what may be sent with it, never shown."""

    kind: Kind
    key: str = field(repr=False)
    secret: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """Where its platform takes messages; holds the key: never log it."""
        return _PLATFORMS[self.kind].address + self.key


def per_minute(kind: str) -> int:
    """How many messages a robot of this kind gets from us in a minute at most."""
    return _PLATFORMS[Kind(kind)].messages


def fitted(kind: Kind, lines: list[str]) -> str:
    """The lines as one text that the platform takes, cut with … where they are too long."""
    told, size = "\n".join(lines), _PLATFORMS[kind].size
    content = told.encode()
    if len(content) <= size:
        return told
    return content[: size - len("…".encode())].decode("utf-8", "ignore") + "…"


def parse_key(kind: Kind, told: str) -> RobotKey:
    """The robot of what a person pasted: the platform's whole address or its key, then perhaps the secret.

    For Matrix the room's id, then the access token.

    Raises InputError `reports.bad_robot_key` without a word of what was pasted.
    """
    lines = [line.strip() for line in told.strip().splitlines() if line.strip()]
    platform = _PLATFORMS[kind]
    key = (lines[0] if lines else "").removeprefix(platform.address).rstrip("/")
    secret = lines[1] if len(lines) > 1 else ""
    problems = []
    if len(lines) > 2 or not platform.key.fullmatch(key):
        params = {"expected": f"{platform.address}…" if platform.address else "!abc…:example.org"}
        problems.append(Problem("reports.bad_robot_key", params=params))
    if (secret or platform.needs_secret) and not (platform.signs and platform.secret.fullmatch(secret)):
        problems.append(Problem("reports.bad_robot_secret"))
    if problems:
        raise InputError(f"report robot {kind}", problems)
    return RobotKey(kind, key, secret)


def add_robot(
    session: Session, keys: KeyRing, name: str, robot: RobotKey, *, now: datetime, actor: str
) -> ReportRobot:
    """Stores a robot under a name. Raises InputError for a bad name or one that is taken."""
    if not _NAME.fullmatch(name):
        params = {"received": name[:40], "expected": "A-Z a-z 0-9 . _ - 汉字"}
        raise InputError("report robot", [Problem("input.bad_word", column="NAME", params=params)])
    if session.get(ReportRobot, name) is not None:
        raise InputError("report robot", [Problem("reports.robot_taken", params={"name": name})])
    sealed = _sealed(keys, name, robot)
    row = ReportRobot(
        name=name,
        kind=robot.kind,
        key_version=sealed.key_version,
        wrapped_key=sealed.wrapped_key,
        ciphertext=sealed.ciphertext,
        created_at=now,
        created_by=actor,
    )
    session.add(row)
    session.flush()
    record(
        session,
        keys,
        at=now,
        actor=actor,
        act="report.robot_add",
        subject=f"robot:{name}",
        details={"kind": robot.kind},
    )
    return row


def find_robot(session: Session, name: str) -> ReportRobot:
    """The robot of a name. Raises MeizhenError `reports.no_robot`."""
    row = session.get(ReportRobot, name)
    if row is None:
        raise MeizhenError("reports.no_robot", name=name)
    return row


def listed_robots(session: Session) -> list[ReportRobot]:
    """Every robot, by name."""
    return list(session.exec(select(ReportRobot).order_by(col(ReportRobot.name))))


def open_robot(keys: KeyRing, row: ReportRobot) -> RobotKey:
    """The robot with its key. Raises MeizhenError `secrets.wrong_key`."""
    plain = keys.open(Sealed(row.key_version, row.wrapped_key, row.ciphertext), _owner(row.name))
    values: dict[str, str] = json.loads(plain)
    hide(*values.values())
    return RobotKey(Kind(row.kind), values["key"], values["secret"])


def rotate_robots(session: Session, keys: KeyRing) -> int:
    """Seals every robot's key anew under the newest master key; gives how many were older."""
    older = session.exec(select(ReportRobot).where(ReportRobot.key_version != keys.newest)).all()
    for row in older:
        sealed = _sealed(keys, row.name, open_robot(keys, row))
        row.key_version, row.wrapped_key = sealed.key_version, sealed.wrapped_key
        row.ciphertext = sealed.ciphertext
        session.add(row)
    return len(older)


def _sealed(keys: KeyRing, name: str, robot: RobotKey) -> Sealed:
    hide(robot.key, robot.secret)
    return keys.seal(json.dumps({"key": robot.key, "secret": robot.secret}).encode(), _owner(name))


def _owner(name: str) -> str:
    return f"report robot {name}"
