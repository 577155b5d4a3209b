"""The yearly award: a rule file, frozen figures, one list a track, the same bytes at every run.

rule, rule_file     what the organiser decided
sources             where an index's variables come from
freeze              the database's figures as canonical files
variables           one row an account
eligibility         gates, one reason each
index, questions    the index of each account
jury, score         parts and their sum
ties, ranking       places
result, run         CSV, JSON, picture; the run as a whole

Names are imported when first asked for: pandas and matplotlib take seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analytics.awards.ranking import rank
    from analytics.awards.rule import Rule
    from analytics.awards.rule_file import load_rule, shipped_rule
    from analytics.awards.run import AwardCheck, AwardResult, check_award, run_award

_ROOMS = {
    "AwardCheck": "run",
    "AwardResult": "run",
    "Rule": "rule",
    "check_award": "run",
    "load_rule": "rule_file",
    "rank": "ranking",
    "run_award": "run",
    "shipped_rule": "rule_file",
}

__all__ = [
    "AwardCheck",
    "AwardResult",
    "Rule",
    "check_award",
    "load_rule",
    "rank",
    "run_award",
    "shipped_rule",
]


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module 'analytics.awards' has no attribute {name!r}")
    return getattr(import_module(f"analytics.awards.{_ROOMS[name]}"), name)
