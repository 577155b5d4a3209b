"""写稿: master and copies, looked at and kept while one types; handed over as a draft, to review, or out."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlmodel import Session, col, select
from starlette.datastructures import FormData, UploadFile
from starlette.responses import FileResponse, HTMLResponse

from config.errors import MeizhenError
from config.messages import present_language, text
from connectors import TextFormat, connector_for, platforms
from organisation import Account, AccountState, Act, Unit, not_allowed
from scheduler import working_copies as copies
from scheduler.composing import compose
from scheduler.library import add_media, keep_all, page_of_library, require_media
from scheduler.media import FoundMedia, MediaFile, examine, media_path
from scheduler.merging import Part, merge
from scheduler.posts import parse_due, parse_moment
from scheduler.previews import look_of
from scheduler.review import submit
from scheduler.review_content import Content, contents_of
from scheduler.review_drafts import find_draft, send_draft
from scheduler.working_copies import Own, WorkingCopy, Writing, writing_from
from web.access import ruled
from web.bodies import MOST_WITH_FILM
from web.desk import Desk
from web.moments import for_input
from web.post_places import may_everywhere, require_posts
from web.refusals import status_of
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_FORMATS = ("", TextFormat.MARKDOWN, TextFormat.HTML)
_LOOK = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
_MOST_ACCOUNTS, _MOST_FILES, _SHOWN = 200, 20, 60


async def _form(request: Request) -> AsyncIterator[FormData]:
    async with request.form(max_fields=2000) as sent:
        yield sent


_Sent = Annotated[FormData, Depends(_form)]


def writing_router(desk: Desk) -> APIRouter:
    """`/posts/new`, `/posts/{id}/edit`, and what the page of either sends."""
    router = APIRouter()
    folder = desk.settings.home / "media"

    @router.get("/posts/new")
    @ruled(Act.POST_WRITE)
    def new(request: Request, viewer: Viewing, copy: int | None = None) -> Response:
        with desk.database.read() as session:
            person = viewer.standing.person_id
            kept = None if copy is None else copies.find_copy(session, copy, person)
            writing = Writing() if kept is None else kept.writing
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
                writing = writing_from(content, due)
                kept = copies.begin(session, viewer.standing.person_id, post_id, writing, viewer.now)
            facts = _page_facts(session, viewer, kept.writing, kept)
        return page(request, viewer, "compose.html", {**facts, "begun": [], "error": None})

    @router.post("/posts/compose", max_body_size=MOST_WITH_FILM)
    @ruled(Act.POST_WRITE)
    def kept_while_typing(request: Request, viewer: Viewing, sent: _Sent) -> Response:
        with desk.database.write() as session:
            copy = _saved(session, viewer, sent)
            facts = _page_facts(session, viewer, copy.writing, copy)
        if request.headers.get("hx-request") == "true" or request.headers.get("x-part"):
            return page(request, viewer, "parts/_composed.html", facts)
        return page(request, viewer, "compose.html", {**facts, "begun": [], "error": None})

    @router.post("/posts/finish", max_body_size=MOST_WITH_FILM)
    @ruled(Act.POST_WRITE)
    def finish(request: Request, viewer: Viewing, sent: _Sent) -> Response:
        act, now = _told(sent, "act"), desk.clock.now()
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
            due = copy.writing.due
            accounts = _accounts(session, viewer, copy.writing.accounts)
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
            if act == "submit":
                submit(session, desk.keys, post_id, viewer.standing, folder, now=now, actor=viewer.actor)
            elif act == "send":
                require_posts(session, viewer, Act.POST_SEND, [post_id])
                send_draft(session, desk.keys, post_id, now=now, actor=viewer.actor)
        return post_id

    @router.post("/posts/drop")
    @ruled(Act.POST_WRITE)
    def give_up(request: Request, viewer: Viewing, begun: Annotated[int, Form(alias="copy")]) -> Response:
        with desk.database.write() as session:
            found = copies.find_copy(session, begun, viewer.standing.person_id)
            post_id = found.post_id
            copies.drop(session, found)
        return go(request, "/posts/new" if post_id is None else f"/posts/{post_id}", "compose.dropped")

    @router.get("/posts/merge/{copy_id}")
    @ruled(Act.POST_WRITE)
    def differences(request: Request, viewer: Viewing, copy_id: int) -> Response:
        with desk.database.read() as session:
            copy = copies.find_copy(session, copy_id, viewer.standing.person_id)
            present = _present(session, viewer, copy)
            names = {one.known_id: one.name for one in _writable(session, viewer)[0]}
        facts = {"copy": copy, "fields": _parts(copy, present), "names": names}
        return page(request, viewer, "merge.html", {**facts, "present_hash": present.sha256})

    @router.post("/posts/merge/{copy_id}")
    @ruled(Act.POST_WRITE)
    def merged(request: Request, viewer: Viewing, copy_id: int, sent: _Sent) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            copy = copies.find_copy(session, copy_id, viewer.standing.person_id)
            present = _present(session, viewer, copy)
            if present.sha256 != _told(sent, "present"):
                raise MeizhenError("draft.overtaken", post=copy.post_id)
            fields = _parts(copy, present)
            chosen = {name: _chosen(name, parts, sent) for name, parts in fields.items()}
            copies.save(session, copy, copy.number, _merged(copy.writing, present, chosen), now)
            copies.rebase(session, copy)
        return go(request, f"/posts/{copy.post_id}/edit", "compose.merged")

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
            row = session.get(MediaFile, sha256)
        if row is None or sha256 not in copy.writing.media:
            raise MeizhenError("organisation.out_of_sight")
        return _file(row)

    @router.get("/posts/writing/{copy_id}/look/{account_id}")
    @ruled(Act.POST_WRITE)
    def look(viewer: Viewing, copy_id: int, account_id: int) -> Response:
        with desk.database.read() as session:
            copy = copies.find_copy(session, copy_id, viewer.standing.person_id)
            (account,) = _accounts(session, viewer, [account_id])
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
        told, person = _told(sent, "copy"), viewer.standing.person_id
        copy = copies.find_copy(session, _number(told), person) if told else None
        added = _uploaded(session, viewer, sent)
        writing = _writing(sent, added)
        known = {*added, *(copy.writing.media if copy else ())}
        for sha256 in writing.media:
            if sha256 not in known:  # chosen from the library, by somebody who sees it there
                require_media(session, viewer.standing, sha256, Act.MEDIA_READ)
        if copy is None:
            return copies.begin(session, person, None, writing, viewer.now)
        return copies.save(session, copy, _number(_told(sent, "number")), writing, viewer.now)

    def _uploaded(session: Session, viewer: Viewer, sent: FormData) -> list[str]:
        """Takes the files that came with the form into the library of a unit; gives their hashes."""
        files = [one for one in sent.getlist("upload") if isinstance(one, UploadFile) and one.filename]
        if not files:
            return []
        unit = _holder(session, viewer, sent)
        with TemporaryDirectory() as place:
            found = [_examined(Path(place), number, one) for number, one in enumerate(files[:_MOST_FILES])]
            keep_all(folder, found)
        rows = add_media(session, desk.keys, found, unit, now=viewer.now, actor=viewer.actor)
        return [row.sha256 for row in rows]

    def _page_facts(
        session: Session, viewer: Viewer, writing: Writing, copy: WorkingCopy | None
    ) -> dict[str, object]:
        accounts, units = _writable(session, viewer)
        chosen = [one for one in accounts if one.known_id in writing.accounts]
        post_id = None if copy is None else copy.post_id
        composed = compose(
            session,
            writing,
            chosen,
            due=_due(writing.due, viewer.now),
            post_id=post_id,
            media_folder=folder,
            lateness_hours=desk.settings.lateness_hours,
            now=viewer.now,
        )
        paths = [units[one.unit_id].path for one in chosen]
        return {
            "writing": writing,
            "copy": copy,
            "post_id": post_id,
            "accounts": accounts,
            "units": units,
            "chosen": chosen,
            "platforms": _platform_names(),
            "composed": composed,
            "sends": may_everywhere(viewer, Act.POST_SEND, paths),
            "files": _files(session, writing.media),
            "overtaken": copy is not None and copies.is_overtaken(session, copy),
            "others": []
            if post_id is None
            else copies.others_at_it(session, post_id, viewer.standing.person_id, viewer.now),
        }

    return router


# --- what a form tells ------------------------------------------------------------------------------------


def _told(sent: FormData, name: str) -> str:
    value = sent.get(name, "")
    return value if isinstance(value, str) else ""


def _number(told: str) -> int:
    if not (told.isascii() and told.isdigit() and len(told) < 10):
        raise MeizhenError("web.misread")
    return int(told)


def _examined(place: Path, number: int, file: UploadFile) -> FoundMedia:
    """What the file is, by its bytes; its name is only told, never used for a path."""
    path = place / str(number)
    with path.open("wb") as written:
        copyfileobj(file.file, written, 1024 * 1024)
    return examine(path, file.filename or "")


def _holder(session: Session, viewer: Viewer, sent: FormData) -> Unit:
    """The unit that holds what is added: that of the first account chosen, else any where they may add.

    Raises MeizhenError `organisation.not_allowed` where there is none.
    """
    chosen = [_number(one) for one in sent.getlist("account") if isinstance(one, str)][:1]
    there = select(Unit).where(viewer.within(Act.MEDIA_WRITE))
    ours = there.join(Account, col(Account.unit_id) == col(Unit.id)).where(col(Account.id).in_(chosen))
    unit = session.exec(ours).first() or session.exec(there.order_by(col(Unit.path))).first()
    if unit is None:
        raise not_allowed(viewer.standing, Act.MEDIA_WRITE)
    return unit


def _writing(sent: FormData, added: Sequence[str]) -> Writing:
    title, said = _told(sent, "title").strip(), _lines(_told(sent, "text"))
    ids = tuple(dict.fromkeys(_number(one) for one in sent.getlist("account") if isinstance(one, str)))
    own = {}
    for id_ in ids[:_MOST_ACCOUNTS]:
        own_title, own_text = _told(sent, f"title-{id_}").strip(), _lines(_told(sent, f"text-{id_}"))
        own[id_] = Own(
            own_title if own_title not in ("", title) else None,
            own_text if own_text not in ("", said) else None,
        )
    media = tuple(dict.fromkeys([*(one for one in sent.getlist("media") if isinstance(one, str)), *added]))
    written_as = _told(sent, "written_as")
    if written_as not in _FORMATS:
        raise MeizhenError("input.not_one_of", expected=", ".join(_FORMATS), received=written_as[:40])
    return Writing(title, said, _told(sent, "due").strip(), ids[:_MOST_ACCOUNTS], media, own, written_as)


def _files(session: Session, hashes: Sequence[str]) -> list[MediaFile]:
    rows = session.exec(select(MediaFile).where(col(MediaFile.sha256).in_(hashes)))
    by_hash = {row.sha256: row for row in rows}
    return [by_hash[one] for one in hashes if one in by_hash]


def _lines(told: str) -> str:
    return told.replace("\r\n", "\n").replace("\r", "\n")


def _due(told: str, now: datetime) -> datetime | None:
    """When it shall go out; None for at once, and for what is half typed."""
    try:
        return parse_moment(told, now) if told else None
    except MeizhenError:
        return None


def _writable(session: Session, viewer: Viewer) -> tuple[list[Account], dict[int, Unit]]:
    """The accounts that the viewer may write for, by unit, and their units by id."""
    rows = session.exec(
        select(Account, Unit)
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(viewer.within(Act.POST_WRITE), col(Account.state) != AccountState.RETIRED)
        .order_by(col(Unit.path), col(Account.platform), col(Account.handle))
    ).all()
    return [account for account, _ in rows], {account.unit_id: unit for account, unit in rows}


def _platform_names() -> dict[str, str]:
    """The platforms by their names in the reader's language."""
    labels = {name: connector_for(name).label for name in platforms()}
    return {name: one.zh if present_language() == "zh" else one.en for name, one in labels.items()}


