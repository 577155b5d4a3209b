"""Which of an account's articles count most: what its index would lose without each."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from analytics.awards.freeze import Frozen
from analytics.awards.rule import Category
from analytics.awards.variables import Counter, by_account, variables_of
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
    choice = category.index
    if choice.definition is None:
        return ()
    frozen = Frozen.of(category, files / "accounts.csv", files / "articles.csv")
    account, articles = next(
        (account, list(rows)) for account, rows in by_account(frozen) if account["handle"] == handle
    )
    metrics = list(dict.fromkeys(source.metric for source in choice.sources if source.of == "article"))
    counter = Counter(category, frozen.article_metrics)

    def index(rows: list[dict[str, str]]) -> Decimal | None:
        variables = variables_of(choice.sources, counter.tally(rows), account, choice.days)
        if choice.definition is None or None in variables.values():
            return None
        return compute(choice.definition, variables)

    def first(article: dict[str, str]) -> tuple[list[Decimal], str]:
        return [Decimal(article[metric] or -1) for metric in metrics], article["remote_id"]

    whole = index(articles)
    found = []
    for article in sorted(articles, key=first, reverse=True)[:_CANDIDATES]:
        without = index([other for other in articles if other is not article])
        if whole is not None and without is not None:
            figures = {metric: article[metric] for metric in metrics}
            found.append(
                Weighed(
                    article["remote_id"],
                    article["title"],
                    article["url"],
                    article["published_day"],
                    article["position"],
                    figures,
                    whole - without,
                )
            )
    found.sort(key=lambda one: (-one.worth, one.remote_id))
    return tuple(found[:_SHOWN])
