"""Freezes a category's articles, every one with its figures at the same age, as a canonical CSV file.

Each article is read at age N (`read_age_days`): per metric the latest figure as of a day up to its Beijing
day of publishing + N. The database writes whole lines, a batch of accounts at a time: a year of a province is
three million. Two batches are under way at once, because a database works while Python waits.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
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
    by_code_point,
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

_BATCH = 50  # accounts
_READERS = 2
_QUOTED = ',"\n\r'


def freeze_articles(
    database: Database, rule: Rule, category: Category, path: Path, works: Sequence[int] | None = None
) -> Path:
    """Writes a category's articles by handle, day and remote id; batches stream, none are kept.

    With `works` those articles, in the order of their handles.
    """
    metrics, _ = needed_metrics(category)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join((*ARTICLE_COLUMNS, *metrics)) + "\n")
        for lines in _batches(database, rule, category, metrics, works):
            file.writelines(f"{line}\n" for line in lines)
    return path


def _batches(
    database: Database,
    rule: Rule,
    category: Category,
    metrics: Sequence[str],
    works: Sequence[int] | None,
) -> Iterator[Sequence[str]]:
    with ExitStack() as stack:
        first = stack.enter_context(database.read())
        archived = read_archived(first, rule, category)
        ids = _accounts(first, category) if works is None else works
        batches = [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]
        free: SimpleQueue[Session] = SimpleQueue()
        free.put(first)
        if not archived:  # what was archived is brought back for one session
            for _ in range(_READERS - 1):
                free.put(stack.enter_context(database.read()))
        source = _first_source(first, database, category)
        wanted = _lines(database, rule, metrics, source, of_works=works is not None)

        def read(batch: Sequence[int]) -> Sequence[str]:
            session = free.get()
            try:
                lines: Sequence[str] = session.execute(wanted, {"chosen": batch}).scalars().all()
                return lines
            finally:
                free.put(session)

        pool = stack.enter_context(ThreadPoolExecutor(_READERS))
        under_way: deque[Future[Sequence[str]]] = deque()
        for batch in batches:
            under_way.append(pool.submit(read, batch))
            if len(under_way) > _READERS:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _accounts(session: Session, category: Category) -> list[int]:
    """The ids of the category's accounts, by handle."""
    wanted = select(col(Account.handle), col(Account.id)).where(col(Account.platform) == category.platform)
    return [id_ for _, id_ in sorted(tuple(row) for row in session.execute(wanted))]


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


def _lines(
    database: Database, rule: Rule, metrics: Sequence[str], first: int | None, *, of_works: bool
) -> Select[Any]:
    """The lines of the accounts (the works) `chosen`, in the order of their handles."""
    handle = col(Account.handle)
    of = Article.id if of_works else Article.account_id
    article = (
        select(
            col(Article.id).label("id"),
            (handle.concat("/").concat(col(Article.remote_id)) if of_works else handle).label("handle"),
            col(Article.remote_id).label("remote_id"),
            _day(database).label("day"),
            _last_day(database, rule).label("last"),
            func.coalesce(cast(col(Article.position), String()), "").label("position"),
            col(Article.kind).label("kind"),
            case(
                (col(Article.original).is_(None), ""),
                (col(Article.original).is_(True), "true"),
                else_="false",
            ).label("original"),
            col(Article.title).label("title"),
            col(Article.url).label("url"),
        )
        .join(Account, col(Account.id) == col(Article.account_id))
        .where(
            col(of).in_(bindparam("chosen", expanding=True)),
            col(Article.published_day).between(rule.start, rule.end),
        )
        .cte("dated")
        .prefix_with("MATERIALIZED")
    )
    readings = [_figure(database, article, metric, first).label(f"r{n}") for n, metric in enumerate(metrics)]
    # Materialised: each reading is looked up once, though its text is used for source and figure.
    read = select(article, *readings).cte("read").prefix_with("MATERIALIZED")
    told = read.c
    texts = (told.handle, told.remote_id, told.kind, told.title, told.url)
    careful = [_quoted(database, column) for column in texts]
    facts = case((_signs(database, _chain("", texts)), _facts(careful, told)), else_=_facts(texts, told))
    found = [told[f"r{n}"] for n in range(len(metrics))]
    figures = [func.coalesce(func.substr(one, 2), "") for one in found]
    line = _chain(",", [facts, _sources(found), *figures])
    return (
        select(line)
        .select_from(read)
        .order_by(by_code_point(database, told.handle), told.day, by_code_point(database, told.remote_id))
    )


def _facts(texts: Sequence[Any], told: Any) -> ColumnElement[str]:
    handle, remote_id, kind, title, url = texts
    return _chain(",", [handle, remote_id, told.day, told.position, kind, told.original, title, url])


def _chain(between: str, parts: Sequence[Any]) -> ColumnElement[str]:
    chain: ColumnElement[str] = parts[0]
    for part in parts[1:]:
        chain = chain.concat(literal(between).concat(part) if between else part)
    return chain


def _signs(database: Database, column: Any) -> ColumnElement[bool]:
    """Has the text a sign that the csv module would put into quotation marks?"""
    found: ColumnElement[bool] = (
        column.op("GLOB", is_comparison=True)(f"*[{_QUOTED}]*")
        if database.is_sqlite
        else column.regexp_match(f"[{_QUOTED}]")
    )
    return found


def _quoted(database: Database, column: Any) -> ColumnElement[str]:
    """A cell as the csv module writes it."""
    quoted = literal('"').concat(func.replace(column, '"', '""')).concat('"')
    return case((_signs(database, column), quoted), else_=column)


def _sources(readings: Sequence[Any]) -> ColumnElement[str]:
    """Where a line's figures come from: api+import+typed."""
    if not readings:
        return literal("")
    letters = _chain("", [func.coalesce(func.substr(told, 1, 1), "") for told in readings])
    names = [case((letters.contains(letter), f"+{name}"), else_="") for letter, name in SOURCES.items()]
    return case((letters == "a" * len(readings), SOURCES["a"]), else_=func.substr(_chain("", names), 2))


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
