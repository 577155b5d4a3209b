"""The ledger: entries are only added, in order; whatever is done to it from outside is found and named."""

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session, col, select

from config import Database
from config.secrets import KeyRing
from organisation import LedgerEntry, Tampering, ledger_check, record, verify
from organisation.ledger import LedgerHead

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ENTRIES = 12
Forger = Callable[[Session, random.Random], tuple[Tampering, int]]


def write(database: Database, keys: KeyRing, count: int = ENTRIES) -> None:
    with database.write() as session:
        for number in range(count):
            record(
                session,
                keys,
                at=AT + timedelta(seconds=number),
                actor="cli:李雷",
                act="post.cancel",
                subject=f"post:{number}",
                details={"number": number, "reason": "重复"},
            )


def open_seal(session: Session) -> None:
    """What somebody with the database's password can do: take the triggers away."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ALTER TABLE ledger_entry DISABLE TRIGGER USER"))
        session.execute(text("ALTER TABLE ledger_head DISABLE TRIGGER USER"))
        return
    names = session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
    for name in names:
        session.execute(text(f"DROP TRIGGER {name}"))


def checked(database: Database, keys: KeyRing) -> tuple[Tampering, int] | None:
    with database.read() as session:
        report = verify(session, keys)
    return None if report.fault is None else (report.fault.kind, report.fault.seq)


def test_an_untouched_ledger_is_sound(database: Database, keys: KeyRing) -> None:
    write(database, keys, 30)
    with database.read() as session:
        report = verify(session, keys)
        last = session.exec(select(LedgerEntry).order_by(col(LedgerEntry.seq).desc()).limit(1)).one()
    assert (report.sound, report.entries, report.head) == (True, 30, last.mac)


def test_more_entries_than_are_read_at_once_are_sound(
    database: Database, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_check, "_CHUNK", 50)
    write(database, keys, 105)
    assert checked(database, keys) is None


def test_an_act_that_is_rolled_back_leaves_no_entry(database: Database, keys: KeyRing) -> None:
    write(database, keys, 3)

    class Stop(Exception):
        pass

    with pytest.raises(Stop), database.write() as session:
        record(session, keys, at=AT, actor="a", act="unit.import", subject="file:a.csv")
        raise Stop
    with database.read() as session:
        assert verify(session, keys).entries == 3


def test_details_come_back_as_they_are_signed(database: Database, keys: KeyRing) -> None:
    given: dict[str, object] = {
        "when": AT,
        "price": Decimal("1.10"),
        "share": 0.1,
        "big": 2**70,
        "name": "乌兰察布 \u2028 \ud800",
        "list": [1, None, {"b": True}],
    }
    with database.write() as session:
        record(session, keys, at=AT, actor="a", act="test.details", subject="x", details=given)
    with database.read() as session:
        kept = session.exec(select(LedgerEntry)).one()
        assert kept.details == json.loads(json.dumps(given, default=str))
        assert kept.at == AT and kept.at.utcoffset() == timedelta(0)
        assert verify(session, keys).sound


def test_a_subject_longer_than_its_column_is_a_mistake_of_the_caller(
    database: Database, keys: KeyRing
) -> None:
    with pytest.raises(ValueError, match="at most 200"), database.write() as session:
        record(session, keys, at=AT, actor="a", act="post.add", subject="x" * 201)


def test_writers_side_by_side_make_one_chain(database: Database, keys: KeyRing) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: write(database, keys, 5), range(8)))
    with database.read() as session:
        report = verify(session, keys)
        assert (report.sound, report.entries) == (True, 40)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET actor = 'x' WHERE seq = 2",
        "DELETE FROM ledger_entry WHERE seq = 2",
        "DELETE FROM ledger_head",
    ],
)
def test_the_database_refuses_changes(database: Database, keys: KeyRing, statement: str) -> None:
    write(database, keys, 3)
    with pytest.raises(DatabaseError, match="only ever added to"), database.write() as session:
        session.execute(text(statement))
    assert checked(database, keys) is None


def test_replacing_and_truncating_are_refused_too(database: Database, keys: KeyRing) -> None:
    write(database, keys, 3)
    statement = (
        "REPLACE INTO ledger_entry SELECT seq, at, 'x', act, subject, details, mac FROM ledger_entry"
        if database.is_sqlite
        else "TRUNCATE ledger_entry"
    )
    with pytest.raises(DatabaseError, match="only ever added to"), database.write() as session:
        session.execute(text(statement))
    assert checked(database, keys) is None


# -- what somebody does who has the database but not the key --------------------------------------------

CHANGES = (
    "UPDATE ledger_entry SET actor = 'cli:mallory' WHERE seq = :n",
    "UPDATE ledger_entry SET act = 'post.add' WHERE seq = :n",
    "UPDATE ledger_entry SET subject = 'post:999' WHERE seq = :n",
    'UPDATE ledger_entry SET details = \'{"number": 7, "reason": ""}\' WHERE seq = :n',
    "UPDATE ledger_entry SET details = 'null' WHERE seq = :n",
    "UPDATE ledger_entry SET at = '2025-01-01 00:00:00.000000' WHERE seq = :n",
    "UPDATE ledger_entry SET mac = 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'"
    " WHERE seq = :n",
    "UPDATE ledger_entry SET mac = '' WHERE seq = :n",
)


def change(session: Session, chance: random.Random) -> tuple[Tampering, int]:
    place = chance.randint(1, ENTRIES)
    session.execute(text(chance.choice(CHANGES)), {"n": place})
    return Tampering.CHANGED, place


def delete(session: Session, chance: random.Random) -> tuple[Tampering, int]:
    place = chance.randint(1, ENTRIES - 1)
    session.execute(text("DELETE FROM ledger_entry WHERE seq = :n"), {"n": place})
    if chance.random() < 0.5:  # and hide the gap
        renumber(session, place, -1)
    return Tampering.DELETED, place


def swap(session: Session, chance: random.Random) -> tuple[Tampering, int]:
    first, second = sorted(chance.sample(range(1, ENTRIES + 1), 2))
    for old, new in ((first, 1_000), (second, first), (1_000, second)):
        session.execute(text("UPDATE ledger_entry SET seq = :new WHERE seq = :old"), {"old": old, "new": new})
    if chance.random() < 0.5:  # the macs stay where they were
        macs = {row.seq: row.mac for row in session.execute(text("SELECT seq, mac FROM ledger_entry"))}
        for to, source in ((first, second), (second, first)):
            session.execute(
                text("UPDATE ledger_entry SET mac = :mac WHERE seq = :n"), {"n": to, "mac": macs[source]}
            )
    return Tampering.SWAPPED, first


def insert(session: Session, chance: random.Random) -> tuple[Tampering, int]:
    place = chance.choice([0, -3, ENTRIES + 1, ENTRIES + 5, *range(1, ENTRIES + 1)])
    if 1 <= place <= ENTRIES:
        renumber(session, place, 1)
    source = place + 1 if place == 1 else 1
    session.execute(
        text(
            "INSERT INTO ledger_entry (seq, at, actor, act, subject, details, mac) "
            "SELECT CAST(:place AS INTEGER), at, actor, act, 'post:forged', details, mac "
            "FROM ledger_entry WHERE seq = :source"
        ),
        {"place": place, "source": source},
    )
    return Tampering.INSERTED, place


def truncate(session: Session, chance: random.Random) -> tuple[Tampering, int]:
    place = chance.randint(2, ENTRIES)
    session.execute(text("DELETE FROM ledger_entry WHERE seq >= :n"), {"n": place})
    if chance.random() < 0.5:
        return Tampering.TRUNCATED, place
    session.execute(
        text(
            "UPDATE ledger_head SET count = :count, mac = (SELECT mac FROM ledger_entry WHERE seq = :count)"
        ),
        {"count": place - 1},
    )
    return Tampering.HEAD, place - 1


def behead(session: Session, chance: random.Random) -> tuple[Tampering, int]:
    statement = chance.choice(
        [
            "DELETE FROM ledger_head",
            "UPDATE ledger_head SET seal = ''",
            "UPDATE ledger_head SET seal = mac",
            "UPDATE ledger_head SET count = 0, mac = '', seal = ''",
        ]
    )
    session.execute(text(statement))
    return Tampering.HEAD, ENTRIES


def wipe(session: Session, chance: random.Random) -> tuple[Tampering, int]:
    session.execute(text("DELETE FROM ledger_entry"))
    if chance.random() < 0.5:
        session.execute(text("DELETE FROM ledger_head"))
        return Tampering.HEAD, 0
    return Tampering.TRUNCATED, 1


def renumber(session: Session, start: int, by: int) -> None:
    for offset in (10_000, by - 10_000):  # in two steps: the numbers are a key
        border = start if offset > 0 else 10_000
        session.execute(
            text("UPDATE ledger_entry SET seq = seq + :offset WHERE seq >= :border"),
            {"offset": offset, "border": border},
        )


@pytest.mark.parametrize("tamper", [change, delete, swap, insert, truncate, behead, wipe])
def test_every_tampering_is_found_and_named(database: Database, keys: KeyRing, tamper: Forger) -> None:
    """Seven kinds, 30 of each on each database."""
    write(database, keys)
    chance = random.Random(tamper.__name__)

    class Undo(Exception):
        pass

    for _ in range(30):
        with pytest.raises(Undo), database.write() as session:
            open_seal(session)
            expected = tamper(session, chance)
            report = verify(session, keys)
            assert report.fault is not None
            assert (report.fault.kind, report.fault.seq) == expected
            raise Undo
    assert checked(database, keys) is None


def test_an_old_head_put_back_is_found(database: Database, keys: KeyRing) -> None:
    write(database, keys, 3)
    with database.read() as session:
        old = session.exec(select(LedgerHead)).one()
    write(database, keys, 2)
    with database.write() as session:
        session.execute(
            text("UPDATE ledger_head SET count = :c, mac = :m, seal = :s"),
            {"c": old.count, "m": old.mac, "s": old.seal},
        )
    assert checked(database, keys) == (Tampering.HEAD, 5)


def test_a_forged_head_is_not_made_good_by_the_next_act(database: Database, keys: KeyRing) -> None:
    write(database, keys, 5)
    with database.write() as session:
        open_seal(session)
        session.execute(text("DELETE FROM ledger_entry WHERE seq > 3"))
        session.execute(
            text("UPDATE ledger_head SET count = 3, mac = (SELECT mac FROM ledger_entry WHERE seq = 3)")
        )
    write(database, keys, 4)
    assert checked(database, keys) == (Tampering.HEAD, 7)


def test_another_key_finds_the_first_entry_wrong(database: Database, keys: KeyRing) -> None:
    write(database, keys, 3)
    assert checked(database, KeyRing({1: b"\0" * 32}, b"\1" * 32)) == (Tampering.CHANGED, 1)


def test_an_entry_that_cannot_even_be_read_is_named(database: Database, keys: KeyRing) -> None:
    if not database.is_sqlite:
        return  # PostgreSQL itself refuses a JSON or a time that is none
    write(database, keys)
    for forgery in (
        "UPDATE ledger_entry SET details = '{' WHERE seq = 5",
        "UPDATE ledger_entry SET at = 'yesterday' WHERE seq = 5",
        "UPDATE ledger_entry SET mac = x'00ff' WHERE seq = 5",
    ):
        with database.write() as session:
            open_seal(session)
            session.execute(text(forgery))
        assert checked(database, keys) == (Tampering.CHANGED, 5)
