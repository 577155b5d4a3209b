"""Background work on pages: what a job is called, how far it is, and where its result is to be seen."""

from collections.abc import Callable
from datetime import datetime, timedelta

from fastapi import Request, Response
from sqlmodel import Session

from config.messages import text
from organisation.jobs import FILES_KEPT, Asker, Job, JobState, Order, ask_job
from web.desk import Desk
from web.rendering import go, page
from web.viewer import Viewer

JOB_PART = "parts/_job.html"
# What a job's arguments tell of the page where its result is.
_PAGES = {
    "figures.preview": "/figures/imports/drafts/{draft}",
    "figures.import": "/figures/imports",
    "figures.undo": "/figures/imports",
    "report.weekly": "/figures?week={week}",
    "campaign.report": "/campaigns/{campaign}",
    "award.check": "/awards/{award}/rule",
    "award.dry": "/awards/{award}",
    "award.run": "/awards/{award}",
    "award.papers": "/awards/{award}/files",
}


def begin(
    request: Request,
    desk: Desk,
    viewer: Viewer,
    ordered: Callable[[Session], Order],
    address: str = "",
    *,
    also: Callable[[], object] | None = None,
) -> Response:
    """Asks for a job and goes on to `address`, or to the job's own page.

    `also` is what belongs to asking: done once nothing stands against the job, which falls with it.
    """
    with desk.database.write() as session:
        asker = Asker(viewer.standing, viewer.actor, viewer.language)
        job = ask_job(session, desk.keys, ordered(session), asker, now=desk.clock.now())
        if also is not None:
            also()
    desk.wake()
    return go(request, address or f"/jobs/{job.known_id}", "job.begun")


def kind_told(kind: str) -> str:
    """What a kind of job is called."""
    return text(f"job.kind_{kind.replace('.', '_')}")


def step_told(job: Job) -> str:
    """The step that a job is at; '…' before its first."""
    step, _, of = job.step.partition(" ")
    if not step:
        return "…"
    known = f"award.stage_{step}" if job.kind in _STAGED and step != "done" else f"job.step_{step}"
    return f"{text(known)} {of}".strip()


_STAGED = ("award.check", "award.dry", "award.run")


def job_facts(job: Job | None, now: datetime, *, at: str = "", cancels: bool = False) -> dict[str, object]:
    """What `parts/_job.html` shows. `at` is where it is asked for; `cancels`: who looks may call it off."""
    if job is None:
        return {"job": None}
    ended = job.ended_at or now
    return {
        "job": job,
        "job_kind": kind_told(job.kind),
        "job_step": step_told(job),
        "job_at": at or f"/jobs/{job.known_id}/state",
        "job_cancels": cancels,
        "job_silent": job.lease_until is not None and job.lease_until < now - timedelta(seconds=1),
        "job_page": _PAGES[job.kind].format_map(job.arguments) if job.kind in _PAGES else "",
        "job_kept": ended + FILES_KEPT if job.has_files(now) else None,
        "job_told": _told(job),
    }


def job_part(request: Request, viewer: Viewer, facts: dict[str, object]) -> Response:
    """The part for htmx; once the job is over the page around it is read anew, and nothing asks any more."""
    job = facts["job"]
    headers = {} if isinstance(job, Job) and job.is_live else {"HX-Refresh": "true"}
    return page(request, viewer, JOB_PART, facts, headers=headers)


def _told(job: Job) -> str:
    """What it came to, in a sentence; empty where its page tells."""
    result = job.result
    if job.state != JobState.DONE:
        return ""
    if job.kind == "figures.undo":
        return text("job.undone", number=result["import"])
    if job.kind == "figures.import":
        entry = "job.imported_before" if result["already"] else "job.imported"
        return text(entry, number=result["import"], rows=result["rows"], figures=result["figures"])
    return ""
