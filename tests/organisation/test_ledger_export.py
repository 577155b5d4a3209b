"""The ledger outside the database: exported whole; noted heads find a database that was set back."""

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from config import Database, InputError, MeizhenError
from config.database import connect
from config.secrets import KeyRing
from organisation import Tampering, export_entries, note_head, read_heads, record, verify

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def write(database: Database, keys: KeyRing, count: int, first: int = 0) -> None:
    with database.write() as session:
        for number in range(first, first + count):
            record(
                session, keys, at=AT + timedelta(days=number), actor="a", act="post.add", subject="张\u2028"
            )


def test_an_export_holds_every_entry_as_it_is_signed(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    write(database, keys, 5)
    out = tmp_path / "ledger.jsonl"
    with database.read() as session:
        assert export_entries(session, out) == 5
        lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        assert verify(session, keys).head == lines[-1]["mac"]
        days = {"since": AT + timedelta(days=1), "until": AT + timedelta(days=3)}
        assert export_entries(session, out, **days) == 2  # type: ignore[arg-type]
        assert export_entries(session, out, wanted=lambda entry: entry.seq == 4) == 1
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5] and lines[0]["subject"] == "张\u2028"
    assert lines[0]["at"] == "2026-03-02T01:00:00+00:00"
    assert [path.name for path in tmp_path.glob("*ledger*")] == ["ledger.jsonl"]


def test_an_export_that_cannot_be_written_leaves_nothing(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    write(database, keys, 1)
    (tmp_path / "folder").mkdir()
    with database.read() as session, pytest.raises(MeizhenError, match="cannot be written"):
        export_entries(session, tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir() if "folder" in path.name] == ["folder"]


def test_noted_heads_agree_with_a_ledger_that_only_grew(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    file = tmp_path / "heads.jsonl"
    assert read_heads(file) == {}
    for number in range(4):
        write(database, keys, 3, first=3 * number)
        with database.read() as session:
            note_head(session, keys, file, at=AT)
    noted = read_heads(file)
    assert sorted(noted) == [3, 6, 9, 12] and file.stat().st_mode & 0o077 == 0
    with database.read() as session:
        assert verify(session, keys, noted).sound


def test_a_database_that_was_set_back_is_found_by_the_noted_head(keys: KeyRing, tmp_path: Path) -> None:
    """Everything of it is genuine: chain, seal, head. Only what was noted elsewhere tells."""
    from config import migrate

    path, file = tmp_path / "a.sqlite", tmp_path / "heads.jsonl"
    database = connect(f"sqlite:///{path}")
    migrate(database)
    write(database, keys, 5)
    database.close()
    shutil.copy(path, tmp_path / "old.sqlite")
    database = connect(f"sqlite:///{path}")
    write(database, keys, 5, first=5)
    with database.read() as session:
        note_head(session, keys, file, at=AT)
    database.close()
    shutil.copy(tmp_path / "old.sqlite", path)
    database = connect(f"sqlite:///{path}")
    with database.read() as session:
        assert verify(session, keys).sound
        fault = verify(session, keys, read_heads(file)).fault
    assert fault is not None and (fault.kind, fault.seq) == (Tampering.REWOUND, 6)
    write(database, keys, 7, first=20)  # and life went on
    with database.read() as session:
        fault = verify(session, keys, read_heads(file)).fault
    assert fault is not None and (fault.kind, fault.seq) == (Tampering.REWOUND, 10)
    database.close()


def test_a_head_that_was_forged_is_not_noted(database: Database, keys: KeyRing, tmp_path: Path) -> None:
    write(database, keys, 3)
    with database.write() as session:
        session.execute(text("UPDATE ledger_head SET count = 2"))
    with database.read() as session, pytest.raises(MeizhenError, match="was changed"):
        note_head(session, keys, tmp_path / "heads.jsonl", at=AT)
    assert not (tmp_path / "heads.jsonl").exists()


@pytest.mark.parametrize("line", ["", "{}", "[]", "null", '{"entries": "x", "mac": ""}', '{"entries": 1'])
def test_a_line_that_is_no_head_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "heads.jsonl"
    file.write_text(f'{{"at": "", "entries": 3, "mac": "aa"}}\n{line}\n', "utf-8")
    with pytest.raises(InputError) as error:
        read_heads(file)
    assert error.value.problems[0].row == 2


def test_any_noted_head_that_differs_is_named(database: Database, keys: KeyRing) -> None:
    write(database, keys, 12)
    chance = random.Random(3)
    with database.read() as session:
        for _ in range(30):
            seq = chance.randint(1, 12)
            fault = verify(session, keys, {seq: f"{chance.getrandbits(256):064x}"}).fault
            assert fault is not None and (fault.kind, fault.seq) == (Tampering.REWOUND, seq)
