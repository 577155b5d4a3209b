"""Freezes a category's articles, every one with its figures at the same age.

Each article is read at age N (`read_age_days`): per metric the latest figure as of a day up to its Beijing
day of publishing + N. A year of a province is three million articles: they are read in the order in which the
database keeps them, a stretch of ids at a time and two at once. The database writes a stretch down as one
text, so that Python touches no row; `canonical` sorts and spells what was read.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
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
from analytics.awards.canonical import write_articles
from analytics.awards.freeze import figure, needed_metrics, read_archived, reading, source_order
from analytics.awards.rule import Category, Rule
from config.database import Database
from connectors import platforms
from organisation.accounts import Account

_STRETCH = 40_000  # ids at a time
_READERS = 2
_WORKS = 500  # at a time
_NONE: dict[str, object] = {"first": 0, "last": 0, "works": []}


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
    with TemporaryDirectory(prefix=".sorting-", dir=path.parent) as name:
        rows, room = Path(name, "rows"), Path(name, "room")
        rows.mkdir()
        handles = _read(database, rule, category, metrics, works, rows)
        return write_articles(rows, handles, metrics, path, room=room, telling=telling)


def _read(
    database: Database,
    rule: Rule,
    category: Category,
    metrics: Sequence[str],
    works: Mapping[int, str] | None,
    folder: Path,
) -> Mapping[int, str]:
    """Has every stretch written to a file of the folder; gives the handles by what the rows have as key."""
    with ExitStack() as stack:
        first = stack.enter_context(database.read())
        archived = read_archived(first, rule, category, metrics)
        handles = _accounts(first, category) if works is None else works
        free: SimpleQueue[Session] = SimpleQueue()
        free.put(first)
        if not archived:  # what was archived is brought back for one session
            for _ in range(_READERS - 1):
                free.put(stack.enter_context(database.read()))
        source = _first_source(first, database, category)
        wanted = _told(database, _rows(database, rule, category, metrics, source, of_works=works is not None))

        def read(number: int, chosen: Mapping[str, object]) -> None:
            session = free.get()
            try:
                told = session.execute(wanted, chosen).scalar()
            finally:
                free.put(session)
            if told or not number:  # there is a first file at least
                (folder / f"{number}").write_text(told or "", "utf-8", newline="")

        pool = stack.enter_context(ThreadPoolExecutor(_READERS))
        stretches = list(_stretches(first, works)) or [_NONE]
        list(pool.map(read, range(len(stretches)), stretches))
    return handles


def _told(database: Database, rows: Select[Any]) -> Select[tuple[str]]:
    """The rows as one text, a JSON array a line: their own line ends are escaped."""
    columns = rows.subquery("told").c
    if database.is_sqlite:
        line: ColumnElement[str] = func.json_array(*columns)
    else:
        line = cast(func.json_build_array(*columns), String())
    return select(func.aggregate_strings(line, "\n"))


def _accounts(session: Session, category: Category) -> dict[int, str]:
    """The handles of the category's accounts by id."""
    wanted = select(col(Account.id), col(Account.handle)).where(col(Account.platform) == category.platform)
    return dict(tuple(row) for row in session.execute(wanted))


def _stretches(session: Session, works: Mapping[int, str] | None) -> Iterator[dict[str, object]]:
    """Which articles are read together."""
    if works is not None:
        ids = sorted(works)
        for start in range(0, len(ids), _WORKS):
            yield {"works": ids[start : start + _WORKS]}
        return
    first, last = session.execute(select(func.min(Article.id), func.max(Article.id))).one()
    if first is not None:
        for start in range(first, last + 1, _STRETCH):
            yield {"first": start, "last": start + _STRETCH - 1}


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
