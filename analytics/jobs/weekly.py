"""The week's report as files, made in the background."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from analytics.exports.week import Week
from analytics.exports.weekly import export_week, wanted_formats
from organisation.job_leases import Entry
from organisation.job_runner import Done, JobKind, Tools, Work
from organisation.jobs import Order, places_of, under
from organisation.permissions import Act, Place, Standing, require
from organisation.units import find_unit

WEEKLY = "report.weekly"


class _WeekGiven(BaseModel):
    """A week, and the unit (its code) where it is not of all that the asker may read."""

    model_config = ConfigDict(extra="forbid")

    week: str
    unit: str | None
    formats: Annotated[list[str], Field(min_length=1)]


def order_week(
    session: Session, week: str, formats: Sequence[str], person: Standing, unit: str | None = None
) -> Order:
    """The report of a week: of a unit and all below it, or of all that the person may read.

    Raises MeizhenError `report.not_a_week`, `report.not_a_format`, or as `organisation.require`.
    """
    given = _WeekGiven(week=str(Week.parse(week)), unit=unit, formats=wanted_formats(formats))
    of = None if unit is None else find_unit(session, unit)
    places = places_of(person, Act.REPORT_READ, of)
    if not places:
        require(person, Act.REPORT_READ, Place("" if of is None else of.path))
    return Order(WEEKLY, given.model_dump(mode="json"), Act.REPORT_READ, places)


class WeeklyExport(JobKind):
    """The files of a week."""

    name = WEEKLY

    def __init__(self, tools: Tools) -> None:
        self._database = tools.database

    def run(self, work: Work, person: Standing) -> Done:
        given = _WeekGiven.model_validate(work.job.arguments)
        made = export_week(
            self._database,
            given.week,
            work.folder,
            unit=given.unit,
            within=under(work.job.places),
            formats=given.formats,
            progress=work.tell,
        )
        files = [path.name for path in made.values()]
        details = {"week": given.week, "unit": given.unit or ""}
        return Done(
            {"files": files}, [Entry("report.weekly", f"report:{name}"[:200], details) for name in files]
        )
