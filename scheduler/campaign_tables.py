"""Campaigns as tables: what is wanted of which units by when, what counts for it, and every step of it.

A campaign belongs to a unit; the units that take part stand at or below it. A post belongs to one campaign
at most.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
)
from sqlmodel import Field, SQLModel

TITLE, GOAL, KIND, NOTE, LINK = 120, 4000, 40, 500, 1000
MOST_WANTED = 1000


class Phase(StrEnum):
    """Where a campaign is. `over`: its days are past, but nobody has closed it."""

    RUNNING = "running"
    COMING = "coming"
    OVER = "over"
    CLOSED = "closed"


class Happening(StrEnum):
    """What happened in a campaign."""

    ADDED = "added"
    EDITED = "edited"
    ITEM_ADDED = "item_added"
    ITEM_EDITED = "item_edited"
    ITEM_REMOVED = "item_removed"
    ENTERED = "entered"  # a unit takes part
    LEFT = "left"
    ATTACHED = "attached"
    DETACHED = "detached"
    DONE = "done"
    UNDONE = "undone"
    CLOSED = "closed"
    REOPENED = "reopened"


class Campaign(SQLModel, table=True):
    """A themed campaign of a unit, over Beijing days, the last included. `edition` counts its changes."""

    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint("starts <= ends", name="ck_campaign_days"),
        CheckConstraint("(closed_at IS NULL) = (closed_by = '')", name="ck_campaign_closed"),
        Index("ix_campaign_ends", "ends", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    unit_id: int = Field(foreign_key="unit.id", index=True)
    title: str = Field(max_length=TITLE)
    goal: str = Field(default="", sa_column=Column(Text, nullable=False))
    starts: date = Field(sa_column=Column(Date, nullable=False))
    ends: date = Field(sa_column=Column(Date, nullable=False))
    edition: int = 1
    created_at: datetime
    created_by: str = Field(max_length=120)
    closed_at: datetime | None = None
    closed_by: str = Field(default="", max_length=120)

    @property
    def known_id(self) -> int:
        """The row's id; the campaign is stored."""
        if self.id is None:
            raise ValueError("expected a stored campaign: it has no id yet")
        return self.id

    @property
    def name(self) -> str:
        """How the ledger names it."""
        return f"campaign:{self.id}"

    def phase(self, today: date) -> Phase:
        """Where it is on this Beijing day."""
        if self.closed_at is not None:
            return Phase.CLOSED
        if today < self.starts:
            return Phase.COMING
        return Phase.RUNNING if today <= self.ends else Phase.OVER

    def days_left(self, today: date) -> int:
        """How many days it still has, this one included; 0 once it is over."""
        return max(0, (self.ends - max(today, self.starts)).days + 1)


class CampaignItem(SQLModel, table=True):
    """One thing wanted of every unit that takes part: so many by the end of a Beijing day.

    `number` counts within the campaign, and none is used twice.
    """

    __tablename__ = "campaign_item"
    __table_args__ = (CheckConstraint(f"wanted BETWEEN 1 AND {MOST_WANTED}", name="ck_campaign_item_wanted"),)

    campaign_id: int = Field(primary_key=True, foreign_key="campaign.id")
    number: int = Field(primary_key=True)
    title: str = Field(max_length=TITLE)
    kind: str = Field(default="", max_length=KIND)
    due: date = Field(sa_column=Column(Date, nullable=False))
    wanted: int = 1


class CampaignUnit(SQLModel, table=True):
    """A unit that takes part."""

    __tablename__ = "campaign_unit"

    campaign_id: int = Field(primary_key=True, foreign_key="campaign.id")
    unit_id: int = Field(primary_key=True, foreign_key="unit.id", index=True)


class CampaignPost(SQLModel, table=True):
    """A post of a campaign; without an item it counts in no cell, but its figures are the campaign's."""

    __tablename__ = "campaign_post"
    __table_args__ = (
        ForeignKeyConstraint(["campaign_id", "item"], ["campaign_item.campaign_id", "campaign_item.number"]),
        Index("ix_campaign_post_campaign", "campaign_id", "post_id"),
    )

    post_id: int = Field(primary_key=True, foreign_key="post.id")
    campaign_id: int = Field(foreign_key="campaign.id")
    item: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    at: datetime
    by: str = Field(max_length=120)


class CampaignWork(SQLModel, table=True):
    """What a unit has done of an item that is no post: who says so, when, and where it can be seen."""

    __tablename__ = "campaign_work"
    __table_args__ = (
        ForeignKeyConstraint(["campaign_id", "item"], ["campaign_item.campaign_id", "campaign_item.number"]),
        Index("ix_campaign_work_campaign", "campaign_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    item: int
    unit_id: int = Field(foreign_key="unit.id")
    day: date = Field(sa_column=Column(Date, nullable=False))
    note: str = Field(max_length=NOTE)
    link: str = Field(default="", max_length=LINK)
    at: datetime
    by: str = Field(max_length=120)


class CampaignEvent(SQLModel, table=True):
    """One step, written in the transaction that made it. `unit_id` None concerns all who take part."""

    __tablename__ = "campaign_event"
    __table_args__ = (Index("ix_campaign_event_campaign", "campaign_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    at: datetime
    actor: str = Field(max_length=120)
    happening: str = Field(max_length=16)
    unit_id: int | None = Field(default=None, foreign_key="unit.id")
    facts: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
