"""The contract of engines: the same question gives the same answer on every one that is installed, exactly.

What is right is counted a second time in plain Python, which shares nothing with the expression.
"""

import itertools
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from archived import Told, article_number, write_archive

from analytics.engines.expression import aggregated, ranked
from analytics.engines.question import COUNTS, By, Meaning, Plan, Question, plan
from analytics.engines.registry import ENGINES, Engine, is_installed, open_engine

SINCE, UNTIL = date(2025, 1, 10), date(2025, 3, 20)
# `make test-engines` wants all of them, each with every question. Else slow ones answer a few.
ALL = os.environ.get("MEIZHEN_TEST_ENGINES") == "all"
INSTALLED = [name for name in ENGINES if ALL or is_installed(name)]
FAST = ("duckdb", "pandas")
FEW = ("read_people-unit", "finish_rate-month", "followers_total-account", "limit")
METRICS = {
    "read_people": ("articles", {"wechat": Meaning("people", "cumulative")}),
    "like": (
        "articles",
        {
            "wechat": Meaning("people", "cumulative"),
            "weibo": Meaning("events", "cumulative"),
            "site": Meaning("events", "cumulative"),
        },
    ),
    "finish_rate": ("articles", {"wechat": Meaning("rate", "cumulative")}),
    "first_answer_hours": ("articles", {"site": Meaning("hours", "snapshot")}),
    "daily_reads": ("articles", {"site": Meaning("events", "per_day")}),
    "followers_total": (
        "account_days",
        {"wechat": Meaning("people", "snapshot"), "weibo": Meaning("people", "snapshot")},
    ),
    "followers_new": ("account_days", {"wechat": Meaning("people", "per_day")}),
    "answers": ("account_days", {"site": Meaning("events", "per_day")}),
}


def made_up(seed: int, accounts: int = 6, articles: int = 7) -> list[Told]:
    """Figures of every kind: several sources and ages, equal values, huge and negative ones."""
    chance = random.Random(seed)
    figures: list[Told] = []
    for metric, (level, meanings) in METRICS.items():
        for platform, meaning in meanings.items():
            for number in range(accounts):
                account, unit = f"号{number}", f"NM-{number % 3}"
                for place in range(articles):
                    day = SINCE - timedelta(days=8) + timedelta(days=chance.randrange(85))
                    article = f"{platform}-{number}-{place}" if level == "articles" else ""
                    if level == "articles":  # every metric of an article is of one day
                        day = date(2025, 1, 2) + timedelta(days=(number * 31 + place * 11) % 85)
                    told = Told(
                        platform, account, unit, article, day, metric, meaning.counts, meaning.kind, 0, 0
                    )
                    figures += _tellings(chance, told)
    return figures


def _tellings(chance: random.Random, told: Told) -> Iterator[Told]:
    """One source a day tells one value; a day may have several sources, or none."""
    for age in (0,) if not told.article else (1, 2, 7, 30):
        for source in ("api", "import", "typed"):
            if chance.random() < 0.5:
                value = chance.choice([0, 5, 5, 70, chance.randrange(10**6), 2**40])
                if told.counts not in COUNTS:
                    value = chance.randrange(10**6)
                elif told.metric == "followers_new":
                    value = chance.randrange(-40, 40)
                scale = 10**6 if told.counts in COUNTS else 1
                yield replace(told, age=age, source_kind=source, millionths=value * scale)


Row = tuple[Any, ...]
PREFERENCE = {"api": 0, "import": 1, "typed": 2}


