"""Score sheets: one a judge, out as xlsx, back in, sealed until all are in.

A sheet that came back is encrypted with the house's keys and opened only together with all others, so that
nobody scores with an eye on what others gave. `jury/` in the run's folder holds the list of judges and the
sealed sheets; opening writes `inputs/jury.csv`, which the run then takes.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from analytics.awards import intake
from analytics.awards.eligibility import eligible_handles
from analytics.awards.files import json_bytes, read_csv, write_csv
from analytics.awards.folder import RunFolder, not_written
from analytics.awards.handles import Handles, Key
from analytics.awards.intake import spelled
from analytics.awards.jury import SCORE_COLUMNS, Score, read_jury_row, write_scores
from analytics.awards.nominees import evidence_in
from analytics.awards.nouns import ranked
from analytics.awards.rule import Category, Rule
from analytics.awards.run import rule_of
from analytics.awards.stages import number_of
from config.errors import InputError, MeizhenError, Problem
from config.secrets import KeyRing, Sealed
from config.table_files import Row, Table, read_table

FOLDER = "jury"
JUDGES = f"{FOLDER}/judges.csv"
COLUMNS = ("category", "handle", "name", "unit_name", "track", "evidence", "judge", "unit", "score")
# What people read above each column; the last word is what we read.
_HEADINGS = (
    "类别 category",
    "{ranked} handle",
    "名称 name",
    "单位 unit_name",
    "组别 track",
    "材料 evidence",
    "评委 judge",
    "评委单位 unit",
    "评分0–100 score",
)
_JUDGE_COLUMNS = ("judge", "unit")
_A4 = 9
_WIDTHS = (15, 24, 30, 30, 14, 50, 14, 15, 18)


@dataclass(frozen=True)
class Judge:
    """One judge: the name, and the code of their unit, '' for one from outside."""

    name: str
    unit: str


@dataclass(frozen=True)
class Sheets:
    """Whose sheet is in, and whose is not."""

    filed: tuple[str, ...]
    missing: tuple[str, ...]


def write_sheets(folder: RunFolder, judges: Path, out: Path) -> tuple[Path, ...]:
    """Writes each judge's sheet into the folder `out`: the eligible accounts but those of their own unit.

    Raises MeizhenError before eligibility is known or where other judges were named before, InputError for a
    wrong list of judges or where an account would be left with too few.
    """
    rule = rule_of(folder)
    _refuse_early(folder)
    named = _read_judges(judges)
    asked = {category.id: _asked(folder, category) for category in rule.categories if category.jury.weight}
    _refuse_few(rule, named, asked)
    content = spelled(
        lambda path: write_csv(path, _JUDGE_COLUMNS, [(judge.name, judge.unit) for judge in named])
    )
    if folder.has(JUDGES) and (folder.path / JUDGES).read_bytes() != content:
        raise MeizhenError("award.other_judges", folder=folder.path)
    folder.place(JUDGES, content)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return tuple(
            _write_sheet(rule, judge, asked, out / f"{number:02}-{_file_name(judge.name)}.xlsx")
            for number, judge in enumerate(named, start=1)
        )
    except OSError as error:
        raise not_written(out, error) from None


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def _refuse_early(folder: RunFolder) -> None:
    if not folder.is_done(number_of("eligibility"), "eligibility"):
        raise MeizhenError("award.not_eligible_yet", folder=folder.path)
    if folder.has(intake.JURY):
        raise MeizhenError("award.jury_is_in", folder=folder.path)


def _read_judges(path: Path) -> list[Judge]:
    table = read_table(path)
    table.require(_JUDGE_COLUMNS, known=_JUDGE_COLUMNS)
    found: list[Judge] = []
    problems: list[Problem] = []
    for row in table.rows:
        if not row["judge"]:
            problems.append(Problem("input.required", row.number, "judge"))
        elif any(judge.name == row["judge"] for judge in found):
            problems.append(Problem("index.key_repeated", row.number, "judge", {"received": row["judge"]}))
        found.append(Judge(row["judge"], row["unit"]))
    if problems:
        raise InputError(table.source, problems)
    return sorted(found, key=lambda judge: judge.name)


def _known_judges(folder: RunFolder) -> list[Judge]:
    if not folder.has(JUDGES):
        raise MeizhenError("award.no_judges", folder=folder.path)
    return [Judge(row["judge"], row["unit"]) for row in read_csv(folder.path / JUDGES)]


def _asked(folder: RunFolder, category: Category) -> list[dict[str, str]]:
    """The eligible accounts of a category."""
    eligible = eligible_handles(folder.path / category.id / "eligibility.csv")
    told = evidence_in(folder.path / category.id)
    return [
        account | {"evidence": told.get(account["handle"], "")}
        for account in read_csv(folder.path / category.id / "accounts.csv")
        if account["handle"] in eligible
    ]


def _for_judge(
    rule: Rule, judge: Judge, asked: Mapping[str, list[dict[str, str]]]
) -> Iterator[tuple[Category, dict[str, str]]]:
    """The accounts that a judge is asked about, by category, track and handle."""
    for category in rule.categories:
        tracks = [track.id for track in category.tracks]
        accounts = asked.get(category.id, [])
        for account in sorted(accounts, key=lambda one: (tracks.index(one["track"]), one["handle"])):
            own = bool(judge.unit) and account["unit_code"] == judge.unit
            if not (own and category.jury.recuse_same_org):
                yield category, account


def _refuse_few(rule: Rule, judges: list[Judge], asked: Mapping[str, list[dict[str, str]]]) -> None:
    scored: dict[Key, int] = {}
    for judge in judges:
        for category, account in _for_judge(rule, judge, asked):
            key = category.id, account["handle"]
            scored[key] = scored.get(key, 0) + 1
    problems = [
        Problem(
            "award.too_few_judges", params={"handle": account["handle"], "least": category.jury.min_judges}
        )
        for category in rule.categories
        for account in asked.get(category.id, [])
        if scored.get((category.id, account["handle"]), 0) < category.jury.min_judges
    ]
    if problems:
        raise InputError(JUDGES, problems)


def _write_sheet(rule: Rule, judge: Judge, asked: Mapping[str, list[dict[str, str]]], path: Path) -> Path:
    from xlsxwriter import Workbook

    book = Workbook(
        path,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties({"created": datetime.combine(rule.end, time(), UTC).replace(tzinfo=None)})
    page = book.add_worksheet("scores")
    formats: dict[str, Any] = {
        "head": book.add_format({"bold": True, "bg_color": "#E8EDF3", "border": 1}),
        "cell": book.add_format({"border": 1}),
        "score": book.add_format({"border": 1, "bg_color": "#FFF7E0"}),
    }
    for column, (name, width) in enumerate(zip(_HEADINGS, _WIDTHS, strict=True)):
        heading = name.format(ranked=ranked(rule, "zh"))
        page.set_column(column, column, width)
        page.write_string(0, column, heading, formats["head"])
    page.freeze_panes(1, 0)
    page.set_landscape()
    page.set_paper(_A4)
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    last = 0
    for last, (category, account) in enumerate(_for_judge(rule, judge, asked), start=1):
        track = category.track(account["track"])
        labels = (account["name"], account["unit"], track.label.zh if track else account["track"])
        told = (account["handle"], *labels, account["evidence"], judge.name, judge.unit)
        for column, cell in enumerate((category.id, *told)):
            page.write_string(last, column, cell, formats["cell"])
        page.write_blank(last, len(COLUMNS) - 1, None, formats["score"])
    page.data_validation(
        1,
        len(COLUMNS) - 1,
        max(last, 1),
        len(COLUMNS) - 1,
        {"validate": "decimal", "criteria": "between", "minimum": 0, "maximum": 100},
    )
    book.close()
    return path


def file_sheet(folder: RunFolder, keys: KeyRing, path: Path) -> tuple[str, str]:
    """Takes a judge's sheet and seals it; gives the judge and the name of the sealed file.

    Raises InputError for a sheet that is not whole or not in order, MeizhenError for one that is in already.
    """
    rule = rule_of(folder)
    _refuse_early(folder)
    judges = _known_judges(folder)
    table = read_sheet(path)
    judge = _judge_of(table, judges)
    scores = _scores_of(folder, rule, judge, table)
    name = _sealed_name(judges.index(judge))
    if folder.has(name):
        raise MeizhenError("award.sheet_is_in", judge=judge.name)
    content = spelled(lambda target: write_scores(scores, target))
    sealed = keys.seal(content, _owner(rule, judge))
    told: dict[str, object] = {
        "judge": judge.name,
        "key_version": sealed.key_version,
        "wrapped_key": b64encode(sealed.wrapped_key).decode(),
        "ciphertext": b64encode(sealed.ciphertext).decode(),
    }
    folder.place(name, json_bytes(told))
    return judge.name, name


def read_sheet(path: Path) -> Table:
    """A sheet by its plain column names, whatever stands before them in the heading."""
    table = read_table(path)
    names = {column: column.split()[-1] if column else column for column in table.columns}
    rows = (Row(row.number, {names[name]: cell for name, cell in row.cells.items()}) for row in table.rows)
    sheet = Table(table.source, tuple(names.values()), tuple(rows))
    sheet.require(("category", "handle", "judge", "score"), known=COLUMNS)
    return sheet


def _judge_of(table: Table, judges: list[Judge]) -> Judge:
    names = sorted({row["judge"] for row in table.rows})
    found = [judge for judge in judges if judge.name in names]
    if len(names) != 1 or len(found) != 1:
        known = ", ".join(judge.name for judge in judges)
        problem = Problem("award.not_one_judge", params={"received": ", ".join(names), "known": known})
        raise InputError(table.source, [problem])
    return found[0]


def _scores_of(folder: RunFolder, rule: Rule, judge: Judge, table: Table) -> dict[Key, list[Score]]:
    accounts = ((category, folder.path / category.id / "accounts.csv") for category in rule.categories)
    handles = Handles(accounts)
    asked = {category.id: _asked(folder, category) for category in rule.categories if category.jury.weight}
    wanted = {(category.id, account["handle"]) for category, account in _for_judge(rule, judge, asked)}
    scores: dict[Key, list[Score]] = {}
    problems: list[Problem] = []
    for row in table.rows:
        signed = Row(row.number, {**row.cells, "unit": judge.unit})
        problems += read_jury_row(signed, handles, rule, scores)
        key, _ = handles.find(row)
        if key in scores and key not in wanted:
            params = {"received": row["handle"]}
            problems.append(Problem("award.not_asked", row.number, "handle", params))
    left = sorted(handle for _, handle in wanted - set(scores))
    if left and not problems:
        problems.append(Problem("award.not_scored", params={"handles": ", ".join(left[:20])}))
    if problems:
        raise InputError(table.source, problems)
    return scores


def _sealed_name(number: int) -> str:
    return f"{FOLDER}/{number + 1:02}.sealed.json"


def _owner(rule: Rule, judge: Judge) -> str:
    return f"award {rule.digest} {judge.name}"


def sheets(folder: RunFolder) -> Sheets:
    """Whose sheets are in."""
    judges = _known_judges(folder)
    filed = tuple(judge.name for number, judge in enumerate(judges) if folder.has(_sealed_name(number)))
    return Sheets(filed, tuple(judge.name for judge in judges if judge.name not in filed))


def open_sheets(folder: RunFolder, keys: KeyRing) -> Path:
    """Opens all sheets together and writes the run's `inputs/jury.csv`.

    Raises MeizhenError while one is missing, or where a sealed file was changed.
    """
    rule = rule_of(folder)
    _refuse_early(folder)
    missing = sheets(folder).missing
    if missing:
        raise MeizhenError("award.sheets_missing", judges=", ".join(missing))
    rows: list[list[str]] = []
    for number, judge in enumerate(_known_judges(folder)):
        told = json.loads((folder.path / _sealed_name(number)).read_text("utf-8"))
        sealed = Sealed(told["key_version"], b64decode(told["wrapped_key"]), b64decode(told["ciphertext"]))
        rows += _opened(keys.open(sealed, _owner(rule, judge)))
    rows.sort()
    return folder.place(intake.JURY, spelled(lambda path: write_csv(path, SCORE_COLUMNS, rows)))


def _opened(content: bytes) -> list[list[str]]:
    import csv
    import io

    rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    return list(rows)[1:]
