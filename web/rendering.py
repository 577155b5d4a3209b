"""Pages from templates: what comes from outside is escaped, every text comes from the catalogues."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Context
from jinja2.utils import pass_context
from markupsafe import Markup, escape

from config.messages import present_language, text
from organisation import Act
from scheduler.notices import count_notices
from scheduler.queue import stop_of
from web import cookies
from web.assets import built_assets
from web.gate import FIELD, form_token, secret_of
from web.kept_pages import tell_page
from web.moments import ago, clock_time, day, for_input, moment, seconds
from web.rail import is_here, rooms_for
from web.viewer import Viewer, ages_of, desk_of

_TEMPLATES = Path(__file__).with_name("templates")
_MOST_BELLS = 99
THEMES = ("light", "dark")
_CELL = re.compile(r"<(td|th)(?=[\s>])")
# This host only; pictures may be data too, for the marks in Tabler's CSS.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def page(
    request: Request,
    viewer: Viewer | None,
    template: str,
    facts: Mapping[str, object] | None = None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A page, or a part of one for htmx (templates whose name begins with `_`), as an answer.

    Templates find `viewer`, `now`, `token` and the facts; pages extend `_page.html`.
    """
    desk = desk_of(request)
    fresh = "" if secret_of(request) else cookies.new_form_key()
    now = desk.clock.now()
    token = form_token(secret_of(request) or fresh)
    common: dict[str, object] = {
        "request": request,
        "viewer": viewer,
        "now": now,
        "token": token,
        "acts": Act,
    }
    whole = not template.rpartition("/")[2].startswith("_")
    if whole:
        common |= _frame(request, viewer)
    if viewer is not None:
        tell_page(request, token, viewer.signed, ages_of(desk))
    told = environment().get_template(template).render({**common, **(facts or {})})
    response = HTMLResponse(told, status, dict(headers or {}))
    response.headers["Content-Security-Policy"] = POLICY
    if fresh:
        cookies.give_form_key(request, response, fresh)
    if whole and common["news"]:
        cookies.drop_news(request, response)
    return response


def _frame(request: Request, viewer: Viewer | None) -> dict[str, object]:
    """What the frame around every page shows."""
    desk = desk_of(request)
    theme = request.cookies.get(cookies.THEME, "")
    frame: dict[str, object] = {
        "assets": built_assets(),
        "theme": theme if theme in THEMES else "auto",
        "demo": desk.demo,
        "news": _news(request),
        "rooms": [],
        "stop": None,
    }
    if viewer is not None:
        frame["rooms"] = [(room, is_here(room, request.url.path)) for room in rooms_for(request, viewer)]
        with desk.database.read() as session:
            frame["stop"] = stop_of(session)
            frame["bell"] = count_notices(
                session,
                viewer.within(Act.QUEUE_READ),
                whole=viewer.may(Act.QUEUE_READ),
                limit=_MOST_BELLS,
            )
    return frame


def _news(request: Request) -> str:
    left = cookies.read_news(request)
    if left is None:
        return ""
    try:
        return text(left[0], **left[1])
    except (KeyError, OSError, ValueError, IndexError):  # no entry of ours
        return ""


def go(request: Request, address: str, news: str = "", **params: object) -> Response:
    """On to another page after an act, with news for it (an entry of the catalogues and its facts)."""
    response: Response
    if request.headers.get("hx-request") == "true":
        response = Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": address})
    else:
        response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    if news:
        cookies.leave_news(request, response, news, params)
    return response


def told_as_toast(told: str, kind: str = "success") -> dict[str, str]:
    """Headers that have the console show a toast beside whatever part is swapped in."""
    return {"HX-Trigger": json.dumps({"toast": {"text": told, "kind": kind}})}


def own_address(told: str, otherwise: str = "/") -> str:
    """An address of this console; anything that leads elsewhere becomes `otherwise`."""
    fine = told.startswith("/") and not told.startswith(("//", "/\\")) and told.isprintable()
    return told if fine else otherwise


@cache
def environment() -> Environment:
    """The templates with their functions: `t`, `icon`, `state_badge`, and the filters for times."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "t": text,
        "language": present_language,
        "icon": _icon,
        "hidden_token": _hidden_token,
        "moment": moment,
        "day": day,
        "ago": ago,
    }
    made.filters |= {
        "clock_time": clock_time,
        "for_input": for_input,
        "seconds": seconds,
        "cells": cells_named,
    }
    return made


def cells_named(row: Markup, columns: Sequence[str]) -> Markup:
    """The cells of one row of a table, each with its role and the name of its column."""
    names = iter(columns)

    def named(cell: re.Match[str]) -> str:
        role = "rowheader" if cell[1] == "th" else "cell"
        return f'<{cell[1]} role="{role}" data-label="{escape(next(names, ""))}"'

    return Markup(_CELL.sub(named, row))  # noqa: S704 - both are escaped already


def _icon(name: str, css: str = "") -> Markup:
    """A decorative icon of the built sprite; nothing where nothing was built."""
    return _drawn(built_assets().icons, name, css)


@cache
def _drawn(address: str, name: str, css: str) -> Markup:
    if not address:
        return Markup("")
    return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        css, address, name
    )


@pass_context
def _hidden_token(context: Context) -> Markup:
    """The hidden input that every form of a page carries."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, context["token"])
