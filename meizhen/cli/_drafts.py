"""`meizhen post draft|edit|send`: posts that are reviewed before they are queued."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import InputError, MeizhenError
from config.messages import text
from meizhen.cli._campaign_counting import InCampaign, cell_in_sight
from meizhen.cli._output import beijing, show_json
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
    told_text,
    with_format,
)
from meizhen.house import House, open_house

if TYPE_CHECKING:
    from scheduler.media import FoundMedia


def add_to(app: typer.Typer) -> None:
    """Adds the commands of drafts to `meizhen post`."""
    app.command(help=text("post.help_draft"))(draft)
    app.command(help=text("post.help_edit"))(edit)
    app.command(help=text("post.help_send"))(send)


def draft(
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
    from scheduler.outgoing import draft_problems
    from scheduler.posts import parse_due
    from scheduler.review_drafts import write_draft

    with open_house() as house:
        now, wrong = house.clock.now(), Wrong()
        at = wrong.unless(lambda: parse_due(due, now))
        told = told_draft(
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
        if told is not None:
            wrong.problems += draft_problems(told)
        if wrong.problems or at is None or told is None:
            raise InputError("meizhen post draft", [replace(one, column=None) for one in wrong.problems])
        _keep(house, told.media)
        with house.database.write() as session:
            cell = None if campaign is None else cell_in_sight(session, house, campaign)
            post = write_draft(
                session,
                house.keys,
                told,
                accounts,
                due=at,
                lateness_hours=house.settings.lateness_hours,
                author_id=_author(house),
                now=now,
                actor=house.actor,
            )
            place_post(session, house.keys, post.id or 0, cell, now=now, actor=house.actor)
            house.answers_for(session, "post", [post.id or 0])
    if as_json:
        show_json({"post": post.id, "due": at, "accounts": [one.stable_id for one in accounts]})
        return
    typer.echo(text("post.drafted", id=post.id, count=len(accounts), due=beijing(at)))


def edit(
    post: PostId,
    title: Annotated[str | None, typer.Option("--title", help=text("post.help_title"))] = None,
    words: Words = None,
    text_file: TextFile = None,
    media: MediaFiles = None,
    due: Annotated[str | None, typer.Option("--due", metavar="WHEN", help=text("post.help_due"))] = None,
    account: Annotated[str | None, typer.Option("--account", help=text("post.help_own_copy"))] = None,
) -> None:
    from organisation.accounts import find_account
    from scheduler.posts import parse_due
    from scheduler.review_drafts import change_draft, told_change

    if not media and all(given is None for given in (title, words, text_file, due)):
        raise MeizhenError("post.nothing_to_edit")
    with open_house() as house:
        now, wrong = house.clock.now(), Wrong()
        at = None if due is None else wrong.unless(lambda: parse_due(due, now))
        said = None
        if words is not None or text_file is not None:
            said = wrong.unless(lambda: told_text(words, text_file))
        files = tuple(_examined(wrong, media)) if media else None
        if wrong.problems:
            raise InputError("meizhen post edit", [replace(one, column=None) for one in wrong.problems])
        _keep(house, files or ())
        with house.database.write() as session:
            change = told_change(
                session,
                post,
                None if account is None else find_account(session, account),
                title=None if title is None else title.strip(),
                text=said,
                media=files,
                due=at,
            )
            voided = change_draft(
                session,
                house.keys,
                post,
                change,
                author_id=_author(house),
                now=now,
                actor=house.actor,
            )
    typer.echo(text("post.edited_void" if voided else "post.edited", id=post))


def send(post: PostId, as_json: AsJson = False) -> None:
    from scheduler.review_drafts import send_draft

    with open_house() as house, house.database.write() as session:
        ids = send_draft(session, house.keys, post, now=house.clock.now(), actor=house.actor)
    if as_json:
        show_json({"post": post, "deliveries": ids})
        return
    typer.echo(text("post.sent", id=post, count=len(ids)))


def _examined(wrong: Wrong, media: Sequence[Path]) -> "list[FoundMedia]":
    from scheduler.media import examine

    return wrong.all_of(examine, media)


def _keep(house: House, files: "Sequence[FoundMedia]") -> None:
    from scheduler.media import keep

    for found in files:
        keep(house.media_folder, found)


def _author(house: House) -> int | None:
    return None if house.person is None else house.person.person_id
