"""The ledger of acts: who did what to what and when, chained by HMAC: no entry changes unseen."""

from datetime import datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel


class LedgerEntry(SQLModel, table=True):
    """One act. `mac` is over this entry's facts and the entry before it."""

    __tablename__ = "ledger_entry"

    seq: int = Field(primary_key=True)
    at: datetime
    actor: str = Field(max_length=120)
    act: str = Field(max_length=64)  # noun.verb: account.import, post.cancel, …
    subject: str = Field(max_length=200)  # what it was done to: wechat:handle, unit:NM, post:12
    details: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    mac: str = Field(max_length=64)
