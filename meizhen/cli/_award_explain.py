"""Why an account stands where it stands: as text, JSON, a page, or pages for the whole list."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from config.errors import MeizhenError
from config.messages import LANGUAGES, present_language, text
from meizhen.cli._output import show_json

_Folder = Annotated[Path, typer.Argument(help=text("award.help_folder"))]
_Language = Annotated[str, typer.Option("--language", help=text("award.help_language"))]


def explain(
    folder: _Folder,
    account: Annotated[str, typer.Argument(help=text("award.help_account"))],
    category: Annotated[str, typer.Option("--category", help=text("award.help_category"))] = "",
    language: _Language = "",
    html: Annotated[Path | None, typer.Option("--html", help=text("award.help_html"))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("award.help_json"))] = False,
) -> None:
    from analytics.awards.explanation import explain as explain_account
    from analytics.awards.explanation_page import as_page
    from analytics.awards.explanation_text import as_json as json_of
    from analytics.awards.explanation_text import as_text
    from analytics.awards.folder import not_written

    chosen = _chosen(language)
    explained = explain_account(folder, account, category=category)
    if html is not None:
        try:
            html.write_text(as_page(explained, chosen), "utf-8")
        except OSError as error:
            raise not_written(html, error) from None
    if as_json:
        show_json(json_of(explained))
    elif html is None:
        typer.echo(as_text(explained, chosen), nl=False)
    else:
        typer.echo(text("award.page_written", path=html))


def pages(
    folder: _Folder,
    out: Annotated[Path, typer.Option("--out", help=text("award.help_pages_out"))],
    language: _Language = "",
) -> None:
    from analytics.awards.ranking_page import INDEX, write_pages

    counting = sys.stderr.isatty()

    def told(count: int) -> None:
        if counting and count % 100 == 0:
            typer.echo(f"\r{count}", err=True, nl=False)

    count = write_pages(folder, out, _chosen(language), progress=told)
    typer.echo(text("award.pages_written", count=count, path=out / INDEX))


def _chosen(language: str) -> str:
    chosen = language or present_language()
    if chosen not in LANGUAGES:
        raise MeizhenError("award.no_such_language", received=language, known=", ".join(LANGUAGES))
    return chosen
