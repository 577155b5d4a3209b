"""One award run: its inputs frozen into a folder, then stage by stage, resumable, to the final list.

The run id is the sha256 of the inputs, the rule among them, and `ENGINE`: no clock, no path, no locale goes
into any file, so two runs over the same data give the same bytes. A folder belongs to one run: another rule,
or other scores than those it has, need another folder.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from analytics.awards import intake
from analytics.awards.files import json_bytes, read_csv, write_csv
from analytics.awards.folder import ENGINE, Desk, RunFolder
from analytics.awards.freeze import ACCOUNT_COLUMNS, freeze_accounts
from analytics.awards.freezing import freeze_articles
from analytics.awards.handles import Handles
from analytics.awards.holes import COLUMNS as HOLE_COLUMNS
from analytics.awards.holes import Signature, freeze_holes, refuse_holes
from analytics.awards.imported import freeze_imports
from analytics.awards.intake import Given, Intake, take_in
from analytics.awards.nominees import FILE as NOMINEES
from analytics.awards.nominees import (
    Entry,
    account_rows,
    entries,
    read_nominees,
    write_entries,
    write_nominees,
)
from analytics.awards.objections import refuse_open
from analytics.awards.result import CategoryResult
from analytics.awards.rule import ACCOUNTS, Category, Rule
from analytics.awards.rule_file import load_rule
from analytics.awards.source_mix import freeze_mix, is_told
from analytics.awards.stages import (
    BY_CATEGORY,
    DEFINITIONS,
    FINAL,
    FREEZE,
    FROZEN,
    RULE,
    STAGES,
    WHOLE,
    exclusion_count,
    inputs_of,
    number_of,
    results_of,
    run_id_of,
)
from config.database import Database
from config.errors import InputError, MeizhenError, Problem
from config.progress import Progress

RECORD = "run.json"
_PATHS = {
    "ranking_csv": "ranking.csv",
    "ranking_json": "ranking.json",
    "picture_png": "ranking.png",
    "picture_svg": "ranking.svg",
    "notice": "notice.csv",
    "final": "final.csv",
    "run": RECORD,
}


@dataclass(frozen=True)
class AwardResult:
    """A run as far as it went. `paths` names the files that people open: ranking_csv, ranking_json,
    picture_png, picture_svg, notice, final, run.

    `categories` is empty before the places are shaken (stage anomalies). `waiting` says why the list is not
    final yet; None where it is, or was not asked for. `number` is 1, and one more for every exclusion.
    `data_only` marks a dry run without the jury's scores: its places are those of the data.
    """

    run_id: str
    rule: Rule
    categories: tuple[CategoryResult, ...]
    paths: Mapping[str, Path]
    number: int = 1
    waiting: MeizhenError | None = None
    data_only: bool = False


def run_award(
    database: Database,
    rule_path: Path,
    out: Path,
    *,
    jury: Path | None = None,
    votes: Path | None = None,
    vetoes: Path | None = None,
    signature: Signature | None = None,
    nominees: Path | None = None,
    frozen: Path | None = None,
    today: date | None = None,
    again_from: str | None = None,
    until: str = FINAL,
    progress: Progress | None = None,
) -> AwardResult:
    """Runs the award of a rule file over the database's figures, into the folder `out`.

    A folder that holds this rule's run already is carried on: what is frozen stays frozen, stages that are
    done are not done again, except from `again_from` on. Raises InputError when the rule or a file is wrong,
    when a part with weight has no file, when figures are missing and nobody signed for it (`signature`), when
    an eligible account lacks judges or votes; MeizhenError when the folder holds another run. With `frozen`
    the figures and files are those of that run's folder, but for what is given anew. Without `today` no day
    of the freeze is compared, and a list that a notice waits for does not become final.
    """
    given = Given(jury, votes, vetoes, signature, nominees)
    folder = RunFolder(out)
    if frozen is not None and not folder.was_done(number_of(FREEZE), FREEZE):
        fork(RunFolder(frozen), folder, rule_path, given)
        given = Given()
    return advance(
        folder,
        rule_path,
        given,
        database=database,
        today=today,
        again_from=again_from,
        until=until,
        progress=progress,
    )


def advance(
    folder: RunFolder,
    rule_path: Path,
    given: Given,
    *,
    database: Database | None,
    today: date | None = None,
    again_from: str | None = None,
    until: str = FINAL,
    progress: Progress | None = None,
) -> AwardResult:
    """Carries a run on, see `run_award`; without a database only one that is frozen."""
    if until not in STAGES:
        raise MeizhenError("award.no_such_stage", stage=until, known=", ".join(STAGES))
    rule = load_rule(rule_path, definitions=_definitions(rule_path))
    needs_judgement = STAGES.index(until) >= STAGES.index("jury")
    steps = _Steps(rule, progress)
    if folder.was_done(number_of(FREEZE), FREEZE):
        _take_more(folder, rule, given, rule_path.name)
        if needs_judgement:
            intake.refuse_missing(rule, rule_path.name, folder.has)
        steps.skip(FREEZE)
    else:
        if database is None:
            raise MeizhenError("award.not_frozen", folder=folder.path)
        if needs_judgement:
            intake.refuse_missing(rule, rule_path.name, lambda name: _is_given(given, name))
        freeze_into(folder, database, rule, rule_path, given, today, lambda c: steps.step(FREEZE, c))
    _forget(folder, again_from)
    waiting = _perform(folder, rule, until, steps, today, insist=again_from == FINAL)
    run_id = record_run(folder, rule)
    if progress:
        progress("done", 1, 1)
    return result_of(folder, rule, run_id, waiting)


def _definitions(rule_path: Path) -> Path | None:
    """A run's own copy of the rule has its definitions in a folder beside it."""
    folder = RunFolder(rule_path.parent)
    of_a_run = rule_path.name == RULE and folder.was_done(number_of(FREEZE), FREEZE)
    return rule_path.parent / DEFINITIONS if of_a_run else None


