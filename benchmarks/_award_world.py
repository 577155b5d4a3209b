"""A made-up year of a province for the award: units, accounts, posts and their figures at five ages.

Everything follows from numbers, so that two databases, filled in two orders, hold the same facts under other
ids. The statements run on both databases.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from config.database import Database, connect, migrate

START, DAYS = date(2026, 1, 1), 365
AGES = {1: 60, 2: 75, 3: 85, 7: 100, 30: 110}  # age in days: per cent of the reads on day 7
TRACKS = ("league", "university", "enterprise")
# What share of the accounts, the source of the figures, and each metric's share of the reads in thousandths.
PLATFORMS: dict[str, tuple[int, int, dict[str, int]]] = {
    "wechat": (70, 2, {"read_people": 1000, "recommend_heart": 11, "like": 16, "share": 40}),
    "weibo": (20, 3, {"repost": 9, "comment": 7, "like": 30}),
    "youth_voice": (10, 4, {}),
}
_BRANCHES = 15  # units below a unit
_CHUNK = 200_000  # posts a transaction
_NOON = "2026-06-01 04:00:00.000000"
_TITLES = ("青年大学习第{}期:我们这一代人的答卷", "学雷锋志愿服务月启动,{}名青年在行动", "“五四”评选揭晓 {}")

RULE = """\
schema = 1
[award]
id = "province"
title = "2026 年度全区共青团最具影响力新媒体"
period = { start = 2026-01-01, end = 2026-12-31 }
read_age_days = 7
[[category]]
id = "wechat"
tracks = [{ id = "league", label = "盟市", places = 3 }, { id = "university", label = "高校", places = 5 },
          { id = "enterprise", label = "企业", places = 2 }]
eligibility = [{ rule = "filed_before", value = 2026-01-01 }, { rule = "verified" },
               { rule = "min_posts", value = 48 }, { rule = "min_active_weeks", value = 30 },
               { rule = "data_coverage", value = 0.95 }, { rule = "no_veto" }]
[category.index]
formula = "wci"
version = "14.2b"
days = 365
winsorise = { field = "R", upper_quantile = 0.99, report_only = true }
[category.score]
data = { weight = "1", scale = "fixed_anchor", anchor = 1200 }
tie_break = ["index", "shares_per_post", "active_weeks", "earlier_filed"]
[[category]]
id = "weibo"
tracks = [{ id = "league", label = "盟市", places = 3 }, { id = "university", label = "高校", places = 5 },
          { id = "enterprise", label = "企业", places = 2 }]
eligibility = [{ rule = "filed_before", value = 2026-01-01 }, { rule = "min_posts", value = 120 }]
[category.index]
formula = "bci"
version = "7-input"
[category.score]
data = { weight = "1", scale = "fixed_anchor", anchor = 1400 }
tie_break = ["index", "original_posts"]
[[category]]
id = "youth-voice"
platform = "youth_voice"
tracks = [{ id = "league", label = "盟市", places = 3 }, { id = "university", label = "高校", places = 5 },
          { id = "enterprise", label = "企业", places = 2 }]
eligibility = [{ rule = "min_questions", value = 100 }, { rule = "no_veto" }]
[category.index]
formula = "weighted_log"
version = "qa-1"
terms = [{ metric = "answered_within_72h_rate", kind = "wilson_lower", weight = "0.30" },
         { metric = "median_first_answer_hours", kind = "neg_log", weight = "0.20" },
         { metric = "satisfied_rate", kind = "wilson_lower", weight = "0.20" },
         { metric = "distinct_askers", kind = "log", weight = "0.20" },
         { metric = "active_experts", kind = "log", weight = "0.10" }]
[category.score]
data = { weight = "1", scale = "percentile_in_track" }
tie_break = ["index", "answered_within_72h_rate"]
[robustness]
draws = 10000
alternatives = ["wci:13.0", "mean_of_weeks", "geometric", "drop_top_post", "equal_weights"]
[anomaly]
like_read_ratio = { mad_z = 3.0 }
daily_spike = { mad_z = 6.0, min_reads = 1000 }
mean_median = { mad_z = 4.0 }
"""


def fill(address: str, *, accounts: int, posts: int, units: int, turned: bool = False) -> None:
    """Fills an empty database; `turned` gives accounts and posts their ids in another order."""
    database = connect(address)
    migrate(database)
    with database.engine.begin() as connection:
        _quick(database, connection)
        _numbers(connection, max(units, accounts, _CHUNK))
        _units(connection, units)
        _sources(connection)
        _accounts(connection, accounts, units, turned=turned)
    for first in range(0, posts, _CHUNK):
        with database.engine.begin() as connection:
            _quick(database, connection)
            _posts(connection, first, min(first + _CHUNK, posts), accounts, posts, turned=turned)
    with database.engine.begin() as connection:
        for name in ("number", "size"):
            connection.exec_driver_sql(f"DROP TABLE bench_{name}")
    if not database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
    database.close()


def write_rule(folder: Path) -> Path:
    """The award's rule, as a file of this folder."""
    path = folder / "rule.toml"
    path.write_text(RULE, "utf-8")
    return path


