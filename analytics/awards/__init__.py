"""The yearly award: a rule file, frozen figures, one list a track, the same bytes at every run.

rule, rule_file, rule_reports, rule_check   what the organiser decided, and how it stands today
sources, freeze, holes, intake              where everything comes from: figures, gaps, people's files
folder, stages, run                         a run's folder, what each stage makes, the run as a whole
variables, eligibility, index, questions    one row an account; gates; indices
jury, score, ties, ranking, places          parts, their sum, places
alternatives, robustness, anomalies         how sure a place is; what a person should look at
result, notice, objections                  the list for people, and what they say about it
papers                                      what is printed, put up and handed out

Names are imported when first asked for: pandas and matplotlib take seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analytics.awards.ranking import rank
    from analytics.awards.rule import Rule
    from analytics.awards.rule_check import AwardCheck, check_award
    from analytics.awards.rule_file import load_rule, shipped_rule
    from analytics.awards.rule_shapes import new_rule
    from analytics.awards.run import AwardResult, dry_run, run_award

_ROOMS = {
    "AwardCheck": "rule_check",
    "AwardResult": "run",
    "Rule": "rule",
    "check_award": "rule_check",
    "dry_run": "run",
    "load_rule": "rule_file",
    "new_rule": "rule_shapes",
    "rank": "ranking",
    "run_award": "run",
    "shipped_rule": "rule_file",
}

__all__ = [
    "AwardCheck",
    "AwardResult",
    "Rule",
    "check_award",
    "dry_run",
    "load_rule",
    "new_rule",
    "rank",
    "run_award",
    "shipped_rule",
]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module 'analytics.awards' has no attribute {name!r}")
    return getattr(import_module(f"analytics.awards.{_ROOMS[name]}"), name)
