"""Reads a rule file and refuses it whole when anything in it is wrong."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import config
from analytics.awards.questions import KINDS
from analytics.awards.rule import (
    ACCOUNTS,
    NO_INDEX,
    OF,
    PEOPLE,
    PUBLIC_SCALES,
    ROUNDINGS,
    SCALES,
    WORKS,
    Category,
    Gate,
    IndexChoice,
    Jury,
    Part,
    QuestionTerm,
    Rule,
    Track,
    Version,
    Winsorise,
)
from analytics.awards.rule_reports import LINES, read_anomaly, read_notice, read_robustness
from analytics.awards.rule_windows import read_aggregate, refuse_windows
from analytics.awards.sources import Source, article_metrics, flat, known_platforms, sources_for
from analytics.awards.ties import FACTS, SHARE
from analytics.indices import IndexDefinition, Label, load_definition, load_shipped
from analytics.indices.document import Document, Section, nearest

SCHEMA = 1
WEIGHTED_LOG = "weighted_log"
_ONE = Decimal(1)
_ID = re.compile(r"[\w-]+")
_SETTLED_DAYS = 2  # figures of a day come the day after, final the next
_DAY_GATES = ("filed_before",)
_NUMBER_GATES = ("min_posts", "min_active_weeks", "min_questions")
_SHARE_GATES = ("data_coverage",)
_PLAIN_GATES = ("verified", "no_veto")
_WORK_GATES = ("filed_before", "verified", "data_coverage", "no_veto")
GATES = (*_DAY_GATES, "verified", *_NUMBER_GATES, *_SHARE_GATES, "no_veto")

SHAPES = ("most-influential", "points", "jury")


def shipped_rule(shape: str = "most-influential") -> Path:
    """A commented example rule, ready to be copied and changed: one for each of `SHAPES`."""
    return Path(config.__file__).parent / "defaults" / "awards" / f"{shape}.toml"


def load_rule(path: Path, *, definitions: Path | None = None) -> Rule:
    """Reads a rule file. Raises InputError with every problem: key, expected, received, remedy.

    Index definitions of the organiser's own are looked for in the rule's folder, or in `definitions`.
    """
    document = Document.open(path)
    root = document.root
    root.schema(SCHEMA)
    award = root.section("award")
    if award is None:
        root.refuse("award", "index.key_missing")
        award = Section(document, "award", {})
    rule = _award(award, root, path, definitions or path.parent)
    root.close()
    document.finish()
    return rule


def _award(award: Section, root: Section, path: Path, definitions: Path) -> Rule:
    start, end = _period(award)
    read_age_days = award.integer("read_age_days", least=0, most=366)
    freeze_on = award.day("freeze_on") if award.has("freeze_on") else None
    ripe = end + timedelta(days=read_age_days + _SETTLED_DAYS) if end < date.max else end
    if freeze_on is not None and freeze_on < ripe:
        award.refuse("freeze_on", "award.freeze_too_early", received=freeze_on, end=end, ripe=ripe)
    places, rounding = _rounding(award)
    award.integer("seed", 0, least=0, most=2**63 - 1)  # changes the run id, and so the draws
    days = (end - start).days + 1 if start <= end < date.max else 1
    robustness = read_robustness(root)
    versions = tuple(name for name in robustness.alternatives if name not in LINES)
    categories = tuple(
        _category(section, days, definitions, versions) for section in root.sections("category")
    )
    _refuse_repeated(root, "category", [category.id for category in categories])
    known = {f"{definition.id}:{definition.version}" for definition in load_shipped()}
    for name in versions:
        if name in known and not any(
            version.name == name for one in categories for version in one.index.versions
        ):
            number = robustness.alternatives.index(name) + 1
            root.refuse(f"robustness.alternatives[{number}]", "award.alternative_unused", received=name)
    shipped = {definition.path for definition in load_shipped()}
    rule = Rule(
        id=award.text("id", most=80),
        title=award.text("title", most=200),
        start=start,
        end=end,
        read_age_days=read_age_days,
        freeze_on=freeze_on,
        places=places,
        rounding=rounding,
        categories=categories,
        robustness=robustness,
        anomaly=read_anomaly(root),
        notice=read_notice(root),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        definitions=tuple(
            dict.fromkeys(
                category.index.definition.path
                for category in categories
                if category.index.definition is not None and category.index.definition.path not in shipped
            )
        ),
    )
    award.close()
    return rule


def _period(award: Section) -> tuple[date, date]:
    period = award.section("period")
    if period is None:
        award.refuse("period", "index.key_missing")
        return date.max, date.max
    start, end = period.day("start"), period.day("end")
    period.choice("tz", ("Asia/Shanghai",), "Asia/Shanghai")
    if end < start < date.max:
        period.refuse("end", "award.period_reversed", start=start, end=end)
    period.close()
    return start, end


def _rounding(award: Section) -> tuple[int, str]:
    section = award.section("rounding")
    if section is None:
        return 2, ROUNDINGS[0]
    places = section.integer("places", 2, least=0, most=6)
    mode = section.choice("mode", ROUNDINGS, ROUNDINGS[0])
    section.close()
    return places, mode


def _id(section: Section, most: int) -> str:
    """What names folders and files of the run: letters, digits, `_` and `-`."""
    told = section.text("id", most=most)
    if told and not _ID.fullmatch(told):
        section.refuse("id", "award.bad_id", received=told)
        return ""
    return told


def _category(section: Section, days: int, folder: Path, versions: tuple[str, ...]) -> Category:
    category_id = _id(section, 40)
    of = section.choice("of", OF, ACCOUNTS)
    platform = PEOPLE if of == PEOPLE else _platform(section, category_id)
    tracks = tuple(_track(track) for track in section.sections("tracks"))
    _refuse_repeated(section, "tracks", [track.id for track in tracks])
    label = section.label("label", category_id or "–")
    gates = tuple(_gate(gate) for gate in section.sections("eligibility"))
    index = _index(section, platform, label, days, folder, versions)
    _refuse_of(section, of, gates, index)
    data, jury, public, tie_break = _score(section, index, platform)
    section.close()
    return Category(category_id, label, platform, tracks, gates, index, data, jury, public, tie_break, of)


def _platform(section: Section, category_id: str) -> str:
    known = known_platforms()
    platform = section.text("platform", category_id.replace("-", "_"), most=40)
    if platform not in known:
        section.refuse_name("platform" if section.has("platform") else "id", platform, known)
    return platform


def _refuse_of(section: Section, of: str, gates: Sequence[Gate], index: IndexChoice) -> None:
    """A work has no figures but its article's; a person has none at all."""
    if of == PEOPLE and index.formula != NO_INDEX:
        section.refuse("index", "award.people_have_no_index")
    if of == WORKS and (index.terms or any(source.of == "account" for source in flat(index.sources))):
        section.refuse("index", "award.work_has_no_account")
    if of == WORKS and index.windowed:
        section.refuse("index", "award.work_has_no_windows")
    able = {ACCOUNTS: GATES, WORKS: _WORK_GATES, PEOPLE: ("no_veto",)}[of]
    for number, gate in enumerate(gates, start=1):
        if gate.rule not in able and gate.rule in GATES:
            section.refuse(
                f"eligibility[{number}].rule", "award.gate_not_of", received=gate.rule, known=", ".join(able)
            )


