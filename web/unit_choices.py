"""Units that a form offers by code and name, so that nobody must know codes by heart."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from organisation import Unit

MOST = 500


@dataclass(frozen=True)
class UnitChoice:
    """A unit as a form names it."""

    code: str
    name: str


def units_to_choose(session: Session, within: ColumnElement[bool]) -> list[UnitChoice]:
    """The units that hold `within`, as the tree goes, in one statement; none where they exceed `MOST`."""
    columns = select(col(Unit.code), col(Unit.name_zh)).where(within).order_by(col(Unit.path)).limit(MOST + 1)
    found = [UnitChoice(code, name) for code, name in session.execute(columns)]
    return found if len(found) <= MOST else []
