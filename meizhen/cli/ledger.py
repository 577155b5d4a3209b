"""`meizhen ledger`: who did what, and whether anybody changed it since."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from config.clock import SHANGHAI
from config.errors import InputError, Problem
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import open_house

app = typer.Typer(help=text("cli.ledger"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=text("ledger.help_json"))]
Subject = Annotated[str | None, typer.Option("--subject", help=text("ledger.help_subject"))]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help=text("ledger.help_limit"))]


Heads = Annotated[Path | None, typer.Option("--heads", metavar="FILE", help=text("ledger.help_heads"))]


@app.command(help=text("ledger.help_verify"))
def verify(heads: Heads = None, as_json: AsJson = False) -> None:
    from organisation import read_heads
    from organisation import verify as verify_ledger
    from organisation.ledger_export import HEADS_FILE

    with open_house() as house, house.database.read() as session:
        noted = read_heads(heads or house.settings.home / HEADS_FILE)
        report = verify_ledger(session, house.keys, noted)
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
def list_entries(
    subject: Subject = None,
    actor: Annotated[str | None, typer.Option("--actor", help=text("ledger.help_actor"))] = None,
    act: Annotated[str | None, typer.Option("--act", help=text("ledger.help_act"))] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    from organisation import entries_of

    with open_house() as house, house.database.read() as session:
        entries = entries_of(session, subject=subject, actor=actor, act=act, limit=limit)
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


@app.command(help=text("ledger.help_export"))
def export(
    out: Annotated[Path, typer.Option("--out", help=text("ledger.help_out"))],
    since: Annotated[str | None, typer.Option("--since", help=text("ledger.help_since"))] = None,
    until: Annotated[str | None, typer.Option("--until", help=text("ledger.help_until"))] = None,
) -> None:
    from organisation import export_entries

    first, last = _midnight("--since", since), _midnight("--until", until)
    after = None if last is None else last + timedelta(days=1)
    with open_house() as house, house.database.read() as session:
        count = export_entries(session, out, since=first, until=after)
    typer.echo(text("ledger.exported", count=count, path=out))


@app.command(help=text("ledger.help_note"))
def note() -> None:
    from organisation import note_head
    from organisation.ledger_export import HEADS_FILE

    with open_house() as house, house.database.read() as session:
        file = house.settings.home / HEADS_FILE
        entries, mac = note_head(session, house.keys, file, at=house.clock.now())
    typer.echo(text("ledger.noted", entries=entries, mac=mac))


def _midnight(option: str, told: str | None) -> datetime | None:
    """The beginning of a Beijing day. Raises InputError."""
    if told is None:
        return None
    try:
        day = date.fromisoformat(told)
    except ValueError:
        raise InputError(option, [Problem("input.not_a_date", params={"received": told})]) from None
    return datetime.combine(day, time(), SHANGHAI)
