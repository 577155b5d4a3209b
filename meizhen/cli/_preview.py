"""`meizhen post preview`: a copy as it will look, written beside its pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import MeizhenError
from config.messages import present_language, text
from meizhen.cli._wording import PostId
from meizhen.house import open_house

if TYPE_CHECKING:
    from connectors import Media


def add_to(app: typer.Typer) -> None:
    """Adds the command to `meizhen post`."""
    app.command(help=text("post.help_preview"))(preview)


def preview(
    post: PostId,
    account: Annotated[str, typer.Option("--account", help=text("post.help_account"))],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help=text("post.help_preview_out"))],
) -> None:
    from organisation import find_account
    from scheduler.previews import preview_of

    with open_house() as house, house.database.read() as session:
        seen = preview_of(session, post, find_account(session, account), house.media_folder, _file_name)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for media in seen.media:
            if media.path.is_file():
                (out / _file_name(media)).write_bytes(media.path.read_bytes())
        (out / "preview.html").write_text(seen.page(), "utf-8", newline="\n")
        if seen.html:
            (out / "article.html").write_text(seen.html, "utf-8", newline="\n")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MeizhenError("post.preview_not_written", file=out, reason=reason) from None
    for problem in seen.problems:
        typer.echo(problem.zh if present_language() == "zh" else problem.en, err=True)
    if seen.problems:
        raise typer.Exit(1)
    typer.echo(text("post.previewed", file=out / "preview.html"))


def _file_name(media: "Media") -> str:
    return f"{media.sha256[:12]}-{media.file_name}"
