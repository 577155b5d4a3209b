"""`meizhen post`: writing posts and importing them, how they stand, and what people do about them."""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import InputError, MeizhenError
from config.messages import text
from meizhen.cli import _preview
from meizhen.cli._campaign_counting import InCampaign, cell_in_sight
from meizhen.cli._drafts import add_to
from meizhen.cli._output import Cell, beijing, show_json, show_rows
from meizhen.cli._wording import (
    Accounts,
    AsJson,
    Due,
    Format,
    Important,
    LatenessHours,
    MediaFiles,
    Options,
    PostId,
    TextFile,
    Title,
    Words,
    Wrong,
    told_draft,
    with_format,
)
from meizhen.house import open_house

if TYPE_CHECKING:
    from sqlmodel import Session

    from scheduler.deliveries import Delivery, State
    from scheduler.posts import Listed

app = typer.Typer(help=text("cli.post"), no_args_is_help=True)
add_to(app)
_preview.add_to(app)

TABLE_ROWS = 200

OneAccount = Annotated[str, typer.Option("--account", help=text("post.help_account"))]
DoubtfulAccount = Annotated[str | None, typer.Option("--account", help=text("post.help_doubtful"))]
SomeAccounts = Annotated[list[str] | None, typer.Option("--account", help=text("post.help_accounts"))]


@app.command(help=text("post.help_add"))
def add(
    account: Accounts,
    due: Due,
    title: Title = "",
    words: Words = None,
    text_file: TextFile = None,
    media: MediaFiles = None,
    written_as: Format = None,
    option: Options = None,
    lateness_hours: LatenessHours = None,
    important: Important = False,
    campaign: InCampaign = None,
    as_json: AsJson = False,
) -> None:
    from scheduler.campaign_counting import place_post
    from scheduler.media import keep
    from scheduler.outgoing import check_draft
    from scheduler.posts import parse_due, queue_post

    with open_house() as house:
        now = house.clock.now()
        wrong = Wrong()
        at = wrong.unless(lambda: parse_due(due, now))
        draft = told_draft(
            wrong,
            title=title,
            words=words,
            text_file=text_file,
            media=media,
            option=with_format(option, written_as),
            lateness_hours=lateness_hours,
            important=important,
        )
        with house.database.read() as session:
            accounts = wrong.accounts(session, account)
        if draft is not None:
            wrong.problems += check_draft(draft, {one.platform for one in accounts})
        if wrong.problems or at is None or draft is None:
            raise InputError("meizhen post add", [replace(one, column=None) for one in wrong.problems])
        for found in draft.media:
            keep(house.media_folder, found)
        with house.database.write() as session:
            cell = None if campaign is None else cell_in_sight(session, house, campaign)
            queued = queue_post(
                session,
                house.keys,
                draft,
                accounts,
                due=at,
                lateness_hours=house.settings.lateness_hours,
                now=now,
                actor=house.actor,
            )
            place_post(session, house.keys, queued.post_id, cell, now=now, actor=house.actor)
            house.answers_for(session, "post", [queued.post_id])
    if as_json:
        ids = {one.stable_id: number for one, number in zip(accounts, queued.delivery_ids, strict=True)}
        show_json({"post": queued.post_id, "due": at, "deliveries": ids})
        return
    typer.echo(text("post.added", id=queued.post_id, count=len(accounts), due=beijing(at)))


@app.command("import", help=text("post.help_import"))
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=text("post.help_file"))],
    as_json: AsJson = False,
) -> None:
    from scheduler.post_import import import_posts

    with open_house() as house:
        imported = import_posts(
            house.database,
            house.keys,
            house.media_folder,
            file,
            lateness_hours=house.settings.lateness_hours,
            now=house.clock.now(),
            actor=house.actor,
        )
        if house.person is not None:
            with house.database.write() as session:
                house.answers_for(session, "post", imported.post_ids)
    if as_json:
        show_json({"posts": imported.post_ids, "deliveries": imported.deliveries})
        return
    counts = {"posts": len(imported.post_ids), "deliveries": imported.deliveries}
    typer.echo(text("post.imported", source=file.name, **counts))


