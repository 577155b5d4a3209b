"""A week as pictures: trends, this week beside last, publishing hours, units side by side."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from analytics.charts import (
    Pair,
    Panel,
    hours_picture,
    trend_picture,
    units_picture,
    week_on_week_picture,
)
from analytics.exports.content import HOUR_WEEKS, UNITS, PlatformWeek, WeekReport, read_report
from analytics.exports.week import AccountWeek, Week, total
from analytics.exports.weekly import stem
from config.database import Database
from config.messages import told

_BARS = 15


def export_pictures(
    database: Database, week: str, out: Path, *, unit: str | None = None
) -> dict[str, tuple[Path, Path]]:
    """Draws an ISO week into the folder `out`; gives picture → its PNG and its SVG.

    `trend` has a panel a platform; `hours` is the heat map of publishing; `units` is the posts of the units
    below; `week-on-week-PLATFORM` and `units-PLATFORM` show a platform's leading figure. The same figures
    give the same bytes. Raises MeizhenError `report.not_a_week` or `org.unknown_unit`.
    """
    chosen = Week.parse(week)
    with database.read() as session:
        report = read_report(session, chosen, unit)
    out.mkdir(parents=True, exist_ok=True)
    weeks, name = [one.short for one in chosen.trend()], stem(chosen, report.unit)
    heading = _said("trend_of_platforms", weeks=len(weeks))
    drawn = {
        "trend": trend_picture(leading_panels(report), weeks, report.about(heading), out / f"{name}-trend"),
        "hours": hours_picture(
            report.hours.posts,
            report.hours.without,
            report.about(_said("hours_of_posts", weeks=HOUR_WEEKS)),
            out / f"{name}-hours",
        ),
        "units": units_picture(
            posts_of_units(report), weeks, report.about(_said("posts_by_unit")), out / f"{name}-units"
        ),
    }
    for platform in report.platforms:
        drawn |= _of_platform(report, platform, weeks, out / name)
    return drawn


def _said(entry: str, **params: object) -> str:
    return told(f"report.{entry}", params, language="zh")


def _of_platform(
    report: WeekReport, platform: PlatformWeek, weeks: Sequence[str], path: Path
) -> dict[str, tuple[Path, Path]]:
    names = {"platform": platform.label, "column": platform.layout.leading.title}
    pairs = leading_pairs(platform, _BARS)
    bars, units = f"week-on-week-{platform.platform}", f"units-{platform.platform}"
    panels = [
        Panel(unit.name, _values(own, platform, report.week))
        for unit in report.units
        if (own := [row for row in unit.accounts if row.account.platform == platform.platform])
    ]
    return {
        bars: week_on_week_picture(
            pairs,
            report.about(_said("chart", count=len(pairs), **names)),
            path.with_name(f"{path.name}-{bars}"),
        ),
        units: units_picture(
            _largest(panels),
            weeks,
            report.about(_said("figure_by_unit", **names)),
            path.with_name(f"{path.name}-{units}"),
        ),
    }


def _values(accounts: Sequence[AccountWeek], platform: PlatformWeek, week: Week) -> list[Decimal | None]:
    return [total(accounts, platform.layout.leading, one) for one in week.trend()]


def _largest(panels: Sequence[Panel]) -> list[Panel]:
    """The units with the largest newest value first, as many as stand side by side."""
    return sorted(panels, key=lambda panel: -(panel.values[-1] or Decimal(-1)))[:UNITS]


def leading_panels(report: WeekReport) -> list[Panel]:
    """A panel a platform: its leading figure over the weeks."""
    return [
        Panel(
            f"{platform.label} · {platform.layout.leading.title}",
            _values(platform.accounts, platform, report.week),
        )
        for platform in report.platforms
    ]


def posts_of_units(report: WeekReport) -> list[Panel]:
    """A panel a unit: the posts of all its platforms, which may be added up, unlike what came of them."""
    panels = []
    publishing = {
        platform.platform: platform.layout for platform in report.platforms if platform.layout.publishes
    }
    for unit in report.units:
        values: list[Decimal | None] = []
        for week in report.week.trend():
            known = [
                row.values[week][publishing[row.account.platform].posts]
                for row in unit.accounts
                if row.account.platform in publishing
                and publishing[row.account.platform].posts in row.values.get(week, {})
            ]
            values.append(sum(known, Decimal(0)) if known else None)
        if any(value is not None for value in values):
            panels.append(Panel(unit.name, values))
    return _largest(panels)


def busiest(report: WeekReport) -> PlatformWeek | None:
    """The platform that stands for the week where one fits: it has figures, of most accounts."""

    def told_of(platform: PlatformWeek) -> tuple[bool, int]:
        leading = platform.layout.leading
        return leading != platform.layout.posts, platform.known(leading, report.week)

    return max(report.platforms, key=told_of, default=None)


def leading_pairs(platform: PlatformWeek | None, count: int) -> list[Pair]:
    """The first accounts by the platform's leading figure, this week beside last."""
    if platform is None:
        return []
    leading = platform.layout.leading
    return [
        Pair(row.account.name, row.this.get(leading), row.last.get(leading))
        for row in platform.accounts[:count]
        if leading in row.this or leading in row.last
    ]
