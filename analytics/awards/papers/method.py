"""What the method note says: rule, index, gates, counts, sources, how sure the places are, flags."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal

from analytics.awards import intake, source_mix
from analytics.awards.anomalies import not_looked_at
from analytics.awards.files import plain, read_csv
from analytics.awards.nouns import noun
from analytics.awards.papers.facts import Run, interval, percent, ranking_of, said
from analytics.awards.papers.volume import volume_effect
from analytics.awards.result import CategoryResult, Placed
from analytics.awards.rule import NO_INDEX, Category, Rule
from analytics.awards.rule_words import gate_told, metric_told, reason_told, tie_told
from analytics.awards.score import part_weights
from analytics.awards.source_anomalies import MIX, handles_told
from analytics.awards.sources import Source
from analytics.awards.windows import Span
from analytics.indices import Label
from config.messages import catalogue, told

_SHOWN_SHA = 16
# Of the table of variables: of an index, of a question site's terms.
_HEADINGS = (("variable", "meaning", "source"), ("weight", "metric", "kind"))


def method_facts(run: Run) -> dict[str, object]:
    """The facts of `method.typ`, all from the run's own files."""
    return {
        "method": {
            "categories": [_category(run, result) for result in run.results],
            "counts": [_counts(run, result) for result in run.results],
            "refused": [row for result in run.results for row in _refused(run, result.category)],
            "decided": list(_decided(run)),
            "sources": list(_sources(run)),
            "cuts": [row for result in run.results for row in _cuts(result)],
            "alternatives": [row for result in run.results for row in _alternatives(result)],
            "flags": list(_flags(run)),
        }
    }


def _category(run: Run, result: CategoryResult) -> dict[str, object]:
    category, choice = result.category, result.category.index
    return {
        "label": category.label.zh,
        "lines": [
            *_index_lines(run.rule, category),
            *_volume_line(result),
            *_score_lines(category),
            _gate_line(category),
            *_breaks(run, category),
        ],
        "headings": [said(f"heading_{name}") for name in _HEADINGS[bool(choice.terms)]],
        "variables": list(_variables(category)),
        "by_people": choice.by_people,
    }


def _index_lines(rule: Rule, category: Category) -> Iterator[str]:
    choice = category.index
    if choice.formula == NO_INDEX:
        yield said("no_index")
        return
    formula = choice.formula.upper() if choice.definition else choice.formula
    name = f"{choice.label.zh} {formula} {choice.version}"
    yield said("index_by_people" if choice.by_people else "index", name=name, days=choice.days)
    span = Span.of(rule, choice.aggregate)
    if span is not None:
        yield said(f"windows_{choice.aggregate}", days=span.days, count=span.count)
    if choice.definition is not None:
        parts = "、".join(f"{level.label.zh} {plain(level.weight)}" for level in choice.definition.levels)
        yield said("levels", parts=parts)
        yield said("definition", sha=choice.digest[:_SHOWN_SHA])
        if choice.definition.source:
            yield said("published", source=choice.definition.source)


def _volume_line(result: CategoryResult) -> Iterator[str]:
    share = volume_effect(result)
    if share is not None:
        yield said("volume", share=percent(share.quantize(Decimal("0.01"), ROUND_HALF_UP)))


def _score_lines(category: Category) -> Iterator[str]:
    weights = zip(("data", "jury", "public"), part_weights(category), strict=True)
    parts = [f"{_explained(f'part_{name}')} {percent(weight)}" for name, weight in weights if weight]
    yield said("parts", parts="、".join(parts))
    for name, part in (("data", category.data), ("public", category.public)):
        if part.weight:
            anchor = "–" if part.anchor is None else plain(part.anchor)
            params = {"part": _explained(f"part_{name}"), "anchor": anchor}
            yield said(f"scale_{part.scale}", **params, per=plain(part.per), cap=plain(part.cap))
    ties = [tie_told(category, name, "zh") for name in category.tie_break]
    if ties:
        yield said("ties", names="、".join(ties))


def _explained(entry: str) -> str:
    return told(f"explain.{entry}", {}, language="zh")


def _gate_line(category: Category) -> str:
    gates = "、".join(gate_told(gate, "zh") for gate in category.gates)
    return said("gates", gates=gates or said("no_gates"))


def _variables(category: Category) -> Iterator[tuple[str, str, str]]:
    choice = category.index
    meanings: Mapping[str, Label] = choice.definition.meanings if choice.definition else {}
    for source in choice.sources:
        meaning = meanings.get(source.variable)
        yield source.variable, meaning.zh if meaning else "–", _source(source)
    for term in choice.terms:
        yield plain(term.weight), metric_told(term.metric, "zh"), said(f"kind_{term.kind}")


def _source(source: Source) -> str:
    if source.of == "index":
        return source.metric
    entry = f"of_{source.of}"
    name = said(entry, metric=metric_told(source.metric, "zh"))
    select = source.select
    if not select:
        return name
    if source.over is not None:
        return said("select_over", name=name, value=plain(source.over))
    return said(f"select_{select}", name=name)


