"""What a command is told of a post: its words, its files, its options, and all that is wrong with them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from config.errors import MeizhenError, Problem
from config.messages import text

if TYPE_CHECKING:
    from sqlmodel import Session

    from organisation.accounts import Account
    from scheduler.posts import Draft

_TEXT_FILE_MEGABYTES = 4
_S = TypeVar("_S")
_T = TypeVar("_T")

Accounts = Annotated[list[str], typer.Option("--account", help=text("post.help_accounts"))]
Title = Annotated[str, typer.Option("--title", help=text("post.help_title"))]
Words = Annotated[str | None, typer.Option("--text", help=text("post.help_text"))]
TextFile = Annotated[Path | None, typer.Option("--text-file", help=text("post.help_text_file"))]
MediaFiles = Annotated[list[Path] | None, typer.Option("--media", help=text("post.help_media"))]
Format = Annotated[
    str | None, typer.Option("--format", metavar="plain|markdown|html", help=text("post.help_format"))
]
Options = Annotated[list[str] | None, typer.Option("--option", help=text("post.help_option"))]
LatenessHours = Annotated[float | None, typer.Option("--lateness-hours", help=text("post.help_lateness"))]
Important = Annotated[bool, typer.Option("--important", help=text("post.help_important"))]
Due = Annotated[str, typer.Option("--due", metavar="WHEN", help=text("post.help_due"))]
PostId = Annotated[int, typer.Argument(metavar="ID", help=text("post.help_id"))]
AsJson = Annotated[bool, typer.Option("--json", help=text("post.help_json"))]


class Wrong:
    """What is wrong with a command's values: gathered, so that all of it is told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def unless(self, make: Callable[[], _T]) -> _T | None:
        try:
            return make()
        except MeizhenError as error:
            self.problems.append(Problem(error.code, params=error.params))
            return None

    def all_of(self, make: Callable[[_S], _T], given: Iterable[_S]) -> list[_T]:
        made = [self.unless(partial(make, one)) for one in given]
        return [one for one in made if one is not None]

    def accounts(self, session: "Session", names: Sequence[str]) -> list["Account"]:
        from organisation.accounts import find_account
        from scheduler.outgoing import account_problems, destination_problems

        found = self.all_of(lambda name: find_account(session, name), names)
        self.problems += destination_problems(found)
        return [account for account in found if not account_problems(account)]


def told_draft(
    wrong: Wrong,
    *,
    title: str,
    words: str | None,
    text_file: Path | None,
    media: Sequence[Path] | None,
    option: Sequence[str] | None,
    lateness_hours: float | None,
    important: bool,
) -> "Draft | None":
    """The draft that the options tell; None where its text cannot be read. What is wrong goes to `wrong`."""
    from scheduler.media import examine
    from scheduler.posts import Draft

    said = wrong.unless(lambda: told_text(words, text_file))
    files = tuple(wrong.all_of(examine, media or ()))
    options = dict(wrong.all_of(told_option, option or ()))
    return None if said is None else Draft(title.strip(), said, files, options, lateness_hours, important)


def with_format(option: Sequence[str] | None, written_as: str | None) -> list[str]:
    """The options told, and how the text is written where that was told."""
    return [*(option or ()), *([] if written_as is None else [f"format={written_as}"])]


def told_text(words: str | None, file: Path | None) -> str:
    if file is None:
        return _lines(words or "")
    if words is not None:
        raise MeizhenError("post.text_twice")
    try:
        with file.open("rb") as opened:
            content = opened.read(_TEXT_FILE_MEGABYTES * 2**20 + 1)
    except OSError as error:
        raise _unreadable(file, error.strerror or type(error).__name__) from None
    if len(content) > _TEXT_FILE_MEGABYTES * 2**20:
        raise _unreadable(file, f"> {_TEXT_FILE_MEGABYTES} MB")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return _lines(content.decode(encoding)).rstrip()
        except UnicodeDecodeError:
            continue
    raise _unreadable(file, text("input.encoding"))


def _unreadable(file: Path, reason: str) -> MeizhenError:
    return MeizhenError("post.text_file", file=file.name, reason=reason, limit=_TEXT_FILE_MEGABYTES)


def _lines(told: str) -> str:
    return told.replace("\r\n", "\n").replace("\r", "\n")


def told_option(told: str) -> tuple[str, str]:
    name, equals, value = told.partition("=")
    if not equals or not name.strip():
        raise MeizhenError("post.bad_option", received=told)
    return name.strip(), value
