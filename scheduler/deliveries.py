"""Deliveries: a post for an account, its states, and every attempt and event of it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class State(StrEnum):
    """Where a delivery is, and who moves it on (`docs/explanation/deliveries.md` draws it)."""

    QUEUED = "queued"  # waits for its time; a node whose lane it heads writes an attempt and sends
    PAUSED = "paused"  # a person stopped it; a person resumes
    SENDING = "sending"  # an attempt is committed, the call may be under way; the node finishes it
    ACCEPTED = "accepted"  # the platform works on it; settling asks how it ended
    UNCERTAIN = "uncertain"  # may have gone out; `find` asks, then a person
    HANDED_OVER = "handed_over"  # assisted: a person posts it and pastes the link
    MISSED = "missed"  # later than the limit; a person decides
    PUBLISHED = "published"  # out, once
    FAILED = "failed"  # certainly not out; a person may mend and retry
    CANCELLED = "cancelled"  # called off by a person


# Which state may follow which. The code changes a state only by compare-and-set along these; a test walks
# them, and the database refuses what is no state at all.
FOLLOWERS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SENDING, State.PAUSED, State.MISSED, State.CANCELLED}),
    State.PAUSED: frozenset({State.QUEUED, State.CANCELLED}),
    State.SENDING: frozenset(
        {
            State.PUBLISHED,
            State.ACCEPTED,
            State.HANDED_OVER,
            State.QUEUED,
            State.UNCERTAIN,
            State.FAILED,
        }
    ),
    State.ACCEPTED: frozenset({State.PUBLISHED, State.FAILED, State.UNCERTAIN, State.HANDED_OVER}),
    State.UNCERTAIN: frozenset(
        {State.PUBLISHED, State.ACCEPTED, State.HANDED_OVER, State.QUEUED, State.FAILED}
    ),
    State.HANDED_OVER: frozenset({State.PUBLISHED, State.FAILED, State.CANCELLED}),
    State.MISSED: frozenset({State.QUEUED, State.CANCELLED}),
    State.FAILED: frozenset({State.QUEUED, State.CANCELLED, State.PUBLISHED}),
    State.PUBLISHED: frozenset(),
    State.CANCELLED: frozenset(),
}

# The states in which a delivery may wait for a person.
ASKING = (State.UNCERTAIN, State.HANDED_OVER, State.MISSED, State.FAILED)

_STATES = ",".join(f"'{state}'" for state in State)


class Delivery(SQLModel, table=True):
    """One post on its way to one account.

    `key` goes to the platform with every attempt; `seq` orders the account's deliveries for the receiver.
    `not_before` is when the machine looks at it next; past `late_after` it is missed. `fence` is the
    lane's when the attempt was written: what a node that woke late wants to write changes nothing.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("post_id", "account_id"),
        Index("ix_delivery_lane", "account_id", "state", "due", "id"),
        Index("ix_delivery_state", "state", "due"),
        Index("ix_delivery_due", "due", "id"),
        Index("ix_delivery_account_due", "account_id", "due", "id"),
        # One post under way per account: the last guard, should the code ever think otherwise.
        Index(
            "uq_delivery_under_way",
            "account_id",
            unique=True,
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        CheckConstraint(f"state IN ({_STATES})", name="ck_delivery_state"),
        CheckConstraint("state != 'published' OR published_at IS NOT NULL", name="ck_delivery_published"),
    )

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id")
    account_id: int = Field(foreign_key="account.id")
    key: str = Field(max_length=32, unique=True)
    seq: int
    state: str = Field(default=State.QUEUED, max_length=16)
    due: datetime
    not_before: datetime
    late_after: datetime
    attempts: int = 0  # publish calls begun
    calls: int = 0  # calls of any purpose: numbers the attempts
    looks: int = 0  # how often the platform was asked since the doubt or the hand-in
    fence: int = 0
    waiting_since: datetime | None = None  # when the doubt or the hand-in began
    remote_id: str = Field(default="", max_length=200)
    url: str = Field(default="", max_length=1000)
    detail: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    needs_person: bool = False
    outcome_code: str = Field(default="", max_length=80)
    outcome_text: str = Field(default="", max_length=1000)
    published_at: datetime | None = None
    # '': its unit demanded no review when it was queued; else what was approved (`scheduler.review_content`)
    approved_hash: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})


class Attempt(SQLModel, table=True):
    """One call about a delivery: committed before it is made, finished after. Unfinished means: not known."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_started", "started_at"),)  # does anything move?

    delivery_id: int = Field(primary_key=True, foreign_key="delivery.id")
    number: int = Field(primary_key=True)
    purpose: str = Field(max_length=8)  # publish | find | settle
    node: str = Field(max_length=80)
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str = Field(default="", max_length=16)  # a receipt's state, or the error's name in lower case
    platform_code: str = Field(default="", max_length=80)
    platform_text: str = Field(default="", max_length=1000)
    request_id: str = Field(default="", max_length=120)
    remedy_zh: str = Field(default="", max_length=500)
    remedy_en: str = Field(default="", max_length=500)


class DeliveryEvent(SQLModel, table=True):
    """One transition, written in the transaction that made it."""

    __tablename__ = "delivery_event"

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", index=True)
    at: datetime
    from_state: str = Field(default="", max_length=16)
    to_state: str = Field(max_length=16)
    actor: str = Field(max_length=120)  # a node, or a person
    code: str = Field(default="", max_length=80)
    told: str = Field(default="", max_length=1000)
