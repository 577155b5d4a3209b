"""`meizhen queue`: how the queue stands; stopping and opening it."""

from typing import Annotated

import typer

from config.clock import SHANGHAI
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import open_house

app = typer.Typer(help=text("cli.queue"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=text("queue.help_json"))]
UnitCode = Annotated[str | None, typer.Option("--unit", help=text("queue.help_unit"))]
PostId = Annotated[int | None, typer.Option("--post", help=text("queue.help_post"))]
AccountName = Annotated[str | None, typer.Option("--account", help=text("queue.help_account"))]


@app.command(help=text("queue.help_status"))
def status(as_json: AsJson = False) -> None:
    from scheduler.queue import queue_status

    with open_house() as house, house.database.read() as session:
        standing = queue_status(session, house.clock.now())
    if as_json:
        show_json(vars(standing))
        return
    oldest = standing.oldest_due.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if standing.oldest_due else "–"
    if standing.stopped:
        typer.echo(text("queue.stopped"))
    typer.echo(
        text(
            "queue.status",
            due=standing.due,
            oldest=oldest,
            person=standing.needs_person,
            paused=standing.paused_accounts,
        )
    )
    rows: list[dict[str, Cell]] = [
        {"state": text(f"delivery.state_{state}"), "count": count} for state, count in standing.states.items()
    ]
    show_rows(rows, {"state": text("queue.state"), "count": text("queue.count")}, as_json=False)


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
