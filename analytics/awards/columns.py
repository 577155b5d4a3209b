"""A category's frozen articles as arrays: a row an article, by account and day, figures in whole millionths.

Articles of an account that is not among the accounts are left out. Whole numbers keep sums exact; a sum that
64 bits would not hold is refused, not wrapped.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analytics.awards.duck import literal, named, open_duck, quoted
from analytics.awards.files import read_csv
from analytics.awards.freeze import ARTICLE_COLUMNS, Frozen
from analytics.awards.questions import DUPLICATE
from analytics.indices.columns import MICROS, Mask, Whole
from config.errors import MeizhenError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

UNKNOWN = np.iinfo(np.int64).min
_DAYS = 1 << 24  # more than there are
_FILE = (
    "SELECT * FROM read_csv({file}, delim = ',', quote = '\"', escape = '\"', header = true, "
    "auto_detect = false, columns = {columns})"
)
# Nearly every figure is whole, and decimals take twice as long.
_MILLIONTHS = (
    f"CASE WHEN contains({{figure}}, '.') THEN CAST({{figure}}::DECIMAL(28, 6) * {MICROS} AS BIGINT) "
    f"ELSE {{figure}}::BIGINT * {MICROS} END"
)
_DAY = "date_diff('day', DATE '1970-01-01', CAST(published_day AS DATE))"


@dataclass(frozen=True)
class Columns:
    """`account` is the place in `accounts`, `day` the days since 1970; a figure may be UNKNOWN.

    `original` and `headline` are False too where that is not known: `knows_original`, `knows_position`.
    """

    accounts: tuple[Mapping[str, str], ...]
    account: Whole
    day: Whole
    original: Mask
    knows_original: Mask
    headline: Mask
    knows_position: Mask
    question: Mask
    figures: Mapping[str, Whole]
    ids: npt.NDArray[np.object_]  # of the platform; empty where they were not asked for

    def __len__(self) -> int:
        return len(self.account)

    def chosen(self, rows: Mask | Whole | slice) -> "Columns":
        """The articles where `rows` is True, or at these places."""
        return replace(
            self,
            account=self.account[rows],
            day=self.day[rows],
            original=self.original[rows],
            knows_original=self.knows_original[rows],
            headline=self.headline[rows],
            knows_position=self.knows_position[rows],
            question=self.question[rows],
            figures={name: values[rows] for name, values in self.figures.items()},
            ids=self.ids[rows] if len(self.ids) else self.ids,
        )

    def with_figure(self, name: str, values: Whole) -> "Columns":
        """The same articles with other values of one figure."""
        return replace(self, figures={**self.figures, name: values})

    def of_account(self, account: Mapping[str, str], begin: int, end: int) -> "Columns":
        """The articles from `begin` to before `end`, which are those of one account."""
        own = self.chosen(slice(begin, end))
        return replace(own, accounts=(account,), account=np.zeros(len(own), dtype=np.int64))

    @classmethod
    def read(
        cls,
        frozen: Frozen,
        *,
        ids: bool = False,
        handle: str | None = None,
        metrics: Sequence[str] | None = None,
    ) -> "Columns":
        """The articles of a category, or of one account, with all figures that were frozen, or `metrics`.

        Raises MeizhenError `award.frozen_unreadable` for a file that no freeze can have written.
        """
        accounts = tuple(
            account for account in read_csv(frozen.accounts) if handle in (None, account["handle"])
        )
        needed = frozen.article_metrics if metrics is None else (*metrics, DUPLICATE)
        wanted = [metric for metric in frozen.article_metrics if metric in needed]
        with articles_in(frozen) as duck:
            listed(duck, "listed", [account["handle"] for account in accounts])
            figures = ", ".join(
                f"coalesce({_MILLIONTHS.format(figure=named(name))}, {UNKNOWN}) AS f{n}"
                for n, name in enumerate(wanted)
            )
            read = duck.execute(
                f"SELECT place, CAST({_DAY} AS BIGINT) AS day, "
                "coalesce(original = 'true', false) AS original, original IS NOT NULL AS knows_original, "
                "coalesce(position = '1', false) AS headline, position IS NOT NULL AS knows_position, "
                "coalesce(kind = 'question', false) AS question"
                f"{', remote_id' if ids else ''}{', ' if figures else ''}{figures} "
                "FROM articles JOIN listed USING (handle)"
            ).fetchnumpy()
        table = {name: np.ma.getdata(np.ma.asarray(column)) for name, column in read.items()}
        found = cls(
            accounts,
            table["place"],
            table["day"],
            table["original"],
            table["knows_original"],
            table["headline"],
            table["knows_position"],
            table["question"],
            {name: table[f"f{n}"] for n, name in enumerate(wanted)},
            table.get("remote_id", np.array([], dtype=object)),
        )
        return found._sorted()._without_repeats()

    def _sorted(self) -> "Columns":
        """By account and day, which they are already unless no freeze wrote the file."""
        order = self.account * _DAYS + self.day
        if bool((order[1:] >= order[:-1]).all()):
            return self
        return self.chosen(np.argsort(order, kind="stable"))

    def _without_repeats(self) -> "Columns":
        """A question that was asked before takes no part; nor does it count as an article."""
        repeated = self.figures.get(DUPLICATE)
        return self if repeated is None else self.chosen(repeated <= 0)


def begins_of(group: Whole) -> Whole:
    """Where each run of equal numbers begins."""
    if not len(group):
        return group
    return np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))


@contextmanager
def articles_in(frozen: Frozen) -> "Iterator[DuckDBPyConnection]":
    """DuckDB with the frozen articles as the view `articles`: every column is text, an empty cell is NULL.

    Raises MeizhenError `award.frozen_unreadable` for a file that no freeze can have written.
    """
    import duckdb

    columns = (*ARTICLE_COLUMNS, *frozen.article_metrics)
    with frozen.articles.open(encoding="utf-8", newline="") as file:
        if file.readline() != ",".join(columns) + "\n":
            raise MeizhenError(
                "award.frozen_unreadable", file=frozen.articles.name, reason=", ".join(columns)
            )
    types = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in columns)
    view = _FILE.format(file=literal(frozen.articles), columns="{" + types + "}")
    try:
        with open_duck() as duck:
            duck.execute(f"CREATE VIEW articles AS {view}")
            yield duck
    except duckdb.Error as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise MeizhenError("award.frozen_unreadable", file=frozen.articles.name, reason=reason) from None


def listed(duck: "DuckDBPyConnection", name: str, handles: Sequence[str]) -> None:
    """A table of handles, each with its place among them."""
    duck.execute(f"CREATE TABLE {name} (handle VARCHAR, place BIGINT)")
    duck.execute(
        f"INSERT INTO {name} SELECT unnest(?), unnest(?)", [list(handles), list(range(len(handles)))]
    )
