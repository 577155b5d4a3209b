"""The program that answers below `/api/v1`, and its description in OpenAPI 3.1."""

import json
from copy import deepcopy
from functools import cache
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from web.access import ruled
from web.api import (
    accounts,
    articles,
    award_acts,
    awards,
    campaign_acts,
    campaigns,
    connectors,
    coverage,
    deliveries,
    figures,
    imports,
    indices,
    jobs,
    keys,
    ledger,
    me,
    media,
    people,
    posts,
    queue,
    reports,
    reviews,
    robots,
    roles,
    tasks,
    units,
    webhooks,
)
from web.api.call import Office
from web.api.examples import EXAMPLES
from web.api.pace import Pace
from web.api.problems import Problem, add_handlers
from web.api.sizes import Capped
from web.desk import Desk

PREFIX = "/api/v1"
VERSION = "1"
NOUNS = (
    *(me, units, connectors, accounts, people, roles, keys, posts, media, reviews, deliveries, tasks),
    *(campaigns, campaign_acts, queue, articles, figures, coverage, imports, reports, robots, indices),
    *(awards, award_acts, ledger, webhooks),
    jobs,
)
_TOLD = """媒阵的接口:命令行能做的,程序都能做。Anything the command line does, a program can do.

密钥 Key: `Authorization: Bearer mz_…` (`meizhen key add`). 写操作 Writes: `Idempotency-Key`.
改稿 Edits: `If-Match`. 出错 Errors: `application/problem+json`, `code`. 语言 Language: `Accept-Language`.
"""


def api_app(desk: Desk) -> FastAPI:
    """The ASGI program of the API, to be mounted at `PREFIX`."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(Capped)
    app.state.office = Office(desk, Pace(desk.settings.api_per_minute))
    app.router.routes.extend(_routes())
    add_handlers(app)

    @app.get("/openapi.json", include_in_schema=False)
    @ruled(None)
    def openapi() -> Response:
        return Response(_document(), media_type="application/json")

    return app


def _routes() -> list[BaseRoute]:
    return [route for noun in NOUNS for route in noun.noun.router.routes]


@cache
def _document() -> str:
    return json.dumps(describe(), ensure_ascii=False)


def describe() -> dict[str, Any]:
    """The API in OpenAPI 3.1: every route with its act, its refusals and an example."""
    first = {
        noun.noun.name: noun for noun in reversed(NOUNS)
    }  # of several files of a noun the first tells it
    first = dict(reversed(first.items()))
    described: dict[str, Any] = get_openapi(
        title="媒阵 Meizhen",
        version=VERSION,
        openapi_version="3.1.0",
        description=_TOLD,
        routes=_routes(),
        servers=[{"url": PREFIX}],
        tags=[{"name": name, "description": _said(noun)} for name, noun in first.items()],
    )
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(own.pop("$defs", {}))
    schemas["Problem"] = own
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    described["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "meizhen key add"}
    }
    described["security"] = [{"key": []}]
    for operation in (one for path in described["paths"].values() for one in path.values()):
        _add_example(operation)
    return described


def _add_example(operation: dict[str, Any]) -> None:
    # Copies: whoever reads a description may change it.
    asked, given = EXAMPLES.get(operation["operationId"], (None, None))
    if asked is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = deepcopy(asked)
    if given is not None:
        for status, response in operation["responses"].items():
            if status.startswith("2"):
                response["content"]["application/json"]["example"] = deepcopy(given)


def _said(module: Any) -> str:
    return str(module.__doc__).partition("\n")[0]
