"""`meizhen award papers`: everything a commendation needs, out of a run's folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import show_json

if TYPE_CHECKING:
    from analytics.awards.papers.making import Papers


def papers(
    folder: Annotated[Path | None, typer.Argument(help=text("award.help_folder"))] = None,
    out: Annotated[Path | None, typer.Option("--out", help=text("papers.help_out"))] = None,
    template: Annotated[Path | None, typer.Option("--template", help=text("papers.help_template"))] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help=text("papers.help_only"))] = None,
    write: Annotated[
        Path | None, typer.Option("--write-templates", help=text("papers.help_write_templates"))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("award.help_json"))] = False,
) -> None:
    from analytics.awards.papers.making import make_papers
    from analytics.awards.papers.templates import write_templates

    if write is None and folder is None:
        raise MeizhenError("papers.folder_needed")
    written = () if write is None else write_templates(write)
    made = None if folder is None else make_papers(folder, out, template=template, only=only or ())
    if as_json:
        show_json({"templates": [str(path) for path in written], **_json(made)})
        return
    for path in written:
        typer.echo(text("papers.templates_written", path=path))
    if made is not None:
        _show(made)


def _show(made: "Papers") -> None:
    for kind, paths in made.paths.items():
        for path in paths:
            typer.echo(text("papers.made", paper=text(f"papers.paper_{kind}"), path=path))
    for kind, reason in made.left_out.items():
        paper = text(f"papers.paper_{kind}")
        typer.echo(text(f"papers.{reason}", paper=paper), err=True)


def _json(made: "Papers | None") -> dict[str, object]:
    if made is None:
        return {}
    return {
        "run_id": made.run.run_id,
        "number": made.run.number,
        "final": made.run.final,
        "papers": {kind: [str(path) for path in paths] for kind, paths in made.paths.items()},
        "left_out": dict(made.left_out),
    }
