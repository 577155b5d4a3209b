"""What a command is done to: the places and people that its arguments name, which its act is asked for at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from config.errors import MeizhenError
from organisation import (
    Act,
    Place,
    Standing,
    Unit,
    find_account,
    find_key,
    find_person,
    find_unit,
    may_somewhere,
    not_allowed,
    parse_role,
    require,
    require_granting,
    require_over,
)
from organisation.permissions import HOUSE


@dataclass(frozen=True)
class Asked:
    """A command that a person wants to run."""

    session: Session
    person: Standing
    act: Act
    values: Mapping[str, object]

    def told(self, name: str) -> str | None:
        """What an option or argument says; None where it says nothing."""
        value = self.values.get(name)
        return None if value is None or value == "" else str(value)

    def require_at(self, paths: Sequence[str]) -> None:
        """The act at every one of these places, or a refusal; no place at all is nothing to be seen."""
        if not paths:
            raise MeizhenError("organisation.out_of_sight")
        for path in paths:
            require(self.person, self.act, Place(path))


Check = Callable[[Asked], None]


def whole_house(asked: Asked) -> None:
    """The command is about everything there is."""
    require(asked.person, asked.act, HOUSE)


def at_unit(name: str, otherwise: Check = whole_house) -> Check:
    """The unit that an option names."""

    def check(asked: Asked) -> None:
        code = asked.told(name)
        if code is None:
            otherwise(asked)
        else:
            asked.require_at([find_unit(asked.session, code).path])

    return check


def at_account(name: str, otherwise: Check = whole_house) -> Check:
    """The units of the accounts that an option or argument names: one, or several."""

    def check(asked: Asked) -> None:
        value = asked.values.get(name)
        names = [value] if isinstance(value, str) and value else value
        if not isinstance(names, Sequence) or not names:
            otherwise(asked)
            return
        accounts = [find_account(asked.session, str(one)) for one in names]
        ids = {account.unit_id for account in accounts}
        asked.require_at(list(asked.session.exec(select(Unit.path).where(col(Unit.id).in_(ids)))))

    return check


def at_post(name: str, otherwise: Check = whole_house) -> Check:
    """The units of all accounts that the post goes to, or is planned for."""

    def check(asked: Asked) -> None:
        if asked.values.get(name) is None:
            otherwise(asked)
        else:
            asked.require_at(_paths_of_post(asked, name))

    return check


def at_review(name: str) -> Check:
    """The same, or somebody who may do it there has named this person as their substitute."""
    by_role = at_post(name)

    def check(asked: Asked) -> None:
        from scheduler.review_people import stands_in_somewhere

        try:
            by_role(asked)
        except MeizhenError:
            places = [Place(path) for path in _paths_of_post(asked, name)]
            if not stands_in_somewhere(asked.session, asked.person, places):
                raise

    return check


def at_task(name: str) -> Check:
    """The unit of the account that the task is for; whoever answers for the task may it as well."""

    def check(asked: Asked) -> None:
        from scheduler.assisted_tasks import require_task

        task = asked.values.get(name)
        if not isinstance(task, int):
            raise MeizhenError("organisation.out_of_sight")
        require_task(asked.session, asked.person, task, asked.act)

    return check


def at_campaign(name: str) -> Check:
    """The unit of the campaign."""

    def check(asked: Asked) -> None:
        from scheduler.campaign_places import path_of_campaign

        campaign = asked.values.get(name)
        if isinstance(campaign, int):
            asked.require_at([path_of_campaign(asked.session, campaign)])
        else:
            whole_house(asked)

    return check


def in_campaign(name: str) -> Check:
    """The unit of the campaign, or any unit that takes part in it: the command shows what is in sight."""

    def check(asked: Asked) -> None:
        from scheduler.campaign_places import require_sight

        campaign = asked.values.get(name)
        if isinstance(campaign, int):
            require_sight(asked.session, asked.person, campaign, asked.act)
        else:
            whole_house(asked)

    return check


def at_work(name: str) -> Check:
    """The unit that says it has done something for a campaign."""

    def check(asked: Asked) -> None:
        from scheduler.campaign_places import path_of_work

        work = asked.values.get(name)
        if isinstance(work, int):
            asked.require_at([path_of_work(asked.session, work)])
        else:
            whole_house(asked)

    return check


def at_webhook(name: str) -> Check:
    """The unit of the webhook that an argument names."""

    def check(asked: Asked) -> None:
        from organisation.webhooks import place_of_webhook

        told = asked.told(name)
        if told is None:
            whole_house(asked)
        else:
            asked.require_at([place_of_webhook(asked.session, told)])

    return check


def at_message(name: str) -> Check:
    """The unit of the webhook that a message was for."""

    def check(asked: Asked) -> None:
        from organisation.webhook_messages import find_message

        told = asked.told(name)
        if told is None:
            whole_house(asked)
            return
        _, webhook = find_message(asked.session, told)
        asked.require_at([asked.session.get_one(Unit, webhook.unit_id).path])

    return check


def _paths_of_post(asked: Asked, name: str) -> list[str]:
    from scheduler.posts_read import paths_of_post

    post = asked.values.get(name)
    return paths_of_post(asked.session, post) if isinstance(post, int) else []


def filtered(asked: Asked) -> None:
    """The command itself shows only what is in sight (`House.sight`)."""
    if not may_somewhere(asked.person, asked.act):
        raise not_allowed(asked.person, asked.act)


def over_person(*names: str) -> Check:
    """The people that arguments name, with everything they are."""

    def check(asked: Asked) -> None:
        for name in names:
            person = find_person(asked.session, str(asked.values[name]))
            require_over(asked.session, asked.person, person, asked.act)

    return check


def own_or_over(name: str) -> Check:
    """The person who acts, or the one that an argument names, with everything they are."""
    other = over_person(name)

    def check(asked: Asked) -> None:
        if find_person(asked.session, str(asked.values[name])).id != asked.person.person_id:
            other(asked)

    return check


def over_key(name: str) -> Check:
    """The person whose key an argument names: themselves, or somebody who may over them."""

    def check(asked: Asked) -> None:
        _, person = find_key(asked.session, str(asked.values[name]))
        if person.id != asked.person.person_id:
            require_over(asked.session, asked.person, person, asked.act)

    return check


def giving_role(asked: Asked) -> None:
    """A role that is given or taken, at the unit that is named or everywhere."""
    unit = asked.told("unit")
    require_granting(
        asked.person,
        find_person(asked.session, str(asked.values["login"])),
        parse_role(str(asked.values["role"])),
        None if unit is None else find_unit(asked.session, unit),
    )
