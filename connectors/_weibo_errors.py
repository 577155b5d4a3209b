"""What Weibo's error codes ask of us: one table from code to reaction and remedy (sheet sections 4 and 7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Throttled, Uncertain, Unreachable

USER_QUOTA = 10023  # the only window whose end must be asked for: see `_weibo_calls`
ARTICLE_DONE = 100_000


class Reaction(StrEnum):
    """What a code asks of us. DOUBT is the sheet's RETRY for reads and UNKNOWN for writes."""

    DOUBT = "doubt"
    WINDOW = "window"
    ASK = "ask"
    PERM = "perm"
    REPEAT = "repeat"  # the text stands there already, perhaps by us


@dataclass(frozen=True)
class Rule:
    """One row of the table. `window` is how long to wait; `account_wide` stops the account, not one post."""

    reaction: Reaction
    remedy: Label
    window: timedelta = timedelta(0)
    account_wide: bool = False


class Repeated(NeedsPerson):
    """Refused as a repeat: published by us if the timeline holds our text, else for a person."""


_BUSY = Label("微博系统繁忙，稍后会自动再查。", "Weibo is busy; it is asked again later by itself.")
_WAIT = Label(
    "已达到微博的频率上限，到时间会自动继续。", "Weibo's frequency limit is reached; goes on by itself."
)
_PARAMETER = Label(
    "微博不接受这条内容的参数，请修改后重新提交。",
    "Weibo does not take this post's parameters: change the post and submit it again.",
)
_APPLY = Label(
    "应用没有这个接口的权限：请在微博开放平台申请。",
    "The app lacks this interface: apply for it at open.weibo.com.",
)
_APP_KEY = Label("请检查账号表单里的 App Key。", "Check the App Key in the account's form.")
_USER = Label(
    "微博认为该用户不可用：请登录微博查看账号状态。",
    "Weibo does not accept this user: sign in to Weibo and look at the account's state.",
)
_TOO_LONG = Label("内容超长：请缩短后重新提交。", "Too long: shorten the post and submit it again.")
_EMPTY = Label("正文为空：请填写正文。", "The text is empty: write one.")
_GONE = Label("该用户或微博已不存在。", "The user or the post no longer exists.")
_PICTURE = Label(
    "图片须为 JPEG、GIF 或 PNG，且小于 5 MB：请更换图片。",
    "The picture must be JPEG, GIF or PNG under 5 MB: choose another one.",
)
_STOPPED = Label(
    "账号、应用或 IP 被微博判为异常，已停止该账号：请登录微博处理后再恢复。",
    "Weibo calls the account, app or IP abnormal; the account is stopped: settle it at Weibo, then resume.",
)
_REPEATED = Label(
    "微博判为重复内容：请到账号主页查看是否已发出，或修改文字后再发。",
    "Weibo calls it a repeat: look at the account's page whether it is out, or change the text.",
)
_CONTENT = Label(
    "微博认为内容含违规链接、广告或敏感词：请修改后重新送审。",
    "Weibo objects to a link, an advert or a word: change the text and submit it for review again.",
)
_CAPTCHA = Label(
    "微博要求输入验证码：请登录该账号完成验证后再恢复。",
    "Weibo wants a captcha: sign in to the account, pass it, then resume.",
)
_FORBIDDEN = Label("微博不允许这个操作。", "Weibo does not allow this act.")
SIGN_IN = Label(
    "授权已失效，微博没有续期接口：请账号负责人重新登录授权，并更新令牌。",
    "The authorisation has ended and Weibo has no renewal: the holder must sign in again; update the token.",
)
_SET_UP = Label(
    "授权设置有误：请核对回调地址、App Key 和 App Secret，再重新授权。",
    "The authorisation is set up wrongly: check redirect, App Key and App Secret, then sign in again.",
)
_SCOPE = Label(
    "授权范围不足：请申请相应权限后重新授权。", "The scope is too low: apply for it, then sign in again."
)
_AUDIT = Label(
    "应用未通过审核且测试用户超限，或用户已取消授权：请完成审核或重新授权。",
    "The app is unaudited and over its test users, or the user cancelled: have it audited or sign in again.",
)
_LOOK = Label(
    "结果不明：请到账号主页查看是否已经发出。", "Not known: look at the account's page whether it is out."
)
_UNKNOWN_CODE = Label(
    "微博返回了未收录的错误码：请按原文处理，不会自动重发。",
    "Weibo gave a code we do not know: act on its words; nothing is sent again by itself.",
)

