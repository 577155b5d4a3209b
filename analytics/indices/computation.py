"""Computes an index: correctly rounded (half to even) to six decimals, the same on every machine.

Decimal logarithms are exact but slow (about 45 µs each), float logarithms fast but differ in the last digit
between machines. So the floats go first, with a bound on their error; only where a rounding boundary lies
within the bound is the value computed again with 50 digits (Ziv's strategy). Quotients (`average_decimals`)
and terms (`decimals`) are rounded half up, 四舍五入, as the publishers round.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache
from numbers import Integral, Real

from analytics.indices.definition import MOST_PLACES, PLACES_COLUMN, IndexDefinition, Level, Term
from analytics.indices.document import Label
from config.errors import InputError, Problem

Number = Decimal | int | float | str

_MICRO = Decimal("0.000001")
_ZERO = Decimal(0)
_NOTHING = Decimal("0.000000")
UNIT = 2.0**-53  # relative error of one float operation
_DIGITS = 50
_WIDE = Context(prec=2000, rounding=ROUND_HALF_EVEN)  # quantising never runs out of digits
_QUOTIENT = Context(prec=2 * _DIGITS)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_MOST_DIGITS = 18  # |x| < 10^18: beyond it a count is a mistake
_LEAST_DIGITS = -300  # what is smaller counts as 0: floats cannot hold it


@dataclass(frozen=True)
class TermValue:
    """One term as computed: the figure, x after division, and weight × logarithm (or × x)."""

    variable: str
    figure: Decimal
    x: Decimal
    value: Decimal


@dataclass(frozen=True)
class LevelValue:
    """One level as computed. `value` is Σ terms; `defined` is False where a divisor was not above 0."""

    id: str
    label: Label
    weight: Decimal
    defined: bool
    value: Decimal
    terms: tuple[TermValue, ...]


@dataclass(frozen=True)
class Explanation:
    """How a value came about: (Σ weight × level) = `total`, then power and scale. Rounded to 12 decimals."""

    value: Decimal
    total: Decimal
    levels: tuple[LevelValue, ...]


def compute(
    definition: IndexDefinition,
    variables: Mapping[str, Number | None],
    *,
    row: int | None = None,
    source: str = "",
) -> Decimal:
    """The index of one account: a Decimal with six decimals.

    `variables` may hold more than the definition needs; `avg_decimals`, where filled, overrides the
    definition's `average_decimals`. Raises InputError for a missing, blank or non-numeric variable, naming
    it and `row`.
    """
    figures, places, problems = read_figures(definition, variables, row=row)
    if problems:
        raise InputError(source or definition.name, problems)
    return compute_read(definition, figures, places)


def read_figures(
    definition: IndexDefinition, variables: Mapping[str, Number | None], *, row: int | None = None
) -> tuple[dict[str, Decimal], int | None, list[Problem]]:
    """The definition's variables as numbers, the decimals of quotients, and what was wrong."""
    figures: dict[str, Decimal] = {}
    problems: list[Problem] = []
    for name in definition.variables:
        if name not in variables:
            missing = {"variable": name, "needed": ", ".join(definition.variables)}
            problems.append(Problem("index.missing_variable", row, name, missing))
            continue
        number, code = _number(variables[name])
        if code:
            params: dict[str, object] = {"received": variables[name], "digits": _MOST_DIGITS}
            problems.append(Problem(code, row, name, params))
        figures[name] = number
    places = definition.average_decimals
    wanted = variables.get(PLACES_COLUMN)
    if wanted is not None and str(wanted).strip():
        number, code = _number(wanted)
        if code or number != number.to_integral_value() or not 0 <= number <= MOST_PLACES:
            refused: dict[str, object] = {"most": MOST_PLACES, "received": wanted}
            problems.append(Problem("index.bad_places", row, PLACES_COLUMN, refused))
        else:
            places = int(number)
    return figures, places, problems


def compute_read(definition: IndexDefinition, figures: Mapping[str, Decimal], places: int | None) -> Decimal:
    """The index of figures that `read_figures` gave."""
    plan = plan_for(definition)
    value = plan.value(figures, places) if plan else None
    return compute_exactly(definition, figures, places) if value is None else value


