"""素材 Stored pictures and films: taken by their bytes, found by their hash, given as downloads."""

import binascii
from base64 import b64decode
from datetime import datetime
from http import HTTPStatus
from pathlib import Path as Folder
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field
from sqlmodel import Session

from config.errors import InputError, Problem
from organisation import Act, Standing, find_unit, in_sight
from scheduler.covers import Cut, Shape, cut_cover
from scheduler.library import (
    add_media,
    clean_alt,
    holders_of,
    keep_all,
    page_of_library,
    require_media,
    set_alt,
    uses_of,
)
from scheduler.media import MAX_MEDIA_BYTES, MediaFile, examine
from web.api.call import Answer, Asked
from web.api.cursors import Page, Pages
from web.api.files import SentFilm
from web.api.noun import Noun
from web.api.texts import Body, Code, Filter, Line, Told, Words

noun = Noun("media")

Hash = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="The SHA-256 of its bytes.")]
_MOST_TEXT = (MAX_MEDIA_BYTES + 2) // 3 * 4


class MediaShown(Told):
    """A stored file. `width` and `height` in pixels, `seconds` and `codec` of a film."""

    sha256: str
    content_type: str
    file_name: str
    size: int
    width: int | None
    height: int | None
    seconds: float | None
    codec: str
    alt: str
    added_at: datetime


class UseShown(Told):
    """A post that uses it, with its accounts in the caller's sight."""

    post: int
    accounts: list[str]


class MediaWhole(MediaShown):
    """A stored file with the units that hold it and the posts that use it."""

    units: list[str]
    posts: list[UseShown]


class NewMedia(Body):
    """A file for a unit: `content` is its bytes in Base64, 20 MB at most (a larger film: `/media/films`).

    `alt` says what it shows.
    """

    unit: Code
    file_name: Line
    content: Annotated[str, Field(max_length=_MOST_TEXT)]
    alt: Annotated[Words, Field(max_length=500)] = ""


class Alt(Body):
    """What a file shows, in words."""

    alt: Annotated[Words, Field(max_length=500)]


class NewCut(Body):
    """What is cut out: a corner and a width in pixels of the picture; the shape gives the height."""

    unit: Code
    shape: Shape
    left: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    top: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    width: Annotated[int, Field(ge=1, le=1_000_000)]


@noun.read("", Act.MEDIA_READ)
def list_media(asked: Asked, paging: Pages, type: Filter = None) -> Page[MediaShown]:
    """素材列表 Stored files, newest first: what the caller's units hold and their posts use."""
    sight = asked.sight()

    def fetch(after: object, limit: int) -> list[MediaFile]:
        place = after if isinstance(after, tuple | list) else None
        known = None if place is None else (_moment(place[0]), str(place[1]))
        return page_of_library(asked.session, sight, after=known, limit=limit, content_type=type)

    rows, following = asked.page(
        paging, {"type": type}, (datetime, str), fetch, lambda file: (file.added_at, file.sha256)
    )
    return Page[MediaShown](items=[MediaShown.model_validate(file) for file in rows], next=following)


@noun.read("/{sha256}", Act.MEDIA_READ)
def show(asked: Asked, sha256: Hash) -> MediaWhole:
    """一份素材 One stored file."""
    return _whole(asked.session, asked.person, _seen(asked, sha256, Act.MEDIA_READ))


@noun.file("/{sha256}/content", Act.MEDIA_READ)
def content(asked: Asked, sha256: Hash) -> MediaFile:
    """下载素材 Its bytes, as a download."""
    return _seen(asked, sha256, Act.MEDIA_READ)


