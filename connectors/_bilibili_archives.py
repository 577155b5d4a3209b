"""A video of the account (an archive, 稿件) as Bilibili tells it, and ours among the newest."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from connectors._bilibili_calls import Calls
from connectors._contract import Access, Outgoing, Receipt, ReceiptState
from connectors._days import day_of, moment
from connectors._errors import Label, NeedsPerson, Uncertain, Unreachable
from connectors._json import line, remote_id
from connectors._reactions import CONTENT
from connectors._wording import same_words

_PAGE = 20
_MOST_PAGES = 50
_CLOCKS_APART = timedelta(minutes=2)
_KEPT = timedelta(days=60)
_BV = re.compile(r"BV[0-9A-Za-z]{10}")
_OPEN, _WAITING = 0, -1
_NOT_SEEN = Label(
    "最新的稿件里没有找到：请到创作中心看是否已投稿，再决定是否重投。",
    "Not among the newest videos: look in the creation centre, then decide whether to send it again.",
)


@dataclass(frozen=True)
class Archive:
    """`state`: 0 open to the public, -1 waiting, other negative numbers refused or locked; None not told."""

    id: str
    title: str
    at: datetime
    state: int | None
    reason: str
    original: bool | None


def archives(access: Access, since: date) -> Iterator[Archive]:
    """The account's videos from this Beijing day on, newest first."""
    for page in range(1, _MOST_PAGES + 1):
        data = Calls(access).get("/arcopen/fn/archive/viewlist", {"ps": _PAGE, "pn": page})
        rows = data.get("list")
        if not isinstance(rows, list):
            raise Unreachable("expected a list of videos", platform_code="bad-answer")
        found = [archive_of(row) for row in rows]
        yield from (archive for archive in found if day_of(archive.at) >= since)
        if len(found) < _PAGE or day_of(found[-1].at) < since:
            return
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def archive_of(row: object) -> Archive:
    """An item of the list, or the answer of `view`. Raises Unreachable for what cannot be one."""
    told: dict[str, Any] = row if isinstance(row, dict) else {}
    found, at = remote_id(told.get("resource_id")), moment(told.get("ctime")) or moment(told.get("ptime"))
    info = told.get("addit_info")
    info = info if isinstance(info, dict) else {}
    if found is None or at is None:
        raise Unreachable("a video without id or time", platform_code="bad-answer")
    return Archive(
        found,
        str(told.get("title") or ""),
        at,
        state_of(info),
        line(info.get("reject_reason") or info.get("state_desc"), 200),
        {"1": True, "2": False}.get(str(told.get("copyright"))),
    )


def state_of(info: dict[str, Any]) -> int | None:
    text = str(info.get("state"))
    return int(text) if re.fullmatch(r"-?[0-9]{1,6}", text) else None


def settle_archive(access: Access, receipt: Receipt) -> Receipt:
    """Has the review ended? Raises NeedsPerson with the platform's reason where it was refused."""
    data = Calls(access).get("/arcopen/fn/archive/view", {"resource_id": receipt.remote_id})
    info = data.get("addit_info")
    info = info if isinstance(info, dict) else {}
    return _stands(receipt.remote_id, state_of(info), str(info.get("reject_reason") or "")) or receipt


def find_archive(access: Access, outgoing: Outgoing, since: datetime) -> Receipt:
    """Our video by title and time. Raises Uncertain where it is not seen: the list proves no absence."""
    since = since - _CLOCKS_APART
    for archive in archives(access, day_of(since)):
        same = archive.at >= since and same_words(outgoing.title, archive.title)
        if same and access.memory.get(_name(archive.id)) in (None, outgoing.key):
            remember(access, outgoing, archive.id)
            return _stands(archive.id, archive.state, archive.reason) or accepted(archive.id)
    raise Uncertain("not among the newest videos", platform_code="not-seen", remedy=_NOT_SEEN)


def remember(access: Access, outgoing: Outgoing, archive_id: str) -> None:
    """This video is this delivery's: another of the same title is not taken for it."""
    access.memory.put(_name(archive_id), outgoing.key, until=access.now() + _KEPT)


def accepted(archive_id: str) -> Receipt:
    return Receipt(ReceiptState.ACCEPTED, archive_id)


def public_url(archive_id: str) -> str:
    """Where viewers find a video; '' for an id that is no BV number."""
    return f"https://www.bilibili.com/video/{archive_id}" if _BV.fullmatch(archive_id) else ""


def _name(archive_id: str) -> str:
    return f"sent-{archive_id[:80]}"


def _stands(archive_id: str, state: int | None, reason: str) -> Receipt | None:
    """The receipt of a video whose review has ended; None while it goes on."""
    if state is None or state == _WAITING:
        return None
    if state == _OPEN:
        return Receipt(ReceiptState.PUBLISHED, archive_id, public_url(archive_id))
    told = line(reason, 200) or "refused"
    raise NeedsPerson(told, platform_code=f"state {state}", remedy=CONTENT, account_wide=False)
