"""`meizhen queue`: how the queue stands; stopping and opening it."""

import sys
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from config.clock import SHANGHAI
from config.database import reaching
from config.errors import MeizhenError
from config.messages import text
from meizhen.cli import _coming
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from sqlmodel import Session

    from organisation.accounts import Account
    from scheduler.backlog import Extent, Late
    from scheduler.deliveries import State
    from scheduler.status import QueueStatus

app = typer.Typer(help=text("cli.queue"), no_args_is_help=True)
_coming.add_to(app)

AsJson = Annotated[bool, typer.Option("--json", help=text("queue.help_json"))]
UnitCode = Annotated[str | None, typer.Option("--unit", help=text("queue.help_unit"))]
PostId = Annotated[int | None, typer.Option("--post", help=text("queue.help_post"))]
LateChoice = Annotated[
    str | None, typer.Option("--late", metavar="hold|send|cancel", help=text("queue.help_late"))
]
AccountName = Annotated[str | None, typer.Option("--account", help=text("queue.help_account"))]
Reason = Annotated[str, typer.Option("--reason", help=text("queue.help_reason"))]


@app.command(help=text("queue.help_status"))
def status(
    as_json: AsJson = False,
    live: Annotated[bool, typer.Option("--watch", help=text("queue.help_watch"))] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, help=text("queue.help_every"))] = 1.0,
) -> None:
    from rich.console import Console

    from config.process import stopping_by_signal
    from meizhen.cli import _standing

    with open_house() as house:
        console = Console()
        if live and not as_json:
            with stopping_by_signal() as stop:
                _standing.watch(lambda: _look(house), every, console, stop)
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
def pause(
    unit: UnitCode = None, account: AccountName = None, post: PostId = None, reason: Reason = ""
) -> None:
    from scheduler import transitions
    from scheduler.deliveries import State
    from scheduler.queue import stop_accounts, stop_queue

    if post is not None and reason:
        raise MeizhenError("queue.reason_of_post")
    with open_house() as house, house.database.write() as session:
        now, actor, why = house.clock.now(), house.actor, reason.strip()
        found = _found(session, unit, account, post, State.QUEUED)
        if found.deliveries is not None:
            transitions.pause(session, house.keys, found.deliveries, now=now, actor=actor)
        elif found.accounts is not None:
            stop_accounts(session, house.keys, found.accounts, now=now, actor=actor, stopped=True, reason=why)
        else:
            stop_queue(session, house.keys, now=now, actor=actor, stopped=True, reason=why)
    _tell(found, "stopped")


@app.command(help=text("queue.help_resume"))
def resume(
    unit: UnitCode = None,
    account: AccountName = None,
    post: PostId = None,
    late: LateChoice = None,
    restored: Annotated[bool, typer.Option("--restored", help=text("queue.help_restored"))] = False,
) -> None:
    from scheduler import transitions
    from scheduler.backlog import decide
    from scheduler.deliveries import State
    from scheduler.queue import is_stopped, stop_accounts, stop_queue

    if restored:
        _let_go_restored(unit, account, alone=post is None and late is None)
        return
    choice = None if late is None else _choice(late)
    with open_house() as house:
        choice = choice or _asked(house, unit, account, post)
        with house.database.write() as session:
            now = house.clock.now()
            found = _found(session, unit, account, post, State.PAUSED)
            if found.deliveries is not None:
                transitions.resume(session, house.keys, found.deliveries, now=now, actor=house.actor)
            decided = decide(
                session, house.keys, choice, found.extent, now=now, actor=house.actor, subject=found.subject
            )
            if found.accounts is not None:
                stop_accounts(session, house.keys, found.accounts, now=now, actor=house.actor, stopped=False)
            elif found.deliveries is None:
                stop_queue(session, house.keys, now=now, actor=house.actor, stopped=False)
            still_stopped = is_stopped(session)
    _tell(found, "resumed")
    if decided:
        typer.echo(text(f"queue.late_{choice}", count=decided))
    if still_stopped:
        typer.echo(text("queue.still_stopped"))


