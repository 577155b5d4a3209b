"""Figures: the new article family and the account's days (sheet section 9, metrics-map.md).

The old six interfaces are switched off (47009) and never called. Every figure counts people unless its
metric says otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from connectors._contract import ArticleFigures, Figures, Kind, Metric, Unit
from connectors._errors import ConnectorError, Throttled, Unauthorised
from connectors._wechat_api import WeChatApi, code_of, number, objects, text
from connectors._wechat_codes import BEIJING

Row = Mapping[str, Any]

FIRST_DAY = date(2025, 11, 1)  # the new family has nothing before
_ARTICLES = "getarticletotaldetail"
_ACCOUNT = "getbizsummary+getusersummary+getusercumulate"
_ALL_SCENES = "全部"  # the total among the parts: never added to them
_ALL_SOURCES = 99_999_999  # the same among the sources of readers and followers
_NO_COMMENTS = 88_000
_COMMENTS, _MUTED = "comments", "none"


@dataclass(frozen=True)
class _Field:
    """A field of WeChat's and what we call it; `factor` turns its unit into ours."""

    theirs: str
    metric: Metric
    factor: int = 1


def _article(theirs: str, name: str, unit: Unit = Unit.PEOPLE, factor: int = 1) -> _Field:
    return _Field(theirs, Metric(name, unit, Kind.CUMULATIVE), factor)


def _account(theirs: str, name: str, unit: Unit = Unit.PEOPLE) -> _Field:
    return _Field(theirs, Metric(name, unit, Kind.PER_DAY, "account"))


_ARTICLE_FIELDS = (
    _article("read_user", "read_people"),
    _article("share_user", "share"),
    _article("zaikan_user", "recommend_heart"),  # 在看: the heart
    _article("like_user", "like"),  # the thumb
    _article("comment_count", "comment", Unit.EVENTS),
    _article("collection_user", "favourite"),
    _article("praise_money", "tip_money", Unit.MONEY),
    _article("read_subscribe_user", "follow_from_post"),
    _article("read_delivery_rate", "delivered_rate", Unit.RATE),
    _article("read_finish_rate", "finish_rate", Unit.RATE),
    _article("read_avg_activetime", "avg_time_s", Unit.SECONDS, 60),  # they give minutes
)
# Where readers came from. Names that no list has are kept with `其他`: no reader is lost.
_SCENES = {
    "公众号消息": "read_from_message",
    "聊天会话": "read_from_chat",
    "好友转发": "read_from_chat",
    "朋友圈": "read_from_moments",
    "公众号主页": "read_from_profile",
    "历史消息": "read_from_profile",
    "推荐": "read_from_feed",
    "看一看": "read_from_feed",
    "搜一搜": "read_from_search",
}
_OTHER_SCENES = "read_from_other"
_SCENE_METRICS = tuple(dict.fromkeys((*_SCENES.values(), _OTHER_SCENES)))
_ACCOUNT_FIELDS = (
    _account("read_user", "account_read_people"),
    _account("share_user", "share"),
    _account("zaikan_user", "recommend_heart"),
    _account("like_user", "like"),
    _account("comment_count", "comment", Unit.EVENTS),
    _account("collection_user", "favourite"),
    _account("redirect_ori_page_user", "original_link_people"),
    _account("send_page_count", "posts_published", Unit.EVENTS),
)
_NEW = Metric("followers_new", Unit.PEOPLE, Kind.PER_DAY, "account")
_LOST = Metric("followers_lost", Unit.PEOPLE, Kind.PER_DAY, "account")
_TOTAL = Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account")

METRICS = (
    *(field.metric for field in _ARTICLE_FIELDS),
    *(Metric(name, Unit.PEOPLE, Kind.CUMULATIVE) for name in _SCENE_METRICS),
    *(field.metric for field in _ACCOUNT_FIELDS),
    _NEW,
    _LOST,
    _TOTAL,
)


