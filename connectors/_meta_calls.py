"""Calls to Meta's graph, under the account's version, and what its unhappy answers mean.

The token travels in a header, never in an address. Limits are told in percent (`X-App-Usage`,
`X-Business-Use-Case-Usage`), and only after enough calls: above 80 percent figures wait, publishing goes on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors._contract import Access, CredentialField
from connectors._errors import ConnectorError, Label, Throttled, Unreachable
from connectors._http import Answer
from connectors._json import remote_id, strict_json, whole
from connectors._meta_errors import APP_LIMIT, RULES
from connectors._reactions import WAIT, error_for
from connectors._wording import told_without_secrets

TOKEN_FIELD = CredentialField(
    "access_token", Label("访问令牌 access_token", "Access token"), pattern=r"[\x21-\x7e]{8,1000}"
)
_BUSY_PERCENT = 80
_PAUSE = timedelta(minutes=10)  # for figures, where the header names no time
_LONGEST_WAIT = timedelta(days=1)
_CALM = "calm-at"
_PERCENTS = ("call_count", "total_time", "total_cputime")
_REGAIN = "estimated_time_to_regain_access"  # minutes
_MOST_PAGES = 200
Params = Mapping[str, str | int]
File = tuple[str, bytes, str]  # name, bytes, type


def version_field(default: str) -> CredentialField:
    """The form's field of the graph's version: versions expire, so it is the account's to change."""
    label = Label(f"接口版本（空是 {default}）", f"Version of the interface ({default} if empty)")
    return CredentialField(
        "api_version", label, secret=False, required=False, pattern=r"v[0-9]{1,3}\.[0-9]{1,2}"
    )


@dataclass(frozen=True)
class Graph:
    """The way to one platform's graph for one account."""

    access: Access
    base: str
    version: str

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """The answer to a question."""
        return self._told(self._call("GET", path, params=params), writes=False)

    def spare(self) -> None:
        """Before a call for figures: Throttled while Meta says that most of the calls are used."""
        until = self.access.memory.get(_CALM)
        if until is not None:
            told, at = "most of the calls are used", datetime.fromisoformat(until)
            raise Throttled(told, platform_code="usage", until=at, remedy=WAIT)

    def pages(self, path: str, params: Params) -> Iterator[dict[str, Any]]:
        """Every row of a list, over all its pages. Raises Unreachable where they do not end."""
        asked = dict(params)
        for _ in range(_MOST_PAGES):
            told = self.get(path, asked)
            yield from rows(told)
            after = _after(told)
            if after is None:
                return
            if after == asked.get("after"):
                break
            asked["after"] = after
        raise Unreachable("the pages do not end", platform_code="bad-answer")

    def prepare(self, path: str, fields: Mapping[str, str], file: File | None = None) -> str:
        """The id of something that nobody sees before it is published: not a write."""
        return self._made(path, fields, file, writes=False)

    def publish(self, path: str, fields: Mapping[str, str]) -> str:
        """The id of what readers see from now on."""
        return self._made(path, fields, None, writes=True)

    def _made(self, path: str, fields: Mapping[str, str], file: File | None, *, writes: bool) -> str:
        files = {"source": file} if file is not None else None
        answer = self._call("POST", path, writes=writes, form=fields, files=files)
        found = remote_id(self._told(answer, writes=writes).get("id"))
        if found is None or not found.replace("_", "").isalnum():
            raise answer.bad("no id")
        return found

    def _call(
        self,
        method: str,
        path: str,
        *,
        writes: bool = False,
        params: Params | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> Answer:
        base = (self.access.api_base or self.base).rstrip("/")
        version = self.access.credentials.get("api_version") or self.version
        return self.access.http.call(
            method,
            f"{base}/{version}/{path}",
            writes=writes,
            params=params,
            form=form,
            files=files,
            headers={"Authorization": f"Bearer {self.access.credentials['access_token']}"},
        )

    def _told(self, answer: Answer, *, writes: bool) -> dict[str, Any]:
        now, usage = self.access.now(), _usage(answer.headers)
        if usage.percent > _BUSY_PERCENT:
            until = now + (usage.regain or _PAUSE)
            self.access.memory.put(_CALM, until.isoformat(), until=until)
        error = _error(answer)
        if error is not None:
            raise self._failure(error, usage, writes=writes)
        if answer.status != 200:
            raise answer.failure(now, told_without_secrets(self.access, answer.excerpt()))
        return answer.json_object()

    def _failure(self, error: Mapping[str, Any], usage: "_Usage", *, writes: bool) -> ConnectorError:
        code, subcode, now = whole(error.get("code")), whole(error.get("error_subcode")), self.access.now()
        words = told_without_secrets(self.access, error.get("message"))
        text = words if subcode is None else f"{words} (subcode {subcode})"
        trace = told_without_secrets(self.access, error.get("fbtrace_id"), 60)
        made = error_for(RULES, str(code), text, writes=writes, now=now, request_id=trace)
        if isinstance(made, Throttled):
            made.until = now + usage.regain if usage.regain else made.until
            made.app_wide = code == APP_LIMIT
        return made


@dataclass(frozen=True)
class _Usage:
    """How much of its calls the fullest limit has used, and how long the longest wait is, where told."""

    percent: int
    regain: timedelta | None


def _usage(headers: Mapping[str, str]) -> _Usage:
    cases = [_header(headers, "x-app-usage")]
    for listed in _header(headers, "x-business-use-case-usage").values():
        cases += [case for case in listed if isinstance(case, dict)] if isinstance(listed, list) else []
    percent = max(whole(case.get(name)) or 0 for case in cases for name in _PERCENTS)
    minutes = max(whole(case.get(_REGAIN)) or 0 for case in cases)
    regain = timedelta(minutes=min(minutes, _LONGEST_WAIT // timedelta(minutes=1)))
    return _Usage(percent, regain or None)


def _header(headers: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        told = strict_json(headers.get(name, "").encode())
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _error(answer: Answer) -> dict[str, Any] | None:
    """The `error` of the answer; None where it has none that can be read."""
    try:
        told = answer.json_object().get("error")
    except ConnectorError:
        return None
    return told if isinstance(told, dict) and whole(told.get("code")) is not None else None


def rows(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The list in an answer. Raises Unreachable where there is none."""
    data = told.get("data")
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise Unreachable("expected a list", platform_code="bad-answer")
    return data


def _after(told: Mapping[str, Any]) -> str | None:
    """Where the next page begins; None at the end. Its address is not followed: it holds the token."""
    paging = told.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    return remote_id(cursors.get("after")) if isinstance(cursors, dict) else None