_DOUBT = Rule(Reaction.DOUBT, _BUSY)
_HOUR = Rule(Reaction.WINDOW, _WAIT, timedelta(hours=1))


def _perm(remedy: Label) -> Rule:
    return Rule(Reaction.PERM, remedy)


def _ask_account(remedy: Label) -> Rule:
    return Rule(Reaction.ASK, remedy, account_wide=True)


def _table(*rows: tuple[Iterable[int], Rule]) -> Mapping[int, Rule]:
    return {code: rule for codes, rule in rows for code in codes}


RULES = _table(
    ((10001, 10002, 10003, 10009, 10010, 10011), _DOUBT),
    ((10004, 10022, USER_QUOTA, 10024), _HOUR),
    ((10005, 10014), _ask_account(_APPLY)),
    ((10006,), _perm(_APP_KEY)),
    ((10007, 10008, 10012, 10016, 10017, 10020, 10021), _perm(_PARAMETER)),
    ((10013,), _ask_account(_USER)),
    ((10018, 20012, 20013, 20049), _perm(_TOO_LONG)),
    ((20003, 20101), _perm(_GONE)),
    ((20005, 20006), _perm(_PICTURE)),
    ((20008,), _perm(_EMPTY)),
    ((20015, 20022), _ask_account(_STOPPED)),
    ((20016,), Rule(Reaction.WINDOW, _WAIT, timedelta(minutes=10))),
    ((20017, 20019), Rule(Reaction.REPEAT, _REPEATED)),
    ((20018, 20020, 20021, 21602), Rule(Reaction.ASK, _CONTENT)),
    ((20031,), _ask_account(_CAPTCHA)),
    ((20104, 20201, 20202, 20203, 20206, 20207), _perm(_FORBIDDEN)),
    ((21301, 21314, 21315, 21316, 21317, 21327, 21330, 21332), _ask_account(SIGN_IN)),
    ((21321,), _ask_account(_AUDIT)),
    ((21322, 21323, 21324, 21325, 21326), _ask_account(_SET_UP)),
    ((21335,), _ask_account(_SCOPE)),
    ((23201,), Rule(Reaction.DOUBT, _LOOK)),
)

# 头条文章 counts its codes anew (section 4); the sheet names no window for 11001: the usual hour.
ARTICLE_RULES = _table(
    ((10001, 11002, 11003), Rule(Reaction.DOUBT, _LOOK)),
    ((10008,), _perm(_PARAMETER)),
    ((11001,), _HOUR),
)


def domain_remedy(domains: str) -> Label:
    """Tells the editor which domain a link must have."""
    return Label(
        f"正文须包含至少一个安全域名（{domains}）下的链接：请加上链接，链接后留一个空格。",
        f"The text needs a link on the safe domain ({domains}): add one, followed by a space.",
    )


def error_for(
    code: str,
    text: str,
    *,
    writes: bool,
    now: datetime,
    domains: str = "",
    rules: Mapping[int, Rule] = RULES,
) -> ConnectorError:
    """The error that a code means for a call; codes come as numbers or text, unknown ones need a person."""
    number = int(code) if code.isascii() and code.isdigit() else 0
    rule = rules.get(number, Rule(Reaction.ASK, _UNKNOWN_CODE))
    remedy = rule.remedy
    if number == 10017 and "domain" in text.lower():
        remedy = domain_remedy(domains)
    match rule.reaction:
        case Reaction.DOUBT:
            doubt = Uncertain if writes else Unreachable
            return doubt(text, platform_code=code, remedy=_LOOK if writes else remedy)
        case Reaction.WINDOW:
            return Throttled(text, until=now + rule.window, platform_code=code, remedy=remedy)
        case Reaction.PERM:
            return Refused(text, platform_code=code, remedy=remedy)
        case Reaction.REPEAT:
            return Repeated(text, platform_code=code, remedy=remedy, account_wide=False)
        case Reaction.ASK:
            return NeedsPerson(text, platform_code=code, remedy=remedy, account_wide=rule.account_wide)
