"""`meizhen media`: the library of pictures and films, by their hashes."""

from pathlib import Path
from typing import Annotated

import typer

from config.errors import InputError, Problem
from config.messages import text
from meizhen.cli._output import Cell, show_json, show_rows
from meizhen.cli._wording import AsJson
from meizhen.house import open_house

app = typer.Typer(help=text("cli.media"), no_args_is_help=True)

Hash = Annotated[str, typer.Argument(metavar="HASH", help=text("media.help_hash"))]


@app.command(help=text("media.help_add"))
def add(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=text("media.help_files"))],
    unit: Annotated[str, typer.Option("--unit", help=text("media.help_unit"))],
    alt: Annotated[str, typer.Option("--alt", help=text("media.help_alt"))] = "",
    as_json: AsJson = False,
) -> None:
    from organisation import find_unit
    from scheduler.library import MOST_FILES, add_media, clean_alt, keep_all
    from scheduler.media import examine

    if len(files) > MOST_FILES:
        params: dict[str, object] = {"received": len(files), "limit": MOST_FILES}
        raise InputError("media", [Problem("media.too_many", params=params)])
    clean_alt(alt)
    found = [examine(file) for file in files]
    with open_house() as house:
        keep_all(house.media_folder, found)
        with house.database.write() as session:
            place = find_unit(session, unit)
            rows = add_media(
                session, house.keys, found, place, alt=alt, now=house.clock.now(), actor=house.actor
            )
            told = [{"sha256": row.sha256, "file_name": row.file_name, "size": row.size} for row in rows]
    if as_json:
        show_json(told)
        return
    for one in told:
        typer.echo(text("media.added", hash=one["sha256"], file=one["file_name"]))


@app.command("list", help=text("media.help_list"))
def list_media(
    kind: Annotated[str | None, typer.Option("--type", help=text("media.help_type"))] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help=text("media.help_limit"))] = 50,
    as_json: AsJson = False,
) -> None:
    from organisation.permissions import Act
    from scheduler.library import page_of_library

    with open_house() as house, house.database.read() as session:
        found = page_of_library(session, house.sight(Act.MEDIA_READ), limit=limit, content_type=kind)
        rows: list[dict[str, Cell]] = [
            {
                "sha256": row.sha256 if as_json else row.sha256[:12],
                "file_name": row.file_name,
                "type": row.content_type,
                "size": row.size,
                "width": row.width,
                "height": row.height,
                "seconds": row.seconds,
                "alt": row.alt,
                "added_at": row.added_at,
            }
            for row in found
        ]
    columns = ("sha256", "file_name", "type", "size", "width", "height", "seconds", "alt")
    show_rows(rows, {name: text(f"media.column_{name}") for name in columns}, as_json=as_json)


@app.command(help=text("media.help_show"))
def show(media: Hash, as_json: AsJson = False) -> None:
    from organisation.permissions import Act
    from scheduler.library import holders_of, require_media, uses_of

    with open_house() as house, house.database.read() as session:
        row = require_media(session, house.person, media, Act.MEDIA_READ)
        uses = uses_of(session, row, house.sight(Act.MEDIA_READ))
        facts: dict[str, object] = {
            "sha256": row.sha256,
            "file_name": row.file_name,
            "type": row.content_type,
            "size": row.size,
            "width": row.width,
            "height": row.height,
            "seconds": row.seconds,
            "codec": row.codec,
            "alt": row.alt,
            "added_at": row.added_at,
            "units": [unit.code for unit in holders_of(session, row, house.sight(Act.MEDIA_READ))],
            "posts": [{"post": use.post, "accounts": list(use.accounts)} for use in uses],
        }
    if as_json:
        show_json(facts)
        return
    for name, value in facts.items():
        if name != "posts" and value not in (None, "", []):
            shown = ", ".join(value) if isinstance(value, list) else value
            typer.echo(f"{text(f'media.column_{name}')}: {shown}")
    for use in uses:
        typer.echo(text("media.used", post=use.post, accounts=", ".join(use.accounts)))


@app.command(help=text("media.help_set_alt"))
def alt(
    media: Hash, words: Annotated[str, typer.Argument(metavar="TEXT", help=text("media.help_alt"))]
) -> None:
    from organisation.permissions import Act
    from scheduler.library import require_media, set_alt

    with open_house() as house, house.database.write() as session:
        row = require_media(session, house.person, media, Act.MEDIA_WRITE)
        set_alt(session, house.keys, row.sha256, words, now=house.clock.now(), actor=house.actor)
    typer.echo(text("media.alt_set", hash=row.sha256[:12]))


@app.command(help=text("media.help_cut"))
def cut(
    media: Hash,
    unit: Annotated[str, typer.Option("--unit", help=text("media.help_unit"))],
    shape: Annotated[str, typer.Option("--shape", help=text("media.help_shape"))],
    width: Annotated[int, typer.Option("--width", min=1, help=text("media.help_width"))],
    left: Annotated[int, typer.Option("--left", min=0, help=text("media.help_corner"))] = 0,
    top: Annotated[int, typer.Option("--top", min=0, help=text("media.help_corner"))] = 0,
    as_json: AsJson = False,
) -> None:
    from organisation import find_unit
    from organisation.permissions import Act
    from scheduler.covers import Cut, Shape, cut_cover
    from scheduler.library import add_media, require_media

    if shape not in list(Shape):
        params: dict[str, object] = {"expected": ", ".join(Shape), "received": shape[:40]}
        raise InputError("media", [Problem("input.not_one_of", column="shape", params=params)])
    with open_house() as house:
        with house.database.read() as session:
            row = require_media(session, house.person, media, Act.MEDIA_READ)
        found = cut_cover(house.media_folder, row, Cut(Shape(shape), left, top, width))
        with house.database.write() as session:
            place, now = find_unit(session, unit), house.clock.now()
            (made,) = add_media(session, house.keys, [found], place, alt=row.alt, now=now, actor=house.actor)
            told = {"sha256": made.sha256, "file_name": made.file_name, "size": made.size}
    if as_json:
        show_json([told])
        return
    typer.echo(text("media.added", hash=told["sha256"], file=told["file_name"]))
