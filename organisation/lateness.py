"""Lateness: how many hours after its time a unit's posts may still go out.

A unit that says nothing takes what the nearest unit above it says, and where none of them says anything,
the setting `lateness_hours`. A post's own value goes before all of them.
"""

import math
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, func
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation.accounts import Account
from organisation.ledger import record
from organisation.units import Unit

LATENESS_HOURS = (0.0, 720.0)  # more than the first, at most the second: the setting's own bounds
INHERIT = "inherit"
_UNITS_A_STATEMENT = 5_000


def parse_lateness(told: str) -> float | None:
    """Hours as people write them, None for `inherit`. Raises MeizhenError `org.bad_lateness`."""
    told = told.strip()
    if told.lower() == INHERIT:
        return None
    try:
        hours = float(told)
    except ValueError:
        hours = math.nan
    if not is_lateness(hours):
        raise MeizhenError("org.bad_lateness", received=told[:40], limit=int(LATENESS_HOURS[1]))
    return hours


def is_lateness(hours: float) -> bool:
    """Within the bounds that posts, units and the setting share; a NaN is not."""
    least, most = LATENESS_HOURS
    return least < hours <= most


def set_lateness(
    session: Session, keys: KeyRing, unit: Unit, hours: float | None, *, at: datetime, actor: str
) -> bool:
    """What the unit says from now on; None: nothing. False where it said so before.

    Posts that are queued already keep the limit they were queued with.
    """
    before = unit.lateness_hours
    if before == hours:
        return False
    unit.lateness_hours = hours
    session.add(unit)
    details = {"from": before, "to": hours}
    record(
        session,
        keys,
        at=at,
        actor=actor,
        act="unit.lateness",
        subject=f"unit:{unit.code}",
        details=details,
    )
    return True


def holding_for(line: Sequence[Unit], setting: float) -> tuple[float, str | None]:
    """The hours that hold for the last of `line` (the root first), and the unit that says so."""
    for unit in reversed(line):
        if unit.lateness_hours is not None:
            return unit.lateness_hours, unit.code
    return setting, None


def lateness_of(session: Session, accounts: Sequence[Account], setting: float) -> dict[int, float]:
    """Hours by account id, for all the accounts in one statement; `setting` where no unit says anything."""
    said = _said_for(session, {account.unit_id for account in accounts})
    return {account.known_id: said.get(account.unit_id, setting) for account in accounts}


def _said_for(session: Session, unit_ids: Collection[int]) -> dict[int, float]:
    """What the nearest unit says, by unit id; a unit for which nobody speaks is left out."""
    own, upper = aliased(Unit), aliased(Unit)
    beyond = func.substr(upper.path, 1, func.length(upper.path) - 1).concat("0")  # units.after_subtree
    above = and_(col(own.path) >= col(upper.path), col(own.path) < beyond)
    asked = sorted(unit_ids)
    said: dict[int, float] = {}
    for start in range(0, len(asked), _UNITS_A_STATEMENT):
        wanted = (
            columns(col(own.id), col(upper.lateness_hours))
            .join(upper, above)
            .where(col(own.id).in_(asked[start : start + _UNITS_A_STATEMENT]))
            .where(col(upper.lateness_hours).is_not(None))
            .order_by(func.length(upper.path))
        )
        said |= {row[0]: row[1] for row in session.execute(wanted)}  # the nearest comes last
    return said