def rule_of(folder: RunFolder) -> Rule:
    """The rule of a run. Raises MeizhenError `award.not_frozen` where the folder holds none."""
    if not folder.was_done(number_of(FREEZE), FREEZE):
        raise MeizhenError("award.not_frozen", folder=folder.path)
    return load_rule(folder.path / RULE, definitions=folder.path / DEFINITIONS)


def _is_given(given: Given, name: str) -> bool:
    files = {intake.JURY: given.jury, intake.VOTES: given.votes}
    return files.get(name) is not None or name in given.more


class _Steps:
    """Tells how far a run is: every stage counts once a category, or once."""

    def __init__(self, rule: Rule, progress: Progress | None) -> None:
        self._progress = progress
        self._categories = len(rule.categories)
        self._total = self._categories * (1 + len(BY_CATEGORY)) + len(WHOLE)
        self._done = 0

    def step(self, stage: str, category: Category | None = None) -> None:
        if self._progress:
            told = stage if category is None else f"{stage} {category.id}"
            self._progress(told, self._done, self._total)
        self._done += 1

    def skip(self, stage: str) -> None:
        self._done += 1 if stage in WHOLE else self._categories


def freeze_into(
    folder: RunFolder,
    database: Database,
    rule: Rule,
    rule_path: Path,
    given: Given,
    today: date | None,
    step: Callable[[Category], None],
) -> None:
    """The first stage: what was given is checked against the accounts, holes are refused, figures written."""

    def work(desk: Desk) -> None:
        nominated = _nominated(database, rule, given, rule_path.name)
        accounts = {c.id: _freeze_who(database, rule, c, nominated.get(c.id), desk) for c in rule.categories}
        _refuse_empty(rule, accounts)
        taken = take_in(rule, given, Handles((c, accounts[c.id]) for c in rule.categories))
        holes = {c.id: _freeze_holes(database, rule, c, desk) for c in rule.categories}
        files = {c.id: (accounts[c.id], holes[c.id]) for c in rule.categories}
        refuse_holes(rule, files, taken.vetoes, signed=given.signature is not None, today=today)
        for category in rule.categories:
            step(category)
            works = _works_of(nominated.get(category.id))
            freeze_articles(database, rule, category, desk.write(f"{category.id}/{FROZEN[1]}"), works)
            freeze_imports(database, rule, category, desk.write(f"{category.id}/{FROZEN[3]}"))
            if _looks_at_mix(rule) and is_told(database, category):
                freeze_mix(database, rule, category, desk.write(f"{category.id}/{FROZEN[4]}"), works)
        for name, content in taken.files.items():
            desk.write(name).write_bytes(content)
        desk.write(RULE).write_bytes(rule_path.read_bytes())
        for path in rule.definitions:
            desk.write(f"{DEFINITIONS}/{path.relative_to(rule_path.parent)}").write_bytes(path.read_bytes())

    folder.perform(number_of(FREEZE), FREEZE, work)


def _looks_at_mix(rule: Rule) -> bool:
    return rule.anomaly.source_mix is not None or rule.anomaly.unexplained is not None


