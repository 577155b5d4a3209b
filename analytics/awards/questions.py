"""The metrics of a question site (青年之声) and the formula "weighted_log": Σ weight × part.

wilson_lower    lower bound of the 95 % Wilson interval of a rate: 3 of 3 does not beat 95 of 100
log             ln(x + 1)
neg_log         ln(H + 1) − ln(min(x, H) + 1), H the hours of the period: −ln(x + 1) moved by a constant, so
                that nothing is worth less than 0. An unanswered question counts as infinite, which gives 0
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from analytics.awards.rule import QuestionTerm

KINDS: Mapping[str, str] = {
    "answered_within_72h_rate": "wilson_lower",
    "median_first_answer_hours": "neg_log",
    "satisfied_rate": "wilson_lower",
    "kept_closed_rate": "wilson_lower",
    "distinct_askers": "log",
    "active_experts": "log",
}
# The figures behind each metric: of articles of kind "question", or of the account's days.
QUESTION_FIGURES: Mapping[str, tuple[str, ...]] = {
    "answered_within_72h_rate": ("answered_within_72h",),
    "median_first_answer_hours": ("first_answer_hours", "answers"),
    "satisfied_rate": ("satisfied",),
    "kept_closed_rate": ("reopened",),
}
DUPLICATE = "duplicate"
TURNED = ("kept_closed_rate",)  # a success is where the figure is 0
VOLUNTARY = ("satisfied_rate",)  # nobody is made to say whether they are satisfied
ACCOUNT_FIGURES: Mapping[str, str] = {"distinct_askers": "askers_ytd", "active_experts": "experts_ytd"}

INFINITE = Decimal("Infinity")
_Z = Decimal("1.959963984540054")  # two-sided 95 % of the normal law
_MICRO = Decimal("0.000001")
_EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)


def wilson_lower(successes: Decimal, trials: Decimal) -> Decimal:
    """The lower end of the 95 % Wilson score interval (Wilson 1927); 0 without trials. Six decimals."""
    if trials <= 0:
        return Decimal(0)
    with localcontext(_EXACT):
        rate = successes / trials
        square = _Z * _Z
        spread = _Z * ((rate * (1 - rate) + square / (4 * trials)) / trials).sqrt()
        lower = (rate + square / (2 * trials) - spread) / (1 + square / trials)
    return max(lower, Decimal(0)).quantize(_MICRO, ROUND_HALF_EVEN, _EXACT)


def median(values: Sequence[Decimal]) -> Decimal | None:
    """The middle value; of an even number the mean of the two; None of none. Infinite stays infinite."""
    if not values:
        return None
    ordered = sorted(values)
    upper = ordered[len(ordered) // 2]
    lower = ordered[(len(ordered) - 1) // 2]
    return (lower + upper) / 2


def weighted_log(terms: Sequence[QuestionTerm], metrics: Mapping[str, Decimal], *, hours: int) -> Decimal:
    """The index of one site from its metrics; rates arrive as Wilson bounds. Six decimals, half to even."""
    with localcontext(_EXACT):
        total = sum(
            (term.weight * part_value(term.kind, metrics[term.metric], hours) for term in terms), Decimal(0)
        )
    return total.quantize(_MICRO, ROUND_HALF_EVEN, _EXACT)


def part_value(kind: str, x: Decimal, hours: int) -> Decimal:
    """What one metric is worth before its weight."""
    if kind == "wilson_lower":
        return x
    if kind == "log":
        return (max(x, Decimal(0)) + 1).ln()
    return (Decimal(hours) + 1).ln() - (min(x, Decimal(hours)) + 1).ln()
