"""Places by value inside groups: equal values are settled by a chain of tie-breaks, never by row order."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from numbers import Real

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from config.errors import InputError, Problem

_KEY = "__meizhen_key"


def rank(
    frame: pd.DataFrame,
    *,
    value: str = "value",
    within: Sequence[str] = ("platform", "track"),
    tie_break: Sequence[str] = (),
) -> pd.DataFrame:
    """The frame with a column `place` (dtype Int64): 1 is the greatest `value` of its group (`within`).

    `value` and `tie_break` columns hold Decimals, ints or floats and are compared exactly; more is better, in
    a tie-break written `-column` less is. A place is shared (1 2 2 4) only where the value and every
    tie-break are equal; an unknown tie-break comes after every known one. Rows without a value (None, NaN)
    get no place (`pd.NA`). Rows keep order and index; an empty `within` ranks all rows together.

    Raises InputError for a missing column or a cell that is no number.
    """
    chain = [value, *tie_break]
    _check(frame, [name.removeprefix("-") for name in chain], within)
    key = np.zeros(len(frame), dtype=np.int64)
    for name in chain:
        codes = _codes(frame[name.removeprefix("-")], descending=name.startswith("-"))
        _, key = np.unique(key * (len(frame) + 2) + codes, return_inverse=True)
    ranked = frame.reset_index(drop=True).assign(**{_KEY: key})
    known = frame[value].notna().to_numpy()
    places = pd.array([pd.NA] * len(frame), dtype="Int64")
    if known.any():
        order = nw.col(_KEY).rank("min", descending=True)
        groups = [_group(ranked, within)] if within else []
        contest = nw.from_native(ranked.loc[known, [_KEY]].assign(**dict(groups)))
        window = order.over(*[name for name, _ in groups]) if groups else order
        places[known] = contest.select(window.cast(nw.Int64)).to_native()[_KEY].to_numpy()
    result = frame.copy()
    result["place"] = pd.Series(places, index=frame.index)
    return result


def _group(ranked: pd.DataFrame, within: Sequence[str]) -> tuple[str, "pd.Series[int]"]:
    """One number a group: a missing platform or track is a group of its own."""
    return "__meizhen_group", ranked.groupby(list(within), dropna=False, sort=False).ngroup()


def _codes(column: "pd.Series[float]", *, descending: bool) -> npt.NDArray[np.int64]:
    """Each value's rank among the column's different values, from 1; 0 for unknown."""
    codes, different = pd.factorize(column.to_numpy(dtype=object), sort=True, use_na_sentinel=True)
    turned = len(different) - 1 - codes if descending else codes
    return np.where(codes < 0, 0, turned + 1).astype(np.int64)


def _check(frame: pd.DataFrame, numeric: Sequence[str], within: Sequence[str]) -> None:
    received = ", ".join(map(str, frame.columns))
    problems = [
        Problem("input.missing_column", params={"column": name, "received": received})
        for name in dict.fromkeys((*numeric, *within))
        if name not in frame.columns
    ]
    if not problems:
        problems = [problem for name in dict.fromkeys(numeric) for problem in _no_numbers(frame, name)]
    if problems:
        raise InputError("DataFrame", problems)


def _no_numbers(frame: pd.DataFrame, name: str) -> Iterator[Problem]:
    if pd.api.types.is_numeric_dtype(frame[name]):
        return
    for row, (cell, missing) in enumerate(zip(frame[name], frame[name].isna(), strict=True), start=1):
        if not missing and not isinstance(cell, Decimal | Real):
            yield Problem("input.not_a_number", row, name, {"received": cell})
