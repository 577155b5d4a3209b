"""Archiving millions of figures at constant memory, and a report over what is archived.

    python -m benchmarks.archive [--quick]

A month of one platform with five million figures is archived in a process of its own; the same is done with
a fifth of them. Memory must not grow with the month: the promise is at most 100 MB more for five times the
figures, and no figure lost (count and checksum are compared by archiving itself). Then one week of the month
is read with and without the archive. One line of JSON a size.
"""

import json
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter

from sqlalchemy import text

from analytics.archive import archive_months
from analytics.exports.week import Week, read_week
from analytics.figures import Meaning, know_metrics, source_id
from benchmarks._process import measured, run
from config import Database, ManualClock, migrate
from config.database import ArchivePlace, connect
from config.secrets import create_key_file, load_key_file
from organisation import Account, Unit

FULL, QUICK = 5_000_000, 20_000
PROMISE_MORE_MB = 100.0
METRICS = (
    *("read_people", "like", "share", "recommend_heart", "comment", "favourite", "follow_from_post"),
    *("read_finished", "read_seconds", "delivered"),
)
AGES = (1, 2, 3, 7, 30)
ACCOUNTS = 379
CLOSED = datetime(2026, 6, 1, 1, tzinfo=UTC)

_ARTICLES = """
WITH RECURSIVE many(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM many WHERE n + 1 < :articles)
INSERT INTO article
    (id, account_id, remote_id, title, url, published_at, published_day, position, kind, original)
SELECT n + 1, n % :accounts + 1, n || '_1', '一篇不长不短的文章标题 ' || n, 'https://mp.example/s/' || n,
    '2026-03-' || substr('0' || (n % 28 + 1), -2) || ' 02:00:00.000000',
    '2026-03-' || substr('0' || (n % 28 + 1), -2), 1, 'pushed', 1
FROM many
"""
_SNAPSHOTS = """
INSERT INTO snapshot (article_id, metric, as_of, source_id, value, source_row, collected_at)
SELECT a.id, m.name, date(a.published_day, '+' || g.value || ' days'), 1,
    (a.id * 7919 % 10007 * g.value + length(m.name)) * 1000000, NULL,
    date(a.published_day, '+' || (g.value + 1) || ' days') || ' 00:05:00.000000'
FROM article a JOIN metric m ON m.platform = 'wechat' JOIN json_each(:ages) g
"""


def opened(home: Path) -> Database:
    place = ArchivePlace(home / "archive", home / "temporary", memory="128MB")
    return connect(f"sqlite:///{home / 'meizhen.sqlite'}", archive=place)


def fill(home: Path, figures: int) -> None:
    """Makes the month in the database itself."""
    create_key_file(home / "keys.json")
    database = opened(home)
    migrate(database)
    with database.write() as session:
        session.add(Unit(id=1, code="U", kind="league", name_zh="盟", path="1/"))
        session.flush()
        for number in range(ACCOUNTS):
            session.add(Account(unit_id=1, platform="wechat", handle=f"h{number}", name=f"账号{number}"))
        know_metrics(session, "wechat", [Meaning(name, "people", "cumulative") for name in METRICS])
        source_id(session, "api", "wechat bench", CLOSED)
        articles = figures // len(METRICS) // len(AGES)
        session.execute(text(_ARTICLES), {"articles": articles, "accounts": ACCOUNTS})
        session.execute(text(_SNAPSHOTS), {"ages": json.dumps(AGES)})
    database.close()


def archive(home: Path) -> None:
    """The measured work."""
    database = opened(home)
    archive_months(database, load_key_file(home / "keys.json"), ManualClock(CLOSED), actor="bench")
    database.close()


def week(home: Path) -> tuple[float, dict[str, object]]:
    """Seconds to read one week in March, and what it tells of every account."""
    database = opened(home)
    began = perf_counter()
    with database.read() as session:
        found = read_week(session, Week(date(2026, 3, 9)))
    seconds = perf_counter() - began
    database.close()
    return seconds, {row.account.handle: (row.this, row.last, row.measured) for row in found["wechat"]}


def measure(figures: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home, figures)
        before, told = week(home)
        with measured("benchmarks.archive", "--work", home) as process:
            process.go()
            took = process.told()
        after, told_after = week(home)
        assert told == told_after
        bytes_of = sum(path.stat().st_size for path in home.rglob("*.parquet"))
        return {
            "name": "archive one month",
            "figures": figures,
            "seconds": round(took.seconds, 1),
            "figures_a_second": round(figures / took.seconds),
            "start_mb": took.start_mb,
            "peak_mb": took.peak_mb,
            "parquet_mb": round(bytes_of / 1e6, 1),
            "database_mb": round((home / "meizhen.sqlite").stat().st_size / 1e6, 1),
            "week_seconds_before": round(before, 2),
            "week_seconds_after": round(after, 2),
        }


def main() -> int:
    """Exit code 1 where memory grows with the month."""
    if sys.argv[1:2] == ["--work"]:
        run(lambda _stop: archive(Path(sys.argv[2])))
        return 0
    full = QUICK if "--quick" in sys.argv[1:] else FULL
    few, many = measure(full // 5), measure(full)
    for facts in (few, many):
        print(json.dumps(facts, ensure_ascii=False))
    more = float(str(many["peak_mb"])) - float(str(few["peak_mb"]))
    facts = {"name": "more memory for five times the figures", "mb": round(more, 1)}
    print(json.dumps(facts | {"promise_mb": PROMISE_MORE_MB}))
    return 1 if more > PROMISE_MORE_MB else 0


if __name__ == "__main__":
    sys.exit(main())
