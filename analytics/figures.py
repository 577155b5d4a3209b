"""Writing figures: idempotent upserts of articles, snapshots and account days, in bulk, on both databases.

The source is part of a figure's key: a figure of one source never overwrites another's; the same source
overwrites its own value for the same day. A value equal to the stored one writes nothing, so `collected_at`
is when the value was first seen. Unknown (None) is no row.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import CursorResult, bindparam, delete, exists, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col

from analytics.articles import AccountDayFigure, Article, FigureSource, KnownMetric, Snapshot
from analytics.identity import Told, ToldArticles, title_key
from analytics.upserts import Group, Number, write_figures, write_groups
from config.batch import BatchQuery, BatchStatement
from config.errors import MeizhenError

KEPT_AGES = (1, 2, 3, 7, 30)
"""Days after publishing at which an article's figures are kept for ever."""

BATCH = 10_000
"""Rows of one statement's parameters: beyond it speed no longer grows."""

FROM_FILE = "import:"
"""How the remote id of an article begins that only a file has told of."""

_Item = TypeVar("_Item")
_MOST = 9 * 10**12
_SIX_PLACES = Decimal("0.000001")


class ArticleFigure(NamedTuple):
    """One figure of an article as of a Beijing day; `source_row` is the row of an imported file."""

    article_id: int
    metric: str
    as_of: date
    value: Number | None
    source_row: int | None = None


class AccountFigure(NamedTuple):
    """One figure of an account on a Beijing day."""

    account_id: int
    metric: str
    day: date
    value: Number | None
    source_row: int | None = None


class ArticleFact(NamedTuple):
    """What a platform says of an article, besides its figures."""

    remote_id: str
    title: str
    url: str
    published_at: datetime
    published_day: date
    position: int | None = None
    kind: str = "post"
    original: bool | None = None


class Meaning(NamedTuple):
    """What a common name counts: its unit and its kind."""

    name: str
    unit: str
    kind: str
    level: str = "article"


def is_kept(published: date, as_of: date) -> bool:
    """The thinning rule: is a figure of this day kept for ever, once a newer one is there?

    Kept are the ages 1, 2, 3, 7 and 30 days (awards compare posts at equal ages) and the Sunday that ends
    the week of publishing (a weekly report can be made again, byte by byte). The newest is always kept.
    """
    age = (as_of - published).days
    return age in KEPT_AGES or as_of == published + timedelta(days=6 - published.weekday())


def exact_number(value: Number) -> Number | None:
    """A platform's number as it is stored: whole, or rounded to six places; None where it is no number.

    Larger than nine million million is no count of anything: a hostile answer would overflow the column.
    """
    if isinstance(value, int):
        return value if abs(value) < _MOST else None
    return six_places(value)


def six_places(value: Number) -> Decimal | None:
    """A number rounded to six places; None where it is none, or larger than anything is counted."""
    exact = Decimal(value)
    return exact.quantize(_SIX_PLACES) if exact.is_finite() and abs(exact) < _MOST else None


def upsert(session: Session, table: type[SQLModel]) -> sqlite.Insert | postgresql.Insert:
    """An insert into `table` of this session's dialect, which knows `on conflict`."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def source_id(session: Session, kind: str, name: str, at: datetime, digest: str = "") -> int:
    """The source's id; it is made when met for the first time."""
    same = {"b_kind": kind, "b_name": name, "b_digest": digest}
    known: int | None = session.execute(_SAME_SOURCE, same).scalar_one_or_none()
    if known is None:
        new = upsert(session, FigureSource).values(kind=kind, name=name, digest=digest, first_at=at)
        session.execute(new.on_conflict_do_nothing())
        known = cast(int, session.execute(_SAME_SOURCE, same).scalar_one())
    return known


_SAME_SOURCE = select(col(FigureSource.id)).where(
    col(FigureSource.kind) == bindparam("b_kind"),
    col(FigureSource.name) == bindparam("b_name"),
    col(FigureSource.digest) == bindparam("b_digest"),
)


def know_metrics(session: Session, platform: str, meanings: Iterable[Meaning]) -> None:
    """Registers what the names count on this platform.

    Raises MeizhenError `figures.other_meaning` where a name already counts something else there.
    """
    wanted = {(meaning.level, meaning.name): meaning for meaning in meanings}
    if not wanted:
        return
    session.execute(
        upsert(session, KnownMetric).on_conflict_do_nothing(),
        [{"platform": platform, **meaning._asdict()} for meaning in wanted.values()],
    )
    for known in session.execute(select(KnownMetric).where(col(KnownMetric.platform) == platform)).scalars():
        meaning = wanted.get((known.level, known.name))
        if meaning is not None and (meaning.unit, meaning.kind) != (known.unit, known.kind):
            raise MeizhenError(
                "figures.other_meaning",
                platform=platform,
                metric=known.name,
                known=f"{known.unit}, {known.kind}",
                received=f"{meaning.unit}, {meaning.kind}",
            )


