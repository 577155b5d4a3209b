"""Words that a unit does not want in its posts; they hold for all below it.

The list is the unit's own: the house brings none.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.ledger import record
from organisation.units import Unit

_LENGTH = 60


class UnitWord(SQLModel, table=True):
    """A word of a unit's list: `forbidden` stops a submission, else it is only shown."""

    __tablename__ = "unit_word"

    unit_id: int = Field(primary_key=True, foreign_key="unit.id")
    word: str = Field(primary_key=True, max_length=_LENGTH)
    forbidden: bool = False


@dataclass(frozen=True)
class ListedWord:
    """A word as it holds for a unit, and the code of the unit that says so."""

    word: str
    forbidden: bool
    unit: str


def set_word(
    session: Session,
    keys: KeyRing,
    unit: Unit,
    word: str,
    forbidden: bool | None,
    *,
    at: datetime,
    actor: str,
) -> bool:
    """Puts a word on the unit's list, or takes it off (None); False where it was so before.

    Raises MeizhenError `org.bad_word`.
    """
    word = word.strip()
    if not 1 <= len(word) <= _LENGTH or not word.isprintable():
        raise MeizhenError("org.bad_word", limit=_LENGTH)
    if unit.id is None:
        raise ValueError("expected a stored unit")
    row = session.get(UnitWord, (unit.id, word))
    if (None if row is None else row.forbidden) == forbidden:
        return False
    if forbidden is None:
        session.delete(row)
    else:
        row = row or UnitWord(unit_id=unit.id, word=word)
        row.forbidden = forbidden
        session.add(row)
    session.flush()
    details = {"word": word, "forbidden": forbidden}
    record(session, keys, at=at, actor=actor, act="unit.word", subject=f"unit:{unit.code}", details=details)
    return True


def words_of(session: Session, units: Collection[Unit]) -> list[ListedWord]:
    """All words that hold for any of these units: their own lists and those above."""
    ids = {unit_id for unit in units for unit_id in unit.ids}
    rows = session.exec(
        select(UnitWord.word, UnitWord.forbidden, Unit.code)
        .join(Unit, col(Unit.id) == col(UnitWord.unit_id))
        .where(col(UnitWord.unit_id).in_(ids))
    )
    return sorted((ListedWord(*row) for row in rows), key=lambda one: (one.word, one.unit))