# --- how they stand ---------------------------------------------------------------------------------------


@app.command("list", help=text("post.help_list"))
def list_posts(
    state: Annotated[str | None, typer.Option("--state", help=text("post.help_state"))] = None,
    account: Annotated[str | None, typer.Option("--account", help=text("post.help_account"))] = None,
    since: Annotated[str | None, typer.Option("--since", help=text("post.help_since"))] = None,
    until: Annotated[str | None, typer.Option("--until", help=text("post.help_until"))] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help=text("post.help_limit", limit=TABLE_ROWS))
    ] = None,
    as_json: AsJson = False,
) -> None:
    from organisation import Act
    from organisation.accounts import find_account
    from scheduler.posts import list_deliveries, parse_moment

    wanted = None if state is None else _state(state)
    shown = limit if limit is not None or as_json else TABLE_ROWS
    with open_house() as house, house.database.read() as session:
        now = house.clock.now()
        listed = list_deliveries(
            session,
            state=wanted,
            account_id=None if account is None else find_account(session, account).known_id,
            since=None if since is None else parse_moment(since, now),
            until=None if until is None else _until(until, now),
            limit=None if shown is None else shown + 1,
            within=house.sight(Act.POST_READ),
        )
    rows = [_row(one, as_json=as_json) for one in listed[:shown]]
    columns = ("post", "account", "due", "state", "headline", "person", "url")
    show_rows(rows, {name: text(f"post.column_{name}") for name in columns}, as_json=as_json)
    if shown is not None and len(listed) > shown:
        typer.echo(text("post.list_cut", limit=shown), err=True)


def _state(told: str) -> "State":
    from scheduler.deliveries import State

    try:
        return State(told.lower())
    except ValueError:
        raise MeizhenError("input.not_one_of", expected=", ".join(State), received=told) from None


def _until(told: str, now: datetime) -> datetime:
    """The end of the time told: a day alone is all of it."""
    from scheduler.posts import parse_moment

    moment = parse_moment(told, now)
    is_day = re.fullmatch(r"\d{4}([-/])\d{1,2}\1\d{1,2}", told.strip())
    return moment + timedelta(days=1, microseconds=-1) if is_day else moment


def _row(listed: "Listed", *, as_json: bool) -> dict[str, Cell]:
    row: dict[str, Cell] = asdict(listed)
    if as_json:
        return row
    return row | {
        "state": text(f"delivery.state_{listed.state}"),
        "person": True if listed.needs_person else None,
    }


@app.command(help=text("post.help_show"))
def show(post: PostId, as_json: AsJson = False) -> None:
    from meizhen.cli._story import as_facts, printable, told
    from scheduler.posts import story_of

    with open_house() as house, house.database.read() as session:
        story = story_of(session, post)
        now = house.clock.now()
    if as_json:
        show_json(as_facts(story))
        return
    for line in told(story, now):
        typer.echo(printable(line))


# --- what people do about them ----------------------------------------------------------------------------


@app.command(help=text("post.help_mark"))
def important(
    post: PostId, off: Annotated[bool, typer.Option("--off", help=text("post.help_mark_off"))] = False
) -> None:
    from scheduler.importance import mark_important

    with open_house() as house, house.database.write() as session:
        mark_important(session, house.keys, post, not off, now=house.clock.now(), actor=house.actor)
    typer.echo(text("post.unmarked" if off else "post.marked", id=post))


@app.command(help=text("post.help_reschedule"))
def reschedule(post: PostId, due: Due, account: SomeAccounts = None) -> None:
    from scheduler import transitions
    from scheduler.deliveries import State
    from scheduler.posts import parse_due

    with open_house() as house, house.database.write() as session:
        now = house.clock.now()
        at = parse_due(due, now)
        chosen, left = _chosen(session, post, account, (State.QUEUED, State.PAUSED, State.MISSED))
        transitions.reschedule(session, house.keys, chosen, due=at, now=now, actor=house.actor)
    typer.echo(text("post.rescheduled", id=post, count=len(chosen), due=beijing(at)))
    _tell_untouched(left)