def _track(section: Section) -> Track:
    track_id = _id(section, 32)
    track = Track(
        track_id, section.label("label", track_id or "–"), section.integer("places", least=1, most=1000)
    )
    section.close()
    return track


def _gate(section: Section) -> Gate:
    rule = section.choice("rule", GATES)
    value: date | Decimal | None = None
    if rule in _DAY_GATES:
        value = section.day("value")
    elif rule in _NUMBER_GATES:
        value = Decimal(section.integer("value", least=0, most=10**9))
    elif rule in _SHARE_GATES:
        # A threshold, not a weight: 0.95 may be written without quotation marks.
        value = section.decimal("value", least=Decimal(0), most=_ONE, floats=True)
    section.close()
    return Gate(rule, value)


def _index(
    category: Section, platform: str, label: Label, days: int, folder: Path, versions: tuple[str, ...]
) -> IndexChoice:
    section = category.section("index")
    if section is None:  # refused by `_score` where the data have a weight
        return IndexChoice(NO_INDEX, "", label, days, None, "", (), ())
    aggregate, days = read_aggregate(section, days)
    section.choice("headline", ("message_index == 1", "position == 1"), "position == 1")
    if section.has("terms") or (section.has("formula") and section.text("formula") == WEIGHTED_LOG):
        choice = _weighted_log(section, platform, label, days)
    else:
        choice = _published(section, platform, label, days, folder, versions)
    refuse_windows(section, choice, aggregate)
    choice = replace(choice, aggregate=aggregate, winsorise=_winsorise(section, choice))
    section.close()
    return choice


