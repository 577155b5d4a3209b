"""The console's cookies: session, form key of who has none yet, language, theme, chosen unit.

Over https the secret ones are `__Host-`: only this host sets them, never a neighbour or a page without TLS.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

LANGUAGE, THEME, UNIT = "meizhen-language", "meizhen-theme", "meizhen-unit"
_SESSION, _FORM, _NEWS = "meizhen-session", "meizhen-form", "meizhen-news"
ROUND, PROOF = "meizhen-sign-on", "meizhen-proof"  # steps of a sign-on at the provider, sealed
_YEAR = timedelta(days=365)
_MOST_NEWS = 1000  # characters


def is_secure(request: HTTPConnection) -> bool:
    """Does the browser speak https with us (or with the reverse proxy that the settings name)?"""
    return request.url.scheme in ("https", "wss")


def session_token(request: HTTPConnection) -> str:
    """The token of the session that the browser came with; '' without one."""
    return request.cookies.get(_named(request, _SESSION), "")


def give_session(request: HTTPConnection, response: Response, token: str, lives: timedelta) -> None:
    """Hands the session to the browser; the form key of before has done its work."""
    _set(request, response, _SESSION, token, lives, samesite="lax")
    _drop(request, response, _FORM)


def take_session(request: HTTPConnection, response: Response) -> None:
    """The browser forgets the session."""
    _drop(request, response, _SESSION)


def form_key(request: HTTPConnection) -> str:
    """The random key of a browser without a session; '' where it has none yet."""
    return request.cookies.get(_named(request, _FORM), "")


def give_form_key(request: HTTPConnection, response: Response, key: str) -> None:
    _set(request, response, _FORM, key, None, samesite="strict")


def new_form_key() -> str:
    return secrets.token_urlsafe(24)


def give_step(request: HTTPConnection, response: Response, name: str, sealed: str, lives: timedelta) -> None:
    """What the browser holds between two steps of a sign-on; Lax, for it comes back from another site."""
    _set(request, response, name, sealed, lives, samesite="lax")


def step(request: HTTPConnection, name: str) -> str:
    """What the browser holds of a sign-on; '' without any."""
    return request.cookies.get(_named(request, name), "")


def take_step(request: HTTPConnection, response: Response, name: str) -> None:
    """The step is done."""
    _drop(request, response, name)


def keep(request: HTTPConnection, response: Response, name: str, value: str) -> None:
    """Keeps a wish of the browser's person (language, theme, unit) for a year; '' forgets it."""
    if not value:
        response.delete_cookie(name, path="/")
        return
    response.set_cookie(
        name, value, max_age=int(_YEAR.total_seconds()), secure=is_secure(request), path="/", samesite="lax"
    )


def leave_news(request: HTTPConnection, response: Response, key: str, params: Mapping[str, object]) -> None:
    """News for the next page: an entry of the catalogues with its facts, never a text of anybody's."""
    facts = {name: str(value) for name, value in params.items()}
    told = base64.urlsafe_b64encode(json.dumps([key, facts]).encode()).decode()
    if len(told) <= _MOST_NEWS:
        _set(request, response, _NEWS, told, timedelta(minutes=1), samesite="lax")


def read_news(request: HTTPConnection) -> tuple[str, dict[str, str]] | None:
    """The news that the page before left; None without any, or where it is no news of ours."""
    told = request.cookies.get(_named(request, _NEWS), "")
    try:
        key, facts = json.loads(base64.urlsafe_b64decode(told.encode()))
    except ValueError:
        return None
    if not isinstance(key, str) or not isinstance(facts, dict):
        return None
    return key, {str(name): str(value) for name, value in facts.items()}


def drop_news(request: HTTPConnection, response: Response) -> None:
    _drop(request, response, _NEWS)


def _named(request: HTTPConnection, name: str) -> str:
    return f"__Host-{name}" if is_secure(request) else name


def _set(
    request: HTTPConnection,
    response: Response,
    name: str,
    value: str,
    lives: timedelta | None,
    *,
    samesite: Literal["lax", "strict"],
) -> None:
    response.set_cookie(
        _named(request, name),
        value,
        max_age=None if lives is None else int(lives.total_seconds()),
        secure=is_secure(request),
        httponly=True,
        samesite=samesite,
        path="/",
    )


def _drop(request: HTTPConnection, response: Response, name: str) -> None:
    response.delete_cookie(
        _named(request, name), path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )
