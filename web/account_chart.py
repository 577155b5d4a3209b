"""An account's last weeks as a chart: posts a week, and reads where they are known; holes stay holes."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from math import isnan

from sqlmodel import Session, col, select

from analytics import weekly
from analytics.articles import Article
from config.errors import MeizhenError
from config.messages import text
from organisation import Account, Unit
from web.desk import Desk

_READS = "read_events"


def chart_of(desk: Desk, account: Account, unit: Unit, until: date, *, weeks: int) -> dict[str, object]:
    """An option of ECharts for `weeks` weeks up to the one of `until`."""
    last = until - timedelta(days=until.weekday())
    mondays = [last - timedelta(weeks=number) for number in reversed(range(weeks))]
    with desk.database.read() as session:
        posts = _posts(session, account, mondays[0])
    reads = _reads(desk, account, unit, mondays[0], until)
    series: list[dict[str, object]] = [
        {
            "type": "bar",
            "name": text("account.chart_posts"),
            "data": [posts[monday] for monday in mondays],
            "itemStyle": {"color": "#7aa7dd"},
        }
    ]
    axes: list[dict[str, object]] = [{"type": "value", "minInterval": 1, "name": text("account.chart_posts")}]
    if reads:
        axes.append({"type": "value", "name": text("account.chart_reads"), "splitLine": {"show": False}})
        line = {"type": "line", "name": text("account.chart_reads"), "yAxisIndex": 1, "connectNulls": False}
        series.append(
            {**line, "data": [reads.get(monday) for monday in mondays], "itemStyle": {"color": "#c2570c"}}
        )
    return {
        "xAxis": {"type": "category", "data": [f"{monday:%m-%d}" for monday in mondays]},
        "yAxis": axes,
        "legend": {"bottom": 0},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "grid": {"left": 40, "right": 56, "top": 36, "bottom": 56},
        "series": series,
    }


def _posts(session: Session, account: Account, since: date) -> Counter[date]:
    """How many articles were published in each week, by its Monday."""
    days = session.exec(
        select(col(Article.published_day)).where(
            Article.account_id == account.known_id, col(Article.published_day) >= since
        )
    )
    return Counter(day - timedelta(days=day.weekday()) for day in days)


def _reads(desk: Desk, account: Account, unit: Unit, since: date, until: date) -> Mapping[date, float]:
    """Reads by the Monday of their week; empty where the platform tells none."""
    try:
        frame = weekly(
            desk.database,
            metric=_READS,
            since=since,
            until=until,
            platform=account.platform,
            unit=unit.code,
            archive=desk.settings.archive_folder,
        )
    except MeizhenError:
        return {}
    mine = frame[frame["account"] == account.stable_id]
    return {
        monday.date(): float(value)
        for monday, value in zip(mine["monday"], mine["value"], strict=True)
        if not isnan(value)
    }
