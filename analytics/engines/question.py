"""What is asked of years of figures, and how its values may be put together: by kind and unit, never else.

| figure of         | kind, unit             | one value for each                | put together          |
|-------------------|------------------------|-----------------------------------|-----------------------|
| an article        | cumulative, a count    | article: the newest, or at an age | added                 |
| an article        | rate, seconds          | article, likewise                 | mean by `read_people` |
| an article        | hours                  | article, likewise                 | mean                  |
| an article        | per day                | article and day                   | as an account's       |
| an account's day  | per day, events, money | account and day                   | added                 |
| an account's day  | per day, people        | account and day                   | mean: never added     |
| an account's day  | snapshot, cumulative   | account (and month): the last day | added                 |

Where several sources tell one figure, the platform's word goes before files, those before what was typed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from analytics.selection import FigureKind
from config.errors import MeizhenError

WEIGHT = "read_people"
"""The figure of the same article by which rates are weighted."""

COUNTS = ("people", "events", "fen")
"""Units whose values are whole numbers."""


class By(StrEnum):
    """What a row of the answer is about."""

    ACCOUNT = "account"
    UNIT = "unit"
    PLATFORM = "platform"
    MONTH = "month"
    WEEK = "week"  # an account's week


class Together(StrEnum):
    """How the values of a group become one."""

    SUM = "sum"
    MEAN = "mean"
    WEIGHTED = "weighted"


class Choice(StrEnum):
    """Which of several figures counts."""

    NEWEST = "newest"  # by source, then the newest
    LAST = "last"  # the newest day, then by source
    WEEK_END = "week_end"  # by source, then the one as of the week's Sunday, else the first of 7 days after


@dataclass(frozen=True)
class Meaning:
    """What a name counts on a platform."""

    counts: str  # people, events, rate, seconds, hours, fen
    kind: str  # cumulative, per_day, snapshot


@dataclass(frozen=True)
class Question:
    """A metric of some days and platforms. All platforms' values are put together in one way (`Plan`).

    `meanings`: platform → what the name counts there. `since` and `until` bound the day of publishing, or the
    account's day, both included. `units` are codes. `age` asks articles at the same days after publishing.
    `limit` keeps the places up to it; equal values at the limit are all kept.
    """

    metric: str
    meanings: Mapping[str, Meaning]
    since: date
    until: date
    level: FigureKind = "articles"
    by: By = By.ACCOUNT
    age: int | None = None
    units: Sequence[str] | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Plan:
    """A question with its rule.

    `entity` names the columns that one value stands for, `groups` those of a row of the answer, `contest`
    those inside which places are given. Values come out as whole numbers of 10 ** -places.
    """

    question: Question
    choice: Choice
    together: Together
    entity: tuple[str, ...]
    groups: tuple[str, ...]
    contest: tuple[str, ...]
    places: int

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names that must be read."""
        weight = (WEIGHT,) if self.together is Together.WEIGHTED else ()
        return (self.question.metric, *weight)

    @property
    def is_whole(self) -> bool:
        """Whether all that is read are whole counts, so that no row need be asked which it is."""
        return self.places != 6

    @property
    def adds_days(self) -> bool:
        """Whether an account's days are added up: then a missing day is a hole in the sum."""
        days = self.question.level == "account_days" and "as_of" in self.entity
        return days and self.together is Together.SUM


_GROUPS = {
    By.ACCOUNT: ("platform", "account"),
    By.UNIT: ("platform", "unit"),
    By.PLATFORM: ("platform",),
    By.MONTH: ("platform", "month"),
    By.WEEK: ("platform", "account", "week"),
}


def plan(question: Question) -> Plan:
    """The question's rule.

    Raises MeizhenError: `engine.several_rules` where platforms' figures of this name are put together
    differently, `engine.no_weight` for rates without the readers to weight them, `engine.age_of_a_day` for an
    age of what has none.
    """
    rules = {_rule(question, meaning) for meaning in question.meanings.values()}
    if len(rules) != 1:
        platforms = ", ".join(sorted(question.meanings))
        raise MeizhenError("engine.several_rules", metric=question.metric, platforms=platforms)
    choice, together, per_day = rules.pop()
    if question.age is not None and (question.level != "articles" or per_day):
        raise MeizhenError("engine.age_of_a_day", metric=question.metric)
    whole = all(meaning.counts in COUNTS for meaning in question.meanings.values())
    return Plan(
        question,
        choice,
        together,
        _entity(question, choice, per_day=per_day),
        _GROUPS[question.by],
        ("counts",) if question.by is By.PLATFORM else ("platform",),
        6 if not whole else 2 if together is Together.MEAN else 0,
    )


def _rule(question: Question, meaning: Meaning) -> tuple[Choice, Together, bool]:
    """Choice, way, and whether each day has a value of its own."""
    if question.level == "account_days":
        if meaning.counts not in COUNTS:
            raise MeizhenError("engine.no_weight", metric=question.metric)
        if meaning.kind != "per_day":
            return Choice.LAST, Together.SUM, False
    if meaning.kind == "per_day":
        people = meaning.counts == "people"
        return Choice.NEWEST, Together.MEAN if people else Together.SUM, True
    choice = Choice.WEEK_END if question.by is By.WEEK else Choice.NEWEST
    if meaning.counts in ("rate", "seconds"):
        return choice, Together.WEIGHTED, False
    return choice, Together.SUM if meaning.counts in COUNTS else Together.MEAN, False


def _entity(question: Question, choice: Choice, *, per_day: bool) -> tuple[str, ...]:
    columns = ["platform", "account"]
    if question.level == "articles":
        columns.append("article")
    if per_day:
        columns.append("as_of")
    if question.by in (By.MONTH, By.WEEK):
        columns.append(question.by.value)
    return tuple(columns)
