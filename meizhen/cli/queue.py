"""`meizhen queue`: how the queue stands; stopping and opening it."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from config.database import reaching
from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from scheduler.status import QueueStatus

app = typer.Typer(help=text("cli.queue"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=text("queue.help_json"))]
UnitCode = Annotated[str | None, typer.Option("--unit", help=text("queue.help_unit"))]
PostId = Annotated[int | None, typer.Option("--post", help=text("queue.help_post"))]
AccountName = Annotated[str | None, typer.Option("--account", help=text("queue.help_account"))]


@app.command(help=text("queue.help_status"))
def status(
    as_json: AsJson = False,
    live: Annotated[bool, typer.Option("--watch", help=text("queue.help_watch"))] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, help=text("queue.help_every"))] = 1.0,
) -> None:
    from rich.console import Console

    from meizhen.cli import _standing

    with open_house() as house:
        console = Console()
        if live and not as_json:
            _standing.watch(lambda: _look(house), every, console)
            return
        with reaching():
            now, standing = house.clock.now(), _standing_of(house)
    if as_json:
        show_json(asdict(standing))
    else:
        console.print(_standing.whole(standing, now))


def _look(house: House) -> "tuple[datetime, QueueStatus | None]":
    """One look of many: a database that is away is waited for."""
    try:
        with reaching():
            return house.clock.now(), _standing_of(house)
    except MeizhenError:
        return house.clock.now(), None


def _standing_of(house: House) -> "QueueStatus":
    from scheduler.status import queue_status

    patience = timedelta(seconds=house.settings.idle_alarm_seconds)
    with house.database.read() as session:
        return queue_status(session, house.clock.now(), patience)


@app.command(help=text("queue.help_notices"))
def notices(as_json: AsJson = False) -> None:
    from scheduler.notices import open_notices

    with open_house() as house, house.database.read() as session:
        found = open_notices(session)
    rows: list[dict[str, Cell]] = [
        {
            "kind": notice.kind,
            "subject": notice.subject,
            "code": notice.code,
            "text": notice.told,
            "opened_at": notice.opened_at,
        }
        for notice in found
    ]
    titles = {
        name: text(f"queue.{name}") for name in ("kind", "subject", "code", "text", "opened_at", "todo")
    }
    for row in [] if as_json else rows:
        kind, subject = row["kind"], str(row["subject"])
        row["kind"], row["todo"] = text(f"queue.notice_{kind}"), text(f"queue.todo_{kind}", subject=subject)
    if not rows and not as_json:
        typer.echo(text("queue.no_notices"))
        return
    show_rows(rows, titles, as_json=as_json)


@app.command(help=text("queue.help_pause"))
def pause(unit: UnitCode = None, account: AccountName = None, post: PostId = None) -> None:
    if post is not None:
        typer.echo(text("queue.held_post", post=post, count=_hold(post, account, held=True)))
        return
    count = _switch(unit, account, stopped=True)
    typer.echo(text("queue.stopped") if count is None else text("queue.stopped_accounts", count=count))


@app.command(help=text("queue.help_resume"))
def resume(unit: UnitCode = None, account: AccountName = None, post: PostId = None) -> None:
    if post is not None:
        typer.echo(text("queue.let_post_go", post=post, count=_hold(post, account, held=False)))
        return
    count = _switch(unit, account, stopped=False)
    typer.echo(text("queue.resumed") if count is None else text("queue.resumed_accounts", count=count))


def _switch(unit: str | None, account: str | None, *, stopped: bool) -> int | None:
    """Stops or opens; gives how many accounts, or None for the whole queue."""
    from organisation.accounts import accounts_of, find_account
    from organisation.units import find_unit
    from scheduler.queue import stop_accounts, stop_queue

    with open_house() as house, house.database.write() as session:
        now = house.clock.now()
        if unit is None and account is None:
            stop_queue(session, house.keys, now=now, actor=house.actor, stopped=stopped)
            return None
        if account is not None:
            chosen = [find_account(session, account)]
        else:
            chosen = accounts_of(session, unit=find_unit(session, unit or ""))
        stop_accounts(session, house.keys, chosen, now=now, actor=house.actor, stopped=stopped)
        return len(chosen)


def _hold(post: int, account: str | None, *, held: bool) -> int:
    """Holds one post back, or lets it go, at one account or wherever it can be; gives at how many."""
    from organisation.accounts import find_account
    from scheduler import transitions
    from scheduler.deliveries import State
    from scheduler.posts import deliveries_of

    with open_house() as house, house.database.write() as session:
        accounts = [] if account is None else [find_account(session, account)]
        found = deliveries_of(session, post, accounts)
        state = State.QUEUED if held else State.PAUSED
        chosen = [item for item in found if item.state == state] or found
        move = transitions.pause if held else transitions.resume
        ids = [item.id for item in chosen if item.id is not None]
        move(session, house.keys, ids, now=house.clock.now(), actor=house.actor)
        return len(ids)
