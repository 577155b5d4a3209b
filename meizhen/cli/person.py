"""`meizhen person`: who works with the house, what they may do where, how they come and go."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import InputError, MeizhenError, Problem
from config.messages import text
from meizhen.cli._output import Cell, beijing, show_json, show_rows
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from sqlmodel import Session

    from organisation import Person, Role, Unit

app = typer.Typer(help=text("cli.person"), no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help=text("person.help_json"))]
Login = Annotated[str, typer.Argument(help=text("person.help_login"), metavar="PERSON")]
Name = Annotated[str, typer.Option("--name", help=text("person.help_name"))]
Email = Annotated[str, typer.Option("--email", help=text("person.help_email"))]
OfUnit = Annotated[str | None, typer.Option("--unit", metavar="CODE", help=text("person.help_of_unit"))]
AtUnit = Annotated[str | None, typer.Option("--unit", metavar="CODE", help=text("person.help_at_unit"))]
Everywhere = Annotated[bool, typer.Option("--everywhere", help=text("person.help_everywhere"))]
RoleName = Annotated[str, typer.Argument(help=text("person.help_role"), metavar="ROLE")]
PasswordFile = Annotated[Path | None, typer.Option("--password-file", help=text("person.help_password_file"))]

CodeFile = Annotated[Path | None, typer.Option("--code-file", help=text("person.help_code_file"))]


@app.command(help=text("person.help_add"))
def add(login: Login, name: Name, unit: OfUnit = None, email: Email = "") -> None:
    from organisation import add_person

    with open_house() as house, house.database.write() as session:
        person = add_person(
            session,
            house.keys,
            login,
            name,
            email=email,
            unit=_unit(session, unit),
            at=house.clock.now(),
            actor=house.actor,
        )
    typer.echo(text("person.added", login=person.login))


@app.command(help=text("person.help_invite"))
def invite(login: Login, as_json: AsJson = False) -> None:
    from organisation import find_person, invite_person

    with open_house() as house, house.database.write() as session:
        person = find_person(session, login)
        code, until = invite_person(session, house.keys, person, at=house.clock.now(), actor=house.actor)
    _show_code("person.invited", person, code, until, as_json=as_json)


@app.command(help=text("person.help_password"))
def password(login: Login, as_json: AsJson = False) -> None:
    from organisation import find_person, reset_password

    with open_house() as house, house.database.write() as session:
        person = find_person(session, login)
        code, until = reset_password(session, house.keys, person, at=house.clock.now(), actor=house.actor)
    _show_code("person.reset", person, code, until, as_json=as_json)


@app.command(help=text("person.help_accept"))
def accept(code_file: CodeFile = None, password_file: PasswordFile = None) -> None:
    from organisation import accept_code

    code = _code(code_file)
    chosen = _new_password(password_file)
    with open_house() as house, house.database.write() as session:
        person = accept_code(session, house.keys, code, chosen, at=house.clock.now())
    typer.echo(text("person.accepted", login=person.login))


@app.command(help=text("person.help_setup"))
def setup(login: Login, name: Name, code_file: CodeFile = None, password_file: PasswordFile = None) -> None:
    from organisation import claim_house

    code = _code(code_file)
    chosen = _new_password(password_file)
    with open_house() as house, house.database.write() as session:
        person = claim_house(session, house.keys, code, login, name, chosen, at=house.clock.now())
    typer.echo(text("person.claimed", login=person.login))


@app.command("list", help=text("person.help_list"))
def list_(
    unit: OfUnit = None,
    state: Annotated[str | None, typer.Option("--state", help=text("person.help_state"))] = None,
    as_json: AsJson = False,
) -> None:
    from organisation import Act, PersonState, list_people

    if state is not None and state not in set(PersonState):
        raise MeizhenError("input.not_one_of", expected=", ".join(PersonState), received=state[:40])
    with open_house() as house, house.database.read() as session:
        found = list_people(
            session, unit=_unit(session, unit), state=state, within=house.sight(Act.PERSON_READ)
        )
        rows = [_row(session, house, person, code) for person, code in found]
    if as_json:
        show_json(rows)
        return
    for row in rows:
        row["state"] = text(f"person.state_{row['state']}")
        row["roles"] = _in_words(row["roles"])
    columns = ("login", "name", "unit", "state", "roles")
    show_rows(rows, {name: text(f"person.{name}") for name in columns}, as_json=False)


@app.command(help=text("person.help_show"))
def show(login: Login, as_json: AsJson = False) -> None:
    from organisation import charges_of, find_person, recovery_codes_left
    from organisation.people import secret_of
    from organisation.units import unit_codes

    with open_house() as house, house.database.read() as session:
        person = find_person(session, login)
        codes = unit_codes(session, [person.unit_id] if person.unit_id else [])
        secret = secret_of(session, person)
        charges = charges_of(session, person)
        facts: dict[str, Cell] = _row(session, house, person, codes.get(person.unit_id or 0)) | {
            "email": person.email,
            "made_at": person.made_at,
            "factor": secret.totp_confirmed,
            "recovery_codes": recovery_codes_left(session, person),
            "charges": dict(charges),
        }
    if as_json:
        show_json(facts)
        return
    shown: dict[str, Cell] = facts | {
        "state": text(f"person.state_{person.state}"),
        "made_at": beijing(person.made_at),
        "factor": text("person.yes" if secret.totp_confirmed else "person.no"),
        "roles": _in_words(facts["roles"]),
        "charges": ", ".join(f"{kind} {count}" for kind, count in charges.items()),
    }
    for key, value in shown.items():
        typer.echo(f"{text(f'person.{key}')}: {'–' if value in (None, '') else value}")


@app.command(help=text("person.help_disable"))
def disable(
    login: Login,
    reason: Annotated[str, typer.Option("--reason", help=text("person.help_reason"))] = "",
) -> None:
    from organisation import charges_of, disable_person, find_person

    with open_house() as house, house.database.write() as session:
        person = find_person(session, login)
        now, actor = house.clock.now(), house.actor
        if not disable_person(session, house.keys, person, at=now, actor=actor, reason=reason):
            raise MeizhenError("person.is_disabled", login=person.login)
        left = sum(charges_of(session, person).values())
    typer.echo(text("person.disabled", login=person.login))
    if left:
        typer.echo(text("person.still_in_charge", count=left, login=person.login))


@app.command(help=text("person.help_enable"))
def enable(login: Login) -> None:
    from organisation import enable_person, find_person

    with open_house() as house, house.database.write() as session:
        person = find_person(session, login)
        if not enable_person(session, house.keys, person, at=house.clock.now(), actor=house.actor):
            raise MeizhenError("person.not_disabled", login=person.login)
    typer.echo(text("person.enabled", login=person.login))


@app.command("hand-over", help=text("person.help_hand_over"))
def hand_over(
    login: Login,
    to: Annotated[str, typer.Option("--to", metavar="PERSON", help=text("person.help_to"))],
    roles: Annotated[bool, typer.Option("--roles", help=text("person.help_with_roles"))] = False,
    as_json: AsJson = False,
) -> None:
    from organisation import find_person
    from organisation import hand_over as hand_over_to
    from organisation.grants import require_gift

    with open_house() as house, house.database.write() as session:
        person, other = find_person(session, login), find_person(session, to)
        if roles and house.person is not None:
            require_gift(session, house.person, person, other)
        done = hand_over_to(
            session, house.keys, person, other, at=house.clock.now(), actor=house.actor, roles=roles
        )
    if as_json:
        given = [{"role": one.role, "unit": one.unit} for one in done.roles]
        show_json({"from": person.login, "to": other.login, "things": done.things, "roles": given})
        return
    count = sum(done.things.values())
    shown = {"login": person.login, "to": other.login, "count": count, "roles": len(done.roles)}
    typer.echo(text("person.handed_over", **shown))


@app.command(help=text("person.help_charge"))
def charge(
    login: Login,
    account: Annotated[list[str] | None, typer.Option("--account", help=text("person.help_account"))] = None,
    post: Annotated[list[int] | None, typer.Option("--post", help=text("person.help_post"))] = None,
    deputy: Annotated[bool, typer.Option("--deputy", help=text("person.help_deputy"))] = False,
) -> None:
    from organisation import find_account, find_person
    from organisation.leaving import DEPUTY, hand_on

    if not account and not post:
        raise MeizhenError("person.charge_what")
    with open_house() as house, house.database.write() as session:
        person, now = find_person(session, login), house.clock.now()
        accounts = [find_account(session, name) for name in account or ()]
        _require_writing(house, session, [one.unit_id for one in accounts], post or [])
        kind = DEPUTY if deputy else "account"
        for one, things in (
            (kind, {found.known_id: found.stable_id for found in accounts}),
            ("post", {number: f"post:{number}" for number in post or ()}),
        ):
            if things:
                hand_on(session, house.keys, person, one, things, at=now, actor=house.actor)
    typer.echo(text("person.charged", login=person.login, count=len(accounts) + len(post or ())))


def _require_writing(house: House, session: "Session", unit_ids: Sequence[int], posts: Sequence[int]) -> None:
    """A person who hands things on has to be one who may change them."""
    from organisation import Act, Place, Unit, require
    from scheduler.posts_read import paths_of_posts

    paths = paths_of_posts(session, posts)
    missing = next((number for number in posts if not paths.get(number)), None)
    if missing is not None:
        raise MeizhenError("post.not_found", id=missing)
    if house.person is None:
        return
    for unit_id in set(unit_ids):
        require(house.person, Act.ACCOUNT_WRITE, session.get_one(Unit, unit_id))
    for path in {path for one in paths.values() for path in one}:
        require(house.person, Act.POST_WRITE, Place(path))


@app.command(help=text("person.help_grant"))
def grant(login: Login, role: RoleName, unit: AtUnit = None, everywhere: Everywhere = False) -> None:
    from organisation import find_person, grant_role, parse_role

    _one_place(unit, everywhere=everywhere)
    wanted = parse_role(role)
    with open_house() as house, house.database.write() as session:
        person, place = find_person(session, login), _unit(session, unit)
        now, actor = house.clock.now(), house.actor
        if not grant_role(session, house.keys, person, wanted, place, at=now, actor=actor):
            raise MeizhenError("organisation.held_already", login=person.login, role=wanted, unit=unit or "*")
    typer.echo(text("person.granted", **_shown(person, wanted, unit)))


@app.command(help=text("person.help_revoke"))
def revoke(login: Login, role: RoleName, unit: AtUnit = None, everywhere: Everywhere = False) -> None:
    from organisation import find_person, parse_role, revoke_role

    _one_place(unit, everywhere=everywhere)
    wanted = parse_role(role)
    with open_house() as house, house.database.write() as session:
        person, place = find_person(session, login), _unit(session, unit)
        now, actor = house.clock.now(), house.actor
        if not revoke_role(session, house.keys, person, wanted, place, at=now, actor=actor):
            raise MeizhenError("organisation.not_held", login=person.login, role=wanted, unit=unit or "*")
    typer.echo(text("person.revoked", **_shown(person, wanted, unit)))


@app.command(help=text("person.help_roles"))
def roles(as_json: AsJson = False) -> None:
    from organisation import Act, Role
    from organisation.permissions import ROLE_ACTS

    if as_json:
        show_json({role.value: [act.value for act in Act if act in ROLE_ACTS[role]] for role in Role})
        return
    for role in Role:
        acts = ", ".join(act.value for act in Act if act in ROLE_ACTS[role])
        typer.echo(f"{role}  {text(f'organisation.role_{role}')}\n  {acts}")


@app.command(help=text("person.help_demand"))
def demand(
    role: RoleName,
    factor: Annotated[
        bool, typer.Option("--second-factor/--no-second-factor", help=text("person.help_demand_factor"))
    ],
) -> None:
    from organisation import demand_factor, parse_role

    wanted = parse_role(role)
    with open_house() as house, house.database.write() as session:
        now, actor = house.clock.now(), house.actor
        demand_factor(session, house.keys, wanted, demanded=factor, at=now, actor=actor)
    told = "person.demanded" if factor else "person.not_demanded"
    typer.echo(text(told, role=text(f"organisation.role_{wanted}")))


@app.command(help=text("person.help_factor"))
def factor(
    login: Login,
    drop: Annotated[bool, typer.Option("--drop", help=text("person.help_drop"))] = False,
) -> None:
    from organisation import (
        begin_second_factor,
        confirm_second_factor,
        drop_second_factor,
        find_person,
    )

    with open_house() as house:
        with house.database.write() as session:
            person = find_person(session, login)
            now, actor = house.clock.now(), house.actor
            if drop:
                if not drop_second_factor(session, house.keys, person, at=now, actor=actor):
                    raise MeizhenError("person.no_factor", login=person.login)
                typer.echo(text("person.dropped", login=person.login))
                return
            enrolment = begin_second_factor(session, house.keys, person)
        typer.echo(text("person.enrol", secret=enrolment.secret, address=enrolment.address))
        code = typer.prompt(text("person.ask_factor"))
        with house.database.write() as session:
            at = house.clock.now()
            codes = confirm_second_factor(session, house.keys, person, code, at=at, actor=house.actor)
    typer.echo(text("person.recovery"))
    for one in codes:
        typer.echo(f"  {one}")


def _unit(session: "Session", code: str | None) -> "Unit | None":
    from organisation import find_unit

    return None if code is None else find_unit(session, code)


def _one_place(unit: str | None, *, everywhere: bool) -> None:
    """A role without a place would be one everywhere by oversight."""
    if (unit is None) != everywhere:
        raise MeizhenError("organisation.one_place")


def _row(session: "Session", house: House, person: "Person", code: str | None) -> dict[str, Cell]:
    from organisation import Act, Place, may, roles_of

    acting = house.person
    shown = [
        f"{one.role}@{one.unit}"
        for one in roles_of(session, person)
        if acting is None or may(acting, Act.PERSON_READ, Place(one.path))
    ]
    return {
        "login": person.login,
        "name": person.name,
        "unit": code,
        "state": person.state,
        "roles": shown,
    }


def _in_words(roles: Cell) -> str:
    """`editor@NM, owner@*` as people read it."""
    told = []
    for one in roles if isinstance(roles, list) else []:
        role, _, unit = one.partition("@")
        told.append(f"{text(f'organisation.role_{role}')}@{unit}")
    return ", ".join(told)


def _shown(person: "Person", role: "Role", unit: str | None) -> dict[str, str]:
    place = text("person.whole_house") if unit is None else unit
    return {"login": person.login, "role": text(f"organisation.role_{role}"), "unit": place}


def _show_code(told: str, person: "Person", code: str, until: datetime, *, as_json: bool) -> None:
    if as_json:
        show_json({"login": person.login, "code": code, "expires_at": until})
    else:
        typer.echo(text(told, login=person.login, code=code, until=beijing(until)))


def _code(file: Path | None) -> str:
    """A one-time code, typed unseen, or the first line of a file."""
    if file is not None:
        return _first_line(file)
    code: str = typer.prompt(text("person.ask_code"), hide_input=True)
    return code


def _new_password(file: Path | None) -> str:
    """A new password, typed twice unseen, or the first line of a file: never on the command line."""
    if file is None:
        chosen: str = typer.prompt(
            text("person.ask_password"), hide_input=True, confirmation_prompt=text("person.ask_again")
        )
        return chosen
    return _first_line(file)


def _first_line(file: Path) -> str:
    try:
        return file.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        params = {"reason": reason}
        raise InputError(str(file), [Problem("input.not_readable", params=params)]) from None
