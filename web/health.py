"""Does the node live, and may it be given work: for supervisors and load balancers."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from config.database import Database, require_newest
from config.errors import MeizhenError
from scheduler.watch import Watchman
from web.access import ruled
from web.problem import problem


def health_router(database: Database, watchman: Watchman) -> APIRouter:
    """`/healthz` asks nothing and answers at once; `/readyz` asks the database for its tables' version."""
    router = APIRouter()

    @router.get("/healthz")
    @ruled(None)
    async def healthz() -> JSONResponse:
        return _answer(list(watchman.failing()))

    @router.get("/readyz")
    @ruled(None)
    def readyz() -> JSONResponse:
        failing = list(watchman.failing())
        if watchman.alarm is not None:
            failing.append("due_but_idle")
        if "database" not in failing:
            try:
                require_newest(database)
            except MeizhenError as error:
                failing.append("database" if error.code == "database.unreachable" else "tables")
        return _answer(failing)

    return router


def _answer(failing: list[str]) -> JSONResponse:
    if failing:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, failing=failing)
    return JSONResponse({"status": "ok"})
