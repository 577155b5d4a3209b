"""Posts from a table: the whole file is checked first, then all of it is queued, or nothing.

Columns `account`, `due`, `title`, `text`, `media`. Rows with the same title, text and media are one post
with several deliveries.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypedDict, TypeVar

from sqlalchemy import insert
from sqlmodel import Session, col, select

from config.database import Database
from config.errors import InputError, MeizhenError, Problem
from config.secrets import KeyRing
from config.table_files import Row, Table, read_table
from connectors import connector_for
from organisation.accounts import Account, find_account
from organisation.lateness import lateness_of
from organisation.ledger import record
from scheduler.media import FoundMedia, examine, keep, record_media
from scheduler.media_uses import record_uses
from scheduler.outgoing import account_problems, draft_problems, post_problems
from scheduler.posts import Draft, Post, parse_due
from scheduler.queue import Enqueued, enqueue

NEEDED = ("account", "due", "text")
COLUMNS = ("account", "due", "title", "text", "media")
_Found = TypeVar("_Found")
_NAMES_A_STATEMENT = 5_000
_NEAR_NAMES = 20  # for more unknown accounts than this nobody reads suggestions


@dataclass(frozen=True)
class Imported:
    """What was queued: the posts' ids in order, and how many deliveries they have."""

    post_ids: tuple[int, ...]
    deliveries: int


@dataclass(frozen=True)
class _Stop:
    """A row's place and time: where its content goes, and when."""

    row: int
    account: Account
    due: datetime


@dataclass
class _Content:
    draft: Draft
    stops: list[_Stop] = field(default_factory=list)


def import_posts(
    database: Database,
    keys: KeyRing,
    media_folder: Path,
    file: Path,
    *,
    lateness_hours: float,
    now: datetime,
    actor: str,
) -> Imported:
    """Queues every row of a CSV or xlsx file. `lateness_hours` is the setting's, where no unit says more.

    Raises InputError with all problems by row and column; nothing of the file is applied then.
    """
    table = read_table(file)
    table.require(NEEDED, known=COLUMNS)
    with database.read() as session:
        reading = _Reading(table, file.resolve().parent, _accounts(session, table), now)
    contents = reading.contents()
    problems = reading.problems + [problem for content in contents for problem in _refusals(content)]
    if problems:
        raise InputError(table.source, sorted(problems, key=lambda problem: problem.row or 0))
    files = {found.sha256: found for content in contents for found in content.draft.media}
    for found in files.values():
        keep(media_folder, found)
    with database.write() as session:
        record_media(session, files.values(), now=now)
        imported = _queue(session, contents, lateness_hours=lateness_hours, now=now, actor=actor)
        details = {
            "posts": len(imported.post_ids),
            "deliveries": imported.deliveries,
            "first": min(imported.post_ids),
            "last": max(imported.post_ids),
        }
        subject = f"file:{table.source}"[:200]
        record(session, keys, at=now, actor=actor, act="post.import", subject=subject, details=details)
    return imported


# --- reading ----------------------------------------------------------------------------------------------


def _accounts(session: Session, table: Table) -> dict[str, Account | Problem]:
    """The account of each name in the table, or what is wrong with it; each is looked up and judged once."""
    names = sorted({row["account"] for row in table.rows} - {""})
    handles = sorted({part for name in names for part in (name, name.partition(":")[2]) if part})
    named: dict[str, list[Account]] = defaultdict(list)
    for start in range(0, len(handles), _NAMES_A_STATEMENT):
        some = handles[start : start + _NAMES_A_STATEMENT]
        for account in session.exec(select(Account).where(col(Account.handle).in_(some))):
            named[account.stable_id].append(account)
            named[account.handle].append(account)
    resolved: dict[str, Account | Problem] = {}
    unknown = 0
    for name in names:
        if len(named[name]) == 1:
            resolved[name] = named[name][0]
        elif unknown < _NEAR_NAMES:
            unknown += 1
            resolved[name] = _found_or_problem(session, name)
        else:
            resolved[name] = Problem("account.unknown", params={"name": name, "near": "–"})
    return {name: _judged(account) for name, account in resolved.items()}


def _found_or_problem(session: Session, name: str) -> Account | Problem:
    try:
        return find_account(session, name)
    except MeizhenError as error:
        return Problem(error.code, params=error.params)


def _judged(account: Account | Problem) -> Account | Problem:
    if isinstance(account, Problem):
        return account
    return next(iter(account_problems(account)), account)


