"""Refusals as `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi.responses import JSONResponse


def problem(
    status: HTTPStatus, *, failing: Sequence[str] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """What a program reads of a refusal; `failing` names the parts that do not live."""
    content: dict[str, object] = {"title": status.phrase, "status": status.value}
    if failing:
        content["failing"] = list(failing)
    return JSONResponse(content, status, headers, media_type="application/problem+json")