def expected(figures: Iterable[Told], asked: Plan) -> list[Row]:
    """The answer, counted slowly: groups, value in whole units of the plan, figures, place."""
    question = asked.question
    values: dict[tuple[Any, ...], dict[tuple[Any, ...], Fraction]] = {}
    for key, group, of_article in _entities(figures, question):
        value = _value(key, of_article, question)
        if value is not None:
            values.setdefault(group, {})[key] = value
    rows = []
    for group, found in values.items():
        weights = {key: found[key] for key in found}
        if _is_weighted(question):
            readers = {key: _readers(figures, question, key) for key in found}
            weights = {key: found[key] * (readers[key] or 0) for key in found if readers[key]}
            if not weights:
                continue
            total = sum(weights.values()) / sum(readers[key] or 0 for key in weights)
        elif asked.together == "mean":
            total = sum(weights.values(), Fraction(0)) / len(weights)
        else:
            total = sum(weights.values(), Fraction(0))
        scaled = total * 10**asked.places
        rows.append(
            (*group, (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator), len(weights))
        )
    return _placed(rows, asked)


def _is_weighted(question: Question) -> bool:
    return {meaning.counts for meaning in question.meanings.values()} == {"rate"}


def _asked(figures: Iterable[Told], question: Question, metric: str) -> list[Told]:
    return [
        told
        for told in figures
        if told.metric == metric
        and told.platform in question.meanings
        and question.since <= told.day <= question.until
        and (question.age is None or told.age == question.age)
        and (question.units is None or told.unit in question.units)
        and bool(told.article) is (question.level == "articles")
    ]


def _key(told: Told, question: Question) -> tuple[Any, ...]:
    kind = question.meanings[told.platform].kind
    each_day = told.as_of if kind == "per_day" else None
    entity = told.article or None
    period = None
    if question.by is By.MONTH:
        period = f"{told.day:%Y-%m}"
    if question.by is By.WEEK:
        period = told.day - timedelta(days=told.day.weekday())
    return told.platform, told.account, entity, each_day, period


def _entities(
    figures: Iterable[Told], question: Question
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...], list[Told]]]:
    entities: dict[tuple[Any, ...], list[Told]] = {}
    for told in _asked(figures, question, question.metric):
        entities.setdefault(_key(told, question), []).append(told)
    for key, tellings in entities.items():
        first = tellings[0]
        account = f"{first.platform}:{first.account}"
        group: tuple[Any, ...] = {
            By.ACCOUNT: (first.platform, account),
            By.UNIT: (first.platform, first.unit),
            By.PLATFORM: (first.platform,),
            By.MONTH: (first.platform, key[-1]),
            By.WEEK: (first.platform, account, _monday(first.day)),
        }[question.by]
        yield key, group, tellings


def _monday(day: date) -> int:
    return (day - timedelta(days=day.weekday()) - date(1970, 1, 1)).days


def _value(key: tuple[Any, ...], tellings: list[Told], question: Question) -> Fraction | None:
    """The value of one article, account, or day, in units."""
    first = tellings[0]
    if question.level == "account_days" and first.kind != "per_day":
        best = min(tellings, key=lambda t: (-t.as_of.toordinal(), PREFERENCE[t.source_kind]))
        last = [t for t in tellings if (t.as_of, t.source_kind) == (best.as_of, best.source_kind)]
    else:
        if question.by is By.WEEK and first.kind != "per_day":
            tellings = [t for t in tellings if t.as_of <= key[-1] + timedelta(days=13)]
            if not tellings:
                return None
        preferred = min(PREFERENCE[t.source_kind] for t in tellings)
        last = [t for t in tellings if PREFERENCE[t.source_kind] == preferred]
        if question.by is By.WEEK and first.kind != "per_day":
            sunday = key[-1] + timedelta(days=6)
            inside = [t.as_of for t in last if t.as_of <= sunday]
            day = max(inside) if inside else min(t.as_of for t in last)
        else:
            day = max(t.as_of for t in last)
        last = [t for t in last if t.as_of == day]
    return Fraction(max(t.millionths for t in last), 10**6)


def _readers(figures: Iterable[Told], question: Question, key: tuple[Any, ...]) -> Fraction | None:
    same = [t for t in _asked(figures, question, "read_people") if t.article == key[2]]
    return _value(key, same, question) if same else None


