"""A file's rows on disk between reading and writing, so that its length costs no memory.

A temporary SQLite database of this process's own, which the system drops with it.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple, Self

from analytics.identity import Told, address_key, title_key
from analytics.imports.lines import Line
from config.errors import MeizhenError, Problem

_AT_ONCE = 1_000
_TABLES = """
CREATE TABLE line (
    row INTEGER PRIMARY KEY, account INTEGER, as_of TEXT, title TEXT, url TEXT, published TEXT, day TEXT,
    address TEXT, named TEXT, remote TEXT, figures TEXT, unknown INTEGER, article INTEGER
);
CREATE TABLE problem (row INTEGER, code TEXT, heading TEXT, params TEXT);
CREATE TABLE known (article INTEGER PRIMARY KEY, account INTEGER, address TEXT, named TEXT, day TEXT);
"""
_INDEXES = """
CREATE INDEX line_named ON line (account, named, day);
CREATE INDEX line_article ON line (article) WHERE article IS NOT NULL;
CREATE INDEX known_address ON known (account, address) WHERE address != '';
CREATE INDEX known_named ON known (account, named, day);
"""
# By address; else by title and day, where that is one article there and one in the file.
_MATCH = (
    """
    UPDATE line SET article = (
        SELECT max(known.article) FROM known
        WHERE known.account = line.account AND known.address = line.address AND known.address != '')
    WHERE title != '' AND address != '' AND article IS NULL
    """,
    """
    UPDATE line SET article = (
        SELECT CASE WHEN count(*) = 1 THEN max(known.article) END FROM known
        WHERE known.account = line.account AND known.named = line.named AND known.day = line.day)
    WHERE title != '' AND article IS NULL AND NOT EXISTS (
        SELECT 1 FROM line AS other
        WHERE other.account = line.account AND other.named = line.named AND other.day = line.day
            AND other.remote != line.remote)
    """,
    # Two articles of the file that one of ours would be both: the first one is.
    """
    UPDATE line SET article = NULL
    WHERE article IS NOT NULL AND remote != (
        SELECT first.remote FROM line AS first WHERE first.article = line.article ORDER BY first.row LIMIT 1)
    """,
)
_TWICE = """
SELECT row, first, title = '' FROM (
    SELECT row, title, min(row) OVER (PARTITION BY account, remote, as_of) AS first FROM line
) WHERE row != first ORDER BY row
"""
_COUNTS = """
SELECT count(*), coalesce(sum(json_array_length(figures)), 0), coalesce(sum(unknown), 0) FROM line
"""
_ARTICLES = """
SELECT count(*), count(article) FROM (
    SELECT max(article) AS article FROM line WHERE title != '' GROUP BY account, remote)
