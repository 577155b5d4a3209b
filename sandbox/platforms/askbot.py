"""An Askbot site's read API: questions, answers, and its fault of time.

An account is a site of its own, told apart by nothing: the API is open, so one site a world is asked for by
its prefix. `posts_per_week` is how many questions come, from `founded` on. Switches: `closed` (True: the API
asks for a login); `mended` (True: times are true); `answer` ({"GET /api/v1/info/": [status, text]}).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.readers import ensure_history, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

_PLATFORM = "askbot"
_PAGE = 30
_OFFICIAL = 7
_TOPICS = ("就业创业", "学业升学", "心理健康", "权益维护", "志愿服务")


@dataclass(frozen=True)
class _Answer:
    id: int
    at: datetime
    author: int


def example(world: World, handle: str) -> SandboxAccount:
    """A working account; what its connector needs is in `credentials`."""
    credentials = {"officials": str(_OFFICIAL)}
    return world.add_account(SandboxAccount(_PLATFORM, handle, credentials=credentials, posts_per_week=7.0))


def router(world: World) -> APIRouter:
    router = APIRouter()

    @router.get("/api/v1/{path:path}")
    async def serve(request: Request, path: str) -> JSONResponse:
        with world.lock:
            sites = world.accounts_of(_PLATFORM)
            if not sites:
                return JSONResponse({"error": "no site"}, 404)
            site = sites[0]
            forced = site.switches.get("answer", {}).get(f"GET /api/v1/{path}")
            if forced:
                return JSONResponse({"error": forced[1]}, forced[0])
            if site.switches.get("closed"):
                return JSONResponse({"error": "Authentication required"}, 403)
            told = _told(world, site, path, request)
        return JSONResponse(told or {"error": "not found"}, 200 if told is not None else 404)

    return router


def _told(world: World, site: SandboxAccount, path: str, request: Request) -> dict[str, Any] | None:
    ensure_history(world, site)
    questions = list(reversed(world.of(_PLATFORM, site.account)))
    kind, _, number = path.strip("/").partition("/")
    if kind == "info":
        return {"answers": 0, "questions": len(questions), "comments": 0, "users": 9, "groups": 0}
    if kind == "questions" and not number:
        page, pages = int(request.query_params.get("page", "1")), -(-len(questions) // _PAGE)
        page = page if page <= pages else 1  # beyond the end the first page comes again (source)
        part = questions[(page - 1) * _PAGE : page * _PAGE]
        return {
            "count": len(questions),
            "pages": pages,
            "questions": [_question(world, site, item) for item in part],
        }
    if kind == "answers":
        for item in questions:
            for answer in _answers(world, site, item):
                if str(answer.id) == number:
                    author = {"id": answer.author, "username": f"user{answer.author}"}
                    at = _epoch(site, answer.at)
                    return {"id": answer.id, "added_at": at, "score": 0, "author": author, "summary": "…"}
    return None


def _question(world: World, site: SandboxAccount, item: Published) -> dict[str, Any]:
    draw = world.draw("askbot", item.remote_id)
    answers = _answers(world, site, item)
    asker = 100 + draw.randrange(50)
    return {
        "id": _number(item),
        "added_at": _epoch(site, item.at),
        "answer_count": len(answers),
        "answer_ids": [answer.id for answer in reversed(answers)],
        "view_count": readership(world, site, item, world.now()).reads,
        "score": draw.randrange(-2, 9),
        "last_activity_at": _epoch(site, max([item.at, *(answer.at for answer in answers)])),
        "title": item.title,
        "tags": [draw.choice(_TOPICS)],
        "url": f"https://ask.example.org/question/{_number(item)}/",
        "author": {"id": asker, "username": f"user{asker}"},
    }


def _answers(world: World, site: SandboxAccount, item: Published) -> list[_Answer]:
    """What has been answered by now: the asker may come first, an official may come late or never."""
    draw = world.draw("askbot-answers", item.remote_id)
    asker = 100 + world.draw("askbot", item.remote_id).randrange(50)
    at, found = item.at, []
    for place in range(draw.randrange(0, 4)):
        at += timedelta(hours=draw.uniform(0.5, 40))
        author = asker if draw.random() < 0.2 else _OFFICIAL if draw.random() < 0.6 else 200 + place
        found.append(_Answer(_number(item) * 10 + place, at, author))
    return [answer for answer in found if answer.at <= world.now()]


def _number(item: Published) -> int:
    return int(item.remote_id) % 100_000_000


def _epoch(site: SandboxAccount, at: datetime) -> str:
    """Epoch seconds as text, made of the UTC clock face as if it were the site's own: 28,800 too few."""
    if site.switches.get("mended"):
        return str(int(at.timestamp()))
    return str(int(at.replace(tzinfo=BEIJING).timestamp()))
