"""Official accounts of the organisation, their credentials (encrypted) and what connectors remember."""

from datetime import date, datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class Account(SQLModel, table=True):
    """One official account on one platform.

    `state`: active, paused (nothing goes out until a person resumes), retired (history only).
    `track` is the group it competes in at the yearly award (league, university, enterprise).
    """

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("platform", "handle"),)

    id: int | None = Field(default=None, primary_key=True)
    unit_id: int = Field(foreign_key="unit.id", index=True)
    platform: str = Field(max_length=32)
    handle: str = Field(max_length=120)
    name: str = Field(max_length=200)
    track: str = Field(default="", max_length=32)
    filed: date | None = None  # when it was filed with the authority; None is not filed
    verified: bool = False
    api_base: str = Field(default="", max_length=500)
    state: str = Field(default="active", max_length=16)

    @property
    def stable_id(self) -> str:
        """`platform:handle`: how logs, ledger and connectors name the account."""
        return f"{self.platform}:{self.handle}"


class Credential(SQLModel, table=True):
    """The account's credentials at rest: all fields of the platform's form, sealed together."""

    __tablename__ = "credential"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    key_version: int
    wrapped_key: bytes
    ciphertext: bytes


class AccountMemory(SQLModel, table=True):
    """What a connector remembers of an account (tokens, uploaded media ids, day budgets), sealed."""

    __tablename__ = "account_memory"

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    key: str = Field(primary_key=True, max_length=160)
    until: datetime | None = None
    key_version: int
    wrapped_key: bytes
    ciphertext: bytes
