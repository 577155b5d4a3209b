"""Units from a file: checked as a whole against file and database, then applied in a few statements."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import NamedTuple

from sqlalchemy import Table as SqlTable
from sqlalchemy import bindparam, func, insert, text, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, SQLModel

from config.errors import InputError, MeizhenError, Problem
from config.secrets import KeyRing
from config.table_files import Row, Table
from organisation.cells import Cells
from organisation.lateness import parse_lateness
from organisation.ledger import record
from organisation.units import after_subtree

COLUMNS = ("code", "parent", "kind", "name_zh", "name_en", "lateness_hours")
_OPTIONAL = ("name_en", "lateness_hours")  # a file without them leaves what is there
MAX_DEPTH = 20  # 20 ids of 10 digits with their slashes stay within the path's 255 characters
_VALUES = COLUMNS[2:]
_CODE = re.compile(r"\w[\w.\-]*")
_KIND = re.compile(r"[a-z][a-z_]*")
_KINDS = "region, league, university, enterprise, department …"
_BATCH = 5_000
_UNITS: SqlTable = SQLModel.metadata.tables["unit"]


@dataclass(frozen=True)
class UnitImport:
    """How many units are new, carry other values, and stand under another parent than before."""

    added: int
    changed: int
    moved: int


class _Line(NamedTuple):
    """One unit as the file wants it."""

    row: int
    code: str
    parent: str
    kind: str
    name_zh: str
    name_en: str
    lateness_hours: float | None


class _Here(NamedTuple):
    """One unit as the database has it."""

    id: int
    code: str
    parent_id: int | None
    kind: str
    name_zh: str
    name_en: str
    lateness_hours: float | None
    path: str


def import_units(session: Session, keys: KeyRing, table: Table, *, at: datetime, actor: str) -> UnitImport:
    """Adds the file's units, renames and moves those that are there; units not in the file stay as they are.

    A unit without a parent is a root; there may be several. The same file again changes nothing. Raises
    InputError naming every wrong row; nothing of the file is applied then.
    """
    table.require(COLUMNS[:4], known=COLUMNS)
    done = _take(session, table)
    if done != UnitImport(0, 0, 0):
        subject = f"file:{table.source}"[:200]
        record(session, keys, at=at, actor=actor, act="unit.import", subject=subject, details=vars(done))
    return done


def write_unit(
    session: Session, keys: KeyRing, values: Mapping[str, str], *, at: datetime, actor: str
) -> UnitImport:
    """Adds, renames or moves one unit; `values` has the columns of a file of units. Raises InputError so."""
    code = values["code"]
    done = _take(session, Table(f"unit {code}"[:80], tuple(values), (Row(1, dict(values)),)))
    if done != UnitImport(0, 0, 0):
        subject, details = f"unit:{code}", dict(values)
        record(session, keys, at=at, actor=actor, act="unit.write", subject=subject, details=details)
    return done


def _take(session: Session, table: Table) -> UnitImport:
    if session.get_bind().dialect.name == "postgresql":
        # Two imports side by side could close a cycle that neither sees; accounts can still be added.
        session.execute(text("LOCK TABLE unit IN SHARE ROW EXCLUSIVE MODE"))
    lines = _lines(table)
    here = _here(session, {*lines, *(line.parent for line in lines.values())})
    for column in _OPTIONAL:
        if column not in table.columns:
            kept = {code: {column: getattr(here[code], column)} for code in lines if code in here}
            lines |= {code: lines[code]._replace(**values) for code, values in kept.items()}
    depths = _checked_depths(table.source, lines, here)
    order = sorted(lines.values(), key=lambda line: depths[line.code])  # parents first
    moves = [line for line in order if line.code in here and _stands_elsewhere(line, here)]
    _check_depth_below(session, table.source, moves, depths, here)
    added = _insert(session, [line for line in order if line.code not in here], here)
    changed = _rename(session, [line for line in order if line.code in here], here)
    for line in moves:
        _move(session, here[line.code].id, here[line.parent].id if line.parent else None)
    if added or changed or moves:
        session.expire_all()
    return UnitImport(added, changed, len(moves))


def _lines(table: Table) -> dict[str, _Line]:
    """The file's units by code, each cell checked."""
    problems: list[Problem] = []
    lines: dict[str, _Line] = {}
    for row in table.rows:
        cells = Cells(row.cells, row.number, problems)
        line = _Line(
            row.number,
            cells.word("code", limit=64, pattern=_CODE, expected="A-Z a-z 0-9 . _ -"),
            cells.text("parent", limit=64),
            cells.word("kind", limit=16, pattern=_KIND, expected=_KINDS),
            cells.text("name_zh", limit=200, required=True),
            cells.text("name_en", limit=200),
            _lateness(cells),
        )
        if line.code in lines:
            cells.refuse("org.duplicate_code", "code", code=line.code, other=lines[line.code].row)
        elif line.code:
            lines[line.code] = line
    if problems:
        raise InputError(table.source, problems)
    return lines


