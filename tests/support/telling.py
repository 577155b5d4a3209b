"""A platform that tells figures as a test wants: `from telling import Told, article, reads`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from connectors import (
    Access,
    ArticleFigures,
    Asking,
    Connector,
    Figures,
    Finding,
    Kind,
    Label,
    Limits,
    Metric,
    Outgoing,
    Receipt,
    Reconcile,
    Refused,
    Unauthorised,
    Unit,
)

YESTERDAY = date(2026, 3, 1)


@dataclass
class Told(Connector):
    """A platform that answers what it is given, and notes what it is asked."""

    platform = "wechat"
    label = Label("测试", "test")
    credential_fields = ()
    limits = Limits()
    capabilities = frozenset({"articles", "account_day"})
    metrics = (
        Metric("read_people", Unit.PEOPLE, Kind.CUMULATIVE),
        Metric("finish_rate", Unit.RATE, Kind.CUMULATIVE),
        Metric("followers_new", Unit.PEOPLE, Kind.PER_DAY, "account"),
        Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
    )
    reconcile = Reconcile.NONE
    asking: ClassVar[Asking] = Asking(calls=0)

    told: Sequence[ArticleFigures | Exception] = ()
    day: Callable[[date], Figures | None] = lambda day: None
    broken: set[str] = field(default_factory=set)
    error: Exception | None = None
    stale: bool = False
    refreshed: int = 0
    windows: list[tuple[date, date]] = field(default_factory=list)
    days: list[date] = field(default_factory=list)

    def check(self, access: Access) -> tuple[Finding, ...]:
        return ()

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        raise Refused("not here")

    def refresh(self, access: Access) -> None:
        self.refreshed += 1
        self.stale = False

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        self.windows.append((since, until))
        if self.stale:
            raise Unauthorised("old token", platform_code="42001")
        if access.handle in self.broken and self.error is not None:
            raise self.error
        for item in self.told:
            if isinstance(item, Exception):
                raise item
            yield item

    def account_day(self, access: Access, day: date) -> Figures | None:
        self.days.append(day)
        return self.day(day)


class Live(Told):
    """A platform that only tells its counts of now."""

    metrics = (
        Metric("read_people", Unit.PEOPLE, Kind.CUMULATIVE),
        Metric("followers_total", Unit.PEOPLE, Kind.SNAPSHOT, "account"),
    )


def article(
    *figures: Figures, remote_id: str = "100_1", day: date = YESTERDAY, **more: Any
) -> ArticleFigures:
    at = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
    return ArticleFigures(remote_id, f"标题 {remote_id}", at, figures, **more)


def reads(as_of: date, value: int | None, *, delayed: bool = False) -> Figures:
    return Figures(as_of, {"read_people": value}, "getarticletotaldetail", delayed)


def followers(day: date, *, delayed: bool = False) -> Figures:
    return Figures(day, {"followers_total": 1000 + day.day}, "getusercumulate", delayed)