class _Reading:
    """Reads rows into contents and gathers the problems of single cells."""

    def __init__(
        self, table: Table, folder: Path, accounts: dict[str, Account | Problem], now: datetime
    ) -> None:
        self.problems: list[Problem] = []
        self._table = table
        self._folder = folder
        self._accounts = accounts
        self._now = now
        self._dues: dict[str, datetime | Problem] = {}
        self._files: dict[str, FoundMedia | Problem] = {}
        self._first_rows: dict[tuple[object, ...], int] = {}

    def contents(self) -> list[_Content]:
        """The distinct contents in order of appearance, each with where it goes."""
        contents: dict[tuple[object, ...], _Content] = {}
        for row in self._table.rows:
            draft = Draft(row["title"], _lines(row["text"]), self._media(row))
            stop = self._stop(row, draft)
            if stop is not None:
                key = (draft.title, draft.text, tuple(found.sha256 for found in draft.media))
                contents.setdefault(key, _Content(draft)).stops.append(stop)
        return list(contents.values())

    def _stop(self, row: Row, draft: Draft) -> _Stop | None:
        account = self._account(row)
        due = self._due(row)
        if account is None or due is None:
            return None
        # Without a text, the title and the pictures are what would be seen twice.
        said = draft.text or (draft.title, draft.media)
        first = self._first_rows.setdefault((account.stable_id, due, said), row.number)
        if first != row.number:
            self.problems.append(Problem("post.duplicate", row.number, params={"first": first}))
            return None
        return _Stop(row.number, account, due)

    def _account(self, row: Row) -> Account | None:
        name = row["account"]
        found = self._accounts[name] if name else Problem("input.required")
        return self._unless_problem(found, row, "account")

    def _due(self, row: Row) -> datetime | None:
        told = row["due"]
        if told not in self._dues:
            self._dues[told] = self._parsed(told)
        return self._unless_problem(self._dues[told], row, "due")

    def _parsed(self, told: str) -> datetime | Problem:
        if not told:
            return Problem("input.required")
        try:
            return parse_due(told, self._now)
        except MeizhenError as error:
            return Problem(error.code, params=error.params)

    def _media(self, row: Row) -> tuple[FoundMedia, ...]:
        found = []
        for name in filter(None, (part.strip() for part in row["media"].split("|"))):
            if name not in self._files:
                self._files[name] = self._examined(name)
            file = self._unless_problem(self._files[name], row, "media")
            if file is not None:
                found.append(file)
        return tuple(found)

    def _examined(self, name: str) -> FoundMedia | Problem:
        try:
            path = (self._folder / name.replace("\\", "/")).resolve()
            if not path.is_relative_to(self._folder):
                return Problem("post.media_outside", params={"file": name})
            return examine(path)
        except MeizhenError as error:
            return Problem(error.code, params=error.params)
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name too long
            return Problem("post.media_unreadable", params={"file": name, "reason": type(error).__name__})

    def _unless_problem(self, found: _Found | Problem, row: Row, column: str) -> _Found | None:
        if isinstance(found, Problem):
            self.problems.append(Problem(found.code, row.number, column, found.params))
            return None
        return found


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refusals(content: _Content) -> Iterator[Problem]:
    """What is wrong with a content, at its first row; what a platform refuses, at its first row there."""
    first = {stop.account.platform: stop.row for stop in reversed(content.stops)}
    for problem in draft_problems(content.draft):
        yield _at(problem, content.stops[0].row)
    for platform, row in first.items():
        for problem in post_problems(connector_for(platform), content.draft):
            yield _at(problem, row)


def _at(problem: Problem, row: int) -> Problem:
    return Problem(problem.code, row, problem.column, problem.params)


# --- queueing ---------------------------------------------------------------------------------------------


def _queue(
    session: Session, contents: Sequence[_Content], *, lateness_hours: float, now: datetime, actor: str
) -> Imported:
    """Writes posts and deliveries in bulk, the deliveries by due time: so an account's `seq` follows it."""
    posts = [(content.draft, stops) for content in contents for stops in _posts_of(content.stops)]
    ids = _add_posts(session, [draft for draft, _ in posts], now, actor)
    accounts = {stop.account.known_id: stop.account for _, stops in posts for stop in stops}
    hours = lateness_of(session, list(accounts.values()), lateness_hours)
    items = [
        Enqueued(post_id, stop.account.known_id, stop.due, draft.lateness(hours[stop.account.known_id]))
        for post_id, (draft, stops) in zip(ids, posts, strict=True)
        for stop in stops
    ]
    items.sort(key=lambda item: item.due)
    enqueue(session, items, now=now, actor=actor)
    return Imported(tuple(ids), len(items))


def _add_posts(session: Session, drafts: Sequence[Draft], now: datetime, actor: str) -> list[int]:
    """The ids of new posts in the order of `drafts`.

    They are told apart by what they say, as no database promises to give them back in order; posts that say
    the same may change places.
    """
    rows = [_post_row(draft, now, actor) for draft in drafts]
    said = (col(Post.title), col(Post.text), col(Post.media))
    ids: dict[tuple[object, ...], list[int]] = defaultdict(list)
    written = insert(Post).returning(col(Post.id), *said)
    for post_id, title, text, media in session.connection().execute(written, rows):
        if post_id is not None:
            ids[title, text, *media].append(post_id)
    made = [ids[row["title"], row["text"], *row["media"]].pop(0) for row in rows]
    record_uses(session, zip(made, (row["media"] for row in rows), strict=True))
    return made


def _posts_of(stops: Sequence[_Stop]) -> list[list[_Stop]]:
    """The stops parted so that no post goes to an account twice: a repeat at another time is a new post."""
    posts: list[list[_Stop]] = []
    seen: Counter[int] = Counter()
    for stop in stops:
        number = seen[stop.account.known_id]
        seen[stop.account.known_id] += 1
        if number == len(posts):
            posts.append([])
        posts[number].append(stop)
    return posts


class _PostRow(TypedDict):
    title: str
    text: str
    media: list[str]
    options: dict[str, str]
    lateness_hours: float | None
    created_at: datetime
    created_by: str


def _post_row(draft: Draft, now: datetime, actor: str) -> _PostRow:
    return {
        "title": draft.title,
        "text": draft.text,
        "media": [found.sha256 for found in draft.media],
        "options": dict(draft.options),
        "lateness_hours": draft.lateness_hours,
        "created_at": now,
        "created_by": actor,
    }