def explain(definition: IndexDefinition, variables: Mapping[str, Number | None]) -> Explanation:
    """The value with every level and term behind it. Raises InputError like `compute`."""
    figures, places, problems = read_figures(definition, variables)
    if problems:
        raise InputError(definition.name, problems)
    with localcontext(Context(prec=_digits(definition))):
        levels = [_level_value(definition, level, figures, places) for level in definition.levels]
        total = sum((level.weight * level.value for level in levels), _ZERO)
    shown = tuple(
        LevelValue(
            level.id,
            level.label,
            level.weight,
            level.defined,
            _shown(level.value),
            tuple(TermValue(t.variable, t.figure, _shown(t.x), _shown(t.value)) for t in level.terms),
        )
        for level in levels
    )
    return Explanation(compute_read(definition, figures, places), _shown(total), shown)


def compute_exactly(
    definition: IndexDefinition, figures: Mapping[str, Decimal], places: int | None
) -> Decimal:
    """The same with 50 digits throughout (100 for linear indices, which need no logarithm)."""
    digits = _digits(definition)
    with localcontext(Context(prec=digits)):
        levels = [_level_value(definition, level, figures, places) for level in definition.levels]
        total = sum((level.weight * level.value for level in levels), _ZERO)
        if total == 0:
            return _NOTHING
        if total < 0 and definition.power != definition.power.to_integral_value():
            problem = Problem("index.no_real_root", params={"power": definition.power})
            raise InputError(definition.name, [problem])
        value = total**definition.power * definition.scale
    # A true tie may come out of divisions as 0.…4999 or 0.…5001: the last ten digits are dropped first.
    rounded = Context(prec=digits - 10).plus(value).quantize(_MICRO, ROUND_HALF_EVEN, _WIDE)
    return rounded if rounded else _NOTHING


def _digits(definition: IndexDefinition) -> int:
    return 2 * _DIGITS if definition.formula == "linear" else _DIGITS


def _shown(value: Decimal) -> Decimal:
    return value.quantize(Decimal("1e-12"), ROUND_HALF_EVEN, _WIDE)


def _level_value(
    definition: IndexDefinition, level: Level, figures: Mapping[str, Decimal], places: int | None
) -> LevelValue:
    divisors = [figures[name] for name in level.divide_by]
    defined = all(divisor > 0 for divisor in divisors)
    terms = tuple(
        _term_value(definition, term, figures, divisors if defined else None, places) for term in level.terms
    )
    value = sum((term.value for term in terms), _ZERO)
    return LevelValue(level.id, level.label, level.weight, defined, value, terms)


def _term_value(
    definition: IndexDefinition,
    term: Term,
    figures: Mapping[str, Decimal],
    divisors: list[Decimal] | None,
    places: int | None,
) -> TermValue:
    figure = figures[term.variable]
    if divisors is None:
        return TermValue(term.variable, figure, _ZERO, _ZERO)
    logarithmic = definition.formula == "levels"
    x = max(figure, _ZERO) if logarithmic else figure
    for divisor in divisors:
        x = x / divisor
    if divisors and places is not None:
        x = _half_up(x, places)
    value = term.times * x
    if logarithmic:
        value = (value + 1).ln()
    if term.ceiling is not None:
        value = _against_ceiling(value, term, figures, logarithmic)
    value *= term.weight
    if term.decimals is not None:
        value = _half_up(value, term.decimals)
    if term.cap is not None:
        value = min(value, term.cap)
    return TermValue(term.variable, figure, x, value)


def _against_ceiling(
    value: Decimal, term: Term, figures: Mapping[str, Decimal], logarithmic: bool
) -> Decimal:
    ceiling = _ceiling(term, figures)
    if logarithmic and ceiling > 0:
        ceiling = (ceiling + 1).ln()  # 0 for what fifty digits do not tell from 0
    return value / ceiling if ceiling > 0 else _ZERO


def _ceiling(term: Term, figures: Mapping[str, Decimal]) -> Decimal:
    ceiling = term.ceiling or _ZERO
    return ceiling * figures[term.ceiling_times] if term.ceiling_times else ceiling


def _half_up(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE)


def _number(value: Number | None) -> tuple[Decimal, str]:
    """The number, or the code of what is wrong with it."""
    number = _parsed(value)
    if isinstance(number, str):
        return _ZERO, number
    if not number or number.adjusted() < _LEAST_DIGITS:
        return _ZERO, ""
    return (number, "") if number.adjusted() < _MOST_DIGITS else (_ZERO, "index.number_out_of_range")


