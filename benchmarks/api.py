"""Lists of 50 posts by the API, out of 100,000 and out of 1,000,000: requests a second, and the slowest.

    python -m benchmarks.api [--quick] [--seconds N]

A real server process, 16 connections that leaf through the list, a key of an owner and one of a reader of a
single unit. The promise: at least 200 requests a second with p99 at most 300 ms on two cores, and at a
million posts at most 1.5 × the time of 100,000. Prints one JSON document a size and reader, and the promise.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from benchmarks._http_load import Load, ask
from benchmarks._process import cpu_seconds
from config.database import Database, connect, migrate
from config.secrets import KeyRing, create_key_file, load_key_file
from organisation import Account, Act, Role, Unit, add_key, add_person, grant_role
from organisation.people import PersonState, move_person

SIZES, QUICK = (100_000, 1_000_000), (2_000, 4_000)
UNITS, ACCOUNTS, CONNECTIONS = 20, 60, 16
PROMISE_PER_SECOND, PROMISE_P99, PROMISE_RATIO = 200, 300, 1.5
_PATH = "/api/v1/posts?limit=50"
_AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
_FILL = (
    "INSERT INTO post (id, title, text, media, options, created_at, created_by) "
    "SELECT n, '草原上的一天 ' || n, '早上六点,牧民把羊群赶上山坡。', '[]', '{{}}', :at, 'person:owner' "
    "FROM {numbers}",
    "INSERT INTO delivery (post_id, account_id, key, seq, state, due, not_before, late_after, attempts, "
    "calls, looks, fence, remote_id, url, detail, needs_person, outcome_code, outcome_text, published_at) "
    "SELECT n, n % {accounts} + 1, 'k' || n, n, 'published', :at, :at, :at, 1, 1, 0, 0, '' || n, '', '{{}}', "
    "false, '', '', :at FROM {numbers}",
)
_NUMBERS = (
    "(WITH RECURSIVE one(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one WHERE n < {count}) "
    "SELECT n FROM one) AS numbers"
)


def fill(database: Database, keys: KeyRing, count: int) -> dict[str, str]:
    """Units, accounts and so many published posts; gives the keys of an owner and of a unit's reader."""
    with database.write() as session:
        root = Unit(code="NM", kind="region", name_zh="全区", path="1/", id=1)
        session.add(root)
        session.flush()
        for n in range(2, UNITS + 2):
            session.add(
                Unit(id=n, code=f"U{n}", kind="league", name_zh=f"盟市{n}", path=f"1/{n}/", parent_id=1)
            )
        session.flush()
        for n in range(1, ACCOUNTS + 1):
            unit = n % UNITS + 2
            session.add(Account(id=n, unit_id=unit, platform="webhook", handle=f"a{n}", name=f"账号{n}"))
        session.flush()
        for statement in _FILL:
            told = statement.format(numbers=_NUMBERS.format(count=count), accounts=ACCOUNTS)
            session.execute(text(told), {"at": f"{_AT:%Y-%m-%d %H:%M:%S.%f}"})
        unit = session.get_one(Unit, 2)
        tokens = {}
        for login, role, place in (("owner", Role.OWNER, None), ("reader", Role.VIEWER, unit)):
            person = add_person(session, keys, login, login, at=_AT, actor="bench")
            move_person(session, person, (PersonState.INVITED,), PersonState.ACTIVE)
            grant_role(session, keys, person, role, place, at=_AT, actor="bench")
            now = datetime.now(UTC)
            _, tokens[login] = add_key(
                session, keys, person, "bench", [Act.POST_READ], days=1, at=now, actor="bench"
            )
    with database.write() as session:
        session.execute(text("ANALYZE"))
    return tokens


@contextmanager
def server(home: Path) -> Iterator[tuple[str, int]]:
    """A server process over this home; gives its address and its id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._api_server", str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"MEIZHEN_API_PER_MINUTE": "1000000"},
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def measure(count: int, seconds: float) -> Iterator[tuple[str, Load, float]]:
    """One size, both readers: the load, and milliseconds that the server computed for a request."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        database = connect(f"sqlite:///{home / 'meizhen.sqlite'}")
        migrate(database)
        create_key_file(home / "keys.json")
        tokens = fill(database, load_key_file(home / "keys.json"), count)
        database.close()
        with server(home) as (address, process):
            for reader, token in tokens.items():
                ask(address, _PATH, token, connections=CONNECTIONS, seconds=min(2.0, seconds))
                before = cpu_seconds(process)
                load = ask(address, _PATH, token, connections=CONNECTIONS, seconds=seconds)
                yield reader, load, (cpu_seconds(process) - before) * 1000 / len(load.seconds)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="once, small: does it still run?")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each size and reader")
    wanted = parser.parse_args()
    sizes, seconds = (QUICK, 1.0) if wanted.quick else (SIZES, wanted.seconds)
    per_second: dict[str, list[float]] = {}
    kept = True
    for count in sizes:
        for reader, load, computed in measure(count, seconds):
            assert set(load.statuses) == {200}, f"not only 200: {load.statuses}"
            per_second.setdefault(reader, []).append(load.per_second)
            slowest = load.at(0.99)
            kept = kept and load.per_second >= PROMISE_PER_SECOND and slowest <= PROMISE_P99
            told = {
                "name": "api posts",
                "posts": count,
                "reader": reader,
                "connections": CONNECTIONS,
                "requests": len(load.seconds),
                "per_second": round(load.per_second, 1),
                "p50_ms": round(load.at(0.5), 1),
                "p99_ms": round(slowest, 1),
                "cpu_ms": round(computed, 2),
            }
            print(json.dumps(told), flush=True)
    ratios = {reader: round(rates[0] / rates[-1], 2) for reader, rates in per_second.items()}
    kept = kept and all(ratio <= PROMISE_RATIO for ratio in ratios.values())
    print(json.dumps({"name": "api promise", "times_at_a_million": ratios, "kept": kept}))
    return 0 if kept or wanted.quick else 1


if __name__ == "__main__":
    sys.exit(main())