def _nominated(database: Database, rule: Rule, given: Given, source: str) -> dict[str, tuple[Entry, ...]]:
    """The nominees of every category that has some. Raises InputError where nobody gave them."""
    if not rule.needs_nominees:
        return {}
    if given.nominees is None:
        problems = [
            Problem("award.nominees_needed", column=f"category[{number}].of", params={"of": category.of})
            for number, category in enumerate(rule.categories, start=1)
            if category.of != ACCOUNTS
        ]
        raise InputError(source, problems)
    nominees = read_nominees(given.nominees, rule)
    return {
        category.id: entries(database, rule, category, nominees, given.nominees.name)
        for category in rule.categories
        if category.of != ACCOUNTS
    }


def _freeze_who(
    database: Database, rule: Rule, category: Category, nominated: tuple[Entry, ...] | None, desk: Desk
) -> Path:
    """Who takes part: the platform's accounts, or the nominees and what a jury reads of them."""
    path = desk.write(f"{category.id}/{FROZEN[0]}")
    if nominated is None:
        return freeze_accounts(database, rule, category, path)
    write_entries(nominated, desk.write(f"{category.id}/{NOMINEES}"))
    return write_csv(path, ACCOUNT_COLUMNS, account_rows(nominated))


def _works_of(nominated: tuple[Entry, ...] | None) -> dict[int, str] | None:
    if nominated is None:
        return None
    return {one.article: one.handle for one in nominated if one.article is not None}


def _freeze_holes(database: Database, rule: Rule, category: Category, desk: Desk) -> Path:
    path = desk.write(f"{category.id}/{FROZEN[2]}")
    if category.of != ACCOUNTS:  # a figure that a nominee lacks keeps it out and says so
        return write_csv(path, HOLE_COLUMNS, ())
    return freeze_holes(database, rule, category, path)


def fork(old: RunFolder, new: RunFolder, rule_path: Path, given: Given) -> None:
    """Begins a new run with the frozen figures of another one and its files, but for what is given anew."""
    rule = rule_of(old)
    changed = old.changed(number_of(FREEZE), FREEZE)
    if changed:
        raise MeizhenError("award.frozen_changed", files=", ".join(changed))
    if load_rule(rule_path, definitions=_definitions(rule_path)).digest != rule.digest:
        raise MeizhenError("award.other_rule", folder=old.path, rule=rule_path.name)
    if new.was_done(number_of(FREEZE), FREEZE):
        raise MeizhenError("award.folder_in_use", folder=new.path)
    taken = _read_given(old, rule, given).files

    def work(desk: Desk) -> None:
        names = {*old.writes(number_of(FREEZE), FREEZE), *filter(old.has, intake.NAMES)}
        for name in sorted(names - set(taken)):
            shutil.copyfile(old.path / name, desk.write(name))
        for name, content in taken.items():
            desk.write(name).write_bytes(content)

    new.perform(number_of(FREEZE), FREEZE, work)


def _refuse_empty(rule: Rule, accounts: Mapping[str, Path]) -> None:
    """A category without a single account is a slip of the pen."""
    problems = [
        Problem(
            "award.no_accounts",
            column=f"category[{number}].platform",
            params={"category": category.id, "platform": category.platform},
        )
        for number, category in enumerate(rule.categories, start=1)
        if next(read_csv(accounts[category.id]), None) is None
    ]
    if problems:
        raise InputError(rule.id, problems)


def _take_more(folder: RunFolder, rule: Rule, given: Given, source: str) -> None:
    """What is given to a run that is frozen: new files are taken in, none is changed."""
    changed = folder.changed(number_of(FREEZE), FREEZE)
    if changed:
        raise MeizhenError("award.frozen_changed", files=", ".join(changed))
    if folder.digest(RULE) != rule.digest:
        raise MeizhenError("award.other_rule", folder=folder.path, rule=source)
    taken = _read_given(folder, rule, given)
    for name, content in taken.files.items():
        if folder.has(name):
            if (folder.path / name).read_bytes() != content:
                raise MeizhenError("award.other_input", folder=folder.path, file=name)
        elif name in (intake.JURY, intake.VOTES) and not folder.was_done(number_of("jury"), "jury"):
            folder.place(name, content)
        else:
            raise MeizhenError("award.given_late", folder=folder.path, file=name)


def _read_given(folder: RunFolder, rule: Rule, given: Given) -> Intake:
    accounts = ((category, folder.path / category.id / FROZEN[0]) for category in rule.categories)
    return take_in(rule, given, Handles(accounts))


def _forget(folder: RunFolder, again_from: str | None) -> None:
    if again_from is None:
        return
    if again_from not in STAGES[1:]:
        raise MeizhenError("award.no_such_stage", stage=again_from, known=", ".join(STAGES[1:]))
    for stage in STAGES[STAGES.index(again_from) :]:
        folder.forget(number_of(stage), stage)


