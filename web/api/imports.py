"""导入 Files of figures that were imported, and taking one back."""

from datetime import date, datetime
from http import HTTPStatus
from io import BytesIO
from typing import Annotated

from fastapi import Query

from analytics.imports.drafts import Drafts
from analytics.imports.records import FigureImport, ImportState, find_import, page_of_imports
from analytics.mappings import load_mapping
from organisation import Act
from web.api.accounts import seen as account_seen
from web.api.asking import JobShown, accepted
from web.api.call import Answer, Asked
from web.api.cursors import Page, Pages
from web.api.files import UploadedFigures
from web.api.noun import Noun
from web.api.texts import Day, Filter, Number, Told

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


@noun.write("POST", "", Act.FIGURES_WRITE, status=HTTPStatus.ACCEPTED)
def add(
    asked: Asked,
    file: UploadedFigures,
    account: Filter = None,
    as_of: Annotated[Day | None, Query(description="The Beijing day of the file; else today.")] = None,
    only_check: Annotated[bool, Query(description="Look at it and change nothing.")] = False,
    skip_bad_rows: Annotated[bool, Query(description="Take the good rows beside bad ones.")] = False,
) -> Answer[JobShown]:
    """导入 Import a table (CSV or xlsx, 16 MB at most) in the background, all of it or nothing.

    Accounts outside the caller's units are unknown to the file. Without an `account` the file names accounts,
    or its platform has one. With `only_check` the job's file tells what would be imported, and each bad cell.
    """
    from analytics.jobs.figures import order_import, order_preview

    if account is None:
        asked.sight()
    else:
        account_seen(asked, account)
    drafts, sent = Drafts(asked.desk.settings.home), file.parts["file"]
    with file.on_disk() as paths:
        mapping = load_mapping(paths["mapping"]) if "mapping" in paths else None
    draft = drafts.keep(BytesIO(sent.content), sent.name, owner=asked.actor, at=asked.now)
    try:
        draft = drafts.change(draft, account=account or "", as_of=as_of, mapping=mapping, roles={})
        if only_check:
            return accepted(asked, order_preview(asked.session, draft, asked.person))
        return accepted(asked, order_import(asked.session, draft, asked.person, skip=skip_bad_rows))
    except BaseException:
        drafts.drop(draft)
        raise


@noun.write("POST", "/{number}/undo", Act.FIGURES_WRITE, status=HTTPStatus.ACCEPTED)
def undo(asked: Asked, number: Number) -> Answer[JobShown]:
    """撤销 Take its figures back in the background; what a platform told of meanwhile stays."""
    from analytics.jobs.figures import order_undo

    return accepted(asked, order_undo(asked.session, number, asked.person))


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
