"""`meizhen key`: the keys by which programs act for a person through `/api/v1`."""

from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import Cell, beijing, show_json, show_rows
from meizhen.house import open_house

if TYPE_CHECKING:
    from organisation import ApiKey

app = typer.Typer(help=text("cli.key"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=text("key.help_json"))]
Prefix = Annotated[str, typer.Argument(metavar="PREFIX", help=text("key.help_prefix"))]


@app.command(help=text("key.help_add"))
def add(
    login: Annotated[str, typer.Argument(metavar="PERSON", help=text("key.help_login"))],
    name: Annotated[str, typer.Option("--name", help=text("key.help_name"))],
    scope: Annotated[list[str], typer.Option("--scope", metavar="ACT", help=text("key.help_scope"))],
    days: Annotated[int, typer.Option("--days", help=text("key.help_days"))] = 365,
    as_json: AsJson = False,
) -> None:
    from organisation import add_key, find_person, parse_scopes

    scopes = parse_scopes(scope)
    with open_house() as house, house.database.write() as session:
        person = find_person(session, login)
        key, token = add_key(
            session,
            house.keys,
            person,
            name,
            scopes,
            days=days,
            at=house.clock.now(),
            actor=house.actor,
        )
    if as_json:
        show_json(_row(key, person.login) | {"key": token})
        return
    typer.echo(text("key.added", login=person.login, key=token, until=beijing(key.expires_at)))


@app.command("list", help=text("key.help_list"))
def list_(
    login: Annotated[
        str | None, typer.Option("--person", metavar="PERSON", help=text("key.help_login"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    from organisation import Act, find_person, list_keys

    with open_house() as house, house.database.read() as session:
        person = None if login is None else find_person(session, login)
        found = list_keys(session, person=person, within=house.sight(Act.PERSON_READ))
        rows = [_row(key, of) for key, of in found]
    for row in [] if as_json else rows:
        row["scopes"] = ", ".join(row["scopes"]) if isinstance(row["scopes"], list) else ""
    columns = ("prefix", "person", "name", "scopes", "expires_at", "used_at", "revoked_at")
    show_rows(rows, {column: text(f"key.{column}") for column in columns}, as_json=as_json)


@app.command(help=text("key.help_revoke"))
def revoke(prefix: Prefix) -> None:
    from organisation import find_key, revoke_key

    with open_house() as house, house.database.write() as session:
        key, person = find_key(session, prefix)
        if not revoke_key(session, house.keys, key, at=house.clock.now(), actor=house.actor):
            raise MeizhenError("key.revoked_already", prefix=key.prefix)
    typer.echo(text("key.revoked", prefix=key.prefix, login=person.login))


def _row(key: "ApiKey", login: str) -> dict[str, Cell]:
    return {
        "prefix": key.prefix,
        "person": login,
        "name": key.name,
        "scopes": list(key.scopes),
        "made_at": key.made_at,
        "expires_at": key.expires_at,
        "used_at": key.used_at,
        "revoked_at": key.revoked_at,
    }
