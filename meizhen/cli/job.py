"""`meizhen job`: background work: who asked for it, how far it is, calling it off."""

from typing import TYPE_CHECKING, Annotated

import typer

from config.messages import present_language, text
from meizhen.cli._output import Cell, beijing, show_json, show_rows
from meizhen.house import open_house

if TYPE_CHECKING:
    from organisation.jobs import Job

app = typer.Typer(help=text("cli.job"), no_args_is_help=True)

_Number = Annotated[int, typer.Argument(metavar="JOB", min=1, max=2**31 - 1, help=text("job.help_job"))]
_AsJson = Annotated[bool, typer.Option("--json", help=text("job.help_json"))]
_COLUMNS = ("id", "kind", "state", "progress", "actor", "asked_at", "ended_at")


@app.command("list", help=text("job.help_list"))
def list_(
    live: Annotated[bool, typer.Option("--live", help=text("job.help_live"))] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help=text("job.help_limit"))] = 50,
    as_json: _AsJson = False,
) -> None:
    from organisation.jobs import page_of_jobs

    with open_house() as house, house.database.read() as session:
        rows = [_row(job) for job in page_of_jobs(session, house.person, live=live, limit=limit)]
    for row in [] if as_json else rows:
        row["kind"] = _kind(str(row["kind"]))
        row["state"] = text(f"job.state_{row['state']}")
    show_rows(rows, {column: text(f"job.column_{column}") for column in _COLUMNS}, as_json=as_json)


@app.command(help=text("job.help_show"))
def show(job: _Number, as_json: _AsJson = False) -> None:
    from organisation.jobs import find_job

    with open_house() as house, house.database.read() as session:
        found = find_job(session, job, house.person)
    if as_json:
        told: dict[str, object] = dict(_row(found))
        show_json(told | {"result": found.result, "refusal": found.refused, "node": found.node})
        return
    state = text(f"job.state_{found.state}")
    typer.echo(
        f"{text('job.one', kind=_kind(found.kind), number=found.id)}: {state} {_progress(found)}".rstrip()
    )
    typer.echo(text("job.since", at=beijing(found.asked_at), by=found.actor))
    if found.cancel_at is not None and found.is_live:
        typer.echo(text("job.cancelling"))
    for name in found.files:
        typer.echo(f"  {house.settings.jobs_folder / found.token / 'made' / name}")
    if found.refused:
        language = present_language()
        typer.echo(f"{found.refused[language]} {found.refused[f'remedy_{language}']}".rstrip())


@app.command(help=text("job.help_cancel"))
def cancel(job: _Number) -> None:
    from organisation.jobs import cancel_job, find_job

    with open_house() as house, house.database.write() as session:
        found = find_job(session, job, house.person)
        left = cancel_job(session, house.keys, found, actor=house.actor, now=house.clock.now())
    typer.echo(text("job.cancelling" if left.is_live else "job.cancelled_now"))


def _kind(kind: str) -> str:
    return text(f"job.kind_{kind.replace('.', '_')}")


def _progress(job: "Job") -> str:
    return f"{job.step} {job.done}/{job.total or '?'}" if job.is_live and job.step else ""


def _row(job: "Job") -> dict[str, Cell]:
    return {
        "id": job.known_id,
        "kind": job.kind,
        "about": job.subject,
        "state": job.state,
        "progress": _progress(job),
        "done": job.done,
        "total": job.total or None,
        "actor": job.actor,
        "asked_at": job.asked_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "files": job.files,
    }
