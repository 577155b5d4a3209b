"""Calls to Kuaishou. Tokens and the app's secret stand in addresses: no address is ever shown or logged.

The sheet names no code for a dead token: the token is renewed before its told life ends, and at first use.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from connectors._contract import Access, Media
from connectors._errors import Label, NeedsPerson, Unreachable
from connectors._film import PATIENCE, VIDEO_TYPE, Piece, content_of
from connectors._http import Answer
from connectors._json import whole
from connectors._reactions import PARAMETER, SIGN_IN, Reaction, Rule, Table, error_for, table
from connectors._tokens import Pair, access_token, entered, renew
from connectors._wording import told_without_secrets

API_BASE = "https://open.kuaishou.com"
GONE = ("120001", "100120001")
_UPLOAD_HOST = re.compile(r"([a-z0-9-]+\.)+kuaishouzt\.com")
_MARGIN = 3600  # seconds before its end at which a token is renewed
_GONE = Label("视频不存在。", "The video does not exist.")
_AGAIN = Label("视频没有上传成功，请重新发布。", "The video did not arrive: publish it again.")
_FAILED = Label(
    "快手发布失败：请按原文处理，再决定是否重发。",
    "Publishing failed: act on the words, then decide to repeat.",
)
_STRANGE_HOST = Label(
    "快手给的上传地址不在允许的域名内，没有上传：请联系管理员核对。",
    "The upload address is outside the allowed domain; nothing was sent: have it looked at.",
)
RULES: Table = table(
    ((120001, 100120001), Rule(Reaction.PERM, _GONE)),
    ((120002,), Rule(Reaction.PERM, _AGAIN)),
    ((120003,), Rule(Reaction.ASK, _FAILED)),
    ((100400,), Rule(Reaction.PERM, PARAMETER)),
    ((1001,), Rule(Reaction.ASK, SIGN_IN, account_wide=True)),
)
Params = Mapping[str, str | int]


@dataclass(frozen=True)
class Calls:
    """The way to the interfaces for one account."""

    access: Access

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """The answer of a GET in the account's name."""
        answer = self.access.http.call(
            "GET", self._base + path, writes=False, params={**self._own(), **(params or {})}
        )
        return self._told(answer, writes=False)

    def start_upload(self) -> tuple[str, str]:
        """The upload's token and its host. Raises NeedsPerson for a host that is not Kuaishou's."""
        url = f"{self._base}/openapi/photo/start_upload"
        told = self._told(self.access.http.call("POST", url, writes=False, params=self._own()), writes=False)
        token, endpoint = told.get("upload_token"), told.get("endpoint")
        if not (isinstance(token, str) and token and isinstance(endpoint, str)):
            raise Unreachable("the answer holds no upload_token", platform_code="bad-answer")
        if endpoint != self._sandboxed() and not _UPLOAD_HOST.fullmatch(endpoint):
            raise NeedsPerson("a strange upload host", platform_code="endpoint", remedy=_STRANGE_HOST)
        return token, endpoint

    def upload(self, endpoint: str, path: str, params: Params, piece: Piece | None) -> None:
        """Sends raw bytes, or none, to the upload's host; no other token than the upload's goes there."""
        answer = self.access.http.call(
            "POST",
            f"http://{endpoint}/api/upload{path}",  # plain: the manual says so (sheet section 2)
            writes=False,
            params=params,
            raw=b"" if piece is None else piece,
            headers={"Content-Type": VIDEO_TYPE},
            seconds=PATIENCE * self.access.http.seconds,
        )
        self._told(answer, writes=False)

    def publish(self, upload_token: str, caption: str, cover: Media) -> dict[str, Any]:
        """Makes the post."""
        name = f"cover.{cover.content_type.removeprefix('image/')}"
        answer = self.access.http.call(
            "POST",
            f"{self._base}/openapi/photo/publish",
            writes=True,
            params={**self._own(), "upload_token": upload_token},
            form={"caption": caption},
            files={"cover": (name, content_of(cover), cover.content_type)},
        )
        return self._told(answer, writes=True)

    def refresh(self) -> None:
        """Renews both tokens now."""
        renew(self.access, self._renewed)

    @property
    def _base(self) -> str:
        return (self.access.api_base or API_BASE).rstrip("/")

    def _sandboxed(self) -> str:
        """The upload's host where the account is not at Kuaishou itself: below the same address."""
        parts = urlsplit(self.access.api_base)
        return f"{parts.netloc}{parts.path.rstrip('/')}" if self._base != API_BASE else ""

    def _own(self) -> dict[str, str | int]:
        if self.access.memory.get(self._life) is None:
            self.refresh()
        return {"app_id": self.access.credentials["app_id"], "access_token": access_token(self.access)}

    @property
    def _life(self) -> str:
        return f"life-{entered(self.access)}"

    def _renewed(self, renewing: str) -> Pair:
        params = {
            "app_id": self.access.credentials["app_id"],
            "app_secret": self.access.credentials["app_secret"],
            "refresh_token": renewing,
            "grant_type": "refresh_token",
        }
        asked = self.access.now()
        url = f"{self._base}/oauth2/refresh_token"
        # Not asked twice: the old token dies with the first answer (from memory, the sheet says).
        answer = self.access.http.call("GET", url, writes=False, params=params, once=True)
        told = self._told(answer, writes=False)
        token, again, seconds = (
            told.get("access_token"),
            told.get("refresh_token"),
            whole(told.get("expires_in")),
        )
        if not (isinstance(token, str) and token) or seconds is None:
            raise Unreachable("the answer holds no token", platform_code="bad-answer")
        until = asked + timedelta(seconds=max(seconds - _MARGIN, seconds // 2))
        self.access.memory.put(self._life, "yes", until=until)
        return token, again if isinstance(again, str) and again else renewing

    def _told(self, answer: Answer, *, writes: bool) -> dict[str, Any]:
        if answer.status != 200:
            told = told_without_secrets(self.access, answer.excerpt())
            raise answer.failure(self.access.now(), told)
        body = answer.json_object()
        code = whole(body.get("result"))
        if code is None:
            raise answer.bad("no result")
        if code == 1:
            return body
        text = told_without_secrets(self.access, body.get("error_msg") or body.get("error"))
        raise error_for(RULES, str(code), text, writes=writes, now=self.access.now())
