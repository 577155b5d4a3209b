"""Which of an account's articles count most: what its index would lose without each."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from analytics.awards.columns import UNKNOWN, Columns, articles_in
from analytics.awards.counts import Counts, Variables
from analytics.awards.freeze import ARTICLE_COLUMNS, Frozen
from analytics.awards.rule import Category
from analytics.indices import compute

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


def weigh_articles(category: Category, files: Path, handle: str) -> tuple[Weighed, ...]:
    """The five articles that count most, of the twenty with the highest first figure."""
    if category.index.definition is None:
        return ()
    frozen = Frozen.of(category, files / "accounts.csv", files / "articles.csv")
    columns = Columns.read(frozen, ids=True, handle=handle)
    metrics = dict.fromkeys(source.metric for source in category.index.sources if source.of == "article")

    def first(row: int) -> tuple[list[int], str]:
        figures = (int(columns.figures[metric][row]) for metric in metrics)
        return [-1 if figure == UNKNOWN else figure for figure in figures], str(columns.ids[row])

    every = np.ones(len(columns), dtype=bool)
    whole = _index(category, columns)
    worth: dict[str, Decimal] = {}
    for row in sorted(range(len(columns)), key=first, reverse=True)[:_CANDIDATES]:
        rest = every.copy()
        rest[row] = False
        without = _index(category, columns.chosen(rest))
        if whole is not None and without is not None:
            worth[str(columns.ids[row])] = whole - without
    shown = sorted(worth, key=lambda name: (-worth[name], name))[:_SHOWN]
    told = _told(frozen, handle, shown)
    return tuple(
        Weighed(
            name,
            told[name]["title"],
            told[name]["url"],
            told[name]["published_day"],
            told[name]["position"],
            {metric: told[name][metric] for metric in metrics},
            worth[name],
        )
        for name in shown
    )


def _index(category: Category, columns: Columns) -> Decimal | None:
    choice = category.index
    counts = Counts(columns, columns.account, len(columns.accounts))
    found = Variables(counts, columns.accounts, choice.days).of(choice.sources)
    if choice.definition is None or not all(one.known[0] for one in found.values()):
        return None
    return compute(
        choice.definition, {name: Decimal(int(one.values[0])).scaleb(-6) for name, one in found.items()}
    )


def _told(frozen: Frozen, handle: str, names: list[str]) -> dict[str, dict[str, str]]:
    """The articles of an account with these ids as the file tells them."""
    columns = (*ARTICLE_COLUMNS, *frozen.article_metrics)
    with articles_in(frozen) as duck:
        found = duck.execute(
            "SELECT * FROM articles WHERE handle = ? AND list_contains(?, remote_id)", [handle, names]
        ).fetchall()
    rows = (dict(zip(columns, (cell or "" for cell in row), strict=True)) for row in found)
    return {row["remote_id"]: row for row in rows}
