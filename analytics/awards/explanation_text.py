"""An explanation as people read it, in either language, and as JSON: the same text for an appeal."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from analytics.awards.explanation import Explained, Gap, Line, summed
from analytics.awards.remedies import Remedy
from analytics.awards.score import part_weights
from analytics.indices import Label
from config.messages import catalogue, told

_SHOWN = Decimal("0.0001")
_LEAST = Decimal("0.00005")  # lines below it are added up


class Teller:
    """Writes one explanation in one language."""

    def __init__(self, explained: Explained, language: str) -> None:
        self._one = explained
        self._language = language

    def text(self) -> str:
        """The whole explanation; lines end in `\\n`."""
        parts = [self._head(), self._gates()]
        if self._one.placed is not None:
            parts += [self._score(), self._index(), self._gap(self._one.above, "above")]
            parts += [self._remedies(), self._gap(self._one.below, "below"), self._articles(), self._flags()]
        blocks = ["\n".join(lines) for lines in map(list, parts) if lines]
        return "\n\n".join(blocks) + "\n"

    def _say(self, entry: str, **params: object) -> str:
        return told(f"explain.{entry}", params, language=self._language)

    def _label(self, label: Label) -> str:
        return label.en if self._language == "en" else label.zh

    def _head(self) -> Iterator[str]:
        one, placed = self._one, self._one.placed
        where = f"{self._label(one.category.label)} · {self._label(one.track)}"
        yield f"{one.name} ({one.handle}) · {one.unit} · {where}"
        if placed is None:
            yield self._say("not_placed")
        else:
            shown = {
                "place": placed.place,
                "of": one.of,
                "awarded": one.awarded_places,
                "score": placed.score,
            }
            yield self._say("awarded_place" if placed.awarded else "place", **shown)
            law = one.rule.robustness
            share = f"{(law.high - law.low) * 100:f}".rstrip("0").rstrip(".")
            inside = f"{placed.inside * 100:.1f}"
            yield self._say(
                "interval", share=share, low=placed.low, high=placed.high, draws=law.draws, inside=inside
            )
            for name, place in placed.alternatives.items():
                shown_place = "–" if place is None else place
                yield self._say("alternative", name=self._alternative(name), place=shown_place)
        yield self._say("run", run_id=one.run_id)

    def _alternative(self, name: str) -> str:
        entry = f"line_{name}"
        return self._say(entry) if entry in catalogue("explain") else name.replace(":", " ").upper()

    def _gates(self) -> Iterator[str]:
        yield self._say("gates")
        for gate in self._one.gates:
            mark = "✓" if gate["passed"] == "true" else "✗"
            yield f"  {mark} {gate[self._language]}"

    def _score(self) -> Iterator[str]:
        placed = self._one.placed
        if placed is None:
            return
        yield self._say("score", score=placed.score, exact=placed.exact)
        parts = (placed.data, placed.jury, placed.public)
        for name, weight, points in zip(
            ("data", "jury", "public"), part_weights(self._one.category), parts, strict=True
        ):
            if weight and points is not None:
                yield f"  {self._say(f'part_{name}')}  {weight} × {points} = {_plain(weight * points)}"

    def _index(self) -> Iterator[str]:
        one, choice = self._one, self._one.category.index
        if one.placed is None or one.placed.index is None:
            return
        name = f"{self._label(choice.label)} {choice.version}"
        yield self._say("index_by_people" if choice.by_people else "index", name=name, index=one.placed.index)
        for level in one.levels:
            yield f"  {self._label(level.label)}  {level.weight} × {_short(level.value)}"
            for term in level.terms:
                meaning = self._variable(term.variable)
                yield f"    {meaning}: {term.figure:f} → {_short(term.value)}"
        for metric, figure, value in one.question_terms:
            shown = "∞" if not figure.is_finite() else f"{figure:f}"
            yield f"  {self._metric(metric)}: {shown} → {_short(value)}"

    def _variable(self, variable: str) -> str:
        definition = self._one.category.index.definition
        meaning = definition.meanings.get(variable) if definition else None
        return f"{variable} {self._label(meaning)}" if meaning else self._metric(variable)

    def _metric(self, name: str) -> str:
        for topic, entry in (("explain", f"metric_{name}"), ("report", f"metric_{name}")):
            if entry in catalogue(topic):
                return told(f"{topic}.{entry}", {}, language=self._language)
        return name

    def _gap(self, gap: Gap | None, side: str) -> Iterator[str]:
        if gap is None:
            return
        other = gap.neighbour
        size = abs(gap.gap)
        yield self._say(f"gap_{side}", name=other.name, place=other.place, gap=_plain(size))
        small = Decimal(0)
        for line in sorted(gap.lines, key=lambda line: -abs(line.value)):
            if abs(line.value) < _LEAST:
                small += line.value
            else:
                yield f"  {_signed(line.value):>12}  {self._line(line)}"
        if small.quantize(_SHOWN):
            yield f"  {_signed(small):>12}  {self._say('small_lines')}"
        yield f"  {_signed(summed(gap.lines)):>12}  {self._say('sum')}"
        for name, mine, theirs in gap.ties:
            params = {"name": self._tie(name), "mine": _or_dash(mine), "theirs": _or_dash(theirs)}
            yield "  " + self._say("tie", **params)

    def _line(self, line: Line) -> str:
        if line.part != "data":
            return self._say(f"part_{line.part}")
        level = next((one for one in self._one.levels if one.id == line.level), None)
        variable = self._variable(line.variable)
        return variable if level is None else f"{self._label(level.label)} · {variable}"

    def _tie(self, name: str) -> str:
        entry = f"tie_{name}"
        return self._say(entry) if entry in catalogue("explain") else self._variable(name)

    def _remedies(self) -> Iterator[str]:
        if not self._one.remedies or self._one.above is None:
            return
        yield self._say("remedies", name=self._one.above.neighbour.name)
        for remedy in self._one.remedies:
            yield f"  {self._metric(remedy.metric)}: {self._remedy(remedy)}"

    def _remedy(self, remedy: Remedy) -> str:
        if remedy.needed is None:
            return self._say("no_remedy")
        name, now = next(iter(remedy.now.items()))
        needed = remedy.needed[name]
        shown = "∞" if not now.is_finite() else f"{now:f}"
        if remedy.more is None:
            return self._say("remedy", now=shown, needed=f"{needed:f}")
        return self._say("remedy_more", more=f"{remedy.more * 100:.2f}", now=shown, needed=f"{needed:f}")

    def _articles(self) -> Iterator[str]:
        if not self._one.articles:
            return
        yield self._say("articles")
        for article in self._one.articles:
            figures = ", ".join(
                f"{self._metric(name)} {value or '–'}" for name, value in article.figures.items()
            )
            worth = self._say("worth", worth=_plain(article.worth))
            yield f"  {article.day} {article.title or article.remote_id} ({figures}): {worth}"

    def _flags(self) -> Iterator[str]:
        yield self._say("flags" if self._one.flags else "no_flags")
        for flag in self._one.flags:
            what = " ".join(part for part in (flag["day"], flag["title"]) if part)
            yield f"  {what + ': ' if what else ''}{flag[self._language]}"


def _short(value: Decimal) -> str:
    return f"{value.quantize(_SHOWN):f}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _signed(value: Decimal) -> str:
    return f"{value.quantize(_SHOWN):+f}"


def _or_dash(value: Decimal | None) -> str:
    return "–" if value is None else _plain(value)


def as_text(explained: Explained, language: str) -> str:
    """The explanation for people."""
    return Teller(explained, language).text()


def as_json(explained: Explained) -> dict[str, object]:
    """The same facts for programs: decimals as they are, texts in both languages."""
    placed = explained.placed
    return {
        "run_id": explained.run_id,
        "category": explained.category.id,
        "track": {"zh": explained.track.zh, "en": explained.track.en},
        "handle": explained.handle,
        "name": explained.name,
        "unit": explained.unit,
        "gates": [dict(gate) for gate in explained.gates],
        "placed": None
        if placed is None
        else {
            "place": placed.place,
            "of": explained.of,
            "places": explained.awarded_places,
            "awarded": placed.awarded,
            "score": placed.score,
            "exact": placed.exact,
            "index": placed.index,
            "parts": {"data": placed.data, "jury": placed.jury, "public": placed.public},
            "interval": [placed.low, placed.high],
            "inside": placed.inside,
            "alternatives": dict(placed.alternatives),
            "figures": dict(placed.figures),
        },
        "levels": [
            {
                "id": level.id,
                "label": {"zh": level.label.zh, "en": level.label.en},
                "weight": level.weight,
                "value": level.value,
                "terms": [
                    {"variable": term.variable, "figure": term.figure, "x": term.x, "value": term.value}
                    for term in level.terms
                ],
            }
            for level in explained.levels
        ],
        "question_terms": [
            {"metric": metric, "figure": figure, "value": value}
            for metric, figure, value in explained.question_terms
        ],
        "above": _gap_json(explained.above),
        "below": _gap_json(explained.below),
        "remedies": [
            {
                "metric": remedy.metric,
                "now": dict(remedy.now),
                "needed": None if remedy.needed is None else dict(remedy.needed),
                "more": remedy.more,
            }
            for remedy in explained.remedies
        ],
        "articles": [
            {
                "remote_id": article.remote_id,
                "title": article.title,
                "url": article.url,
                "day": article.day,
                "figures": article.figures,
                "worth": article.worth,
            }
            for article in explained.articles
        ],
        "flags": [dict(flag) for flag in explained.flags],
    }


def _gap_json(gap: Gap | None) -> Mapping[str, object] | None:
    if gap is None:
        return None
    return {
        "handle": gap.neighbour.handle,
        "name": gap.neighbour.name,
        "place": gap.neighbour.place,
        "gap": gap.gap,
        "lines": [
            {"part": line.part, "level": line.level, "variable": line.variable, "value": line.value}
            for line in gap.lines
        ],
        "ties": [{"name": name, "own": own, "neighbour": theirs} for name, own, theirs in gap.ties],
    }
