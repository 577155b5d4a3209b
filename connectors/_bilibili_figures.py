"""What comes back: plays and the rest of each video, the account's fans and videos as of now (section 4)."""

from collections.abc import Iterator
from datetime import date

from connectors._bilibili_archives import archives, public_url
from connectors._bilibili_calls import Calls
from connectors._contract import Access, ArticleFigures, Figures, Kind, Metric, Unit
from connectors._days import day_of
from connectors._errors import Refused
from connectors._json import line, whole

_STAT = "/arcopen/fn/data/arc/stat"
_USER = "/arcopen/fn/data/user/stat"
_HEADLINE = 80


def _article(name: str, field: str) -> tuple[str, Metric]:
    fields = () if field == name else (field,)
    return field, Metric(name, Unit.EVENTS, Kind.CUMULATIVE, fields=fields)


_ARTICLE = dict(
    (
        _article("play_events", "view"),
        _article("bullet_comment", "danmaku"),
        _article("comment", "reply"),
        _article("favourite", "favorite"),
        _article("coin", "coin"),
        _article("share", "share"),
        _article("like", "like"),
    )
)
_ACCOUNT = {
    "follower": Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
    "arc_passed_total": Metric("posts_total", Unit.EVENTS, Kind.SNAPSHOT, "account"),
}
METRICS = (*_ARTICLE.values(), *_ACCOUNT.values())


def articles_of(access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
    """Videos of these days with their counts of now; one that is not public yet or any more has none."""
    today = day_of(access.now())
    for archive in archives(access, since):
        if day_of(archive.at) > until:
            continue
        yield ArticleFigures(
            remote_id=archive.id,
            title=line(archive.title, _HEADLINE),
            published_at=archive.at,
            figures=_counted(access, archive.id, today) if archive.state == 0 else (),
            url=public_url(archive.id),
            original=archive.original,
        )


def _counted(access: Access, archive_id: str, today: date) -> tuple[Figures, ...]:
    try:
        data = Calls(access).get(_STAT, {"resource_id": archive_id})
    except Refused:  # gone since it was listed
        return ()
    return (
        Figures(today, {metric.name: whole(data.get(field)) for field, metric in _ARTICLE.items()}, _STAT),
    )


def account_today(access: Access, day: date) -> Figures | None:
    """Fans and public videos as of now; None for any other day."""
    if day != day_of(access.now()):
        return None
    data = Calls(access).get(_USER)
    return Figures(day, {metric.name: whole(data.get(field)) for field, metric in _ACCOUNT.items()}, _USER)
