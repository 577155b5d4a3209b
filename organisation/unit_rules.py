"""What holds for a unit of its line: the lateness and the stages that it or the nearest unit above says."""

from collections.abc import Sequence

from organisation.stages import Stage, read_stages
from organisation.units import Unit


def lateness_in(line: Sequence[Unit], setting: float) -> tuple[float, str | None]:
    """The hours that hold for the last of `line` (the root first), and the unit that says so (None: the
    setting).
    """
    for unit in reversed(line):
        if unit.lateness_hours is not None:
            return unit.lateness_hours, unit.code
    return setting, None


def stages_in(line: Sequence[Unit]) -> tuple[tuple[Stage, ...], str | None]:
    """The stages that hold for the last of `line`, and the unit that says so (None: nobody does)."""
    for unit in reversed(line):
        if unit.review is not None:
            return read_stages(unit.review), unit.code
    return (), None
