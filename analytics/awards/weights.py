"""Which of an account's articles count most: what its index would lose without each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

import numpy as np

from analytics.awards.columns import UNKNOWN, Columns, articles_in
from analytics.awards.files import read_csv
from analytics.awards.freeze import ARTICLE_COLUMNS, Frozen
from analytics.awards.rule import Category
from analytics.awards.windows import Span, compute_windows

_CANDIDATES = 20
_SHOWN = 5


@dataclass(frozen=True)
class Weighed:
    """One article: its figures, and by how much the index would be lower (or, below 0, higher) without it."""

    remote_id: str
    title: str
    url: str
    day: str
    position: str
    figures: dict[str, str]
    worth: Decimal


Rows = Mapping[str, Mapping[str, str]]


def weigh_articles(
    category: Category, columns: Columns, rows: Rows, span: Span | None = None
) -> tuple[Weighed, ...]:
    """The five articles that count most, of the twenty with the highest first figure.

    `columns` and `rows` hold the articles of one account, `rows` by their ids; `span` the index's windows.
    """
    if category.index.definition is None:
        return ()
    metrics = dict.fromkeys(source.metric for source in category.index.sources if source.of == "article")

    def first(row: int) -> tuple[list[int], str]:
        figures = (int(columns.figures[metric][row]) for metric in metrics)
        return [-1 if figure == UNKNOWN else figure for figure in figures], str(columns.ids[row])

    every = np.ones(len(columns), dtype=bool)
    whole = _index(category, columns, span)
    worth: dict[str, Decimal] = {}
    for row in sorted(range(len(columns)), key=first, reverse=True)[:_CANDIDATES]:
        rest = every.copy()
        rest[row] = False
        without = _index(category, columns.chosen(rest), span)
        if whole is not None and without is not None:
            worth[str(columns.ids[row])] = whole - without
    shown = sorted(worth, key=lambda name: (-worth[name], name))[:_SHOWN]
    return tuple(_weighed(rows[name], metrics, worth[name]) for name in shown)


def _weighed(row: Mapping[str, str], metrics: Iterable[str], worth: Decimal) -> Weighed:
    return Weighed(
        row["remote_id"],
        row["title"],
        row["url"],
        row["published_day"],
        row["position"],
        {metric: row[metric] for metric in metrics},
        worth,
    )


def _index(category: Category, columns: Columns, span: Span | None) -> Decimal | None:
    choice = category.index
    if choice.definition is None:
        return None
    return compute_windows(columns, choice.definition, choice.sources, span, choice.days).mean(0)


def articles_of(frozen: Frozen, handle: str) -> tuple[Columns, Rows]:
    """The articles of one account."""
    names = (*ARTICLE_COLUMNS, *frozen.article_metrics)
    with articles_in(frozen) as duck:
        found = duck.execute("SELECT * FROM articles WHERE handle = ?", [handle]).fetchall()
    rows = (dict(zip(names, (cell or "" for cell in row), strict=True)) for row in found)
    return Columns.read(frozen, ids=True, handle=handle), {row["remote_id"]: row for row in rows}


def every_account(frozen: Frozen) -> Iterator[tuple[str, Columns, Rows]]:
    """Each account with its articles, by handle."""
    columns = Columns.read(frozen, ids=True)
    ends = np.cumsum(np.bincount(columns.account, minlength=len(columns.accounts))).tolist()
    groups = groupby(read_csv(frozen.articles), key=lambda row: row["handle"])
    handle, rows = next(groups, ("", iter(())))
    for account, begin, end in zip(columns.accounts, [0, *ends], ends, strict=False):
        while handle and handle < account["handle"]:  # of an account that is not among them
            handle, rows = next(groups, ("", iter(())))
        own = {row["remote_id"]: row for row in rows} if handle == account["handle"] else {}
        yield account["handle"], columns.of_account(account, begin, end), own
