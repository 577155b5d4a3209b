"""合并: what two people changed in one post, put together by the one who hands over later."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response
from sqlmodel import Session
from starlette.datastructures import FormData

from config.errors import MeizhenError
from organisation import Act
from scheduler import working_copies as copies
from scheduler.merging import Part, merge
from scheduler.review_content import Content, contents_of
from scheduler.working_copies import Own, WorkingCopy, Writing
from web.access import ruled
from web.desk import Desk
from web.pages._writing_form import SentForm, field_of, writable
from web.post_places import require_posts
from web.rendering import go, page
from web.viewer import Viewer, Viewing


def merging_router(desk: Desk) -> APIRouter:
    """`/posts/merge/{copy_id}`."""
    router = APIRouter()

    @router.get("/posts/merge/{copy_id}")
    @ruled(Act.POST_WRITE)
    def differences(request: Request, viewer: Viewing, copy_id: int) -> Response:
        with desk.database.read() as session:
            copy = copies.find_copy(session, copy_id, viewer.standing.person_id)
            present = _present(session, viewer, copy)
            names = {one.known_id: one.name for one in writable(session, viewer)[0]}
        facts = {"copy": copy, "fields": _parts(copy, present), "names": names}
        return page(request, viewer, "merge.html", {**facts, "present_hash": present.sha256})

    @router.post("/posts/merge/{copy_id}")
    @ruled(Act.POST_WRITE)
    def merged(request: Request, viewer: Viewing, copy_id: int, sent: SentForm) -> Response:
        now = desk.clock.now()
        with desk.database.write() as session:
            copy = copies.find_copy(session, copy_id, viewer.standing.person_id)
            present = _present(session, viewer, copy)
            if present.sha256 != field_of(sent, "present"):
                raise MeizhenError("draft.overtaken", post=copy.post_id)
            fields = _parts(copy, present)
            chosen = {name: _chosen(name, parts, sent) for name, parts in fields.items()}
            copies.save(session, copy, copy.number, _merged(copy.writing, present, chosen), now)
            copies.rebase(session, copy)
        return go(request, f"/posts/{copy.post_id}/edit", "compose.merged")

    return router


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
    chosen = []
    for number, part in enumerate(parts):
        wish = field_of(sent, f"{name}.{number}") if part.theirs is not None else "mine"
        chosen += [part.told] if wish in ("mine", "both") else []
        chosen += [part.theirs or ""] if wish in ("theirs", "both") else []
        if wish not in ("mine", "theirs", "both"):
            raise MeizhenError("web.misread")
    return "".join(chosen)


def _merged(mine: Writing, present: Content, chosen: Mapping[str, str]) -> Writing:
    accounts = tuple(dict.fromkeys([*mine.accounts, *(one.account_id for one in present.copies)]))
    own = {
        id_: Own(chosen.get(f"title-{id_}") or None, chosen.get(f"text-{id_}") or None) for id_ in accounts
    }
    media = tuple(dict.fromkeys([*mine.media, *present.media]))
    words = chosen["title"], chosen["text"]
    return Writing(*words, mine.due, accounts, media, own, mine.written_as, campaign=mine.campaign)
