"""Every figure of a run as a workbook: the list, parts and figures, gates, scores, flags, certificates."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time
from decimal import Decimal

from analytics.awards.files import read_csv
from analytics.awards.folder import ENGINE
from analytics.awards.nouns import ranked
from analytics.awards.papers.facts import Run, said
from analytics.awards.papers.method import line_name
from analytics.awards.papers.people import scores_of
from analytics.awards.result import Placed
from analytics.exports.sheet import Report, Sheet

LAYOUT = 1
_Cell = str | int | Decimal | None


def workbook(run: Run) -> bytes:
    """The workbook as xlsx: the same run gives the same bytes."""
    content = io.BytesIO()
    created = datetime.combine(run.rule.end, time(23, 59, 59))
    footer = f"&L{said('footer', run_id=run.run_id[:16], number=run.number)}&R&P / &N"
    with Report(content, run.rule.title, created, footer, LAYOUT) as book:
        _ranking(book.sheet(said("sheet_ranking")), run)
        for result in run.results:
            label = result.category.label.zh
            _figures(book.sheet(said("sheet_figures", category=label)), run, result.category.id, "variables")
            if result.category.index.windowed:
                _figures(
                    book.sheet(said("sheet_windows", category=label)), run, result.category.id, "windows"
                )
        _gates(book.sheet(said("sheet_gates")), run)
        if scores_of(run):
            _scores(book.sheet(said("sheet_scores")), run)
        _flags(book.sheet(said("sheet_flags")), run)
        if run.final:
            _certificates(book.sheet(said("sheet_certificates")), run)
        _facts(book.sheet(said("sheet_run")), run)
    return content.getvalue()


def _table(
    sheet: Sheet, headings: Sequence[str], widths: Sequence[float], rows: Iterable[Sequence[_Cell]]
) -> None:
    sheet.widths(list(widths))
    sheet.header([(heading, [""]) for heading in headings])
    sheet.freeze(columns=0)
    for row in rows:
        for cell in row:
            if isinstance(cell, str):
                sheet.text(cell)
            else:
                sheet.number(None if cell is None else Decimal(cell), "exact")
        sheet.end_row()
    sheet.filter(len(headings))


def _headings(names: Sequence[str], run: Run) -> list[str]:
    """Columns as people read them; `noun` is what the award ranks."""
    return [said(f"column_{name}", noun=ranked(run.rule, "zh")) for name in names]


def _ranking(sheet: Sheet, run: Run) -> None:
    others = list(
        dict.fromkeys(
            name
            for result in run.results
            for track in result.tracks
            for placed in track.places
            for name in placed.alternatives
        )
    )
    columns = ("category", "track", "place", "awarded", "account", "name", "unit_code", "unit", "score")
    parts = ("exact", "index", "part_data", "part_jury", "part_public", "low", "high", "inside", "flags")
    headings = _headings((*columns, *parts), run)
    headings += [said("column_alternative", name=line_name(name)) for name in others]
    sheet.line(run.rule.title, "title")
    sheet.line(said("sheet_note"), "note")
    rows = (
        [result.category.label.zh, track.track.label.zh, *_placed(placed, others)]
        for result in run.results
        for track in result.tracks
        for placed in track.places
    )
    widths = (14, 12, 7, 8, 18, 28, 14, 24, 10, 12, 12, 12, 10, 10, 8, 8, 10, 8, *[12] * len(others))
    _table(sheet, headings, widths, rows)


def _placed(placed: Placed, others: Sequence[str]) -> list[_Cell]:
    return [
        placed.place,
        said("yes") if placed.awarded else said("no"),
        placed.handle,
        placed.name,
        placed.unit_code,
        placed.unit,
        placed.score,
        placed.exact,
        placed.index,
        placed.data,
        placed.jury,
        placed.public,
        placed.low,
        placed.high,
        placed.inside,
        placed.flags,
        *(placed.alternatives.get(name) for name in others),
    ]


def _figures(sheet: Sheet, run: Run, category: str, file: str) -> None:
    """Every column of one of the category's files, those with numbers as numbers."""
    path = run.folder.path / category / f"{file}.csv"
    names = list(next(read_csv(path), {"handle": ""}))
    words = ("handle", "name", "unit_code", "unit", "track", "filed", "verified", "window")
    table = ([_typed(row[name], name in words) for name in names] for row in read_csv(path))
    _table(sheet, names, [18 if name in words else 11 for name in names], table)


def _typed(told: str, word: bool) -> _Cell:
    if word or told == "Infinity":
        return told
    return Decimal(told) if told else None


def _gates(sheet: Sheet, run: Run) -> None:
    names = ("category", "account", "name", "gate", "passed", "reason")
    rows = (
        [
            result.category.label.zh,
            row["handle"],
            row["name"],
            row["rule"],
            said("yes") if row["passed"] == "true" else said("no"),
            row["zh"],
        ]
        for result in run.results
        for row in read_csv(run.folder.path / result.category.id / "eligibility.csv")
    )
    _table(sheet, _headings(names, run), (14, 18, 28, 18, 8, 60), rows)


def _scores(sheet: Sheet, run: Run) -> None:
    names = ("category", "account", "judge", "judge_unit", "given")
    labels = {result.category.id: result.category.label.zh for result in run.results}
    rows: Iterator[list[_Cell]] = (
        [labels.get(category, category), handle, score.judge, score.unit, score.score]
        for (category, handle), scores in sorted(scores_of(run).items())
        for score in scores
    )
    _table(sheet, _headings(names, run), (14, 18, 16, 18, 10), rows)


def _flags(sheet: Sheet, run: Run) -> None:
    names = ("category", "account", "check", "article", "day", "received", "usual", "z", "reason")
    rows = (
        [
            result.category.label.zh,
            row["handle"],
            said(f"check_{row['check']}"),
            row["title"],
            row["day"],
            row["received"],
            row["usual"],
            Decimal(row["z"]) if row["z"] else None,
            row["zh"],
        ]
        for result in run.results
        for row in read_csv(run.folder.path / result.category.id / "anomalies.csv")
    )
    _table(sheet, _headings(names, run), (14, 18, 18, 36, 12, 20, 14, 10, 70), rows)


def _certificates(sheet: Sheet, run: Run) -> None:
    names = ("number", "category", "track", "place", "account", "name", "unit", "code")
    rows: Iterator[list[_Cell]] = (
        [
            one.number,
            one.category.label.zh,
            one.track.label.zh,
            one.placed.place,
            one.placed.handle,
            one.placed.name,
            one.placed.unit,
            one.told,
        ]
        for one in run.certificates
    )
    widths = (26, 14, 12, 7, 18, 28, 24, 60)
    _table(sheet, _headings(names, run), widths, rows)


def _facts(sheet: Sheet, run: Run) -> None:
    rule = run.rule
    facts: list[list[_Cell]] = [
        [said("fact_run"), run.run_id],
        [said("fact_number"), str(run.number)],
        [said("fact_engine"), ENGINE],
        [said("fact_rule"), rule.digest],
        [said("fact_period"), f"{rule.start} – {rule.end}"],
        [said("fact_age"), str(rule.read_age_days)],
        [said("fact_draws"), str(rule.robustness.draws)],
    ]
    _table(sheet, [said("column_fact"), said("column_value")], (24, 80), facts)