def _accounts(session: Session, viewer: Viewer, ids: Iterable[int]) -> list[Account]:
    """The accounts chosen. Raises MeizhenError `organisation.out_of_sight` for one they may not write for."""
    there = {one.known_id: one for one in _writable(session, viewer)[0]}
    if any(id_ not in there for id_ in ids):
        raise MeizhenError("organisation.out_of_sight")
    return [there[id_] for id_ in ids]


# --- merging ----------------------------------------------------------------------------------------------


def _present(session: Session, viewer: Viewer, copy: WorkingCopy) -> Content:
    if copy.post_id is None:
        raise MeizhenError("draft.not_found")
    require_posts(session, viewer, Act.POST_WRITE, [copy.post_id])
    return contents_of(session, [copy.post_id])[copy.post_id]


def _fields(content: Content | Writing) -> dict[str, str]:
    """What is merged, by name: the master's words and those of single copies, '' where they have none."""
    if isinstance(content, Writing):
        own: Mapping[int, Own] = content.own
    else:
        own = {one.account_id: Own(one.title, one.text) for one in content.copies}
    fields = {"title": content.title, "text": content.text}
    for id_, one in own.items():
        fields |= {f"title-{id_}": one.title or "", f"text-{id_}": one.text or ""}
    return fields


def _parts(copy: WorkingCopy, present: Content) -> dict[str, list[Part]]:
    base = copies.base_of(copy)
    before = {} if base is None else _fields(base)
    mine, theirs = _fields(copy.writing), _fields(present)
    return {
        name: merge(before.get(name, ""), mine.get(name, ""), theirs.get(name, ""))
        for name in dict.fromkeys([*mine, *theirs])
    }


def _chosen(name: str, parts: Sequence[Part], sent: FormData) -> str:
    told = []
    for number, part in enumerate(parts):
        wish = _told(sent, f"{name}.{number}") if part.theirs is not None else "mine"
        told += [part.told] if wish in ("mine", "both") else []
        told += [part.theirs or ""] if wish in ("theirs", "both") else []
        if wish not in ("mine", "theirs", "both"):
            raise MeizhenError("web.misread")
    return "".join(told)


def _merged(mine: Writing, present: Content, chosen: Mapping[str, str]) -> Writing:
    accounts = tuple(dict.fromkeys([*mine.accounts, *(one.account_id for one in present.copies)]))
    own = {
        id_: Own(chosen.get(f"title-{id_}") or None, chosen.get(f"text-{id_}") or None) for id_ in accounts
    }
    media = tuple(dict.fromkeys([*mine.media, *present.media]))
    return Writing(chosen["title"], chosen["text"], mine.due, accounts, media, own, mine.written_as)
