"""Why an account stands where it stands: every gate, level and term, and the way to its neighbours.

The gap to a neighbour is split exactly over the terms of the index (`split`). Jury and public part are added
as they are; what six decimals cost is a line of its own, so that the lines sum to the gap.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from pathlib import Path

from analytics.awards.anomalies import COLUMNS as FLAG_COLUMNS
from analytics.awards.columns import Columns
from analytics.awards.eligibility import COLUMNS as GATE_COLUMNS
from analytics.awards.files import read_csv
from analytics.awards.folder import RunFolder
from analytics.awards.freeze import Frozen
from analytics.awards.handles import Handles
from analytics.awards.index import level_values
from analytics.awards.nominees import evidence_in
from analytics.awards.places import by_handle
from analytics.awards.remedies import Remedy, remedies
from analytics.awards.result import Placed, TrackResult
from analytics.awards.rule import Category, Rule
from analytics.awards.run import rule_of, run_id_in
from analytics.awards.score import part_weights
from analytics.awards.split import contributions, slope, split_windows, total
from analytics.awards.stages import number_of, results_of
from analytics.awards.weights import Rows, Weighed, articles_of, every_account, weigh_articles
from analytics.awards.window_facts import WindowFacts
from analytics.awards.windows import FILE as WINDOWS
from analytics.awards.windows import Span, known_of
from analytics.indices import Label, LevelValue
from analytics.indices import explain as explain_index
from config.errors import MeizhenError

_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_SHOWN = Decimal("1e-9")
Facts = Mapping[str, Mapping[str, str]]
_CLOSE = Decimal("1e-9")  # sums nearer than this share their percentile gap by no rule


@dataclass(frozen=True)
class Line:
    """One line of a split gap. `part`: data, jury, public or rounding; of data the level and its variable."""

    part: str
    level: str
    variable: str
    value: Decimal


@dataclass(frozen=True)
class Gap:
    """The way to a neighbour: its score less one's own, before rounding, and the lines that sum to it.

    `ties` are the values that settled it where the published scores are equal: name, own, the neighbour's.
    """

    neighbour: Placed
    gap: Decimal
    lines: tuple[Line, ...]
    ties: tuple[tuple[str, Decimal | None, Decimal | None], ...]


@dataclass(frozen=True)
class Explained:
    """Everything about one account in one run; `placed` is None where it did not take part."""

    run_id: str
    rule: Rule
    category: Category
    track: Label
    handle: str
    name: str
    unit: str
    gates: tuple[Mapping[str, str], ...]
    placed: Placed | None
    of: int
    awarded_places: int
    levels: tuple[LevelValue, ...]
    question_terms: tuple[tuple[str, Decimal, Decimal], ...]
    above: Gap | None
    below: Gap | None
    remedies: tuple[Remedy, ...]
    articles: tuple[Weighed, ...]
    flags: tuple[Mapping[str, str], ...]
    evidence: str = ""  # of a nominee
    windows: tuple[Mapping[str, str], ...] = ()  # of an index by windows: rows of windows.csv


def explain(path: Path, account: str, *, category: str = "") -> Explained:
    """Explains an account (its handle, or platform:handle) of the run in the folder `path`.

    Raises MeizhenError where there is no list yet, InputError for an account that is not there.
    """
    folder, rule = _listed(path)
    accounts = ((one, path / one.id / "accounts.csv") for one in rule.categories)
    chosen, handle = Handles(accounts).key(account, category)
    case = _Case(folder, rule, next(one for one in rule.categories if one.id == chosen))
    return case.explained(handle, *articles_of(case.frozen, handle))


def explain_all(path: Path) -> Iterator[Explained]:
    """Explains every account of a run, category by category, by handle. Raises MeizhenError as `explain`."""
    folder, rule = _listed(path)
    for category in rule.categories:
        case = _Case(folder, rule, category)
        for handle, columns, rows in every_account(case.frozen):
            yield case.explained(handle, columns, rows)


def _listed(path: Path) -> tuple[RunFolder, Rule]:
    folder = RunFolder(path)
    rule = rule_of(folder)
    if not folder.was_done(number_of("anomalies"), "anomalies"):
        raise MeizhenError("award.no_list", folder=path)
    return folder, rule


class _Case:
    """What the files of one category tell, read once."""

    def __init__(self, folder: RunFolder, rule: Rule, category: Category) -> None:
        files = folder.path / category.id
        self._run_id = run_id_in(folder)
        self._rule = rule
        self._category = category
        self._facts = by_handle(files / "variables.csv")
        self._windows = WindowFacts(category, files / WINDOWS if category.index.windowed else None)
        self._span = Span.of(rule, category.index.aggregate)
        self._result = next(one for one in results_of(rule, folder.path.joinpath) if one.category is category)
        self._gates = _grouped(files / "eligibility.csv", GATE_COLUMNS[3:])
        self._evidence = evidence_in(files)
        self._flags = _grouped(files / "anomalies.csv", FLAG_COLUMNS)
        self.frozen = Frozen.of(category, files / "accounts.csv", files / "articles.csv")
        self._numbers = {
            placed.handle: number
            for track in self._result.tracks
            for number, placed in enumerate(track.places)
        }

    def explained(self, handle: str, columns: Columns, rows: Rows) -> Explained:
        category, facts = self._category, self._facts
        account = facts[handle]
        track = next((one for one in self._result.tracks if one.track.id == account["track"]), None)
        places = track.places if track else ()
        number = self._numbers.get(handle)
        placed = None if number is None else places[number]
        above = places[number - 1] if number else None
        below = places[number + 1] if number is not None and number + 1 < len(places) else None
        definition = category.index.definition
        levels: tuple[LevelValue, ...] = ()
        if definition is not None and placed is not None:
            windowed = category.index.windowed
            levels = self._windows.levels(handle) if windowed else explain_index(definition, account).levels
        return Explained(
            run_id=self._run_id,
            rule=self._rule,
            category=category,
            track=track.track.label if track else Label(account["track"], account["track"]),
            handle=handle,
            name=account["name"],
            unit=account["unit"],
            gates=tuple(self._gates.get(handle, ())),
            placed=placed,
            of=len(places),
            awarded_places=track.track.places if track else 0,
            levels=levels,
            question_terms=_question_terms(category, account) if placed else (),
            above=self._gap(placed, above) if placed and above else None,
            below=self._gap(placed, below) if placed and below else None,
            remedies=self._remedies(track, placed, above),
            articles=weigh_articles(category, columns, rows, self._span) if placed else (),
            flags=tuple(self._flags.get(handle, ())),
            evidence=self._evidence.get(handle, ""),
            windows=tuple(self._windows.rows(handle)) if placed else (),
        )

    def _gap(self, own: Placed, neighbour: Placed) -> Gap:
        return gap(self._category, own, neighbour, self._facts, self._windows)

    def _remedies(
        self, track: TrackResult | None, placed: Placed | None, above: Placed | None
    ) -> tuple[Remedy, ...]:
        if track is None or placed is None or above is None or not self._category.data.weight:
            return ()
        windows = known_of(self._windows.rows(placed.handle)) if self._category.index.windowed else None
        return remedies(self._rule, self._category, track.places, placed, above, self._facts, windows)


def _grouped(path: Path, names: Sequence[str]) -> dict[str, list[Mapping[str, str]]]:
    """The rows of a stage's file by handle, with these cells."""
    found: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for row in read_csv(path):
        found[row["handle"]].append({name: row[name] for name in names})
    return found


