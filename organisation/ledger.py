"""The ledger of acts: who did what to what and when, chained by HMAC: no entry changes unseen.

Each entry's `mac` is over its facts and the mac before it; the head row is sealed with the same key, so that
a shortened ledger shows too. What this cannot see is a database set back to an earlier state as a whole:
for that, `LedgerReport.entries` and `.head` are noted elsewhere from time to time.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import JSON, CheckConstraint, Column, Index, or_, text, update
from sqlmodel import Field, Session, SQLModel, col, select

from config.secrets import KeyRing

_LOCK = 7236402  # of pg_advisory_xact_lock; migrations hold 7236401


class LedgerEntry(SQLModel, table=True):
    """One act. Triggers refuse its change and deletion on both databases."""

    __tablename__ = "ledger_entry"
    __table_args__ = (Index("ix_ledger_entry_subject", "subject", "seq"),)

    seq: int = Field(primary_key=True)
    at: datetime
    actor: str = Field(max_length=120)
    act: str = Field(max_length=64)  # noun.verb: account.import, post.cancel, …
    subject: str = Field(max_length=200)  # what it was done to: wechat:handle, unit:NM, post:12
    details: dict[str, object] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    mac: str = Field(max_length=64)


class LedgerHead(SQLModel, table=True):
    """The end of the chain: how many entries there are, and the mac of the last one, sealed."""

    __tablename__ = "ledger_head"
    __table_args__ = (CheckConstraint("id = 1", name="ck_ledger_head_single"),)

    id: int = Field(default=1, primary_key=True)
    count: int
    mac: str = Field(max_length=64)
    seal: str = Field(max_length=64)


def record(
    session: Session,
    keys: KeyRing,
    *,
    at: datetime,
    actor: str,
    act: str,
    subject: str,
    details: Mapping[str, object] | None = None,
) -> LedgerEntry:
    """Appends an act under the caller's write transaction; it stands or falls with what it tells of.

    Other writers of the ledger wait until that transaction ends, so it belongs at its end. `details` are
    kept as JSON; dates, decimals and paths in them become text. Never put a secret there. Raises ValueError
    for a text longer than its column.
    """
    for name, value, limit in (("actor", actor, 120), ("act", act, 64), ("subject", subject, 200)):
        if len(value) > limit:
            raise ValueError(f"expected {name} of at most {limit} characters, got {len(value)}")
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    head = read_head(session)
    entry = LedgerEntry(
        seq=head.count + 1,
        at=at.astimezone(UTC),
        actor=actor,
        act=act,
        subject=subject,
        details=json.loads(json.dumps(dict(details or {}), default=str, allow_nan=False)),
        mac="",
    )
    entry.mac = mac_of(keys, entry, entry.seq, head.mac)
    session.add(entry)
    # A head that somebody forged is carried on unsealed: `verify` must go on finding it.
    seal = seal_of(keys, entry.seq, entry.mac) if is_sealed(keys, head) else head.seal
    if head.count == 0 and not head.seal:
        session.add(LedgerHead(count=entry.seq, mac=entry.mac, seal=seal))
    else:
        values = {"count": entry.seq, "mac": entry.mac, "seal": seal}
        session.execute(update(LedgerHead).values(values).execution_options(synchronize_session=False))
    session.flush()
    return entry


def entries_of(
    session: Session,
    *,
    subject: str | None = None,
    actor: str | None = None,
    act: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[LedgerEntry]:
    """The newest entries, newest first; of one subject, one actor, one act where it is given.

    `act` may be a noun alone (`person`): all its acts. `before`: only those with a lower number.
    """
    wanted = select(LedgerEntry).order_by(col(LedgerEntry.seq).desc()).limit(limit)
    if subject is not None:
        wanted = wanted.where(LedgerEntry.subject == subject)
    if actor is not None:
        wanted = wanted.where(LedgerEntry.actor == actor)
    if act is not None:
        noun = col(LedgerEntry.act).startswith(f"{act}.", autoescape=True)
        wanted = wanted.where(or_(col(LedgerEntry.act) == act, noun))
    if before is not None:
        wanted = wanted.where(col(LedgerEntry.seq) < before)
    return list(session.exec(wanted))


def read_head(session: Session) -> LedgerHead:
    """The head as the database has it now; count 0 without a seal before the first entry."""
    row = session.exec(select(LedgerHead.count, LedgerHead.mac, LedgerHead.seal)).one_or_none()
    count, mac, seal = row or (0, "", "")
    return LedgerHead(count=count, mac=mac, seal=seal)


def has_entries(session: Session) -> bool:
    """Was anything ever recorded here?"""
    return session.exec(select(LedgerEntry.seq).limit(1)).first() is not None or read_head(session).count > 0


def is_sealed(keys: KeyRing, head: LedgerHead) -> bool:
    """Was this head written by the house? The head of an empty ledger carries no seal."""
    if head.count == 0 and not head.seal and not head.mac:
        return True
    return _same(head.seal, seal_of(keys, head.count, head.mac))


def seal_of(keys: KeyRing, count: int, mac: str) -> str:
    return _hmac(keys, {"head": count, "mac": mac})


def mac_of(keys: KeyRing, entry: LedgerEntry, seq: int, previous: str) -> str:
    """The mac that `entry`'s facts would carry as number `seq` after the mac `previous`."""
    facts = {
        "seq": seq,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "act": entry.act,
        "subject": entry.subject,
        "details": entry.details,
        "previous": previous,
    }
    return _hmac(keys, facts)


def _hmac(keys: KeyRing, facts: Mapping[str, object]) -> str:
    # Canonical JSON: sorted, without blanks, ASCII. `repr` keeps what a forger put there from stopping us.
    told = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=repr)
    return hmac.new(keys.ledger, told.encode("ascii"), hashlib.sha256).hexdigest()


def _same(stored: object, expected: str) -> bool:
    return hmac.compare_digest(str(stored).encode("utf-8", "replace"), expected.encode())


def fits(keys: KeyRing, entry: LedgerEntry, seq: int, previous: str) -> bool:
    """Is `entry`, as it stands, number `seq` of the chain after `previous`?"""
    return _same(entry.mac, mac_of(keys, entry, seq, previous))
