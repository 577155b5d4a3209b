"""The tree of units: imports are all or nothing, moves take the subtree along, subtrees are index ranges."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, select

from config import Database, InputError, MeizhenError
from config.secrets import KeyRing
from config.table_files import Row, Table, read_table
from organisation import (
    LedgerEntry,
    Unit,
    UnitImport,
    ancestors,
    find_unit,
    import_units,
    in_subtree,
    listed,
    subtree,
    subtree_size,
)
from organisation.unit_import import COLUMNS, MAX_DEPTH

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def table(*lines: str, columns: tuple[str, ...] = COLUMNS[:4]) -> Table:
    """Lines of `code parent kind name`, `-` for an empty cell."""
    rows = [
        Row(number, dict(zip(columns, ["" if c == "-" else c for c in line.split()], strict=True)))
        for number, line in enumerate(lines, start=2)
    ]
    return Table("units.csv", columns, tuple(rows))


def take(database: Database, keys: KeyRing, wanted: Table) -> UnitImport:
    with database.write() as session:
        return import_units(session, keys, wanted, at=AT, actor="cli:test")


def tree(session: Session) -> dict[str, str | None]:
    """Code → parent's code, read from the paths; the parents by id must agree."""
    units = {unit.id: unit for unit in session.exec(select(Unit))}
    found: dict[str, str | None] = {}
    for unit in units.values():
        assert unit.ids[-1] == unit.id
        assert unit.ids[:-1] == (units[unit.parent_id].ids if unit.parent_id else ())
        found[unit.code] = units[unit.parent_id].code if unit.parent_id else None
    return found


BASE = ("NM - region 内蒙古", "HH NM league 呼和浩特", "BT NM league 包头", "HH-1 HH department 工作站")


