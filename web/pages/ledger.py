"""台账: who did what, whether anybody changed it since, and the whole of it as a file."""

import tempfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from config.clock import SHANGHAI
from config.errors import MeizhenError
from organisation import Act, entries_of, export_entries, read_heads, record, require, verify
from organisation.ledger_export import HEADS_FILE
from organisation.permissions import HOUSE
from web.access import ruled
from web.act_words import act_told, acts, facts_told
from web.desk import Desk
from web.rendering import page
from web.viewer import Viewer, Viewing

_ROWS = 50
_Word = Annotated[str, Query(max_length=200)]
_Day = Annotated[str, Form(max_length=10)]


def ledger_router(desk: Desk) -> APIRouter:
    """`/ledger`. Whoever may not read the whole house's sees what they did themselves."""
    router = APIRouter()

    @router.get("/ledger")
    @ruled(Act.LEDGER_READ)
    def ledger(
        request: Request,
        viewer: Viewing,
        actor: _Word = "",
        act: _Word = "",
        subject: _Word = "",
        before: Annotated[int | None, Query(ge=1, lt=2**62)] = None,
    ) -> Response:
        whole = viewer.may(Act.LEDGER_READ)
        with desk.database.read() as session:
            entries = entries_of(
                session,
                actor=(actor.strip() or None) if whole else viewer.actor,
                act=act.strip() or None,
                subject=subject.strip() or None,
                before=before,
                limit=_ROWS + 1,
            )
        filters = {"actor": actor, "act": act, "subject": subject}
        kept = {name: told for name, told in filters.items() if told}
        older = urlencode(kept | {"before": entries[_ROWS - 1].seq}) if len(entries) > _ROWS else ""
        facts = {
            "entries": entries[:_ROWS],
            "act_told": act_told,
            "facts_told": facts_told,
            "known_acts": acts(),
            "filters": filters,
            "filtered": bool(kept),
            "older": older,
            "newest": before is None,
            "whole": whole,
            "exports": viewer.may(Act.LEDGER_EXPORT),
        }
        return page(request, viewer, "ledger.html", facts)

    @router.post("/ledger/verify")
    @ruled(Act.LEDGER_READ)
    def check(request: Request, viewer: Viewing) -> Response:
        _require_whole(viewer, Act.LEDGER_READ)
        noted = read_heads(desk.settings.home / HEADS_FILE)
        with desk.database.read() as session:
            report = verify(session, desk.keys, noted)
        part = request.headers.get("hx-request") == "true"
        template = "parts/_ledger_report.html" if part else "ledger_report.html"
        return page(request, viewer, template, {"report": report})

    @router.post("/ledger/export")
    @ruled(Act.LEDGER_EXPORT)
    def export(viewer: Viewing, since: _Day = "", until: _Day = "") -> Response:
        _require_whole(viewer, Act.LEDGER_EXPORT)
        first, last = _midnight(since), _midnight(until)
        after = None if last is None else last + timedelta(days=1)
        folder = Path(tempfile.mkdtemp(prefix="meizhen-ledger-"))
        file = folder / "ledger.jsonl"
        try:
            with desk.database.read() as session:
                export_entries(session, file, since=first, until=after)
            with desk.database.write() as session:
                record(
                    session,
                    desk.keys,
                    at=desk.clock.now(),
                    actor=viewer.actor,
                    act="ledger.export",
                    subject="house",
                    details={"since": since, "until": until},
                )
        except BaseException:
            _forget(folder)
            raise
        return FileResponse(
            file,
            media_type="application/x-ndjson",
            filename=f"ledger-{viewer.now.astimezone(SHANGHAI):%Y%m%d}.jsonl",
            background=BackgroundTask(_forget, folder),
        )

    return router


def _require_whole(viewer: Viewer, act: Act) -> None:
    require(viewer.standing, act, HOUSE)


def _forget(folder: Path) -> None:
    """The file that was sent, with what was left of a draft of it."""
    for file in folder.iterdir():
        file.unlink(missing_ok=True)
    folder.rmdir()


def _midnight(told: str) -> datetime | None:
    """The beginning of a Beijing day; None for ''. Raises MeizhenError `input.not_a_date`."""
    if not told:
        return None
    try:
        day = date.fromisoformat(told)
    except ValueError:
        raise MeizhenError("input.not_a_date", received=told[:40]) from None
    return datetime.combine(day, time(), SHANGHAI)