def _winsorise(section: Section, choice: IndexChoice) -> Winsorise | None:
    """A line of the robustness report; it must not change places."""
    winsorise = section.section("winsorise")
    if winsorise is None:
        return None
    metrics = {source.variable: source.metric for source in choice.sources if source.of == "article"}
    name = winsorise.text("field")
    quantile = winsorise.decimal("upper_quantile", least=Decimal("0.5"), most=_ONE, floats=True)
    if not winsorise.truth("report_only", False):
        winsorise.refuse("report_only", "award.report_only")
    winsorise.close()
    if name not in metrics:
        winsorise.refuse_name("field", name, metrics)
        return None
    return Winsorise(metrics[name], quantile)


def _weighted_log(section: Section, platform: str, label: Label, days: int) -> IndexChoice:
    section.choice("formula", (WEIGHTED_LOG,))
    version = section.text("version", most=40)
    terms = tuple(_term(term) for term in section.sections("terms"))
    if platform != "youth_voice":
        section.refuse("formula", "award.not_a_question_site", platform=platform)
    _refuse_sum(section, "terms", [term.weight for term in terms])
    _refuse_repeated(section, "terms", [term.metric for term in terms])
    return IndexChoice(WEIGHTED_LOG, version, label, days, None, "", (), terms)


def _term(section: Section) -> QuestionTerm:
    metric = section.choice("metric", tuple(KINDS))
    kind = section.choice("kind", (KINDS.get(metric, "log"),))
    term = QuestionTerm(metric, kind, section.decimal("weight", least=Decimal(0), most=_ONE))
    section.close()
    return term


def _published(
    section: Section, platform: str, label: Label, days: int, folder: Path, versions: tuple[str, ...]
) -> IndexChoice:
    if section.has("definition"):
        written = section.text("definition")
        if Path(written).is_absolute() or ".." in Path(written).parts:
            section.refuse("definition", "award.definition_outside", received=written)
            return IndexChoice(WEIGHTED_LOG, "", label, days, None, "", (), ())
        definition: IndexDefinition | None = load_definition(folder / written)
        formula, version = section.text("formula", "own"), section.text("version", "own")
    else:
        formula, version = section.text("formula"), section.text("version")
        definition = _shipped(section, formula, version)
    if definition is None:
        return IndexChoice(formula, version, label, days, None, "", (), ())
    if definition.platform not in ("any", platform):
        section.refuse("formula", "award.other_platform", index=definition.platform, platform=platform)
    sources, words = _sources(section, definition, platform)
    return IndexChoice(
        formula=definition.id,
        version=definition.version,
        label=definition.label,
        days=days,
        definition=definition,
        digest=hashlib.sha256(definition.path.read_bytes()).hexdigest(),
        sources=sources,
        terms=(),
        versions=_versions(section, definition, platform, words, versions),
    )


def _versions(
    section: Section,
    definition: IndexDefinition,
    platform: str,
    words: Mapping[str, str],
    wanted: tuple[str, ...],
) -> tuple[Version, ...]:
    """The other versions of a category's index that the robustness report shows, on the same sources."""
    found = []
    for name in wanted:
        index_id, _, number = name.partition(":")
        if index_id != definition.id:
            continue
        other = next((one for one in load_shipped() if (one.id, one.version) == (index_id, number)), None)
        if other is None:  # refused where the alternatives are read
            continue
        sources, unknown = sources_for(other.variables, index_id, platform, words)
        for missing in unknown:
            if missing.variable not in definition.variables:  # the others are refused already
                section.refuse(f"variables.{missing.variable}", "award.no_source")
        found.append(Version(name, other, tuple(sources)))
    return tuple(found)


def _shipped(section: Section, formula: str, version: str) -> IndexDefinition | None:
    """The shipped definition of that id and version; a near miss of either is named."""
    versions = {d.version: d for d in load_shipped() if d.id == formula}
    if not versions:
        ids = (*dict.fromkeys(d.id for d in load_shipped()), WEIGHTED_LOG)
        section.refuse_name("formula", formula, ids)
    elif version not in versions:
        section.refuse_name("version", version, versions)
    return versions.get(version)