@noun.write("POST", "", Act.MEDIA_WRITE, status=HTTPStatus.CREATED, alone=True)
def add(asked: Asked, body: NewMedia) -> Answer[MediaWhole]:
    """收进素材 Take a file: judged by its bytes, pictures written anew; the hash is of what is kept."""
    asked.at(find_unit(asked.session, body.unit).path)
    with TemporaryDirectory(prefix="meizhen-upload-") as folder:
        # A name of our own: what the caller calls it is only shown, and cleaned before.
        path = Folder(folder) / "upload"
        path.write_bytes(_bytes(body.content))
        return _kept(asked, path, body.unit, body.file_name, body.alt)


@noun.write("POST", "/films", Act.MEDIA_WRITE, status=HTTPStatus.CREATED, alone=True, streamed=True)
def add_film(
    asked: Asked,
    film: SentFilm,
    unit: Annotated[Code, Query()],
    file_name: Annotated[Line, Query()],
    alt: Annotated[Words, Query(max_length=500)] = "",
) -> Answer[MediaWhole]:
    """收进视频 Take a film of up to 1 GB: its bytes are the body, and are read piece by piece."""
    asked.at(find_unit(asked.session, unit).path)
    return _kept(asked, film, unit, file_name, alt)


def _kept(asked: Asked, path: Folder, unit: str, name: str, alt: str) -> Answer[MediaWhole]:
    """What lies at `path`, looked at and taken into the library of the unit."""
    clean_alt(alt)
    found = [examine(path, named=name)]
    keep_all(asked.media_folder, found)
    desk = asked.desk
    with desk.database.write() as session:
        place = find_unit(session, unit)
        (row,) = add_media(session, desk.keys, found, place, alt=alt, now=asked.now, actor=asked.actor)
        made = _whole(session, asked.person, row)
    return Answer(made, location=f"/api/v1/media/{made.sha256}")


@noun.write("PATCH", "/{sha256}", Act.MEDIA_WRITE)
def change(asked: Asked, sha256: Hash, body: Alt) -> MediaWhole:
    """改说明 What it shows, in words; posts that use it are to be reviewed anew."""
    row = _seen(asked, sha256, Act.MEDIA_WRITE)
    set_alt(asked.session, asked.keys, row.sha256, body.alt, now=asked.now, actor=asked.actor)
    return _whole(asked.session, asked.person, row)


@noun.write("POST", "/{sha256}/cut", Act.MEDIA_WRITE, status=HTTPStatus.CREATED, alone=True)
def cut(asked: Asked, sha256: Hash, body: NewCut) -> Answer[MediaWhole]:
    """裁封面 A cover cut from a picture, for a unit; the picture stays as it is."""
    unit = find_unit(asked.session, body.unit)
    asked.at(unit.path)
    row = require_media(asked.session, asked.person, sha256, Act.MEDIA_READ)
    found = cut_cover(asked.media_folder, row, Cut(body.shape, body.left, body.top, body.width))
    desk = asked.desk
    with desk.database.write() as session:
        place = find_unit(session, body.unit)
        (made,) = add_media(session, desk.keys, [found], place, alt=row.alt, now=asked.now, actor=asked.actor)
        told = _whole(session, asked.person, made)
    return Answer(told, location=f"/api/v1/media/{told.sha256}")


def _seen(asked: Asked, sha256: str, act: Act) -> MediaFile:
    """The file, where the caller may do this with it. A file has no one place: all of its are looked at."""
    asked.everybody()
    return require_media(asked.session, asked.person, sha256, act)


def _whole(session: Session, person: Standing, row: MediaFile) -> MediaWhole:
    sight = in_sight(person, Act.MEDIA_READ)
    uses = [UseShown(post=use.post, accounts=list(use.accounts)) for use in uses_of(session, row, sight)]
    units = [unit.code for unit in holders_of(session, row, sight)]
    return MediaWhole(**MediaShown.model_validate(row).model_dump(), units=units, posts=uses)


def _bytes(told: str) -> bytes:
    try:
        return b64decode(told, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("media", [Problem("media.not_base64", column="content")]) from None


def _moment(told: object) -> datetime:
    if not isinstance(told, datetime):
        raise TypeError("expected a moment")
    return told
