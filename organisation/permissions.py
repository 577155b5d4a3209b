"""Who may do what where: one table of roles and acts, one decision, one filter. What is not given is refused.

A role is held at a unit and holds for all below it, or at the whole house. The decision is pure: it looks at
a person's standing as the database had it just now (`organisation.grants.standing_of`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol, TypeVar

from sqlalchemy import ColumnElement, Select, false, or_, true

from config.database import REACHES
from config.errors import MeizhenError
from config.messages import Words, text
from organisation.units import at_or_below


class Act(StrEnum):
    """What can be done: noun.verb. `read` is to see it."""

    UNIT_READ = "unit.read"
    UNIT_WRITE = "unit.write"
    ACCOUNT_READ = "account.read"
    ACCOUNT_CHECK = "account.check"  # asks the platform, changes nothing
    ACCOUNT_WRITE = "account.write"
    PERSON_READ = "person.read"
    PERSON_WRITE = "person.write"
    ROLE_GRANT = "role.grant"
    ROLE_GRANT_OWNER = "role.grant_owner"  # and everything else that is done to an owner
    POST_READ = "post.read"
    POST_WRITE = "post.write"
    POST_SEND = "post.send"  # into the queue, out of it, and settling what became of it
    CAMPAIGN_READ = "campaign.read"
    CAMPAIGN_WRITE = "campaign.write"  # what it wants of which units, and its end
    MEDIA_READ = "media.read"
    MEDIA_WRITE = "media.write"
    REVIEW_READ = "review.read"
    REVIEW_FIRST = "review.first"
    REVIEW_SECOND = "review.second"
    REVIEW_FINAL = "review.final"
    QUEUE_READ = "queue.read"
    QUEUE_STEER = "queue.steer"
    FIGURES_READ = "figures.read"
    FIGURES_WRITE = "figures.write"
    REPORT_READ = "report.read"
    REPORT_SCHEDULE = "report.schedule"
    WEBHOOK_READ = "webhook.read"
    WEBHOOK_WRITE = "webhook.write"
    AWARD_READ = "award.read"
    AWARD_RUN = "award.run"
    AWARD_JUDGE = "award.judge"
    LEDGER_READ = "ledger.read"
    LEDGER_EXPORT = "ledger.export"
    HOUSE_RUN = "house.run"  # nodes, tables, keys, settings

    @property
    def reads(self) -> bool:
        """Does it change nothing of ours?"""
        return self.value.endswith((".read", ".check", ".export"))


class Role(StrEnum):
    """What somebody is in a unit and all below it."""

    VIEWER = "viewer"
    EDITOR = "editor"
    FIRST_REVIEWER = "first_reviewer"
    SECOND_REVIEWER = "second_reviewer"
    FINAL_REVIEWER = "final_reviewer"
    PUBLISHER = "publisher"
    ANALYST = "analyst"
    JUDGE = "judge"
    ADMINISTRATOR = "administrator"
    OWNER = "owner"


_SEE = frozenset(
    {
        Act.UNIT_READ,
        Act.ACCOUNT_READ,
        Act.POST_READ,
        Act.CAMPAIGN_READ,
        Act.MEDIA_READ,
        Act.REVIEW_READ,
        Act.QUEUE_READ,
        Act.FIGURES_READ,
        Act.REPORT_READ,
        Act.AWARD_READ,
    }
)

ROLE_ACTS: Mapping[Role, frozenset[Act]] = {
    Role.VIEWER: _SEE,
    Role.EDITOR: _SEE | {Act.POST_WRITE, Act.MEDIA_WRITE},
    Role.FIRST_REVIEWER: _SEE | {Act.REVIEW_FIRST},
    Role.SECOND_REVIEWER: _SEE | {Act.REVIEW_SECOND},
    Role.FINAL_REVIEWER: _SEE | {Act.REVIEW_FINAL},
    Role.PUBLISHER: _SEE | {Act.POST_SEND, Act.CAMPAIGN_WRITE, Act.QUEUE_STEER, Act.ACCOUNT_CHECK},
    Role.ANALYST: _SEE | {Act.FIGURES_WRITE, Act.REPORT_SCHEDULE, Act.AWARD_RUN},
    # A judge sees the award and nothing of the house: independence goes both ways.
    Role.JUDGE: frozenset({Act.AWARD_READ, Act.AWARD_JUDGE}),
    Role.ADMINISTRATOR: _SEE
    | {
        Act.UNIT_WRITE,
        Act.ACCOUNT_CHECK,
        Act.ACCOUNT_WRITE,
        Act.PERSON_READ,
        Act.PERSON_WRITE,
        Act.ROLE_GRANT,
        Act.CAMPAIGN_WRITE,
        Act.QUEUE_STEER,
        Act.REPORT_SCHEDULE,
        Act.WEBHOOK_READ,
        Act.WEBHOOK_WRITE,
        Act.LEDGER_READ,
    },
    Role.OWNER: frozenset(Act),
}


class Thing(Protocol):
    """What an act is done to, by where it belongs: a unit's path, '' for the house as a whole."""

    @property
    def path(self) -> str: ...