def _sources(
    section: Section, definition: IndexDefinition, platform: str
) -> tuple[tuple[Source, ...], dict[str, str]]:
    written: dict[str, str] = {}
    variables = section.section("variables")
    if variables is not None:
        written = {name: variables.text(name) for name in variables.names()}
    sources, unknown = sources_for(definition.variables, definition.id, platform, written)
    used = {name for name in written if any(needed.startswith(name) for needed in definition.variables)}
    for name in written.keys() - used:
        section.refuse_name(f"variables.{name}", name, definition.variables)
    told: set[str] = set()
    for missing in unknown:
        if not missing.received:
            section.refuse(f"variables.{missing.variable}", "award.no_source")
        elif missing.received not in told:
            told.add(missing.received)
            _refuse_metric(
                section, f"variables.{missing.variable}", missing.received, platform, missing.known
            )
    return tuple(sources), written


def _refuse_metric(
    section: Section, key: str, metric: str, platform: str, known: tuple[str, ...] = ()
) -> None:
    names = known or tuple(article_metrics(platform))
    near = nearest(metric, names) or "–"
    section.refuse(
        key, "award.not_delivered", metric=metric, platform=platform, near=near, known=", ".join(names)
    )


def _score(category: Section, index: IndexChoice, platform: str) -> tuple[Part, Jury, Part, tuple[str, ...]]:
    section = category.section("score")
    if section is None:
        category.refuse("score", "index.key_missing")
        part = Part(_ONE, SCALES[1])
        return part, Jury(Decimal(0), 1, 0, False), part, ()
    data = _part(section, "data", SCALES)
    public = _part(section, "public", PUBLIC_SCALES)
    jury = _jury(section)
    if index.formula == NO_INDEX and (data.weight or not jury.weight):
        category.refuse("index", "index.key_missing")
    _refuse_sum(section, "", [data.weight, jury.weight, public.weight])
    tie_break = _tie_break(section, index, platform)
    section.close()
    return data, jury, public, tie_break


def _tie_break(score: Section, index: IndexChoice, platform: str) -> tuple[str, ...]:
    tie_break = score.texts("tie_break") or (() if index.formula == NO_INDEX else ("index",))
    facts = (name for name in FACTS if name != "index" or index.formula != NO_INDEX)
    known = (*facts, "jury", *index.names)
    for number, name in enumerate(tie_break, start=1):
        if name not in known:
            score.refuse_name(f"tie_break[{number}]", name, known)
        elif name == "shares_per_post" and SHARE not in article_metrics(platform).values():
            _refuse_metric(score, f"tie_break[{number}]", SHARE, platform)
    return tie_break


def _weight(section: Section) -> Decimal:
    return section.decimal("weight", least=Decimal(0), most=_ONE)


def _part(score: Section, name: str, scales: tuple[str, ...]) -> Part:
    section = score.section(name)
    if section is None:
        return Part(Decimal(0), "percentile_in_track")
    scale = section.choice("scale", scales)
    anchor, per, cap = None, _ONE, Decimal(100)
    if scale == "fixed_anchor":
        anchor = section.decimal("anchor", least=Decimal("0.000001"), most=Decimal(10**9))
    elif scale == "points":
        per = section.decimal("per", least=_ONE, most=Decimal(10**9))
        cap = section.decimal("cap", least=_ONE, most=Decimal(10**6))
    part = Part(_weight(section), scale, anchor, per, cap)
    section.close()
    return part


def _jury(score: Section) -> Jury:
    section = score.section("jury")
    if section is None:
        return Jury(Decimal(0), 1, 0, False)
    jury = Jury(
        weight=_weight(section),
        min_judges=section.integer("min_judges", 1, least=1, most=1000),
        trim=section.integer("trim", 0, least=0, most=100),
        recuse_same_org=section.truth("recuse_same_org", False),
    )
    if jury.min_judges <= 2 * jury.trim:
        section.refuse("min_judges", "award.all_trimmed", received=jury.min_judges, least=2 * jury.trim + 1)
    section.close()
    return jury


def _refuse_sum(section: Section, key: str, weights: list[Decimal]) -> None:
    # A weight that was refused stands in with its greatest value; then the sum says nothing.
    columns = [problem.column or "" for problem in section.document.problems]
    refused = any(column.startswith(section.place) and column.endswith(".weight") for column in columns)
    total = sum(weights, Decimal(0))
    if total != _ONE and not refused:
        place = section.key(key) if key else section.place
        section.document.refuse(
            place, "award.weights_sum", received=total, parts=" + ".join(map(str, weights))
        )


def _refuse_repeated(section: Section, key: str, names: list[str]) -> None:
    for number, name in enumerate(names, start=1):
        if name and name in names[: number - 1]:
            section.refuse(f"{key}[{number}]", "index.key_repeated", received=name)