def articles(api: WeChatApi, since: date, until: date) -> Iterator[ArticleFigures]:
    """Every article published on these Beijing days, with its cumulative rows; one call a day.

    Days that WeChat has not computed are not asked for: the last is yesterday. An article with fewer than
    three readers is not given: unknown, not 0. No comments of an account that may not have any are unknown.
    """
    muted: bool | None = None
    day, last = max(since, FIRST_DAY), min(until, _yesterday(api))
    while day <= last:
        answer = _ask(api, _ARTICLES, day)
        for item in objects(answer.get("list")):
            if muted is None and _has_no_comments(item):
                muted = _may_not_comment(api, text(item.get("msgid")))
            found = _article_figures(item, day, delayed=answer.get("is_delay") is True, muted=bool(muted))
            if found is not None:
                yield found
        day += timedelta(days=1)


def account_day(api: WeChatApi, day: date) -> Figures | None:
    """The account's own figures of a Beijing day; None for today and later, and where there is nothing."""
    if day > _yesterday(api):
        return None
    answers = [_ask(api, "getbizsummary", day)] if day >= FIRST_DAY else []
    changes = _ask(api, "getusersummary", day)
    totals = _ask(api, "getusercumulate", day)
    values: dict[str, int | Decimal | None] = {}
    for row in (row for answer in answers for row in objects(answer.get("list")) if _is_of(row, day)):
        detail = row.get("detail")
        values |= _values(detail if isinstance(detail, dict) else {}, _ACCOUNT_FIELDS)
    rows = _parts([row for row in objects(changes.get("list")) if _is_of(row, day)])
    values[_NEW.name] = _sum(rows, "new_user")
    values[_LOST.name] = _sum(rows, "cancel_user")
    values[_TOTAL.name] = _follower_total(objects(totals.get("list")), day)
    if all(value is None for value in values.values()):
        return None
    delayed = any(answer.get("is_delay") is True for answer in (*answers, changes, totals))
    return Figures(day, values, _ACCOUNT, delayed)


def _ask(api: WeChatApi, name: str, day: date) -> dict[str, Any]:
    """One interface's answer for one day; they are not under /cgi-bin."""
    return api.post(f"/datacube/{name}", {"begin_date": day.isoformat(), "end_date": day.isoformat()})


def _yesterday(api: WeChatApi) -> date:
    return api.access.now().astimezone(BEIJING).date() - timedelta(days=1)


def _has_no_comments(item: Row) -> bool:
    return any(number(row.get("comment_count")) == 0 for row in objects(item.get("detail_list")))


def _may_not_comment(api: WeChatApi, msgid: str) -> bool:
    """Is the account without 留言? Asked once a month; taken to have them where WeChat does not say."""
    memory = api.access.memory
    known = memory.get(_COMMENTS)
    if known is not None:
        return known == _MUTED
    body = {"msg_data_id": number(msgid.partition("_")[0]), "index": 0, "begin": 0, "count": 1, "type": 0}
    try:
        told = code_of(api.post("/cgi-bin/comment/list", body, allow=(_NO_COMMENTS,)))
    except (Throttled, Unauthorised):
        raise
    except ConnectorError:
        return False
    muted = told == _NO_COMMENTS
    memory.put(_COMMENTS, _MUTED if muted else "open", until=api.access.now() + timedelta(days=30))
    return muted


def _article_figures(item: Row, day: date, *, delayed: bool, muted: bool = False) -> ArticleFigures | None:
    msgid = text(item.get("msgid"))
    if not msgid:
        return None
    published = _day(item.get("ref_date")) or day
    rows = ((_day(row.get("stat_date")), row) for row in objects(item.get("detail_list")))
    by_day = {as_of: row for as_of, row in rows if as_of is not None}
    return ArticleFigures(
        remote_id=msgid,
        title=text(item.get("title")),
        # Only the day is told: the day's first moment in Beijing stands for it.
        published_at=datetime.combine(published, time(), BEIJING).astimezone(UTC),
        figures=tuple(
            Figures(as_of, _ArticleValues(by_day[as_of], muted=muted), _ARTICLES, delayed)
            for as_of in sorted(by_day)
        ),
        url=text(item.get("content_url")),
        position=_position(msgid),
        kind={0: "pushed", 1: "published"}.get(_publish_type(item), "post"),
    )


