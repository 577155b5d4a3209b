"""An index of many accounts at once, to the same digits as one by one.

Figures come and values go as whole millionths. As in `computation` floats go first, with a bound on their
error; where the bound does not decide a digit, that row is computed by itself. NumPy's logarithms may differ
between machines in their last digit: the bound covers that, so values do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analytics.indices.computation import UNIT, Plan, PlannedTerm, compute_read, explain, plan_for, planned
from analytics.indices.definition import IndexDefinition, Term

Whole: TypeAlias = npt.NDArray[np.int64]
Real: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Planned: TypeAlias = Sequence[tuple[tuple[str, ...], Sequence[PlannedTerm]]]

MICROS = 1_000_000
_PLACES = 6
_SHOWN = 12  # decimals of a level, see `computation.Explanation`


@dataclass(frozen=True)
class _Sum:
    """Σ of planned terms: the float, and how far it may be off; `bound` is infinite where nobody can say."""

    total: Real
    bound: Real


def compute_columns(definition: IndexDefinition, figures: Mapping[str, Whole]) -> Whole:
    """The index of every row; `figures` holds each variable of the definition.

    Raises InputError as `compute` does, for the first row that has no value.
    """
    rows = _rows(definition, figures)
    plan = plan_for(definition)
    found, sure = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    if plan is not None and definition.average_decimals is None:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is not sure
            found, sure = _rounded(*_powered(_sum(plan.levels, figures, len(rows)), plan), _PLACES)
    unsure = np.flatnonzero(~sure)
    if len(unsure):
        different, back = np.unique(rows[unsure], axis=0, return_inverse=True)
        values = [_exactly(definition, row) for row in different.tolist()]
        found[unsure] = np.array(values, dtype=np.int64)[back.reshape(-1)]
    return found


def _powered(one: _Sum, plan: Plan) -> tuple[Real, Real]:
    """total ^ power × scale, and how far it may be off."""
    bound = one.bound + UNIT * np.abs(one.total)
    slope = plan.power * (np.abs(one.total) + bound) ** (plan.power - 1)
    value = one.total.copy()
    for _ in range(plan.power - 1):
        value *= one.total
    value *= plan.scale
    error: Real = abs(plan.scale) * slope * bound * 1.01 + 16.0 * UNIT * np.abs(value)
    return value, error


def level_columns(definition: IndexDefinition, figures: Mapping[str, Whole]) -> list[tuple[Decimal, ...]]:
    """The levels of every row, Σ terms, with twelve decimals, as `explain` tells them."""
    rows = _rows(definition, figures)
    plain = [replace(level, weight=Decimal(1)) for level in definition.levels]
    sure = np.full(len(rows), plan_for(definition) is not None and definition.average_decimals is None)
    units = []
    for level in plain if sure.any() else ():
        terms = [planned(level, term) for term in level.terms]
        with np.errstate(over="ignore", invalid="ignore"):
            one = _sum([(level.divide_by, terms)], figures, len(rows))
            whole, certain = _rounded(one.total, one.bound + UNIT * np.abs(one.total), _SHOWN)
        sure &= certain
        units.append(whole.tolist())
    shown = list(zip(*units, strict=True)) if units else [()] * len(rows)
    return [
        tuple(Decimal(unit).scaleb(-_SHOWN) for unit in shown[number])
        if certain
        else _levels(definition, row)
        for number, (row, certain) in enumerate(zip(rows.tolist(), sure.tolist(), strict=True))
    ]


def _rows(definition: IndexDefinition, figures: Mapping[str, Whole]) -> Whole:
    """One row an account, one column a variable."""
    return np.stack([figures[name] for name in definition.variables], axis=1)


def _decimals(definition: IndexDefinition, row: Sequence[int]) -> dict[str, Decimal]:
    return {
        name: Decimal(figure).scaleb(-_PLACES) for name, figure in zip(definition.variables, row, strict=True)
    }


def _exactly(definition: IndexDefinition, row: Sequence[int]) -> int:
    value = compute_read(definition, _decimals(definition, row), definition.average_decimals)
    return int(value.scaleb(_PLACES))


def _levels(definition: IndexDefinition, row: Sequence[int]) -> tuple[Decimal, ...]:
    return tuple(level.value for level in explain(definition, _decimals(definition, row)).levels)


def _sum(levels: Planned, figures: Mapping[str, Whole], size: int) -> _Sum:
    total, bound, sizes, count = np.zeros(size), np.zeros(size), np.zeros(size), 0
    for divide_by, terms in levels:
        divisors = [figures[name] for name in divide_by]
        defined = np.ones(size, dtype=bool)
        for divisor in divisors:
            defined &= divisor > 0
        for term in terms:
            x = np.maximum(figures[term.variable], 0) / MICROS
            for divisor in divisors:
                x /= np.where(defined, divisor, MICROS) / MICROS
            logarithm = np.log(term.times * x + 1.0)
            # Its argument carries at most 16 roundings, the logarithm itself two units in the last place.
            doubt = UNIT * (16.0 + 4.0 * logarithm)
            if term.ceiling is not None:
                logarithm, doubt = _against_ceiling(term.ceiling, figures, logarithm, doubt)
            part = np.where(defined, term.factor * logarithm, 0.0)
            total += part
            sizes += np.abs(part)
            bound += np.where(defined, term.size * doubt, 0.0) + 8.0 * UNIT * np.abs(part)
            count += 1
    return _Sum(total, bound + count * UNIT * sizes)  # each addition rounds once


def _against_ceiling(
    term: Term, figures: Mapping[str, Whole], logarithm: Real, doubt: Real
) -> tuple[Real, Real]:
    times = figures[term.ceiling_times] / MICROS if term.ceiling_times else np.ones(len(logarithm))
    top = np.log(np.maximum(float(term.ceiling or 0) * times, 0.0) + 1.0)
    able = top >= 0.5
    top = np.where(able, top, 1.0)
    measured: Real = logarithm / top
    doubted = (doubt + measured * UNIT * (16.0 + 4.0 * top)) / top * 1.001
    return measured, np.where(able, doubted, np.inf)


def _rounded(value: Real, error: Real, places: int) -> tuple[Whole, Mask]:
    """The whole units nearest to each value, and where the error leaves no other."""
    scaled = value * 10.0**places
    nearest = np.rint(scaled)
    off = np.abs(scaled - nearest) + error * 10.0**places * 1.01 + 4.0 * UNIT * np.abs(scaled)
    sure = (off < 0.5) & (np.abs(scaled) < 2.0**52)
    return np.where(sure, nearest, 0.0).astype(np.int64), sure
