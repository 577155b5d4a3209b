"""`meizhen connector`: the platforms there are, and whether a connector keeps what all of them promise."""

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import present_language, text
from meizhen.cli._output import Cell, show_rows

if TYPE_CHECKING:
    from connectors import Connector
    from meizhen.conforming import Verdict
    from meizhen.house import House
    from organisation import Account

app = typer.Typer(help=text("cli.connector"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=text("connector.help_json"))]


@app.command("list", help=text("connector.help_list"))
def list_all(as_json: AsJson = False) -> None:
    from connectors import connector_for, platforms

    package = _packages()
    rows: list[dict[str, Cell]] = []
    for name in platforms():
        one = connector_for(name)
        rows.append(
            {
                "platform": name,
                "label": one.label.zh if present_language() == "zh" else one.label.en,
                "can": ", ".join(sorted(one.capabilities)),
                "lost": str(one.reconcile),
                "from": package.get(name, "meizhen"),
            }
        )
    titles = {name: text(f"connector.column_{name}") for name in ("platform", "label", "can", "lost", "from")}
    show_rows(rows, titles, as_json=as_json)


@app.command(help=text("connector.help_test"))
def test(
    name: Annotated[str, typer.Argument(metavar="PLATFORM", help=text("connector.help_platform"))],
    account: Annotated[str | None, typer.Option("--account", help=text("connector.help_account"))] = None,
    write: Annotated[bool, typer.Option("--write", help=text("connector.help_write"))] = False,
    as_json: AsJson = False,
) -> None:
    from meizhen.conforming import at_the_sandbox

    connector = _connector(name)
    if write and account is None:
        raise MeizhenError("connector.write_needs_account")
    verdicts = list(
        at_the_sandbox(connector) if account is None else _at_account(connector, account, write=write)
    )
    rows: list[dict[str, Cell]] = [
        {"demand": one.demand, "state": one.state, "told": one.told} for one in verdicts
    ]
    for row in [] if as_json else rows:
        row["demand"] = str(row["demand"]).replace("_", " ")
        row["state"] = text(f"connector.state_{row['state']}")
    show_rows(
        rows, {key: text(f"connector.column_{key}") for key in ("demand", "state", "told")}, as_json=as_json
    )
    broken = sum(one.state == "broken" for one in verdicts)
    typer.echo(text("connector.tested", platform=name, count=len(verdicts), broken=broken), err=True)
    if broken:
        raise typer.Exit(1)


@app.command(help=text("connector.help_page"))
def page() -> None:
    from connectors import connector_for, platforms
    from connectors._platforms_page import platforms_page

    others = _packages()
    typer.echo(platforms_page(connector_for(name) for name in platforms() if name not in others), nl=False)


def _packages() -> dict[str, str]:
    """The distribution that brought each platform of others."""
    from connectors._registry import GROUP

    found = entry_points(group=GROUP)
    return {entry.name: entry.dist.name if entry.dist is not None else "?" for entry in found}


def _connector(name: str) -> "Connector":
    from connectors import connector_for, platforms

    if name not in platforms():
        raise MeizhenError("connector.unknown", name=name, known=", ".join(platforms()))
    try:
        return connector_for(name)
    except (TypeError, ImportError, AttributeError) as error:
        raise MeizhenError("connector.does_not_load", name=name, reason=str(error)[:200]) from None


def _note_writing(house: "House", account: "Account") -> None:
    """A post of the suite passes no review: it is refused where one is demanded, and stands in the ledger."""
    from organisation import record
    from organisation.stages import stages_of

    with house.database.write() as session:
        if stages_of(session, {account.known_id}):
            raise MeizhenError("connector.review_first", account=account.stable_id)
        record(
            session,
            house.keys,
            at=house.clock.now(),
            actor=house.actor,
            act="connector.test",
            subject=account.stable_id,
        )


def _at_account(connector: "Connector", name: str, *, write: bool) -> "list[Verdict]":
    from meizhen.conforming import at_an_account
    from meizhen.house import open_house
    from organisation import access_for, find_account, http_for

    with open_house() as house:
        with house.database.read() as session:
            account = find_account(session, name)
        if account.platform != connector.platform:
            raise MeizhenError(
                "connector.other_platform", account=account.stable_id, platform=connector.platform
            )
        if write:
            _note_writing(house, account)
        http = http_for(account.platform, house.settings)
        access = access_for(house.database, house.keys, account, clock=house.clock, http=http)
        return list(at_an_account(connector, access, house.clock, write=write))
