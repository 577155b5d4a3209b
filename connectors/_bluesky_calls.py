"""Calls to an account's server: its session, and what an unhappy answer means (sheet, reaction table)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors._answer import WRONG_RIGHTS
from connectors._contract import Access
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Throttled, Unauthorised
from connectors._http import Answer
from connectors._json import line

API_BASE = "https://bsky.social"
_SESSION = "session"
_SESSION_LIFE = timedelta(minutes=110)  # of the 120 that a token lives
_LONGEST_WAIT = timedelta(days=1)
_DEAD = frozenset({"ExpiredToken", "InvalidToken", "AuthMissing"})
_CLOSED = frozenset({"AccountTakedown", "AccountSuspended", "AccountDeactivated"})
NEW_PASSWORD = Label(
    "请账号持有人在 Bluesky 的“设置 → 隐私与安全 → 应用密码”里新建应用密码，再填到这里。",
    "The owner makes a new app password (Settings → Privacy and security → App passwords): enter it here.",
)
CLOSED = Label(
    "账号被停用或处罚，请持有人登录 Bluesky 查看。",
    "The account is deactivated or taken down: its owner signs in to Bluesky and looks.",
)
OTHER_CONTENT = Label(
    "这条帖子的编号下已有不同内容，请人到账号主页核对后再决定。",
    "Under this post's key there is other content: a person looks at the account's page and decides.",
)
TOO_LARGE = Label("图片太大，请缩小后重发。", "A picture is too large: make it smaller and send again.")
RULES: Mapping[str, Label] = {
    "InvalidSwap": OTHER_CONTENT,
    "PayloadTooLarge": TOO_LARGE,
    "BlobTooLarge": TOO_LARGE,
    "AuthenticationRequired": NEW_PASSWORD,
    **dict.fromkeys(_DEAD, NEW_PASSWORD),
    **dict.fromkeys(_CLOSED, CLOSED),
}


class Session:
    """Who we are at the server: made once, kept in the account's memory, renewed before it ends."""

    def __init__(self, access: Access) -> None:
        self.access = access

    @property
    def did(self) -> str:
        return self._current()["did"]

    @property
    def handle(self) -> str:
        return self._current()["handle"]

    def ask(self, name: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """A query. Raises what `failure` tells."""
        answer = self.access.http.call(
            "GET", address(self.access, name), writes=False, params=params, headers=self._bearer("access")
        )
        return fine(self.access, answer)

    def write(self, name: str, body: object) -> Answer:
        """A procedure that changes something; its answer is a success."""
        answer = self.access.http.call(
            "POST", address(self.access, name), writes=True, json_body=body, headers=self._bearer("access")
        )
        if answer.status != 200:
            raise failure(self.access, answer)
        return answer

    def upload(self, content: bytes, content_type: str) -> dict[str, Any]:
        """A blob's reference. Not a write: a blob that no record names is dropped by the server."""
        answer = self.access.http.call(
            "POST",
            address(self.access, "com.atproto.repo.uploadBlob"),
            writes=False,
            raw=content,
            headers={"Content-Type": content_type, **self._bearer("access")},
        )
        blob = fine(self.access, answer).get("blob")
        if not isinstance(blob, dict):
            raise answer.bad("no blob")
        return blob

    def renew(self) -> None:
        """A new token by the refresh token, else by the password. Raises NeedsPerson: both are refused."""
        before = self.access.memory.get(_SESSION)
        with self.access.memory.single_flight(_SESSION):
            if self.access.memory.get(_SESSION) == before:
                self._keep(self._refreshed(before) or self._signed_in())

    def _current(self) -> dict[str, str]:
        kept = self.access.memory.get(_SESSION)
        if kept is None:
            with self.access.memory.single_flight(_SESSION):
                kept = self.access.memory.get(_SESSION) or self._keep(self._signed_in())
        session: dict[str, str] = json.loads(kept)
        if self.access.now() - datetime.fromisoformat(session["born"]) >= _SESSION_LIFE:
            self.renew()
            session = json.loads(self.access.memory.get(_SESSION) or kept)
        return session

    def _bearer(self, kind: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._current()[kind]}"}

    def _signed_in(self) -> dict[str, str]:
        # Repeating it does no harm, so a lost answer is no doubt: not a write.
        credentials = self.access.credentials
        answer = self.access.http.call(
            "POST",
            address(self.access, "com.atproto.server.createSession"),
            writes=False,
            json_body={"identifier": credentials["identifier"], "password": credentials["app_password"]},
        )
        return self._session(answer)

    def _refreshed(self, kept: str | None) -> dict[str, str] | None:
        """None where the refresh token is dead too: the password may still do."""
        if kept is None:
            return None
        answer = self.access.http.call(
            "POST",
            address(self.access, "com.atproto.server.refreshSession"),
            writes=False,
            headers={"Authorization": f"Bearer {json.loads(kept)['refresh']}"},
        )
        return None if answer.status in (400, 401) else self._session(answer)

    def _session(self, answer: Answer) -> dict[str, str]:
        if answer.status == 401:
            code, text = words(answer)
            raise NeedsPerson(text, platform_code=code, remedy=RULES.get(code, NEW_PASSWORD))
        told = fine(self.access, answer)
        names = {"did": "did", "handle": "handle", "access": "accessJwt", "refresh": "refreshJwt"}
        session = {ours: told.get(theirs) for ours, theirs in names.items()}
        if not all(isinstance(value, str) and value.isascii() and value for value in session.values()):
            raise answer.bad("no session")
        return {
            **{name: str(value) for name, value in session.items()},
            "born": self.access.now().isoformat(),
        }

    def _keep(self, session: dict[str, str]) -> str:
        kept = json.dumps(session)
        self.access.memory.put(_SESSION, kept)
        return kept


def address(access: Access, name: str) -> str:
    return f"{(access.api_base or API_BASE).rstrip('/')}/xrpc/{name}"


def fine(access: Access, answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise failure(access, answer)
    return answer.json_object()


def words(answer: Answer) -> tuple[str, str]:
    """The platform's name of an error and its sentence; the status where it gives none."""
    try:
        told = answer.json_object()
    except ConnectorError:
        told = {}
    code = told.get("error")
    text = line(told.get("message"), 200) if isinstance(told.get("message"), str) else ""
    return (code[:64] if isinstance(code, str) and code else str(answer.status)), text or answer.excerpt()


def failure(access: Access, answer: Answer) -> ConnectorError:
    """The error that an unhappy answer means: by its name first, since dead tokens come as 400 too."""
    code, text = words(answer)
    remedy = RULES.get(code)
    if code in _CLOSED:
        return NeedsPerson(text, platform_code=code, remedy=remedy)
    if code in _DEAD or answer.status == 401:
        return Unauthorised(text, platform_code=code, remedy=remedy or NEW_PASSWORD)
    if answer.status == 403:
        return NeedsPerson(text, platform_code=code, remedy=WRONG_RIGHTS)
    if code == "InvalidSwap":
        return NeedsPerson(text, platform_code=code, remedy=remedy, account_wide=False)
    if answer.status == 429:
        return Throttled(text, platform_code=code, until=_reset(access.now(), answer))
    if answer.status == 413:
        return Refused(text, platform_code=code, remedy=TOO_LARGE)
    return answer.failure(access.now(), text, code)


def _reset(now: datetime, answer: Answer) -> datetime:
    """When to go on: `Retry-After`, else `RateLimit-Reset` in seconds since 1970, else in a minute."""
    said = answer.headers.get("ratelimit-reset", "").strip()
    if "retry-after" in answer.headers or not (said.isascii() and said.isdigit() and len(said) <= 12):
        return answer.retry_at(now)
    at = datetime.fromtimestamp(int(said), UTC)
    return min(max(at, now), now + _LONGEST_WAIT)
