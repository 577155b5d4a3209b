"""The whole OpenAPI asked by schemathesis: no fault of ours, nothing that the description does not tell."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from api_caller import Answered, Caller
from api_scene import Scene
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.transport import Response
from undone import Undone

from web.api.app import describe

# 0 answers 5xx, 0 undocumented: statuses, content types, headers and bodies are those that OpenAPI tells.
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_HOST = "http://127.0.0.1"


@schemathesis.serializer("video/mp4")
def _film(_context: schemathesis.SerializationContext, value: Any) -> dict[str, bytes]:
    """The body as it is."""
    return {"data": value if isinstance(value, bytes) else str(value).encode()}


@contextmanager
def taken_back(scene: Scene) -> Iterator[Undone]:
    """The scene's API works on a database that `back()` sets back."""
    desk, database = scene.house.desk, scene.house.database
    undone = Undone(database)
    object.__setattr__(desk, "database", undone)
    try:
        yield undone
    finally:
        undone.end()
        object.__setattr__(desk, "database", database)


def ask_everything(scene: Scene, token: str, each: int, number: int) -> Counter[int]:
    """So many cases of every operation that fit its description, and as many that do not; by status."""
    schema = schemathesis.openapi.from_dict(describe())
    checks = [check for check in CHECKS.get_all() if check.__name__ in _CHECKS]
    assert len(checks) == len(_CHECKS)
    caller, statuses = Caller(scene.house.app, token, prefix=""), Counter[int]()
    operations = [found.ok() for found in schema.get_all_operations()]
    with taken_back(scene) as undone:
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                strategy = operation.as_strategy(generation_mode=mode)

                @seed(number)
                @settings(
                    max_examples=each,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=strategy, place=st.sampled_from([None, *scene.facts]))
                def ask(case: schemathesis.Case, place: str | None) -> None:
                    if place is not None:
                        _about(case, scene.facts[place])
                    answer, response = _answered(caller, case)
                    undone.back()
                    statuses[answer.status] += 1
                    case.validate_response(response, checks=checks)

                ask()
    return statuses


def _about(case: schemathesis.Case, facts: Mapping[str, object]) -> None:
    """The case asks about something that is there."""
    for name in case.path_parameters or {}:
        if name in facts:
            case.path_parameters[name] = facts[name]
    if isinstance(case.body, dict) and "accounts" in case.body:
        case.body["accounts"] = [facts["account"]]


def _answered(caller: Caller, case: schemathesis.Case) -> tuple[Answered, Response]:
    request = requests.Request(**case.as_transport_kwargs(base_url=_HOST)).prepare()
    parts = urlsplit(str(request.url))
    body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
    headers = {name: _text(value) for name, value in request.headers.items()}
    headers.pop("Authorization", None)  # whoever has no key is told 401 and nothing else
    answer = caller.call(
        str(request.method), parts.path, raw=body, headers=headers, raw_query=parts.query.encode()
    )
    told = {name: [value] for name, value in answer.headers.items()}
    return answer, Response(answer.status, told, answer.raw, request, 0.01, verify=False)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
