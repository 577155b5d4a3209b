"""青年之声: a question-and-answer community run by the organisation, by an open REST contract.

Contract for the site's developers: `docs/reference/youth-voice-api.md`. The site tells figures of questions,
never who asked.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

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
from connectors._errors import ConnectorError, Label
from connectors._http import Answer
from connectors._json import line, remote_id, web_address

_BEIJING = ZoneInfo("Asia/Shanghai")
_ANSWER_TIME = timedelta(hours=72)
_TOKEN_WARNING = timedelta(days=14)
_MOST_PAGES = 1000
_RIGHTS = {
    "announce": Label("发布公告", "publish announcements"),
    "statistics": Label("读取统计数据", "read statistics"),
}
_ASK_SITE = Label(
    "请联系站点管理员开通权限或更换令牌。", "Ask the site's administrator for the right or a new token."
)
_DAY_FIGURES = {
    "read_events": "views",
    "questions": "questions",
    "answers": "answers",
    "like": "likes",
    "askers": "distinct_askers",
    "experts": "active_experts",
    "askers_ytd": "distinct_askers_ytd",
    "experts_ytd": "active_experts_ytd",
}


class YouthVoice(Connector):
    platform = "youth_voice"
    label = Label("青年之声", "Youth Voice")
    credential_fields = (
        CredentialField("token", Label("访问令牌", "Access token"), pattern=r"[\x21-\x7e]{16,512}"),
    )
    limits = Limits(title_length=60, text_length=20_000, title_required=True)
    capabilities = frozenset({"publish", "find", "articles", "account_day"})
    metrics = (
        Metric("read_events", Unit.EVENTS, Kind.CUMULATIVE),
        Metric("like", Unit.EVENTS, Kind.CUMULATIVE),
        Metric("comment", Unit.EVENTS, Kind.CUMULATIVE),
        Metric("answers", Unit.EVENTS, Kind.CUMULATIVE),
        Metric("first_answer_hours", Unit.HOURS, Kind.SNAPSHOT),
        Metric("answered_within_72h", Unit.EVENTS, Kind.SNAPSHOT),
        Metric("satisfied", Unit.EVENTS, Kind.SNAPSHOT),
        Metric("reopened", Unit.EVENTS, Kind.SNAPSHOT),
        Metric("duplicate", Unit.EVENTS, Kind.SNAPSHOT),
        Metric("read_events", Unit.EVENTS, Kind.PER_DAY, "account"),
        Metric("questions", Unit.EVENTS, Kind.PER_DAY, "account"),
        Metric("answers", Unit.EVENTS, Kind.PER_DAY, "account"),
        Metric("like", Unit.EVENTS, Kind.PER_DAY, "account"),
        Metric("askers", Unit.PEOPLE, Kind.PER_DAY, "account"),
        Metric("experts", Unit.PEOPLE, Kind.PER_DAY, "account"),
        Metric("askers_ytd", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
        Metric("experts_ytd", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
    )
    asking = Asking(calls=2)  # announcements and questions, a page each
    reconcile = Reconcile.KEY

    def check(self, access: Access) -> tuple[Finding, ...]:
        me = _get(access, "/v1/me")
        granted = me.get("rights")
        rights = granted if isinstance(granted, list) else []
        return (
            *(_right(label, name in rights) for name, label in _RIGHTS.items()),
            *_expiry(me, access.now()),
        )

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        answer = access.http.call(
            "POST",
            f"{access.api_base}/v1/announcements",
            writes=True,
            json_body={"title": outgoing.title, "text": outgoing.text},
            headers={"Idempotency-Key": outgoing.key, **_bearer(access)},
        )
        return _receipt(access, answer)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        answer = _ask(access, f"/v1/announcements/{outgoing.key}")
        return None if answer.status == 404 else _receipt(access, answer)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        now = access.now()
        for answer, item in _items(access, "/v1/announcements", since, until):
            yield _announcement(answer, item, now)
        for answer, item in _items(access, "/v1/questions", since, until):
            yield _question(answer, item, now)

    def account_day(self, access: Access, day: date) -> Figures | None:
        endpoint = f"/v1/days/{day.isoformat()}"
        answer = _ask(access, endpoint)
        if answer.status == 404:
            return None
        told = _fine(access, answer)
        values = {name: _count(told.get(field)) for name, field in _DAY_FIGURES.items()}
        return Figures(day, values, "/v1/days", delayed=told.get("final") is not True)


def _bearer(access: Access) -> dict[str, str]:
    return {"Authorization": f"Bearer {access.credentials['token']}"}


def _ask(access: Access, path: str, params: Mapping[str, str] | None = None) -> Answer:
    return access.http.call(
        "GET", f"{access.api_base}{path}", writes=False, params=params, headers=_bearer(access)
    )


def _get(access: Access, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
    return _fine(access, _ask(access, path, params))


def _fine(access: Access, answer: Answer) -> dict[str, Any]:
    """The answer's object where it is 2xx, else the error that its problem document tells."""
    if not 200 <= answer.status < 300:
        raise _failure(access, answer)
    return answer.json_object()


