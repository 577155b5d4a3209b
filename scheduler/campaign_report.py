"""Asking for a campaign's closing report: made in the background, of the units that the asker may read."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from config.errors import MeizhenError
from organisation import Act, Standing
from organisation.jobs import Order
from scheduler.campaign_places import path_of_campaign, require_sight

REPORT = "campaign.report"
FORMATS = ("xlsx", "pdf")


class ReportGiven(BaseModel):
    """Which campaign, in which forms."""

    model_config = ConfigDict(extra="forbid")

    campaign: int
    formats: Annotated[list[str], Field(min_length=1)]


def wanted_formats(formats: Sequence[str]) -> list[str]:
    """The forms asked for, in the order of `FORMATS`. Raises MeizhenError `input.not_one_of`."""
    strange = [one for one in formats if one not in FORMATS]
    if strange or not formats:
        received = ", ".join(strange)[:40] or "–"
        raise MeizhenError("input.not_one_of", expected=", ".join(FORMATS), received=received)
    return [one for one in FORMATS if one in formats]


def order_report(
    session: Session, campaign_id: int, person: Standing, formats: Sequence[str] = FORMATS
) -> Order:
    """The report of all of it, or of the person's own units in it. Raises as `require_sight`."""
    places = require_sight(session, person, campaign_id, Act.REPORT_READ)
    given = ReportGiven(campaign=campaign_id, formats=wanted_formats(formats))
    whole = places == [path_of_campaign(session, campaign_id)]
    subject = f"campaign:{campaign_id}" if whole else ""
    return Order(REPORT, given.model_dump(mode="json"), Act.REPORT_READ, places, subject)
