"""What a rule file says, as frozen values (`rule_file` reads and checks it)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from analytics.awards.sources import Source
from analytics.indices import IndexDefinition, Label

SCALES = ("fixed_anchor", "percentile_in_track")
PUBLIC_SCALES = ("percentile_in_track", "points", "fixed_anchor")
NO_INDEX = "none"  # gates plus jury: people's judgement alone
ACCOUNTS, WORKS, PEOPLE = "accounts", "works", "people"
OF = (ACCOUNTS, WORKS, PEOPLE)  # what a category ranks; works and people are nominated
ROUNDINGS = ("half-even", "half-up")
# The index of the whole period at once, or the mean of the indices of its weeks or months.
ANNUAL, WEEKS, MONTHS = "annual", "mean_of_weeks", "mean_of_months"
WINDOW_DAYS = {WEEKS: 7, MONTHS: 30}  # what d is, whatever the month


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
class Version:
    """Another index on the same figures, for the robustness report: its name is `id:version`."""

    name: str
    definition: IndexDefinition
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Winsorise:
    """A line of the robustness report: articles count at most the `quantile` of a figure in the category."""

    metric: str
    quantile: Decimal


@dataclass(frozen=True)
class IndexChoice:
    """The index of a category: a definition with the source of each variable, terms of "weighted_log", or
    "none" where a jury alone decides.
    """

    formula: str
    version: str
    label: Label
    days: int
    definition: IndexDefinition | None
    digest: str  # sha256 of the definition's file, '' for weighted_log
    sources: tuple[Source, ...]
    terms: tuple[QuestionTerm, ...]
    versions: tuple[Version, ...] = ()
    winsorise: Winsorise | None = None
    aggregate: str = ANNUAL

    @property
    def windowed(self) -> bool:
        """Is it the mean of windows?"""
        return self.aggregate != ANNUAL

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
    """The data or the public part of the score.

    Scale "points" (public): votes ÷ `per`, rounded half up to whole points, at most `cap`; `cap` gives 100.
    """

    weight: Decimal
    scale: str
    anchor: Decimal | None = None
    per: Decimal = Decimal(1)
    cap: Decimal = Decimal(100)


@dataclass(frozen=True)
class Jury:
    """The jury's part: a mean of 0–100 without the `trim` highest and lowest scores."""

    weight: Decimal
    min_judges: int
    trim: int
    recuse_same_org: bool


@dataclass(frozen=True)
class Category:
    """One list of the award: one platform, its tracks, gates, index, score and tie-break chain.

    `of` works or people it ranks nominees; people have no platform (`people` stands there) and no figures.
    """

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
    of: str = ACCOUNTS

    def track(self, track_id: str) -> Track | None:
        return next((track for track in self.tracks if track.id == track_id), None)


@dataclass(frozen=True)
class Robustness:
    """How far places are shaken: `draws` of weights from a Dirichlet law of `concentration` × weight, places
    under each of `alternatives`, and the two quantiles of the interval.
    """

    draws: int = 10_000
    concentration: Decimal = Decimal(50)
    alternatives: tuple[str, ...] = ("mean_of_weeks", "drop_top_post")
    low: Decimal = Decimal("0.05")
    high: Decimal = Decimal("0.95")


@dataclass(frozen=True)
class Anomaly:
    """Limits beyond which a figure is shown to a person: robust z (deviations from the median in units of
    1.4826 × MAD), reads, and the share of reads that come from no known source. None: not looked at. A mix of
    sources is looked at of articles with `mix_reads` reads or more.
    """

    like_read: Decimal | None = Decimal(3)
    spike: Decimal | None = Decimal(6)
    spike_reads: int = 1000
    unexplained: Decimal | None = Decimal("0.5")
    mean_median: Decimal | None = Decimal(4)
    source_mix: Decimal | None = Decimal(6)
    mix_reads: int = 1000


@dataclass(frozen=True)
class Notice:
    """The public notice: its days, whether an objection needs a name, days to answer one."""

    public_days: int
    named: bool
    answer_days: int


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
    robustness: Robustness
    anomaly: Anomaly
    notice: Notice | None
    digest: str
    definitions: tuple[Path, ...] = ()  # the organiser's own index files

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    @property
    def needs_jury(self) -> bool:
        return any(category.jury.weight for category in self.categories)

    @property
    def needs_nominees(self) -> bool:
        return any(category.of != ACCOUNTS for category in self.categories)

    @property
    def needs_votes(self) -> bool:
        return any(category.public.weight for category in self.categories)
