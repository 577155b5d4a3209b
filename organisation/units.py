"""The tree of units: region → leagues and cities, universities, enterprises → departments."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import Column, ColumnElement, Index, String, and_, func, text
from sqlalchemy import select as rows
from sqlalchemy.orm import aliased
from sqlmodel import Field, Session, SQLModel, col, select

from config.database import REACHES
from config.errors import MeizhenError
from config.keyset import keyset

# A range of paths is a range of bytes; PostgreSQL's own collation would sort them as words of a language.
PATH = String(255).with_variant(String(255, collation="C"), "postgresql")

_Thing = TypeVar("_Thing")


class Unit(SQLModel, table=True):
    """A unit of the organisation.

    `path` is the ids from the root down to the unit, each followed by a slash (`1/4/27/`): a subtree is one
    range of an index, also among millions of units.
    """

    __tablename__ = "unit"
    __table_args__ = (
        Index(
            "ix_unit_review",  # asked whenever posts are queued: no statement may look at all units for it
            "path",
            sqlite_where=text("review IS NOT NULL"),
            postgresql_where=text("review IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(max_length=64, unique=True)
    parent_id: int | None = Field(default=None, foreign_key="unit.id", index=True)
    kind: str = Field(max_length=16)  # region | league | university | enterprise | department | …
    name_zh: str = Field(max_length=200)
    name_en: str = Field(default="", max_length=200)
    path: str = Field(sa_column=Column(PATH, nullable=False, unique=True))
    lateness_hours: float | None = None  # None: what the nearest unit above says (`organisation.lateness`)
    review: str | None = Field(default=None, max_length=32)  # stages by commas (`organisation.stages`)

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids from the root down to this unit."""
        return tuple(int(part) for part in self.path.split("/")[:-1])

    @property
    def depth(self) -> int:
        """How many units stand above it: 0 is a root."""
        return self.path.count("/") - 1


def after_subtree(path: str) -> str:
    """The least path beyond the subtree at `path`: `0` follows the slash among the bytes."""
    return f"{path[:-1]}0"


def in_subtree(unit: Unit) -> ColumnElement[bool]:
    """The condition that a `Unit` row is this unit or below it: one range of the index on `path`."""
    return at_or_below(unit.path)


@lru_cache(maxsize=REACHES)
def at_or_below(path: str) -> ColumnElement[bool]:
    """The same by its path. The condition of a path is one object: statements made with it can be kept."""
    return and_(col(Unit.path) >= path, col(Unit.path) < after_subtree(path))


def nearest(path: str, named: Mapping[str, _Thing]) -> _Thing | None:
    """Of things named by units' paths, that of the nearest unit at or above `path`."""
    while path not in named and path:
        path = path[: path.rfind("/", 0, -1) + 1]
    return named.get(path)


def subtree(session: Session, unit: Unit) -> list[Unit]:
    """The unit and all below it, each before its children."""
    return list(session.exec(select(Unit).where(in_subtree(unit)).order_by(col(Unit.path))))


def listed(
    session: Session, unit: Unit | None = None, *, within: ColumnElement[bool] | None = None
) -> list[tuple[Unit, str | None]]:
    """A subtree (everything without one) for people: each unit with its parent's code, before its children.

    Siblings stand in the order in which they were added. `within` is a condition on the units
    (`permissions.in_sight`).
    """
    parent = aliased(Unit)
    wanted = select(Unit, parent.code).outerjoin(parent, col(parent.id) == col(Unit.parent_id))
    if unit is not None:
        wanted = wanted.where(in_subtree(unit))
    if within is not None:
        wanted = wanted.where(within)
    return sorted(session.exec(wanted).all(), key=lambda pair: pair[0].ids)


def page_of_units(
    session: Session, within: ColumnElement[bool], after: Sequence[object] | None, limit: int
) -> list[Unit]:
    """Units by path, each before those below it; beyond the one whose path is `after`."""
    return list(session.scalars(keyset(rows(Unit).where(within), [col(Unit.path)], after, limit)))


def unit_codes(session: Session, ids: Collection[int]) -> dict[int, str]:
    """The codes of units by id."""
    pairs = session.exec(select(Unit.id, Unit.code).where(col(Unit.id).in_(ids))).all()
    return {unit_id: code for unit_id, code in pairs if unit_id is not None}


def ancestors(session: Session, unit: Unit) -> list[Unit]:
    """The units above this one, the root first."""
    above = session.exec(select(Unit).where(col(Unit.id).in_(unit.ids[:-1]))).all()
    return sorted(above, key=lambda one: one.depth)


def subtree_size(session: Session, unit: Unit) -> int:
    """How many units the subtree has, this one included."""
    return session.exec(select(func.count()).select_from(Unit).where(in_subtree(unit))).one()


def find_unit(session: Session, code: str) -> Unit:
    """The unit of a code. Raises MeizhenError `org.unknown_unit`."""
    unit = session.exec(select(Unit).where(Unit.code == code)).one_or_none()
    if unit is None:
        raise MeizhenError("org.unknown_unit", code=code)
    return unit
