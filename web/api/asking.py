"""Asking for a background job by program: 202, and where to look for what becomes of it."""

from collections.abc import Callable, Mapping
from datetime import datetime

from organisation.jobs import Asker, Job, JobState, Order, ask_job
from web.api.call import Answer, Asked
from web.api.texts import Told


class Fault(Told):
    """One thing that was wrong with what the job was given."""

    code: str
    row: int | None
    column: str | None
    detail: str


class Refused(Told):
    """Why a job failed, as a problem tells it."""

    code: str
    detail: str
    remedy: str
    problems: list[Fault]


class JobShown(Told):
    """A job. `total` is null where it is not known; `files` can be fetched for seven days."""

    id: int
    kind: str
    about: str
    state: JobState
    step: str
    done: int
    total: int | None
    asked_at: datetime
    asked_by: str
    started_at: datetime | None
    ended_at: datetime | None
    cancelling: bool
    imported: int | None
    run: str | None
    files: list[str]
    refusal: Refused | None


def accepted(asked: Asked, order: Order, also: Callable[[], object] | None = None) -> Answer[JobShown]:
    """Asks for a job, in the endpoint's own transaction; `also` is what belongs to it, and falls with it."""
    asked.checked = True  # `ask_job` requires the act at every place of the order
    holder = asked.call.holder
    asker = Asker(holder.person, holder.actor, asked.call.language, holder.key.known_id)
    job = ask_job(asked.session, asked.keys, order, asker, now=asked.now)
    if also is not None:
        also()
    asked.wakes = True
    return Answer(shown(asked, job), location=f"/api/v1/jobs/{job.known_id}")


def shown(asked: Asked, job: Job) -> JobShown:
    """A job as programs see it, in their language."""
    number, run = job.result.get("import"), job.result.get("award")
    return JobShown(
        id=job.known_id,
        kind=job.kind,
        about="" if job.subject.startswith("token:") else job.subject,
        state=JobState(job.state),
        step=job.step,
        done=job.done,
        total=job.total or None,
        asked_at=job.asked_at,
        asked_by=job.actor,
        started_at=job.started_at,
        ended_at=job.ended_at,
        cancelling=job.is_live and job.cancel_at is not None,
        imported=number if isinstance(number, int) else None,
        run=run if isinstance(run, str) and run else None,
        files=job.files if job.has_files(asked.now) else [],
        refusal=_refused(job.refused, asked.call.language),
    )


def _refused(told: Mapping[str, object], language: str) -> Refused | None:
    if not told:
        return None
    problems = told.get("problems")
    return Refused(
        code=str(told["code"]),
        detail=str(told[language]),
        remedy=str(told[f"remedy_{language}"]),
        problems=[_fault(one, language) for one in problems] if isinstance(problems, list) else [],
    )


def _fault(told: Mapping[str, object], language: str) -> Fault:
    row, column = told["row"], told["column"]
    return Fault(
        code=str(told["code"]),
        row=row if isinstance(row, int) else None,
        column=column if isinstance(column, str) else None,
        detail=str(told[language]),
    )
