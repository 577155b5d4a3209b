"""Calls to a site's Admin API under a token made for each, and what an unhappy answer means."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from connectors._answer import WRONG_ADDRESS, WRONG_RIGHTS
from connectors._contract import Access
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused
from connectors._http import Answer
from connectors._json import line

_VERSION = "v5.0"  # what every server from 5 on answers
_LIFE = timedelta(minutes=5)  # the longest that the server takes
NEW_KEY = Label(
    "网站不认这个密钥：请核对“设置 → 集成”里的 Admin API 密钥，并校准两台机器的时钟（相差不能超过五分钟）。",
    "The site does not know this key: compare the Admin API key (Settings → Integrations) and set both"
    " machines' clocks, which may differ by five minutes at most.",
)
TOO_OLD = Label("网站版本太旧，需要 5 或更新。", "The site's version is too old: 5 or newer is needed.")
CHANGE = Label("网站不接受这篇内容，请按提示修改后重发。", "The site does not take this post: change it.")
SMALLER = Label(
    "网站不收这张图（损坏、类型或大小），请换一张。",
    "The site does not take this picture (damaged, kind or size): use another.",
)
RULES: Mapping[str, Label] = {
    "INVALID_JWT": NEW_KEY,
    "UNKNOWN_ADMIN_API_KEY": NEW_KEY,
    "UnauthorizedError": NEW_KEY,
    "NoPermissionError": WRONG_RIGHTS,
    "NotFoundError": WRONG_ADDRESS,
    "RequestNotAcceptableError": TOO_OLD,
    "ValidationError": CHANGE,
    "BadRequestError": CHANGE,
    "UnsupportedMediaTypeError": SMALLER,
    "413": SMALLER,
}


def get(access: Access, path: str, params: Mapping[str, str | int] | None = None) -> Answer:
    """The site's answer to a question, a success. Raises what `failure` tells."""
    answer = access.http.call(
        "GET", _address(access, path), writes=False, params=params, headers=_who(access)
    )
    if answer.status != 200:
        raise failure(access, answer)
    return answer


def post(access: Access, path: str, body: object) -> Answer:
    """The answer to something new, a success. Raises what `failure` tells."""
    answer = access.http.call(
        "POST", _address(access, path), writes=True, json_body=body, headers=_who(access)
    )
    if answer.status != 201:
        raise failure(access, answer)
    return answer


def upload(access: Access, file: tuple[str, bytes, str]) -> Answer:
    """The answer to a picture, a success. Not a write: what no post names harms nothing."""
    answer = access.http.call(
        "POST",
        _address(access, "/images/upload/"),
        writes=False,
        form={"purpose": "image"},
        files={"file": file},
        headers=_who(access),
    )
    if answer.status != 201:
        raise failure(access, answer)
    return answer


def failure(access: Access, answer: Answer) -> ConnectorError:
    """By the error's own code or type: the same status means different things."""
    kind, code, told = _told(answer)
    name = code if code in RULES else kind or code
    if code in ("INVALID_JWT", "UNKNOWN_ADMIN_API_KEY") or kind == "UnauthorizedError":
        return NeedsPerson(told, platform_code=name, remedy=NEW_KEY)
    if kind == "RequestNotAcceptableError":
        return NeedsPerson(told, platform_code=name, remedy=TOO_OLD)
    if answer.status in (413, 415):
        return Refused(told or answer.excerpt(), platform_code=name or str(answer.status), remedy=SMALLER)
    if kind in ("ValidationError", "BadRequestError"):
        return Refused(told, platform_code=name, remedy=CHANGE)
    return answer.failure(access.now(), told, name)


def token(access: Access) -> str:
    """A JSON Web Token of five minutes, signed with the key's secret half (sheet, Auth)."""
    name, secret = access.credentials["admin_key"].split(":")
    now: datetime = access.now()
    issued = int(now.timestamp())
    head = {"alg": "HS256", "typ": "JWT", "kid": name}
    claims = {"iat": issued, "exp": issued + int(_LIFE.total_seconds()), "aud": "/admin/"}
    signed = f"{_encoded(head)}.{_encoded(claims)}"
    mac = hmac.new(bytes.fromhex(secret), signed.encode(), sha256).digest()
    return f"{signed}.{_base64(mac)}"


def _encoded(part: Mapping[str, object]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _told(answer: Answer) -> tuple[str, str, str]:
    """Type, code and words of the first error; '' where the answer is no error of the site's own."""
    try:
        errors = answer.json_object().get("errors")
    except ConnectorError:
        return "", "", ""
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    words = [line(first[name], 200) for name in ("message", "context") if first.get(name)]
    return line(first.get("type"), 60), line(first.get("code"), 60), ": ".join(words)


def _address(access: Access, path: str) -> str:
    return f"{access.api_base.rstrip('/')}/ghost/api/admin{path}"


def _who(access: Access) -> dict[str, str]:
    return {"Authorization": f"Ghost {token(access)}", "Accept-Version": _VERSION}
