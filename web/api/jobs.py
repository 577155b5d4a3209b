"""后台工作 Background jobs: imports, exports and awards that were asked for, how far they are."""

from pathlib import Path as File
from typing import Annotated

from fastapi import Query

from organisation.job_runner import made_file
from organisation.jobs import Job, cancel_job, find_job, page_of_jobs, require_files
from web.access import SIGNED_IN
from web.api.asking import JobShown, shown
from web.api.call import Asked
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Filter, Name, Number

noun = Noun("jobs")


@noun.read("", SIGNED_IN)
def list_jobs(
    asked: Asked,
    paging: Pages,
    live: Annotated[bool, Query(description="Only what waits or runs.")] = False,
    kind: Filter = None,
) -> Page[JobShown]:
    """工作列表 The caller's jobs and those at places where they may do the same, newest first."""
    asked.everybody()  # whose jobs are seen is asked of every row
    rows, following = asked.page(
        paging,
        {"live": live, "kind": kind},
        (int,),
        lambda after, limit: page_of_jobs(
            asked.session, asked.person, after, limit=limit, live=live, kind=kind
        ),
        lambda job: (job.known_id,),
    )
    return Page[JobShown](items=[shown(asked, job) for job in rows], next=following)


@noun.read("/{job}", SIGNED_IN)
def show(asked: Asked, job: Number) -> JobShown:
    """一项工作 How far it is, and what it came to. Ask again until its state is an end."""
    return shown(asked, _found(asked, job))


@noun.write("POST", "/{job}/cancel", SIGNED_IN)
def cancel(asked: Asked, job: Number) -> JobShown:
    """取消 One that waits ends now; one that runs stops at its next step, with nothing half done."""
    left = cancel_job(asked.session, asked.keys, _found(asked, job), actor=asked.actor, now=asked.now)
    return shown(asked, left)


@noun.stored("/{job}/files/{file}", SIGNED_IN)
def file(asked: Asked, job: Number, file: Name) -> File:
    """下载结果 A file that the job made, for seven days."""
    found = _found(asked, job)
    require_files(found, asked.person, asked.now)
    return made_file(asked.desk.settings.jobs_folder, found, file)


def _found(asked: Asked, number: int) -> Job:
    asked.everybody()
    return find_job(asked.session, number, asked.person)
