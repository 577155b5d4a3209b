"""Acts on an award in the ledger: a long text stands there by its hash."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from analytics.awards.rule import Rule
from config.secrets import KeyRing
from organisation import record

_LONG = 500


def note_act(
    session: Session,
    keys: KeyRing,
    rule: Rule,
    act: str,
    details: Mapping[str, object],
    *,
    at: datetime,
    actor: str,
) -> None:
    """Writes an act on a run of the rule into the ledger."""
    told = {name: _shortened(value) for name, value in details.items()}
    record(session, keys, at=at, actor=actor, act=act, subject=f"award:{rule.id}"[:200], details=told)


def _shortened(value: object) -> object:
    if not isinstance(value, str) or len(value) <= _LONG:
        return value
    return hashlib.sha256(value.encode()).hexdigest()
