"""`meizhen account`: official accounts and their credentials, which no command ever shows."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import InputError, MeizhenError, Problem
from config.messages import present_language, text
from meizhen.cli._authorising import add_to
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from connectors import Finding, Label
    from organisation import Account

app = typer.Typer(help=text("cli.account"), no_args_is_help=True)
add_to(app)

AsJson = Annotated[bool, typer.Option("--json", help=text("account.help_json"))]
Name = Annotated[str, typer.Argument(help=text("account.help_name"), metavar="ACCOUNT")]
Names = Annotated[list[str] | None, typer.Argument(help=text("account.help_names"), metavar="[ACCOUNT]...")]
AccountsFile = Annotated[Path, typer.Argument(help=text("account.help_file"), metavar="FILE")]
Overwrite = Annotated[bool, typer.Option("--update", help=text("account.help_update"))]
UnitCode = Annotated[str | None, typer.Option("--unit", help=text("account.help_unit"))]
PlatformName = Annotated[str | None, typer.Option("--platform", help=text("account.help_platform"))]
State = Annotated[str | None, typer.Option("--state", help=text("account.help_state"))]
Reason = Annotated[str, typer.Option("--reason", help=text("account.help_reason"))]
Credentials = Annotated[list[str] | None, typer.Option("--credential", help=text("account.help_credential"))]


@app.command(help=text("account.help_add"))
def add(
    platform: Annotated[str, typer.Argument(help=text("account.help_platform"), metavar="PLATFORM")],
    handle: Annotated[str, typer.Argument(help=text("account.help_handle"), metavar="HANDLE")],
    unit: Annotated[str, typer.Option("--unit", help=text("account.help_of_unit"))],
    name: Annotated[str, typer.Option("--name", help=text("account.help_display"))] = "",
    track: Annotated[str, typer.Option("--track", help=text("account.help_track"))] = "",
    filed: Annotated[str, typer.Option("--filed", help=text("account.help_filed"))] = "",
    verified: Annotated[bool, typer.Option("--verified", help=text("account.help_verified"))] = False,
    api_base: Annotated[str, typer.Option("--api-base", help=text("account.help_api_base"))] = "",
    credential: Credentials = None,
) -> None:
    from organisation import add_account

    values = {
        "platform": platform,
        "handle": handle,
        "unit": unit,
        "name": name,
        "track": track,
        "filed": filed,
        "verified": "true" if verified else "",
        "api_base": api_base,
    }
    values |= _credentials(platform, credential or [])
    with open_house() as house, house.database.write() as session:
        account = add_account(session, house.keys, values, at=house.clock.now(), actor=house.actor)
    typer.echo(text("account.added", account=account.stable_id))


@app.command("import", help=text("account.help_import"))
def import_file(file: AccountsFile, overwrite: Overwrite = False, as_json: AsJson = False) -> None:
    from config.table_files import read_table
    from organisation import import_accounts

    table = read_table(file)
    with open_house() as house, house.database.write() as session:
        done = import_accounts(
            session, house.keys, table, at=house.clock.now(), actor=house.actor, overwrite=overwrite
        )
    if as_json:
        show_json(vars(done))
    else:
        typer.echo(text("account.imported", added=len(done.added), updated=len(done.updated)))


@app.command("list", help=text("account.help_list"))
def list_accounts(
    unit: UnitCode = None, platform: PlatformName = None, state: State = None, as_json: AsJson = False
) -> None:
    with open_house() as house:
        rows = [_row(account, code) for account, code in _chosen(house, None, unit, platform, state)]
    titles = {
        name: text(f"account.{name}")
        for name in ("account", "name", "unit", "track", "filed", "verified", "state")
    }
    for row in [] if as_json else rows:
        row["state"] = text(f"account.state_{row['state']}")
    show_rows(rows, titles, as_json=as_json)


@app.command(help=text("account.help_show"))
def show(name: Name, as_json: AsJson = False) -> None:
    from connectors import connector_for
    from organisation import find_account, open_credentials

    with open_house() as house:
        ((account, code),) = _chosen(house, [name], None, None, None)
        with house.database.read() as session:
            values = open_credentials(session, house.keys, find_account(session, name))
    facts = _row(account, code) | {"api_base": account.api_base}
    fields = connector_for(account.platform).credential_fields
    if as_json:
        show_json(facts | {"credentials": {field.name: bool(values.get(field.name)) for field in fields}})
        return
    facts["state"] = text(f"account.state_{account.state}")
    facts["verified"] = text("account.yes" if account.verified else "account.no")
    for key, value in facts.items():
        typer.echo(f"{text(f'account.{key}')}: {'–' if value in (None, '') else value}")
    for field in fields:
        there = text("account.is_set" if values.get(field.name) else "account.not_set")
        typer.echo(f"{_in_language(field.label)} ({field.name}): {there}")


@app.command(help=text("account.help_check"))
def check(
    names: Names = None,
    unit: UnitCode = None,
    platform: PlatformName = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    with open_house() as house:
        chosen = _chosen(house, names, unit, platform, state, checking=True)
        accounts = [account for account, _ in chosen]
        findings = _checked(house, accounts)
    rows: list[dict[str, Cell]] = [
        {
            "account": account.stable_id,
            "fine": finding.fine,
            "told": _in_language(finding.told),
            "remedy": _in_language(finding.remedy) if finding.remedy else "",
        }
        for account, finding in findings
    ]
    titles = {name: text(f"account.{name}") for name in ("account", "fine", "told", "remedy")}
    show_rows(rows, titles, as_json=as_json)
    if not all(finding.fine for _, finding in findings):
        raise typer.Exit(1)


@app.command(help=text("account.help_pause"))
def pause(name: Name, reason: Reason = "") -> None:
    _move("pause", "paused", name, reason)


@app.command(help=text("account.help_resume"))
def resume(name: Name, reason: Reason = "") -> None:
    _move("resume", "resumed", name, reason)


@app.command(help=text("account.help_retire"))
def retire(name: Name, reason: Reason = "") -> None:
    _move("retire", "retired", name, reason)


def _move(move: str, told: str, name: str, reason: str) -> None:
    from organisation import find_account
    from scheduler.account_moves import AccountMove, move_account

    with open_house() as house, house.database.write() as session:
        account = find_account(session, name)
        at, actor = house.clock.now(), house.actor
        move_account(session, house.keys, account, AccountMove(move), at=at, actor=actor, reason=reason)
    typer.echo(text(f"account.{told}", account=account.stable_id))


@app.command("rotate-keys", help=text("account.help_rotate"))
def rotate_keys() -> None:
    from analytics.reports import rotate_robots
    from config.secrets import add_master_key, load_key_file
    from organisation import record, rotate_credentials, rotate_second_factors
    from organisation.webhooks import rotate_webhooks

    with open_house() as house:
        version = add_master_key(house.key_file)
        keys = load_key_file(house.key_file)
        with house.database.write() as session:
            count = rotate_credentials(session, keys)
            robots = rotate_robots(session, keys)
            rotate_second_factors(session, keys)
            rotate_webhooks(session, keys)
            now, actor = house.clock.now(), house.actor
            details = {"version": version, "accounts": count, "robots": robots}
            record(session, keys, at=now, actor=actor, act="keys.rotate", subject="house", details=details)
    typer.echo(text("account.rotated", version=version, count=count, keys=house.key_file))


def _chosen(
    house: House,
    names: Sequence[str] | None,
    unit: str | None,
    platform: str | None,
    state: str | None,
    *,
    checking: bool = False,
) -> list[tuple["Account", str]]:
    """The accounts asked for, each with its unit's code."""
    from organisation import Act, accounts_of, find_account, find_unit, unit_codes

    within = house.sight(Act.ACCOUNT_CHECK if checking else Act.ACCOUNT_READ)
    with house.database.read() as session:
        if names:
            accounts = [find_account(session, name) for name in names]
        else:
            under = None if unit is None else find_unit(session, unit)
            accounts = accounts_of(session, unit=under, platform=platform, state=state, within=within)
        codes = unit_codes(session, {account.unit_id for account in accounts})
    return [(account, codes[account.unit_id]) for account in accounts]


