"""Signed calls to Bilibili: the body is serialised once, and those bytes are signed and sent (section 2)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from connectors._bilibili_errors import RULES
from connectors._bilibili_signature import bilibili_headers
from connectors._contract import Access, Media
from connectors._errors import Unreachable
from connectors._film import PATIENCE, VIDEO_TYPE, Piece, content_of
from connectors._http import Answer
from connectors._json import line
from connectors._reactions import error_for
from connectors._tokens import Pair, access_token, renew
from connectors._wording import told_without_secrets

API_BASE = "https://member.bilibili.com"
_OAUTH_BASE = "https://api.bilibili.com"
_UPLOAD_BASE = "https://openupos.bilivideo.com"
Params = Mapping[str, str | int]


@dataclass(frozen=True)
class Calls:
    """The way to the interfaces for one account; one `api_base` stands for all three hosts."""

    access: Access

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """The `data` of a GET."""
        answer = self.access.http.call(
            "GET", self._at(API_BASE, path), writes=False, params=params, headers=self._signed(b""), once=True
        )
        return self._data(answer, writes=False)

    def post(
        self, path: str, body: object = None, *, params: Params | None = None, writes: bool = False
    ) -> dict[str, Any]:
        """The `data` of a POST; without a `body` nothing is sent. `writes`: it may have made a post."""
        raw = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        answer = self.access.http.call(
            "POST",
            self._at(API_BASE, path),
            writes=writes,
            params=params,
            raw=raw,
            headers={**self._signed(raw), "Content-Type": "application/json"},
            once=True,
        )
        return self._data(answer, writes=writes)

    def upload_cover(self, cover: Media) -> dict[str, Any]:
        """Sends the cover as the form's field `file`; a form is signed as if it were empty."""
        name = f"cover.{cover.content_type.removeprefix('image/')}"
        answer = self.access.http.call(
            "POST",
            self._at(API_BASE, "/arcopen/fn/archive/cover/upload"),
            writes=False,
            files={"file": (name, content_of(cover), cover.content_type)},
            headers=self._signed(b""),
            once=True,
        )
        return self._data(answer, writes=False)

    def upload_part(self, token: str, number: int, piece: Piece) -> None:
        """Sends a part, numbered from 1; unsigned, the upload's token is its right."""
        answer = self.access.http.call(
            "POST",
            self._at(_UPLOAD_BASE, "/video/v2/part/upload"),
            writes=False,
            params={"upload_token": token, "part_number": number},
            raw=piece,
            headers={"Content-Type": VIDEO_TYPE},
            seconds=PATIENCE * self.access.http.seconds,
        )
        self._data(answer, writes=False)

    def refresh(self) -> None:
        """Renews both tokens."""
        renew(self.access, self._renewed)

    def _renewed(self, renewing: str) -> Pair:
        fields = {
            "client_id": self.access.credentials["client_id"],
            "client_secret": self.access.credentials["client_secret"],
            "grant_type": "refresh_token",
            "refresh_token": renewing,
        }
        url = self._at(_OAUTH_BASE, "/x/account-oauth2/v1/refresh_token")
        data = self._data(self.access.http.call("POST", url, writes=False, form=fields), writes=False)
        token, again = data.get("access_token"), data.get("refresh_token")
        if not (isinstance(token, str) and token and isinstance(again, str) and again):
            raise Unreachable("the answer holds no tokens", platform_code="bad-answer")
        return token, again

    def _at(self, host: str, path: str) -> str:
        return (self.access.api_base or host).rstrip("/") + path

    def _signed(self, body: bytes) -> dict[str, str]:
        credentials = self.access.credentials
        signed = bilibili_headers(
            credentials["client_id"],
            credentials["client_secret"],
            body,
            nonce=str(uuid4()),
            timestamp=int(self.access.now().timestamp()),
        )
        return {**signed, "Accept": "application/json", "Access-Token": access_token(self.access)}

    def _data(self, answer: Answer, *, writes: bool) -> dict[str, Any]:
        if answer.status != 200:
            told = told_without_secrets(self.access, answer.excerpt())
            raise answer.failure(self.access.now(), told)
        body = answer.json_object()
        code = _code(body.get("code"))
        if code is None:
            raise answer.bad("no code")
        data = body.get("data")
        if code == "0":
            return data if isinstance(data, dict) else {}
        raise error_for(
            RULES,
            code,
            told_without_secrets(self.access, body.get("message")),
            writes=writes,
            now=self.access.now(),
            request_id=line(body.get("request_id"), 80),
        )


def _code(value: object) -> str | None:
    """A code as text; it comes as number or text, and may be negative."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value)
    return text if text.removeprefix("-").isdigit() and text.isascii() else None
