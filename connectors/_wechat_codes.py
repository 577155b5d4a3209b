"""Every errcode of the sheet as one table: what it asks of us, and what a person can do about it.

A code is met once here and nowhere else. Sheet: `../shared/platforms/wechat-official-account.md`, sections
2.3, 2.4, 3, 4, 5, 6, 8, 9, 10 and 11.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from zoneinfo import ZoneInfo

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

BEIJING = ZoneInfo("Asia/Shanghai")
DONE = 45065  # clientmsgid exists: the first send is the send
DRAFT_GONE = 40007
NO_PERMISSION = 48001
UNKNOWN_JOB = 53502


class Reaction(Enum):
    """The sheet's classes; ASK is split by what must wait for the person."""

    REFRESH = auto()
    WINDOW = auto()
    ASK = auto()  # the whole account waits
    ASK_POST = auto()  # only this post waits
    PERM = auto()
    BUSY = auto()  # RETRY for reads and preparations, UNKNOWN for the public write
    DONE = auto()


class Window(Enum):
    """When a closed window opens again."""

    MINUTE = timedelta(minutes=1)
    MINUTES = timedelta(minutes=5)
    HALF_HOUR = timedelta(minutes=30)
    HOUR = timedelta(hours=1)
    DAY = timedelta(hours=24)
    MIDNIGHT = "midnight"
    MASS_QUOTA = "mass"  # a day for 公众号, a month for 服务号

    def ends(self, now: datetime, *, monthly: bool = False) -> datetime:
        """The end of the window that is closed at `now`; days and months are Beijing's."""
        if isinstance(self.value, timedelta):
            return now + self.value
        today = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
        if self is Window.MASS_QUOTA and monthly:
            return (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        return today + timedelta(days=1)


@dataclass(frozen=True)
class Rule:
    """What a code asks of us. `window` belongs to WINDOW, and to ASK where asking again has a time."""

    reaction: Reaction
    remedy: Label
    window: Window | None = None


def _rules(
    reaction: Reaction, codes: tuple[int, ...], zh: str, en: str, window: Window | None = None
) -> Iterator[tuple[int, Rule]]:
    rule = Rule(reaction, Label(zh, en), window)
    return ((code, rule) for code in codes)


def _token() -> Iterator[tuple[int, Rule]]:
    """Sections 2.3 and 2.4."""
    yield from _rules(
        Reaction.REFRESH,
        (40001, 40014, 42001),
        "接口凭据已失效，系统会换新一次；若反复出现，请核对 AppSecret。",
        "The token is dead and is renewed once; if this comes back, check the AppSecret.",
    )
    yield from _rules(
        Reaction.PERM,
        (41001, 76003, 76022, 48006),
        "这是程序的错误，请把请求编号（rid）交给维护人员。",
        "This is a fault of the program: give the request id (rid) to its maintainers.",
    )
    yield from _rules(
        Reaction.ASK,
        (40013, 40125),
        "AppID 或 AppSecret 不对（可能被重置过）：请在公众平台“设置与开发 → 开发接口管理”核对后重新填写。",
        "AppID or AppSecret is wrong (perhaps reset): check them in the console and enter them again.",
    )
    yield from _rules(
        Reaction.ASK,
        (40164,),
        "本机 IP {ip} 不在白名单：请在公众平台“设置与开发 → 开发接口管理 → IP 白名单”加入它。",
        "Our address {ip} is not in the IP whitelist: add it in the console under Development → Interfaces.",
    )
    yield from _rules(
        Reaction.ASK,
        (89503, 89501, 89502),
        "请账号管理员在微信里确认这次调用，几分钟后再试。",
        "The account's administrator must confirm the call in WeChat; try again after some minutes.",
        Window.MINUTES,
    )
    yield from _rules(
        Reaction.ASK,
        (89506,),
        "管理员拒绝了本机 IP，24 小时内不能再用：请与管理员商量。",
        "The administrator refused our address; it is banned for 24 hours. Talk to the administrator.",
        Window.DAY,
    )
    yield from _rules(
        Reaction.ASK,
        (89507,),
        "管理员拒绝了本机 IP，1 小时内不能再用：请与管理员商量。",
        "The administrator refused our address; it is banned for an hour. Talk to the administrator.",
        Window.HOUR,
    )
    yield from _rules(
        Reaction.ASK,
        (40243,),
        "AppSecret 被冻结：请管理员在公众平台解冻。",
        "The AppSecret is frozen: the administrator must unfreeze it in the console.",
    )
    yield from _rules(
        Reaction.WINDOW,
        (45009,),
        "今天的接口次数已用完，北京时间零点后自动继续。",
        "The day's calls are used up; goes on by itself after midnight in Beijing.",
        Window.MIDNIGHT,
    )
    yield from _rules(
        Reaction.WINDOW,
        (45011,),
        "调用太密，一分钟后自动继续。",
        "Called too often; goes on by itself after a minute.",
        Window.MINUTE,
    )
    yield from _rules(
        Reaction.BUSY,
        (-1,),
        "微信系统繁忙；若正在发布，系统会先查明结果，不会重发。",
        "WeChat is busy; a publication under way is looked up first and never repeated blindly.",
    )


def _material_and_draft() -> Iterator[tuple[int, Rule]]:
    """Sections 3 and 4, and the lengths of section 11."""
    yield from _rules(
        Reaction.PERM,
        (40004, 40005, 40006, 40009, 40137, 44001, 41005, 45001, 45007),
        "图片或媒体文件不合要求：请用 10 MB 以内的 JPG、PNG、GIF 或 BMP，换图后重发。",
        "A picture or file is not acceptable: use JPG, PNG, GIF or BMP up to 10 MB, then send again.",
    )
    yield from _rules(
        Reaction.PERM,
        (DRAFT_GONE,),
        "素材或草稿已不存在（可能被人删除）：请到公众平台查看，必要时重新上传。",
        "A material or draft is gone (perhaps deleted): look in the console, upload again if needed.",
    )
    yield from _rules(
        Reaction.ASK_POST,
        (48005,),
        "素材正被菜单或自动回复使用，不能删除：请先在公众平台换下。",
        "The material is used by a menu or an automatic reply: replace it there first.",
    )
    yield from _rules(
        Reaction.PERM,
        (45002, 45003, 45004, 45005, 45006, 45008, 45110),
        "标题、作者、摘要、链接或正文超出长度：请缩短后重发。",
        "Title, author, digest, link or text is too long: shorten it and send again.",
    )
    yield from _rules(
        Reaction.PERM,
        (45166, 40033, 41039, 44003, 44004, 9001001),
        "正文或“阅读原文”链接不被接受：请检查内容和链接后重发。",
        "The text or the original link is not accepted: check them and send again.",
    )
    yield from _rules(
        Reaction.PERM,
        (53404, 53405, 53406, 40114, 40035, 47001, 44002, 43002, 87009),
        "请求的数据不对：请把请求编号（rid）交给维护人员。",
        "The request's data is wrong: give the request id (rid) to the maintainers.",
    )


def _publishing() -> Iterator[tuple[int, Rule]]:
    """Section 5."""
    yield from _rules(
        Reaction.ASK,
        (NO_PERMISSION,),
        "这个账号没有该接口的权限（未认证或个人主体）：请完成微信认证，或改用“人工发布”。",
        "The account lacks this permission (unverified or personal): verify it, or publish assisted.",
    )
    yield from _rules(
        Reaction.ASK,
        (53500,),
        "账号的发布功能被封禁：请登录公众平台查看通知。",
        "Publishing is blocked for the account: read the notices in the console.",
    )
    yield from _rules(
        Reaction.WINDOW,
        (53501,),
        "发布太频繁，几分钟后自动继续。",
        "Published too often; goes on by itself after some minutes.",
        Window.MINUTES,
    )
    yield from _rules(
        Reaction.PERM,
        (UNKNOWN_JOB, 53600),
        "微信不认识这次发布：请到公众平台“发表记录”核对。",
        "WeChat does not know this publication: compare with the list of publications in the console.",
    )
    yield from _rules(
        Reaction.ASK_POST,
        (53503, 53504, 53505),
        "草稿未通过发布前检查：请在公众平台打开草稿，按提示保存或发表。",
        "The draft failed the checks before publishing: open it in the console and publish it there.",
    )


def _mass() -> Iterator[tuple[int, Rule]]:
    """Section 6."""
    yield from _rules(
        Reaction.WINDOW,
        (45028,),
        "群发次数已用完，到下一个额度周期自动继续。",
        "The mass-send quota is used up; goes on by itself when the next one begins.",
        Window.MASS_QUOTA,
    )
    yield from _rules(Reaction.DONE, (DONE,), "这次群发已经成功提交过。", "This mass send was already made.")
    yield from _rules(
        Reaction.WINDOW,
        (45066,),
        "同一次群发提交太快，一分钟后自动再问；不会重复发送。",
        "The same send was asked for too fast; asked again after a minute, never sent twice.",
        Window.MINUTE,
    )
    yield from _rules(
        Reaction.WINDOW,
        (42010,),
        "群发太频繁，几分钟后自动继续。",
        "Sent too often; goes on by itself after some minutes.",
        Window.MINUTES,
    )
    yield from _rules(
        Reaction.PERM,
        (45067, 40130, 40032, 40008, 40031, 40003, 45083, 45084, 45113, 40059, 40060, 40065, 40204),
        "群发的参数不对：请检查接收人、消息类型和编号。",
        "The mass send's parameters are wrong: check receivers, kind and ids.",
    )
    yield from _rules(
        Reaction.PERM,
        (40152, 45159),
        "没有这个标签：请在公众平台“用户管理”核对标签编号。",
        "There is no such tag: check the tag's id in the console's user list.",
    )
    yield from _rules(
        Reaction.ASK_POST,
        (89504, 89505),
        "账号开启了群发保护：请管理员 30 分钟内在微信里确认，然后再试一次（不会重复群发）。",
        "Mass protection is on: the administrator must confirm in WeChat within 30 minutes; then try again"
        " (it is never sent twice).",
    )
    yield from _rules(
        Reaction.ASK_POST,
        (45062,),
        "内容含广告协议，接口不能群发：请在公众平台网页上发送。",
        "The content holds an advert agreement: send it on the platform's website.",
    )
    yield from _rules(
        Reaction.ASK,
        (48003,),
        "请管理员先在公众平台同意群发协议。",
        "The administrator must first accept the mass-send agreement in the console.",
    )


def _comments_and_statistics() -> Iterator[tuple[int, Rule]]:
    """Sections 8 and 9."""
    yield from _rules(
        Reaction.ASK_POST,
        (88000,),
        "账号没有留言功能：请关闭“留言”选项后重发。",
        "The account has no comments: switch the option off and send again.",
    )
    yield from _rules(
        Reaction.PERM,
        (88001, 88002, 88003, 88004, 88005, 88007, 88008, 88009, 88010),
        "这条留言或文章不能这样处理：请到公众平台查看。",
        "This comment or article cannot be handled so: look in the console.",
    )
    yield from _rules(
        Reaction.PERM,
        (61500, 61501, 47009),
        "统计接口的日期或版本不对：请把请求编号（rid）交给维护人员。",
        "The statistics call has a wrong date or version: give the request id (rid) to the maintainers.",
    )
    yield from _rules(
        Reaction.WINDOW,
        (61503,),
        "微信还没算好这一天的数据，半小时后自动再取。",
        "WeChat has not computed the day yet; asked again after half an hour.",
        Window.HALF_HOUR,
    )


def _authorisation() -> Iterator[tuple[int, Rule]]:
    """Sections 2.3, 10 and 11: what only the account's people can give."""
    yield from _rules(
        Reaction.ASK,
        (42007, 61003, 61007, 61009, 61010, 61023),
        "授权已失效或权限不全：请账号管理员重新扫码授权。",
        "The authorisation is void or incomplete: the administrator must scan and authorise again.",
    )
    yield from _rules(
        Reaction.ASK,
        (61004,),
        "这个 IP 或接口未被允许：请在开放平台或公众平台加入白名单。",
        "This address or interface is not allowed: add it to the whitelist.",
    )
    yield from _rules(
        Reaction.ASK,
        (61005, 61006),
        "第三方平台的 ticket 已过期：请检查授权事件地址能否收到微信推送。",
        "The component ticket is old: check that the authorisation event address receives WeChat's pushes.",
    )
    yield from _rules(
        Reaction.ASK,
        (48002, 48004, 48008, 50001, 50002),
        "账号的接口被限制或封禁：请登录公众平台查看通知。",
        "The account or its interface is limited: read the notices in the console.",
    )
    yield from _rules(
        Reaction.ASK_POST,
        (87014,),
        "内容未通过安全检查：请责任编辑修改后重新送审。",
        "The content failed the security check: the editor must change it and have it reviewed again.",
    )


RULES: dict[int, Rule] = dict(
    pair
    for table in (
        _token,
        _material_and_draft,
        _publishing,
        _mass,
        _comments_and_statistics,
        _authorisation,
    )
    for pair in table()
)
UNKNOWN = Rule(
    Reaction.ASK,
    Label(
        "微信给出了未知的错误，系统不会自动重试：请对照原文处理，或把请求编号（rid）交给维护人员。",
        "WeChat gave an unknown error; nothing is retried: act on its text, or pass on the request id (rid).",
    ),
)

_RID = re.compile(r"\s*rid:\s*([0-9a-f-]{8,60})", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_MOST_TEXT = 300


def error_for(
    code: int,
    errmsg: str,
    *,
    now: datetime,
    doubt: type[Uncertain] | type[Unreachable] = Unreachable,
    token_call: bool = False,
    monthly: bool = False,
) -> ConnectorError:
    """The error that a code means for a call; an unknown code needs a person and is never retried.

    `doubt` is what "busy" means for this call; `token_call`: a dead secret cannot be refreshed; `monthly`:
    the account's mass quota is by month. The request id is taken out of `errmsg`.
    """
    rule = RULES.get(code, UNKNOWN)
    found = _RID.search(errmsg)
    rid = found.group(1) if found else ""
    text, name = _RID.sub("", errmsg).strip()[:_MOST_TEXT], str(code)
    remedy = _with_address(rule.remedy, errmsg)
    match rule.reaction:
        case Reaction.REFRESH if not token_call:
            return Unauthorised(text, platform_code=name, remedy=remedy, request_id=rid)
        case Reaction.WINDOW:
            until = (rule.window or Window.MINUTES).ends(now, monthly=monthly)
            return Throttled(text, until=until, platform_code=name, remedy=remedy, request_id=rid)
        case Reaction.PERM:
            return Refused(text, platform_code=name, remedy=remedy, request_id=rid)
        case Reaction.BUSY:
            return doubt(text, platform_code=name, remedy=remedy, request_id=rid)
    return NeedsPerson(
        text,
        platform_code=name,
        remedy=remedy,
        request_id=rid,
        account_wide=rule.reaction is not Reaction.ASK_POST,
        until=rule.window.ends(now) if rule.window else None,
    )


def _with_address(remedy: Label, errmsg: str) -> Label:
    """40164 tells the address that must be listed: the first IPv4 of its text."""
    if "{ip}" not in remedy.zh:
        return remedy
    found = _IPV4.search(errmsg)
    ip = found.group() if found else "?"
    return Label(remedy.zh.format(ip=ip), remedy.en.format(ip=ip))
