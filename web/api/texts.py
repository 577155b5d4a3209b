"""What may stand in a request's fields: texts are kept as they came, byte for byte, or refused."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer, StringConstraints

from scheduler.outgoing import has_control

_FIRST, _END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)


class Body(BaseModel):
    """A request's body: what it does not know is refused, not left out."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """Part of an answer: made from a domain's fact, field by field."""

    model_config = ConfigDict(from_attributes=True)


def _plain(told: str) -> str:
    if has_control(told):
        raise ValueError("expected no control characters")
    return told


def _line(told: str) -> str:
    if not told.isprintable() or told != told.strip():
        raise ValueError("expected one printable line without blanks at its ends")
    return told


def _trimmed(told: str) -> str:
    if told != told.strip():
        raise ValueError("expected no blanks at the ends")
    return _plain(told)


def _in_range(at: datetime) -> datetime:
    if not _FIRST <= at < _END:
        raise ValueError("expected a moment from 2000 to 2899")
    return at.astimezone(UTC)


def _in_years(day: date) -> date:
    if not _FIRST.date() <= day < _END.date():
        raise ValueError("expected a day from 2000 to 2899")
    return day


Figure = Annotated[Decimal, PlainSerializer(lambda value: f"{value:f}", return_type=str)]
"""A number as a text, in full: no exponent."""

Words = Annotated[str, StringConstraints(max_length=200_000), AfterValidator(_plain)]
"""A text of several lines."""

Title = Annotated[str, StringConstraints(max_length=300), AfterValidator(_plain)]

Line = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_line)]
"""A name or another single line."""

Aside = Annotated[str, StringConstraints(max_length=200), AfterValidator(_line)]
"""A single line that may be empty."""

Code = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_line)]
"""What names a thing: a unit's code, a login, platform:handle."""

Reason = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_trimmed)]
"""Why somebody did it, for the ledger."""

Moment = Annotated[AwareDatetime, AfterValidator(_in_range)]
"""A moment with its zone."""

Day = Annotated[date, AfterValidator(_in_years)]
"""A Beijing day."""

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""The number of a thing in a path."""

Name = Annotated[str, Path(min_length=1, max_length=200), AfterValidator(_line)]
"""What names a thing in a path."""

Filter = Annotated[Code | None, Query()]
"""What a list is narrowed to."""

Since = Annotated[Moment | None, Query(description="From this moment on.")]
Until = Annotated[Moment | None, Query(description="Until this moment.")]
