"""An explanation as people read it, in either language, and as JSON: the same text for an appeal."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from analytics.awards.explanation import Explained, Gap, summed
from analytics.awards.explanation_words import SHOWN, Words, plain, short, signed
from analytics.awards.score import part_weights

_LEAST = Decimal("0.00005")  # lines below it are added up


class Teller(Words):
    """Writes one explanation in one language."""

    def text(self) -> str:
        """The whole explanation; lines end in `\\n`."""
        parts = [self._head(), self._evidence(), self._gates()]
        if self.one.placed is not None:
            parts += [self._score(), self._index(), self._gap(self.one.above, "above")]
            parts += [self._remedies(), self._gap(self.one.below, "below"), self._articles(), self._flags()]
        blocks = ["\n".join(lines) for lines in map(list, parts) if lines]
        return "\n\n".join(blocks) + "\n"

    def _head(self) -> Iterator[str]:
        one, placed = self.one, self.one.placed
        where = f"{self.label(one.category.label)} · {self.label(one.track)}"
        yield f"{one.name} ({one.handle}) · {one.unit} · {where}"
        if placed is None:
            yield self.say("not_placed")
        else:
            shown = {
                "place": placed.place,
                "of": one.of,
                "awarded": one.awarded_places,
                "score": placed.score,
            }
            yield self.say("awarded_place" if placed.awarded else "place", **shown)
            law = one.rule.robustness
            share = f"{(law.high - law.low) * 100:f}".rstrip("0").rstrip(".")
            inside = f"{placed.inside * 100:.1f}"
            yield self.say(
                "interval", share=share, low=placed.low, high=placed.high, draws=law.draws, inside=inside
            )
            for name, place in placed.alternatives.items():
                shown_place = "–" if place is None else place
                yield self.say("alternative", name=self.alternative(name), place=shown_place)
        yield self.say("run", run_id=one.run_id)

    def _evidence(self) -> Iterator[str]:
        if self.one.evidence:
            yield self.say("evidence")
            yield from (f"  {line}" for line in self.one.evidence.splitlines())

    def _gates(self) -> Iterator[str]:
        yield self.say("gates")
        for gate in self.one.gates:
            mark = "✓" if gate["passed"] == "true" else "✗"
            yield f"  {mark} {gate[self.language]}"

    def _score(self) -> Iterator[str]:
        placed = self.one.placed
        if placed is None:
            return
        yield self.say("score", score=placed.score, exact=placed.exact)
        parts = (placed.data, placed.jury, placed.public)
        for name, weight, points in zip(
            ("data", "jury", "public"), part_weights(self.one.category), parts, strict=True
        ):
            if weight and points is not None:
                yield f"  {self.say(f'part_{name}')}  {weight} × {points} = {plain(weight * points)}"

    def _index(self) -> Iterator[str]:
        one, choice = self.one, self.one.category.index
        if one.placed is None or one.placed.index is None:
            return
        name = f"{self.label(choice.label)} {choice.version}"
        yield self.say("index_by_people" if choice.by_people else "index", name=name, index=one.placed.index)
        for level in one.levels:
            yield f"  {self.label(level.label)}  {level.weight} × {short(level.value)}"
            for term in level.terms:
                meaning = self.variable(term.variable)
                yield f"    {meaning}: {term.figure:f} → {short(term.value)}"
        if one.windows:
            yield f"  {self.windows()}"
            each = (f"{row['window']} {row['index'] or '–'}" for row in one.windows)
            yield f"  {self.say(f'each_{choice.aggregate}')}: {', '.join(each)}"
        for metric, figure, value in one.question_terms:
            shown = "∞" if not figure.is_finite() else f"{figure:f}"
            yield f"  {self.metric(metric)}: {shown} → {short(value)}"

    def _gap(self, gap: Gap | None, side: str) -> Iterator[str]:
        if gap is None:
            return
        other = gap.neighbour
        size = abs(gap.gap)
        yield self.say(f"gap_{side}", noun=self.noun, name=other.name, place=other.place, gap=plain(size))
        small = Decimal(0)
        for line in sorted(gap.lines, key=lambda line: -abs(line.value)):
            if abs(line.value) < _LEAST:
                small += line.value
            else:
                yield f"  {signed(line.value):>12}  {self.line(line)}"
        if small.quantize(SHOWN):
            yield f"  {signed(small):>12}  {self.say('small_lines')}"
        yield f"  {signed(summed(gap.lines)):>12}  {self.say('sum')}"
        for name, mine, theirs in gap.ties:
            yield "  " + self.tie(name, mine, theirs)

    def _remedies(self) -> Iterator[str]:
        if not self.one.remedies or self.one.above is None:
            return
        yield self.say("remedies", name=self.one.above.neighbour.name)
        for remedy in self.one.remedies:
            yield f"  {self.metric(remedy.metric)}: {self.remedy(remedy)}"

    def _articles(self) -> Iterator[str]:
        if not self.one.articles:
            return
        yield self.say("articles")
        for article in self.one.articles:
            figures = ", ".join(
                f"{self.metric(name)} {value or '–'}" for name, value in article.figures.items()
            )
            worth = self.say("worth", worth=plain(article.worth))
            yield f"  {article.day} {article.title or article.remote_id} ({figures}): {worth}"

    def _flags(self) -> Iterator[str]:
        yield self.say("flags" if self.one.flags else "no_flags")
        for flag in self.one.flags:
            what = " ".join(part for part in (flag["day"], flag["title"]) if part)
            yield f"  {what + ': ' if what else ''}{flag[self.language]}"


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
        "evidence": explained.evidence,
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
        "windows": [
            {"window": row["window"], "posts": int(row["posts"]), "index": row["index"] or None}
            for row in explained.windows
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
