"""数据 Figures: an account's own days, holes, and who is greatest."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import StringConstraints

from analytics.article_pages import figures_of_account
from analytics.gaps import list_gaps
from config.clock import shanghai_day
from config.errors import MeizhenError
from organisation import Act, find_unit
from web.api.accounts import seen as account_seen
from web.api.articles import FigureShown
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Code, Day, Figure, Filter, Told

noun = Noun("figures")
_MOST_DAYS, _YEAR = 92, timedelta(days=364)
Metric = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class AccountFigures(Told):
    """An account's own figures, day by day; a figure that is not known has no row."""

    account: str
    since: date
    until: date
    items: list[FigureShown]


class GapShown(Told):
    """Which account lacks what of which day, and why."""

    account: str
    name: str
    subject: str
    day: date
    code: str
    told: str
    seen_at: datetime


class GapList(Told):
    """Open holes, newest day first; `more` where there are more than asked for."""

    items: list[GapShown]
    more: bool


class TopRow(Told):
    """A place; `figures` is how many articles or days it is made of."""

    place: int
    platform: str
    name: str
    counts: str
    value: Figure
    figures: int


class Top(Told):
    """Places by one figure; `together` is how its values were put together."""

    metric: str
    since: date
    until: date
    together: str
    items: list[TopRow]


@noun.read("/account-days", Act.FIGURES_READ)
def account_days(
    asked: Asked,
    account: Annotated[Code, Query()],
    since: Annotated[
        Day | None, Query(description="The first Beijing day; else 30 days before the last.")
    ] = None,
    until: Annotated[Day | None, Query(description="The last Beijing day; else yesterday.")] = None,
) -> AccountFigures:
    """账号每日数据 An account's own figures, at most 92 days."""
    found, _ = account_seen(asked, account)
    last = until or shanghai_day(asked.now) - timedelta(days=1)
    first = since or last - timedelta(days=30)
    if not 0 <= (last - first).days < _MOST_DAYS:
        raise MeizhenError("api.bad_days", most=_MOST_DAYS)
    figures = figures_of_account(asked.session, found, first, last)
    return AccountFigures(
        account=found.stable_id,
        since=first,
        until=last,
        items=[FigureShown.model_validate(one) for one in figures],
    )


@noun.read("/gaps", Act.FIGURES_READ)
def gaps(
    asked: Asked,
    unit: Filter = None,
    since: Annotated[Day | None, Query()] = None,
    until: Annotated[Day | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> GapList:
    """缺口 Figures that should be there and are not; of a unit, or of the whole house."""
    under = None if unit is None else find_unit(asked.session, unit)
    asked.at(under.path if under else "")
    found = list_gaps(asked.session, since=since, until=until, unit=under, limit=limit + 1)
    return GapList(items=[GapShown.model_validate(one) for one in found[:limit]], more=len(found) > limit)


@noun.read("/top", Act.FIGURES_READ)
def top(
    asked: Asked,
    metric: Annotated[Metric, Query(description="The common name of the figure.")],
    since: Annotated[
        Day | None, Query(description="The first Beijing day; else a year before the last.")
    ] = None,
    until: Annotated[Day | None, Query(description="The last Beijing day; else yesterday.")] = None,
    by: Annotated[Literal["account", "unit", "platform", "month"], Query()] = "account",
    level: Annotated[Literal["articles", "account_days"] | None, Query()] = None,
    platform: Filter = None,
    unit: Filter = None,
    age: Annotated[int | None, Query(ge=0, le=3650, description="Days after publishing.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> Top:
    """谁最高 The greatest by one figure, archived ones included; of a unit, or of the whole house."""
    from analytics.engines.registry import Means
    from analytics.engines.top import answer

    under = None if unit is None else find_unit(asked.session, unit)
    asked.at(under.path if under else "")
    settings = asked.desk.settings
    last = until or shanghai_day(asked.now) - timedelta(days=1)
    first = since or last - _YEAR
    found = answer(
        asked.desk.database,
        metric=metric,
        since=first,
        until=last,
        platform=platform,
        unit=unit,
        by=by,
        age=age,
        limit=limit,
        archive=settings.archive_folder,
        level=level,
        means=Means(
            memory=settings.duckdb_memory,
            threads=settings.duckdb_threads,
            spill=settings.temporary_folder,
            spark_master=settings.spark_master,
        ),
    )
    return Top(
        metric=metric,
        since=first,
        until=last,
        together=found.plan.together,
        items=[TopRow.model_validate(row) for row in found.rows],
    )
