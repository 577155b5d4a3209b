"""Freezes a category's articles, every one with its figures at the same age, as a canonical CSV file.

Each article is read at age N (`read_age_days`): per metric the latest figure as of a day up to its Beijing
day of publishing + N. A year of a province is three million articles: they are read in the order in which the
database keeps them, a stretch of ids at a time and two at once (a database works while Python waits), and
sorted by way of temporary files.
"""

import marshal
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlmodel import Session, col

from analytics.articles import Article, FigureSource, Snapshot
from analytics.awards.freeze import (
    ARTICLE_COLUMNS,
    SOURCES,
    figure,
    needed_metrics,
    read_archived,
    reading,
    source_order,
)
from analytics.awards.rule import Category, Rule
from config.database import Database
from connectors import platforms
from organisation.accounts import Account

_STRETCH = 40_000  # ids at a time
_READERS = 2
_WORKS = 500  # at a time
_FILES = 64  # temporary ones
_QUOTED = re.compile('[,"\n\r]')
Line = tuple[int, str, str, str]  # place of the account, day, id on the platform, line


@dataclass(frozen=True)
class _Who:
    """Whose article a row is: by account id, or by article id of works; each with its place and its cell."""

    named: Mapping[int, tuple[int, str]]
    works: bool

    @classmethod
    def of(cls, handles: Mapping[int, str], *, works: bool) -> "_Who":
        ordered = sorted(handles.items(), key=lambda pair: pair[1])
        return cls({id_: (place, _cell(handle)) for place, (id_, handle) in enumerate(ordered)}, works)


def freeze_articles(
    database: Database,
    rule: Rule,
    category: Category,
    path: Path,
    works: Mapping[int, str] | None = None,
    *,
    metrics: Sequence[str] = (),
    telling: Collection[str] = (),
) -> Path:
    """Writes a category's articles by handle, day and remote id, with the figures it needs or `metrics`; with
    `works` (article ids and their handles) only those, with `telling` only those that have one of these.
    """
    metrics = metrics or needed_metrics(category)[0]
    with (
        path.open("w", encoding="utf-8", newline="") as file,
        TemporaryDirectory(prefix=".sorting-", dir=path.parent) as folder,
    ):
        file.write(",".join((*ARTICLE_COLUMNS, *metrics)) + "\n")
        sorting = _Sorting(Path(folder))
        for lines in _read(database, rule, category, metrics, works, sorting):
            sorting.add([line for line in lines if _tells(line, metrics, telling)] if telling else lines)
        for part in sorting.sorted():
            file.writelines(part)
    return path


def _tells(line: Line, metrics: Sequence[str], telling: Collection[str]) -> bool:
    """Has the article one of the figures? They stand last in its line and are never quoted."""
    figures = line[3].rstrip("\n").rsplit(",", len(metrics))[1:]
    return any(figure and name in telling for name, figure in zip(metrics, figures, strict=True))


class _Sorting:
    """Sorts more lines than memory holds: each account's go to one of a few files, sorted one by one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.accounts = 0

    def _place(self, line: Line) -> int:
        return line[0] * _FILES // max(self.accounts, 1)

    def add(self, lines: Sequence[Line]) -> None:
        parts: dict[int, list[Line]] = {}
        for line in lines:
            parts.setdefault(self._place(line), []).append(line)
        for place, part in parts.items():
            with (self._folder / f"{place}").open("ab") as file:
                marshal.dump(part, file)

    def sorted(self) -> Iterator[Iterable[str]]:
        for place in range(_FILES):
            path = self._folder / f"{place}"
            lines: list[Line] = []
            if path.exists():
                with path.open("rb") as file:
                    while file.peek(1):
                        lines += marshal.load(file)  # noqa: S302 - written above
                path.unlink()
            lines.sort()
            yield (line[3] for line in lines)


def _read(
    database: Database,
    rule: Rule,
    category: Category,
    metrics: Sequence[str],
    works: Mapping[int, str] | None,
    sorting: _Sorting,
) -> Iterator[Sequence[Line]]:
    with ExitStack() as stack:
        first = stack.enter_context(database.read())
        archived = read_archived(first, rule, category, metrics)
        who = _Who.of(_accounts(first, category) if works is None else works, works=works is not None)
        sorting.accounts = len(who.named)
        free: SimpleQueue[Session] = SimpleQueue()
        free.put(first)
        if not archived:  # what was archived is brought back for one session
            for _ in range(_READERS - 1):
                free.put(stack.enter_context(database.read()))
        source = _first_source(first, database, category)
        wanted = _rows(database, rule, category, metrics, source, of_works=who.works)

        def read(chosen: Mapping[str, object]) -> Sequence[Line]:
            session = free.get()
            try:
                found = session.connection().execute(wanted, chosen)
                # The driver's own rows: SQLAlchemy's would take as long again.
                return _lines(found.cursor.fetchall() if found.cursor else (), who)
            finally:
                free.put(session)

        pool = stack.enter_context(ThreadPoolExecutor(_READERS))
        under_way: deque[Future[Sequence[Line]]] = deque()
        for chosen in _stretches(first, who):
            under_way.append(pool.submit(read, chosen))
            if len(under_way) > _READERS:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _accounts(session: Session, category: Category) -> dict[int, str]:
    """The handles of the category's accounts by id."""
    wanted = select(col(Account.id), col(Account.handle)).where(col(Account.platform) == category.platform)
    return dict(tuple(row) for row in session.execute(wanted))


