"""Who may sign what: a reviewer by their role at every unit of the post, or whoever stands in for them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from config.clock import SHANGHAI
from config.errors import MeizhenError
from config.secrets import KeyRing
from organisation import (
    Account,
    Person,
    PersonState,
    Place,
    Standing,
    Unit,
    may,
    not_allowed,
    record,
    standing_of,
)
from organisation.grants import RoleGrant, standing_in, with_standing
from organisation.permissions import Act, Role, roles_with
from organisation.stages import STAGE_ACTS, Stage
from scheduler.review_tables import Author, Planned, Substitute


@dataclass(frozen=True)
class Signing:
    """A person who signs, and in whose place: mostly their own."""

    person_id: int
    for_person_id: int


def units_of(session: Session, post_id: int) -> list[Unit]:
    """The units of all accounts that a post is planned for."""
    return list(
        session.exec(
            select(Unit)
            .join(Account, col(Account.unit_id) == col(Unit.id))
            .join(Planned, col(Planned.account_id) == col(Account.id))
            .where(Planned.post_id == post_id)
            .distinct()
            .order_by(col(Unit.path))
        )
    )


def places_of_post(session: Session, post_id: int) -> list[Place]:
    """Where a post belongs: an act on it is an act at all these places."""
    return [Place(unit.path) for unit in units_of(session, post_id)]


def authors_of(session: Session, post_id: int) -> set[int]:
    """The people who wrote or changed the post."""
    return set(session.exec(select(Author.person_id).where(Author.post_id == post_id)))


def standing_in_for(session: Session, person: Standing, now: datetime) -> list[Standing]:
    """The people in whose place this one stands today, with what they may."""
    if person.enrolling or session.get_one(Person, person.person_id).state != PersonState.ACTIVE:
        return []
    today = now.astimezone(SHANGHAI).date()
    people = session.exec(
        select(Person)
        .join(Substitute, col(Substitute.person_id) == col(Person.id))
        .where(Substitute.substitute_id == person.person_id, Substitute.until >= today)
        .order_by(col(Person.login))
    )
    return [in_place_of(session, one, person) for one in people]


def in_place_of(session: Session, other: Person, person: Standing) -> Standing:
    """What the other may, done by this person: by a program only what its key may."""
    return replace(standing_of(session, other), scopes=person.scopes)


def may_read(session: Session, person: Standing, places: Sequence[Place], now: datetime) -> bool:
    """May they read a post at these places for review, themselves or in somebody's place?"""
    return reads(session, person, now)(places)


def reads(session: Session, person: Standing | None, now: datetime) -> Callable[[Sequence[Place]], bool]:
    """The same as a question to be asked of many posts; None is the operator, who reads all."""
    if person is None:
        return bool
    both = (person, *standing_in_for(session, person, now))
    return lambda places: bool(places) and any(_everywhere(one, (Act.REVIEW_READ,), places) for one in both)


def signing(
    session: Session,
    person: Standing,
    stage: Stage,
    places: Sequence[Place],
    barred: Iterable[int],
    now: datetime,
) -> Signing:
    """In whose place the person signs this stage: their own before others'.

    `barred` is who may not be signed for: authors, and whoever signed already. Raises MeizhenError
    `review.own_text`, or `organisation.not_allowed` where neither they nor those they stand in for may.
    """
    gone = set(barred)
    if person.person_id in gone:
        raise MeizhenError("review.own_text", login=person.login)
    acts = STAGE_ACTS[stage]
    for one in (person, *standing_in_for(session, person, now)):
        if one.person_id not in gone and _everywhere(one, acts, places):
            return Signing(person.person_id, one.person_id)
    raise not_allowed(person, acts[-1])


def signs(
    session: Session, person: Standing, now: datetime
) -> Callable[[Stage, Sequence[Place], Collection[int]], bool]:
    """`signing` as a question to be asked of many posts: stage, places, who is barred."""
    both = (person, *standing_in_for(session, person, now))

    def may_sign(stage: Stage, places: Sequence[Place], barred: Collection[int]) -> bool:
        if person.person_id in barred or not places:
            return False
        return any(
            one.person_id not in barred and _everywhere(one, STAGE_ACTS[stage], places) for one in both
        )

    return may_sign


def signers(session: Session) -> Callable[[Stage, Sequence[Place], Collection[int]], list[str]]:
    """Whose turn a stage is, as a question to be asked of many posts: stage, places, who is barred.

    People by name. Owners may sign everything: they are named only where nobody else may.
    """
    acts = {act for named in STAGE_ACTS.values() for act in named}
    roles = {role for act in acts for role in roles_with(act)}
    holders = columns(col(RoleGrant.person_id)).where(col(RoleGrant.role).in_(roles))
    asked = columns(col(Person.id), col(Person.name)).select_from(Person)
    by_person: dict[tuple[int, str], list[Row[*tuple[Any, ...]]]] = {}
    for row in session.execute(with_standing(asked.where(col(Person.id).in_(holders)))):
        by_person.setdefault((row[0], row[1]), []).append(row)
    people = [(name, standing_in(rows)) for (_, name), rows in sorted(by_person.items())]

    def whose(stage: Stage, places: Sequence[Place], barred: Collection[int]) -> list[str]:
        may_sign = [
            (name, one)
            for name, one in people
            if places and one.person_id not in barred and _everywhere(one, STAGE_ACTS[stage], places)
        ]
        named = [name for name, one in may_sign if all(held.role is not Role.OWNER for held in one.held)]
        return named or [name for name, _ in may_sign]

    return whose


def _everywhere(person: Standing, acts: Sequence[Act], places: Sequence[Place]) -> bool:
    return any(all(may(person, act, place) for place in places) for act in acts)


def stands_in_somewhere(session: Session, person: Standing, places: Sequence[Place]) -> bool:
    """Does anybody who may read these places name this person? Until when is asked where they act."""
    people = session.exec(
        select(Person)
        .join(Substitute, col(Substitute.person_id) == col(Person.id))
        .where(Substitute.substitute_id == person.person_id)
    )
    return bool(places) and any(
        _everywhere(in_place_of(session, one, person), (Act.REVIEW_READ,), places) for one in people
    )


def name_substitute(
    session: Session,
    keys: KeyRing,
    person: Standing,
    substitute: Person | None,
    *,
    until: date | None,
    now: datetime,
    actor: str,
) -> None:
    """Whoever shall sign in the person's place until the end of `until`; None: nobody any more.

    Raises MeizhenError `review.bad_substitute`: themselves, a day that is past, or somebody who cannot act.
    """
    row = session.get(Substitute, person.person_id)
    if substitute is None:
        if row is not None:
            session.delete(row)
    else:
        today = now.astimezone(SHANGHAI).date()
        if (
            until is None
            or until < today
            or substitute.known_id == person.person_id
            or substitute.state != PersonState.ACTIVE
        ):
            raise MeizhenError("review.bad_substitute", login=substitute.login)
        row = row or Substitute(
            person_id=person.person_id, substitute_id=substitute.known_id, until=until, at=now
        )
        row.substitute_id, row.until, row.at = substitute.known_id, until, now
        session.add(row)
    session.flush()
    details = {"substitute": substitute.login if substitute else None, "until": until}
    record(
        session, keys, at=now, actor=actor, act="review.substitute", subject=person.subject, details=details
    )