def _question_terms(
    category: Category, account: Mapping[str, str]
) -> tuple[tuple[str, Decimal, Decimal], ...]:
    """Metric, figure, and weight × part of a question site's index."""
    terms = category.index.terms
    values = level_values(category, account) if terms else ()
    return tuple(
        (term.metric, Decimal(account[term.metric]), term.weight * value)
        for term, value in zip(terms, values, strict=True)
    )


def gap(
    category: Category, own: Placed, neighbour: Placed, facts: Facts, windows: WindowFacts | None = None
) -> Gap:
    """Splits a neighbour's score less one's own, both before rounding, over terms and parts."""
    data, jury, public = part_weights(category)
    whole = neighbour.exact - own.exact
    by_window = windows or WindowFacts(category, None)
    lines = _data_lines(category, own, neighbour, facts, by_window, data) if data else []
    for name, weight, mine, theirs in (
        ("jury", jury, own.jury, neighbour.jury),
        ("public", public, own.public, neighbour.public),
    ):
        if weight:
            lines.append(Line(name, "", "", weight * ((theirs or 0) - (mine or Decimal(0)))))
    rest = whole - sum((line.value for line in lines), Decimal(0))
    if rest:
        lines.append(Line("rounding", "", "", rest))
    ties: tuple[tuple[str, Decimal | None, Decimal | None], ...] = ()
    if own.score == neighbour.score:
        ties = tuple((name, own.ties[name], neighbour.ties[name]) for name in category.tie_break)
    return Gap(neighbour, whole, tuple(lines), ties)


def _data_lines(
    category: Category, own: Placed, neighbour: Placed, facts: Facts, windows: WindowFacts, weight: Decimal
) -> list[Line]:
    with localcontext(_EXACT):
        if category.index.windowed:
            found = split_windows(category, *(windows.terms(one.handle) for one in (neighbour, own)))
            whole = total(found)
            factor = weight / category.data.anchor * 100 if category.data.anchor is not None else Decimal(0)
        else:
            mine, theirs = (contributions(category, facts[one.handle]) for one in (own, neighbour))
            found = {key: value - mine[key] for key, value in theirs.items()}
            a, b = total(theirs), total(mine)
            whole = a - b
            if category.data.anchor is not None:
                factor = weight * slope(category, a, b) / category.data.anchor * 100
        if category.data.anchor is None:
            points = (neighbour.data or Decimal(0)) - (own.data or Decimal(0))
            factor = weight * points / whole if abs(whole) > _CLOSE else Decimal(0)
        return [
            Line("data", level, variable, (value * factor).quantize(_SHOWN))
            for (level, variable), value in found.items()
        ]


def summed(lines: Sequence[Line]) -> Decimal:
    """The sum of the lines of a gap."""
    return sum((line.value for line in lines), Decimal(0))