def _stretches(session: Session, who: _Who) -> Iterator[dict[str, object]]:
    """Which articles are read together."""
    if who.works:
        ids = sorted(who.named)
        for start in range(0, len(ids), _WORKS):
            yield {"works": ids[start : start + _WORKS]}
        return
    first, last = session.execute(select(func.min(Article.id), func.max(Article.id))).one()
    if first is not None:
        for start in range(first, last + 1, _STRETCH):
            yield {"first": start, "last": start + _STRETCH - 1}


def _lines(rows: Iterable[Any], who: _Who) -> list[Line]:
    """Rows as lines, spelled as the csv module spells them."""
    lines: list[Line] = []
    named, quoted = who.named, _QUOTED.search
    for key, remote_id, day, position, kind, original, title, url, *readings in rows:
        place, handle = named[key]
        figures = ",".join([reading or "" for reading in readings])
        if "i" in figures or "t" in figures:
            letters = {reading[0] for reading in readings if reading}
            sources = "+".join(name for letter, name in SOURCES.items() if letter in letters)
            figures = ",".join([reading[1:] if reading else "" for reading in readings])
        else:
            sources = "api" if "a" in figures else ""
            figures = figures.replace("a", "")
        told = "" if original is None else "true" if original else "false"
        texts = f"{remote_id}{kind}{title}{url}"
        if quoted(texts):
            cells = f"{_cell(remote_id)},{day},{position},{_cell(kind)},{told},{_cell(title)},{_cell(url)}"
        else:
            cells = f"{remote_id},{day},{position},{kind},{told},{title},{url}"
        end = f"{sources},{figures}" if readings else sources
        lines.append((place, day, remote_id, f"{handle},{cells},{end}\n"))
    return lines


def _cell(told: str) -> str:
    return '"' + told.replace('"', '""') + '"' if _QUOTED.search(told) else told


def _first_source(session: Session, database: Database, category: Category) -> int | None:
    """The source that goes before every other one of this platform's articles; None where none is known.

    Interfaces are named after their platform (`storing`): those of the others tell nothing here.
    """
    foreign = [
        col(FigureSource.name).startswith(f"{name} ", autoescape=True)
        for name in platforms()
        if name != category.platform
    ]
    wanted = (
        select(col(FigureSource.id))
        .where(
            col(FigureSource.kind) == "api",
            not_(or_(false(), *foreign)),
        )
        .order_by(*source_order(database))
        .limit(1)
    )
    return session.execute(wanted).scalar()


def _rows(
    database: Database,
    rule: Rule,
    category: Category,
    metrics: Sequence[str],
    first: int | None,
    *,
    of_works: bool,
) -> Select[Any]:
    """One row an article of a stretch (`first` to `last`), or of the `works`."""
    own = select(col(Account.id)).where(col(Account.platform) == category.platform)
    if of_works:
        chosen = col(Article.id).in_(bindparam("works", expanding=True))
    else:
        chosen = col(Article.id).between(bindparam("first"), bindparam("last"))
    dated = (
        select(
            col(Article.id if of_works else Article.account_id).label("key"),
            col(Article.id).label("id"),
            col(Article.remote_id).label("remote_id"),
            _day(database).label("day"),
            _last_day(database, rule).label("last"),
            func.coalesce(cast(col(Article.position), String()), "").label("position"),
            col(Article.kind).label("kind"),
            col(Article.original).label("original"),
            col(Article.title).label("title"),
            col(Article.url).label("url"),
        )
        .where(
            chosen,
            # Not by the index of accounts: the stretch is read in its order.
            (col(Article.account_id) + 0).in_(own),
            col(Article.published_day).between(rule.start, rule.end),
        )
        .cte("dated")
        .prefix_with("MATERIALIZED")
    )
    names = ("key", "remote_id", "day", "position", "kind", "original", "title", "url")
    readings = [_figure(database, dated, metric, first) for metric in metrics]
    return select(*(dated.c[name] for name in names), *readings)


def _day(database: Database) -> ColumnElement[str]:
    """An article's day as ISO writes it, whatever date style a server has."""
    if database.is_sqlite:
        return cast(col(Article.published_day), String())
    return func.to_char(col(Article.published_day), "YYYY-MM-DD")


def _last_day(database: Database, rule: Rule) -> ColumnElement[Any]:
    """The day of an article's age N."""
    if database.is_sqlite:
        return func.date(Article.published_day, f"+{rule.read_age_days} days")
    return col(Article.published_day).op("+", return_type=Date())(literal(rule.read_age_days, Integer()))


def _figure(database: Database, article: CTE, metric: str, first: int | None) -> ColumnElement[str]:
    """An article's reading of one metric at age N: one look into the primary key of the snapshots.

    Where the last row of that day is of the first source, no other can go before it; else all are compared.
    """
    rows = (
        select(reading(Snapshot.value))
        .select_from(Snapshot)
        .where(
            col(Snapshot.article_id) == article.c.id,
            col(Snapshot.metric) == metric,
            col(Snapshot.as_of) <= article.c.last,
        )
    )
    of_any = (
        rows.join(FigureSource, col(FigureSource.id) == col(Snapshot.source_id))
        .order_by(col(Snapshot.as_of).desc(), *source_order(database))
        .limit(1)
        .correlate(article)
        .scalar_subquery()
    )
    if first is None:
        return of_any
    value = case((col(Snapshot.source_id) == first, literal("a").concat(figure(Snapshot.value))))
    last = rows.with_only_columns(value).order_by(col(Snapshot.as_of).desc(), col(Snapshot.source_id).desc())
    return func.coalesce(last.limit(1).correlate(article).scalar_subquery(), of_any)
