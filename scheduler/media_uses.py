"""Which posts use which files: kept beside the posts, so that nobody has to search them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, insert
from sqlmodel import Field, Session, SQLModel, col


class MediaUse(SQLModel, table=True):
    """A post that uses a file."""

    __tablename__ = "media_use"

    sha256: str = Field(primary_key=True, max_length=64)
    post_id: int = Field(primary_key=True, foreign_key="post.id", index=True)


def record_uses(session: Session, posts: Iterable[tuple[int, Sequence[str]]]) -> None:
    """Writes what new posts use: (post id, hashes) each."""
    rows = [
        {"sha256": sha256, "post_id": post_id}
        for post_id, hashes in posts
        for sha256 in dict.fromkeys(hashes)
    ]
    if rows:
        session.execute(insert(MediaUse), rows)


def change_uses(session: Session, post_id: int, hashes: Sequence[str]) -> None:
    """The post uses these files now, and no others."""
    session.execute(delete(MediaUse).where(col(MediaUse.post_id) == post_id))
    record_uses(session, [(post_id, hashes)])
