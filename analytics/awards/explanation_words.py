"""The words of an explanation in one language: shared by the text and the page."""

from decimal import Decimal

from analytics.awards.explanation import Explained, Line
from analytics.awards.nouns import noun
from analytics.awards.remedies import Remedy
from analytics.awards.rule_words import metric_told, tie_told, variable_told
from analytics.awards.ties import EARLIER_FILED, filed_day
from analytics.indices import Label
from config.messages import catalogue, told

SHOWN = Decimal("0.0001")


class Words:
    """Names things of one explanation as people read them."""

    def __init__(self, explained: Explained, language: str) -> None:
        self.one = explained
        self.language = language

    def say(self, entry: str, **params: object) -> str:
        """A text of the catalogue `explain`."""
        return told(f"explain.{entry}", params, language=self.language)

    @property
    def noun(self) -> str:
        """What the category ranks."""
        return noun(self.one.category.of, self.language)

    def label(self, label: Label) -> str:
        """A label in the language."""
        return label.told_in(self.language)

    def alternative(self, name: str) -> str:
        """Another way to the list by its name."""
        entry = f"line_{name}"
        return self.say(entry) if entry in catalogue("explain") else name.replace(":", " ").upper()

    def variable(self, variable: str) -> str:
        """A variable and what it means."""
        return variable_told(self.one.category, variable, self.language)

    def metric(self, name: str) -> str:
        """A figure by its common name."""
        return metric_told(name, self.language)

    def line(self, line: Line) -> str:
        """What a line of a gap is about."""
        if line.part != "data":
            return self.say(f"part_{line.part}")
        level = next((one for one in self.one.levels if one.id == line.level), None)
        variable = self.variable(line.variable)
        return variable if level is None else f"{self.label(level.label)} · {variable}"

    def windows(self) -> str:
        """How many windows the index is the mean of, silent ones, and those without figures."""
        windows = self.one.windows
        known = [row for row in windows if row["index"]]
        silent = sum(row["posts"] == "0" for row in known)
        aggregate = self.one.category.index.aggregate
        counts = {"known": len(known), "silent": silent, "unknown": len(windows) - len(known)}
        return self.say(f"windows_{aggregate}", **counts)

    def tie(self, name: str, mine: Decimal | None, theirs: Decimal | None) -> str:
        """What was compared between equal scores, and what both have of it."""
        what = tie_told(self.one.category, name, self.language)
        return self.say("tie", name=what, mine=tie_shown(name, mine), theirs=tie_shown(name, theirs))

    def remedy(self, remedy: Remedy) -> str:
        """What one figure would have had to be."""
        if remedy.needed is None:
            return self.say("no_remedy")
        name, now = next(iter(remedy.now.items()))
        needed = remedy.needed[name]
        shown = "∞" if not now.is_finite() else f"{now:f}"
        if remedy.more is None:
            return self.say("remedy", now=shown, needed=f"{needed:f}")
        return self.say("remedy_more", more=f"{remedy.more * 100:.2f}", now=shown, needed=f"{needed:f}")


def short(value: Decimal) -> str:
    """Four decimals."""
    return f"{value.quantize(SHOWN):f}"


def plain(value: Decimal) -> str:
    """As many decimals as there are."""
    return f"{value.normalize():f}"


def signed(value: Decimal) -> str:
    """Four decimals and a sign."""
    return f"{value.quantize(SHOWN):+f}"


def tie_shown(name: str, value: Decimal | None) -> str:
    """What one brings to a tie: a number, or the day it was filed; a dash for what is unknown."""
    if value is None:
        return "–"
    return filed_day(value).isoformat() if name == EARLIER_FILED else plain(value)
