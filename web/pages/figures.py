"""数据: a week by platform and unit, its trend and sources, accounts beside each other, what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from sqlmodel import Session, col, select

from analytics.exports.columns import Column, Rule, layout_for, platform_label
from analytics.exports.content import PlatformWeek, WeekReport, read_report
from analytics.exports.week import TREND, AccountWeek, Week, change, read_week
from analytics.exports.weekly import FORMATS
from analytics.gaps import list_gaps, reason_of
from analytics.imports import list_conflicts
from analytics.imports.missing import list_missing
from analytics.jobs.weekly import order_week
from analytics.provenance import daily, sources_of_week
from analytics.reports.deliveries import cancel_planned
from analytics.reports.schedules import ReportSchedule, end_schedule, running_schedules
from config.clock import shanghai_day
from config.errors import MeizhenError
from config.messages import present_language
from organisation import Account, Act, Place, Unit, require
from web.access import ruled
from web.charts import Option, lines
from web.desk import Desk
from web.jobs_shown import begin
from web.rendering import go, page
from web.viewer import Viewer, Viewing

MOST_COMPARED = 6
_PAGE = 100
_DAYS = 91
_CONFLICT_DAYS = timedelta(days=366)
_MOST_CONFLICTS = 500
_WeekName = Annotated[str, Query(max_length=10)]


@dataclass(frozen=True)
class Part:
    """A platform's week with its picture, None where it would be empty; `known` is of how many accounts each
    week of the trend tells.
    """

    platform: PlatformWeek
    chart: Option | None
    weeks: Sequence[Week]
    known: Sequence[int]


def figures_router(desk: Desk) -> APIRouter:
    """`/figures` and below it all but the imports."""
    router = APIRouter()

    @router.get("/figures")
    @ruled(Act.FIGURES_READ)
    def overview(request: Request, viewer: Viewing, week: _WeekName = "", whole: bool = False) -> Response:
        chosen = week_of(viewer, week)
        facts: dict[str, object] = {"week": chosen, "tab": "overview", "whole": whole, "formats": FORMATS}
        facts["last"] = _last_week(viewer)
        if whole:
            facts |= _week_facts(desk, viewer, chosen)
        return page(request, viewer, "figures.html", facts)

    @router.get("/figures/week")
    @ruled(Act.FIGURES_READ)
    def week_part(request: Request, viewer: Viewing, week: _WeekName = "") -> Response:
        chosen = week_of(viewer, week)
        facts = {"week": chosen, **_week_facts(desk, viewer, chosen)}
        return page(request, viewer, "parts/_figures_week.html", facts)

    @router.get("/figures/compare")
    @ruled(Act.FIGURES_READ)
    def compare(
        request: Request,
        viewer: Viewing,
        week: _WeekName = "",
        account: Annotated[list[int] | None, Query(max_length=50)] = None,
    ) -> Response:
        chosen, asked = week_of(viewer, week), set(account or [])
        with desk.database.read() as session:
            rows = read_week(
                session, chosen, within=viewer.within(Act.FIGURES_READ) & col(Account.id).in_(asked)
            )
            together = [row for platform in rows.values() for row in platform][:MOST_COMPARED]
        facts = {"week": chosen, "tab": "overview", "rows": together, "most": MOST_COMPARED}
        return page(request, viewer, "figures_compare.html", facts | _compared(chosen, together))

    @router.get("/figures/accounts/{account_id}")
    @ruled(Act.FIGURES_READ)
    def one_account(request: Request, viewer: Viewing, account_id: int, week: _WeekName = "") -> Response:
        chosen = week_of(viewer, week)
        with desk.database.read() as session:
            account, unit = _account(session, viewer, account_id)
            told = sources_of_week(session, account, chosen)
            found = read_week(session, chosen, within=col(Account.id) == account_id)
            until = min(chosen.sunday, shanghai_day(viewer.now))
            since = until - timedelta(days=_DAYS - 1)
            followers = layout_for(account.platform).followers
            told_days = daily(session, account, [followers.metric], since, until) if followers else {}
        days = [since + timedelta(days=number) for number in range(_DAYS)]
        by_day = told_days.get(followers.metric, {}) if followers else {}
        row = next((one for rows in found.values() for one in rows), None)
        facts: dict[str, object] = {
            "account": account,
            "unit": unit,
            "week": chosen,
            "tab": "overview",
            "told": told,
            "row": row,
            "columns": layout_for(account.platform).columns,
            "platform": platform_label(account.platform),
            "metric": metric_name,
            "change": change,
            "weeks": chosen.trend(),
            "chart": None if row is None else _of_account(row),
            "followers": followers,
            "days": days,
            "by_day": by_day,
            "daily": _daily_chart(followers, days, by_day),
        }
        return page(request, viewer, "figures_account.html", facts)

    @router.get("/figures/gaps")
    @ruled(Act.FIGURES_READ)
    def gaps(
        request: Request, viewer: Viewing, number: Annotated[int, Query(alias="page", ge=1)] = 1
    ) -> Response:
        with desk.database.read() as session:
            found = list_gaps(
                session, within=viewer.within(Act.FIGURES_READ), offset=(number - 1) * _PAGE, limit=_PAGE + 1
            )
        facts = {"gaps": found[:_PAGE], "number": number, "more": len(found) > _PAGE}
        return page(request, viewer, "figures_gaps.html", {"tab": "gaps", "reason": reason_of, **facts})

    @router.get("/figures/missing")
    @ruled(Act.FIGURES_READ)
    def missing(request: Request, viewer: Viewing, week: _WeekName = "") -> Response:
        chosen = week_of(viewer, week)
        with desk.database.read() as session:
            report = list_missing(session, chosen, within=viewer.within(Act.FIGURES_READ))
        facts = {"tab": "missing", "week": chosen, "last": _last_week(viewer), "report": report}
        return page(request, viewer, "figures_missing.html", facts)

    @router.get("/figures/conflicts")
    @ruled(Act.FIGURES_READ)
    def conflicts(request: Request, viewer: Viewing) -> Response:
        since = (
            shanghai_day(viewer.now) - _CONFLICT_DAYS
        )  # without a bound every archived month would be read
        with desk.database.read() as session:
            found = list_conflicts(
                session, since=since, limit=_MOST_CONFLICTS, within=viewer.within(Act.FIGURES_READ)
            )
        facts = {"tab": "conflicts", "conflicts": found, "metric": metric_name, "since": since}
        return page(request, viewer, "figures_conflicts.html", facts)

    @router.post("/figures/export")
    @ruled(Act.REPORT_READ)
    def export(
        request: Request,
        viewer: Viewing,
        week: Annotated[str, Form(max_length=10)],
        kind: Annotated[str, Form(alias="format", max_length=10)] = "xlsx",
    ) -> Response:
        unit = None if viewer.unit is None else viewer.unit.code
        return begin(
            request, desk, viewer, lambda session: order_week(session, week, [kind], viewer.standing, unit)
        )

    @router.get("/figures/reports")
    @ruled(Act.REPORT_READ)
    def reports(request: Request, viewer: Viewing) -> Response:
        with desk.database.read() as session:
            found = running_schedules(session, within=viewer.within(Act.REPORT_READ))
        rows = [(one, unit, viewer.may(Act.REPORT_SCHEDULE, unit.path)) for one, unit in found]
        return page(request, viewer, "figures_reports.html", {"tab": "reports", "rows": rows})

    @router.post("/figures/reports/{number}/end")
    @ruled(Act.REPORT_SCHEDULE)
    def end(request: Request, viewer: Viewing, number: int) -> Response:
        with desk.database.write() as session:
            found = session.get(ReportSchedule, number)
            if found is None:
                raise MeizhenError("organisation.out_of_sight")
            place = Place(session.get_one(Unit, found.unit_id).path)
            require(viewer.standing, Act.REPORT_SCHEDULE, place)
            now = desk.clock.now()
            end_schedule(session, desk.keys, number, now=now, actor=viewer.actor)
            cancel_planned(session, number, now)
        return go(request, "/figures/reports", "figures_page.schedule_ended", number=number)

    return router


def download(name: str, content: bytes, kind: str) -> Response:
    """A file for the browser to keep; its name is ours."""
    told = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=kind, headers={"Content-Disposition": told})


def week_of(viewer: Viewer, told: str) -> Week:
    """The week asked for; the one before this without one. Raises MeizhenError `report.not_a_week`."""
    return Week.parse(told) if told else _last_week(viewer)


def _last_week(viewer: Viewer) -> Week:
    return Week.of(shanghai_day(viewer.now)).before


def metric_name(platform: str, name: str) -> str:
    """What a figure is called on a platform, in the reader's language; else its own name."""
    column = next(
        (one for one in layout_for(platform).columns if one.metric == name), Column(Rule.LAST, name)
    )
    return column.titled(present_language())


