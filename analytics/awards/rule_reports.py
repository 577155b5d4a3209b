"""Reads the sections of a rule file that look at the list once it stands: robustness, anomaly, notice."""

from decimal import Decimal

from analytics.awards.rule import ANNUAL, WINDOW_DAYS, Anomaly, Notice, Robustness
from analytics.indices import load_shipped
from analytics.indices.document import Section

LINES = (ANNUAL, *WINDOW_DAYS, "geometric", "equal_weights", "drop_top_post")
_ONE = Decimal(1)
_MOST_DRAWS = 100_000


def read_robustness(root: Section) -> Robustness:
    """The section `robustness`, or its defaults: intervals belong to every list."""
    usual = Robustness()
    section = root.section("robustness")
    if section is None:
        return usual
    law = section.section("weights")
    concentration = usual.concentration
    if law is not None:
        law.choice("law", ("dirichlet",), "dirichlet")
        concentration = law.decimal(
            "concentration", usual.concentration, least=_ONE, most=Decimal(10**6), floats=True
        )
        law.close()
    low, high = _interval(section, usual)
    alternatives = section.texts("alternatives") if section.has("alternatives") else usual.alternatives
    known = (*LINES, *(f"{definition.id}:{definition.version}" for definition in load_shipped()))
    for number, name in enumerate(alternatives, start=1):
        if name not in known:
            section.refuse_name(f"alternatives[{number}]", name, known)
        elif name in alternatives[: number - 1]:
            section.refuse(f"alternatives[{number}]", "index.key_repeated", received=name)
    read = Robustness(
        draws=section.integer("draws", usual.draws, least=100, most=_MOST_DRAWS),
        concentration=concentration,
        alternatives=alternatives,
        low=low,
        high=high,
    )
    section.close()
    return read


def _interval(section: Section, usual: Robustness) -> tuple[Decimal, Decimal]:
    if not section.has("interval"):
        return usual.low, usual.high
    ends = section.decimals("interval", count=2, least=Decimal(0), most=_ONE)
    if len(ends) != 2:
        return usual.low, usual.high
    low, high = ends
    if low >= high:
        section.refuse("interval", "award.interval_reversed", low=low, high=high)
    return low, high


def read_anomaly(root: Section) -> Anomaly:
    """The section `anomaly`; a check that it does not name is not made. Without the section all are."""
    section = root.section("anomaly")
    if section is None:
        return Anomaly()
    usual = Anomaly()
    spike, mix = section.section("daily_spike"), section.section("source_mix")
    reads = _least_reads(spike, usual.spike_reads)
    mix_reads = _least_reads(mix, usual.mix_reads)
    read = Anomaly(
        like_read=_limit(section.section("like_read_ratio"), "mad_z"),
        spike=_limit(spike, "mad_z"),
        spike_reads=reads,
        unexplained=_limit(section.section("cross_channel"), "unexplained_source_share", most=_ONE),
        mean_median=_limit(section.section("mean_median"), "mad_z"),
        source_mix=_limit(mix, "mad_z"),
        mix_reads=mix_reads,
    )
    section.close()
    return read


def _least_reads(section: Section | None, usual: int) -> int:
    return usual if section is None else section.integer("min_reads", usual, least=0, most=10**9)


def _limit(section: Section | None, key: str, *, most: Decimal = Decimal(1000)) -> Decimal | None:
    if section is None:
        return None
    limit = section.decimal(key, least=Decimal("0.01"), most=most, floats=True)
    section.close()
    return limit


def read_notice(root: Section) -> Notice | None:
    """The section `notice`; None where the rule has none: the list is then final at once."""
    section = root.section("notice")
    if section is None:
        return None
    days = section.integer("public_days", least=1, most=90)
    objection = section.section("objection")
    named, answer_days = True, 5
    if objection is not None:
        named = objection.truth("named", True)
        answer_days = objection.integer("answer_days", 5, least=1, most=90)
        objection.close()
    section.close()
    return Notice(days, named, answer_days)
