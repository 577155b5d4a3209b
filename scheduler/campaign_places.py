"""Who may do what with a campaign: it is changed at its unit, and seen there and by every unit in it."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from config.errors import MeizhenError
from organisation import Act, Place, Standing, Unit, may, not_allowed, require, sees
from scheduler.campaign_tables import Campaign, CampaignUnit, CampaignWork


def require_campaign(session: Session, person: Standing, campaign_id: int, act: Act) -> str:
    """May they do this with the campaign? Gives the path of its unit.

    Raises as `organisation.require`; a campaign that is not there is out of sight.
    """
    path = path_of_campaign(session, campaign_id)
    require(person, act, Place(path))
    return path


def require_sight(session: Session, person: Standing, campaign_id: int, act: Act) -> list[str]:
    """The places whose part of the campaign they may read by this act: its unit with all of it, or the units
    in it that are theirs. Raises as `organisation.require`.
    """
    path = path_of_campaign(session, campaign_id)
    if may(person, act, Place(path)):
        return [path]
    taking = paths_of_campaign(session, campaign_id)
    seen = [one for one in taking if may(person, act, Place(one))]
    if seen:
        return seen
    if any(sees(person, Place(one)) for one in (path, *taking)) and not person.enrolling:
        raise not_allowed(person, act)
    require(person, act, Place(path))
    raise MeizhenError("organisation.out_of_sight")


def path_of_campaign(session: Session, campaign_id: int) -> str:
    """The path of its unit. Raises MeizhenError `organisation.out_of_sight` where there is none."""
    wanted = select(col(Unit.path)).join(Campaign, col(Campaign.unit_id) == col(Unit.id))
    path = session.scalars(wanted.where(col(Campaign.id) == campaign_id)).one_or_none()
    if path is None:
        raise MeizhenError("organisation.out_of_sight")
    return path


def paths_of_campaign(session: Session, campaign_id: int) -> Sequence[str]:
    """The paths of the units that take part."""
    wanted = select(col(Unit.path)).join(CampaignUnit, col(CampaignUnit.unit_id) == col(Unit.id))
    return session.scalars(wanted.where(col(CampaignUnit.campaign_id) == campaign_id)).all()


def path_of_work(session: Session, work_id: int) -> str:
    """The path of the unit that did it. Raises MeizhenError `organisation.out_of_sight`."""
    wanted = select(col(Unit.path)).join(CampaignWork, col(CampaignWork.unit_id) == col(Unit.id))
    path = session.scalars(wanted.where(col(CampaignWork.id) == work_id)).one_or_none()
    if path is None:
        raise MeizhenError("organisation.out_of_sight")
    return path
