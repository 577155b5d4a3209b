"""素材 Stored pictures and films: what they are, never their bytes."""

from datetime import datetime
from typing import Annotated

from fastapi import Path

from config.errors import MeizhenError
from organisation import Act
from scheduler.media import MediaFile, page_of_media
from web.api.call import Asked, Noun
from web.api.cursors import Page, Pages
from web.api.texts import Told

noun = Noun("media")

Hash = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="The SHA-256 of its bytes.")]


class MediaShown(Told):
    """A stored file."""

    sha256: str
    content_type: str
    file_name: str
    size: int
    added_at: datetime


@noun.read("", Act.MEDIA_READ)
def list_media(asked: Asked, paging: Pages) -> Page[MediaShown]:
    """素材列表 Stored files, newest first; for who may read media of the whole house."""
    asked.house()
    rows, following = asked.page(
        paging,
        {},
        (datetime, str),
        lambda after, limit: page_of_media(asked.session, after, limit),
        lambda file: (file.added_at, file.sha256),
    )
    return Page[MediaShown](items=[MediaShown.model_validate(file) for file in rows], next=following)


@noun.read("/{sha256}", Act.MEDIA_READ)
def show(asked: Asked, sha256: Hash) -> MediaShown:
    """一份素材 One stored file."""
    asked.house()
    file = asked.session.get(MediaFile, sha256)
    if file is None:
        raise MeizhenError("post.media_missing", file=sha256)
    return MediaShown.model_validate(file)
