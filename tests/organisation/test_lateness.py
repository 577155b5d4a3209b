"""How late posts may be: the nearest unit above that says something, else the setting."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from scenery import make_account
from sqlalchemy import event
from sqlmodel import Session, select

from config import Database, InputError, MeizhenError
from config.secrets import KeyRing
from config.table_files import Row, Table
from organisation import (
    Account,
    LedgerEntry,
    Unit,
    UnitImport,
    find_unit,
    import_units,
    lateness_of,
    parse_lateness,
    set_lateness,
)
from organisation.unit_import import COLUMNS

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SETTING = 2.0
TREE = (
    "NM - region 内蒙古 - -",
    "HH NM league 呼和浩特 - 6",
    "HH-1 HH department 工作站 - -",
    "HH-2 HH department 二站 - 0.5",
    "HH-2-1 HH-2 department 小组 - -",
    "BT NM league 包头 - -",
)


def table(*lines: str, columns: tuple[str, ...] = COLUMNS) -> Table:
    rows = [
        Row(number, dict(zip(columns, ["" if c == "-" else c for c in line.split()], strict=True)))
        for number, line in enumerate(lines, start=2)
    ]
    return Table("units.csv", columns, tuple(rows))


def take(database: Database, keys: KeyRing, wanted: Table) -> UnitImport:
    with database.write() as session:
        return import_units(session, keys, wanted, at=AT, actor="cli:test")


def put_accounts(database: Database, keys: KeyRing) -> None:
    """One account in every unit, its handle the unit's code."""
    with database.read() as session:
        codes = list(session.exec(select(Unit.code)))
    for code in codes:
        account = make_account(database, keys, "webhook", code)
        with database.write() as session:
            account.unit_id = find_unit(session, code).id or 0
            session.add(account)


def holding(session: Session) -> dict[str, float]:
    """The hours that hold at every account, by its unit's code."""
    accounts = list(session.exec(select(Account)))
    hours = lateness_of(session, accounts, SETTING)
    return {account.handle: hours[account.known_id] for account in accounts}


@pytest.fixture
def tree(database: Database, keys: KeyRing) -> None:
    take(database, keys, table(*TREE))
    put_accounts(database, keys)


@contextmanager
def counting(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(database.engine, "before_cursor_execute", note)
    yield statements
    event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.usefixtures("tree")
def test_the_nearest_unit_that_says_something_holds(database: Database) -> None:
    with database.read() as session:
        assert holding(session) == {
            "NM": SETTING, "HH": 6, "HH-1": 6, "HH-2": 0.5, "HH-2-1": 0.5, "BT": SETTING,
        }  # fmt: skip


@pytest.mark.usefixtures("tree")
def test_many_accounts_are_one_statement(database: Database) -> None:
    with database.read() as session:
        accounts = list(session.exec(select(Account)))
        with counting(database) as statements:
            assert len(lateness_of(session, accounts, SETTING)) == len(TREE)
    assert len(statements) == 1


@pytest.mark.usefixtures("tree")
def test_a_unit_that_moves_takes_what_its_new_parents_say(database: Database, keys: KeyRing) -> None:
    take(database, keys, table("HH-2-1 BT department 小组", columns=COLUMNS[:4]))
    with database.read() as session:
        assert holding(session)["HH-2-1"] == SETTING


@pytest.mark.usefixtures("tree")
def test_what_a_unit_says_is_an_act(database: Database, keys: KeyRing) -> None:
    with database.write() as session:
        unit = find_unit(session, "NM")
        assert set_lateness(session, keys, unit, 24, at=AT, actor="li")
        assert not set_lateness(session, keys, unit, 24, at=AT, actor="li")
        assert set_lateness(session, keys, find_unit(session, "HH"), None, at=AT, actor="li")
    with database.read() as session:
        assert holding(session) == {
            "NM": 24, "HH": 24, "HH-1": 24, "HH-2": 0.5, "HH-2-1": 0.5, "BT": 24,
        }  # fmt: skip
        entries = [entry for entry in session.exec(select(LedgerEntry)) if entry.act == "unit.lateness"]
    assert [(entry.subject, entry.details, entry.actor) for entry in entries] == [
        ("unit:NM", {"from": None, "to": 24}, "li"),
        ("unit:HH", {"from": 6.0, "to": None}, "li"),
    ]


@pytest.mark.usefixtures("tree")
def test_a_file_sets_it_and_one_without_the_column_leaves_it(database: Database, keys: KeyRing) -> None:
    assert take(database, keys, table(*TREE)) == UnitImport(0, 0, 0)
    assert take(database, keys, table("HH NM league 呼和浩特", columns=COLUMNS[:4])) == UnitImport(0, 0, 0)
    assert take(database, keys, table("HH NM league 呼和浩特 - 8")) == UnitImport(0, 1, 0)
    assert take(database, keys, table("HH-2 HH department 二站 - -")) == UnitImport(0, 1, 0)
    with database.read() as session:
        assert holding(session)["HH-2-1"] == 8


@pytest.mark.parametrize("told", ["0", "-1", "720.1", "nan", "inf", "两小时", "1e9"])
def test_hours_out_of_bounds_are_refused(database: Database, keys: KeyRing, told: str) -> None:
    with pytest.raises(MeizhenError) as error:
        parse_lateness(told)
    assert error.value.code == "org.bad_lateness" and "720" in str(error.value)
    with pytest.raises(InputError) as refused:
        take(database, keys, table("NM - region 内蒙古 - 3", f"HH NM league 呼和浩特 - {told}"))
    [problem] = refused.value.problems
    assert (problem.code, problem.row, problem.column) == ("org.bad_lateness", 3, "lateness_hours")
    with database.read() as session:
        assert session.exec(select(Unit)).all() == []


@pytest.mark.parametrize(
    ("told", "hours"), [("6", 6.0), (" 0.5 ", 0.5), ("720", 720.0), ("inherit", None), ("Inherit", None)]
)
def test_hours_are_read_as_people_write_them(told: str, hours: float | None) -> None:
    assert parse_lateness(told) == hours
