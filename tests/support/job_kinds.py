"""Kinds of jobs for tests: what they do is told by the test, step by step."""

from collections.abc import Callable

from organisation.job_runner import Done, JobKind, Work
from organisation.permissions import Standing


class Told(JobKind):
    """Does what a test says; notes what was abandoned and tidied."""

    name = "test.told"

    def __init__(self, does: Callable[[Work], Done | None]) -> None:
        self.does = does
        self.abandoned: list[int] = []
        self.tidied: list[int] = []

    def run(self, work: Work, person: Standing) -> Done:
        return self.does(work) or Done()

    def passes(self, code: str) -> bool:
        return code == "figures.import_under_way"

    def abandon(self, work: Work) -> None:
        self.abandoned.append(work.job.known_id)

    def tidy(self, work: Work) -> None:
        self.tidied.append(work.job.known_id)
