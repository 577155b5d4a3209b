"""Who takes part: every gate of the rule looked at for every account, with one reason each."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from analytics.awards.files import Cell, plain, read_csv, write_csv
from analytics.awards.handles import Handles, Key
from analytics.awards.rule import Category, Gate
from analytics.indices import Label
from config.errors import InputError, Problem
from config.messages import told
from config.table_files import read_table

COLUMNS = ("handle", "name", "track", "rule", "passed", "expected", "received", "zh", "en")
VETO_COLUMNS = ("handle", "who", "when", "why")
EXCLUSION_COLUMNS = ("category", "handle", "who", "when", "why", "after")
_UNCOUNTED = ("filed_before", "verified", "no_veto")
_YES_NO = {"true": "account.yes", "false": "account.no"}
_FACTS = {
    "min_posts": "posts",
    "min_active_weeks": "active_weeks",
    "min_questions": "questions",
    "data_coverage": "data_coverage",
}


@dataclass(frozen=True)
class Veto:
    """单项否决, or an exclusion after the list was looked at: who decided it, when, and why."""

    who: str
    when: str
    why: str


@dataclass(frozen=True)
class Decisions:
    """What people decided about accounts, by category and handle."""

    vetoes: Mapping[Key, Veto]
    excluded: Mapping[Key, Veto]


@dataclass(frozen=True)
class Verdict:
    """One gate for one account. `entry` names the text of the catalogue `award`."""

    rule: str
    passed: bool
    expected: str
    received: str
    entry: str = ""
    params: Mapping[str, str | Label] | None = None

    def told(self, language: str) -> str:
        entry = self.entry or f"award.gate_{self.rule}"
        params = {"expected": self.expected, "received": self.received or "–", **(self.params or {})}
        shown = {
            name: value.told_in(language) if isinstance(value, Label) else value
            for name, value in params.items()
        }
        return told(entry, shown, language=language)


def read_vetoes(path: Path, handles: Handles) -> dict[Key, Veto]:
    """The vetoes of a file with `handle`, `who`, `when` (a day), `why`, by category and handle."""
    table = read_table(path)
    table.require(VETO_COLUMNS, known=(*VETO_COLUMNS, "category"))
    vetoes: dict[Key, Veto] = {}
    problems: list[Problem] = []
    for row in table.rows:
        problems += [Problem("input.required", row.number, name) for name in VETO_COLUMNS if not row[name]]
        try:
            date.fromisoformat(row["when"])
        except ValueError:
            problems.append(Problem("input.not_a_date", row.number, "when", {"received": row["when"]}))
        found, wrong = handles.find(row)
        problems += wrong
        if found:
            vetoes[found] = Veto(row["who"], row["when"], row["why"])
    if problems:
        raise InputError(table.source, problems)
    return vetoes


def read_exclusions(path: Path) -> dict[Key, Veto]:
    """The exclusions of a run's own file (EXCLUSION_COLUMNS)."""
    return {
        (row["category"], row["handle"]): Veto(row["who"], row["when"], row["why"]) for row in read_csv(path)
    }


def judge_eligibility(
    category: Category, variables: Path, decisions: Decisions, path: Path, unknown: Collection[str] = ()
) -> Path:
    """Writes one row an account and gate, the verdicts in both languages; of the `unknown` accounts no window
    of the index has its figures.
    """
    return write_csv(path, COLUMNS, _rows(category, variables, decisions, unknown))


def standing(category: Category, account: Mapping[str, str], veto: Veto | None) -> bool:
    """Could this account take part, as far as that does not depend on figures?"""
    gates = (gate for gate in category.gates if gate.rule in _UNCOUNTED)
    verdicts = [_track(category, account), *(_gate(gate, account, veto) for gate in gates)]
    return all(verdict.passed for verdict in verdicts)


def eligible_handles(path: Path) -> set[str]:
    """The accounts that pass every gate."""
    rows = list(read_csv(path))
    return {row["handle"] for row in rows} - {row["handle"] for row in rows if row["passed"] == "false"}


def _rows(
    category: Category, variables: Path, decisions: Decisions, unknown: Collection[str]
) -> Iterator[list[Cell]]:
    for account in read_csv(variables):
        handle = account["handle"]
        veto = decisions.vetoes.get((category.id, handle))
        verdicts = [_track(category, account), *(_gate(gate, account, veto) for gate in category.gates)]
        if category.index.names:
            verdicts.append(_figures(category, account, windowless=handle in unknown))
        excluded = decisions.excluded.get((category.id, handle))
        if excluded:
            verdicts.append(_decided("excluded", excluded))
        for verdict in verdicts:
            yield [
                handle,
                account["name"],
                account["track"],
                verdict.rule,
                "true" if verdict.passed else "false",
                verdict.expected,
                verdict.received,
                verdict.told("zh"),
                verdict.told("en"),
            ]


def _track(category: Category, account: Mapping[str, str]) -> Verdict:
    """Not a gate of the rule: who is in none of its tracks competes with nobody."""
    tracks = [track.label for track in category.tracks]
    words: dict[str, str | Label] = {
        "expected": Label("、".join(one.zh for one in tracks), ", ".join(one.en for one in tracks))
    }
    own = category.track(account["track"])
    if own is not None:
        words["received"] = own.label
    expected = ", ".join(track.id for track in category.tracks)
    return Verdict("track", own is not None, expected, account["track"], params=words)


def _figures(category: Category, account: Mapping[str, str], *, windowless: bool) -> Verdict:
    """Not a gate of the rule: without the figures there is no index, and unknown is not 0."""
    unknown = [name for name in category.index.names if windowless or not account[name]]
    needed = ", ".join(category.index.names)
    entry = "" if unknown else "award.gate_figures_known"
    return Verdict("figures", not unknown, needed, ", ".join(unknown), entry)


def _decided(rule: str, veto: Veto) -> Verdict:
    params = {"who": veto.who, "when": veto.when, "why": veto.why}
    entry = "award.excluded" if rule == "excluded" else "award.vetoed"
    return Verdict(rule, False, "", f"{veto.who} {veto.when}", entry, params)


def _gate(gate: Gate, account: Mapping[str, str], veto: Veto | None) -> Verdict:
    if gate.rule == "filed_before":
        limit, filed = str(gate.value), account["filed"]
        return Verdict(gate.rule, bool(filed) and filed < limit, limit, filed)
    if gate.rule == "verified":
        verified = account["verified"]
        words = {"received": _label(_YES_NO[verified])} if verified in _YES_NO else {}
        return Verdict(gate.rule, verified == "true", "true", verified, params=words)
    if gate.rule == "no_veto":
        if veto is None:
            return Verdict(gate.rule, True, "", "")
        return _decided(gate.rule, veto)
    received = account[_FACTS[gate.rule]]
    limit_value = gate.value if isinstance(gate.value, Decimal) else Decimal(0)
    passed = bool(received) and Decimal(received) >= limit_value
    return Verdict(gate.rule, passed, plain(limit_value), received)


def _label(entry: str) -> Label:
    zh, en = (told(entry, {}, language=language) for language in ("zh", "en"))
    return Label(zh, en)
