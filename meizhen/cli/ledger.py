"""`meizhen ledger`: who did what, and whether anybody changed it since."""

from typing import Annotated

import typer

from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import open_house

app = typer.Typer(help=text("cli.ledger"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=text("ledger.help_json"))]
Subject = Annotated[str | None, typer.Option("--subject", help=text("ledger.help_subject"))]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help=text("ledger.help_limit"))]


@app.command(help=text("ledger.help_verify"))
def verify(as_json: AsJson = False) -> None:
    from organisation import verify as verify_ledger

    with open_house() as house, house.database.read() as session:
        report = verify_ledger(session, house.keys)
    fault = report.fault
    if as_json:
        shown = fault and {"kind": fault.kind, "seq": fault.seq, "other": fault.other}
        show_json({"sound": report.sound, "entries": report.entries, "head": report.head, "fault": shown})
    elif fault is None:
        typer.echo(text("ledger.sound", entries=report.entries, head=report.head))
    else:
        typer.echo(text(f"ledger.{fault.kind}", seq=fault.seq, other=fault.other), err=True)
        typer.echo(text("ledger.what_now", entries=report.entries), err=True)
    if fault is not None:
        raise typer.Exit(1)


@app.command("list", help=text("ledger.help_list"))
def list_entries(subject: Subject = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    from organisation import entries_of

    with open_house() as house, house.database.read() as session:
        entries = entries_of(session, subject=subject, limit=limit)
    rows: list[dict[str, Cell]] = [
        {
            "seq": entry.seq,
            "at": entry.at,
            "actor": entry.actor,
            "act": entry.act,
            "subject": entry.subject,
            "details": entry.details,
        }
        for entry in entries
    ]
    titles = {name: text(f"ledger.{name}") for name in ("seq", "at", "actor", "act", "subject")}
    show_rows(rows, titles, as_json=as_json)
