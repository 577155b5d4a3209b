"""密钥 Keys by which programs act for a person; one is shown once, when it is made."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from pydantic import Field

from config.errors import MeizhenError
from organisation import (
    Act,
    ApiKey,
    Person,
    add_key,
    find_key,
    find_person,
    list_keys,
    require_over,
    revoke_key,
)
from organisation.api_keys import MOST_DAYS
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Body, Code, Filter, Line, Told

noun = Noun("keys")

Prefix = Annotated[str, Path(pattern=r"^[a-z0-9]{1,40}$", description="What stands after `mz_`.")]


class KeyShown(Told):
    """A key by its prefix; the key itself is kept as a hash."""

    prefix: str
    person: str
    name: str
    scopes: list[str]
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class KeyMade(KeyShown):
    """A key with its text, which is not shown again."""

    key: str


class KeyList(Told):
    """Keys, newest first."""

    items: list[KeyShown]


class NewKey(Body):
    """A key for a person; no act in it that the caller's own key has not."""

    login: Code
    name: Line
    scopes: Annotated[list[Act], Field(min_length=1, max_length=len(Act))]
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 365


@noun.read("", Act.PERSON_READ)
def list_all(asked: Asked, person: Filter = None) -> KeyList:
    """密钥列表 Keys of the people of the caller's units, those that are no more included."""
    sight = asked.sight()
    of = None
    if person is not None:
        of = find_person(asked.session, person)
        require_over(asked.session, asked.person, of, Act.PERSON_READ)
    found = list_keys(asked.session, person=of, within=sight)
    return KeyList(items=[_shown(key, login) for key, login in found])


@noun.write("POST", "", Act.PERSON_WRITE, status=HTTPStatus.CREATED)
def add(asked: Asked, body: NewKey) -> KeyMade:
    """发密钥 A key for oneself or for somebody over whom one may."""
    person = find_person(asked.session, body.login)
    _over(asked, person)
    for act in body.scopes:
        if not asked.person.in_scope(act):
            raise MeizhenError("organisation.beyond_key", act=act.value)
    key, token = add_key(
        asked.session,
        asked.keys,
        person,
        body.name,
        body.scopes,
        days=body.days,
        at=asked.now,
        actor=asked.actor,
    )
    return KeyMade(**_shown(key, person.login).model_dump(), key=token)


@noun.write("DELETE", "/{prefix}", Act.PERSON_WRITE)
def revoke(asked: Asked, prefix: Prefix) -> KeyShown:
    """吊销密钥 It ends at once."""
    key, person = find_key(asked.session, prefix)
    _over(asked, person)
    if not revoke_key(asked.session, asked.keys, key, at=asked.now, actor=asked.actor):
        raise MeizhenError("key.revoked_already", prefix=prefix)
    asked.session.refresh(key)
    return _shown(key, person.login)


def _over(asked: Asked, person: Person) -> None:
    """Oneself, or somebody over whom one may."""
    asked.everybody()
    if person.id != asked.person.person_id:
        require_over(asked.session, asked.person, person, Act.PERSON_WRITE)
    elif not asked.person.in_scope(Act.PERSON_WRITE):
        raise MeizhenError("organisation.beyond_key", act=Act.PERSON_WRITE.value)


def _shown(key: ApiKey, login: str) -> KeyShown:
    return KeyShown(
        prefix=key.prefix,
        person=login,
        name=key.name,
        scopes=list(key.scopes),
        made_at=key.made_at,
        expires_at=key.expires_at,
        used_at=key.used_at,
        revoked_at=key.revoked_at,
    )
