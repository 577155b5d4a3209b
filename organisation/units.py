"""The tree of units: region → leagues and cities, universities, enterprises → departments."""

from sqlmodel import Field, SQLModel


class Unit(SQLModel, table=True):
    """A unit of the organisation.

    `path` is the ids from the root down to the unit, each followed by a slash (`1/4/27/`): a subtree is one
    range of an index, also among millions of units.
    """

    __tablename__ = "unit"

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(max_length=64, unique=True)
    parent_id: int | None = Field(default=None, foreign_key="unit.id", index=True)
    kind: str = Field(max_length=16)  # region | league | university | enterprise | department | …
    name_zh: str = Field(max_length=200)
    name_en: str = Field(default="", max_length=200)
    path: str = Field(max_length=255, unique=True)