class _ArticleValues(Mapping[str, int | Decimal | None]):
    """One day's row of an article under common names, read when asked: most of thirty days nobody stores."""

    _fields: ClassVar[Mapping[str, _Field]] = {field.metric.name: field for field in _ARTICLE_FIELDS}

    def __init__(self, row: Row, *, muted: bool) -> None:
        self._row = row
        self._muted = muted
        self._scenes: Mapping[str, int] | None = None

    def __getitem__(self, name: str) -> int | Decimal | None:
        if name in _SCENE_METRICS:
            if self._scenes is None:
                self._scenes = _readers_by_scene(self._row, self["read_people"])
            return self._scenes.get(name)
        field = self._fields[name]
        if self._muted and name == "comment":
            return None
        value = _value(self._row.get(field.theirs), field)
        return self._reads_of_all_scenes() if value is None and name == "read_people" else value

    def __iter__(self) -> Iterator[str]:
        yield from self._fields
        yield from _SCENE_METRICS

    def __len__(self) -> int:
        return len(self._fields) + len(_SCENE_METRICS)

    def _reads_of_all_scenes(self) -> int | None:
        scenes = objects(self._row.get("read_user_source"))
        totals = (scene for scene in scenes if scene.get("scene_desc") == _ALL_SCENES)
        return next((number(scene.get("user_count")) for scene in totals), None)


def _readers_by_scene(row: Row, whole: object) -> dict[str, int]:
    """Readers by where they came from; a scene that is not told is 0 only where the others are the whole."""
    told: dict[str, int] = {}
    for scene in objects(row.get("read_user_source")):
        name, count = text(scene.get("scene_desc")), number(scene.get("user_count"))
        if name != _ALL_SCENES and count is not None and count >= 0:
            metric = _SCENES.get(name, _OTHER_SCENES)
            told[metric] = told.get(metric, 0) + count
    if told and isinstance(whole, int) and sum(told.values()) >= whole:
        return dict.fromkeys(_SCENE_METRICS, 0) | told
    return told


def _values(row: Row, fields: tuple[_Field, ...]) -> dict[str, int | Decimal | None]:
    return {field.metric.name: _value(row.get(field.theirs), field) for field in fields}


def _value(given: object, field: _Field) -> int | Decimal | None:
    """A count as int, a rate or a time as Decimal, negative or unreadable as unknown."""
    if field.metric.unit in (Unit.RATE, Unit.SECONDS):
        fraction = given if isinstance(given, Decimal) else number(given)
        found = None if fraction is None else Decimal(fraction) * field.factor
        return found if found is not None and found.is_finite() and found >= 0 else None
    count = number(given)
    return count if count is not None and count >= 0 else None


def _parts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without the total that may stand among them; the total where it stands alone."""
    parts = [row for row in rows if number(row.get("user_source")) != _ALL_SOURCES]
    return parts or rows


def _sum(rows: list[dict[str, Any]], name: str) -> int | None:
    """The sum over the sources; None where no row is known."""
    counts = [count for row in rows if (count := number(row.get(name))) is not None]
    return sum(counts) if counts else None


def _follower_total(rows: list[dict[str, Any]], day: date) -> int | None:
    return next((number(row.get("cumulate_user")) for row in rows if _is_of(row, day)), None)


def _is_of(row: Row, day: date) -> bool:
    return _day(row.get("ref_date")) == day


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(text(value))
    except ValueError:
        return None


def _position(msgid: str) -> int | None:
    """`<msg_data_id>_<idx from 1>`; None for an id of another shape."""
    _, mark, idx = msgid.rpartition("_")
    return int(idx) if mark and idx.isascii() and idx.isdigit() and 0 < len(idx) < 4 else None


def _publish_type(item: Row) -> int:
    """0 pushed to followers, 1 not; -1 where it is not told."""
    kind = number(item.get("publish_type"))
    return -1 if kind is None else kind
