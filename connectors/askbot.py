"""Askbot question-and-answer sites: their read API; what is written there, a person writes.

Facts from `../shared/platforms/real-servers.md`, section 5, and the program's `views/api_v1.py`. A time is
"epoch seconds as text" made by reading UTC as if it were the site's wall clock: 28,800 too few in Beijing.
Nobody's name or number is kept; who asked and who answers for the organisation is compared and forgotten.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors._assistance import Assistance, checks
from connectors._contract import (
    Access,
    ArticleFigures,
    Asking,
    Connector,
    CredentialField,
    Figures,
    Finding,
    Kind,
    Limits,
    Metric,
    Outgoing,
    Receipt,
    ReceiptState,
    Reconcile,
    Unit,
)
from connectors._errors import Label, NeedsPerson, Unreachable
from connectors._json import line, remote_id, web_address
from connectors._told import beijing_day, count

_ANSWER_TIME = timedelta(hours=72)
_KEPT = timedelta(days=60)
_MOST_PAGES = 1000
_MOST_ANSWERS = 20  # of a question: who answers first is among them
_AHEAD = timedelta(minutes=10)
_READS = Finding(True, Label("接口可读。", "The interface can be read."))
_ZONE = Label("time_zone 应像 Asia/Shanghai 或 UTC。", "time_zone looks like Asia/Shanghai or UTC.")
_ASK_SITE = Label("请站点管理员把 API 设为公开。", "The site's administrator makes its API public.")
_WRONG_ZONE = Label(
    "站点上有“未来”的提问：时区填错了，或站点改好了时间，请把 time_zone 改为 UTC 再看。",
    "The site has a question of the future: the time zone is wrong, or its times were mended (then UTC).",
)
_BY_HAND = Label("请打开网页，用准备好的文字发布。", "Open the page and publish with the prepared text.")


class Askbot(Connector):
    platform = "askbot"
    label = Label("Askbot 问答社区", "Askbot")
    credential_fields = (
        CredentialField(
            "time_zone",
            Label("站点时区（空则 Asia/Shanghai）", "Time zone of the site (Asia/Shanghai if empty)"),
            secret=False,
            required=False,
            pattern=r"[A-Za-z]+(/[A-Za-z_]+){0,2}",
        ),
        CredentialField(
            "officials",
            Label("官方答复人的用户编号，用逗号分开", "User numbers of the official answerers, by commas"),
            secret=False,
            required=False,
            pattern=r"[0-9]{1,9}(,[0-9]{1,9}){0,99}",
        ),
    )
    limits = Limits(title_length=300, title_required=True)
    capabilities = frozenset({"publish", "assisted", "articles"})
    metrics = (
        Metric("read_events", Unit.EVENTS, Kind.CUMULATIVE),
        Metric("answers", Unit.EVENTS, Kind.CUMULATIVE),
        Metric("first_answer_hours", Unit.HOURS, Kind.SNAPSHOT),
        Metric("answered_within_72h", Unit.EVENTS, Kind.SNAPSHOT),
    )
    # A page of thirty questions, and the answers of the new ones.
    asking = Asking(calls=40, calls_an_account_day=0)
    reconcile = Reconcile.NONE
    assistance = Assistance(
        where=Label(
            "请在社区页面上提问或答复,再把链接贴回来。",
            "Ask or answer on the site's page, then paste its link.",
        ),
        checklist=checks(
            ("登录的是本单位的账号", "Signed in with the unit's own account"),
            ("标题、正文和标签对", "Title, text and tags are right"),
        ),
    )

    def check(self, access: Access) -> tuple[Finding, ...]:
        _zone(access)
        newest = next(iter(_questions(access)), None)
        if newest is not None and _time(access, newest) > access.now() + _AHEAD:
            return (_READS, Finding(False, _WRONG_ZONE, _ZONE))
        return (_READS,)

    def explain(self, code: str) -> Label | None:
        return _ASK_SITE if code in ("403", "404") else None

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        """The site has no way in but its form: a person finishes it. That it answers is seen first."""
        _get(access, "info/")
        address = f"{access.api_base.rstrip('/')}/questions/ask/"
        return Receipt(ReceiptState.HANDED_OVER, outgoing.key, address, note=_BY_HAND)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        for item in _questions(access):
            asked = _time(access, item)
            if beijing_day(asked) < since:
                return
            if beijing_day(asked) <= until:
                yield _question(access, item, asked)


def _get(access: Access, path: str, params: dict[str, str | int] | None = None) -> dict[str, Any]:
    url = f"{access.api_base.rstrip('/')}/api/v1/{path}"
    answer = access.http.call("GET", url, writes=False, params=params)
    if answer.status != 200:
        raise answer.failure(access.now())
    return answer.json_object()


def _questions(access: Access) -> Iterator[dict[str, Any]]:
    """Every question, the newest first."""
    seen: set[str] = set()
    for page in range(1, _MOST_PAGES + 1):
        told = _get(access, "questions/", {"sort": "age-desc", "page": page})
        items, pages = told.get("questions"), count(told.get("pages"))
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or pages is None:
            raise Unreachable("expected a list of questions", platform_code="bad-answer")
        for item in items:
            # A question asked meanwhile moves the others: one may come twice.
            if (number := _id(item)) not in seen:
                seen.add(number)
                yield item
        if page >= pages:  # beyond the end the first page comes again
            return
    raise Unreachable("the pages do not end", platform_code="bad-answer")


def _question(access: Access, item: dict[str, Any], asked: datetime) -> ArticleFigures:
    first, official = _answered(access, item)
    values: dict[str, int | Decimal | None] = {
        "read_events": count(item.get("view_count")),
        "answers": count(item.get("answer_count")),
        "first_answer_hours": _hours(asked, first),
    }
    if access.credentials.get("officials"):
        values["answered_within_72h"] = _in_time(asked, official, access.now())
    tags = item.get("tags")
    topic = " ".join(map(str, tags)) if isinstance(tags, list) else ""
    return ArticleFigures(
        remote_id=_id(item),
        title=line(topic, 500),  # the site's own topic, not the asker's words
        published_at=asked,
        figures=(Figures(beijing_day(access.now()), values, "/api/v1/questions"),),
        url=web_address(item.get("url")),
        kind="question",
    )


def _answered(access: Access, item: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """When the first answer came, and the first of an official; the asker's own count for neither."""
    name = f"answered-{_id(item)}"
    officials = set(filter(None, access.credentials.get("officials", "").split(",")))
    kept = access.memory.get(name)
    if kept is not None:
        return _read(kept)
    first = official = None
    for number in _answers(item):
        told = _get(access, f"answers/{number}/")
        who = _author(told)
        if who is None or who == _author(item):
            continue
        at = _time(access, told)
        first = at if first is None else min(first, at)
        if who in officials:
            official = at
            break
        if not officials:
            break
    if official is not None or (first is not None and not officials):
        # Neither can change any more: not asked again.
        access.memory.put(name, _written(first, official), until=access.now() + _KEPT)
    return first, official


