"""The aggregation and the ranking, written once with narwhals and run by every engine alike.

Only what every engine computes exactly is used: whole numbers, filters, sums, maxima, counts, joins of
nothing; and a rank where an engine has one. The frame is that of `FIGURES`.
"""

from datetime import date
from typing import Any, TypeAlias

import narwhals as nw

from analytics.engines.question import WEIGHT, By, Choice, Plan, Together

FIGURES = {
    "platform": "str",
    "account": "str",  # platform:handle
    "unit": "str",  # the unit's code
    "article": "int64",  # our id: it stays when a platform names it; 0 for an account's day
    "month": "str",  # 2025-03, of `day`
    "metric": "str",
    "source_kind": "str",  # api, import, typed
    "day": "int64",  # days since 1970 of publishing, or the account's day
    "as_of": "int64",  # the figure's day, likewise
    "value": "int64",  # people, events, money: whole; else millionths
    "live": "int64",  # 1 from the database, 0 from the archive
}
"""Column → dtype of the frame that is asked: one row a figure."""

Frame: TypeAlias = "nw.LazyFrame[Any]"
Row: TypeAlias = tuple[str | int, ...]
"""A figure in the order of `FIGURES`, or a row of an answer."""

# One number a figure, greater the more it counts: how good it is, then its value. So the choice among the
# figures of an article is a maximum: a single pass, which every engine has, where a window or a join has not.
# 17 bits of source and day, 1 of being live, 45 of value: 63 in all.
_SPAN = 1 << 45
_HALF = _SPAN // 2
_DAYS = 1 << 15
_FIRST_DAY = (date(2000, 1, 1) - date(1970, 1, 1)).days
_UNKNOWN = -_HALF


def aggregated(figures: Frame, plan: Plan) -> Frame:
    """One row a group: the group's columns, `value` (whole numbers of 10 ** -plan.places) and `figures`, how
    many articles or days it is made of."""
    chosen = _chosen(_asked(figures, plan), plan)
    if plan.together is Together.WEIGHTED:
        return _weighted(chosen, plan)
    groups = chosen.group_by(*plan.groups).agg(
        nw.col("value").sum().alias("total"), nw.col("value").count().alias("figures")
    )
    total, count = nw.col("total").cast(nw.Int64), nw.col("figures").cast(nw.Int64)
    if plan.together is Together.MEAN:
        finer = total * 100 if plan.places == 2 else total
        total = _divided(finer, count)
    return groups.select(*plan.groups, total.alias("value"), count.alias("figures"))


def ranked(groups: Frame, plan: Plan) -> Frame:
    """The groups with `place`: 1 is the greatest value of its contest, equal values share the best place.

    Those beyond the limit are left out; what shares the last place stays.
    """
    if plan.contest == ("counts",):
        groups = groups.with_columns(counts=_counts(plan))
    place = nw.col("value").rank("min", descending=True).over(*plan.contest).cast(nw.Int64)
    placed = groups.with_columns(place=place)
    limit = plan.question.limit
    kept = placed if limit is None else placed.filter(nw.col("place") <= limit)
    return kept.select(*plan.groups, "value", "figures", "place")


def _asked(figures: Frame, plan: Plan) -> Frame:
    question = plan.question
    rows = figures
    if not plan.is_whole:  # a count is at most nine million million: it always fits
        rows = rows.filter((nw.col("value") >= -_HALF) & (nw.col("value") < _HALF))
    if question.age is not None:
        rows = rows.filter(nw.col("as_of") - nw.col("day") == question.age)
    if question.units is not None:
        rows = rows.filter(nw.col("unit").is_in(list(question.units)))
    if question.by is By.WEEK:  # its Monday: the first of January 1970 was a Thursday
        rows = rows.with_columns(week=nw.col("day") - (nw.col("day") + 3) % 7)
    if plan.choice is Choice.WEEK_END:
        rows = rows.filter(nw.col("as_of") <= nw.col("week") + 13)
    return rows


def _chosen(rows: Frame, plan: Plan) -> Frame:
    """One row an entity: the value that counts for it."""
    by_unit = plan.question.by is By.UNIT
    entity = [*plan.entity, "metric"] if plan.together is Together.WEIGHTED else list(plan.entity)
    platforms = list(plan.question.meanings)
    if len(platforms) == 1:  # a column that is the same everywhere need not be looked up for every figure
        entity.remove("platform")
    key = (_goodness(plan) * 2 + nw.col("live")) * _SPAN + nw.col("value") + _HALF
    found = [nw.col("key").max()]
    if by_unit:  # one article has one unit, also where it was archived in another
        found.append(nw.col("unit").max())
    best = rows.with_columns(key=key).group_by(*entity).agg(*found)
    chosen = best.with_columns(value=nw.col("key") % _SPAN - _HALF)
    return chosen.with_columns(platform=nw.lit(platforms[0])) if len(platforms) == 1 else chosen


def _goodness(plan: Plan) -> nw.Expr:
    source = nw.col("source_kind")
    preference = nw.when(source == "api").then(2).otherwise(nw.when(source == "import").then(1).otherwise(0))
    day = nw.col("as_of") - _FIRST_DAY
    if plan.choice is Choice.LAST:
        return day * 4 + preference
    if plan.choice is Choice.WEEK_END:
        since_monday = nw.col("as_of") - nw.col("week")
        day = nw.when(since_monday <= 6).then(since_monday + 8).otherwise(14 - since_monday)
    return preference * _DAYS + day


def _weighted(chosen: Frame, plan: Plan) -> Frame:
    """Σ value × readers ÷ Σ readers over the articles of which both are known."""
    is_rate = nw.col("metric") == plan.question.metric
    value = nw.col("value")
    both = (
        chosen.with_columns(
            rate=nw.when(is_rate).then(value).otherwise(_UNKNOWN),
            weight=nw.when(nw.col("metric") == WEIGHT).then(value).otherwise(0),
        )
        .group_by(*plan.entity)
        .agg(nw.col("rate").max(), nw.col("weight").max(), *_kept(plan))
        .filter((nw.col("rate") > _UNKNOWN) & (nw.col("weight") > 0))
        .with_columns(product=nw.col("rate") * nw.col("weight"))
    )
    groups = both.group_by(*plan.groups).agg(
        nw.col("product").sum(),
        nw.col("weight").sum(),
        nw.col("rate").count().alias("figures"),
    )
    mean = _divided(nw.col("product").cast(nw.Int64), nw.col("weight").cast(nw.Int64))
    return groups.select(*plan.groups, mean.alias("value"), nw.col("figures").cast(nw.Int64))


def _kept(plan: Plan) -> list[nw.Expr]:
    return [nw.col("unit").max()] if plan.question.by is By.UNIT else []


def _divided(total: nw.Expr, count: nw.Expr) -> nw.Expr:
    """Rounded half up, the same on every engine: the remainder is taken off in whole numbers first, for one
    of them divides in floats only."""
    doubled = total * 2 + count
    return ((doubled - doubled % (count * 2)) / (count * 2)).round(0).cast(nw.Int64)


def _counts(plan: Plan) -> nw.Expr:
    """What each platform's figure counts: people and events are never in one contest."""
    expression: nw.Expr = nw.lit("")
    for platform, meaning in plan.question.meanings.items():
        expression = (
            nw.when(nw.col("platform") == platform).then(nw.lit(meaning.counts)).otherwise(expression)
        )
    return expression
