"""导入 Files of figures that were imported, and taking one back."""

from datetime import date, datetime
from typing import Annotated

from fastapi import Query

from analytics.imports.records import FigureImport, ImportState, find_import, page_of_imports
from organisation import Act, in_sight
from web.api.accounts import seen as account_seen
from web.api.call import Answer, Asked
from web.api.cursors import Page, Pages
from web.api.files import UploadedFigures
from web.api.noun import Noun
from web.api.texts import Day, Figure, Filter, Number, Told

noun = Noun("imports")


class ImportShown(Told):
    """One file that was imported, as a whole; `account` null where the file names several."""

    id: int
    file: str
    sha256: str
    account: str | None
    mapping: str
    as_of: date | None
    rows: int
    figures: int
    unknown: int
    skipped: int
    new_articles: int
    matched_articles: int
    state: ImportState
    at: datetime
    actor: str
    undone_at: datetime | None
    undone_by: str | None


class FirstRowShown(Told):
    """One of the first rows as understood; `known`: its article is there already."""

    row: int
    account: str
    day: date
    title: str
    published_at: datetime | None
    figures: dict[str, Figure]
    known: bool


class ConflictFound(Told):
    """A figure that differs from what the platform told of the same day: both stay."""

    row: int
    metric: str
    day: date
    imported: Figure
    told: Figure


class Imported(Told):
    """What an import did, or (`dry_run`) would do; `already`: the same file was imported before, as `number`.

    `left_out` are columns that no figure was read from; `skipped` rows had `problems`.
    """

    number: int | None
    file: str
    digest: str
    account: str
    mapping: str
    as_of: date | None
    accounts: int
    rows: int
    figures: int
    unknown: int
    new_articles: int
    matched_articles: int
    skipped: int
    problems: int
    conflicts: int
    left_out: list[str]
    first_rows: list[FirstRowShown]
    first_conflicts: list[ConflictFound]
    dry_run: bool
    already: datetime | None


@noun.read("", Act.FIGURES_READ)
def list_imports(asked: Asked, paging: Pages) -> Page[ImportShown]:
    """导入列表 Imports of the whole house, newest first."""
    asked.house()
    rows, following = asked.page(
        paging,
        {},
        (int,),
        lambda after, limit: page_of_imports(asked.session, after, limit),
        lambda one: (one.known_id,),
    )
    return Page[ImportShown](items=[_shown(one) for one in rows], next=following)


@noun.read("/{number}", Act.FIGURES_READ)
def show(asked: Asked, number: Number) -> ImportShown:
    """一次导入 One import."""
    asked.house()
    return _shown(find_import(asked.session, number))


@noun.write("POST", "", Act.FIGURES_WRITE, alone=True)
def import_file(
    asked: Asked,
    file: UploadedFigures,
    account: Filter = None,
    as_of: Annotated[Day | None, Query(description="The Beijing day of the file; else today.")] = None,
    dry_run: Annotated[bool, Query(description="Check everything and change nothing.")] = False,
    skip_bad_rows: Annotated[bool, Query(description="Take the good rows beside bad ones.")] = False,
) -> Answer[Imported]:
    """导入数据 Figures from a table (CSV or xlsx, 16 MB at most): checked whole, then applied whole.

    Accounts outside the caller's units are unknown to the file. `problems` names the bad cells.
    """
    from analytics.imports import import_figures

    target = None
    if account is None:
        asked.sight()
    else:
        target, _ = account_seen(asked, account)
    desk = asked.desk
    with file.on_disk() as paths:
        report = import_figures(
            desk.database,
            desk.keys,
            desk.clock,
            paths["file"],
            target,
            actor=asked.actor,
            mapping=paths.get("mapping"),
            as_of=as_of,
            dry_run=dry_run,
            skip_bad_rows=skip_bad_rows,
            within=in_sight(asked.person, Act.FIGURES_WRITE),
        )
    at = "" if report.number is None else f"/api/v1/imports/{report.number}"
    return Answer(Imported.model_validate(report), location=at)


@noun.write("POST", "/{number}/undo", Act.FIGURES_WRITE, alone=True)
def undo(asked: Asked, number: Number) -> ImportShown:
    """撤销 Take its figures back; what a platform told of meanwhile stays."""
    from analytics.imports import undo_import

    asked.house()
    desk = asked.desk
    return _shown(undo_import(desk.database, desk.keys, desk.clock, number, actor=asked.actor))


def _shown(one: FigureImport) -> ImportShown:
    return ImportShown(
        id=one.known_id,
        file=one.file,
        sha256=one.digest,
        account=one.account or None,
        mapping=one.mapping,
        as_of=one.as_of,
        rows=one.row_count,
        figures=one.figure_count,
        unknown=one.unknown_count,
        skipped=one.skipped_count,
        new_articles=one.new_articles,
        matched_articles=one.matched_articles,
        state=ImportState(one.state),
        at=one.at,
        actor=one.actor,
        undone_at=one.undone_at,
        undone_by=one.undone_by,
    )