def _week_facts(desk: Desk, viewer: Viewer, week: Week) -> dict[str, object]:
    """What the week's tables show: six statements a platform and a few more, however many accounts."""
    within = viewer.within(Act.FIGURES_READ)
    with desk.database.read() as session:
        unit = None if viewer.unit is None else viewer.unit.code
        report = read_report(session, week, unit, within=within)
        missing = list_missing(session, week, within=within)
    return {
        "report": report,
        "missing": missing,
        "parts": [_part(report, platform) for platform in report.platforms],
        "change": change,
        "posts": _posts(report, week),
        "posts_before": _posts(report, week.before),
        "label": platform_label,
        "totals": _totals(report),
    }


def _posts(report: WeekReport, week: Week) -> Decimal | None:
    known = [
        total
        for platform in report.platforms
        if platform.layout.publishes and (total := platform.total(platform.layout.posts, week)) is not None
    ]
    return sum(known, Decimal(0)) if known else None


def _totals(report: WeekReport) -> list[tuple[str, list[Decimal | None]]]:
    """By unit: the leading figure of each platform; None where nothing is known."""
    found = []
    for unit in report.units:
        cells = []
        for platform in report.platforms:
            column = platform.layout.leading
            known = [
                row.this[column]
                for row in unit.accounts
                if row.account.platform == platform.platform and column in row.this
            ]
            cells.append(sum(known, Decimal(0)) if known else None)
        found.append((unit.name, cells))
    return found