def _let_go_restored(unit: str | None, account: str | None, *, alone: bool) -> None:
    """What a restore paused; the queue itself stays as it is."""
    from scheduler import transitions
    from scheduler.deliveries import State
    from scheduler.queue import is_stopped
    from scheduler.restored import paused_by_restore

    if not alone:
        raise MeizhenError("queue.restored_with_post")
    with open_house() as house, house.database.write() as session:
        found = _found(session, unit, account, None, State.PAUSED)
        ids = paused_by_restore(session, found.extent.accounts)
        if ids:
            transitions.resume(session, house.keys, ids, now=house.clock.now(), actor=house.actor)
        still_stopped = is_stopped(session)
    typer.echo(text("queue.restored_let_go", count=len(ids)))
    if still_stopped:
        typer.echo(text("queue.still_stopped"))


@dataclass(frozen=True)
class _Found:
    """What was named: deliveries of one post, accounts, or (neither) the whole queue."""

    subject: str
    accounts: "list[Account] | None" = None
    deliveries: list[int] | None = None
    post: int | None = None

    @property
    def extent(self) -> "Extent":
        from scheduler.backlog import Extent

        accounts = None if self.accounts is None else [account.known_id for account in self.accounts]
        return Extent(accounts, self.deliveries)


def _found(
    session: "Session", unit: str | None, account: str | None, post: int | None, state: "State"
) -> _Found:
    """What the options name. Of a post, what is in `state`; where nothing is, all: the refusal says why."""
    from organisation.accounts import accounts_of, find_account
    from organisation.units import find_unit
    from scheduler.posts import deliveries_of

    accounts = None if account is None else [find_account(session, account)]
    if post is not None:
        there = deliveries_of(session, post, accounts or ())
        chosen = [one for one in there if one.state == state] or there
        ids = [one.id for one in chosen if one.id is not None]
        return _Found(f"post:{post}", deliveries=ids, post=post)
    if accounts is not None:
        return _Found(accounts[0].stable_id, accounts)
    if unit is not None:
        return _Found(f"unit:{unit}", accounts_of(session, unit=find_unit(session, unit)))
    return _Found("queue")


def _tell(found: _Found, done: str) -> None:
    if found.deliveries is not None:
        typer.echo(text(f"queue.{done}_post", post=found.post, count=len(found.deliveries)))
    elif found.accounts is not None:
        typer.echo(text(f"queue.{done}_accounts", count=len(found.accounts)))
    else:
        typer.echo(text(f"queue.{done}"))


# --- what has become late ---------------------------------------------------------------------------------


def _choice(told: str) -> "Late":
    from scheduler.backlog import Late

    try:
        return Late(told.strip().lower())
    except ValueError:
        raise MeizhenError("input.not_one_of", expected=", ".join(Late), received=told[:40]) from None


def _asked(house: House, unit: str | None, account: str | None, post: int | None) -> "Late":
    """What the person at the terminal wants done with what has become late; nobody there means: hold."""
    from scheduler.backlog import APART, Late, late_backlog
    from scheduler.deliveries import State

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Late.HOLD
    with house.database.read() as session:
        found = _found(session, unit, account, post, State.PAUSED)
        late = late_backlog(session, found.extent, house.clock.now())
    if late.oldest_due is None:
        return Late.HOLD
    oldest = late.oldest_due.astimezone(SHANGHAI).strftime("%m-%d %H:%M")
    typer.echo(text("queue.late", count=late.deliveries, accounts=late.accounts, oldest=oldest))
    for choice in Late:
        told = text(f"queue.choice_{choice}", minutes=int(APART.total_seconds() // 60))
        typer.echo(f"  {choice:8}{told}")
    answer: Late = typer.prompt(text("queue.late_ask"), default=Late.HOLD.value, value_proc=_answered)
    return answer


def _answered(told: str) -> "Late":
    try:
        return _choice(told)
    except MeizhenError as error:
        raise typer.BadParameter(str(error)) from None  # asked once more
