"""The list as a page that leads to every account's explanation, and the folder that holds them all."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from analytics.awards.explanation import explain_all
from analytics.awards.explanation_page import as_page
from analytics.awards.folder import RunFolder, not_written
from analytics.awards.nouns import noun, ranked
from analytics.awards.page import Html, Part, document, joined, table, tag
from analytics.awards.result import CategoryResult, Placed, TrackResult
from analytics.awards.rule import Rule
from analytics.awards.run import rule_of, run_id_in
from analytics.awards.stages import results_of
from analytics.indices import Label
from config.messages import told

INDEX = "index.html"
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,60}")
Address = Callable[[str, str], str]  # category and handle → where the account is explained


def write_pages(
    path: Path, out: Path, language: str, *, progress: Callable[[int], None] | None = None
) -> int:
    """Writes `index.html` and a page an account into the folder `out`; gives how many pages that are.

    Raises MeizhenError where there is no list yet, or the folder cannot be written.
    """
    written = 0
    try:
        for explained in explain_all(path):
            name = address_of(explained.category.id, explained.handle)
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(as_page(explained, language, ranking=f"../{INDEX}"), "utf-8")
            written += 1
            if progress is not None:
                progress(written)
        folder = RunFolder(path)
        rule = rule_of(folder)
        results = results_of(rule, path.joinpath)
        page = ranking_page(rule, results, run_id_in(folder), language, address_of)
        (out / INDEX).write_text(page, "utf-8")
    except OSError as error:
        raise not_written(out, error) from None
    return written + 1


def address_of(category: str, handle: str) -> str:
    """Where an account's page lies; what is no plain name becomes a hash."""
    plain = handle if _SAFE.fullmatch(handle) else hashlib.sha256(handle.encode()).hexdigest()[:24]
    return f"{category}/{plain}.html"


def ranking_page(
    rule: Rule, results: Sequence[CategoryResult], run_id: str, language: str, address: Address
) -> str:
    """The whole list in one language; every name leads to its explanation."""
    return document(rule.title, language, joined(_Page(rule, run_id, language, address).parts(results)))


class _Page:
    def __init__(self, rule: Rule, run_id: str, language: str, address: Address) -> None:
        self._rule = rule
        self._run_id = run_id
        self._language = language
        self._address = address

    def _say(self, entry: str, **params: object) -> str:
        return told(f"explain.{entry}", params, language=self._language)

    def _label(self, label: Label) -> str:
        return label.en if self._language == "en" else label.zh

    def parts(self, results: Sequence[CategoryResult]) -> Iterator[Html]:
        period = self._say("period", start=self._rule.start, end=self._rule.end, age=self._rule.read_age_days)
        yield tag(
            "header",
            tag("h1", self._rule.title),
            tag("p", period),
            tag("p", self._say("page_note", noun=ranked(self._rule, self._language))),
        )
        for result in results:
            for track in result.tracks:
                yield tag("h2", f"{self._label(result.category.label)} · {self._label(track.track.label)}")
                yield self._track(result, track)
            yield from self._left_out(result)
        yield tag("footer", self._say("run", run_id=self._run_id))

    def _track(self, result: CategoryResult, track: TrackResult) -> Html:
        name = noun(result.category.of, self._language)
        if not track.places:
            return tag("p", self._say("empty_track", noun=name), class_="note")
        others = [self._say(f"head_{one}") for one in ("unit", "score", "interval", "inside")]
        head = [self._say("head_place"), name, *others]
        rows = [("awarded" if one.awarded else "", self._row(result, one)) for one in track.places]
        return table([*head, ""], rows, (0, 3, 4, 5))

    def _row(self, result: CategoryResult, one: Placed) -> list[Part]:
        flags = tag("span", self._say("flag_count", count=one.flags), class_="note") if one.flags else ""
        return [
            str(one.place),
            self._linked(result, one.handle, one.name),
            one.unit,
            f"{one.score:f}",
            f"{one.low}–{one.high}",
            f"{one.inside * 100:.1f} %",
            flags,
        ]

    def _linked(self, result: CategoryResult, handle: str, name: str) -> Html:
        return tag("a", name, href=self._address(result.category.id, handle))

    def _left_out(self, result: CategoryResult) -> Iterator[Html]:
        if not result.ineligible:
            return
        yield tag("h2", f"{self._label(result.category.label)} · {self._say('left_out')}")
        rows: list[tuple[str, list[Part]]] = [
            ("", [self._linked(result, str(one["handle"]), str(one["name"])), self._reasons(one)])
            for one in result.ineligible
        ]
        yield table((), rows)

    def _reasons(self, one: Mapping[str, object]) -> str:
        reasons = one["reasons"]
        if not isinstance(reasons, list):
            return ""
        return "; ".join(str(reason[self._language]) for reason in reasons)
