"""Checking the ledger: streams it from the first entry and names the first row that is wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from config.secrets import KeyRing
from organisation.ledger import LedgerEntry, LedgerHead, fits, is_sealed, mac_of, read_head

_CHUNK = 1_000
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class Tampering(StrEnum):
    """What was done to the ledger from outside."""

    CHANGED = "changed"
    DELETED = "deleted"
    INSERTED = "inserted"
    SWAPPED = "swapped"
    TRUNCATED = "truncated"
    HEAD = "head"  # the sealed head itself, or a ledger emptied of everything
    REWOUND = "rewound"  # sound in itself, but not what was noted elsewhere: an older database was put back


@dataclass(frozen=True)
class LedgerFault:
    """The first bad row: its number, what is wrong, and for a swap the row that stands in its place."""

    kind: Tampering
    seq: int
    other: int | None = None


@dataclass(frozen=True)
class LedgerReport:
    """How the ledger stands. `head` is the mac of its last good entry, to be noted elsewhere."""

    entries: int
    head: str
    fault: LedgerFault | None = None

    @property
    def sound(self) -> bool:
        return self.fault is None


def verify(session: Session, keys: KeyRing, noted: Mapping[int, str] | None = None) -> LedgerReport:
    """Checks every entry and the head, in constant memory; entries may be added meanwhile.

    A ledger without any entry counts as emptied: making a house writes the first one. `noted` are the macs of
    entries by number that were kept elsewhere (`ledger_export.read_heads`): only they show a database that
    was set back as a whole.
    """
    noted = noted or {}
    head_before = read_head(session)
    count, mac = 0, ""
    for entry in stream(session):
        if entry.seq != count + 1 or not fits(keys, entry, entry.seq, mac):
            return LedgerReport(count, mac, _fault(session, keys, entry, count + 1, mac))
        count, mac = entry.seq, entry.mac
        if noted.get(count, mac) != mac:
            return LedgerReport(count, mac, LedgerFault(Tampering.REWOUND, count))
        if count == head_before.count and mac != head_before.mac:
            return LedgerReport(count, mac, LedgerFault(Tampering.HEAD, count))
    fault = _fault_of_head(keys, head_before, read_head(session), count)
    if fault is None and max(noted, default=0) > count:
        fault = LedgerFault(Tampering.REWOUND, count + 1)
    return LedgerReport(count, mac, fault)


def _fault_of_head(keys: KeyRing, before: LedgerHead, after: LedgerHead, count: int) -> LedgerFault | None:
    """`count` good entries were read between the two looks at the head."""
    if after.count == 0 or not is_sealed(keys, before) or not is_sealed(keys, after):
        return LedgerFault(Tampering.HEAD, count)
    if count < before.count:
        return LedgerFault(Tampering.TRUNCATED, count + 1)
    return LedgerFault(Tampering.HEAD, count) if count > after.count else None


def _fault(session: Session, keys: KeyRing, entry: LedgerEntry, seq: int, previous: str) -> LedgerFault:
    """What happened at number `seq`, where `entry` was found and does not fit after `previous`."""
    head = read_head(session)
    known = head.count if is_sealed(keys, head) else None
    if entry.seq < seq or (known is not None and seq > known):
        return LedgerFault(Tampering.INSERTED, entry.seq)
    if entry.seq > seq:
        return LedgerFault(Tampering.DELETED, seq)
    following, genuine, total = None, None, seq
    for later in stream(session, after=seq):
        total += 1
        following = following or later
        if genuine is None and mac_of(keys, later, seq, previous) in (later.mac, entry.mac):
            genuine = later.seq
    if genuine is not None:
        pushed = known is not None and total > known
        return (
            LedgerFault(Tampering.INSERTED, seq) if pushed else LedgerFault(Tampering.SWAPPED, seq, genuine)
        )
    hangs_on = following is not None and fits(keys, following, following.seq, entry.mac)
    if known is not None and total != known and not hangs_on:
        # The rest does not hang on this entry either: rows came or went, and the numbers were closed up.
        return LedgerFault(Tampering.INSERTED if total > known else Tampering.DELETED, seq)
    return LedgerFault(Tampering.CHANGED, seq)


def stream(session: Session, after: int | None = None) -> Iterator[LedgerEntry]:
    """The entries in order, as the database has them now; one that cannot be read comes without facts."""
    while chunk := _chunk(session, after):
        yield from chunk
        after = chunk[-1].seq


def _chunk(session: Session, after: int | None) -> list[LedgerEntry]:
    try:
        return _read(session, after, _CHUNK)
    except (ValueError, TypeError):  # SQLite keeps what a forger wrote, JSON and times that are none
        pass
    try:
        return _read(session, after, 1)
    except (ValueError, TypeError):
        seqs = select(LedgerEntry.seq).order_by(col(LedgerEntry.seq)).limit(1)
        seq = session.exec(seqs if after is None else seqs.where(LedgerEntry.seq > after)).one()
        return [LedgerEntry(seq=seq, at=_LONG_AGO, actor="", act="", subject="", mac="")]


def _read(session: Session, after: int | None, size: int) -> list[LedgerEntry]:
    wanted = select(LedgerEntry).order_by(col(LedgerEntry.seq)).limit(size)
    if after is not None:
        wanted = wanted.where(col(LedgerEntry.seq) > after)
    return list(session.exec(wanted.execution_options(populate_existing=True)))
