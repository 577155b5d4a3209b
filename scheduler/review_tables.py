"""Review as tables: drafts and their times, submissions with sign-offs, comments, looks, substitutes.

The order of the stages, four eyes, and the hash that everybody signs stand in the constraints too.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

_ALIVE = "state IN ('open','approved')"


class Planned(SQLModel, table=True):
    """Where and when a draft shall go out: from `due`, not after `late_after`. The plan is signed too."""

    __tablename__ = "planned"
    __table_args__ = (
        CheckConstraint("due < late_after", name="ck_planned_window"),
        Index("ix_planned_due", "due"),  # the calendar
        Index("ix_planned_account", "account_id", "due"),
    )

    post_id: int = Field(primary_key=True, foreign_key="post.id")
    account_id: int = Field(primary_key=True, foreign_key="account.id")
    due: datetime
    late_after: datetime


class Author(SQLModel, table=True):
    """Who wrote or changed a post: they sign nothing of it."""

    __tablename__ = "post_author"

    post_id: int = Field(primary_key=True, foreign_key="post.id")
    person_id: int = Field(primary_key=True, foreign_key="person.id")


class Standing(StrEnum):
    """Where a submission stands. The last two are final; `void`: the post was changed after it."""

    OPEN = "open"
    APPROVED = "approved"
    RETURNED = "returned"
    VOID = "void"


class Submission(SQLModel, table=True):
    """A post as it was handed in: `content` is kept, `content_hash` is what everybody signs.

    `stages` is what was demanded, in order, by commas; `signed` counts the sign-offs.
    """

    __tablename__ = "review_submission"
    __table_args__ = (
        CheckConstraint("state IN ('open','approved','returned','void')", name="ck_submission_state"),
        CheckConstraint("stage_count > 0 AND signed <= stage_count", name="ck_submission_signed"),
        CheckConstraint("(state = 'approved') <= (signed = stage_count)", name="ck_submission_approved"),
        CheckConstraint("state != 'returned' OR reason != ''", name="ck_submission_reason"),
        UniqueConstraint("post_id", "number"),
        UniqueConstraint("id", "content_hash", "submitted_by"),
        Index(
            "uq_submission_alive",
            "post_id",
            unique=True,
            sqlite_where=text(_ALIVE),
            postgresql_where=text(_ALIVE),
        ),
        Index("ix_submission_state", "state", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id")
    number: int
    content: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    content_hash: str = Field(max_length=64)
    stages: str = Field(max_length=32)
    stage_count: int
    signed: int = 0
    urgent_reason: str = Field(default="", max_length=500)
    state: str = Field(default=Standing.OPEN, max_length=16)
    submitted_by: int = Field(foreign_key="person.id")
    submitted_at: datetime
    ended_by: int | None = Field(default=None, foreign_key="person.id")
    ended_at: datetime | None = None
    reason: str = Field(default="", max_length=1000)

    @property
    def known_id(self) -> int:
        """The row's id; the submission is stored."""
        if self.id is None:
            raise ValueError("expected a stored submission: it has no id yet")
        return self.id


class SignOff(SQLModel, table=True):
    """One stage passed, by `person_id` in the place of `for_person_id` (mostly the same), on one content."""

    __tablename__ = "review_sign_off"
    __table_args__ = (
        CheckConstraint(
            "(position = 0) = (after IS NULL) AND (after IS NULL OR after = position - 1)",
            name="ck_sign_off_order",
        ),
        CheckConstraint("person_id != author_id AND for_person_id != author_id", name="ck_sign_off_not_own"),
        ForeignKeyConstraint(
            ["submission_id", "content_hash", "author_id"],
            ["review_submission.id", "review_submission.content_hash", "review_submission.submitted_by"],
        ),
        ForeignKeyConstraint(
            ["submission_id", "after"], ["review_sign_off.submission_id", "review_sign_off.position"]
        ),
        UniqueConstraint("submission_id", "stage"),
        UniqueConstraint("submission_id", "person_id"),
        UniqueConstraint("submission_id", "for_person_id"),
    )

    submission_id: int = Field(primary_key=True)
    position: int = Field(primary_key=True)  # 0 is the first stage demanded
    after: int | None = None  # the sign-off before it, which must be there
    stage: str = Field(max_length=16)
    person_id: int = Field(foreign_key="person.id")
    for_person_id: int = Field(foreign_key="person.id")
    content_hash: str = Field(max_length=64)
    author_id: int
    at: datetime


class Comment(SQLModel, table=True):
    """A remark on a passage: characters `start` to `end` of the submitted text, with its words."""

    __tablename__ = "review_comment"
    __table_args__ = (CheckConstraint('"start" >= 0 AND "start" < "end"', name="ck_comment_passage"),)

    id: int | None = Field(default=None, primary_key=True)
    submission_id: int = Field(foreign_key="review_submission.id", index=True)
    person_id: int = Field(foreign_key="person.id")
    at: datetime
    start: int
    end: int
    quoted: str = Field(sa_column=Column(Text, nullable=False))
    told: str = Field(max_length=2000)


class Look(SQLModel, table=True):
    """When somebody last read a submission: `diff` compares with the last one they know."""

    __tablename__ = "review_look"

    submission_id: int = Field(primary_key=True, foreign_key="review_submission.id")
    person_id: int = Field(primary_key=True, foreign_key="person.id")
    at: datetime


class Substitute(SQLModel, table=True):
    """Who signs in a reviewer's place, until the end of a day in Beijing."""

    __tablename__ = "review_substitute"
    __table_args__ = (CheckConstraint("person_id != substitute_id", name="ck_substitute_other"),)

    person_id: int = Field(primary_key=True, foreign_key="person.id")
    substitute_id: int = Field(foreign_key="person.id", index=True)
    until: date
    at: datetime
