"""Renewing an OAuth 2 token (RFC 6749, section 6)."""

from collections.abc import Mapping

from connectors._contract import Access
from connectors._errors import ConnectorError, NeedsPerson, Unreachable
from connectors._http import Answer
from connectors._json import line
from connectors._reactions import SIGN_IN
from connectors._tokens import Pair


def exchanged(
    access: Access,
    url: str,
    renewing: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
) -> Pair:
    """The new access token, and the token that renews it: the old one where no other comes.

    Raises NeedsPerson where the authorisation has ended. Sent once: some servers spend a renewing token.
    """
    form = {"grant_type": "refresh_token", "refresh_token": renewing, **fields}
    answer = access.http.call("POST", url, writes=False, form=form, headers=headers, once=True)
    if answer.status != 200:
        raise _failure(access, answer)
    told = answer.json_object()
    token, again = told.get("access_token"), told.get("refresh_token")
    if not isinstance(token, str) or not token:
        raise Unreachable("the answer holds no token", platform_code="bad-answer")
    return token, again if isinstance(again, str) and again else renewing


def _failure(access: Access, answer: Answer) -> ConnectorError:
    """Only the code of the error is kept: descriptions may repeat tokens."""
    try:
        code = line(answer.json_object().get("error"), 60)
    except ConnectorError:
        code = ""
    if answer.status in (400, 401, 403):
        return NeedsPerson("the token was not renewed", platform_code=code or "no-refresh", remedy=SIGN_IN)
    return answer.failure(access.now(), f"HTTP {answer.status}", code)
