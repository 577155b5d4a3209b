"""Kinds of jobs whose work is with figures: imports, exports, awards. Each calls what the commands call."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from config.clock import Clock
from config.database import Database
from config.secrets import KeyRing
from config.settings import Settings

if TYPE_CHECKING:
    from organisation.job_runner import JobKind

__all__ = ["job_kinds"]


def job_kinds(settings: Settings, database: Database, keys: KeyRing, clock: Clock) -> Mapping[str, "JobKind"]:
    """All kinds by name."""
    from analytics.awards.keeping import Awards
    from analytics.imports.drafts import Drafts
    from analytics.jobs.awards import AwardChecking, AwardDryRun, AwardPapers, AwardRunning
    from analytics.jobs.figures import FiguresImport, FiguresPreview, FiguresUndo
    from analytics.jobs.weekly import WeeklyExport

    drafts, shelf = Drafts(settings.home), Awards(settings.awards_root)
    kinds = (
        FiguresPreview(database, keys, clock, drafts),
        FiguresImport(database, keys, clock, drafts),
        FiguresUndo(database, keys, clock),
        WeeklyExport(database),
        AwardChecking(database, shelf),
        AwardDryRun(database, shelf),
        AwardRunning(database, clock, shelf),
        AwardPapers(shelf),
    )
    return {kind.name: kind for kind in kinds}