def _lateness(cells: Cells) -> float | None:
    """The cell's hours; None where it is empty: the unit says nothing of its own."""
    told = cells.text("lateness_hours", limit=40)
    try:
        return parse_lateness(told) if told else None
    except MeizhenError as error:
        cells.refuse(error.code, "lateness_hours", **error.params)
        return None


def _here(session: Session, codes: Collection[str]) -> dict[str, _Here]:
    """Those of `codes` that the database has, as they are there."""
    asked = sorted(codes)
    columns = [_UNITS.c[name] for name in _Here._fields]
    found: dict[str, _Here] = {}
    for start in range(0, len(asked), _BATCH):
        wanted = select_columns(*columns).where(_UNITS.c.code.in_(asked[start : start + _BATCH]))
        found |= {row.code: _Here(*row) for row in session.execute(wanted)}
    return found


def _checked_depths(source: str, lines: Mapping[str, _Line], here: Mapping[str, _Here]) -> dict[str, int]:
    """How deep each line will stand. Raises InputError: unknown parent, cycle, too deep."""
    problems = [
        Problem(
            "org.unknown_parent",
            line.row,
            "parent",
            {"code": line.parent, "near": ", ".join(get_close_matches(line.parent, lines, n=3)) or "–"},
        )
        for line in lines.values()
        if line.parent and line.parent not in lines and line.parent not in here
    ]
    if problems:
        raise InputError(source, problems)
    depths, cycles = _depths(lines, here)
    problems = [
        Problem("org.cycle", lines[cycle[0]].row, "parent", {"cycle": " → ".join([*cycle, cycle[0]])})
        for cycle in cycles
    ]
    problems += [
        _too_deep(lines[code], depth) for code, depth in depths.items() if depth >= MAX_DEPTH and not cycles
    ]
    if problems:
        raise InputError(source, problems)
    return depths


def _depths(lines: Mapping[str, _Line], here: Mapping[str, _Here]) -> tuple[dict[str, int], list[list[str]]]:
    """How deep each line will stand (a root is 0), and the circles among them."""
    by_id = {unit.id: unit.code for unit in here.values() if unit.code in lines}
    above = {line.code: _above(line, lines, here, by_id) for line in lines.values()}
    depths: dict[str, int] = {}
    cycles: list[list[str]] = []
    for code in lines:
        trail: dict[str, None] = {}
        at: str | None = code
        while at is not None and at not in depths and at not in trail:
            trail[at] = None
            at = above[at][0]
        if at is not None and at in trail:
            way = list(trail)
            cycles.append(way[way.index(at) :])
        for passed in reversed(trail):
            upper, steps = above[passed]
            depths[passed] = steps + (depths.get(upper, 0) if upper is not None else -1)
    return depths, cycles


def _above(
    line: _Line, lines: Mapping[str, _Line], here: Mapping[str, _Here], by_id: Mapping[int, str]
) -> tuple[str | None, int]:
    """The nearest line of the file above this one and the steps up to it; without one, up past the root."""
    if not line.parent:
        return None, 1
    if line.parent in lines:
        return line.parent, 1
    ids = [int(part) for part in here[line.parent].path.split("/")[:-1]]
    for steps, upper in enumerate(reversed(ids), start=1):
        if upper in by_id:
            return by_id[upper], steps
    return None, len(ids) + 1


