"""What a platform's error code asks of us: a table from code to rule, and the error that a rule makes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors._days import midnight_after
from connectors._errors import (
    ConnectorError,
    Label,
    NeedsPerson,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
    Unreachable,
)


class Reaction(StrEnum):
    """DOUBT is the sheets' RETRY for reads and uploads and UNKNOWN for what makes a post."""

    DOUBT = "doubt"
    RECONCILE = "reconcile"  # it may be there already, perhaps by us: looked up, never repeated
    WINDOW = "window"
    NEXT_DAY = "next_day"
    REFRESH = "refresh"
    ASK = "ask"
    PERM = "perm"


@dataclass(frozen=True)
class Rule:
    """One row of a table. `window` is how long to wait; `account_wide` stops the account, not one post."""

    reaction: Reaction
    remedy: Label
    window: timedelta = timedelta(minutes=5)
    account_wide: bool = False


Table = Mapping[str, Rule]


def table(*rows: tuple[Iterable[int], Rule]) -> Table:
    return {str(code): rule for codes, rule in rows for code in codes}


LOOK = Label(
    "结果不明：请到账号主页查看是否已经发出。", "Not known: look at the account's page whether it is out."
)
BUSY = Label("平台系统繁忙，稍后会自动再试。", "The platform is busy; it is asked again by itself.")
WAIT = Label(
    "已达到平台的频率上限，到时间会自动继续。", "The platform's limit is reached; goes on by itself."
)
TOMORROW = Label(
    "平台今天的额度已用完，明天会自动继续。", "The platform's quota of the day is used up; goes on tomorrow."
)
RENEW = Label("令牌已失效，会自动续期。", "The token has ended; it is renewed by itself.")
SIGN_IN = Label(
    "授权已失效，续期也不行：请账号负责人重新登录授权，并更新两个令牌。",
    "The authorisation has ended: the holder must sign in again; enter both new tokens.",
)
PARAMETER = Label(
    "平台不接受这条内容的参数，请修改后重新提交。",
    "The platform does not take this post's parameters: change the post and submit it again.",
)
CONTENT = Label(
    "平台认为内容不合规：请修改后重新送审。",
    "The platform objects to the content: change it and submit it for review again.",
)
_UNKNOWN_CODE = Label(
    "平台返回了未收录的错误码：请按原文处理，不会自动重发。",
    "The platform gave a code we do not know: act on its words; nothing is sent again by itself.",
)
_UNKNOWN = Rule(Reaction.ASK, _UNKNOWN_CODE)


def remedy_of(rules: Table, code: str) -> Label | None:
    """What a code means to a person; None for one without a rule."""
    rule = rules.get(code)
    return rule.remedy if rule else None


def error_for(
    rules: Table, code: str, text: str, *, writes: bool, now: datetime, request_id: str = ""
) -> ConnectorError:
    """The error that a code means for a call; a code without a rule needs a person."""
    rule = rules.get(code, _UNKNOWN)
    remedy = rule.remedy
    error: ConnectorError
    match rule.reaction:
        case Reaction.DOUBT | Reaction.RECONCILE:
            doubt = Uncertain if writes else Unreachable
            error = doubt(text, platform_code=code, remedy=LOOK if writes else remedy)
        case Reaction.WINDOW:
            error = Throttled(text, until=now + rule.window, platform_code=code, remedy=remedy)
        case Reaction.NEXT_DAY:
            error = Throttled(text, until=midnight_after(now), platform_code=code, remedy=remedy)
        case Reaction.REFRESH:
            error = Unauthorised(text, platform_code=code, remedy=remedy)
        case Reaction.PERM:
            error = Refused(text, platform_code=code, remedy=remedy)
        case Reaction.ASK:
            error = NeedsPerson(text, platform_code=code, remedy=remedy, account_wide=rule.account_wide)
    error.request_id = request_id
    return error