def _parsed(value: object) -> Decimal | str:
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, int) and not isinstance(value, bool):
        number = Decimal(value)
    elif isinstance(value, str):
        stripped = value.strip()
        if not stripped:
            return "index.blank_variable"
        if not _NUMBER.fullmatch(stripped):
            return "index.not_a_number"
        number = Decimal(stripped)
    elif isinstance(value, float):
        number = Decimal(repr(float(value)))
    elif value is None:
        return "index.blank_variable"
    else:
        return _foreign(value)
    if number.is_finite():
        return number
    return "index.blank_variable" if number.is_nan() else "index.not_a_number"


def _foreign(value: object) -> Decimal | str:
    """A number of another library (NumPy), or a missing value of pandas."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return Decimal(int(value))
    if isinstance(value, Real) and not isinstance(value, bool):
        return Decimal(repr(float(value)))
    return "index.blank_variable" if str(value) in ("<NA>", "NaT") else "index.not_a_number"


@dataclass(frozen=True)
class PlannedTerm:
    """One term as floats."""

    variable: str
    factor: float  # level.weight × term.weight
    size: float  # its absolute value
    times: float
    ceiling: Term | None


class Plan:
    """The float computation of one definition, with a bound on its error."""

    def __init__(self, definition: IndexDefinition) -> None:
        self.power = int(definition.power)
        self.scale = float(definition.scale)
        self.levels = [
            (level.divide_by, [planned(level, term) for term in level.terms]) for level in definition.levels
        ]

    def value(self, figures: Mapping[str, Decimal], places: int | None) -> Decimal | None:
        """The rounded value; None where floats cannot decide it."""
        floats = {name: float(figure) for name, figure in figures.items()}
        parts: list[float] = []
        bound = 0.0
        for divide_by, terms in self.levels:
            divisors = [floats[name] for name in divide_by]
            if any(divisor <= 0 for divisor in divisors):
                continue
            for term in terms:
                x = max(floats[term.variable], 0.0)
                if divisors and places is not None:
                    x = _rounded_quotient(figures, term.variable, divide_by, places)
                else:
                    for divisor in divisors:
                        x /= divisor
                logarithm = math.log(term.times * x + 1.0)
                if not math.isfinite(logarithm):
                    return None
                # Its argument carries at most 16 roundings, the logarithm itself two units in the last place.
                doubt = UNIT * (16.0 + 4.0 * logarithm)
                if term.ceiling is not None:
                    ceiling = float(_ceiling(term.ceiling, figures))
                    top = math.log(ceiling + 1.0) if ceiling > 0 else 0.0
                    if top < 0.5:
                        return None
                    logarithm /= top
                    doubt = (doubt + logarithm * UNIT * (16.0 + 4.0 * top)) / top * 1.001
                part = term.factor * logarithm
                parts.append(part)
                bound += term.size * doubt + 8.0 * UNIT * abs(part)
        return self._decided(math.fsum(parts), bound)

    def _decided(self, total: float, bound: float) -> Decimal | None:
        bound += UNIT * abs(total)
        slope = self.power * (abs(total) + bound) ** (self.power - 1)
        value = total**self.power * self.scale
        error = abs(self.scale) * slope * bound * 1.01 + 16.0 * UNIT * abs(value)
        if not error < 1.0:  # also infinite or not a number
            return None
        low = Decimal(value - error).quantize(_MICRO, ROUND_HALF_EVEN, _WIDE)
        high = Decimal(value + error).quantize(_MICRO, ROUND_HALF_EVEN, _WIDE)
        if low != high:
            return None
        return high if high else _NOTHING


def planned(level: Level, term: Term) -> PlannedTerm:
    """A term of a level as floats."""
    factor = float(_WIDE.multiply(level.weight, term.weight))
    return PlannedTerm(
        term.variable, factor, abs(factor), float(term.times), term if term.ceiling is not None else None
    )


def _rounded_quotient(
    figures: Mapping[str, Decimal], variable: str, divide_by: tuple[str, ...], places: int
) -> float:
    x = max(figures[variable], _ZERO)
    for name in divide_by:
        x = _QUOTIENT.divide(x, figures[name])
    return float(_half_up(x, places))


@lru_cache(maxsize=256)
def plan_for(definition: IndexDefinition) -> Plan | None:
    """How to compute it in floats; None where only decimals will do."""
    logarithmic = definition.formula == "levels"
    whole = definition.power == definition.power.to_integral_value()
    stepped = any(term.decimals is not None or term.cap is not None for _, term in _terms(definition))
    many = any(len(level.divide_by) > 3 for level in definition.levels)
    return Plan(definition) if logarithmic and whole and not stepped and not many else None


def _terms(definition: IndexDefinition) -> list[tuple[Level, Term]]:
    return [(level, term) for level in definition.levels for term in level.terms]
