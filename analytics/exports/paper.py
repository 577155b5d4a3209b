"""The week on two pages of A4: the platforms and their trends; accounts, units, hours, articles and holes."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from importlib.resources import files

from analytics.charts.comparison import comparison_figure
from analytics.charts.drawing import shortened, signed_share, svg_bytes
from analytics.charts.hours import hours_figure
from analytics.charts.panels import panels_figure
from analytics.exports.columns import VERSION, Column
from analytics.exports.content import HOUR_WEEKS, PlatformWeek, WeekReport
from analytics.exports.pictures import busiest, leading_pairs, leading_panels, posts_of_units
from analytics.exports.rows import Compared, compared_total
from config.messages import told
from config.paper import printable, typeset

# What fits the two pages; the workbook has the rest.
_PLATFORMS, _PANELS, _BARS, _UNITS, _ARTICLES, _GAPS = 8, 6, 8, 6, 12, 8
_DASH = "–"


def paper(report: WeekReport) -> bytes:
    """The report as a PDF of two pages: the same figures give the same bytes."""
    template = (files("analytics.exports") / "weekly.typ").read_bytes()
    (content,) = typeset(template, page_facts(report), datetime.combine(report.week.sunday, time(), UTC))
    return content


def _said(entry: str, **params: object) -> str:
    return told(f"report.{entry}", params, language="zh")


def page_facts(report: WeekReport) -> dict[str, object]:
    """What the template sets: texts, tables of texts, pictures as SVG."""
    weeks = [week.short for week in report.week.trend()]
    first = busiest(report)
    label = first.label if first else ""
    title = first.layout.leading.title if first else ""
    units = posts_of_units(report)[:_UNITS]
    accounts = comparison_figure(leading_pairs(first, _BARS), "", width=5.1, names=1.75, row=0.34)
    hours = hours_figure(report.hours.posts, report.hours.without, "", width=5.1, cell=0.19)
    unit_panels = panels_figure(units, weeks, "", shared=True, across=2, width=5.1, height=0.98)
    leading = leading_panels(report)[:_PANELS]
    height = 3.0 if len(leading) <= 3 else 1.65  # one row of panels, or two
    trends = panels_figure(leading, weeks, "", shared=False, width=10.7, height=height)
    return {
        "title": printable(report.title),
        "one_line": printable(report.one_line()),
        "footer": printable(_said("paper_footer", week=report.week, version=VERSION)),
        "parts": {
            "platforms": _said("posts_and_figures"),
            "trends": _said("trend_of_platforms", weeks=len(weeks)),
            "accounts": _said("chart", platform=label, column=title, count=_BARS),
            "units": _said("posts_by_unit"),
            "hours": _said("hours_of_posts", weeks=HOUR_WEEKS),
            "top": _said("top_articles"),
            "gaps": _said("gaps_open", count=len(report.gaps)),
        },
        "platforms": {"headings": _platform_headings(), "rows": _platform_rows(report)},
        "top": _top(report),
        "gaps": _gap_lines(report),
        "notes": {"first": _first_note(report), "second": _said("note_followers")},
        "pictures": {
            "accounts": svg_bytes(accounts).decode(),
            "hours": svg_bytes(hours).decode(),
            "units": svg_bytes(unit_panels).decode(),
            "trends": svg_bytes(trends).decode(),
        },
    }


def _first_note(report: WeekReport) -> str:
    notes = [_said("format_version", version=VERSION), _said("note_platforms")]
    if len(report.platforms) > _PLATFORMS:
        notes.append(_said("more_platforms", count=len(report.platforms) - _PLATFORMS))
    return " ".join(notes)


def _platform_headings() -> list[str]:
    posts = [_said(name) for name in ("this_week", "last_week", "change", "last_year", "year_change")]
    return [
        *(_said(name) for name in ("platform", "accounts", "active_accounts")),
        _said("posts"),
        *posts[1:],
        _said("leading"),
        *posts,
        _said("metric_followers_total"),
        _said("change"),
    ]


def _platform_rows(report: WeekReport) -> list[list[str]]:
    return [_platform_row(report, platform) for platform in report.platforms[:_PLATFORMS]]


def _platform_row(report: WeekReport, platform: PlatformWeek) -> list[str]:
    layout = platform.layout
    active = sum(1 for row in platform.accounts if row.this.get(layout.posts))
    followers = _total(report, platform, layout.followers)
    return [
        printable(shortened(platform.label, 8)),
        f"{len(platform.accounts):,}",
        f"{active:,}",
        *_five(_total(report, platform, layout.posts)),
        printable(shortened(layout.leading.title, 8)),
        *_five(_total(report, platform, layout.leading)),
        _figure(followers.this),
        _share(followers.change_share),
    ]


def _total(report: WeekReport, platform: PlatformWeek, column: Column | None) -> Compared:
    return Compared(None, None, None) if column is None else compared_total(platform, column, report)


def _five(values: Compared) -> list[str]:
    return [
        *(_figure(values.this), _figure(values.last), _share(values.change_share)),
        *(_figure(values.year), _share(values.year_change_share)),
    ]


def _figure(value: Decimal | None) -> str:
    return _DASH if value is None else f"{value:,.0f}"


def _share(value: Decimal | None) -> str:
    return _DASH if value is None else signed_share(value)


def _top(report: WeekReport) -> dict[str, object]:
    """The first articles of each platform, as many of each as fit."""
    named = [platform for platform in report.platforms if platform.top][:_ARTICLES]
    each = max(1, _ARTICLES // len(named)) if named else 0
    rows = [
        [
            printable(shortened(platform.label, 5)),
            str(article.place),
            printable(shortened(article.title or _said("untitled"), 19)),
            printable(shortened(article.name, 8)),
            _figure(article.value),
        ]
        for platform in named
        for article in platform.top[:each]
    ]
    headings = [_said(name) for name in ("platform", "place", "article", "account", "value")]
    return {"headings": headings, "rows": rows or [[_DASH] * len(headings)]}


def _gap_lines(report: WeekReport) -> Sequence[str]:
    lines = [
        printable(shortened(f"{gap.day:%m-%d} {gap.name} {_said(f'subject_{gap.subject}')} {gap.code}", 38))
        for gap in report.gaps[:_GAPS]
    ]
    if len(report.gaps) > _GAPS:
        lines.append(_said("more_gaps", count=len(report.gaps) - _GAPS))
    return lines or [_said("no_gaps")]
