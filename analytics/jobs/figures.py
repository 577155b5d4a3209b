"""Jobs with files of figures: a look at one, its import, and taking an import back."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlmodel import Session

from analytics.awards.files import json_bytes
from analytics.imports.drafts import Draft, Drafts
from analytics.imports.importing import import_figures
from analytics.imports.preview import preview, preview_json
from analytics.imports.records import ImportState, find_import, paths_of_import
from analytics.imports.undoing import undo_import, withdraw_half
from config.errors import MeizhenError
from config.messages import for_page
from config.table_files import open_table
from organisation.accounts import Account, find_account
from organisation.job_runner import Done, JobKind, Tools, Work
from organisation.jobs import Order, places_of, under
from organisation.permissions import Act, Place, Standing, require
from organisation.units import Unit

PREVIEW, IMPORT, UNDO = "figures.preview", "figures.import", "figures.undo"
PREVIEW_FILE = "preview.json"
_UNDER_WAY = "figures.import_under_way"
_ACT = Act.FIGURES_WRITE


class _DraftGiven(BaseModel):
    """A draft and how it is to be read; `account` is platform:handle, '' for none."""

    model_config = ConfigDict(extra="forbid")

    draft: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    account: str
    as_of: date | None
    skip: bool = False


class _ImportGiven(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int


def order_preview(session: Session, draft: Draft, person: Standing, unit: Unit | None = None) -> Order:
    """A look at a draft. Raises as `organisation.require` where its account is not the person's."""
    return _order(session, PREVIEW, draft, person, unit, skip=False)


def order_import(
    session: Session, draft: Draft, person: Standing, unit: Unit | None = None, *, skip: bool
) -> Order:
    """The import of a draft; `skip` leaves bad rows out. Raises as `order_preview`."""
    return _order(session, IMPORT, draft, person, unit, skip=skip)


def order_undo(session: Session, number: int, person: Standing) -> Order:
    """Taking an import back: of one that names several units all must be the person's own.

    Raises MeizhenError `figures.unknown_import`, `figures.undone_before`, or as `organisation.require`.
    """
    found = find_import(session, number)
    # Of one undone nothing is left that tells whose it was.
    places = paths_of_import(session, number) or [""]
    for path in places:
        require(person, _ACT, Place(path))
    if found.state == ImportState.UNDONE:
        raise MeizhenError("figures.undone_before", number=number, file=found.file)
    given = _ImportGiven(number=number)
    return Order(UNDO, given.model_dump(mode="json"), _ACT, places, f"import:{number}")


def _order(
    session: Session, kind: str, draft: Draft, person: Standing, unit: Unit | None, *, skip: bool
) -> Order:
    places: Sequence[str] = places_of(person, _ACT, unit)
    if draft.account:
        places = [_place_of(session, find_account(session, draft.account), person)]
    given = _DraftGiven(draft=draft.token, account=draft.account, as_of=draft.as_of, skip=skip)
    return Order(kind, given.model_dump(mode="json"), _ACT, places, f"draft:{draft.token}")


def _place_of(session: Session, account: Account, person: Standing) -> str:
    path = session.get_one(Unit, account.unit_id).path
    require(person, _ACT, Place(path))
    return path


class _OfDraft(JobKind):
    def __init__(self, tools: Tools) -> None:
        self._database = tools.database
        self._keys = tools.keys
        self._clock = tools.clock
        self._drafts = Drafts(tools.settings.home)

    def _given(self, work: Work) -> tuple[_DraftGiven, Draft]:
        given = _DraftGiven.model_validate(work.job.arguments)
        return given, self._drafts.find(given.draft, owner=work.job.actor)

    def _account(self, given: _DraftGiven, person: Standing) -> Account | None:
        if not given.account:
            return None
        with self._database.read() as session:
            account = find_account(session, given.account)
            _place_of(session, account, person)  # it may have moved since
        return account


class FiguresPreview(_OfDraft):
    """What a file would bring, and what is wrong with it."""

    name = PREVIEW

    def run(self, work: Work, person: Standing) -> Done:
        given, draft = self._given(work)
        with for_page():  # nobody else reads it
            found = preview(
                self._database,
                self._keys,
                self._clock,
                draft.path,
                self._account(given, person),
                actor=work.job.actor,
                mapping=draft.mapping,
                as_of=given.as_of,
                within=under(work.job.places),
                progress=work.tell,
            )
            told = preview_json(found)
        (work.folder / PREVIEW_FILE).write_bytes(json_bytes(told))
        return Done({"files": [PREVIEW_FILE]})


class FiguresImport(_OfDraft):
    """A file's figures, all of them or none."""

    name = IMPORT

    def passes(self, code: str) -> bool:
        return code == _UNDER_WAY

    def run(self, work: Work, person: Standing) -> Done:
        given, draft = self._given(work)
        report = import_figures(
            self._database,
            self._keys,
            self._clock,
            draft.path,
            self._account(given, person),
            actor=work.job.actor,
            mapping=draft.mapping,
            as_of=given.as_of,
            skip_bad_rows=given.skip,
            within=under(work.job.places),
            progress=work.tell,
        )
        # After a node's death within this job, what was imported before was imported by this very job.
        already = report.already is not None and report.already < work.job.asked_at
        told = {"rows": report.rows, "figures": report.figures, "skipped": report.skipped}
        return Done({"import": report.number, "already": already, **told})

    def abandon(self, work: Work) -> None:
        _, draft = self._given(work)
        with open_table(draft.path) as table:
            digest = table.sha256
        withdraw_half(self._database, self._keys, self._clock, digest, actor=work.job.actor)

    def tidy(self, work: Work) -> None:
        _, draft = self._given(work)
        self._drafts.drop(draft)


class FiguresUndo(JobKind):
    """Taking an import back; once begun it goes to its end."""

    name = UNDO

    def __init__(self, tools: Tools) -> None:
        self._database = tools.database
        self._keys = tools.keys
        self._clock = tools.clock

    def passes(self, code: str) -> bool:
        return code == _UNDER_WAY

    def run(self, work: Work, person: Standing) -> Done:
        number = _ImportGiven.model_validate(work.job.arguments).number
        with self._database.read() as session:
            for path in paths_of_import(session, number):
                require(person, _ACT, Place(path))
        work.tell("undoing", 0, 0)
        self._undo(work, number)
        return Done({"import": number})

    def abandon(self, work: Work) -> None:
        """What was begun is not left half done: it is carried to its end."""
        number = _ImportGiven.model_validate(work.job.arguments).number
        with self._database.read() as session:
            begun = find_import(session, number).state == ImportState.UNDOING
        if begun:
            self._undo(work, number)

    def _undo(self, work: Work, number: int) -> None:
        undo_import(
            self._database, self._keys, self._clock, number, actor=work.job.actor, progress=work.tell_on
        )