def test_the_real_file_becomes_a_tree(database: Database, keys: KeyRing, tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text(
        "code,parent,kind,name_zh,name_en\nNM,,region,共青团内蒙古自治区委员会,Inner Mongolia\n"
        "NM-HH-WORK,NM-HH,department,新媒体工作站,Workstation\nNM-HH,NM,league,共青团呼和浩特市委员会,Hohhot\n",
        "utf-8",
    )
    assert take(database, keys, read_table(file)) == UnitImport(added=3, changed=0, moved=0)
    with database.read() as session:
        assert tree(session) == {"NM": None, "NM-HH": "NM", "NM-HH-WORK": "NM-HH"}
        entry = session.exec(select(LedgerEntry)).one()
    assert (entry.act, entry.subject, entry.actor) == ("unit.import", "file:units.csv", "cli:test")
    assert entry.details == {"added": 3, "changed": 0, "moved": 0}


def test_the_same_file_again_changes_nothing(database: Database, keys: KeyRing) -> None:
    take(database, keys, table(*BASE))
    assert take(database, keys, table(*BASE)) == UnitImport(0, 0, 0)
    with database.read() as session:
        assert len(session.exec(select(LedgerEntry)).all()) == 1


def test_names_and_kinds_follow_the_file_and_others_stay(database: Database, keys: KeyRing) -> None:
    take(database, keys, table(*BASE))
    assert take(database, keys, table("HH NM city 青城")) == UnitImport(0, 1, 0)
    with database.read() as session:
        unit = find_unit(session, "HH")
        assert (unit.kind, unit.name_zh) == ("city", "青城")
        assert len(tree(session)) == 4


def test_a_file_without_english_names_keeps_those_that_are_there(database: Database, keys: KeyRing) -> None:
    take(database, keys, table("NM - region 内蒙古 Nei_Menggu", columns=COLUMNS[:5]))
    assert take(database, keys, table("NM - region 内蒙古")) == UnitImport(0, 0, 0)
    with database.read() as session:
        assert find_unit(session, "NM").name_en == "Nei_Menggu"


def test_a_unit_moves_with_all_below_it(database: Database, keys: KeyRing) -> None:
    take(database, keys, table(*BASE, "HH-2 HH-1 department 一组"))
    assert take(database, keys, table("HH BT league 呼和浩特")) == UnitImport(0, 0, 1)
    with database.read() as session:
        assert tree(session) == {"NM": None, "BT": "NM", "HH": "BT", "HH-1": "HH", "HH-2": "HH-1"}
        assert [unit.code for unit in subtree(session, find_unit(session, "BT"))] == [
            "BT",
            "HH",
            "HH-1",
            "HH-2",
        ]


def test_parent_and_child_may_change_places_in_one_file(database: Database, keys: KeyRing) -> None:
    take(database, keys, table("A - region 甲", "B A league 乙", "C B league 丙"))
    assert take(database, keys, table("A C region 甲", "B - league 乙", "C B league 丙")).moved == 2
    with database.read() as session:
        assert tree(session) == {"B": None, "C": "B", "A": "C"}


def test_several_roots_are_fine_and_their_subtrees_apart(database: Database, keys: KeyRing) -> None:
    take(database, keys, table("A - region 甲", "B - region 乙", "A1 A league 丙"))
    with database.read() as session:
        first = find_unit(session, "A")
        assert [unit.code for unit in subtree(session, first)] == ["A", "A1"]
        assert subtree_size(session, first) == 2
        assert [unit.code for unit in ancestors(session, find_unit(session, "A1"))] == ["A"]


def test_a_subtree_is_not_its_numerical_neighbour(database: Database, keys: KeyRing) -> None:
    """Ids 1 and 10 to 19 begin alike."""
    take(database, keys, table(*[f"U{number} - league 单位" for number in range(1, 25)]))
    with database.read() as session:
        sizes = {unit.code: subtree_size(session, unit) for unit in session.exec(select(Unit))}
    assert set(sizes.values()) == {1}


@pytest.mark.parametrize(
    ("lines", "row", "column", "told"),
    [
        (["A - region 甲", "B X league 乙"], 3, "parent", "“X” is neither"),
        (["A B region 甲", "B A league 乙"], 2, "parent", "A → B → A"),
        (["A A region 甲"], 2, "parent", "A → A"),
        (["NM HH-1 region 内蒙古"], 2, "parent", "NM → "),
        (["A - region 甲", "A - region 乙"], 3, "code", "row 3 already"),
        (["- - region 甲"], 2, "code", "Must not be empty"),
        (["A/B - region 甲"], 2, "code", "“A/B”"),
        (["A - Region 甲"], 2, "kind", "“Region”"),
        (["A - region -"], 2, "name_zh", "Must not be empty"),
        (["A - region 甲\u202e乙"], 2, "name_zh", "invisible"),
        (["A - region " + "长" * 201], 2, "name_zh", "201"),
        ([f"{'x' * 65} - region 甲"], 2, "code", "65"),
    ],
)
def test_a_mistake_names_row_and_column_and_changes_nothing(
    database: Database, keys: KeyRing, lines: list[str], row: int, column: str, told: str
) -> None:
    take(database, keys, table(*BASE))
    # A circle may run through units that only the database has: NM under HH-1, which is under HH.
    with pytest.raises(InputError, match="nothing of it was applied") as caught:
        take(database, keys, table("NEW NM league 新", *[line for line in lines if line]))
    problem = next(problem for problem in caught.value.problems if problem.column == column)
    assert problem.row == row + 1
    assert told in problem.told("en")
    assert problem.told("zh")
    with database.read() as session:
        assert len(tree(session)) == len(BASE)
        assert len(session.exec(select(LedgerEntry)).all()) == 1


def test_every_mistake_of_a_file_is_told_at_once(database: Database, keys: KeyRing) -> None:
    with pytest.raises(InputError) as caught:
        take(database, keys, table("A/1 - region 甲", "B - X 乙", "B - league -"))
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [
        (2, "code"),
        (3, "kind"),
        (4, "name_zh"),
        (4, "code"),
    ]


def test_an_unknown_column_is_refused(database: Database, keys: KeyRing) -> None:
    wanted = Table("units.csv", ("code", "parnt"), (Row(2, {"code": "A", "parnt": ""}),))
    with pytest.raises(InputError) as caught:
        take(database, keys, wanted)
    assert [problem.code for problem in caught.value.problems] == ["input.missing_column"] * 3 + [
        "input.unknown_column"
    ]


def test_a_tree_has_a_greatest_depth_also_by_moving(database: Database, keys: KeyRing) -> None:
    chain = [f"U{n} {f'U{n - 1}' if n else '-'} league 单位" for n in range(MAX_DEPTH)]
    take(database, keys, table(*chain))
    with pytest.raises(InputError, match="Too deep"):
        take(database, keys, table(f"V U{MAX_DEPTH - 1} league 单位"))
    take(database, keys, table("W - region 单位", "W1 W league 单位"))
    with pytest.raises(InputError, match=f"row 2.*{MAX_DEPTH + 2} levels"):
        take(database, keys, table("U0 W1 league 单位"))


def test_an_unknown_code_is_told(database: Database) -> None:
    with database.read() as session, pytest.raises(MeizhenError, match="no unit with the code “X”"):
        find_unit(session, "X")


def test_lists_name_the_parent_and_keep_the_order_of_adding(database: Database, keys: KeyRing) -> None:
    take(database, keys, table("R - region 根", *[f"U{n} R league 单位" for n in range(1, 13)]))
    with database.read() as session:
        pairs = [(unit.code, parent) for unit, parent in listed(session)]
        below = listed(session, find_unit(session, "U2"))
    assert pairs == [("R", None), *[(f"U{n}", "R") for n in range(1, 13)]]
    assert [(unit.code, parent) for unit, parent in below] == [("U2", "R")]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_tree_becomes_any_other_by_one_file(
    database: Database, keys: KeyRing, data: st.DataObject
) -> None:
    """Law: after an import the tree is exactly the file's, whatever it was before."""
    names = [f"U{number}" for number in range(data.draw(st.integers(1, 9)))]

    def drawn() -> dict[str, str | None]:
        order = data.draw(st.permutations(names))
        return {name: data.draw(st.sampled_from([None, *order[:place]])) for place, name in enumerate(order)}

    class Undo(Exception):
        pass

    with pytest.raises(Undo), database.write() as session:
        for wanted in (drawn(), drawn(), drawn()):
            lines = [f"{name} {wanted[name] or '-'} league 单位" for name in names]
            import_units(session, keys, table(*lines), at=AT, actor="test")
            assert tree(session) == wanted
        raise Undo


def test_a_subtree_among_many_is_read_by_the_index(database: Database, keys: KeyRing) -> None:
    fill = (
        "INSERT INTO unit (id, code, parent_id, kind, name_zh, name_en, path) "
        "SELECT n, 'X' || n, CASE WHEN n = 1 THEN NULL ELSE 1 + (n - 2) % 400 END, 'league', 'x', '', "
        "CASE WHEN n = 1 THEN '1/' WHEN n <= 401 THEN '1/' || n || '/' "
        "ELSE '1/' || (2 + n % 400) || '/' || n || '/' END FROM numbers"
    )
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000) "
    with database.write() as session:
        session.execute(text(numbers + fill))
        session.execute(text("ANALYZE"))
    with database.read() as session:
        unit = find_unit(session, "X7")
        wanted = select(Unit).where(in_subtree(unit)).order_by(Unit.path)  # type: ignore[arg-type]
        compiled = wanted.compile(session.connection(), compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        plan = "\n".join(str(row) for row in session.execute(text(f"{explain}{compiled}")))
        assert len(subtree(session, unit)) == 50
    if database.is_sqlite:
        assert "SEARCH unit USING INDEX" in plan and "path>? AND path<?" in plan
    else:
        assert "unit_path_key" in plan and "Seq Scan" not in plan