def _failure(access: Access, answer: Answer) -> ConnectorError:
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return answer.failure(access.now())
    try:
        problem = answer.json_object()
    except ConnectorError:
        return answer.failure(access.now())
    words = [line(problem[name], 200) for name in ("title", "detail") if problem.get(name)]
    return answer.failure(access.now(), ": ".join(words), line(problem.get("code"), 64))


def _receipt(access: Access, answer: Answer) -> Receipt:
    told = _fine(access, answer)
    if told.get("state") != "published":
        raise answer.bad("expected state published")
    return Receipt(ReceiptState.PUBLISHED, _id(answer, told), web_address(told.get("url")))


def _items(access: Access, path: str, since: date, until: date) -> Iterator[tuple[Answer, dict[str, Any]]]:
    """Every item of a list, page by page. Raises Unreachable where the pages never end."""
    params = {"since": since.isoformat(), "until": until.isoformat()}
    for _ in range(_MOST_PAGES):
        answer = _ask(access, path, params)
        told = _fine(access, answer)
        items, cursor = told.get("items"), told.get("next_cursor")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise answer.bad("expected a list of items")
        yield from ((answer, item) for item in items)
        if cursor is None:
            return
        if not isinstance(cursor, str) or cursor == params.get("cursor"):
            break
        params["cursor"] = cursor
    raise answer.bad("the pages do not end")


def _announcement(answer: Answer, item: dict[str, Any], now: datetime) -> ArticleFigures:
    values = {
        "read_events": _count(item.get("views")),
        "like": _count(item.get("likes")),
        "comment": _count(item.get("comments")),
    }
    return ArticleFigures(
        remote_id=_id(answer, item),
        title=line(item.get("title"), 500),
        published_at=_required_time(answer, item, "published_at"),
        figures=(Figures(now.astimezone(_BEIJING).date(), values, "/v1/announcements"),),
        url=web_address(item.get("url")),
        kind="announcement",
    )


def _question(answer: Answer, item: dict[str, Any], now: datetime) -> ArticleFigures:
    """A duplicate keeps no figures of its own: it must not count as answered, nor as left without answer."""
    asked = _required_time(answer, item, "asked_at")
    duplicate = _flag(item.get("duplicate"))
    values: dict[str, int | Decimal | None] = {"duplicate": duplicate}
    if not duplicate:
        values |= {
            "read_events": _count(item.get("views")),
            "like": _count(item.get("likes")),
            "answers": _count(item.get("answers")),
            "first_answer_hours": _hours(asked, _time(answer, item, "first_answer_at")),
            "answered_within_72h": _answered_in_time(
                asked, _time(answer, item, "first_official_answer_at"), now
            ),
            "satisfied": _flag(item.get("satisfied")),
            "reopened": _flag(item.get("reopened")),
        }
    return ArticleFigures(
        remote_id=_id(answer, item),
        title=line(item.get("topic"), 500),
        published_at=asked,
        figures=(Figures(now.astimezone(_BEIJING).date(), values, "/v1/questions"),),
        url=web_address(item.get("url")),
        kind="question",
    )


def _answered_in_time(asked: datetime, answered: datetime | None, now: datetime) -> int | None:
    """1 or 0, and None until 72 hours have passed: early answers alone would show too good a share."""
    if now < asked + _ANSWER_TIME:
        return None
    return int(answered is not None and answered - asked <= _ANSWER_TIME)


def _hours(asked: datetime, answered: datetime | None) -> Decimal | None:
    if answered is None or answered < asked:
        return None
    return (Decimal((answered - asked) // timedelta(seconds=1)) / 3600).quantize(Decimal("0.01"))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _flag(value: object) -> int | None:
    return int(value) if isinstance(value, bool) else None


def _id(answer: Answer, item: dict[str, Any]) -> str:
    found = remote_id(item.get("id"))
    if found is None:
        raise answer.bad("an item without id")
    return found


def _time(answer: Answer, item: dict[str, Any], name: str) -> datetime | None:
    """A moment with its zone, or None where the site gives null."""
    value = item.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise answer.bad(f"{name} is not a time with zone")
    return moment


def _required_time(answer: Answer, item: dict[str, Any], name: str) -> datetime:
    moment = _time(answer, item, name)
    if moment is None:
        raise answer.bad(f"an item without {name}")
    return moment


def _right(label: Label, granted: bool) -> Finding:
    if granted:
        return Finding(True, Label(f"可以{label.zh}。", f"May {label.en}."))
    return Finding(False, Label(f"没有权限：{label.zh}。", f"May not {label.en}."), _ASK_SITE)


def _expiry(me: dict[str, Any], now: datetime) -> tuple[Finding, ...]:
    """How long the token lives; nothing where the site gives it no end."""
    try:
        ends = datetime.fromisoformat(me["token_expires_at"])
        fine = ends - now > _TOKEN_WARNING
    except (KeyError, TypeError, ValueError):
        return ()
    day = ends.astimezone(_BEIJING).date()
    told = Label(f"令牌 {day} 到期。", f"The token ends on {day}.")
    return (Finding(fine, told, None if fine else _ASK_SITE, ends),)


connector = YouthVoice()
