"""How publications and mass sends end: one reading for the polled answer and for the event.

Facts: sheet section 5 (publish_status) and 6.3 (status of a mass send).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from connectors._contract import Receipt, ReceiptState
from connectors._errors import ConnectorError, Label, NeedsPerson

PUBLISHING = 1
_PUBLISHED = 0
_WITHDRAWN = 5
NEVER_PUBLIC = frozenset({2, 3, 4})  # failed before anybody could read it: a retry may begin anew

_PUBLISH_FAILURES: dict[int, Label] = {
    2: Label(
        "原创校验未通过：请在公众平台修改或取消原创声明后再发。",
        "The originality check failed: change the article or its declaration in the console.",
    ),
    3: Label(
        "微信发布失败：可以由人再试一次；仍失败请在公众平台发表。",
        "WeChat could not publish it: a person may try once more, or publish it in the console.",
    ),
    4: Label(
        "平台审核未通过：请责任编辑修改内容后重新送审。",
        "The platform's review refused it: the editor must change it and have it reviewed again.",
    ),
    6: Label(
        "已发布，随后被平台封禁：请责任编辑立即处理，不要重发。",
        "It was published and then blocked by the platform: act at once, do not send it again.",
    ),
}
_UNKNOWN_STATUS = Label(
    "微信给出了未知的结果：请在公众平台“发表记录”查看，不要直接重发。",
    "WeChat gave an unknown outcome: look in the console's list of publications before anything is repeated.",
)

_CONTENT_SUSPECTED = Label(
    "内容被判定有风险，群发未成功：请立即通知责任编辑修改。",
    "The content was judged risky and not sent: tell the responsible editor at once.",
)
_ADMINISTRATOR = Label(
    "管理员没有同意这次群发：请与管理员联系后重发。",
    "The administrator did not allow the send: talk to the administrator, then send again.",
)
_REPRINT = Label(
    "被判定为转载，群发已停止：请决定是否选择“转载也继续”（reprint=send）。",
    "It was judged a reprint and stopped: decide whether to go on (option reprint=send).",
)
_MASS_FAILURES: dict[str, Label] = {
    "send fail": Label("群发失败：请在公众平台查看原因。", "The mass send failed: see why in the console."),
    "err(10001)": _CONTENT_SUSPECTED,  # advertising
    "err(20001)": _CONTENT_SUSPECTED,  # political
    "err(20002)": _CONTENT_SUSPECTED,  # porn
    "err(20004)": _CONTENT_SUSPECTED,  # social
    "err(20006)": _CONTENT_SUSPECTED,  # illegal
    "err(20008)": _CONTENT_SUSPECTED,  # fraud
    "err(20013)": _CONTENT_SUSPECTED,  # copyright
    "err(21000)": _CONTENT_SUSPECTED,  # other
    "err(22000)": _CONTENT_SUSPECTED,  # mutual promotion
    "err(30001)": Label(
        "原创校验系统出错，群发已停止：可稍后由人再试。",
        "The originality check itself failed and the send stopped: a person may try again later.",
    ),
    "err(30002)": _REPRINT,
    "err(30003)": _REPRINT,
    "err(40001)": _ADMINISTRATOR,
    "err(40002)": _ADMINISTRATOR,
}
_MASS_DELETED = Label(
    "群发的文章已被删除：请在公众平台核对，不要直接重发。",
    "The sent article was deleted: look in the console before anything is repeated.",
)
MASS_NEVER_PUBLIC = frozenset(_MASS_FAILURES)
_MASS_WORDS = {  # mass/get says it in other words than the event (section 6.2)
    "SEND_SUCCESS": "send success",
    "SENDING": "sending",
    "SEND_FAIL": "send fail",
    "DELETE": "delete",
}


@dataclass(frozen=True)
class Publication:
    """How a publication stands, as freepublish/get and its event tell. `addresses` in order of idx."""

    publish_id: str
    status: int
    article_id: str = ""
    addresses: Sequence[str] = ()
    failed: Sequence[int] = ()  # numbers of the failed articles, from 1


@dataclass(frozen=True)
class MassSend:
    """How a mass send stands. Counts are of the event only; None is unknown."""

    msg_id: str
    status: str
    addresses: Sequence[str] = ()
    sent: int | None = None
    failed: int | None = None


def publication_outcome(seen: Publication, detail: Mapping[str, str]) -> Receipt | ConnectorError:
    """The receipt of a publication, accepted while it is under way, or what a person must do.

    `detail` is kept and added to. Published only with an address: status 0 alone is not enough (section 5).
    """
    kept = {**detail, "publish_id": seen.publish_id}
    if seen.article_id:
        kept["article_id"] = seen.article_id
    address = seen.addresses[0] if seen.addresses else ""
    if seen.status == _WITHDRAWN or (seen.status == _PUBLISHED and address):
        note = None
        if seen.status == _WITHDRAWN:
            note = Label("已发布，随后被作者删除。", "Published, then removed by its author.")
        return Receipt(ReceiptState.PUBLISHED, remote_id(kept, address), address, kept, note)
    if seen.status in (_PUBLISHED, PUBLISHING):
        return Receipt(ReceiptState.ACCEPTED, seen.publish_id, "", kept)
    articles = ", ".join(map(str, seen.failed))
    return NeedsPerson(
        f"publish_status {seen.status}" + (f", articles {articles}" if articles else ""),
        platform_code=f"publish_status {seen.status}",
        remedy=_PUBLISH_FAILURES.get(seen.status, _UNKNOWN_STATUS),
        account_wide=False,
    )


def mass_outcome(seen: MassSend, detail: Mapping[str, str]) -> Receipt | ConnectorError:
    """The receipt of a mass send, accepted while it is under way, or what a person must do."""
    kept = {**detail, "msg_id": seen.msg_id}
    kept |= {
        name: str(count)
        for name, count in (("sent", seen.sent), ("failed", seen.failed))
        if count is not None
    }
    status = _mass_word(seen.status)
    address = seen.addresses[0] if seen.addresses else ""
    if status == "send success":
        return Receipt(ReceiptState.PUBLISHED, remote_id(kept, address), address, kept)
    if status == "sending":
        return Receipt(ReceiptState.ACCEPTED, seen.msg_id, "", kept)
    remedy = _MASS_DELETED if status == "delete" else _MASS_FAILURES.get(status, _UNKNOWN_STATUS)
    return NeedsPerson(seen.status, platform_code=status, remedy=remedy, account_wide=False)


def remote_id(detail: Mapping[str, str], address: str) -> str:
    """The id under which statistics know the first article: `<msg_data_id>_<idx>` (section 9.3).

    Without a msg_data_id the long address tells it; a short one does not: then the article_id, or the
    job's own id, stands in.
    """
    if detail.get("msg_data_id"):
        return f"{detail['msg_data_id']}_1"
    query = parse_qs(urlsplit(address).query)
    mid, idx = query.get("mid", [""])[0], query.get("idx", ["1"])[0]
    if mid.isdigit() and idx.isdigit():
        return f"{mid}_{idx}"
    return detail.get("article_id") or detail.get("publish_id") or detail.get("msg_id", "")


def _mass_word(status: str) -> str:
    """One spelling: `send success`, `send fail`, `sending`, `delete`, `err(NNNNN)`."""
    word = _MASS_WORDS.get(status.strip(), status.strip().lower())
    return re.sub(r"\s*\(\s*(\d+)\s*\)", r"(\1)", word)
