"""What a closing report tells, as plain facts: made by whoever knows the campaign."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from analytics.closing.reach import CampaignReach, Effect, Known

VERSION = 1
"""Of the columns: whoever changes them raises it."""


@dataclass(frozen=True)
class Item:
    """One thing that was wanted of every unit."""

    number: int
    title: str
    kind: str
    due: date
    wanted: int


@dataclass(frozen=True)
class Cell:
    """What a unit has done of an item. `standing`: done, late, begun or open."""

    done: int
    late: int
    coming: int
    standing: str


@dataclass(frozen=True)
class UnitRow:
    """A unit, with a cell for every item."""

    name: str
    code: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Line:
    """A line of the register 台账. `account` '' is work that is no post; `state` is told in words."""

    day: date
    unit: str
    item: int | None
    headline: str
    account: str
    platform: str
    state: str
    late: bool
    link: str
    by: str
    known: Mapping[Effect, Known] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One thing that happened."""

    at: datetime
    by: str
    told: str


@dataclass(frozen=True)
class Closing:
    """A campaign as it stood when the report was made. `closed_at` None: it is not closed yet."""

    number: int
    title: str
    goal: str
    unit: str
    starts: date
    ends: date
    made_at: datetime
    closed_at: datetime | None
    closed_by: str
    items: tuple[Item, ...]
    units: tuple[UnitRow, ...]
    register: tuple[Line, ...]
    reach: CampaignReach
    history: tuple[Step, ...]

    @property
    def wanted(self) -> int:
        """How many cells there are."""
        return len(self.items) * len(self.units)

    def standing(self, told: str) -> int:
        """How many cells stand so."""
        return sum(cell.standing == told for row in self.units for cell in row.cells)

    @property
    def posts(self) -> int:
        """How many posts are out, each counted once an account."""
        return sum(one.posts for one in self.reach.platforms)

    @property
    def work(self) -> int:
        """How many pieces of work are no posts."""
        return sum(not one.account for one in self.register)
