"""Sending a status under its Idempotency-Key, and finding it among the account's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors._contract import Access, Outgoing, Receipt, ReceiptState
from connectors._errors import Uncertain, Unreachable
from connectors._json import remote_id, web_address
from connectors._mastodon_calls import bearer, failure, fine, get, me
from connectors._mastodon_media import uploaded
from connectors._mastodon_text import same_post

VISIBILITIES = ("public", "unlisted", "private")
_STATUSES = "/api/v1/statuses"
_PAGE = 40
_MOST_PAGES = 250
_SKEW = timedelta(minutes=5)  # by which the instance's clock may differ from ours
_KEPT = timedelta(days=60)


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """One status; a repeat within an hour gives the first one back."""
    media_ids = uploaded(access, outgoing)
    options = outgoing.options
    body: dict[str, object] = {
        "status": outgoing.text,
        "media_ids": media_ids,
        "visibility": options.get("visibility") or "public",
        "language": options.get("language") or "zh",
    }
    if options.get("spoiler_text"):
        body |= {"spoiler_text": options["spoiler_text"], "sensitive": True}
    answer = access.http.call(
        "POST",
        f"{access.api_base.rstrip('/')}{_STATUSES}",
        writes=True,
        json_body=body,
        headers={"Idempotency-Key": outgoing.key, **bearer(access)},
    )
    if answer.status != 200:
        raise failure(access, answer)
    told = answer.json_object()
    number = remote_id(told.get("id"))
    if number is None or told.get("scheduled_at") is not None:
        raise answer.bad("no status")
    access.memory.put(_name(number), outgoing.key, until=access.now() + _KEPT)
    return Receipt(ReceiptState.PUBLISHED, number, web_address(told.get("url")))


def find_post(access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
    """Our status among all the account's own since then; None where none has our text.

    Raises Uncertain for a post without text: pictures alone are compared with nothing.
    """
    if not outgoing.text.strip():
        raise Uncertain("a post without text cannot be told from another", platform_code="no-text")
    for status in statuses(access, (since - _SKEW).astimezone(_BEIJING).date(), replies=True):
        if status.at < since - _SKEW or not same_post(outgoing.text, status.content):
            continue
        if access.memory.get(_name(status.id)) in (None, outgoing.key):
            return Receipt(ReceiptState.PUBLISHED, status.id, status.url)
    return None


@dataclass(frozen=True)
class Status:
    """An own status as the instance tells it."""

    id: str
    at: datetime
    content: str
    url: str
    told: dict[str, Any]


_BEIJING = ZoneInfo("Asia/Shanghai")


def day_of(at: datetime) -> date:
    return at.astimezone(_BEIJING).date()


def statuses(access: Access, since: date, *, replies: bool = False) -> Iterator[Status]:
    """The account's own statuses from this Beijing day on, newest first."""
    path = f"/api/v1/accounts/{_own_id(access)}/statuses"
    params: dict[str, str | int] = {"limit": _PAGE, "exclude_reblogs": "true"}
    if not replies:
        params["exclude_replies"] = "true"
    for _ in range(_MOST_PAGES):
        answer = fine(access, get(access, path, params))
        items = answer.json()
        if not isinstance(items, list):
            raise answer.bad("expected a list of statuses")
        found = [_status(item) for item in items]
        yield from (status for status in found if day_of(status.at) >= since)
        if not found or day_of(found[-1].at) < since or 'rel="next"' not in answer.headers.get("link", ""):
            return
        if found[-1].id == params.get("max_id"):
            break
        params["max_id"] = found[-1].id
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def _status(item: object) -> Status:
    told: dict[str, Any] = item if isinstance(item, dict) else {}
    number, said = remote_id(told.get("id")), told.get("created_at")
    try:
        at = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        at = None
    content = told.get("content")
    if number is None or at is None or at.tzinfo is None or not isinstance(content, str):
        raise Unreachable("a status without id, time or content", platform_code="bad-answer")
    return Status(number, at, content, web_address(told.get("url")), told)


def _own_id(access: Access) -> str:
    kept = access.memory.get("own-id")
    if kept is None:
        kept = remote_id(me(access).get("id"))
        if kept is None or not kept.isalnum():
            raise Unreachable("no account id", platform_code="bad-answer")
        access.memory.put("own-id", kept)
    return kept


def _name(number: str) -> str:
    return f"sent-{number}"[:120]