def _quick(database: Database, connection: Connection) -> None:
    if not database.is_sqlite:  # what is made up need not survive a power cut
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _run(connection: Connection, statement: str, **values: object) -> None:
    connection.execute(text(statement), values)


def _numbers(connection: Connection, count: int) -> None:
    _run(connection, "CREATE TABLE bench_number (n BIGINT PRIMARY KEY)")
    _run(
        connection,
        "INSERT INTO bench_number (n) WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c "
        "WHERE n + 1 < :count) SELECT n FROM c",
        count=count,
    )


def _units(connection: Connection, count: int) -> None:
    """A tree: the unit n hangs below (n − 2) / 15 + 1."""
    _run(
        connection,
        "INSERT INTO unit (id, code, kind, name_zh, name_en, path) "
        "VALUES (1, 'U1', 'region', '全区', '', '1/')",
    )
    first, width = 2, _BRANCHES
    while first <= count:
        last = min(first + width - 1, count)
        _run(
            connection,
            "INSERT INTO unit (id, code, parent_id, kind, name_zh, name_en, path) "
            "SELECT n, 'U' || n, p.id, 'league', '单位' || n, '', p.path || n || '/' FROM bench_number "
            f"JOIN unit p ON p.id = (n - 2) / {_BRANCHES} + 1 WHERE n BETWEEN :first AND :last",
            first=first,
            last=last,
        )
        first, width = last + 1, width * _BRANCHES


def _sources(connection: Connection) -> None:
    """One interface a platform, and a file."""
    rows = [{"id": 1, "kind": "import", "name": "十一月.csv"}]
    rows += [
        {"id": source, "kind": "api", "name": f"{name} articles"}
        for name, (_, source, _) in PLATFORMS.items()
    ]
    connection.execute(
        text(
            "INSERT INTO figure_source (id, kind, name, digest, first_at) "
            f"VALUES (:id, :kind, :name, '', '{_NOON}')"
        ),
        rows,
    )


def _coprime(count: int) -> int:
    """A number without a common divisor: n × it, modulo `count`, is another order of 0 … count − 1."""
    from math import gcd

    step = count * 5 // 8 + 1
    while gcd(step, count) != 1:
        step += 1
    return step


def _accounts(connection: Connection, count: int, units: int, *, turned: bool) -> None:
    _run(
        connection,
        "CREATE TABLE bench_size (number BIGINT PRIMARY KEY, id BIGINT, platform TEXT, reads BIGINT)",
    )
    step = _coprime(count)
    rows, sizes = [], []
    for number in range(count):
        id_ = number * step % count + 1 if turned else number + 1
        platform = _platform(number, count)
        rows.append(
            {
                "id": id_,
                "unit": number * 7919 % units + 1,
                "platform": platform,
                "handle": f"{platform[0]}{number * step % count:06d}",
                "name": f"青春{number}号",
                "track": TRACKS[number % 3],
            }
        )
        reads = round(120 * 1.0008 ** (number * 4801 % 4000))  # 120 to about 2,900 an article
        sizes.append({"number": number, "id": id_, "platform": platform, "reads": reads})
    connection.execute(
        text(
            "INSERT INTO account (id, unit_id, platform, handle, name, track, filed, verified, api_base, "
            "state) VALUES (:id, :unit, :platform, :handle, :name, :track, '2025-03-01', true, '', 'active')"
        ),
        rows,
    )
    connection.execute(text("INSERT INTO bench_size VALUES (:number, :id, :platform, :reads)"), sizes)
    for metric in ("askers_ytd", "experts_ytd"):
        _run(
            connection,
            "INSERT INTO account_day_figure (account_id, metric, day, source_id, value, collected_at) "
            "SELECT id, :metric, '2026-12-31', 4, (reads + number % 7) * 1000000, :noon FROM bench_size "
            "WHERE platform = 'youth_voice'",
            metric=metric,
            noon=_NOON,
        )


def _platform(number: int, count: int) -> str:
    share = 100 * number // count
    for platform, (part, _, _) in PLATFORMS.items():
        if share < part:
            return platform
        share -= part
    raise ValueError("expected shares of platforms that sum to 100")