@dataclass(frozen=True)
class Place:
    """A place of the tree by its path (`organisation.units`)."""

    path: str


HOUSE = Place("")


@dataclass(frozen=True)
class Held:
    """A role at a place: it holds for every path that begins with this one."""

    role: Role
    path: str


@dataclass(frozen=True)
class Standing:
    """A person with the roles they hold at this moment.

    `held` is empty for somebody who is disabled, not yet here, or `enrolling`: one of their roles wants a
    second factor that they have not set up. `scopes` are the only acts that a program may do in the person's
    name (`organisation.api_keys`); None is the person, with all of them.
    """

    person_id: int
    login: str
    held: tuple[Held, ...]
    enrolling: bool = False
    scopes: frozenset[Act] | None = None

    @property
    def subject(self) -> str:
        return f"person:{self.login}"

    def in_scope(self, act: Act) -> bool:
        """Is it one of the acts that are done in the person's name here at all?"""
        return self.scopes is None or act in self.scopes

    def paths_of(self, act: Act) -> list[str]:
        """The places at and below which they may do this."""
        if not self.in_scope(act):
            return []
        return [held.path for held in self.held if act in ROLE_ACTS[held.role]]


def may(person: Standing, act: Act, thing: Thing) -> bool:
    """The one decision: does a role held at or above the thing's place have this act?"""
    return any(thing.path.startswith(path) for path in person.paths_of(act))


def sees(person: Standing, thing: Thing) -> bool:
    """Is the place of the thing within the person's reach at all? Elsewhere nothing exists for them."""
    return any(thing.path.startswith(held.path) for held in person.held)


def may_somewhere(person: Standing, act: Act) -> bool:
    """Is there any place where the person may do this? For lists, which `visible_to` filters."""
    return bool(person.paths_of(act))


def roles_with(act: Act) -> tuple[Role, ...]:
    """The roles that have this act."""
    return tuple(role for role in Role if act in ROLE_ACTS[role])


def require(person: Standing, act: Act, thing: Thing) -> None:
    """Raises MeizhenError where the person may not.

    `organisation.out_of_sight` where the thing does not exist for them (HTTP: 404),
    `organisation.not_allowed` with what is missing where they see it but may not (HTTP: 403),
    `organisation.beyond_key` where they may, but not by this key,
    `organisation.enrol_first` where a second factor is missing.
    """
    if may(person, act, thing):
        return
    if person.enrolling:
        raise MeizhenError("organisation.enrol_first", login=person.login)
    if not sees(person, thing):
        raise MeizhenError("organisation.out_of_sight")
    raise not_allowed(person, act)


def not_allowed(person: Standing, act: Act) -> MeizhenError:
    """The refusal that says which role would have the act, or that the key has not."""
    if not person.in_scope(act):
        return MeizhenError("organisation.beyond_key", act=act.value)
    names = [(role, text(f"organisation.role_{role}")) for role in roles_with(act)]
    told = [role if name.replace(" ", "_") == role else f"{name} {role}" for role, name in names]
    roles = ", ".join(told)
    what = Words("organisation.act_", (act.value.replace(".", "_"),))
    return MeizhenError("organisation.not_allowed", login=person.login, act=act.value, what=what, roles=roles)


def in_sight(person: Standing, act: Act = Act.UNIT_READ) -> ColumnElement[bool]:
    """The condition that a `Unit` row is where the person may do `act`: ranges of the index on its path."""
    return _at_or_below_any(tuple(outermost(set(person.paths_of(act)))))


@lru_cache(maxsize=REACHES)
def _at_or_below_any(paths: tuple[str, ...]) -> ColumnElement[bool]:
    """One object for the same paths: statements made with it can be kept."""
    if "" in paths:
        return true()
    ranges = [at_or_below(path) for path in paths]
    return or_(*ranges) if ranges else false()


_Query = TypeVar("_Query", bound=Select[*tuple[object, ...]])


def visible_to(query: _Query, person: Standing, act: Act = Act.UNIT_READ) -> _Query:
    """The one filter of lists: `query`, which has `Unit` among its tables, without what is out of reach."""
    return query.where(in_sight(person, act))


def outermost(paths: Collection[str]) -> list[str]:
    """The paths without those that lie below another of them."""
    kept: list[str] = []
    for path in sorted(paths):
        if not kept or not path.startswith(kept[-1]):
            kept.append(path)
    return kept