@app.command(help=text("post.help_cancel"))
def cancel(post: PostId, account: SomeAccounts = None) -> None:
    from scheduler import transitions
    from scheduler.deliveries import FOLLOWERS, State

    movable = [state for state, followers in FOLLOWERS.items() if State.CANCELLED in followers]
    with open_house() as house, house.database.write() as session:
        chosen, left = _chosen(session, post, account, movable)
        transitions.cancel(session, house.keys, chosen, now=house.clock.now(), actor=house.actor)
    typer.echo(text("post.cancelled", id=post, count=len(chosen)))
    _tell_untouched(left)


@app.command(help=text("post.help_retry"))
def retry(post: PostId, account: OneAccount) -> None:
    from scheduler import transitions

    with open_house() as house, house.database.write() as session:
        chosen, _ = _chosen(session, post, [account])
        transitions.retry(session, house.keys, chosen, now=house.clock.now(), actor=house.actor)
    typer.echo(text("post.retried", id=post, account=account))


@app.command(help=text("post.help_resolve"))
def resolve(
    post: PostId,
    account: DoubtfulAccount = None,
    published: Annotated[
        str | None, typer.Option("--published", metavar="URL", help=text("post.help_published"))
    ] = None,
    not_published: Annotated[
        bool, typer.Option("--not-published", help=text("post.help_not_published"))
    ] = False,
) -> None:
    from scheduler import transitions

    if (published is not None) == not_published:
        raise MeizhenError("post.resolve_one")
    with open_house() as house, house.database.write() as session:
        delivery_id, name = _doubtful(session, post, account)
        transitions.resolve(
            session,
            house.keys,
            delivery_id,
            published_url=published,
            now=house.clock.now(),
            actor=house.actor,
        )
    told = "post.resolved_not_published" if not_published else "post.resolved_published"
    typer.echo(text(told, id=post, account=name))


def _doubtful(session: "Session", post: int, account: str | None) -> tuple[int, str]:
    """The delivery to settle and its account: the one that is named, or the only one that waits for it."""
    from scheduler.deliveries import State
    from scheduler.posts import story_of

    if account is not None:
        from organisation.accounts import find_account

        found = find_account(session, account)
        (chosen,), _ = _chosen(session, post, [found.stable_id])
        return chosen, found.stable_id
    there = {one.account: one.delivery for one in story_of(session, post).deliveries}
    waiting = [name for name, one in there.items() if one.state in (State.UNCERTAIN, State.HANDED_OVER)]
    if len(waiting) > 1:
        raise MeizhenError("post.several_in_doubt", id=post, accounts=", ".join(waiting))
    # Where nothing is in doubt, a post with one delivery is meant all the same: the refusal says why.
    if not waiting and len(there) != 1:
        raise MeizhenError("post.none_in_doubt", id=post)
    name = next(iter(waiting or there))
    return there[name].id or 0, name


def _chosen(
    session: "Session", post: int, names: Sequence[str] | None, movable: Sequence["State"] = ()
) -> tuple[list[int], list["Delivery"]]:
    """The deliveries to move, and those left as they are.

    Accounts that were named are all meant. Without names it is what is in a movable state; where nothing
    is, all of them, so that the refusal says why.
    """
    from organisation.accounts import find_account
    from scheduler.posts import deliveries_of

    named = [find_account(session, name) for name in names or ()]
    deliveries = deliveries_of(session, post, named)
    fitting = [one for one in deliveries if one.state in movable]
    if named or not fitting:
        return _ids(deliveries), []
    return _ids(fitting), [one for one in deliveries if one.state not in movable]


def _ids(deliveries: Sequence["Delivery"]) -> list[int]:
    return [delivery.id for delivery in deliveries if delivery.id is not None]


def _tell_untouched(left: Sequence["Delivery"]) -> None:
    if left:
        states = sorted({text(f"delivery.state_{delivery.state}") for delivery in left})
        typer.echo(text("post.untouched", count=len(left), states=", ".join(states)))
