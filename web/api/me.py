"""自己 Who the key acts for, and what it may do."""

from datetime import datetime

from organisation import Act
from web.access import SIGNED_IN
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Told

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
