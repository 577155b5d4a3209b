"""Meizhen and its peers on the same work and the same faults, in one table: `make bench-peers`.

`ARGS='--engine Celery --scenario kills'` runs less, `ARGS=--quick` a smoke test of it, `ARGS=--json` prints
JSON lines. Exit code 1 when an engine could not be run, or when Meizhen lost or doubled a post.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.peers import _scenarios
from benchmarks.peers._engines import ENGINES, Engine
from benchmarks.peers._runs import BrokenRun
from benchmarks.peers._scenarios import Finding, Scenario
from benchmarks.peers._stores import MissingStore, Stores

SCENARIOS: dict[str, Scenario] = {
    "plain": _scenarios.plain,
    "cut": _scenarios.cut,
    "kills": _scenarios.kills,
    "limit": _scenarios.throttled,
}
QUICK = ("plain", "cut")
QUICK_POSTS = 100
_NONE = "–"


@dataclass
class Row:
    """One engine's findings by scenario, and why others of it were not run."""

    engine: Engine
    findings: dict[str, Finding] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.engine.name} {self.engine.version}"

    @property
    def failed(self) -> bool:
        """Not run, or ours and not once."""
        ours = [found for found in self.findings.values() if self.engine.is_ours]
        return bool(self.not_run) or any(found.get(key) for found in ours for key in ("lost", "doubled"))


def measured(engine: Engine, scenarios: Sequence[str], posts: int, stores: Stores) -> Row:
    row = Row(engine)
    for name in scenarios:
        print(f"{engine.name}: {name}", file=sys.stderr, flush=True)
        try:
            row.findings[name] = SCENARIOS[name](engine, stores, posts)
            print(f"  {row.findings[name]}", file=sys.stderr, flush=True)
        except (MissingStore, BrokenRun) as error:
            row.not_run[name] = str(error)
            print(f"  not run: {error}", file=sys.stderr, flush=True)
            if isinstance(error, MissingStore):
                break
    return row


def table(rows: Sequence[Row]) -> Table:
    made = Table(box=box.MARKDOWN)
    made.add_column("engine")
    for heading in (
        "posts/s",
        "of the limit",
        "peak MB",
        "order kept",
        "plain: lost / doubled",
        "cut: lost / doubled",
        "kills: lost / stuck / doubled",
        "limit: wasted",
        "limit: undercut",
        "limit: s",
    ):
        made.add_column(heading, justify="right")
    for row in rows:
        made.add_row(row.name, *_cells(row))
    return made


def _cells(row: Row) -> list[str]:
    plain, cut, kills, limit = (row.findings.get(name) for name in SCENARIOS)
    return [
        f"{plain['per_second']:,.0f}" if plain else _NONE,
        f"{plain['ratio']:.2f}" if plain else _NONE,
        f"{plain['peak_mb']:.0f}" if plain else _NONE,
        ("yes" if plain["ordered"] else "no") if plain else _NONE,
        f"{plain['lost']} / {plain['doubled']}" if plain else _NONE,
        f"{cut['lost']} / {cut['doubled']}" if cut else _NONE,
        f"{kills['lost']} / {kills['stuck']} / {kills['doubled']}" if kills else _NONE,
        f"{limit['wasted']:.0%}" if limit else _NONE,
        f"{limit['undercut']}" if limit else _NONE,
        f"{limit['seconds']:.1f}" if limit else _NONE,
    ]


def times_celery(rows: Sequence[Row]) -> list[str]:
    """How many times as much of the limit Meizhen reaches as Celery on the same work; promised: 2.2."""
    ratios = {
        row.engine.name: float(row.findings["plain"]["ratio"]) for row in rows if "plain" in row.findings
    }
    celery = ratios.get("Celery")
    ours = {row.engine.name for row in rows if row.engine.is_ours}
    return [
        f"{name}: {ratio / celery:.2f} times Celery"
        for name, ratio in ratios.items()
        if celery and name in ours
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--posts", type=int, default=2_000, help="posts of a run (2,000)")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_POSTS} posts, {' and '.join(QUICK)} only"
    )
    parser.add_argument("--json", action="store_true", help="JSON lines instead of the table")
    names = [engine.name for engine in ENGINES]
    parser.add_argument("--engine", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument(
        "--scenario", action="append", choices=list(SCENARIOS), help="only this one, likewise"
    )
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    scenarios = arguments.scenario or (QUICK if arguments.quick else list(SCENARIOS))
    posts = QUICK_POSTS if arguments.quick else arguments.posts
    engines = [engine for engine in ENGINES if not arguments.engine or engine.name in arguments.engine]
    stores = Stores()
    try:
        rows = [measured(engine, scenarios, posts, stores) for engine in engines]
    finally:
        stores.close()
    if arguments.json:
        for row in rows:
            print(
                json.dumps({"engine": row.name, "not_run": row.not_run, **row.findings}, ensure_ascii=False)
            )
    else:
        Console(width=220).print(table([row for row in rows if row.findings]))
        for line in times_celery(rows):
            print(line)
        for row in rows:
            for name, reason in row.not_run.items():
                print(f"{row.name}: {name}: not run: {reason}")
    return 1 if any(row.failed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
