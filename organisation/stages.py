"""Stages of review 三审: which of them a unit demands before a post of its accounts may be queued.

A unit that says nothing takes what the nearest unit above it says; where none of them says anything, there
is no review.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from config.batch import BatchQuery
from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.ledger import entries_of, record
from organisation.permissions import Act
from organisation.units import Unit

INHERIT, NONE = "inherit", "none"


class Stage(StrEnum):
    """Whose reading is wanted. `any` is one of the two of the urgent path: any reviewer of the unit."""

    FIRST = "first"
    SECOND = "second"
    FINAL = "final"
    ANY = "any"


FULL = (Stage.FIRST, Stage.SECOND, Stage.FINAL)
URGENT = (Stage.ANY, Stage.FINAL)
STAGE_ACTS: Mapping[Stage, tuple[Act, ...]] = {
    Stage.FIRST: (Act.REVIEW_FIRST,),
    Stage.SECOND: (Act.REVIEW_SECOND,),
    Stage.FINAL: (Act.REVIEW_FINAL,),
    Stage.ANY: (Act.REVIEW_FIRST, Act.REVIEW_SECOND, Act.REVIEW_FINAL),
}


def parse_stages(told: str) -> tuple[Stage, ...] | None:
    """Stages as people write them (`first,second,final`, `none`), None for `inherit`.

    Raises MeizhenError `org.bad_stages` for another word, another order, or one that comes twice.
    """
    told = told.strip().lower()
    if told == INHERIT:
        return None
    if told == NONE:
        return ()
    names = [name.strip() for name in told.split(",")]
    stages = tuple(stage for stage in FULL if stage.value in names)
    if [stage.value for stage in stages] != names:
        raise MeizhenError("org.bad_stages", received=told[:40], expected=",".join(FULL))
    return stages


def read_stages(written: str) -> tuple[Stage, ...]:
    """Stages as a column keeps them; '' is none."""
    return tuple(Stage(name) for name in written.split(",") if name)


def set_stages(
    session: Session,
    keys: KeyRing,
    unit: Unit,
    stages: tuple[Stage, ...] | None,
    *,
    at: datetime,
    actor: str,
) -> bool:
    """What the unit demands from now on; None: what is demanded above it. False where it was so before.

    Posts that are queued already go out as they were queued.
    """
    before, after = unit.review, None if stages is None else ",".join(stages)
    if before == after:
        return False
    unit.review = after
    session.add(unit)
    session.flush()
    details = {"from": before, "to": after}
    record(session, keys, at=at, actor=actor, act="unit.review", subject=f"unit:{unit.code}", details=details)
    return True


def demanded_for(line: Sequence[Unit]) -> tuple[tuple[Stage, ...], str | None]:
    """The stages that hold for the last of `line` (the root first), and the unit that says so."""
    for unit in reversed(line):
        if unit.review is not None:
            return read_stages(unit.review), unit.code
    return (), None


# The nearest unit that says anything comes last. A path's end is `units.after_subtree`.
_SAID = BatchQuery(
    "SELECT account.id AS account_id, said.review AS review, said.code AS code FROM {rows} AS asked "
    "JOIN account ON account.id = asked.account_id JOIN unit own ON own.id = account.unit_id "
    "JOIN unit said ON said.review IS NOT NULL AND own.path >= said.path "
    "AND own.path < substr(said.path, 1, length(said.path) - 1) || '0' ORDER BY length(said.path)",
    {"account_id": "integer"},
    {"account_id": "integer", "review": "text", "code": "text"},
)


def stages_of(session: Session, account_ids: Collection[int]) -> dict[int, tuple[Stage, ...]]:
    """Demanded stages by account id, in one statement; an account without any is left out."""
    rows = _SAID.ask(session.connection(), [(account_id,) for account_id in sorted(set(account_ids))])
    nearest = {account_id: review for account_id, review, _ in rows}
    return {account_id: read_stages(review) for account_id, review in nearest.items() if review}


def demanded_since(session: Session, account_ids: Collection[int]) -> dict[int, datetime]:
    """Since when these accounts' units demand review, as the ledger has it, by account id.

    An account without review, or whose demand the ledger does not know, is left out.
    """
    rows = _SAID.ask(session.connection(), [(account_id,) for account_id in sorted(set(account_ids))])
    nearest = {account_id: code for account_id, _, code in rows}
    began = {code: _began(session, code) for code in set(nearest.values())}
    return {account_id: at for account_id, code in nearest.items() if (at := began[code]) is not None}


def _began(session: Session, code: str) -> datetime | None:
    """When the unit last went from no review to some."""
    changes = entries_of(session, subject=f"unit:{code}", act="unit.review", limit=1000)
    return next((entry.at for entry in changes if not entry.details.get("from")), None)


def together(demanded: Collection[tuple[Stage, ...]]) -> tuple[Stage, ...]:
    """What a post needs that goes to accounts of several units: every stage that any of them demands."""
    return tuple(stage for stage in FULL if any(stage in stages for stages in demanded))
