"""`meizhen webhook`: other programs that are told what happens; their secret is shown once."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import InputError, MeizhenError, Problem
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.cli._wording import AsJson
from meizhen.house import open_house

if TYPE_CHECKING:
    from organisation.webhook_messages import WebhookMessage

app = typer.Typer(help=text("cli.webhook"), no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help=text("webhook.help_name"))]


@app.command(help=text("webhook.help_add"))
def add(
    webhook: Name,
    unit: Annotated[str, typer.Option("--unit", help=text("webhook.help_unit"))],
    event: Annotated[list[str] | None, typer.Option("--event", help=text("webhook.help_event"))] = None,
    file: Annotated[Path | None, typer.Option("--file", help=text("webhook.help_file"))] = None,
    as_json: AsJson = False,
) -> None:
    from connectors import Reach
    from organisation import find_unit
    from organisation.webhooks import Wanted, add_webhook, check_wanted

    wanted = Wanted(webhook, _address(file), tuple(event or ()))
    with open_house() as house:
        host = check_wanted(wanted, Reach(house.settings.private_networks))
        with house.database.write() as session:
            place = find_unit(session, unit)
            _, secret = add_webhook(
                session, house.keys, wanted, host, place, now=house.clock.now(), actor=house.actor
            )
    if as_json:
        show_json({"name": webhook, "host": host, "secret": secret})
    else:
        typer.echo(text("webhook.added", name=webhook, host=host, secret=secret))


@app.command("list", help=text("webhook.help_list"))
def list_all(as_json: AsJson = False) -> None:
    from organisation.permissions import Act
    from organisation.webhooks import list_webhooks

    with open_house() as house, house.database.read() as session:
        rows: list[dict[str, Cell]] = [
            {
                "name": row.name,
                "unit": unit,
                "host": row.host,
                "events": row.events.split(",") if as_json and row.events else row.events or "*",
                "stopped": row.stopped,
                "created_at": row.created_at,
                "created_by": row.created_by,
            }
            for row, unit in list_webhooks(session, house.sight(Act.WEBHOOK_READ))
        ]
    columns = ("name", "unit", "host", "events", "stopped", "created_by")
    show_rows(rows, {name: text(f"webhook.column_{name}") for name in columns}, as_json=as_json)


@app.command(help=text("webhook.help_log"))
def log(
    webhook: Name,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help=text("webhook.help_limit"))] = 50,
    as_json: AsJson = False,
) -> None:
    from organisation.webhook_messages import messages_of
    from organisation.webhooks import find_webhook

    with open_house() as house, house.database.read() as session:
        rows: list[dict[str, Cell]] = [
            {
                "message": one.uid,
                "event": one.event,
                "made_at": one.made_at,
                "state": one.state if as_json else text(f"webhook.state_{one.state}"),
                "tries": one.tries,
                "outcome": one.outcome,
                "due": one.due if one.ended_at is None else None,
            }
            for one in messages_of(session, find_webhook(session, webhook), limit=limit)
        ]
    columns = ("message", "event", "made_at", "state", "tries", "outcome", "due")
    show_rows(rows, {key: text(f"webhook.column_{key}") for key in columns}, as_json=as_json)


@app.command(help=text("webhook.help_test"))
def test(webhook: Name, as_json: AsJson = False) -> None:
    from meizhen.webhooks import post_of
    from organisation.webhook_sending import send_test

    with open_house() as house:
        _tell(send_test(post_of(house, "cli"), webhook), as_json=as_json)


@app.command(help=text("webhook.help_resend"))
def resend(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help=text("webhook.help_message"))],
    as_json: AsJson = False,
) -> None:
    from meizhen.webhooks import post_of
    from organisation.webhook_messages import find_message
    from organisation.webhook_messages import resend as queue_again
    from organisation.webhook_sending import run_round

    with open_house() as house:
        with house.database.write() as session:
            queue_again(session, house.keys, message, now=house.clock.now(), actor=house.actor)
            name = find_message(session, message)[1].name
        run_round(post_of(house, "cli"), [name])
        with house.database.read() as session:
            _tell(find_message(session, message)[0], as_json=as_json)


@app.command(help=text("webhook.help_remove"))
def remove(webhook: Name) -> None:
    from organisation.webhooks import remove_webhook

    with open_house() as house, house.database.write() as session:
        remove_webhook(session, house.keys, webhook, now=house.clock.now(), actor=house.actor)
    typer.echo(text("webhook.removed", name=webhook))


def _tell(message: "WebhookMessage", *, as_json: bool) -> None:
    """What became of a try; a message that is still queued or given up is an error of the command."""
    if as_json:
        told = {"message": message.uid, "state": message.state, "tries": message.tries}
        show_json(told | {"outcome": message.outcome})
    elif message.state == "delivered":
        typer.echo(text("webhook.arrived", message=message.uid, outcome=message.outcome))
    if message.state != "delivered":
        raise MeizhenError("webhook.not_arrived", message=message.uid, outcome=message.outcome or "–")


def _address(file: Path | None) -> str:
    """The address, from a file, a prompt or standard input: it may hold a token, and shells remember."""
    if file is not None:
        try:
            return file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise InputError(str(file), [Problem("input.not_readable", params={"reason": reason})]) from None
    if sys.stdin.isatty():  # asked beside standard output, which a program may read
        return str(typer.prompt(text("webhook.ask_address"), err=True)).strip()
    return sys.stdin.read(4096).strip()