def _placed(rows: list[Row], asked: Plan) -> list[Row]:
    def contest(row: Row) -> str:
        by_platform = asked.question.by is By.PLATFORM
        return asked.question.meanings[row[0]].counts if by_platform else row[0]

    placed = [
        (*row, 1 + sum(other[-2] > row[-2] for other in rows if contest(other) == contest(row)))
        for row in rows
    ]
    limit = asked.question.limit
    return sorted(row for row in placed if limit is None or row[-1] <= limit)


def run(engine: Engine, frames: list[Any], asked: Plan) -> list[Row]:
    import narwhals as nw

    groups = aggregated(frames[0] if len(frames) == 1 else nw.concat(frames), asked)
    if not engine.ranks:
        groups = groups.collect("pandas").lazy()
    return sorted(engine.rows(ranked(groups, asked)))


def questions() -> list[tuple[str, Question]]:
    base = [
        (metric, Question(metric, meanings, SINCE, UNTIL, level))  # type: ignore[arg-type]
        for metric, (level, meanings) in METRICS.items()
    ]
    asked = []
    for metric, question in base:
        for by in By:
            asked.append((f"{metric}-{by}", replace(question, by=by)))
    reads = base[0][1]
    asked.append(("age", replace(reads, age=7)))
    asked.append(("age-rate", replace(base[2][1], age=7)))
    asked.append(("limit", replace(base[1][1], limit=2)))
    asked.append(("units", replace(reads, units=("NM-1", "NM-2"), by=By.UNIT)))
    asked.append(("nothing", replace(reads, since=date(2025, 3, 19), until=date(2025, 3, 19), age=1)))
    return asked


QUESTIONS = questions()
FIGURES_TOLD = made_up(20251231)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_archive(folder, FIGURES_TOLD)
    return folder


CASES = [
    pytest.param(engine, name, id=f"{engine}-{name}")
    for engine in INSTALLED
    for name in dict(QUESTIONS)
    if ALL or engine in FAST or name in FEW
]


@pytest.fixture(scope="module", params=INSTALLED)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with open_engine(request.param) as opened:
        yield opened


def files(archive: Path, question: Question) -> list[Path]:
    return sorted(
        file
        for file in (archive / question.level).rglob("*.parquet")
        if file.parent.name.removeprefix("platform=") in question.meanings
    )


def rows(figures: Iterable[Told]) -> list[Row]:
    """The same figures as the database gives them."""
    epoch = date(1970, 1, 1)
    return [
        (
            told.platform,
            f"{told.platform}:{told.account}",
            told.unit,
            article_number(told.article),
            f"{told.day:%Y-%m}",
            told.metric,
            told.source_kind,
            (told.day - epoch).days,
            (told.as_of - epoch).days,
            told.millionths // 10**6 if told.counts in COUNTS else told.millionths,
            1,
        )
        for told in figures
    ]


@pytest.mark.parametrize(("engine", "name"), CASES, indirect=["engine"], scope="module")
def test_every_engine_gives_the_answer_counted_by_hand(engine: Engine, archive: Path, name: str) -> None:
    question = dict(QUESTIONS)[name]
    asked = plan(question)
    found = run(engine, [engine.scan(files(archive, question), asked)], asked)
    wanted = expected(FIGURES_TOLD, asked)
    assert found == wanted
    assert bool(wanted) is (name != "nothing")


def test_the_database_s_figures_beside_the_archive_count_once_and_go_first(
    engine: Engine, archive: Path
) -> None:
    """All figures twice, those of the database one higher or lower: as if they had been told anew."""
    question = dict(QUESTIONS)["like-account"]
    asked = plan(question)
    wanted = [told for told in FIGURES_TOLD if told.metric == "like" and SINCE <= told.day <= UNTIL]
    archived = engine.scan(files(archive, question), asked)
    steps = itertools.cycle((10**6, -(10**6), 3 * 10**6))
    changed = [
        replace(told, millionths=told.millionths + step) for told, step in zip(wanted, steps, strict=False)
    ]
    batches = [rows(changed[:100]), rows(changed[100:])]
    assert run(engine, [archived, engine.take(batches)], asked) == expected(changed, asked)