def _perform(
    folder: RunFolder, rule: Rule, until: str, steps: _Steps, today: date | None, *, insist: bool
) -> MeizhenError | None:
    """Does the stages up to `until`. Gives why the last one must wait; raises it with `insist`."""
    for stage in STAGES[1 : STAGES.index(until) + 1]:
        if stage == FINAL:
            try:
                refuse_open(rule, folder, today)
            except MeizhenError as waiting:
                if insist:
                    raise
                return waiting
        if folder.is_done(number_of(stage), stage):
            steps.skip(stage)
        else:
            folder.perform(number_of(stage), stage, _work(rule, stage, steps))
    return None


def _work(rule: Rule, stage: str, steps: _Steps) -> Callable[[Desk], None]:
    def by_category(desk: Desk) -> None:
        for category in rule.categories:
            steps.step(stage, category)
            BY_CATEGORY[stage](rule, category, desk)

    def whole(desk: Desk) -> None:
        steps.step(stage)
        WHOLE[stage](rule, desk)

    return whole if stage in WHOLE else by_category


def record_run(folder: RunFolder, rule: Rule) -> str:
    """Writes the run's own record: its id, its inputs, and the hash of every file that a stage made."""
    digests: dict[str, str] = {}
    done = [stage for stage in STAGES if folder.is_done(number_of(stage), stage)]
    for stage in done:
        digests |= folder.writes(number_of(stage), stage)

    def digest(name: str) -> str:
        return digests.get(name) or folder.digest(name)

    inputs = inputs_of(rule, digest)
    run_id = run_id_of(inputs)
    record: dict[str, object] = {
        "run_id": run_id,
        "number": 1 + exclusion_count(folder.path.joinpath),
        "engine": ENGINE,
        "award": rule.id,
        "stages": done,
        "inputs": inputs,
        "files": {name: digests[name] for name in sorted(digests)},
    }
    content = json_bytes(record)
    if not folder.has(RECORD) or (folder.path / RECORD).read_bytes() != content:
        folder.place(RECORD, content)
    return run_id


def run_id_in(folder: RunFolder) -> str:
    """The id that a run's own record tells. Raises MeizhenError where there is none."""
    try:
        told = json.loads((folder.path / RECORD).read_text("utf-8"))
        return str(told["run_id"])
    except (OSError, ValueError, KeyError, TypeError):
        raise MeizhenError("award.no_run", folder=folder.path) from None


def result_of(folder: RunFolder, rule: Rule, run_id: str, waiting: MeizhenError | None) -> AwardResult:
    """What a run's folder holds, as far as it went."""
    ranked = folder.is_done(number_of("anomalies"), "anomalies")
    return AwardResult(
        run_id=run_id,
        rule=rule,
        categories=results_of(rule, folder.path.joinpath) if ranked else (),
        paths={key: folder.path / name for key, name in _PATHS.items() if folder.has(name)},
        number=1 + exclusion_count(folder.path.joinpath),
        waiting=waiting,
    )


def dry_run(
    database: Database, rule_path: Path, given: Given, *, progress: Progress | None = None
) -> AwardResult:
    """The list as it would be today: nothing is written, holes are let pass. Without the jury's scores (or
    the votes) the places are those of the data alone, and categories without data are left out.
    """
    rule = whole = load_rule(rule_path)
    data_only = (rule.needs_jury and given.jury is None) or (rule.needs_votes and given.votes is None)
    if data_only:
        rule = _by_data(rule)
    with tempfile.TemporaryDirectory(prefix="meizhen-award-") as temporary:
        folder, steps = RunFolder(Path(temporary) / "run"), _Steps(rule, progress)
        signed = replace(given, signature=Signature("dry run", ""))
        if given.nominees is not None:
            kept = {category.id for category in rule.categories}
            nominees = [one for one in read_nominees(given.nominees, whole) if one.category in kept]
            signed = replace(signed, nominees=write_nominees(nominees, Path(temporary) / "nominees.csv"))
        freeze_into(folder, database, rule, rule_path, signed, None, lambda c: steps.step(FREEZE, c))
        _perform(folder, rule, "anomalies", steps, None, insist=False)
        results = results_of(rule, folder.path.joinpath)
    return AwardResult("", rule, results, {}, data_only=data_only)


def _by_data(rule: Rule) -> Rule:
    categories = tuple(
        replace(
            category,
            data=replace(category.data, weight=Decimal(1)),
            jury=replace(category.jury, weight=Decimal(0)),
            public=replace(category.public, weight=Decimal(0)),
        )
        for category in rule.categories
        if category.data.weight
    )
    return replace(rule, categories=categories)
