"""`meizhen account authorise`: subordinate accounts by a scan of their administrator, without secrets."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import present_language, text
from meizhen.cli._output import beijing
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from connectors import Access, Authorised, Authoriser, Heard
    from organisation import Account, Unit


def add_to(app: typer.Typer) -> None:
    """Adds the command to `meizhen account`."""
    app.command(help=text("account.help_authorise"))(authorise)


def authorise(
    name: Annotated[str, typer.Argument(metavar="ACCOUNT", help=text("account.help_authoriser"))],
    unit: Annotated[str | None, typer.Option("--unit", help=text("account.help_authorise_unit"))] = None,
    site: Annotated[
        str, typer.Option("--site", metavar="URL", help=text("account.help_authorise_site"))
    ] = "",
    qr: Annotated[Path | None, typer.Option("--qr", metavar="FILE.svg", help=text("account.help_qr"))] = None,
    code: Annotated[str | None, typer.Option("--code", help=text("account.help_authorise_code"))] = None,
    heard: Annotated[bool, typer.Option("--heard", help=text("account.help_authorise_heard"))] = False,
    recover: Annotated[bool, typer.Option("--recover", help=text("account.help_authorise_recover"))] = False,
) -> None:
    if sum((bool(site), code is not None, heard, recover)) != 1:
        raise MeizhenError("account.authorise_one")
    with _opened(name) as (house, via, connector, access):
        place = _place(house, unit)
        if site:
            _link(connector, access, site, place, qr)
        elif recover:
            _recover(house, via, connector, access)
        else:
            used = [(code, None)] if code is not None else _waiting(connector, access)
            for one, key in used:
                _store(house, via, connector.authorised(access, one), place or _unit_of(house, access, key))


@contextmanager
def _opened(name: str) -> "Iterator[tuple[House, Account, Authoriser, Access]]":
    """The account that others authorise, with its connector; what the platform says no to is told."""
    from connectors import ConnectorError
    from organisation import access_for, find_account, http_for
    from organisation.authorising import authoriser_of

    with open_house() as house:
        with house.database.read() as session:
            via = find_account(session, name)
        connector = authoriser_of(via)
        http = http_for(via.platform, house.settings)
        access = access_for(house.database, house.keys, via, clock=house.clock, http=http)
        try:
            yield house, via, connector, access
        except ConnectorError as error:
            remedy = "" if error.remedy is None else getattr(error.remedy, present_language())
            raise MeizhenError("account.authorise_failed", told=str(error), remedy=remedy) from None


def _place(house: House, code: str | None) -> "Unit | None":
    """The unit that is named; a person has to be allowed to put accounts there."""
    from organisation import Act, find_unit, require

    if code is None:
        return None
    with house.database.read() as session:
        unit = find_unit(session, code)
    if house.person is not None:
        require(house.person, Act.ACCOUNT_WRITE, unit)
    return unit


def _link(
    connector: "Authoriser", access: "Access", site: str, place: "Unit | None", qr: Path | None
) -> None:
    import segno

    link = connector.link(access, site)
    if place is not None:
        access.memory.put(_unit_key(link.key), place.code, until=link.until)
    typer.echo(link.url)
    typer.echo(text("account.authorise_until", until=beijing(link.until)), err=True)
    if qr is not None:
        made = BytesIO()
        segno.make(link.url, error="m", micro=False).save(made, kind="svg", scale=6, xmldecl=False)
        try:
            qr.write_bytes(made.getvalue())
        except OSError as error:
            raise MeizhenError("account.qr_not_written", file=qr, reason=error.strerror) from None


def _waiting(connector: "Authoriser", access: "Access") -> "Sequence[tuple[str, str | None]]":
    found: tuple[Heard, ...] = connector.heard(access)
    if not found:
        typer.echo(text("account.authorise_none"))
    return [(one.code, one.key) for one in found]


def _unit_of(house: House, access: "Access", key: str | None) -> "Unit | None":
    """The unit that was named when the link was made."""
    from organisation import find_unit

    code = None if not key else access.memory.get(_unit_key(key))
    if code is None:
        return None
    with house.database.read() as session:
        return find_unit(session, code)


def _unit_key(key: str) -> str:
    from hashlib import sha256

    return f"unit-of-link:{sha256(key.encode()).hexdigest()}"


def _store(house: House, via: "Account", given: "Authorised", place: "Unit | None") -> None:
    from organisation.authorising import remember, store_authorised
    from scheduler import lanes

    now = house.clock.now()
    with house.database.write() as session:
        account, new = store_authorised(session, house.keys, via, given, place, at=now, actor=house.actor)
        # A lane that stood still for a withdrawn authorisation is looked at again.
        lanes.wake(session, [account.known_id], now)
    remember(house.database, house.keys, account, given.remembered, clock=house.clock)
    told = "account.authorised" if new else "account.authorised_again"
    typer.echo(text(told, account=account.stable_id, name=given.name))
    for label in given.missing:
        typer.echo(text("account.authorise_missing", what=getattr(label, present_language())), err=True)


def _recover(house: House, via: "Account", connector: "Authoriser", access: "Access") -> None:
    from organisation.authorising import reached_through, remember

    there = connector.recover(access)
    with house.database.read() as session:
        accounts = reached_through(session, via)
    lost = []
    for account in accounts:
        values = there.get(account.handle)
        if values is None:
            lost.append(account.stable_id)
        else:
            remember(house.database, house.keys, account, values, clock=house.clock)
    typer.echo(text("account.recovered", count=len(accounts) - len(lost)))
    if lost:
        typer.echo(text("account.not_recovered", accounts=", ".join(lost)), err=True)
        raise typer.Exit(1)
