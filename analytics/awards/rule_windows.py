"""Reads how a category's index goes over the period: at once, or as the mean of its weeks or months."""

from analytics.awards.rule import ANNUAL, WINDOW_DAYS, IndexChoice
from analytics.indices.document import Section

_MOST_POWER = 4


def read_aggregate(section: Section, days: int) -> tuple[str, int]:
    """The aggregate and d: the period's days unless the rule says others, of a window always its own."""
    aggregate = section.choice("aggregate", (ANNUAL, *WINDOW_DAYS), ANNUAL)
    own = WINDOW_DAYS.get(aggregate)
    told = section.integer("days", own or days, least=1, most=3660)
    if own is not None and told != own:
        section.refuse("days", "award.days_of_window", received=told, expected=own, aggregate=aggregate)
    return aggregate, told


def refuse_windows(section: Section, choice: IndexChoice, aggregate: str) -> None:
    """Windows need an index of articles whose power is a small whole number."""
    if aggregate not in WINDOW_DAYS:
        return
    if choice.terms:
        section.refuse("aggregate", "award.questions_have_no_windows", received=aggregate)
    power = choice.definition.power if choice.definition is not None else None
    if power is not None and (power != power.to_integral_value() or not 1 <= power <= _MOST_POWER):
        section.refuse("aggregate", "award.power_of_windows", received=power, most=_MOST_POWER)