def store_articles(session: Session, account_id: int, facts: Sequence[ArticleFact]) -> dict[str, int]:
    """Upserts an account's articles; gives remote id → our id. What is left open keeps its value."""
    ids = store_many_articles(session, [(account_id, fact) for fact in facts])
    return {remote_id: article_id for (_, remote_id), article_id in ids.items()}


def store_many_articles(
    session: Session, facts: Iterable[tuple[int, ArticleFact]]
) -> dict[tuple[int, str], int]:
    """Upserts articles of many accounts; gives (account id, remote id) → our id.

    An article that is known as it is told writes nothing.
    """
    newest = {(account_id, fact.remote_id): (account_id, *fact) for account_id, fact in facts}
    ids: dict[tuple[int, str], int] = {}
    for batch in batches(newest.items(), BATCH):
        connection = session.connection()
        _STORE_ARTICLES.run(connection, [row for _, row in batch])
        for account_id, remote_id, article_id in _ARTICLE_IDS.ask(connection, [key for key, _ in batch]):
            ids[account_id, remote_id] = article_id
    return ids


_STORE_ARTICLES = BatchStatement(
    "INSERT INTO article "
    "(account_id, remote_id, title, url, published_at, published_day, position, kind, original) "
    "SELECT account_id, remote_id, title, url, published_at, published_day, position, kind, original "
    "FROM {rows} AS told WHERE true "
    "ON CONFLICT (account_id, remote_id) DO UPDATE SET title = excluded.title, "
    "url = COALESCE(NULLIF(excluded.url, ''), article.url), published_at = excluded.published_at, "
    "published_day = excluded.published_day, position = COALESCE(excluded.position, article.position), "
    "kind = excluded.kind, original = COALESCE(excluded.original, article.original) "
    "WHERE article.title <> excluded.title OR article.url <> COALESCE(NULLIF(excluded.url, ''), article.url) "
    "OR article.published_at <> excluded.published_at OR article.published_day <> excluded.published_day "
    "OR article.kind <> excluded.kind "
    "OR article.position IS DISTINCT FROM COALESCE(excluded.position, article.position) "
    "OR article.original IS DISTINCT FROM COALESCE(excluded.original, article.original)",
    {
        "account_id": "integer",
        "remote_id": "text",
        "title": "text",
        "url": "text",
        "published_at": "time",
        "published_day": "date",
        "position": "integer",
        "kind": "text",
        "original": "boolean",
    },
)
_ARTICLE_IDS = BatchQuery(
    "SELECT article.account_id, article.remote_id, article.id FROM {rows} AS told "
    "JOIN article ON article.account_id = told.account_id AND article.remote_id = told.remote_id",
    {"account_id": "integer", "remote_id": "text"},
    {"account_id": "integer", "remote_id": "text", "id": "integer"},
)


def article_ids(session: Session, account_id: int, remote_ids: Sequence[str]) -> dict[str, int]:
    """Our ids of an account's articles, by remote id; unknown ones are left out."""
    found: dict[str, int] = {}
    for batch in batches(remote_ids, 500):
        rows = session.execute(_IDS, {"account": account_id, "remote": batch})
        found.update((remote_id, article_id) for remote_id, article_id in rows)
    return found


def store_snapshots(session: Session, source: int, at: datetime, figures: Iterable[ArticleFigure]) -> int:
    """Upserts figures of articles from one source; gives how many were known (not None)."""
    return _store(session, Snapshot, ("article_id", "metric", "as_of"), source, at, figures)


def store_account_days(session: Session, source: int, at: datetime, figures: Iterable[AccountFigure]) -> int:
    """Upserts figures of account days from one source; gives how many were known (not None)."""
    return _store(session, AccountDayFigure, ("account_id", "metric", "day"), source, at, figures)


def store_told_snapshots(session: Session, source: int, at: datetime, groups: Iterable[Group]) -> int:
    """Upserts figures of articles as a platform tells them, by day; gives how many were known."""
    return write_groups(session, Snapshot, ("article_id", "metric", "as_of"), source, at, groups)


