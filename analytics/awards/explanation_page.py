"""An explanation as a page: the same facts as the text, with the interval and the gaps drawn."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from analytics.awards.explanation import Explained, Gap, summed
from analytics.awards.explanation_words import SHOWN, Words, plain, short, signed
from analytics.awards.page import Html, Part, document, joined, link, table, tag
from analytics.awards.score import part_weights

_WIDTH, _HEIGHT = 720, 64  # of the drawn interval
_BAR = 90  # of the widest bar of a gap
_Row = tuple[str, Sequence[Part]]


def as_page(explained: Explained, language: str, *, ranking: str = "") -> str:
    """A whole page in one language; `ranking` is the address of the list that it belongs to."""
    title = f"{explained.name} · {explained.rule.title}"
    return document(title, language, as_body(explained, language, ranking=ranking))


def as_body(explained: Explained, language: str, *, ranking: str = "") -> Html:
    """What stands on the page, to be put into another one."""
    return joined(_Page(explained, language).parts(ranking))


class _Page(Words):
    def parts(self, ranking: str) -> Iterator[Html]:
        yield self._head(ranking)
        if self.one.placed is not None:
            yield self._interval()
        if self.one.evidence:
            lines = (tag("p", link(line, line)) for line in self.one.evidence.splitlines())
            yield from self._section("evidence", joined(lines))
        yield from self._section("gates", self._gates())
        if self.one.placed is not None:
            yield from self._score()
            yield from self._index()
            yield from self._gap(self.one.above, "above")
            yield from self._remedies()
            yield from self._gap(self.one.below, "below")
            yield from self._ways()
            yield from self._articles()
            yield from self._flags()
        yield tag("footer", self.say("run", run_id=self.one.run_id))

    def _section(self, entry: str, content: Html, **params: object) -> Iterator[Html]:
        yield tag("h2", self.say(entry, **params).removesuffix(":").removesuffix(":"))
        yield content

    def _head(self, ranking: str) -> Html:
        one, placed = self.one, self.one.placed
        where = f"{self.label(one.category.label)} · {self.label(one.track)}"
        parts: list[Part] = [
            tag("p", one.rule.title),
            tag("h1", one.name),
            tag("p", f"{one.handle} · {one.unit} · {where}"),
        ]
        if placed is None:
            parts.append(tag("p", self.say("not_placed"), class_="place"))
        else:
            entry = "awarded_place" if placed.awarded else "place"
            told = self.say(
                entry, place=placed.place, of=one.of, awarded=one.awarded_places, score=placed.score
            )
            parts.append(tag("p", told, class_="place"))
        if ranking:
            parts.append(tag("p", tag("a", self.say("to_ranking"), href=ranking)))
        return tag("header", *parts)

    def _interval(self) -> Html:
        """Places from the first to the last: the interval, the own place, and where awarding ends."""
        one, placed = self.one, self.one.placed
        if placed is None:
            return Html("")
        law = one.rule.robustness
        share = f"{(law.high - law.low) * 100:f}".rstrip("0").rstrip(".")
        told = self.say(
            "interval",
            share=share,
            low=placed.low,
            high=placed.high,
            draws=law.draws,
            inside=f"{placed.inside * 100:.1f}",
        )

        def at(place: float) -> float:
            return round(20 + (place - 0.5) / max(one.of, 1) * (_WIDTH - 40), 1)

        end = at(min(one.awarded_places, one.of) + 0.5)
        first, last = at(placed.low - 0.4), at(placed.high + 0.4)
        drawn = (
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{placed.low}–{placed.high}">'
            f'<rect x="20" y="26" width="{_WIDTH - 40}" height="12" fill="#eef1f4"/>'
            f'<rect x="20" y="26" width="{round(end - 20, 1)}" height="12" fill="#f4d5da"/>'
            f'<rect x="{first}" y="22" width="{round(last - first, 1)}" height="20" rx="4" fill="#2b5c8a" '
            f'fill-opacity=".45"/><circle cx="{at(placed.place)}" cy="32" r="7" fill="#c8102e"/>'
            f'<text x="20" y="58" font-size="13" fill="#5b6573">1</text>'
            f'<text x="{_WIDTH - 20}" y="58" font-size="13" fill="#5b6573" text-anchor="end">{one.of}</text>'
            f'<text x="{at(placed.place)}" y="14" font-size="13" fill="#1d2530" text-anchor="middle">'
            f"{placed.place}</text></svg>"
        )
        return joined([Html(drawn), tag("p", told, class_="note")])

    def _gates(self) -> Html:
        rows: list[_Row] = []
        for gate in self.one.gates:
            passed = gate["passed"] == "true"
            mark = tag("span", "✓" if passed else "✗", class_="yes" if passed else "no")
            rows.append(("", [mark, gate[self.language]]))
        return table((), rows)

    def _score(self) -> Iterator[Html]:
        placed = self.one.placed
        if placed is None:
            return
        names = ("data", "jury", "public")
        points = (placed.data, placed.jury, placed.public)
        rows: list[_Row] = [
            ("", [self.say(f"part_{name}"), str(weight), f"{value:f}", plain(weight * value)])
            for name, weight, value in zip(names, part_weights(self.one.category), points, strict=True)
            if weight and value is not None
        ]
        rows.append(("sum", [self.say("sum"), "", "", plain(placed.exact)]))
        head = ["", self.say("head_weight"), self.say("head_points"), self.say("head_product")]
        yield from self._section(
            "score", table(head, rows, (1, 2, 3)), score=placed.score, exact=placed.exact
        )

    def _index(self) -> Iterator[Html]:
        one, choice = self.one, self.one.category.index
        if one.placed is None or one.placed.index is None:
            return
        rows: list[_Row] = []
        for level in one.levels:
            weighed = f"{level.weight} × {short(level.value)}"
            rows.append(("level", [self.label(level.label), weighed]))
            for term in level.terms:
                rows.append(("", [self.variable(term.variable), f"{term.figure:f}", short(term.value)]))
        for metric, figure, value in one.question_terms:
            shown = "∞" if not figure.is_finite() else f"{figure:f}"
            rows.append(("", [self.metric(metric), shown, short(value)]))
        entry = "index_by_people" if choice.by_people else "index"
        head = ["", self.say("head_figure"), self.say("head_product")]
        name = f"{self.label(choice.label)} {choice.version}"
        yield from self._section(entry, table(head, rows, (1, 2)), name=name, index=one.placed.index)
        if one.windows:
            yield tag("p", self.windows(), class_="note")
            head = [self.say(f"head_{column}") for column in ("window", "posts", "index")]
            each: list[_Row] = [
                ("", [row["window"], row["posts"], row["index"] or "–"]) for row in one.windows
            ]
            yield from self._section(f"each_{choice.aggregate}", table(head, each, (1, 2)))

    def _gap(self, gap: Gap | None, side: str) -> Iterator[Html]:
        if gap is None:
            return
        lines = sorted(gap.lines, key=lambda line: -abs(line.value))
        widest = max((abs(line.value) for line in lines), default=Decimal(0)) or Decimal(1)
        rows: list[_Row] = [
            ("", [self.line(line), _bar(line.value / widest), signed(line.value)])
            for line in lines
            if line.value.quantize(SHOWN)
        ]
        small = sum((line.value for line in lines if not line.value.quantize(SHOWN)), Decimal(0))
        if small.quantize(SHOWN):
            rows.append(("", [self.say("small_lines"), "", signed(small)]))
        rows.append(("sum", [self.say("sum"), "", signed(summed(gap.lines))]))
        params = {
            "noun": self.noun,
            "name": gap.neighbour.name,
            "place": gap.neighbour.place,
            "gap": plain(abs(gap.gap)),
        }
        yield from self._section(f"gap_{side}", table((), rows, (2,)), **params)
        for name, mine, theirs in gap.ties:
            yield tag("p", self.tie(name, mine, theirs), class_="note")

    def _remedies(self) -> Iterator[Html]:
        if not self.one.remedies or self.one.above is None:
            return
        rows: list[_Row] = [
            ("", [self.metric(remedy.metric), self.remedy(remedy)]) for remedy in self.one.remedies
        ]
        yield from self._section("remedies", table((), rows), name=self.one.above.neighbour.name)

    def _ways(self) -> Iterator[Html]:
        placed = self.one.placed
        if placed is None or not placed.alternatives:
            return
        rows: list[_Row] = [
            ("", [self.alternative(name), "–" if place is None else str(place)])
            for name, place in placed.alternatives.items()
        ]
        yield from self._section("ways", table(["", self.say("head_place")], rows, (1,)))

    def _articles(self) -> Iterator[Html]:
        if not self.one.articles:
            return
        rows: list[_Row] = []
        for article in self.one.articles:
            figures = ", ".join(
                f"{self.metric(name)} {value or '–'}" for name, value in article.figures.items()
            )
            title = joined(
                [link(article.url, article.title or article.remote_id), tag("div", figures, class_="note")]
            )
            rows.append(("", [article.day, title, plain(article.worth)]))
        head = [self.say("head_day"), self.say("head_article"), self.say("head_worth")]
        yield from self._section("articles", table(head, rows, (2,)))

    def _flags(self) -> Iterator[Html]:
        flags = []
        for flag in self.one.flags:
            what = " ".join(part for part in (flag["day"], flag["title"]) if part)
            flags.append(tag("div", f"{what + ': ' if what else ''}{flag[self.language]}", class_="flag"))
        if flags:
            yield from self._section("flags", joined(flags))
        else:
            yield tag("p", self.say("no_flags"), class_="note")


def _bar(share: Decimal) -> Html:
    """A bar from the middle: to the right where the neighbour is ahead."""
    size = round(float(abs(share)) * _BAR, 1)
    left, colour = (_BAR, "#c8102e") if share > 0 else (_BAR - size, "#2e7d5b")
    return Html(
        f'<svg viewBox="0 0 {2 * _BAR} 12" width="{2 * _BAR}" height="12" aria-hidden="true">'
        f'<rect x="{left}" y="1" width="{size}" height="10" rx="2" fill="{colour}" fill-opacity=".75"/>'
        f'<rect x="{_BAR - 0.5}" y="0" width="1" height="12" fill="#9aa3ad"/></svg>'
    )
