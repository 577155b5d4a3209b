"""The index of every eligible account, from its variables."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from analytics.awards.files import Cell, read_csv, write_csv
from analytics.awards.questions import part_value, weighted_log
from analytics.awards.rule import NO_INDEX, Category
from analytics.indices import compute, explain

COLUMNS = ("handle", "index")
_HOURS = 24


def compute_indices(category: Category, variables: Path, eligible: set[str], path: Path) -> Path:
    """Writes handle and index of the eligible accounts."""
    return write_csv(path, COLUMNS, _rows(category, variables, eligible))


def _rows(category: Category, variables: Path, eligible: set[str]) -> Iterator[list[Cell]]:
    for number, account in enumerate(read_csv(variables), start=2):
        if account["handle"] in eligible:
            yield [account["handle"], index_of(category, account, row=number, source=variables.name)]


def index_of(
    category: Category, account: Mapping[str, str], *, row: int | None = None, source: str = ""
) -> Decimal | None:
    """One account's index by the category's choice; None where a jury alone decides."""
    choice = category.index
    if choice.formula == NO_INDEX:
        return None
    if choice.definition is not None:
        return compute(choice.definition, account, row=row, source=source)
    metrics = {term.metric: Decimal(account[term.metric]) for term in choice.terms}
    return weighted_log(choice.terms, metrics, hours=choice.days * _HOURS)


def level_values(category: Category, account: Mapping[str, str]) -> tuple[Decimal, ...]:
    """The levels of an account's index, or the parts of a question site's: what the weights weigh."""
    choice = category.index
    if choice.definition is not None:
        return tuple(level.value for level in explain(choice.definition, account).levels)
    metrics = {term.metric: Decimal(account[term.metric]) for term in choice.terms}
    return tuple(part_value(term.kind, metrics[term.metric], choice.days * _HOURS) for term in choice.terms)