def _answers(item: dict[str, Any]) -> list[int]:
    """The numbers of a question's answers, the oldest first: numbers only grow."""
    told = item.get("answer_ids")
    numbers = [count(number) for number in told] if isinstance(told, list) else []
    return sorted(number for number in numbers if number is not None)[:_MOST_ANSWERS]


def _author(told: dict[str, Any]) -> str | None:
    author = told.get("author")
    return remote_id(author.get("id")) if isinstance(author, dict) else None


def _time(access: Access, told: dict[str, Any]) -> datetime:
    """When it was written. The site took UTC for its own wall clock: its distance from UTC is added again.

    Without summer time, as the site's mktime is told.
    """
    said = told.get("added_at")
    if not isinstance(said, str) or not said.isascii() or not said.isdigit() or len(said) > 11:
        raise Unreachable("a time that is no number of seconds", platform_code="bad-answer")
    at = datetime.fromtimestamp(int(said), UTC)
    local = at.astimezone(_zone(access))
    return at + ((local.utcoffset() or timedelta()) - (local.dst() or timedelta()))


def _zone(access: Access) -> ZoneInfo:
    try:
        return ZoneInfo(access.credentials.get("time_zone") or "Asia/Shanghai")
    except (KeyError, ValueError, OSError):
        raise NeedsPerson("no such time zone", platform_code="time-zone", remedy=_ZONE) from None


def _in_time(asked: datetime, answered: datetime | None, now: datetime) -> int | None:
    """1 or 0, and None until 72 hours have passed: early answers alone would show too good a share."""
    if now < asked + _ANSWER_TIME:
        return None
    return int(answered is not None and answered - asked <= _ANSWER_TIME)


def _hours(asked: datetime, answered: datetime | None) -> Decimal | None:
    if answered is None or answered < asked:
        return None
    return (Decimal((answered - asked) // timedelta(seconds=1)) / 3600).quantize(Decimal("0.01"))


def _id(item: dict[str, Any]) -> str:
    found = remote_id(item.get("id"))
    if found is None:
        raise Unreachable("a question without id", platform_code="bad-answer")
    return found


def _written(*moments: datetime | None) -> str:
    return json.dumps([at and at.isoformat() for at in moments])


def _read(kept: str) -> tuple[datetime | None, datetime | None]:
    first, official = (said and datetime.fromisoformat(said) for said in json.loads(kept))
    return first, official


connector = Askbot()