def store_told_days(session: Session, source: int, at: datetime, groups: Iterable[Group]) -> int:
    """Upserts figures of account days as a platform tells them; gives how many. All values are known."""
    return write_groups(session, AccountDayFigure, ("account_id", "metric", "day"), source, at, groups)


def _store(
    session: Session,
    table: type[Snapshot] | type[AccountDayFigure],
    key: tuple[str, str, str],
    source: int,
    at: datetime,
    figures: Iterable[ArticleFigure] | Iterable[AccountFigure],
) -> int:
    # The last of equal keys counts: PostgreSQL refuses to touch a row twice in one statement.
    known = {figure[:3]: figure for figure in figures if figure.value is not None}
    for batch in batches(known.values(), BATCH):
        write_figures(session, table, key, source, at, batch)
    return len(known)


def thin(session: Session, source: int, articles: Sequence[int]) -> int:
    """Drops what `is_kept` does not keep and a newer figure of the same source has overtaken.

    Gives how many figures were dropped. Only what a platform tells is thinned; files stay as they came.
    """
    dropped = 0
    for batch in batches(_spare_days(session, source, articles), 200):
        done = session.execute(_DROP, {"days": batch, "source": source})
        dropped += cast("CursorResult[Any]", done).rowcount
    return dropped


def _spare_days(session: Session, source: int, articles: Sequence[int]) -> Iterator[tuple[int, date]]:
    """Days that are not kept; an article's newest day is none of them: nothing can have overtaken it."""
    for batch in batches(articles, 500):
        days = session.execute(_STORED, {"articles": batch, "source": source}).all()
        newest: dict[int, date] = {}
        for article, _, as_of in days:
            newest[article] = max(as_of, newest.get(article, as_of))
        yield from (
            (article, as_of)
            for article, published, as_of in days
            if as_of < newest[article] and not is_kept(published, as_of)
        )


# Built once: a collection asks these for every account, and building them takes longer than running them.
_NEWER = aliased(Snapshot)
_DROP = (
    delete(Snapshot)
    .where(
        tuple_(col(Snapshot.article_id), col(Snapshot.as_of)).in_(bindparam("days", expanding=True)),
        col(Snapshot.source_id) == bindparam("source"),
        exists().where(
            col(_NEWER.article_id) == col(Snapshot.article_id),
            col(_NEWER.metric) == col(Snapshot.metric),
            col(_NEWER.source_id) == col(Snapshot.source_id),
            col(_NEWER.as_of) > col(Snapshot.as_of),
        ),
    )
    .execution_options(synchronize_session=False)
)
_STORED = (
    select(col(Snapshot.article_id), col(Article.published_day), col(Snapshot.as_of))
    .join(Article, col(Article.id) == col(Snapshot.article_id))
    .where(
        col(Snapshot.article_id).in_(bindparam("articles", expanding=True)),
        col(Snapshot.source_id) == bindparam("source"),
    )
    .distinct()
)
_IDS = select(col(Article.remote_id), col(Article.id)).where(
    col(Article.account_id) == bindparam("account"),
    col(Article.remote_id).in_(bindparam("remote", expanding=True)),
)
_TOLD = select(col(Article.id), col(Article.url), col(Article.title), col(Article.published_day)).where(
    col(Article.account_id) == bindparam("account")
)
_TOLD_BY_FILES = _TOLD.where(col(Article.remote_id).startswith(FROM_FILE))


def adopt(session: Session, account_id: int, facts: Sequence[ArticleFact]) -> int:
    """Gives articles that only a file has told of the platform's id, once the platform names them.

    Gives how many. Without it the same article would stand there twice, once a source.
    """
    told = told_articles(session, account_id, only_files=True)
    if not told:
        return 0
    known = article_ids(session, account_id, [fact.remote_id for fact in facts])
    titles = Counter((title_key(fact.title), fact.published_day) for fact in facts)
    adopted: dict[int, str] = {}
    for fact in facts:
        once = titles[title_key(fact.title), fact.published_day] == 1
        ours = told.match(fact.url, fact.title, fact.published_day, by_title=once)
        if ours is not None and ours not in adopted and fact.remote_id not in known:
            adopted[ours] = fact.remote_id
    if adopted:
        session.execute(
            update(Article), [{"id": ours, "remote_id": theirs} for ours, theirs in adopted.items()]
        )
    return len(adopted)


def told_articles(session: Session, account_id: int, *, only_files: bool = False) -> ToldArticles:
    """The account's articles, to be matched with what a platform or a file tells."""
    rows = session.execute(_TOLD_BY_FILES if only_files else _TOLD, {"account": account_id})
    return ToldArticles(Told(*row) for row in rows)


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
