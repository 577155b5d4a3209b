"""`meizhen review`: what waits for whom, submitting, signing, returning, comments, what changed."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import text
from meizhen.cli._output import Cell, beijing, show_json, show_rows
from meizhen.cli._wording import AsJson, PostId
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from organisation import Standing
    from scheduler.review_views import Waiting

app = typer.Typer(help=text("cli.review"), no_args_is_help=True)


@app.command("list", help=text("review.help_list"))
def list_reviews(
    mine: Annotated[bool, typer.Option("--mine", help=text("review.help_mine"))] = False,
    as_json: AsJson = False,
) -> None:
    from scheduler.review import may_sign
    from scheduler.review_views import waiting

    with open_house() as house, house.database.read() as session:
        now = house.clock.now()
        found = waiting(session, house.person, now)
        if mine:
            person = _person(house)
            found = [one for one in found if one.stage and may_sign(session, one.post, person, now)]
    columns = ("post", "headline", "accounts", "due", "state", "stage", "by")
    rows = [_row(one, as_json=as_json) for one in found]
    show_rows(rows, {name: text(f"review.column_{name}") for name in columns}, as_json=as_json)


@app.command(help=text("review.help_show"))
def show(post: PostId, as_json: AsJson = False) -> None:
    from meizhen.cli._review_told import as_facts, told
    from meizhen.cli._story import printable
    from scheduler.review import read
    from scheduler.review_views import shown

    with open_house() as house, house.database.write() as session:
        seen = shown(session, read(session, post, house.person, house.clock.now()))
    if as_json:
        show_json(as_facts(seen))
        return
    for line in told(seen):
        typer.echo(printable(line))


@app.command(help=text("review.help_submit"))
def submit(
    post: PostId,
    urgent: Annotated[str, typer.Option("--urgent", metavar="REASON", help=text("review.help_urgent"))] = "",
    as_json: AsJson = False,
) -> None:
    from scheduler.review import submit as hand_in

    with open_house() as house, house.database.write() as session:
        submission, warnings = hand_in(
            session,
            house.keys,
            post,
            _person(house),
            house.media_folder,
            urgent=urgent,
            now=house.clock.now(),
            actor=house.actor,
        )
    if as_json:
        told = [one.problem.as_json() for one in warnings]
        show_json({"post": post, "number": submission.number, "stages": submission.stages, "warnings": told})
        return
    stages = " → ".join(_stage(name) for name in submission.stages.split(","))
    typer.echo(text("review.submitted", id=post, number=submission.number, stages=stages))
    for one in warnings:
        typer.echo(text("review.warning", told=one.problem.told()), err=True)


@app.command(help=text("review.help_approve"))
def approve(post: PostId) -> None:
    from organisation.stages import read_stages
    from scheduler.review import approve as sign

    with open_house() as house, house.database.write() as session:
        submission, stage = sign(
            session, house.keys, post, _person(house), now=house.clock.now(), actor=house.actor
        )
    rest = read_stages(submission.stages)[submission.signed :]
    if rest:
        typer.echo(text("review.signed", id=post, stage=_stage(stage), next=_stage(rest[0])))
    else:
        typer.echo(text("review.approved", id=post, stage=_stage(stage), hash=submission.content_hash[:12]))


@app.command("return", help=text("review.help_return"))
def send_back(
    post: PostId,
    reason: Annotated[str, typer.Option("--reason", help=text("review.help_reason"))],
) -> None:
    from scheduler.review import send_back as turn_down

    with open_house() as house, house.database.write() as session:
        turn_down(session, house.keys, post, _person(house), reason, now=house.clock.now(), actor=house.actor)
    typer.echo(text("review.returned", id=post))


@app.command(help=text("review.help_comment"))
def comment(
    post: PostId,
    quote: Annotated[str, typer.Option("--quote", help=text("review.help_quote"))],
    note: Annotated[str, typer.Option("--note", help=text("review.help_note"))],
) -> None:
    from scheduler.review import comment as remark
    from scheduler.review import passage, read
    from scheduler.review_content import of_facts

    with open_house() as house, house.database.write() as session:
        now, person = house.clock.now(), _person(house)
        start, end = passage(of_facts(read(session, post, person, now).content).text, quote)
        remark(session, house.keys, post, person, start=start, end=end, told=note, now=now, actor=house.actor)
    typer.echo(text("review.commented", id=post, start=start, end=end))


@app.command(help=text("review.help_diff"))
def diff(post: PostId) -> None:
    from meizhen.cli._story import printable
    from scheduler.review import known_before, read
    from scheduler.review_views import changes

    with open_house() as house, house.database.write() as session:
        person = _person(house)
        present = read(session, post, person, house.clock.now())
        before = known_before(session, present, person.person_id)
        lines = [] if before is None else changes(before, present)
    if before is None:
        typer.echo(text("review.nothing_known", id=post, number=present.number))
        return
    if not lines:
        typer.echo(text("review.nothing_changed", number=before.number))
    for line in lines:
        typer.echo(printable(line))


@app.command(help=text("review.help_form"))
def form(
    post: PostId,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help=text("review.help_form_out"))],
) -> None:
    from scheduler.review import read
    from scheduler.review_form import review_form
    from scheduler.review_views import shown

    kind = out.suffix.lower().lstrip(".")
    if kind not in ("pdf", "png"):
        raise MeizhenError("review.form_not_written", file=out, reason=kind or "–")
    with open_house() as house, house.database.write() as session:
        now = house.clock.now()
        seen = shown(session, read(session, post, house.person, now))
        content = review_form(session, seen, now=now, form=kind)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise MeizhenError(
            "review.form_not_written", file=out, reason=error.strerror or type(error).__name__
        ) from None
    typer.echo(text("review.form_written", file=out))


@app.command(help=text("review.help_substitute"))
def substitute(
    login: Annotated[str | None, typer.Argument(metavar="LOGIN", help=text("review.help_login"))] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help=text("review.help_until"))
    ] = None,
    end: Annotated[bool, typer.Option("--end", help=text("review.help_end"))] = False,
) -> None:
    from organisation import find_person
    from scheduler.review_people import name_substitute

    if end == (login is not None) or (login is None) != (until is None):
        raise MeizhenError("review.substitute_or_end")
    with open_house() as house, house.database.write() as session:
        person, now = _person(house), house.clock.now()
        other = None if login is None else find_person(session, login)
        last = None if until is None else _day(until)
        name_substitute(session, house.keys, person, other, until=last, now=now, actor=house.actor)
    if other is None:
        typer.echo(text("review.substitute_ended", login=person.login))
    else:
        typer.echo(text("review.substitute_named", login=person.login, other=other.login, until=last))


def _person(house: House) -> "Standing":
    if house.person is None:
        raise MeizhenError("review.who")
    return house.person


def _day(told: str) -> date:
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise MeizhenError("input.not_a_moment", received=told[:40]) from None


def _stage(name: str) -> str:
    return text(f"review.stage_{name}")


def _row(one: "Waiting", *, as_json: bool) -> dict[str, Cell]:
    row: dict[str, Cell] = asdict(one)
    if as_json:
        return row
    stage = _stage(one.stage) if one.stage else ""
    if one.urgent and stage:
        stage = text("review.urgent_mark", stage=stage)
    return row | {
        "accounts": ", ".join(one.accounts),
        "due": beijing(one.due),
        "state": text(f"review.state_{one.state}"),
        "stage": stage,
    }
