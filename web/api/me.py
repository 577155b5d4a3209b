"""自己 Who the key acts for, and what it may do."""

from datetime import date, datetime

from config.errors import MeizhenError
from organisation import Act, Person, find_person
from organisation.stages import STAGE_ACTS
from scheduler.review_people import name_substitute
from web.access import SIGNED_IN
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Body, Code, Day, Told

noun = Noun("me")


class HeldRole(Told):
    """A role as it is held; `path` is '' for the whole house."""

    role: str
    path: str


class Me(Told):
    """The key and its person."""

    login: str
    key: str
    name: str
    scopes: list[str]
    roles: list[HeldRole]
    expires_at: datetime


class Standin(Body):
    """Who signs reviews in the caller's place, until the end of a Beijing day."""

    login: Code
    until: Day


class StandinShown(Told):
    """Who does so now; null: nobody."""

    login: str
    substitute: str | None
    until: date | None


@noun.read("", SIGNED_IN)
def show(asked: Asked) -> Me:
    """自己是谁 Who am I."""
    asked.everybody()
    key, person = asked.call.holder.key, asked.person
    return Me(
        login=person.login,
        key=key.prefix,
        name=key.name,
        scopes=[act.value for act in Act if person.in_scope(act)],
        roles=[HeldRole(role=one.role.value, path=one.path) for one in person.held],
        expires_at=key.expires_at,
    )


@noun.write("PUT", "/substitute", SIGNED_IN)
def name(asked: Asked, body: Standin) -> StandinShown:
    """指定代审 Somebody signs reviews in my place until a day."""
    try:
        other = find_person(asked.session, body.login)
    except MeizhenError:  # who is there is told to nobody: as somebody who cannot act
        raise MeizhenError("review.bad_substitute", login=body.login) from None
    return _named(asked, other, body.until)


@noun.write("DELETE", "/substitute", SIGNED_IN)
def end(asked: Asked) -> StandinShown:
    """结束代审 Nobody signs in my place any more."""
    return _named(asked, None, None)


def _named(asked: Asked, other: Person | None, until: date | None) -> StandinShown:
    """A substitute may sign all that the person may, so the key must have all of that."""
    asked.everybody()
    for act in {act for acts in STAGE_ACTS.values() for act in acts}:
        if not asked.person.in_scope(act):
            raise MeizhenError("organisation.beyond_key", act=act.value)
    name_substitute(
        asked.session, asked.keys, asked.person, other, until=until, now=asked.now, actor=asked.actor
    )
    login = None if other is None else other.login
    return StandinShown(login=asked.person.login, substitute=login, until=until)