def _breaks(run: Run, category: Category) -> Iterator[str]:
    told_of = ranking_of(run.folder)["categories"]
    for one in told_of if isinstance(told_of, list) else ():
        if one["id"] == category.id:
            for day, label in one.get("breaks", {}).items():
                yield said("break", day=day, text=label["zh"])


def _counts(run: Run, result: CategoryResult) -> list[str]:
    category = result.category
    folder = run.folder.path / category.id
    accounts = sum(1 for _ in read_csv(folder / "accounts.csv"))
    articles = sum(1 for _ in read_csv(folder / "articles.csv"))
    holes = sum(1 for _ in read_csv(folder / "holes.csv"))
    placed = sum(len(track.places) for track in result.tracks)
    refused = len(result.ineligible)
    return [category.label.zh, *(f"{count:,}" for count in (accounts, placed, refused, articles, holes))]


def _refused(run: Run, category: Category) -> Iterator[tuple[str, str, str]]:
    rows = read_csv(run.folder.path / category.id / "eligibility.csv")
    reasons = Counter(row["rule"] for row in rows if row["passed"] == "false")
    for rule, count in reasons.items():
        reason = reason_told(category, rule, "zh")
        yield category.label.zh, said("unmet", gate=reason), f"{count:,}"


def _decided(run: Run) -> Iterator[str]:
    """What persons decided: vetoes, exclusions, a signature for holes."""
    for entry, name in (("vetoes", intake.VETOES), ("exclusions", intake.EXCLUSIONS)):
        if run.folder.has(name):
            count = sum(1 for _ in read_csv(run.folder.path / name))
            if count:
                yield said(entry, count=count)
    if run.folder.has(intake.SIGNATURE):
        signed = json.loads((run.folder.path / intake.SIGNATURE).read_text("utf-8"))
        yield said("signed", name=signed["name"], reason=signed["reason"])


def _sources(run: Run) -> Iterator[str]:
    """Of which kinds the figures of the counted articles are."""
    for result in run.results:
        category = result.category
        kinds: Counter[str] = Counter()
        for article in read_csv(run.folder.path / category.id / "articles.csv"):
            kinds[article["sources"]] += 1
        shown = [
            said("articles", kinds=_kinds(key), count=f"{count:,}")
            for key, count in sorted(kinds.items(), key=lambda one: (-one[1], one[0]))
        ]
        if shown:
            yield said("sources", category=category.label.zh, parts="；".join(shown))


def _kinds(sources: str) -> str:
    """The kinds of an article's sources, `api+import`, as people call them."""
    known = catalogue("papers")
    names = (f"source_{kind}" for kind in (sources or "none").split("+"))
    return "、".join(said(name) if name in known else name for name in names)


def _cuts(result: CategoryResult) -> Iterator[tuple[str, ...]]:
    """The last awarded and the first not awarded account of each track that has both."""
    for track in result.tracks:
        awarded = [placed for placed in track.places if placed.awarded]
        others = [placed for placed in track.places if not placed.awarded]
        if awarded and others:
            for placed in (awarded[-1], others[0]):
                yield (result.category.label.zh, track.track.label.zh, *_cut(placed))


def _cut(placed: Placed) -> tuple[str, ...]:
    return str(placed.place), placed.name, interval(placed), percent(placed.inside)


def _alternatives(result: CategoryResult) -> Iterator[tuple[str, str, str]]:
    awarded = [
        (placed, track.track.places) for track in result.tracks for placed in track.places if placed.awarded
    ]
    if not awarded:
        return
    for name in awarded[0][0].alternatives:
        places = ((placed.alternatives[name], most) for placed, most in awarded)
        kept = sum(1 for place, most in places if place is not None and place <= most)
        yield result.category.label.zh, line_name(name), f"{kept} / {len(awarded)}"


def line_name(name: str) -> str:
    """Another way to the list, as people call it."""
    entry = f"line_{name}"
    return _explained(entry) if entry in catalogue("explain") else name.replace(":", " ").upper()


def _flags(run: Run) -> Iterator[str]:
    for result in run.results:
        category, name = result.category, noun(result.category.of, "zh")
        flags = [row["handle"] for row in read_csv(run.folder.path / category.id / "anomalies.csv")]
        yield said("flags", category=category.label.zh, count=len(flags), accounts=len(set(flags)), noun=name)
        told_by_source = _told_by_source(run, category)
        left = not_looked_at(category, run.rule.anomaly, mixed=bool(told_by_source))
        if left:
            names = "、".join(said(f"check_{check}") for check in left)
            yield said("not_looked_at", category=category.label.zh, checks=names)
        ranked = {placed.handle for track in result.tracks for placed in track.places}
        if MIX not in left and ranked - told_by_source:
            yield said(
                "mix_not_told", category=category.label.zh, count=len(ranked - told_by_source), noun=name
            )


def _told_by_source(run: Run, category: Category) -> set[str]:
    path = run.folder.path / category.id / source_mix.FILE
    return handles_told(category, path) if path.is_file() else set()
