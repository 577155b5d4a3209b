"""What every template may say of a run: texts and counts, nothing to be computed there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.awards.files import plain
from analytics.awards.folder import ENGINE, RunFolder
from analytics.awards.notice import public_days
from analytics.awards.nouns import noun, ranked
from analytics.awards.objections import Objection, objections
from analytics.awards.papers.certificates import Certificate, certificates
from analytics.awards.result import CategoryResult, Placed
from analytics.awards.rule import Rule
from analytics.awards.run import rule_of
from analytics.awards.stages import FINAL, exclusion_count, number_of, results_of
from config.errors import MeizhenError
from config.messages import told
from config.paper import code_svg

LAYOUT = 1  # of the facts: raised when a template written for the old ones would not do


@dataclass(frozen=True)
class Run:
    """A run whose list is made, as its papers see it. `final`: the list is final and unchanged since."""

    folder: RunFolder
    rule: Rule
    run_id: str
    number: int
    final: bool
    results: tuple[CategoryResult, ...]
    objections: tuple[Objection, ...]

    @property
    def certificates(self) -> list[Certificate]:
        return certificates(self.rule, self.results, self.run_id)


def read_run(folder: RunFolder) -> Run:
    """The run in a folder. Raises MeizhenError before the list is made, or where a file of it was changed."""
    rule = rule_of(folder)
    stage = number_of("notice")
    if not folder.was_done(stage, "notice"):
        raise MeizhenError("papers.too_early", folder=folder.path)
    if not folder.is_done(stage, "notice"):
        raise MeizhenError("papers.changed", folder=folder.path)
    final = number_of(FINAL)
    if folder.was_done(final, FINAL) and not folder.is_done(final, FINAL):
        raise MeizhenError("papers.changed", folder=folder.path)
    return Run(
        folder=folder,
        rule=rule,
        run_id=str(ranking_of(folder)["run_id"]),
        number=1 + exclusion_count(folder.path.joinpath),
        final=folder.is_done(final, FINAL),
        results=results_of(rule, folder.path.joinpath),
        objections=tuple(objections(folder)),
    )


def ranking_of(folder: RunFolder) -> Mapping[str, object]:
    """The run's own list as JSON."""
    found: dict[str, object] = json.loads((folder.path / "ranking.json").read_text("utf-8"))
    return found


def said(entry: str, **params: object) -> str:
    """A text of the papers: they are Chinese, whatever the language of the command line."""
    return told(f"papers.{entry}", params, language="zh")


def percent(share: Decimal) -> str:
    return f"{plain((share * 100).quantize(Decimal('0.1')))} %"


def interval(placed: Placed) -> str:
    return f"{placed.low}–{placed.high}"


def common_facts(run: Run) -> dict[str, object]:
    """What all papers share; `docs/how-to/run-the-award.md` names the keys."""
    rule, law = run.rule, run.rule.robustness
    numbers = {(c.category.id, c.placed.handle): c.number for c in run.certificates}
    return {
        "layout": LAYOUT,
        "award": {
            "id": rule.id,
            "title": rule.title,
            "start": day(rule.start),
            "end": day(rule.end),
            "read_age_days": rule.read_age_days,
            "places": rule.places,
            "rounding": said("half_even" if rule.rounding == "half-even" else "half_up"),
        },
        "run": {
            "id": run.run_id,
            "short": run.run_id[:16],
            "number": run.number,
            "engine": ENGINE,
            "rule": rule.digest,
        },
        "final": run.final,
        "robustness": {
            "draws": f"{law.draws:,}",
            "concentration": plain(law.concentration),
            "share": percent(law.high - law.low),
        },
        "rule_notice": _rule_notice(rule),
        "notice": _notice(run.folder),
        "awarded": len(numbers),
        "ranked": ranked(rule, "zh"),
        "categories": [_category(result, numbers) for result in run.results],
        "objections": [_objection(one) for one in run.objections],
    }


def day(of: date) -> str:
    """A day as official papers write it."""
    return said("day", year=of.year, month=of.month, day=of.day)


def _rule_notice(rule: Rule) -> dict[str, object] | None:
    if rule.notice is None:
        return None
    return {
        "days": rule.notice.public_days,
        "named": rule.notice.named,
        "answer_days": rule.notice.answer_days,
    }


def _notice(folder: RunFolder) -> dict[str, str] | None:
    days = public_days(folder)
    return None if days is None else {"put_up": day(days.put_up), "until": day(days.until)}


def _category(result: CategoryResult, numbers: Mapping[tuple[str, str], str]) -> dict[str, object]:
    category = result.category
    return {
        "id": category.id,
        "label": category.label.zh,
        "noun": noun(category.of, "zh"),
        "tracks": [
            {
                "id": track.track.id,
                "label": track.track.label.zh,
                "places": track.track.places,
                "accounts": [
                    _account(placed, numbers.get((category.id, placed.handle), "")) for placed in track.places
                ],
            }
            for track in result.tracks
        ],
    }


def _account(placed: Placed, number: str) -> dict[str, object]:
    return {
        "place": placed.place,
        "awarded": placed.awarded,
        "handle": placed.handle,
        "name": placed.name,
        "unit": placed.unit,
        "score": str(placed.score),
        "index": "–" if placed.index is None else str(placed.index),
        "interval": interval(placed),
        "inside": percent(placed.inside),
        "number": number,
    }


def _objection(one: Objection) -> dict[str, object]:
    answer = one.answer
    return {
        "number": one.number,
        "day": day(one.day),
        "due": day(one.due),
        "by": one.by or said("unnamed"),
        "account": one.account or said("whole_list"),
        "text": one.text,
        "answer": None
        if answer is None
        else {
            "day": day(answer.day),
            "by": answer.by,
            "text": answer.text,
            "result": said("upheld" if answer.upheld else "not_upheld"),
        },
    }


def certificate_facts(found: Sequence[Certificate]) -> dict[str, object]:
    """The certificates with their codes as SVG. A place is named where the rule awards more than one."""
    return {
        "certificates": [
            {
                "number": one.number,
                "name": one.placed.name,
                "unit": one.placed.unit,
                "category": one.category.label.zh,
                "track": _group(one.track.label.zh),
                "place": one.placed.place,
                "show_place": one.track.places > 1,
                "handle": one.placed.handle,
                "told": one.told,
                "code": code_svg(one.told),
            }
            for one in found
        ]
    }


def _group(label: str) -> str:
    """盟市 → 盟市组, 高校组 → 高校组."""
    return label if label.endswith("组") else f"{label}组"
