"""写稿: master and copies, looked at and kept while one types; handed over as a draft, to review, or out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from sqlmodel import Session, col, select
from starlette.datastructures import FormData, UploadFile
from starlette.responses import FileResponse, HTMLResponse, JSONResponse

from config.errors import MeizhenError
from config.messages import present_language, text
from connectors import Finding, connector_for, pasted_page, platforms
from organisation import Account, Act, in_sight
from organisation.checkups import checkups_of, is_fresh
from scheduler import working_copies as copies
from scheduler.campaign_counting import Cell, campaigns_offered, cell_of_post, place_post
from scheduler.campaign_places import require_sight
from scheduler.checking import Examiner
from scheduler.composing import compose
from scheduler.covers import Shape, can_be_cut, cut_cover
from scheduler.library import add_media, keep_all, page_of_library, require_media
from scheduler.media import MediaFile, media_path
from scheduler.posts import parse_due
from scheduler.previews import look_of
from scheduler.review import submit
from scheduler.review_content import contents_of
from scheduler.review_drafts import find_draft, send_draft
from scheduler.working_copies import Own, WorkingCopy, Writing, writing_from
from web.access import ruled
from web.bodies import MOST_WITH_FILM
from web.desk import Desk
from web.moments import for_input
from web.pages._writing_form import (
    SentForm,
    accounts_in,
    accounts_in_reach,
    cut_in,
    due_of,
    examined,
    field_of,
    holder_of,
    number_of,
    writable,
    writing_in,
)
from web.pages.accounts import in_language
from web.post_places import may_everywhere, require_posts
from web.refusals import status_of
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_LOOK = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
_MOST_FILES, _SHOWN = 20, 60
_AT_ONCE, _PATIENCE = 4, 8.0  # accounts and seconds, for what platforms say of the accounts


def writing_router(desk: Desk) -> APIRouter:
    """`/posts/new`, `/posts/{id}/edit`, and what the page of either sends."""
    router = APIRouter()
    folder = desk.settings.home / "media"
    examiner = Examiner(desk.database, desk.keys, desk.settings, desk.clock, at_once=_AT_ONCE)

    @router.get("/posts/new")
    @ruled(Act.POST_WRITE)
    def new(
        request: Request,
        viewer: Viewing,
        copy: int | None = None,
        campaign: Annotated[str, Query(max_length=30)] = "",
    ) -> Response:
        with desk.database.read() as session:
            person = viewer.standing.person_id
            kept = None if copy is None else copies.find_copy(session, copy, person)
            told = str(Cell.parse(campaign)) if campaign else ""
            writing = Writing(campaign=told) if kept is None else kept.writing
            begun = copies.unfinished(session, person) if kept is None else []
            facts = _page_facts(session, viewer, writing, kept)
        return page(request, viewer, "compose.html", {**facts, "begun": begun, "error": None})

    @router.get("/posts/{post_id}/edit")
    @ruled(Act.POST_WRITE)
    def edit(request: Request, viewer: Viewing, post_id: int) -> Response:
        with desk.database.write() as session:
            require_posts(session, viewer, Act.POST_WRITE, [post_id])
            find_draft(session, post_id)
            kept = copies.copy_of(session, post_id, viewer.standing.person_id)
            if kept is None:
                content = contents_of(session, [post_id])[post_id]
                due = for_input(min(one.due for one in content.copies))
                cell = cell_of_post(session, post_id)
                writing = replace(writing_from(content, due), campaign="" if cell is None else str(cell))
                kept = copies.begin(session, viewer.standing.person_id, post_id, writing, viewer.now)
            facts = _page_facts(session, viewer, kept.writing, kept)
        return page(request, viewer, "compose.html", {**facts, "begun": [], "error": None})

    @router.post("/posts/compose", max_body_size=MOST_WITH_FILM)
    @ruled(Act.POST_WRITE)
    def kept_while_typing(request: Request, viewer: Viewing, sent: SentForm) -> Response:
        with desk.database.write() as session:
            copy = _saved(session, viewer, sent)
            facts = _page_facts(session, viewer, copy.writing, copy)
        if request.headers.get("hx-request") == "true" or request.headers.get("x-part"):
            return page(request, viewer, "parts/_composed.html", facts)
        return page(request, viewer, "compose.html", {**facts, "begun": [], "error": None})

    @router.post("/posts/finish", max_body_size=MOST_WITH_FILM)
    @ruled(Act.POST_WRITE)
    def finish(request: Request, viewer: Viewing, sent: SentForm) -> Response:
        act, now = field_of(sent, "act"), desk.clock.now()
        if act not in ("draft", "submit", "send"):
            raise MeizhenError("web.misread")
        with desk.database.write() as session:
            copy = _saved(session, viewer, sent)
        try:
            post_id = _handed_over(viewer, copy.known_id, act, now)
        except MeizhenError as error:  # nothing happened but that the words are kept
            with desk.database.read() as session:
                copy = copies.find_copy(session, copy.known_id, viewer.standing.person_id)
                facts = _page_facts(session, viewer, copy.writing, copy)
            told = {**facts, "begun": [], "error": error}
            return page(request, viewer, "compose.html", told, status=status_of(error))
        if act == "send":
            desk.wake()
        return go(request, f"/posts/{post_id}", f"compose.done_{act}")

    def _handed_over(viewer: Viewer, copy_id: int, act: str, now: datetime) -> int:
        """The post that the copy became, handed in or sent where that was asked for; all of it or nothing."""
        with desk.database.write() as session:
            copy = copies.find_copy(session, copy_id, viewer.standing.person_id)
            due, campaign = copy.writing.due, copy.writing.campaign
            accounts = accounts_in_reach(session, viewer, copy.writing.accounts)
            if act == "submit" and not due:
                raise MeizhenError("draft.needs_time")
            post_id = copies.hand_over(
                session,
                desk.keys,
                copy,
                accounts,
                folder,
                due=parse_due(due, now) if due else now,
                lateness_hours=desk.settings.lateness_hours,
                now=now,
                actor=viewer.actor,
            )
            _count_for(session, viewer, post_id, campaign, now)
            if act == "submit":
                submit(session, desk.keys, post_id, viewer.standing, folder, now=now, actor=viewer.actor)
            elif act == "send":
                require_posts(session, viewer, Act.POST_SEND, [post_id])
                send_draft(session, desk.keys, post_id, now=now, actor=viewer.actor)
        return post_id

    def _count_for(session: Session, viewer: Viewer, post_id: int, campaign: str, now: datetime) -> None:
        """Has the post count where its form says, if that is a campaign that the viewer sees."""
        cell = Cell.parse(campaign) if campaign else None
        if cell == cell_of_post(session, post_id):
            return
        if cell is not None:
            require_sight(session, viewer.standing, cell.campaign, Act.CAMPAIGN_READ)
        place_post(session, desk.keys, post_id, cell, now=now, actor=viewer.actor)

    @router.post("/posts/drop")
    @ruled(Act.POST_WRITE)
    def give_up(request: Request, viewer: Viewing, begun: Annotated[int, Form(alias="copy")]) -> Response:
        with desk.database.write() as session:
            found = copies.find_copy(session, begun, viewer.standing.person_id)
            post_id = found.post_id
            copies.drop(session, found)
        return go(request, "/posts/new" if post_id is None else f"/posts/{post_id}", "compose.dropped")

    @router.post("/posts/paste")
    @ruled(Act.POST_WRITE)
    def pasted(
        viewer: Viewing, html: Annotated[str, Form()], first: Annotated[int, Form(ge=1, le=999)]
    ) -> Response:
        made = pasted_page(html, first)
        told = text("compose.pasted_missing", count=len(made.missing)) if made.missing else ""
        places = [
            [f"media:{number}", address or text("compose.embedded")]
            for number, address in made.missing.items()
        ]
        return JSONResponse({"html": made.html, "told": told, "missing": places})

    @router.post("/posts/checkups")
    @ruled(Act.POST_WRITE)
    def accounts_checked(
        request: Request, viewer: Viewing, begun: Annotated[int, Form(alias="copy")]
    ) -> Response:
        with desk.database.read() as session:
            copy = copies.find_copy(session, begun, viewer.standing.person_id)
            chosen = [one for one in writable(session, viewer)[0] if one.known_id in copy.writing.accounts]
        examiner.ask_unknown(chosen, _PATIENCE)
        with desk.database.read() as session:
            copy = copies.find_copy(session, begun, viewer.standing.person_id)
            facts = _page_facts(session, viewer, copy.writing, copy)
        return page(request, viewer, "parts/_composed.html", facts)

    @router.post("/posts/cut")
    @ruled(Act.POST_WRITE)
    def cut_out(request: Request, viewer: Viewing, sent: SentForm) -> Response:
        begun, sha256, cut = number_of(field_of(sent, "copy")), field_of(sent, "cut"), cut_in(sent)
        with desk.database.read() as session:
            copy = copies.find_copy(session, begun, viewer.standing.person_id)
            row = _own_file(session, copy, sha256)
            unit = holder_of(session, viewer, copy.writing.accounts)
        found = cut_cover(folder, row, cut)
        with desk.database.write() as session:
            copy = copies.find_copy(session, begun, viewer.standing.person_id)
            add_media(session, desk.keys, [found], unit, alt=row.alt, now=viewer.now, actor=viewer.actor)
            media = (found.sha256 if one == sha256 else one for one in copy.writing.media)
            writing = replace(copy.writing, media=tuple(dict.fromkeys(media)))
            copies.save(session, copy, number_of(field_of(sent, "number")), writing, viewer.now)
            facts = _page_facts(session, viewer, copy.writing, copy)
        return page(request, viewer, "parts/_composed.html", facts)

    @router.get("/posts/library")
    @ruled(Act.MEDIA_READ)
    def library(request: Request, viewer: Viewing) -> Response:
        with desk.database.read() as session:
            files = page_of_library(session, viewer.within(Act.MEDIA_READ), limit=_SHOWN)
        return page(request, viewer, "parts/_library.html", {"files": files})

    @router.get("/posts/library/{sha256}")
    @ruled(Act.MEDIA_READ)
    def library_picture(viewer: Viewing, sha256: str) -> Response:
        with desk.database.read() as session:
            row = require_media(session, viewer.standing, sha256, Act.MEDIA_READ)
        return _file(row)

    @router.get("/posts/writing/{copy_id}/{sha256}")
    @ruled(Act.POST_WRITE)
    def picture(viewer: Viewing, copy_id: int, sha256: str) -> Response:
        with desk.database.read() as session:
            copy = copies.find_copy(session, copy_id, viewer.standing.person_id)
            row = _own_file(session, copy, sha256)
        return _file(row)

    @router.get("/posts/writing/{copy_id}/look/{account_id}")
    @ruled(Act.POST_WRITE)
    def look(viewer: Viewing, copy_id: int, account_id: int) -> Response:
        with desk.database.read() as session:
            copy = copies.find_copy(session, copy_id, viewer.standing.person_id)
            (account,) = accounts_in_reach(session, viewer, [account_id])
            writing, own = copy.writing, copy.writing.own.get(account_id, Own())
            seen = look_of(
                session,
                account,
                writing.title if own.title is None else own.title,
                writing.text if own.text is None else own.text,
                writing.options(),
                writing.media,
                folder,
                lambda media: f"/posts/writing/{copy_id}/{media.sha256}",
            )
        if seen.problems:
            seen = replace(seen, text=text("compose.look_stopped"), html=None)
        # No script runs in there: what was pasted is cleaned as it is before it is sent.
        return HTMLResponse(seen.page(), headers={"Content-Security-Policy": _LOOK})

    def _file(row: MediaFile) -> Response:
        quiet = {
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, max-age=600",
        }
        return FileResponse(media_path(folder, row.sha256), media_type=row.content_type, headers=quiet)

    def _saved(session: Session, viewer: Viewer, sent: FormData) -> WorkingCopy:
        """The form, kept as the next saving of its copy, or as the first of a new one."""
        told, person = field_of(sent, "copy"), viewer.standing.person_id
        copy = copies.find_copy(session, number_of(told), person) if told else None
        added = _uploaded(session, viewer, sent)
        writing = writing_in(sent, added)
        known = {*added, *(copy.writing.media if copy else ())}
        for sha256 in writing.media:
            if sha256 not in known:  # chosen from the library, by somebody who sees it there
                require_media(session, viewer.standing, sha256, Act.MEDIA_READ)
        if copy is None:
            return copies.begin(session, person, None, writing, viewer.now)
        return copies.save(session, copy, number_of(field_of(sent, "number")), writing, viewer.now)

    def _uploaded(session: Session, viewer: Viewer, sent: FormData) -> list[str]:
        """Takes the files that came with the form into the library of a unit; gives their hashes."""
        files = [one for one in sent.getlist("upload") if isinstance(one, UploadFile) and one.filename]
        if not files:
            return []
        unit = holder_of(session, viewer, accounts_in(sent))
        with TemporaryDirectory() as place:
            found = [examined(Path(place), number, one) for number, one in enumerate(files[:_MOST_FILES])]
            keep_all(folder, found)
        rows = add_media(session, desk.keys, found, unit, now=viewer.now, actor=viewer.actor)
        return [row.sha256 for row in rows]

    def _page_facts(
        session: Session, viewer: Viewer, writing: Writing, copy: WorkingCopy | None
    ) -> dict[str, object]:
        accounts, units = writable(session, viewer)
        chosen = [one for one in accounts if one.known_id in writing.accounts]
        post_id = None if copy is None else copy.post_id
        composed = compose(
            session,
            writing,
            chosen,
            due=due_of(writing.due, viewer.now),
            post_id=post_id,
            media_folder=folder,
            lateness_hours=desk.settings.lateness_hours,
            now=viewer.now,
            checked=_known(session, chosen, viewer.now),
        )
        paths = [units[one.unit_id].path for one in chosen]
        return {
            "writing": writing,
            "copy": copy,
            "post_id": post_id,
            "accounts": accounts,
            "units": units,
            "chosen": chosen,
            "campaigns": campaigns_offered(session, in_sight(viewer.standing, Act.CAMPAIGN_READ)),
            "platforms": _platform_names(),
            "composed": composed,
            "sends": may_everywhere(viewer, Act.POST_SEND, paths),
            "files": _files(session, writing.media),
            "can_be_cut": can_be_cut,
            "in_language": in_language,
            "shapes": [(one.value, float(one.ratio)) for one in Shape],
            "overtaken": copy is not None and copies.is_overtaken(session, copy),
            "others": []
            if post_id is None
            else copies.others_at_it(session, post_id, viewer.standing.person_id, viewer.now),
        }

    return router


def _files(session: Session, hashes: Sequence[str]) -> list[MediaFile]:
    rows = session.exec(select(MediaFile).where(col(MediaFile.sha256).in_(hashes)))
    by_hash = {row.sha256: row for row in rows}
    return [by_hash[one] for one in hashes if one in by_hash]


def _platform_names() -> dict[str, str]:
    """The platforms by their names in the reader's language."""
    labels = {name: connector_for(name).label for name in platforms()}
    return {name: one.zh if present_language() == "zh" else one.en for name, one in labels.items()}


def _own_file(session: Session, copy: WorkingCopy, sha256: str) -> MediaFile:
    """A file of the copy. Raises MeizhenError `organisation.out_of_sight` for any other."""
    row = session.get(MediaFile, sha256) if sha256 in copy.writing.media else None
    if row is None:
        raise MeizhenError("organisation.out_of_sight")
    return row


def _known(session: Session, accounts: Sequence[Account], now: datetime) -> dict[int, tuple[Finding, ...]]:
    """What their platforms last said of them; one that is to be asked is left out."""
    found = checkups_of(session, [account.known_id for account in accounts])
    return {id_: tuple(one.told()) for id_, one in found.items() if is_fresh(one, now)}
