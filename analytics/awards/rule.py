"""What a rule file says, as frozen values (`rule_file` reads and checks it)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.awards.sources import Source
from analytics.indices import IndexDefinition, Label

SCALES = ("fixed_anchor", "percentile_in_track")
ROUNDINGS = ("half-even", "half-up")


@dataclass(frozen=True)
class Track:
    """A group that competes among itself; its first `places` are awarded."""

    id: str
    label: Label
    places: int


@dataclass(frozen=True)
class Gate:
    """One condition of taking part; `value` is a day, a number, or None."""

    rule: str
    value: date | Decimal | None = None


@dataclass(frozen=True)
class QuestionTerm:
    """One metric of a question site in formula "weighted_log"."""

    metric: str
    kind: str
    weight: Decimal


@dataclass(frozen=True)
class IndexChoice:
    """The index of a category: a definition with the source of each variable, or terms of "weighted_log"."""

    formula: str
    version: str
    label: Label
    days: int
    definition: IndexDefinition | None
    digest: str  # sha256 of the definition's file, '' for weighted_log
    sources: tuple[Source, ...]
    terms: tuple[QuestionTerm, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, or the question metrics, that the index is made of."""
        return tuple(source.variable for source in self.sources) + tuple(term.metric for term in self.terms)

    @property
    def by_people(self) -> bool:
        """True where reads are people and not times: not comparable with lists that count times."""
        return any(source.metric == "read_people" for source in self.sources)


@dataclass(frozen=True)
class Part:
    """The data or the public part of the score."""

    weight: Decimal
    scale: str
    anchor: Decimal | None = None


@dataclass(frozen=True)
class Jury:
    """The jury's part: a mean of 0–100 without the `trim` highest and lowest scores."""

    weight: Decimal
    min_judges: int
    trim: int
    recuse_same_org: bool


@dataclass(frozen=True)
class Category:
    """One list of the award: one platform, its tracks, gates, index, score and tie-break chain."""

    id: str
    label: Label
    platform: str
    tracks: tuple[Track, ...]
    gates: tuple[Gate, ...]
    index: IndexChoice
    data: Part
    jury: Jury
    public: Part
    tie_break: tuple[str, ...]

    def track(self, track_id: str) -> Track | None:
        return next((track for track in self.tracks if track.id == track_id), None)


@dataclass(frozen=True)
class Rule:
    """A whole rule file. Days are Beijing days, both ends included; `digest` is the sha256 of the file."""

    id: str
    title: str
    start: date
    end: date
    read_age_days: int
    freeze_on: date | None
    places: int
    rounding: str
    categories: tuple[Category, ...]
    later: tuple[str, ...]  # sections that stages of a later version read: robustness, anomaly, notice
    digest: str

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    @property
    def needs_jury(self) -> bool:
        return any(category.jury.weight for category in self.categories)

    @property
    def needs_votes(self) -> bool:
        return any(category.public.weight for category in self.categories)