def _part(report: WeekReport, platform: PlatformWeek) -> Part:
    weeks, layout, language = report.week.trend(), platform.layout, present_language()
    chart = lines(
        [week.short for week in weeks],
        {layout.leading.titled(language): [platform.total(layout.leading, week) for week in weeks]},
        bars={layout.posts.titled(language): [platform.total(layout.posts, week) for week in weeks]},
    )
    return Part(platform, chart, weeks, [platform.known(layout.leading, week) for week in weeks])


def _of_account(row: AccountWeek) -> Option | None:
    layout, weeks, language = layout_for(row.account.platform), row.week.trend(), present_language()
    return lines(
        [week.short for week in weeks],
        {layout.leading.titled(language): _by_week(row, layout.leading)},
        bars={layout.posts.titled(language): _by_week(row, layout.posts)},
    )


def _by_week(row: AccountWeek, column: Column) -> list[Decimal | None]:
    return [row.values.get(week, {}).get(column) for week in row.week.trend()]


def _daily_chart(
    followers: Column | None, days: Sequence[date], by_day: Mapping[date, Decimal]
) -> Option | None:
    if followers is None or not by_day:
        return None
    axis = [f"{one:%m-%d}" for one in days]
    return lines(axis, {followers.titled(present_language()): [by_day.get(one) for one in days]})


def _compared(week: Week, rows: Sequence[AccountWeek]) -> dict[str, object]:
    """The leading figure of each account by weeks, each by its own platform's."""
    series = {}
    for row in rows:
        leading = layout_for(row.account.platform).leading
        series[f"{row.account.name} · {leading.titled(present_language())}"] = _by_week(row, leading)
    weeks = week.trend()
    return {
        "series": series,
        "weeks": weeks,
        "chart": lines([one.short for one in weeks], series),
        "trend": TREND,
    }


def _account(session: Session, viewer: Viewer, account_id: int) -> tuple[Account, Unit]:
    """The account and its unit. Raises as `organisation.require`; what is not there is out of sight."""
    found = session.exec(
        select(Account, Unit).join(Unit, col(Unit.id) == col(Account.unit_id)).where(Account.id == account_id)
    ).first()
    if found is None:
        raise MeizhenError("organisation.out_of_sight")
    require(viewer.standing, Act.FIGURES_READ, Place(found[1].path))
    return found[0], found[1]