"""

_COLUMNS = "row, account, as_of, title, url, published, day, remote, figures, article"
_LINES = f"SELECT {_COLUMNS} FROM line WHERE row > ? ORDER BY row LIMIT ?"
_KNOWN_LINES = (
    f"SELECT {_COLUMNS} FROM line WHERE row > ? AND (article IS NOT NULL OR title = '') ORDER BY row LIMIT ?"
)


class Staged(NamedTuple):
    """One row as it is to be written; `article` is our id of an article that is known."""

    row: int
    account: int
    as_of: str
    title: str
    url: str
    published_at: datetime | None
    day: str
    remote: str
    figures: list[tuple[str, int]]
    article: int | None


class Counts(NamedTuple):
    """What a file brings."""

    rows: int
    figures: int
    unknown: int
    new_articles: int
    matched_articles: int


class Staging:
    """The rows of one file, what is wrong with it, and the articles that we know; closed with its `with`.

    Where the temporary folder has no room, its `with` raises MeizhenError `figures.no_room`.
    """

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # without a name: gone when it is closed
        # Nothing here outlives the process: no journal, no waiting for the disk; 8 MB of memory.
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-8000", "temp_store=FILE"):
            self._file.execute(f"PRAGMA {pragma}")
        self._file.executescript(_TABLES)
        self._indexed = False
        self._lines: list[tuple[object, ...]] = []
        self._problems: list[tuple[object, ...]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._file.close()
        if isinstance(error, sqlite3.Error):  # the house's own database raises SQLAlchemy's errors
            raise MeizhenError("figures.no_room", reason=error) from None

    def add(self, line: Line) -> None:
        is_article = line.published_at is not None
        self._lines.append(
            (
                line.row,
                line.account_id,
                line.as_of.isoformat(),
                line.title,
                line.url,
                line.published_at and line.published_at.isoformat(),
                line.day.isoformat(),
                line.address,
                title_key(line.title),
                line.remote_id if is_article else "",
                json.dumps([*line.figures.items()]),
                line.unknown,
            )
        )
        if len(self._lines) >= _AT_ONCE:
            self._flush()

    def refuse(self, problem: Problem) -> None:
        """Notes what is wrong; however much it is, it stays on disk."""
        params = json.dumps(dict(problem.params), default=str)
        self._problems.append((problem.row, problem.code, problem.column, params))
        if len(self._problems) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        self._file.execute("BEGIN")
        self._file.executemany(
            f"INSERT INTO line VALUES ({', '.join('?' * 12)}, NULL)",
            self._lines,
        )
        self._file.executemany("INSERT INTO problem VALUES (?, ?, ?, ?)", self._problems)
        self._file.execute("COMMIT")
        self._lines, self._problems = [], []

    def drop_twice(self, title: str, day: str) -> None:
        """Refuses the same article, or account, of the same day in a second row: which would count?"""
        self._flush()
        for row, first, is_account in self._file.execute(_TWICE).fetchall():
            code, column = ("figures.day_twice", day) if is_account else ("figures.article_twice", title)
            self.refuse(Problem(code, row, column, {"row": first}))
            self._file.execute("DELETE FROM line WHERE row = ?", (row,))
        self._flush()

    def problem_count(self) -> int:
        self._flush()
        return int(self._file.execute("SELECT count(*) FROM problem").fetchone()[0])

    def bad_rows(self) -> int:
        """How many rows have a problem."""
        return int(self._file.execute("SELECT count(DISTINCT row) FROM problem").fetchone()[0])

    def problems(self, most: int = -1) -> Iterator[Problem]:
        """What is wrong, by row; at most `most` of it."""
        asked = self._file.execute(
            "SELECT row, code, heading, params FROM problem ORDER BY row, rowid LIMIT ?", (most,)
        )
        for row, code, heading, params in asked:
            yield Problem(code, row, heading, json.loads(params))

    def accounts(self) -> list[int]:
        """The accounts that the rows are of."""
        return [row[0] for row in self._file.execute("SELECT DISTINCT account FROM line ORDER BY account")]

    def know(self, account: int, articles: Iterable[Told]) -> int:
        """Takes articles that we have, to be matched; gives how many."""
        rows = (
            (
                article.article_id,
                account,
                address_key(article.url) if article.url else "",
                title_key(article.title),
                article.day.isoformat(),
            )
            for article in articles
        )
        return self._file.executemany("INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?)", rows).rowcount

    def match(self) -> None:
        """Finds the rows' articles among those that we know."""
        if not self._indexed:
            self._file.executescript(_INDEXES)
            self._indexed = True
        for statement in _MATCH:
            self._file.execute(statement)

    def counts(self) -> Counts:
        rows, figures, unknown = self._file.execute(_COUNTS).fetchone()
        articles, matched = self._file.execute(_ARTICLES).fetchone()
        return Counts(rows, figures, unknown, articles - matched, matched)

    def days(self) -> set[date]:
        """The days that the rows' figures are as of."""
        return {date.fromisoformat(row[0]) for row in self._file.execute("SELECT DISTINCT as_of FROM line")}

    def lines(self, after: int, most: int, *, known: bool = False) -> Sequence[Staged]:
        """At most `most` rows after that number, in order."""
        asked = self._file.execute(_LINES if not known else _KNOWN_LINES, (after, most))
        return [
            Staged(
                row,
                account,
                as_of,
                title,
                url,
                published and datetime.fromisoformat(published),
                day,
                remote,
                json.loads(figures),
                article,
            )
            for row, account, as_of, title, url, published, day, remote, figures, article in asked
        ]

    def batches(self, size: int, *, known: bool = False) -> Iterator[Sequence[Staged]]:
        """All rows in order, `size` at a time; or the `known`: of an article we have, or of an account's day.

        Articles matched meanwhile are seen.
        """
        after = 0
        while lines := self.lines(after, size, known=known):
            yield lines
            after = lines[-1].row
