"""A rule's gates, tie-breaks and figures in words, in either language: for explanations, papers and pages."""

from datetime import date

from analytics.awards.files import plain
from analytics.awards.rule import Category, Gate
from config.messages import catalogue, told


def gate_told(gate: Gate, language: str) -> str:
    """What a gate asks for."""
    return told(f"papers.gate_{gate.rule}", {"value": value_told(gate)}, language=language)


def reason_told(category: Category, name: str, language: str) -> str:
    """What those ask for who are refused by `name`: a gate of the rule, or what every rule asks."""
    gate = next((one for one in category.gates if one.rule == name), Gate(name))
    return gate_told(gate, language)


def value_told(gate: Gate) -> str:
    """The day or the number of a gate, '' where it has none."""
    if gate.value is None:
        return ""
    return gate.value.isoformat() if isinstance(gate.value, date) else plain(gate.value)


def metric_told(name: str, language: str) -> str:
    """A figure as people call it, or its own name."""
    for topic in ("explain", "report"):
        if f"metric_{name}" in catalogue(topic):
            return told(f"{topic}.metric_{name}", {}, language=language)
    return name


def variable_told(category: Category, name: str, language: str) -> str:
    """A variable of the category's index and what it means."""
    definition = category.index.definition
    meaning = definition.meanings.get(name) if definition else None
    return f"{name} {meaning.told_in(language)}" if meaning else metric_told(name, language)


def tie_told(category: Category, name: str, language: str) -> str:
    """What is compared between equal scores."""
    entry = f"tie_{name}"
    if entry in catalogue("explain"):
        return told(f"explain.{entry}", {}, language=language)
    return variable_told(category, name, language)
