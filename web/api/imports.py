"""导入 Files of figures that were imported, and taking one back."""

import binascii
from base64 import b64decode
from datetime import date, datetime
from http import HTTPStatus
from io import BytesIO
from typing import Annotated

from pydantic import Field

from analytics.imports.drafts import MOST_BYTES, Drafts
from analytics.imports.records import FigureImport, ImportState, find_import, page_of_imports
from config.errors import InputError, Problem
from organisation import Act, Unit, find_account
from web.api.asking import JobShown, accepted
from web.api.call import Answer, Asked
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Body, Code, Day, Line, Number, Told

noun = Noun("imports")
_MOST_TEXT = (MOST_BYTES + 2) // 3 * 4


class NewImport(Body):
    """A CSV or xlsx file: `content` is its bytes in Base64, 16 MB at most. Without an `account` the file
    names accounts, or its platform has one; without `as_of` its figures are of today.
    """

    file_name: Line
    content: Annotated[str, Field(max_length=_MOST_TEXT)]
    account: Code | None = None
    as_of: Day | None = None
    skip_bad_rows: bool = False
    only_check: bool = False


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
def add(asked: Asked, body: NewImport) -> Answer[JobShown]:
    """导入 Import a file in the background, all of it or nothing; with `only_check` only look at it."""
    from analytics.jobs.figures import order_import, order_preview

    if body.account is None:
        asked.sight()
    else:
        account = find_account(asked.session, body.account)
        asked.at(asked.session.get_one(Unit, account.unit_id).path)
    drafts = Drafts(asked.desk.settings.home)
    draft = drafts.keep(BytesIO(_bytes(body.content)), body.file_name, owner=asked.actor, at=asked.now)
    try:
        draft = drafts.change(draft, account=body.account or "", as_of=body.as_of, mapping=None, roles={})
        if body.only_check:
            return accepted(asked, order_preview(asked.session, draft, asked.person))
        return accepted(asked, order_import(asked.session, draft, asked.person, skip=body.skip_bad_rows))
    except BaseException:
        drafts.drop(draft)
        raise


@noun.write("POST", "/{number}/undo", Act.FIGURES_WRITE, status=HTTPStatus.ACCEPTED)
def undo(asked: Asked, number: Number) -> Answer[JobShown]:
    """撤销 Take its figures back in the background; what a platform told of meanwhile stays."""
    from analytics.jobs.figures import order_undo

    return accepted(asked, order_undo(asked.session, number, asked.person))


def _bytes(told: str) -> bytes:
    try:
        return b64decode(told, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("import", [Problem("media.not_base64", column="content")]) from None


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
