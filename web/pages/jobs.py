"""后台工作: what is under way and what it came to; survives a reload, is called off, gives its files."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from organisation.job_runner import made_file
from organisation.jobs import cancel_job, find_job, page_of_jobs, require_files
from web.access import SIGNED_IN, ruled
from web.desk import Desk
from web.jobs_shown import job_facts, job_part
from web.pages.figures import download
from web.rendering import go, page
from web.viewer import Viewer, Viewing

_MOST = 50
_Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_KINDS = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".toml": "text/plain; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def jobs_router(desk: Desk) -> APIRouter:
    """`/jobs` and below it. Who sees a job is asked of `organisation.jobs` alone."""
    router = APIRouter()

    def facts_of(viewer: Viewer, number: int) -> dict[str, object]:
        with desk.database.read() as session:
            job = find_job(session, number, viewer.standing)
        return job_facts(job, viewer.now, cancels=True)

    @router.get("/jobs")
    @ruled(SIGNED_IN)
    def jobs(
        request: Request, viewer: Viewing, before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None
    ) -> Response:
        after = None if before is None else [before]
        with desk.database.read() as session:
            found = page_of_jobs(session, viewer.standing, after, limit=_MOST + 1)
        rows = [job_facts(job, viewer.now) for job in found[:_MOST]]
        last = found[_MOST - 1].known_id if len(found) > _MOST else None
        return page(request, viewer, "jobs.html", {"rows": rows, "last": last})

    @router.get("/jobs/{number}")
    @ruled(SIGNED_IN)
    def one(request: Request, viewer: Viewing, number: _Number) -> Response:
        return page(request, viewer, "job.html", facts_of(viewer, number))

    @router.get("/jobs/{number}/state")
    @ruled(SIGNED_IN)
    def state(request: Request, viewer: Viewing, number: _Number) -> Response:
        return job_part(request, viewer, facts_of(viewer, number))

    @router.post("/jobs/{number}/cancel")
    @ruled(SIGNED_IN)
    def cancel(request: Request, viewer: Viewing, number: _Number) -> Response:
        with desk.database.write() as session:
            job = find_job(session, number, viewer.standing)
            left = cancel_job(session, desk.keys, job, actor=viewer.actor, now=desk.clock.now())
        news = "job.cancelling" if left.is_live else "job.cancelled_now"
        return go(request, f"/jobs/{number}", news)

    @router.get("/jobs/{number}/files/{name}")
    @ruled(SIGNED_IN)
    def file(viewer: Viewing, number: _Number, name: str) -> Response:
        with desk.database.read() as session:
            job = find_job(session, number, viewer.standing)
        require_files(job, viewer.standing, viewer.now)
        path = made_file(desk.settings.jobs_folder, job, name)
        return download(path.name, path.read_bytes(), _KINDS.get(path.suffix, "application/octet-stream"))

    return router