def _checked(house: House, accounts: Sequence["Account"]) -> list[tuple["Account", "Finding"]]:
    """Asks all platforms side by side: a slow one holds up nobody else's answer."""
    from scheduler.checking import Examiner

    at_once = house.settings.senders
    examiner = Examiner(house.database, house.keys, house.settings, house.clock, at_once=at_once)
    found = examiner.ask(accounts)
    examiner.close()
    return [(account, finding) for account in accounts for finding in found[account.known_id].findings]


def _credentials(platform: str, given: Sequence[str]) -> dict[str, str]:
    """The credentials named on the command line, and at a terminal those that are still needed.

    A secret stands in a file (`name=@file`) or is typed unseen: what stands on a command line, every user of
    the machine can read.
    """
    from connectors import connector_for, platforms

    if platform not in platforms():
        return {}  # the form tells it, with the platforms there are
    fields = {field.name: field for field in connector_for(platform).credential_fields}
    values = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or name not in fields:
            raise MeizhenError("account.unknown_credential", name=name, expected=", ".join(fields))
        if value.startswith("@"):
            value = _from_file(name, Path(value[1:]))
        elif fields[name].secret:
            raise MeizhenError("account.open_secret", name=name)
        values[name] = value
    if sys.stdin.isatty():
        for field in fields.values():
            if field.required and field.name not in values:
                values[field.name] = typer.prompt(_in_language(field.label), hide_input=field.secret)
    return values


def _from_file(name: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        params = {"reason": reason}
        raise InputError(str(path), [Problem("input.not_readable", column=name, params=params)]) from None


def _row(account: "Account", unit: str) -> dict[str, Cell]:
    return {
        "account": account.stable_id,
        "platform": account.platform,
        "handle": account.handle,
        "name": account.name,
        "unit": unit,
        "track": account.track,
        "filed": account.filed,
        "verified": account.verified,
        "state": account.state,
    }


def _in_language(label: "Label") -> str:
    return label.zh if present_language() == "zh" else label.en
