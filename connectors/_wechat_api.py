"""One call to WeChat: the token, the errors told apart, nothing secret in what is raised.

The token comes from the account's provider (`_wechat_tokens`) and has one owner an account: the account's
memory, filled by one caller at a time.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from connectors._contract import Access
from connectors._errors import ConnectorError, Label, Throttled, Uncertain, Unreachable
from connectors._http import Answer
from connectors._wechat_codes import DONE, error_for

API_BASE = "https://api.weixin.qq.com"
_TOKEN = "token"  # noqa: S105 - the memory's key
_MARGIN = 60  # seconds; more would throw away a token handed out with its last 300 (section 2.2)
_LONGEST = 86_400
_WAIT = Label("微信网关限流，到时间会自动继续。", "WeChat's gateway limits us; goes on by itself.")


class Step(Enum):
    """What a lost answer of a call means."""

    READ = auto()
    PREPARE = auto()  # an upload or a draft: it changes something, but nothing becomes public
    PUBLIC = auto()  # the public write: only here a lost answer is Uncertain

    @property
    def doubt(self) -> type[Uncertain] | type[Unreachable]:
        return Uncertain if self is Step.PUBLIC else Unreachable


class WeChatApi:
    """The way to WeChat's interfaces for one account."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.base = (access.api_base or API_BASE).rstrip("/")
        self._held: str | None = None  # for the calls of one task: it is sealed in the database

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        return self._call("GET", path, Step.READ, params=params)

    def post(
        self, path: str, body: object, *, step: Step = Step.READ, allow: Collection[int] = ()
    ) -> dict[str, Any]:
        """The answer of a POST with a JSON body. Codes in `allow` come back instead of being raised."""
        return self._call("POST", path, step, allow=allow, json_body=body)

    def upload(
        self, path: str, name: str, content: bytes, content_type: str, **params: str
    ) -> dict[str, Any]:
        """The answer of a multipart upload; the field is called `media` (section 3)."""
        files = {"media": (name, content, content_type)}
        return self._call("POST", path, Step.PREPARE, params=params, files=files)

    def renew_token(self) -> None:
        """Forgets the token and fetches the platform's present one."""
        with self.access.memory.single_flight(_TOKEN):
            self.access.memory.forget(_TOKEN)
            self._held = self._fetch_token()

    def token(self) -> str:
        """The account's token, fetched when there is none. Raises NeedsPerson where it was withdrawn."""
        from connectors._wechat_tokens import provider_for

        memory = self.access.memory
        provider_for(self.access).require_standing()
        self._held = self._held or memory.get(_TOKEN)
        if self._held is None:
            with memory.single_flight(_TOKEN):
                self._held = memory.get(_TOKEN) or self._fetch_token()
        return self._held

    def _fetch_token(self) -> str:
        # Imported here: the providers call WeChat themselves.
        from connectors._wechat_tokens import provider_for

        asked = self.access.now()
        token, seconds = provider_for(self.access).fetch()
        until = asked + timedelta(seconds=min(seconds, _LONGEST) - _MARGIN)
        self.access.memory.put(_TOKEN, token, until=until)
        return token

    def _call(
        self,
        method: str,
        path: str,
        step: Step,
        *,
        params: Mapping[str, str | int] | None = None,
        json_body: object = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        allow: Collection[int] = (),
    ) -> dict[str, Any]:
        token = self.token()
        try:
            answer = self.access.http.call(
                method,
                self.base + path,
                writes=step is not Step.READ,
                params={"access_token": token, **(params or {})},
                json_body=json_body,
                files=files,
            )
            return self.checked(answer, step, allow, (token, self.access.credentials.get("secret", "")))
        except Uncertain as error:
            raise _told(error, step) from None

    def checked(
        self,
        answer: Answer,
        step: Step,
        allow: Collection[int],
        secrets: Collection[str],
        *,
        token_call: bool = False,
    ) -> dict[str, Any]:
        """The answer's object. No errcode is success: several interfaces send none (section 0)."""
        now = self.access.now()
        if answer.status == 429:
            wait = min(max(number(answer.headers.get("retry-after")) or 60, 1), _LONGEST)
            until = now + timedelta(seconds=wait)
            raise Throttled("too many requests", until=until, platform_code="HTTP 429", remedy=_WAIT)
        if answer.status >= 500:
            raise step.doubt("the platform's server failed", platform_code=f"HTTP {answer.status}")
        body = answer.json_object()
        if answer.status >= 400 and "errcode" not in body:
            raise step.doubt("an error without a code", platform_code=f"HTTP {answer.status}")
        code = number(body.get("errcode", 0))
        if code is None:
            raise step.doubt("the errcode is no number", platform_code="bad-answer")
        if code in (0, DONE) or code in allow:
            return body
        raise error_for(
            code,
            _without(text(body.get("errmsg")), secrets),
            now=now,
            doubt=step.doubt,
            token_call=token_call,
            monthly=self.access.credentials.get("kind") == "service",
        )


def _told(error: Uncertain, step: Step) -> ConnectorError:
    """What a lost answer means for this step: nothing public can have come of a preparation."""
    if step is Step.PUBLIC:
        return error
    return Unreachable(
        error.platform_text,
        platform_code=error.platform_code,
        remedy=error.remedy,
        request_id=error.request_id,
    )


def _without(told: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        told = told.replace(secret, "***") if secret else told
    return told


def code_of(answer: Mapping[str, Any]) -> int:
    """The errcode of an answer that was allowed to have one; 0 for success."""
    return number(answer.get("errcode")) or 0


def text(value: object) -> str:
    """A text or an id as text; ids come as numbers in one answer and as strings in the next."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def number(value: object) -> int | None:
    """A whole number that may stand there as a string; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    if isinstance(value, str) and value.strip().lstrip("-").isascii() and value.strip().lstrip("-").isdigit():
        return int(value) if len(value) < 40 else None
    return None


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; a single object counts as a list of one, anything else is left out."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]
