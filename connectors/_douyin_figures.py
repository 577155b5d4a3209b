"""What comes back: plays and interactions of items, the account's days (section 5).

Statistics of items are cumulative; the account's are per day, from about 10:00 of the next day on. Items
older than thirty days have no average play time any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors._byte_calls import objects
from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._days import day_of
from connectors._douyin_calls import calls_of
from connectors._douyin_items import Item, items
from connectors._errors import Refused, Unreachable
from connectors._json import line, whole

_ITEM_DAYS = 30
_HEADLINE = 40
_BASE = "/data/external/item/base/"
_USER = "/data/external/user"


def _article(name: str, *fields: str) -> Metric:
    return Metric(name, Unit.EVENTS, Kind.CUMULATIVE, fields=fields)


_ARTICLE = {
    "play_count": _article("play_events", "play_count", "total_play"),
    "digg_count": _article("like", "digg_count", "total_like"),
    "comment_count": _article("comment", "comment_count", "total_comment"),
    "share_count": _article("share", "share_count", "total_share"),
    "forward_count": _article("repost", "forward_count"),
    "download_count": _article("download", "download_count"),
}
_TIME = Metric("avg_time_s", Unit.SECONDS, Kind.SNAPSHOT, fields=("avg_play_duration",))


@dataclass(frozen=True)
class _Series:
    """One interface of the account's days and the fields taken from it."""

    path: str
    fields: dict[str, Metric]


def _daily(name: str, unit: Unit, kind: Kind = Kind.PER_DAY) -> Metric:
    return Metric(name, unit, kind, "account")


_SERIES = (
    _Series(
        "fans",
        {
            "total_fans": _daily("followers_total", Unit.PEOPLE, Kind.SNAPSHOT),
            "new_fans": _daily("followers_new", Unit.PEOPLE),
        },
    ),
    _Series(
        "item",
        {
            "new_issue": _daily("posts_published", Unit.EVENTS),
            "new_play": _daily("account_play_events", Unit.EVENTS),
        },
    ),
    _Series("like", {"new_like": _daily("account_like", Unit.EVENTS)}),
    _Series("comment", {"new_comment": _daily("account_comment", Unit.EVENTS)}),
    _Series("share", {"new_share": _daily("account_share", Unit.EVENTS)}),
    _Series("profile", {"profile_uv": _daily("profile_visitors", Unit.PEOPLE)}),
)
CALLS_A_DAY = len(_SERIES)
METRICS = (
    *_ARTICLE.values(),
    _TIME,
    *(metric for series in _SERIES for metric in series.fields.values()),
)


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """Items of these days with their counts of now."""
    today = day_of(access.now())
    for item in items(access, since):
        if day_of(item.at) > until:
            continue
        values: dict[str, int | Decimal | None] = {
            metric.name: whole(item.statistics.get(field)) for field, metric in _ARTICLE.items()
        }
        values[_TIME.name] = (
            _average(access, item) if today - day_of(item.at) < timedelta(_ITEM_DAYS) else None
        )
        yield ArticleFigures(
            remote_id=item.id,
            title=line(item.title, _HEADLINE),
            published_at=item.at,
            figures=(Figures(today, values, "video_list+item/base"),),
            url=item.url,
            original=None,
        )


def _average(access: Access, item: Item) -> Decimal | None:
    """Seconds that a play takes on the average; None where the app may not ask for this item."""
    try:
        result = calls_of(access).get(_BASE, {"item_id": item.id}).get("result")
    except Refused:
        return None
    value = result.get("avg_play_duration") if isinstance(result, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    text = str(value)
    return Decimal(text) if text.replace(".", "", 1).isdigit() and text.isascii() else None


def account_of(access: Access, day: date) -> Figures | None:
    """The account's figures of a day in the last thirty; None where Douyin has none of that day yet.

    Fans may come a day after the rest: then the figures are marked delayed.
    """
    age = (day_of(access.now()) - day).days
    if not 1 <= age <= _ITEM_DAYS:
        return None
    date_type = next(days for days in (7, 15, 30) if age <= days)
    values: dict[str, int | Decimal | None] = {}
    for series in _SERIES:
        row = _row(access, series, day, date_type)
        values |= {metric.name: whole(row.get(field)) for field, metric in series.fields.items()}
    if all(value is None for value in values.values()):
        return None
    return Figures(day, values, _USER, delayed=values["followers_total"] is None)


def _row(access: Access, series: _Series, day: date, date_type: int) -> dict[str, Any]:
    data = calls_of(access).get(f"{_USER}/{series.path}/", {"date_type": date_type})
    rows = data.get("result_list")
    if not isinstance(rows, list):
        raise Unreachable("expected a list of days", platform_code="bad-answer")
    return next((row for row in objects(rows) if row.get("date") == day.isoformat()), {})
