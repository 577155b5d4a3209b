"""The gate of all pages: is the form one of our own, and does the rule of the route let this person in?

A form of another site is known by what the browser says of it (`Sec-Fetch-Site`, `Origin`) and by the form
token, which only pages of this session hold. The token is masked anew in each page, so that a compressed
page never repeats a secret (BREACH).
"""

import hashlib
import hmac
import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from config.errors import MeizhenError
from organisation import may_somewhere, not_allowed
from web.access import Door, rule_of
from web.bodies import refuse_large
from web.cookies import form_key, session_token
from web.viewer import NotSignedIn, Viewer, viewer_or_none

FIELD = "_token"
_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD"})


def form_token(secret: str) -> str:
    """A token for the forms of one page, from the secret that the browser holds in its cookie."""
    salt = secrets.token_urlsafe(12)
    return f"{salt}.{_mask(salt, secret)}"


def secret_of(request: Request) -> str:
    """What a browser's form tokens are made from: its session, or the form key where it has none."""
    return session_token(request) or form_key(request)


def _mask(salt: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"form:{salt}".encode(), hashlib.sha256).hexdigest()


def _fits(token: str, secret: str) -> bool:
    salt, _, mask = token.partition(".")
    return bool(secret) and hmac.compare_digest(_mask(salt, secret).encode(), mask.encode("utf-8", "replace"))


def _comes_from_here(request: Request) -> bool:
    """What the browser says of where the form stood; one that says nothing is left to the token."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc == request.headers.get("host", "")


async def gate(request: Request, found: Annotated[Viewer | None, Depends(viewer_or_none)]) -> None:
    """A dependency of all pages. Raises NotSignedIn, `web.foreign_form`, `web.too_large`, or as `require`."""
    _let_in(request, found)
    if request.method in _SAFE:
        return
    if not _comes_from_here(request):
        raise MeizhenError("web.foreign_form")
    refuse_large(request.headers)
    token = request.headers.get(_HEADER, "")
    if not token and "form" in request.headers.get("content-type", ""):
        told = (await request.form()).get(FIELD, "")
        token = "" if isinstance(told, UploadFile) else told
    if not _fits(token, secret_of(request)):
        raise MeizhenError("web.foreign_form")


def _let_in(request: Request, found: Viewer | None) -> None:
    rule = rule_of(request.scope["endpoint"])
    if rule is None:
        return
    if found is None:
        raise NotSignedIn
    if isinstance(rule, Door) or may_somewhere(found.standing, rule):
        return
    if found.standing.enrolling:
        raise MeizhenError("organisation.enrol_first", login=found.standing.login)
    raise not_allowed(found.standing, rule)
