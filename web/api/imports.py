"""导入 Files of figures that were imported, and taking one back."""

from datetime import date, datetime

from analytics.imports.records import FigureImport, ImportState, find_import, page_of_imports
from organisation import Act
from web.api.call import Asked
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Number, Told

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