def _stands_elsewhere(line: _Line, here: Mapping[str, _Here]) -> bool:
    parent_id = here[line.code].parent_id
    if not line.parent:
        return parent_id is not None
    return line.parent not in here or here[line.parent].id != parent_id


def _check_depth_below(
    session: Session,
    source: str,
    moves: Sequence[_Line],
    depths: Mapping[str, int],
    here: Mapping[str, _Here],
) -> None:
    """Units that move take along what is below them: that must not come to stand too deep either."""
    path = _UNITS.c.path
    problems = []
    for line in moves:
        old = here[line.code].path
        slashes = func.max(func.length(path) - func.length(func.replace(path, "/", "")))
        deepest = session.execute(
            select_columns(slashes).where(path >= old, path < after_subtree(old))
        ).scalar_one()
        depth = depths[line.code] + deepest - old.count("/")
        if depth >= MAX_DEPTH:
            problems.append(_too_deep(line, depth))
    if problems:
        raise InputError(source, problems)


def _too_deep(line: _Line, depth: int) -> Problem:
    return Problem("org.too_deep", line.row, "parent", {"received": depth + 1, "limit": MAX_DEPTH})


def _insert(session: Session, new: Sequence[_Line], here: dict[str, _Here]) -> int:
    """Adds units, parents first, in batches; `here` knows them afterwards."""
    rows: list[dict[str, object]] = []
    for line, unit_id in zip(new, _new_ids(session, len(new)), strict=True):
        parent = here[line.parent] if line.parent else None
        path = f"{parent.path if parent else ''}{unit_id}/"
        unit = _Here(unit_id, line.code, parent and parent.id, *line[3:], path)
        here[line.code] = unit
        rows.append(unit._asdict())
    for start in range(0, len(rows), _BATCH):
        session.connection().execute(insert(_UNITS), rows[start : start + _BATCH])
    return len(rows)


def _new_ids(session: Session, count: int) -> Sequence[int]:
    """Ids that nobody else gets: known beforehand, because a unit's path holds its own."""
    if session.get_bind().dialect.name == "postgresql":
        taken = "SELECT nextval(pg_get_serial_sequence('unit', 'id')) FROM generate_series(1, :count)"
        return session.execute(text(taken), {"count": count}).scalars().all()
    last = session.execute(select_columns(func.coalesce(func.max(_UNITS.c.id), 0))).scalar_one()
    return range(last + 1, last + 1 + count)


def _rename(session: Session, lines: Sequence[_Line], here: Mapping[str, _Here]) -> int:
    """Writes kinds, names and lateness that differ."""
    rows = [
        {"_id": here[line.code].id} | dict(zip(_VALUES, line[3:], strict=True))
        for line in lines
        if line[3:] != here[line.code][3:-1]
    ]
    if rows:
        statement = (
            update(_UNITS)
            .where(_UNITS.c.id == bindparam("_id"))
            .values({name: bindparam(name) for name in _VALUES})
        )
        session.connection().execute(statement, rows)
    return len(rows)


def _move(session: Session, unit_id: int, parent_id: int | None) -> None:
    """Puts a unit with all below it under another parent, whose place is final: one statement for the paths.

    Both paths are read anew: a move before this one may have taken them along.
    """
    wanted = select_columns(_UNITS.c.id, _UNITS.c.path).where(
        _UNITS.c.id.in_((unit_id, parent_id or unit_id))
    )
    paths: dict[int, str] = {row.id: row.path for row in session.execute(wanted)}
    old, new = paths[unit_id], f"{paths[parent_id] if parent_id else ''}{unit_id}/"
    path = _UNITS.c.path
    session.execute(
        update(_UNITS)
        .where(path >= old, path < after_subtree(old))
        .values(path=new + func.substr(path, len(old) + 1))
    )
    session.execute(update(_UNITS).where(_UNITS.c.id == unit_id).values(parent_id=parent_id))
