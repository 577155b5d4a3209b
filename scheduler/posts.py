"""Posts: what shall go out, per-account variants, stored media."""

from datetime import datetime

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel


class Post(SQLModel, table=True):
    """One story, written once; `Variant` holds only what differs for an account."""

    __tablename__ = "post"

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(default="", max_length=300)
    text: str
    media: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # sha256 in order
    options: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    lateness_hours: float | None = None  # None is the setting's
    created_at: datetime
    created_by: str = Field(max_length=120)


class Variant(SQLModel, table=True):
    """What an account's copy of a post says differently; None is the post's own."""

    __tablename__ = "variant"
    __table_args__ = (UniqueConstraint("post_id", "account_id"),)

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id")
    account_id: int = Field(foreign_key="account.id", index=True)
    title: str | None = Field(default=None, max_length=300)
    text: str | None = None
    options: dict[str, str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))


class MediaFile(SQLModel, table=True):
    """A file kept once by its content, in `media/` of the home folder."""

    __tablename__ = "media_file"

    sha256: str = Field(primary_key=True, max_length=64)
    content_type: str = Field(max_length=80)
    file_name: str = Field(max_length=200)
    size: int
    added_at: datetime
