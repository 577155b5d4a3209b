"""`top`: a figure of any days, put together and placed, over the archive and the database as one."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals as nw

from analytics.engines.archive import archived_files
from analytics.engines.expression import Frame, Row, aggregated, ranked
from analytics.engines.live import known_meanings, known_names, live_figures
from analytics.engines.question import By, Meaning, Plan, Question, plan
from analytics.engines.registry import DEFAULT, Engine, Means, open_engine
from analytics.selection import FigureKind
from config.database import Database
from config.errors import InputError, MeizhenError, Problem

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "place": "int64",
    "platform": "str",
    "name": "str",
    "counts": "str",
    "value": "float64",
    "figures": "int64",
}
"""Column → dtype of what `top` gives."""


@dataclass(frozen=True)
class Placed:
    """One row of an answer. `name` is the account, unit, platform or month asked by; `week` its Monday.

    `value` is exact; `figures` is how many articles or days it is made of.
    """

    place: int
    platform: str
    name: str
    counts: str
    value: Decimal
    figures: int
    week: int | None = None  # days since 1970


@dataclass(frozen=True)
class Answer:
    """Rows by platform, then place, then name; the plan by which; where they came from."""

    rows: list[Placed]
    plan: Plan
    engine: str
    files: int
    live_rows: int


def top(
    database: Database,
    *,
    metric: str,
    since: date,
    until: date,
    platform: str | None = None,
    unit: str | None = None,
    by: str = "account",
    age: int | None = None,
    limit: int | None = 20,
    engine: str = DEFAULT,
    archive: Path | None = None,
    level: FigureKind | None = None,
    means: Means | None = None,
) -> "pd.DataFrame":
    """The greatest accounts (units, platforms, months) by one figure; columns and dtypes: `COLUMNS`.

    The same as `answer`, as a DataFrame: `value` is the nearest float.
    """
    import pandas as pd

    found = answer(
        database,
        metric=metric,
        since=since,
        until=until,
        platform=platform,
        unit=unit,
        by=by,
        age=age,
        limit=limit,
        engine=engine,
        archive=archive,
        level=level,
        means=means,
    )
    cells = {name: [getattr(row, name) for row in found.rows] for name in COLUMNS}
    cells["value"] = [float(row.value) for row in found.rows]
    return pd.DataFrame({name: pd.Series(cells[name], dtype=dtype) for name, dtype in COLUMNS.items()})


def answer(
    database: Database,
    *,
    metric: str,
    since: date,
    until: date,
    platform: str | None = None,
    unit: str | None = None,
    by: str = "account",
    age: int | None = None,
    limit: int | None = 20,
    engine: str = DEFAULT,
    archive: Path | None = None,
    level: FigureKind | None = None,
    means: Means | None = None,
) -> Answer:
    """A figure of articles published, or of account days, from `since` to `until`, put together and placed.

    How is decided by the figure's kind and unit (`analytics.engines.question`): the newest of an article (or
    the one `age` days after publishing), per-day events added, per-day people averaged, rates weighted.
    Places are given inside one platform; platforms among each other only where they count the same. `archive`
    is the archive's folder; figures of the database are taken beside it, and go before it. `unit` takes all
    units below it too, as they were when the figures were archived. `level` tells an article's figure from an
    account's of the same name; without it the article's is taken where there is one.

    Raises InputError for `by`, `engine` or days that are none; MeizhenError: `engine.unknown_metric`, those
    of `plan`, `org.unknown_unit`, `engine.missing`.
    """
    from organisation.units import find_unit, subtree

    if since > until:
        raise InputError("since", [Problem("engine.backwards", params={"since": since, "until": until})])
    chosen = _by(by)
    with database.read() as session:
        found, meanings = _meanings(database, metric, platform, level)
        units = None if unit is None else [one.code for one in subtree(session, find_unit(session, unit))]
    asked = plan(Question(metric, meanings, since, until, found, chosen, age, units, limit))
    return answer_plan(database, asked, engine=engine, archive=archive, means=means)


def answer_plan(
    database: Database | None, asked: Plan, *, engine: str, archive: Path | None, means: Means | None
) -> Answer:
    """The answer of a plan, over the archive, the database, or both."""
    question = asked.question
    files = (
        []
        if archive is None
        else archived_files(
            archive,
            question.level,
            since=question.since,
            until=question.until,
            platforms=question.meanings,
        )
    )
    counted = _Counted()
    with ExitStack() as opened:
        running = opened.enter_context(open_engine(engine, means))
        frames: list[Frame] = [running.scan(files, asked)] if files else []
        if database is not None:
            session = opened.enter_context(database.read())
            batches = counted.through(live_figures(session, asked))
            if first := next(batches, None):
                frames.append(running.take(chain([first], batches)))
        rows = _run(running, frames, asked) if frames else []
    placed = sorted(rows, key=lambda row: (row.platform, row.place, row.name, row.week or 0))
    return Answer(placed, asked, engine, len(files), counted.rows)


class _Counted:
    """How many rows went through."""

    rows = 0

    def through(self, batches: Iterable[list[Row]]) -> Iterator[list[Row]]:
        for batch in batches:
            self.rows += len(batch)
            yield batch


def _run(engine: Engine, frames: list[Frame], asked: Plan) -> list[Placed]:
    figures = frames[0] if len(frames) == 1 else nw.concat(frames)
    groups = aggregated(figures, asked)
    if not engine.ranks:
        groups = groups.collect("pandas").lazy()
    rows = engine.rows(ranked(groups, asked))
    return [_placed(row, asked) for row in rows]


def _placed(row: Row, asked: Plan) -> Placed:
    cells: Mapping[str, str | int] = dict(zip((*asked.groups, "value", "figures", "place"), row, strict=True))
    platform = str(cells["platform"])
    named = By.ACCOUNT if asked.question.by is By.WEEK else asked.question.by
    return Placed(
        place=int(cells["place"]),
        platform=platform,
        name=str(cells[named.value]),
        counts=asked.question.meanings[platform].counts,
        value=Decimal(int(cells["value"])).scaleb(-asked.places),
        figures=int(cells["figures"]),
        week=int(cells["week"]) if "week" in cells else None,
    )


def _by(told: str) -> By:
    known = {by.value: by for by in By}
    if told not in known:
        raise InputError("by", [_unknown_by(told)])
    return known[told]


def require_ranked(by: str) -> None:
    """An account's weeks are a course (`analytics.weeks`) and no ranking: a list has no column for them.

    Raises InputError.
    """
    if by == By.WEEK:
        raise InputError("by", [_unknown_by(by)])


def _unknown_by(told: str) -> Problem:
    ranked = ", ".join(by.value for by in By if by is not By.WEEK)
    return Problem("engine.unknown_by", params={"received": told, "known": ranked})


def _meanings(
    database: Database, metric: str, platform: str | None, level: FigureKind | None
) -> tuple[FigureKind, dict[str, Meaning]]:
    """At the first level that knows the name on the platforms asked for, what it counts there."""
    levels: tuple[FigureKind, ...] = ("articles", "account_days") if level is None else (level,)
    with database.read() as session:
        for tried in levels:
            known = known_meanings(session, metric, tried)
            wanted = {name: known[name] for name in known if platform in (None, name)}
            if wanted:
                return tried, wanted
        names = ", ".join(known_names(session)) or "–"
    raise MeizhenError("engine.unknown_metric", metric=metric, platform=platform or "*", known=names)
