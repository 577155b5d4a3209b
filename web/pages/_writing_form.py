"""What the form of 写稿 tells, and for which accounts somebody may write."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel import Session, col, select
from starlette.datastructures import FormData, UploadFile

from config.errors import MeizhenError
from connectors import TextFormat
from organisation import Account, AccountState, Act, Unit, not_allowed
from scheduler.campaign_counting import Cell
from scheduler.covers import Cut, Shape
from scheduler.media import MAX_MEDIA_BYTES, FoundMedia, examine
from scheduler.posts import parse_moment
from scheduler.working_copies import Own, Writing
from web.viewer import Viewer

_FORMATS = ("", TextFormat.MARKDOWN, TextFormat.HTML)
_MOST_ACCOUNTS = 200


async def _form(request: Request) -> AsyncIterator[FormData]:
    async with request.form(max_fields=2000) as sent:
        yield sent


SentForm = Annotated[FormData, Depends(_form)]


def field_of(sent: FormData, name: str) -> str:
    """One field of words; '' where it is missing or a file."""
    value = sent.get(name, "")
    return value if isinstance(value, str) else ""


def number_of(told: str) -> int:
    """A number of ours that came back. Raises MeizhenError `web.misread`."""
    if not (told.isascii() and told.isdigit() and len(told) < 10):
        raise MeizhenError("web.misread")
    return int(told)


def examined(place: Path, number: int, file: UploadFile) -> FoundMedia:
    """What the file is, by its bytes; its name is only told, never used for a path."""
    path = place / str(number)
    with path.open("wb") as written:
        written.write(file.file.read(MAX_MEDIA_BYTES + 1))
    return examine(path, file.filename or "")


def holder_of(session: Session, viewer: Viewer, accounts: Sequence[int]) -> Unit:
    """The unit that holds what is added: that of the first account chosen, else any where they may add.

    Raises MeizhenError `organisation.not_allowed` where there is none.
    """
    there = select(Unit).where(viewer.within(Act.MEDIA_WRITE))
    ours = there.join(Account, col(Account.unit_id) == col(Unit.id)).where(col(Account.id).in_(accounts[:1]))
    unit = session.exec(ours).first() or session.exec(there.order_by(col(Unit.path))).first()
    if unit is None:
        raise not_allowed(viewer.standing, Act.MEDIA_WRITE)
    return unit


def writing_in(sent: FormData, added: Sequence[str]) -> Writing:
    """All that is written, with the files that were just `added` behind those it had."""
    title, said = field_of(sent, "title").strip(), _lines(field_of(sent, "text"))
    ids = accounts_in(sent)
    own = {}
    for id_ in ids:
        own_title, own_text = field_of(sent, f"title-{id_}").strip(), _lines(field_of(sent, f"text-{id_}"))
        own[id_] = Own(
            own_title if own_title not in ("", title) else None,
            own_text if own_text not in ("", said) else None,
        )
    media = tuple(dict.fromkeys([*(one for one in sent.getlist("media") if isinstance(one, str)), *added]))
    written_as = field_of(sent, "written_as")
    if written_as not in _FORMATS:
        raise MeizhenError("input.not_one_of", expected=", ".join(_FORMATS), received=written_as[:40])
    due, important = field_of(sent, "due").strip(), field_of(sent, "important") == "true"
    told = field_of(sent, "campaign").strip()
    campaign = str(Cell.parse(told)) if told else ""
    return Writing(title, said, due, ids, media, own, written_as, important, campaign)


def _lines(told: str) -> str:
    return told.replace("\r\n", "\n").replace("\r", "\n")


def due_of(told: str, now: datetime) -> datetime | None:
    """When it shall go out; None for at once, and for what is half typed."""
    try:
        return parse_moment(told, now) if told else None
    except MeizhenError:
        return None


def writable(session: Session, viewer: Viewer) -> tuple[list[Account], dict[int, Unit]]:
    """The accounts that the viewer may write for, by unit, and their units by id."""
    rows = session.exec(
        select(Account, Unit)
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(viewer.within(Act.POST_WRITE), col(Account.state) != AccountState.RETIRED)
        .order_by(col(Unit.path), col(Account.platform), col(Account.handle))
    ).all()
    return [account for account, _ in rows], {account.unit_id: unit for account, unit in rows}


def accounts_in_reach(session: Session, viewer: Viewer, ids: Iterable[int]) -> list[Account]:
    """The accounts chosen. Raises MeizhenError `organisation.out_of_sight` for one they may not write for."""
    there = {one.known_id: one for one in writable(session, viewer)[0]}
    if any(id_ not in there for id_ in ids):
        raise MeizhenError("organisation.out_of_sight")
    return [there[id_] for id_ in ids]


def cut_in(sent: FormData) -> Cut:
    """What is to be cut out of a picture. Raises MeizhenError `web.misread`."""
    shape = field_of(sent, "shape")
    if shape not in list(Shape):
        raise MeizhenError("web.misread")
    left, top, width = (number_of(field_of(sent, name)) for name in ("left", "top", "width"))
    return Cut(Shape(shape), left, top, width)


def accounts_in(sent: FormData) -> tuple[int, ...]:
    """The accounts that are ticked, each once."""
    ids = dict.fromkeys(number_of(one) for one in sent.getlist("account") if isinstance(one, str))
    return tuple(ids)[:_MOST_ACCOUNTS]
