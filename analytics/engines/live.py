"""The database's figures as an engine's frame: what is not archived yet, or was told after that."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Row as Selected
from sqlmodel import Session, col, select

from analytics.articles import AccountDayFigure, KnownMetric, Snapshot
from analytics.engines.expression import Row
from analytics.engines.question import COUNTS, Meaning, Plan
from analytics.selection import NAMES, FigureKind, selected_figures
from organisation.accounts import Account

_EPOCH = date(1970, 1, 1)
_BATCH = 20_000
_LEVELS: Mapping[FigureKind, str] = {"articles": "article", "account_days": "account"}


def known_meanings(session: Session, metric: str, level: FigureKind) -> dict[str, Meaning]:
    """Platform → what this name counts there; empty where no platform tells it."""
    wanted = select(KnownMetric).where(
        col(KnownMetric.name) == metric, col(KnownMetric.level) == _LEVELS[level]
    )
    return {known.platform: Meaning(known.unit, known.kind) for known in session.exec(wanted)}


def known_names(session: Session) -> list[str]:
    """Every name that a platform tells, in order."""
    return sorted(session.exec(select(col(KnownMetric.name)).distinct()))


def live_figures(session: Session, plan: Plan) -> Iterator[list[Row]]:
    """The database's figures of the plan's names and days, in batches of rows in the order of `FIGURES`."""
    question = plan.question
    metric = col(Snapshot.metric) if question.level == "articles" else col(AccountDayFigure.metric)
    query = selected_figures(
        session, question.level, since=question.since, until=question.until, archived=False
    )
    query = query.where(metric.in_(plan.metrics), col(Account.platform).in_(list(question.meanings)))
    found = session.execute(query.order_by(None).execution_options(yield_per=_BATCH))
    for batch in found.partitions():
        yield [_figure(row, question.level) for row in batch]


_PLACES = {kind: {name: place for place, name in enumerate(names)} for kind, names in NAMES.items()}


def _figure(row: "Selected[Any]", level: FigureKind) -> Row:
    place = _PLACES[level]
    is_article = level == "articles"
    day: date = row[place["published_day" if is_article else "day"]]
    as_of: date = row[place["as_of"]] if is_article else day
    value: int = row[place["value"]]
    return (
        row[place["platform"]],
        row[place["account"]],
        row[place["unit"]],
        row[place["article_id"]] if is_article else 0,
        f"{day:%Y-%m}",
        row[place["metric"]],
        row[place["source_kind"]],
        (day - _EPOCH).days,
        (as_of - _EPOCH).days,
        value // 1_000_000 if row[place["counts"]] in COUNTS else value,
        1,
    )
