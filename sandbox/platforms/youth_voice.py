"""青年之声: a question-and-answer site of the contract in `docs/reference/youth-voice-api.md`.

An account is a site, known by its bearer token. `posts_per_week` is how many questions its young people ask,
from `founded` on. Switches: `rights` (list), `token_expires_at` (ISO time).
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from sandbox.readers import grown, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "youth_voice"
_PAGE = 50
_TOPICS = ("就业创业", "学业升学", "婚恋交友", "心理健康", "权益维护", "志愿服务", "住房落户", "兴趣社团")
_FINAL_AFTER = timedelta(hours=3)  # a day's figures are final three hours after it ended


class Announcement(BaseModel):
    title: str = Field(min_length=1, max_length=60)
    text: str = Field(min_length=1, max_length=20_000)


@dataclass(frozen=True)
class _Question:
    """One question with its whole life; the site tells what has happened by now."""

    id: str
    topic: str
    asked_at: datetime
    asker: int  # never told
    answers: tuple[tuple[datetime, str, int], ...]  # when, by expert | staff | user, whom
    judged_at: datetime | None
    satisfied: bool
    reopened: bool
    duplicate: bool
    views: int
    pace: float


class _Problem(Exception):
    """An answer as RFC 9457 problem document."""

    def __init__(self, status: int, code: str, title: str, detail: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.document = {"type": "about:blank", "title": title, "status": status, "code": code}
        if detail:
            self.document["detail"] = detail


class _Route(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except _Problem as error:
                problem = error
            except RequestValidationError as error:
                problem = _Problem(422, "invalid", "请求不符合要求", str(error.errors()[0]["loc"]))
            return JSONResponse(problem.document, problem.status, media_type="application/problem+json")

        return told


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    token = f"token-of-{handle}-0123456789"
    return world.add_account(
        SandboxAccount(_PLATFORM, handle, credentials={"token": token}, posts_per_week=21.0)
    )


def router(world: World) -> APIRouter:
    router = APIRouter(prefix="/v1", route_class=_Route)

    async def caller(authorization: str = Header("")) -> SandboxAccount:
        return _caller(world, authorization)

    asking, asked_for = Depends(caller), Depends(_span)

    @router.get("/me")
    async def me(site: SandboxAccount = asking) -> dict[str, Any]:
        return {
            "id": site.account,
            "name": site.account,
            "rights": _rights(site),
            "token_expires_at": site.switches.get("token_expires_at"),
        }

    @router.post("/announcements")
    async def announce(
        new: Announcement,
        idempotency_key: str = Header(min_length=1, max_length=64),
        site: SandboxAccount = asking,
    ) -> JSONResponse:
        _require(site, "announce")
        return _announce(world, site, new, idempotency_key)

    @router.get("/announcements/{name}")
    async def announcement(name: str, site: SandboxAccount = asking) -> dict[str, Any]:
        for item in world.of(_PLATFORM, site.account):
            if name in (item.key, item.remote_id):
                return _told_announcement(world, site, item)
        raise _Problem(404, "unknown-announcement", "没有这条公告")

    @router.get("/announcements")
    async def announcements(span: _Span = asked_for, site: SandboxAccount = asking) -> dict[str, Any]:
        _require(site, "statistics")
        found = [item for item in world.of(_PLATFORM, site.account) if span.holds(item.at)]
        return span.page([_told_announcement(world, site, item) for item in found])

    @router.get("/questions")
    async def questions(span: _Span = asked_for, site: SandboxAccount = asking) -> dict[str, Any]:
        _require(site, "statistics")
        found = _questions(world, site, span.since, span.until)
        return span.page([_told_question(question, world.now()) for question in found])

    @router.get("/days/{day}")
    async def day_figures(day: date, site: SandboxAccount = asking) -> dict[str, Any]:
        _require(site, "statistics")
        return _day(world, site, day)

    return router


def _caller(world: World, authorization: str) -> SandboxAccount:
    for site in world.accounts_of(_PLATFORM):
        if compare_digest(authorization.encode(), f"Bearer {site.credentials['token']}".encode()):
            expires = site.switches.get("token_expires_at")
            if expires and world.now() >= datetime.fromisoformat(expires):
                raise _Problem(401, "token-expired", "令牌已过期")
            return site
    raise _Problem(401, "unknown-token", "令牌无效")


def _rights(site: SandboxAccount) -> list[str]:
    rights: list[str] = site.switches.get("rights", ["announce", "statistics"])
    return rights


def _require(site: SandboxAccount, right: str) -> None:
    if right not in _rights(site):
        raise _Problem(403, "missing-right", "没有权限", right)


def _announce(world: World, site: SandboxAccount, new: Announcement, key: str) -> JSONResponse:
    with world.lock:
        known = world.by_key(_PLATFORM, site.account, key)
        if known is not None:
            known.received += 1
            if (known.title, known.text) != (new.title, new.text):
                raise _Problem(422, "key-reused", "同一个 Idempotency-Key 用于不同内容")
            return JSONResponse(_told_announcement(world, site, known))
        number = f"a{len(world.published) + 1}"
        item = world.publish(
            _PLATFORM,
            site.account,
            remote_id=number,
            title=new.title,
            text=new.text,
            url=f"https://youth.example.org/{site.account}/{number}",
            key=key,
        )
        return JSONResponse(_told_announcement(world, site, item), 201)


def _told_announcement(world: World, site: SandboxAccount, item: Published) -> dict[str, Any]:
    readers = readership(world, site, item, world.now())
    return {
        "id": item.remote_id,
        "key": item.key,
        "state": "published",
        "title": item.title,
        "published_at": _iso(item.at),
        "url": item.url,
        "views": readers.reads,
        "likes": readers.likes,
        "comments": readers.comments,
    }


@dataclass(frozen=True)
class _Span:
    """Beijing days, both included, and where the page begins."""

    since: date
    until: date
    start: int

    def holds(self, at: datetime) -> bool:
        return self.since <= at.astimezone(BEIJING).date() <= self.until

    def page(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        end = self.start + _PAGE
        return {"items": items[self.start : end], "next_cursor": f"c{end}" if end < len(items) else None}


async def _span(since: date, until: date, cursor: str = "c0") -> _Span:
    if until < since or not (cursor[:1] == "c" and cursor[1:].isdecimal()):
        raise _Problem(400, "invalid", "查询区间或游标无效")
    return _Span(since, until, int(cursor[1:]))


def _questions(world: World, site: SandboxAccount, since: date, until: date) -> list[_Question]:
    """What was asked on these days until now; the same whenever it is looked at."""
    now = world.now()
    day = max(since, site.founded.astimezone(BEIJING).date())
    last = min(until, now.astimezone(BEIJING).date())
    found: list[_Question] = []
    with world.lock:
        drawn: dict[date, list[_Question]] = site.state.setdefault("questions", {})
        while day <= last:
            if day not in drawn:
                drawn[day] = _drawn(world, site, day)
            found += (question for question in drawn[day] if site.founded <= question.asked_at <= now)
            day += timedelta(days=1)
    return found


def _drawn(world: World, site: SandboxAccount, day: date) -> list[_Question]:
    draw = world.draw("questions", site.account, day)
    pool = 40 + int(site.posts_per_week * 12)
    asked: list[_Question] = []
    for number in range(int(site.posts_per_week / 7 + draw.random())):
        at = datetime.combine(day, time(7), BEIJING) + timedelta(seconds=draw.randrange(16 * 3600))
        answers = _answers(world, site, at, f"{day}|{number}")
        official = next((when for when, by, _ in answers if by != "user"), None)
        judged = draw.random() < 0.6
        asked.append(
            _Question(
                id=_question_id(world, site, day, number),
                topic=draw.choice(_TOPICS),
                asked_at=at,
                asker=int(pool * draw.random() ** 2),
                answers=answers,
                judged_at=official + timedelta(hours=draw.uniform(1, 60)) if official and judged else None,
                satisfied=draw.random() < min(0.97, 0.72 + 0.08 * site.strength),
                reopened=draw.random() < 0.04,
                duplicate=draw.random() < 0.03,
                views=int(60 * site.strength * draw.lognormvariate(0, 0.8)),
                pace=draw.uniform(0.4, 1.1),
            )
        )
    return sorted(asked, key=lambda question: (question.asked_at, question.id))


def _answers(
    world: World, site: SandboxAccount, asked: datetime, name: str
) -> tuple[tuple[datetime, str, int], ...]:
    draw = world.draw("answers", site.account, name)
    if draw.random() < 0.12 / site.strength:
        return ()
    experts = 6 + int(6 * site.strength)
    answers: list[tuple[datetime, str, int]] = []
    for turn in range(1 + int(draw.expovariate(1.1))):
        hours = draw.lognormvariate(2.3 + 0.9 * turn, 0.9) / site.strength
        by = draw.choices(("expert", "staff", "user"), (45, 35, 20))[0]
        answers.append((asked + timedelta(hours=hours), by, draw.randrange(experts)))
    return tuple(sorted(answers))


def _question_id(world: World, site: SandboxAccount, day: date, number: int) -> str:
    name = f"{world.seed}|{site.account}|{day}|{number}".encode()
    return f"q{int.from_bytes(blake2b(name, digest_size=7).digest()):017d}"


def _told_question(question: _Question, now: datetime) -> dict[str, Any]:
    answers = [answer for answer in question.answers if answer[0] <= now]
    official = next((at for at, by, _ in answers if by != "user"), None)
    judged = question.judged_at is not None and question.judged_at <= now
    views = int(question.views * grown(now - question.asked_at, question.pace))
    return {
        "id": question.id,
        "topic": question.topic,
        "asked_at": _iso(question.asked_at),
        "first_answer_at": _iso(answers[0][0]) if answers else None,
        "first_answer_by": answers[0][1] if answers else None,
        "first_official_answer_at": _iso(official) if official else None,
        "answers": len(answers),
        "likes": views // 25,
        "views": views,
        "satisfied": question.satisfied if judged else None,
        "reopened": judged and question.reopened,
        "duplicate": question.duplicate,
    }


def _day(world: World, site: SandboxAccount, day: date) -> dict[str, Any]:
    """One Beijing day of the site, and the year until its end."""
    now = world.now()
    ended = datetime.combine(day + timedelta(days=1), time(), BEIJING)
    if day < site.founded.astimezone(BEIJING).date() or ended - timedelta(days=1) > now:
        raise _Problem(404, "no-figures", "这一天没有数据")
    year = _questions(world, site, date(day.year, 1, 1), day)
    asked = [question for question in year if question.asked_at >= ended - timedelta(days=1)]
    recent = _questions(world, site, day - timedelta(days=90), day)
    horizon = min(ended, now)
    answered = _answered(recent, ended - timedelta(days=1), horizon)
    views = world.draw("views", site.account, day).lognormvariate(6.0 + 0.3 * site.strength, 0.3)
    return {
        "date": day.isoformat(),
        "final": now >= ended + _FINAL_AFTER,
        "views": int(views),
        "questions": len(asked),
        "answers": len(answered),
        "likes": int(views / 40),
        "distinct_askers": len({question.asker for question in asked}),
        "active_experts": len(_experts(answered)),
        "distinct_askers_ytd": len({question.asker for question in year}),
        "active_experts_ytd": len(
            _experts(_answered(year, datetime(day.year, 1, 1, tzinfo=BEIJING), horizon))
        ),
    }


def _answered(questions: list[_Question], since: datetime, until: datetime) -> list[tuple[str, int]]:
    """Every answer given from `since` until just before `until`: by what kind of person, and whom."""
    return [(by, who) for question in questions for at, by, who in question.answers if since <= at < until]


def _experts(answered: list[tuple[str, int]]) -> set[int]:
    return {who for by, who in answered if by == "expert"}


def _iso(at: datetime) -> str:
    return at.astimezone(BEIJING).isoformat(timespec="seconds")
