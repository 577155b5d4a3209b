"""Runs an award again from its frozen inputs and says what differs: anybody can, on any machine."""

import csv
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analytics.awards import intake
from analytics.awards.folder import BESIDE, ENGINE, RECORDS, Desk, RunFolder
from analytics.awards.notice import NOTICE
from analytics.awards.objections import OBJECTIONS, objections
from analytics.awards.rule import Rule
from analytics.awards.run import RECORD, record_run, rule_of
from analytics.awards.stages import BY_CATEGORY, FREEZE, STAGES, WHOLE, inputs_of, number_of
from config.errors import InputError, MeizhenError


@dataclass(frozen=True)
class Difference:
    """One file that is not what the run should have: `kind` is input, changed, missing, unknown or engine.

    In a CSV `row` (the header is 1) and `column` tell the first cell that differs, `expected` and `received`
    what should stand there and what does.
    """

    file: str
    kind: str
    row: int | None = None
    column: str = ""
    expected: str = ""
    received: str = ""


@dataclass(frozen=True)
class Verification:
    """What a verification found: sound where `differences` is empty."""

    run_id: str
    files: int
    differences: tuple[Difference, ...]


def verify(path: Path) -> Verification:
    """Computes every stage of the run in the folder `path` again, elsewhere, and compares each file.

    Raises MeizhenError where the folder holds no run, or one of another engine.
    """
    folder = RunFolder(path)
    record = _record(folder)
    if record.get("engine") != ENGINE:
        raise MeizhenError("award.other_engine", folder=path, made=record.get("engine"), engine=ENGINE)
    try:
        rule = rule_of(folder)
    except InputError:  # a rule that cannot be read is one that was changed
        return Verification(str(record.get("run_id")), 0, (Difference("rule.toml", "input"),))
    found = list(_inputs(folder, rule, record))
    with tempfile.TemporaryDirectory(prefix="meizhen-award-") as temporary:
        again = RunFolder(Path(temporary))
        try:
            _compute(folder, again, rule, _done(record))
            found += _compared(folder, again, {difference.file for difference in found})
        # Inputs that no run can have come from: cut, mangled, of another shape.
        except (MeizhenError, ValueError, KeyError, IndexError, ArithmeticError, csv.Error) as error:
            found.append(Difference(RECORD, "changed", received=str(error)))
        files = sum(1 for _ in again.files())
    return Verification(str(record["run_id"]), files, tuple(found))


def _record(folder: RunFolder) -> dict[str, object]:
    try:
        record = json.loads((folder.path / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict):
        raise MeizhenError("award.no_run", folder=folder.path)
    return record


def _done(record: dict[str, object]) -> list[str]:
    stages = record.get("stages")
    return [stage for stage in STAGES[1:] if isinstance(stages, list) and stage in stages]


def _inputs(folder: RunFolder, rule: Rule, record: dict[str, object]) -> Iterator[Difference]:
    """Inputs whose hash is not the recorded one."""
    told = record.get("inputs")
    recorded: dict[str, str] = told if isinstance(told, dict) else {}
    present = inputs_of(rule, folder.digest)
    for name in sorted({*recorded, *present}):
        expected, received = recorded.get(name, ""), present.get(name, "")
        if expected != received:
            yield Difference(name, "input", expected=expected, received=received)
    try:
        objections(folder)
    except MeizhenError as error:
        yield Difference(OBJECTIONS, "input", received=str(error))


def _compute(folder: RunFolder, again: RunFolder, rule: Rule, stages: list[str]) -> None:
    frozen = folder.writes(number_of(FREEZE), FREEZE)

    def copy(desk: Desk) -> None:
        for name in frozen:
            shutil.copyfile(folder.path / name, desk.write(name))

    again.perform(number_of(FREEZE), FREEZE, copy)
    for name in (*intake.NAMES, NOTICE, OBJECTIONS):
        if folder.has(name) and name not in frozen:
            again.place(name, (folder.path / name).read_bytes())
    for stage in stages:
        again.perform(number_of(stage), stage, lambda desk, stage=stage: _do(rule, stage, desk))  # type: ignore[misc]
    record_run(again, rule)


def _do(rule: Rule, stage: str, desk: Desk) -> None:
    if stage in WHOLE:
        WHOLE[stage](rule, desk)
        return
    for category in rule.categories:
        BY_CATEGORY[stage](rule, category, desk)


def _compared(folder: RunFolder, again: RunFolder, told: set[str]) -> Iterator[Difference]:
    present = (name for name in folder.files() if not name.startswith(BESIDE))
    for name in sorted({*present, *again.files()} - told):
        if not folder.has(name):
            yield Difference(name, "missing")
        elif not again.has(name):
            yield Difference(name, "unknown")
        elif folder.digest(name) != again.digest(name) and not name.startswith(RECORDS):
            yield _difference(name, again.path / name, folder.path / name)
    for name in (file for file in again.files() if file.startswith(RECORDS)):
        if folder.has(name) and folder.digest(name) != again.digest(name):
            yield Difference(name, "changed")


def _difference(name: str, expected: Path, received: Path) -> Difference:
    if not name.endswith(".csv"):
        return Difference(name, "changed")
    with (
        expected.open(encoding="utf-8", newline="") as one,
        received.open(encoding="utf-8", newline="") as other,
    ):
        right, wrong = csv.reader(one), csv.reader(other)
        columns: list[str] = []
        row = 0
        while True:
            row += 1
            cells, theirs = next(right, None), next(wrong, None)
            columns = columns or list(cells or ())
            if cells == theirs:
                if cells is None:
                    return Difference(name, "changed")
                continue
            return _cell(name, row, columns, cells, theirs)


def _cell(
    name: str, row: int, columns: list[str], cells: list[str] | None, theirs: list[str] | None
) -> Difference:
    if cells is None or theirs is None or len(cells) != len(theirs):
        return Difference(name, "changed", row, "", ",".join(cells or ()), ",".join(theirs or ()))
    place = next(number for number, cell in enumerate(cells) if cell != theirs[number])
    column = columns[place] if place < len(columns) else ""
    return Difference(name, "changed", row, column, cells[place], theirs[place])
