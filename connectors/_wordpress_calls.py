"""Calls to a site's REST API, and what an unhappy answer means: by its `code`, then by its status."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from connectors._answer import WRONG_ADDRESS, WRONG_RIGHTS
from connectors._contract import Access
from connectors._errors import ConnectorError, Label, NeedsPerson, Refused
from connectors._http import Answer
from connectors._json import line

NEW_PASSWORD = Label(
    "请在网站后台“用户 → 个人资料 → 应用程序密码”新建密码再填到这里；"
    "密码没错时，请主机商放行 Authorization 请求头。",
    "Make a new application password (Users → Profile) and enter it here; if it is right, the host strips the"
    " Authorization header and must let it pass.",
)
MORE_RIGHTS = Label(
    "这个网站用户没有发布权限，请把角色改为“作者”或“编辑”。",
    "This user of the site may not publish: make them Author or Editor.",
)
NO_ROUTE = Label(
    "网站没有这个接口：api_base 应为网站地址，固定链接不能用“朴素”，接口不能被插件关掉。",
    "The site has no such interface: api_base is the site's address, permalinks must not be plain, and no"
    " plugin may shut the REST API.",
)
CHANGE = Label("网站不接受这篇内容，请按提示修改后重发。", "The site does not take this post: change it.")
SMALLER = Label(
    "网站不收这张图（类型或大小），请换成较小的 JPG 或 PNG。",
    "The site does not take this picture (kind or size): use a smaller JPG or PNG.",
)
GONE = Label("网站上已经没有这一项。", "The site has it no longer.")
_PASSWORD_CODES = frozenset({"rest_not_logged_in", "incorrect_password", "invalid_username", "invalid_email"})
_PICTURE_CODES = frozenset({"rest_upload_sideload_error", "rest_upload_file_too_big", "rest_upload_no_data"})
RULES: Mapping[str, Label] = {
    **dict.fromkeys(_PASSWORD_CODES, NEW_PASSWORD),
    **dict.fromkeys(_PICTURE_CODES, SMALLER),
    "rest_cannot_create": MORE_RIGHTS,
    "rest_cannot_publish": MORE_RIGHTS,
    "rest_cannot_edit": MORE_RIGHTS,
    "rest_forbidden_context": MORE_RIGHTS,
    "rest_no_route": NO_ROUTE,
    "rest_invalid_param": CHANGE,
    "rest_missing_callback_param": CHANGE,
    "empty_content": CHANGE,
    "rest_post_invalid_id": GONE,
    "rest_term_invalid": GONE,
    "401": WRONG_RIGHTS,
    "403": WRONG_RIGHTS,
    "404": WRONG_ADDRESS,
    "413": SMALLER,
}


def get(access: Access, path: str, params: Mapping[str, str | int] | None = None) -> Answer:
    """The site's answer to a question, a success. Raises what `failure` tells."""
    answer = access.http.call(
        "GET", _address(access, path), writes=False, params=params, headers=_who(access)
    )
    return fine(access, answer)


def post(access: Access, path: str, body: Mapping[str, object], *, writes: bool) -> Answer:
    """The site's answer, whatever its status."""
    return access.http.call(
        "POST", _address(access, path), writes=writes, json_body=dict(body), headers=_who(access)
    )


def upload(access: Access, file: tuple[str, bytes, str]) -> Answer:
    """The answer to a picture. Not a write: what no post names harms nothing."""
    name, content, content_type = file
    headers = {
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
        **_who(access),
    }
    return access.http.call(
        "POST", _address(access, "/wp/v2/media"), writes=False, raw=content, headers=headers
    )


def fine(access: Access, answer: Answer) -> Answer:
    """The answer where it is a success. Raises what `failure` tells."""
    if answer.status in (200, 201):
        return answer
    raise failure(access, answer)


def listed(answer: Answer) -> list[dict[str, Any]]:
    """The answer's list of objects. Raises what an unreadable answer means."""
    items = answer.json()
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise answer.bad("expected a list of objects")
    return items


def total(answer: Answer, name: str = "x-wp-total") -> int | None:
    """A count that a list's headers tell; None where they do not."""
    said = answer.headers.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 16 else None


def code_of(answer: Answer) -> str:
    """The code that an unhappy answer names; '' for a page of the host's or a plugin's."""
    code = _told(answer).get("code")
    return code if isinstance(code, str) and len(code) <= 64 and code.replace("_", "").isalnum() else ""


def failure(access: Access, answer: Answer) -> ConnectorError:
    code, told = code_of(answer), line(_told(answer).get("message"), 200)
    if code in _PICTURE_CODES or answer.status == 413:
        # A forbidden kind of file comes as 500 and stays forbidden (seen).
        return Refused(told or answer.excerpt(), platform_code=code or "413", remedy=SMALLER)
    if code == "rest_no_route":
        return NeedsPerson(told, platform_code=code, remedy=NO_ROUTE)
    if code and answer.status in (401, 403):
        return NeedsPerson(told, platform_code=code, remedy=RULES.get(code, WRONG_RIGHTS))
    if code and 400 <= answer.status < 500 and answer.status not in (408, 409, 425, 429):
        return Refused(told, platform_code=code, remedy=RULES.get(code, CHANGE))
    return answer.failure(access.now(), told, code)


def _told(answer: Answer) -> dict[str, Any]:
    try:
        return answer.json_object()
    except ConnectorError:
        return {}


def _address(access: Access, path: str) -> str:
    return f"{access.api_base.rstrip('/')}/wp-json{path}"


def _who(access: Access) -> dict[str, str]:
    secret = access.credentials["app_password"].replace(" ", "")
    pair = f"{access.credentials['user']}:{secret}".encode()
    return {"Authorization": f"Basic {b64encode(pair).decode()}"}
