"""Kinds of jobs whose work is with figures: imports, exports, awards. Each calls what the commands call.

A kind's module is imported when a job of it is done: pandas and matplotlib take seconds, and a publishing
node may never need them.
"""

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module

from config.clock import Clock
from config.database import Database
from config.secrets import KeyRing
from config.settings import Settings
from organisation.job_runner import Done, JobKind, Tools, Work
from organisation.permissions import Standing

__all__ = ["job_kinds"]

_ROOMS = {
    "figures.preview": ("figures", "FiguresPreview"),
    "figures.import": ("figures", "FiguresImport"),
    "figures.undo": ("figures", "FiguresUndo"),
    "report.weekly": ("weekly", "WeeklyExport"),
    "award.check": ("awards", "AwardChecking"),
    "award.dry": ("awards", "AwardDryRun"),
    "award.run": ("awards", "AwardRunning"),
    "award.exclude": ("awards", "AwardExcluding"),
    "award.papers": ("awards", "AwardPapers"),
}


def job_kinds(settings: Settings, database: Database, keys: KeyRing, clock: Clock) -> Mapping[str, JobKind]:
    """All kinds by name."""
    tools = Tools(settings, database, keys, clock)
    return {name: _Deferred(name, tools) for name in _ROOMS}


class _Deferred(JobKind):
    def __init__(self, name: str, tools: Tools) -> None:
        self.name = name
        self._tools = tools

    @cached_property
    def _kind(self) -> JobKind:
        module, noun = _ROOMS[self.name]
        made = getattr(import_module(f"analytics.jobs.{module}"), noun)(self._tools)
        if not isinstance(made, JobKind):
            raise TypeError(f"expected a kind of job: {noun}")
        return made

    def run(self, work: Work, person: Standing) -> Done:
        return self._kind.run(work, person)

    def passes(self, code: str) -> bool:
        return self._kind.passes(code)

    def abandon(self, work: Work) -> None:
        self._kind.abandon(work)

    def tidy(self, work: Work) -> None:
        self._kind.tidy(work)
