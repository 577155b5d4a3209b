"""评优 · 评委: score sheets out as xlsx, back in sealed, opened together."""

import csv
import hashlib
import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.datastructures import FormData

from analytics.awards.intake import JURY
from analytics.awards.keeping import Award, Awards
from analytics.awards.sheets import JUDGES, file_sheet, open_sheets, sheets, write_sheets
from analytics.awards.stages import number_of
from config.errors import MeizhenError
from organisation import Act, Place, require
from web.access import ruled
from web.bodies import MOST_WITH_FILES
from web.desk import Desk
from web.pages.awards import award_facts
from web.pages.figures import download
from web.pages.notices import note_run
from web.rendering import go, page
from web.uploads import form_of, uploaded
from web.viewer import Viewer, Viewing


def juries_router(desk: Desk) -> APIRouter:
    """`/awards/NAME/jury` and below it."""
    router = APIRouter()
    shelf = Awards(desk.settings.awards_root)

    def found(viewer: Viewer, name: str, act: Act = Act.AWARD_READ) -> Award:
        require(viewer.standing, act, Place(""))
        return shelf.find(name)

    @router.get("/awards/{name}/jury")
    @ruled(Act.AWARD_READ)
    def jury(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name)
        facts = {
            "tab": "jury",
            "ready": award.run.is_done(number_of("eligibility"), "eligibility"),
            "sheets": sheets(award.run) if award.run.has(JUDGES) else None,
            "opened": award.run.has(JURY),
            "judges": viewer.may(Act.AWARD_JUDGE),
            **award_facts(desk, viewer, award),
        }
        return page(request, viewer, "award_jury.html", facts)

    @router.post("/awards/{name}/jury")
    @ruled(Act.AWARD_RUN)
    def name_judges(
        request: Request, viewer: Viewing, name: str, judges: Annotated[str, Form(max_length=20_000)]
    ) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        with TemporaryDirectory(prefix="meizhen-jury-") as folder:
            made = write_sheets(award.run, _judges_file(judges, Path(folder)), Path(folder, "out"))
        return go(request, f"/awards/{name}/jury", "awards_page.judges_named", count=len(made))

    @router.get("/awards/{name}/jury/sheets.zip")
    @ruled(Act.AWARD_RUN)
    def take_sheets(viewer: Viewing, name: str) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        if not award.run.has(JUDGES):
            raise MeizhenError("award.no_judges", folder=name)
        with TemporaryDirectory(prefix="meizhen-jury-") as folder:
            made = write_sheets(award.run, award.run.path / JUDGES, Path(folder))
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in made:
                    archive.write(path, path.name)
        return download(f"{name}-sheets.zip", packed.getvalue(), "application/zip")

    @router.post("/awards/{name}/jury/sheet", max_body_size=MOST_WITH_FILES)
    @ruled(Act.AWARD_JUDGE)
    def file(
        request: Request, viewer: Viewing, name: str, form: Annotated[FormData, Depends(form_of)]
    ) -> Response:
        award = found(viewer, name, Act.AWARD_JUDGE)
        with TemporaryDirectory(prefix="meizhen-jury-") as folder:
            judge, sealed = file_sheet(award.run, desk.keys, uploaded(form.get("file"), Path(folder)))
        digest = hashlib.sha256((award.run.path / sealed).read_bytes()).hexdigest()
        note_run(desk, viewer, award, "award.sheet", {"judge": judge, "sealed": digest})
        return go(request, f"/awards/{name}/jury", "award.sheet_sealed", judge=judge)

    @router.post("/awards/{name}/jury/open")
    @ruled(Act.AWARD_RUN)
    def unseal(request: Request, viewer: Viewing, name: str) -> Response:
        award = found(viewer, name, Act.AWARD_RUN)
        path = open_sheets(award.run, desk.keys)
        note_run(desk, viewer, award, "award.open", {"scores": hashlib.sha256(path.read_bytes()).hexdigest()})
        return go(request, f"/awards/{name}", "awards_page.sheets_opened")

    return router


def _judges_file(told: str, folder: Path) -> Path:
    """The judges of a form, a line each: a name, and the code of the judge's unit after a comma."""
    rows = [line.replace("，", ",").partition(",") for line in told.splitlines() if line.strip()]
    path = folder / "judges.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("judge", "unit"))
        writer.writerows((name.strip(), unit.strip()) for name, _, unit in rows)
    return path
