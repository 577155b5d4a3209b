"""Deliveries: a post for an account, its state machine, and every attempt and event of it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class State(StrEnum):
    """Where a delivery is, and who moves it on."""

    QUEUED = "queued"  # waits for its time; the dispatcher claims it
    PAUSED = "paused"  # a person stopped it; a person resumes
    CLAIMED = "claimed"  # a node holds it, nothing was sent; the node sends, or its lease runs out
    SENDING = "sending"  # an attempt is written, the call may be under way; the node finishes it
    ACCEPTED = "accepted"  # the platform works on it; settling asks
    UNCERTAIN = "uncertain"  # may have gone out; `find` asks, then a person
    HANDED_OVER = "handed_over"  # assisted: a person posts and pastes the link
    MISSED = "missed"  # later than the limit; a person decides
    PUBLISHED = "published"  # out, once
    FAILED = "failed"  # not out; a person may mend and retry
    CANCELLED = "cancelled"  # called off by a person


class Delivery(SQLModel, table=True):
    """One post on its way to one account.

    `key` goes to the platform with every attempt; `seq` orders the account's deliveries for the receiver.
    `not_before` is when the machine looks at it next. `fence` grows with every claim: what a node that
    woke late wants to write carries an older one and changes nothing.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("post_id", "account_id"),
        Index("ix_delivery_due", "state", "not_before"),
        Index("ix_delivery_account", "account_id", "state", "due"),
        # One post under way per account: the last guard, should the code ever think otherwise.
        Index(
            "uq_delivery_under_way",
            "account_id",
            unique=True,
            sqlite_where=text("state IN ('claimed', 'sending')"),
            postgresql_where=text("state IN ('claimed', 'sending')"),
        ),
        CheckConstraint(
            "state IN ('queued','paused','claimed','sending','accepted','uncertain','handed_over',"
            "'missed','published','failed','cancelled')",
            name="ck_delivery_state",
        ),
        CheckConstraint("state != 'published' OR published_at IS NOT NULL", name="ck_delivery_published"),
    )

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id")
    account_id: int = Field(foreign_key="account.id")
    key: str = Field(max_length=32, unique=True)
    state: str = Field(default=State.QUEUED, max_length=16)
    due: datetime
    not_before: datetime
    lateness_seconds: int
    attempts: int = 0
    looks: int = 0  # how often the platform was asked after a doubt or a hand-in
    node: str | None = Field(default=None, max_length=80)
    lease_until: datetime | None = None
    fence: int = 0
    doubt_since: datetime | None = None
    remote_id: str | None = Field(default=None, max_length=200)
    url: str | None = Field(default=None, max_length=1000)
    detail: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    needs_person: bool = False
    outcome_code: str = Field(default="", max_length=80)
    outcome_text: str = Field(default="", max_length=1000)
    published_at: datetime | None = None


class Attempt(SQLModel, table=True):
    """One call about a delivery: committed before it is made, finished after. Open means: not known."""

    __tablename__ = "attempt"

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", index=True)
    number: int
    purpose: str = Field(max_length=16)  # publish | find | settle
    node: str = Field(max_length=80)
    fence: int
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = Field(default=None, max_length=16)  # published, accepted, unreachable, uncertain …
    platform_code: str = Field(default="", max_length=80)
    platform_text: str = Field(default="", max_length=1000)
    request_id: str = Field(default="", max_length=120)


class DeliveryEvent(SQLModel, table=True):
    """One transition, written in the transaction that made it."""

    __tablename__ = "delivery_event"

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", index=True)
    at: datetime
    from_state: str | None = Field(default=None, max_length=16)
    to_state: str = Field(max_length=16)
    actor: str = Field(max_length=120)  # a node, or a person
    code: str = Field(default="", max_length=80)
    told: str = Field(default="", max_length=1000)
