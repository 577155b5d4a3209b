"""The index of every eligible account, from its variables."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from analytics.awards.counts import millionths
from analytics.awards.files import Cell, read_csv, write_csv
from analytics.awards.questions import part_value, weighted_log
from analytics.awards.rule import NO_INDEX, Category
from analytics.indices import IndexDefinition, compute
from analytics.indices.columns import Whole, compute_columns, level_columns

COLUMNS = ("handle", "index")
_HOURS = 24


def compute_indices(category: Category, variables: Path, eligible: set[str], path: Path) -> Path:
    """Writes handle and index of the eligible accounts."""
    return write_csv(path, COLUMNS, _rows(category, variables, eligible))


def _rows(category: Category, variables: Path, eligible: set[str]) -> Iterator[list[Cell]]:
    accounts = [account for account in read_csv(variables) if account["handle"] in eligible]
    for account, value in zip(accounts, indices_of(category, accounts), strict=True):
        yield [account["handle"], value]


def index_of(category: Category, account: Mapping[str, str]) -> Decimal | None:
    """One account's index by the category's choice; None where a jury alone decides."""
    choice = category.index
    if choice.formula == NO_INDEX:
        return None
    if choice.definition is not None:
        return compute(choice.definition, account)
    metrics = {term.metric: Decimal(account[term.metric]) for term in choice.terms}
    return weighted_log(choice.terms, metrics, hours=choice.days * _HOURS)


def indices_of(category: Category, accounts: Sequence[Mapping[str, str]]) -> list[Decimal | None]:
    """The index of each account, whose variables are known."""
    definition = category.index.definition
    if definition is None or not accounts:
        return [index_of(category, account) for account in accounts]
    values = compute_columns(definition, _figures(definition, accounts))
    return [Decimal(value).scaleb(-6) for value in values.tolist()]


def levels_of(category: Category, accounts: Sequence[Mapping[str, str]]) -> list[tuple[Decimal, ...]]:
    """The levels of each account's index, or the parts of a question site's: what the weights weigh."""
    definition = category.index.definition
    if definition is not None:
        return level_columns(definition, _figures(definition, accounts)) if accounts else []
    return [level_values(category, account) for account in accounts]


def level_values(category: Category, account: Mapping[str, str]) -> tuple[Decimal, ...]:
    """`levels_of` one account."""
    choice = category.index
    if choice.definition is not None:
        return levels_of(category, [account])[0]
    metrics = {term.metric: Decimal(account[term.metric]) for term in choice.terms}
    return tuple(part_value(term.kind, metrics[term.metric], choice.days * _HOURS) for term in choice.terms)


def _figures(definition: IndexDefinition, accounts: Sequence[Mapping[str, str]]) -> dict[str, Whole]:
    return {
        name: np.array([millionths(account[name]) for account in accounts], dtype=np.int64)
        for name in definition.variables
    }
