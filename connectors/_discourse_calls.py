"""Calls to a forum under an API key, and what an unhappy answer means."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors._answer import WRONG_ADDRESS, WRONG_RIGHTS
from connectors._contract import Access
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused, Throttled
from connectors._http import Answer
from connectors._json import line

NEW_KEY = Label(
    "论坛不认这个 API 密钥或用户名：请管理员在“管理 → API”核对密钥、用户和权限范围（topics、uploads）。",
    "The forum does not take this API key or user name: its administrator checks key, user and scopes"
    " (topics, uploads) under Admin → API.",
)
CHANGE = Label(
    "论坛不接受这条内容（标题太短、与近期内容相似……），请按提示修改后重发。",
    "The forum does not take this topic (title too short, like a recent one, …): change it.",
)
SMALLER = Label("图片太大，请缩小后重发。", "A picture is too large: make it smaller and send again.")
RULES: Mapping[str, Label] = {
    "invalid_access": NEW_KEY,
    "not_logged_in": NEW_KEY,
    "invalid_api_key": NEW_KEY,
    "not_found": WRONG_ADDRESS,
    "record_invalid": CHANGE,
    "invalid_parameters": CHANGE,
    "401": NEW_KEY,
    "403": NEW_KEY,
    "413": SMALLER,
    "422": CHANGE,
}
_LONGEST_WAIT = 86_400


def ask(access: Access, path: str, params: Mapping[str, str | int] | None = None) -> Answer:
    """The forum's answer to a question, whatever its status, a redirect too."""
    url = f"{access.api_base.rstrip('/')}{path}"
    return access.http.call(
        "GET", url, writes=False, params=params, headers=_who(access), redirect_tells=True
    )


def get(access: Access, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
    """The object that the forum answers with. Raises what `failure` tells."""
    answer = ask(access, path, params)
    if answer.status != 200:
        raise failure(access, answer)
    return answer.json_object()


def post(access: Access, body: Mapping[str, object]) -> Answer:
    """The answer to a new topic, whatever its status."""
    url = f"{access.api_base.rstrip('/')}/posts.json"
    return access.http.call("POST", url, writes=True, json_body=dict(body), headers=_who(access))


def upload(access: Access, file: tuple[str, bytes, str]) -> Answer:
    """The answer to a picture, a success. Not a write: what no topic names is swept away."""
    answer = access.http.call(
        "POST",
        f"{access.api_base.rstrip('/')}/uploads.json",
        writes=False,
        form={"upload_type": "composer", "synchronous": "true"},
        files={"file": file},
        headers=_who(access),
    )
    if answer.status != 200:
        raise failure(access, answer)
    return answer


def kind_of(answer: Answer) -> str:
    """The `error_type` that an unhappy answer names; '' for a page of somebody else's."""
    return line(_told(answer).get("error_type"), 60)


def failure(access: Access, answer: Answer) -> ConnectorError:
    told, kind, now = _told(answer), kind_of(answer), access.now()
    code = kind or str(answer.status)
    errors = told.get("errors")
    words = line("; ".join(map(str, errors)), 200) if isinstance(errors, list) else ""
    if 300 <= answer.status < 400:
        return answer.bad("a redirect to elsewhere")
    if answer.status == 429:
        extras = told.get("extras")
        wait = extras.get("wait_seconds") if isinstance(extras, dict) else None
        until = answer.retry_at(now)
        if "retry-after" not in answer.headers and isinstance(wait, int) and not isinstance(wait, bool):
            until = now + timedelta(seconds=min(max(wait, 0), _LONGEST_WAIT))
        code = line(answer.headers.get("discourse-rate-limit-error-code"), 60) or code
        return Throttled(words, platform_code=code, until=until)
    if answer.status in (401, 403):
        return NeedsPerson(
            words or answer.excerpt(), platform_code=code, remedy=RULES.get(code, WRONG_RIGHTS)
        )
    if answer.status == 413:
        return Refused(words or answer.excerpt(), platform_code=code, remedy=SMALLER)
    if answer.status in (400, 422) and (kind or words):
        return Refused(words, platform_code=code, remedy=CHANGE)
    return answer.failure(now, words, kind)


def _told(answer: Answer) -> dict[str, Any]:
    try:
        return answer.json_object()
    except ConnectorError:
        return {}


def _who(access: Access) -> dict[str, str]:
    credentials = access.credentials
    return {"Api-Key": credentials["api_key"], "Api-Username": credentials["api_username"]}
