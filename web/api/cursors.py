"""Pages of lists: a cursor is opaque and signed, and good for the list and the filters that gave it."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from config.errors import MeizhenError
from config.secrets import KeyRing

_Row = TypeVar("_Row")
_MAC_BYTES = 16
MOST_ROWS = 200


class Page(BaseModel, Generic[_Row]):
    """Some rows of a list."""

    items: list[_Row]
    next: str | None = Field(description="The cursor of the page that follows; null on the last one.")


class Paging(BaseModel):
    """Which page is asked for."""

    limit: int
    cursor: str | None


async def _paging(
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows of a page.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=600, description="`next` of the page before, with the same filters.")
    ] = None,
) -> Paging:
    return Paging(limit=limit, cursor=cursor)


Pages = Annotated[Paging, Depends(_paging)]


def make_cursor(keys: KeyRing, name: str, filters: Mapping[str, object], place: Sequence[object]) -> str:
    """A cursor that goes on after the row with these values: numbers, texts, moments."""
    told = [one.astimezone(UTC).isoformat() if isinstance(one, datetime) else one for one in place]
    content = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return urlsafe_b64encode(_mac(keys, name, filters, content) + content).decode().rstrip("=")


def read_cursor(
    keys: KeyRing, name: str, filters: Mapping[str, object], cursor: str, kinds: Sequence[type]
) -> list[object]:
    """The values it goes on after. Raises MeizhenError `api.bad_cursor` for one that we did not give."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raise MeizhenError("api.bad_cursor") from None
    mac, content = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(keys, name, filters, content)):
        raise MeizhenError("api.bad_cursor")
    told: list[object] = json.loads(content)
    return [
        datetime.fromisoformat(str(one)) if kind is datetime else one
        for one, kind in zip(told, kinds, strict=True)
    ]


def _mac(keys: KeyRing, name: str, filters: Mapping[str, object], content: bytes) -> bytes:
    about = json.dumps([name, sorted((key, str(value)) for key, value in filters.items())])
    return hmac.digest(keys.ledger, b"cursor\x00" + about.encode() + b"\x00" + content, "sha256")[:_MAC_BYTES]
