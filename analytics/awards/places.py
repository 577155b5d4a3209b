"""Places in the tracks of a category: scores at the published precision, then the rule's chain of ties."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pandas as pd

from analytics.awards.files import Cell, read_csv, write_csv
from analytics.awards.ranking import rank
from analytics.awards.rule import Category, Rule
from analytics.awards.score import rounded
from analytics.awards.ties import tie_value

COLUMNS = (
    "track",
    "place",
    "awarded",
    "handle",
    "name",
    "unit_code",
    "unit",
    "score",
    "exact",
    "index",
    "data",
    "jury",
    "public",
)
TIE = "tie_"
Accounts = Mapping[str, Mapping[str, str]]  # rows of variables.csv by handle


def place(rule: Rule, category: Category, variables: Path, scores: Path, path: Path) -> Path:
    """Writes one row an account by track, place and handle, with what the ties compared."""
    accounts = by_handle(variables)
    rows = by_handle(scores)
    ties = {handle: _ties(category, row, accounts[handle]) for handle, row in rows.items()}
    exact = {handle: Decimal(row["exact"]) for handle, row in rows.items()}
    places = places_of(rule, category, accounts, exact, ties)
    columns = (*COLUMNS, *(f"{TIE}{name}" for name in category.tie_break))
    return write_csv(path, columns, _rows(category, accounts, rows, ties, places))


def by_handle(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a stage's file by handle."""
    return {row["handle"]: row for row in read_csv(path)}


def places_of(
    rule: Rule,
    category: Category,
    accounts: Accounts,
    exact: Mapping[str, Decimal],
    ties: Mapping[str, Mapping[str, Decimal | None]],
) -> dict[str, int]:
    """The place of every account in its track. Shared only where score and every tie are equal."""
    handles = list(exact)
    frame = pd.DataFrame({"track": [accounts[handle]["track"] for handle in handles]}, index=handles)
    frame["score"] = pd.Series(
        [rounded(rule, exact[handle]) for handle in handles], index=handles, dtype=object
    )
    chain = [f"{TIE}{name}" for name in category.tie_break]
    for name, column in zip(category.tie_break, chain, strict=True):
        values = [ties[handle][name] for handle in handles]
        frame[column] = pd.Series(values, index=handles, dtype=object)
    ranked = rank(frame, value="score", within=("track",), tie_break=chain)
    return {handle: int(place) for handle, place in zip(handles, ranked["place"], strict=True)}


def _ties(
    category: Category, row: Mapping[str, str], account: Mapping[str, str]
) -> dict[str, Decimal | None]:
    return ties_of(category, Decimal(row["index"]) if row["index"] else None, row["jury"], account)


def ties_of(
    category: Category, index: Decimal | None, jury: str, account: Mapping[str, str]
) -> dict[str, Decimal | None]:
    """What an account brings to the category's chain of ties."""
    facts = {**account, "jury": jury}
    return {name: tie_value(name, index, facts) for name in category.tie_break}


def _rows(
    category: Category,
    accounts: Accounts,
    scores: Mapping[str, Mapping[str, str]],
    ties: Mapping[str, Mapping[str, Decimal | None]],
    places: Mapping[str, int],
) -> Iterator[list[Cell]]:
    for track in category.tracks:
        members = [handle for handle, row in scores.items() if row["track"] == track.id]
        for handle in sorted(members, key=lambda handle: (places[handle], handle)):
            account, row = accounts[handle], scores[handle]
            awarded = "true" if places[handle] <= track.places else "false"
            yield [
                track.id,
                places[handle],
                awarded,
                handle,
                *(account[name] for name in ("name", "unit_code", "unit")),
                *(row[name] for name in ("score", "exact", "index", "data", "jury", "public")),
                *ties[handle].values(),
            ]