def _posts(connection: Connection, first: int, last: int, accounts: int, posts: int, *, turned: bool) -> None:
    """Posts `first` to `last`: in the order of days, as they are collected."""
    each = -(-posts // accounts)
    step = _coprime(posts) if turned else 1
    place = f"(:first + n) / {accounts}"  # the account's how manieth
    day = f"({place}) * {DAYS} / {each}"
    _run(
        connection,
        "CREATE TABLE bench_post (id BIGINT PRIMARY KEY, n BIGINT, account BIGINT, platform TEXT, "
        "day INTEGER, reads BIGINT)",
    )
    _run(
        connection,
        f"INSERT INTO bench_post SELECT (:first + n) * {step} % {posts} + 1, :first + n, s.id, s.platform, "
        f"{day}, s.reads * (50 + ((:first + n) * 7919) % 151) / 100 "
        f"FROM bench_number JOIN bench_size s ON s.number = (:first + n) % {accounts} WHERE n < :count",
        first=first,
        count=last - first,
    )
    _run(
        connection,
        "CREATE TABLE bench_day (day INTEGER PRIMARY KEY, age0 TEXT, "
        + ", ".join(f"age{age} TEXT" for age in AGES)
        + ")",
    )
    days = list(_days())
    connection.execute(
        text(f"INSERT INTO bench_day VALUES (:day, :age0, {', '.join(f':age{age}' for age in AGES)})"), days
    )
    cast = "" if connection.dialect.name == "sqlite" else "::date"
    title = " ".join(
        f"WHEN {n} THEN '{told.replace('{}', chr(39) + ' || n || ' + chr(39))}'"
        for n, told in enumerate(_TITLES)
    )
    _run(
        connection,
        "INSERT INTO article (id, account_id, remote_id, title, url, published_at, published_day, position, "
        f"kind, original) SELECT p.id, account, (2650000000 + n) || '_' || (n % 3 + 1), "
        f"CASE n % {len(_TITLES)} {title} END, "
        "'https://mp.weixin.qq.com/s/' || (n * 7919) || '-' || (n * 104729), :noon, "
        f"age0{cast}, CASE platform WHEN 'wechat' THEN n % 3 + 1 END, "
        "CASE platform WHEN 'youth_voice' THEN 'question' ELSE 'post' END, "
        "CASE WHEN platform = 'youth_voice' THEN null ELSE n % 4 <> 0 END "
        "FROM bench_post p JOIN bench_day d ON d.day = p.day ORDER BY p.id",
        noon=_NOON,
    )
    into = "INSERT INTO snapshot (article_id, metric, as_of, source_id, value, collected_at)"
    joined = "FROM bench_post p JOIN bench_day d ON d.day = p.day CROSS JOIN bench_figure f"
    _run(connection, "CREATE TABLE bench_figure (platform TEXT, metric TEXT, age INTEGER, part BIGINT)")
    figures = [
        {"platform": platform, "metric": metric, "age": age, "part": share * part}
        for platform, (_, _, metrics) in PLATFORMS.items()
        for metric, share in metrics.items()
        for age, part in AGES.items()
    ]
    connection.execute(text("INSERT INTO bench_figure VALUES (:platform, :metric, :age, :part)"), figures)
    at_age = "CASE f.age " + " ".join(f"WHEN {age} THEN age{age}" for age in AGES) + " END"
    value = "p.reads * f.part * (80 + (p.n * 31 + length(f.metric) * 17) % 41) / 10000000 * 1000000"
    source = "CASE p.platform WHEN 'wechat' THEN 2 ELSE 3 END"
    wanted = "WHERE p.platform = f.platform"
    _run(
        connection,
        f"{into} SELECT p.id, f.metric, {at_age}{cast}, {source}, {value}, :noon {joined} {wanted}"
        " ORDER BY p.id, f.metric, f.age",
        noon=_NOON,
    )
    # A fiftieth is also told by a file of the same day, which the interface goes before.
    _run(
        connection,
        f"{into} SELECT p.id, f.metric, age7{cast}, 1, {value} + 1000000, :noon {joined} {wanted} "
        "AND f.age = 7 AND p.n % 50 = 0",
        noon=_NOON,
    )
    for metric, told, only in (
        ("answers", "CASE WHEN p.n % 9 = 0 THEN 0 ELSE 1 END", "true"),
        ("answered_within_72h", "CASE WHEN p.n % 9 = 0 OR p.n % 11 = 0 THEN 0 ELSE 1 END", "true"),
        ("first_answer_hours", "1 + p.reads % 90", "p.n % 9 <> 0"),
        ("satisfied", "p.n % 2", "p.n % 3 = 0"),
    ):
        for age in (1, 7):
            _run(
                connection,
                f"{into} SELECT p.id, :metric, age{age}{cast}, 4, ({told}) * 1000000, :noon "
                "FROM bench_post p JOIN bench_day d ON d.day = p.day "
                f"WHERE p.platform = 'youth_voice' AND {only}",
                metric=metric,
                noon=_NOON,
            )
    for name in ("post", "day", "figure"):
        _run(connection, f"DROP TABLE bench_{name}")


def _days() -> Iterator[dict[str, object]]:
    for number in range(DAYS):
        day = START + timedelta(days=number)
        yield {"day": number, "age0": day.isoformat()} | {
            f"age{age}": (day + timedelta(days=age)).isoformat() for age in AGES
        }
