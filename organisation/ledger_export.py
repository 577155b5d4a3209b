"""The ledger outside the database: its entries as a file, its head noted where no database reaches."""

import json
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session

from config.errors import InputError, MeizhenError, Problem
from config.secrets import KeyRing
from organisation.ledger import LedgerEntry, is_sealed, read_head
from organisation.ledger_check import stream

HEADS_FILE = "ledger-heads.jsonl"


def export_entries(
    session: Session,
    file: Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    wanted: Callable[[LedgerEntry], bool] | None = None,
) -> int:
    """Writes entries as JSON lines, oldest first, whole or not at all; gives how many.

    Each line: seq, at (ISO 8601, UTC), actor, act, subject, details, mac. `since` is included, `until` not.
    Raises MeizhenError `ledger.not_written`.
    """
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    count = 0
    try:
        with draft.open("x", encoding="utf-8") as out:
            for entry in stream(session):
                if (since and entry.at < since) or (until and entry.at >= until):
                    continue
                if wanted is None or wanted(entry):
                    out.write(json.dumps(_facts(entry), ensure_ascii=True) + "\n")
                    count += 1
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        reason = error.strerror or type(error).__name__
        raise MeizhenError("ledger.not_written", path=file, reason=reason) from None
    return count


def note_head(session: Session, keys: KeyRing, file: Path, *, at: datetime) -> tuple[int, str]:
    """Adds the ledger's head to the file of noted heads; gives how many entries there are and the last mac.

    A head that is not sealed is not noted: `verify` finds it. Raises MeizhenError `ledger.not_written`, or
    `ledger.bad_head`.
    """
    head = read_head(session)
    if not is_sealed(keys, head):
        raise MeizhenError("ledger.bad_head")
    line = {"at": at.astimezone(UTC).isoformat(), "entries": head.count, "mac": head.mac}
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(json.dumps(line) + "\n")
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MeizhenError("ledger.not_written", path=file, reason=reason) from None
    return head.count, head.mac


def read_heads(file: Path) -> dict[int, str]:
    """The noted heads: mac by number of entries; empty where there is no such file.

    Raises InputError naming the first line that is none.
    """
    try:
        lines = file.read_text("ascii").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(str(file), [Problem("input.not_readable", params={"reason": reason})]) from None
    noted: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            noted[int(told["entries"])] = str(told["mac"])
        except (ValueError, KeyError, TypeError):
            raise InputError(str(file), [Problem("ledger.no_noted_head", number)]) from None
    noted.pop(0, None)
    return noted


def _facts(entry: LedgerEntry) -> dict[str, object]:
    return {
        "seq": entry.seq,
        "at": entry.at.astimezone(UTC).isoformat(),
        "actor": entry.actor,
        "act": entry.act,
        "subject": entry.subject,
        "details": entry.details,
        "mac": entry.mac,
    }
