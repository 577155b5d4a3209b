"""The weekly workbook: summary, trends, a sheet a platform, accounts, top articles, definitions, holes."""

import io
from collections.abc import Sequence
from datetime import datetime, time

from analytics.exports.columns import VERSION, Column, Rule
from analytics.exports.content import PlatformWeek, WeekReport
from analytics.exports.rows import SOURCES, Compared, compared, compared_total, kinds_of
from analytics.exports.sheet import CHART_PIXELS, Report, Series, Sheet
from config.messages import catalogue, told

_DRAWN = 15
_CHART_ROWS = 18
_FIXED = (("unit", 18), ("account", 22), ("track", 10), ("source", 10), ("measured", 9))
_WIDTHS = (9, 9, 8, 9, 8)  # of a platform sheet's group
_GROUPS_ON_FIRST_PAGE, _GROUPS_ON_A_PAGE, _ACROSS_SCALE = 2, 3, 58
_SEVEN = ("this_week", "last_week", "change_amount", "change", "last_year", "year_amount", "year_change")


def workbook(report: WeekReport) -> bytes:
    """The report as an xlsx file: the same figures give the same bytes."""
    content = io.BytesIO()
    created = datetime.combine(report.week.sunday, time(23, 59, 59))
    footer = _said("page", week=report.week)
    with Report(content, report.title, created, footer, VERSION) as book:
        _summary(book.sheet(_said("summary")), report)
        trends = book.sheet(_said("trends"))
        pages = [book.sheet(platform.label) for platform in report.platforms]
        ranges = [
            _platform(page, report, platform) for page, platform in zip(pages, report.platforms, strict=True)
        ]
        _trends(trends, report, ranges)
        _accounts(book.sheet(_said("account_table")), report)
        _top(book.sheet(_said("top_articles")), report)
        _definitions(book.sheet(_said("definitions")), report)
        _gaps(book.sheet(_said("gaps")), report)
    return content.getvalue()


def _said(entry: str, **params: object) -> str:
    """A text of the workbook: leaders read Chinese, whatever the language of the command line."""
    return told(f"report.{entry}", params, language="zh")


def _single(*entries: str) -> list[tuple[str, list[str]]]:
    return [(_said(entry), [""]) for entry in entries]


def _begin(sheet: Sheet, heading: str, *notes: str) -> None:
    sheet.line(heading, "title")
    for note in ("format_version", *notes):
        sheet.line(_said(note, version=VERSION), "note")


def _seven(sheet: Sheet, values: Compared) -> None:
    """This week, last week, change, its share, last year, change, its share."""
    sheet.number(values.this)
    sheet.number(values.last)
    sheet.number(values.change, "signed")
    sheet.share(values.change_share)
    sheet.number(values.year)
    sheet.number(values.year_change, "signed")
    sheet.share(values.year_change_share)


# --- the sheets -------------------------------------------------------------------------------------------


def _summary(sheet: Sheet, report: WeekReport) -> None:
    sheet.line(report.title, "title")
    sheet.line(report.one_line())
    sheet.line(_said("format_version", version=VERSION), "note")
    sheet.widths([15, 17, 9, 11, 11, 12, 12, 12, 10, 12, 12, 10])
    sheet.line(_said("posts_by_platform"), "part")
    sheet.header(
        [
            *_single("platform", "counts", "accounts", "active_accounts", "silent_accounts"),
            *_single(*_SEVEN),
        ],
        repeated=False,
    )
    first = sheet.row
    for platform in report.platforms:
        posts = platform.layout.posts
        sheet.text(platform.label)
        sheet.text(posts.title)
        sheet.number(len(platform.accounts))
        sheet.number(sum(1 for row in platform.accounts if row.this.get(posts)))
        sheet.number(sum(1 for row in platform.accounts if row.this.get(posts) == 0))
        _seven(sheet, compared_total(platform, posts, report))
        sheet.end_row()
    last = sheet.row - 1
    sheet.line(_said("figures_by_platform"), "part")
    sheet.line(_said("note_platforms"), "note")
    sheet.header(_single("platform", "metric", "counts", "accounts", "known_accounts", *_SEVEN))
    for platform in report.platforms:
        for column in platform.layout.columns[1:]:
            sheet.text(platform.label)
            sheet.text(column.title)
            sheet.text(_said(f"counts_{column.counts(platform.platform)}"))
            sheet.number(len(platform.accounts))
            sheet.number(platform.known(column, report.week))
            _seven(sheet, compared_total(platform, column, report))
            sheet.end_row()
    sheet.filter(12)
    sheet.line(_said("note_followers"), "note")
    sheet.line(_said("note_known"), "note")
    if last >= first:
        weeks = (("this_week", 5), ("last_week", 6), ("last_year", 9))
        series = [Series(sheet.name, _said(name), 0, column, first, last) for name, column in weeks]
        sheet.columns(_said("posts_by_platform"), series, left=0, height=_CHART_ROWS)


def _platform(sheet: Sheet, report: WeekReport, platform: PlatformWeek) -> tuple[Series, Series]:
    """A platform's accounts in rows; gives the cells of the leading figure, this week and last."""
    layout = platform.layout
    _begin(sheet, report.titled(platform.label))
    sheet.widths([*(width for _, width in _FIXED), *_WIDTHS * len(layout.columns)])
    five = [_said(name) for name in ("this_week", "last_week", "change", "last_year", "year_change")]
    sheet.header(
        [*_single(*(name for name, _ in _FIXED)), *((column.title, five) for column in layout.columns)]
    )
    first = sheet.row
    for row in platform.accounts:
        sheet.text(row.unit)
        sheet.text(row.account.name)
        sheet.text(_track(row.account.track))
        sheet.text(_kinds("+".join(kind for kind in SOURCES if kind in row.sources)))
        sheet.number(row.measured or None)
        for column in layout.columns:
            values = compared(row, column)
            sheet.number(values.this)
            sheet.number(values.last)
            sheet.share(values.change_share)
            sheet.number(values.year)
            sheet.share(values.year_change_share)
        sheet.end_row()
    sheet.freeze(columns=2)
    width = len(_FIXED) + len(_WIDTHS) * len(layout.columns)
    sheet.filter(width)
    groups = range(_GROUPS_ON_FIRST_PAGE, len(layout.columns), _GROUPS_ON_A_PAGE)
    breaks = [len(_FIXED) + len(_WIDTHS) * group for group in groups]
    sheet.pages_across(breaks, kept=2, scale=_ACROSS_SCALE)
    place = len(_FIXED) + len(_WIDTHS) * layout.columns.index(layout.leading)
    last = first + min(len(platform.accounts), _DRAWN) - 1
    return (
        Series(sheet.name, _said("this_week"), 1, place, first, last),
        Series(sheet.name, _said("last_week"), 1, place + 1, first, last),
    )


def _trends(sheet: Sheet, report: WeekReport, ranges: Sequence[tuple[Series, Series]]) -> None:
    """The quarter's weeks in rows, and charts: a line and the first accounts of each platform."""
    weeks = report.week.trend()
    _begin(sheet, report.about(_said("trends")))
    drawn: list[tuple[PlatformWeek, tuple[Column, ...]]] = [
        (platform, tuple(dict.fromkeys((platform.layout.posts, platform.layout.leading))))
        for platform in report.platforms
    ]
    width = 1 + sum(len(columns) for _, columns in drawn)
    sheet.widths([12, *[14] * max(width - 1, 10)])
    sheet.header(
        [
            (_said("week"), [""]),
            *((platform.label, [column.title for column in columns]) for platform, columns in drawn),
        ],
        repeated=False,
    )
    first = sheet.row
    for week in weeks:
        sheet.text(str(week))
        for platform, columns in drawn:
            for column in columns:
                sheet.number(platform.total(column, week))
        sheet.end_row()
    sheet.freeze(columns=1)
    last, breaks, place, number = sheet.row - 1, [], 1, 0
    for (platform, columns), pair in zip(drawn, ranges, strict=True):
        leading = platform.layout.leading
        if all(platform.total(leading, week) is None for week in weeks):
            # A chart of nothing looks like a fault.
            sheet.text(_said("trend_of_nothing", platform=platform.label, weeks=len(weeks)))
            sheet.end_row()
            place += len(columns)
            continue
        cells = Series(sheet.name, leading.title, 0, place + columns.index(leading), first, last)
        title = _said("trend", platform=platform.label, column=leading.title, weeks=len(weeks))
        sheet.trend(title, cells, left=0, height=_CHART_ROWS)
        count = pair[0].last - pair[0].first + 1
        heading = _said("chart", platform=platform.label, column=leading.title, count=count)
        if any(leading in row.this or leading in row.last for row in platform.accounts[:_DRAWN]):
            sheet.bars(heading, *pair, left=CHART_PIXELS + 12, height=_CHART_ROWS)
        if number % 2 == 1:  # two charts high fit a page
            breaks.append(sheet.row)
        sheet.row += _CHART_ROWS
        number += 1
        place += len(columns)
    sheet.pages_down(breaks, width=max(2 * CHART_PIXELS + 12, 89 + 103 * (width - 1)))


def _accounts(sheet: Sheet, report: WeekReport) -> None:
    """Every account and figure in a row of its own: to be filtered, and taken into a pivot table."""
    _begin(sheet, report.about(_said("account_table")), "note_sources")
    sheet.widths([13, 18, 24, 11, 17, 9, 11, 11, 11, 11, 9, 11, 11, 9])
    names = ("platform", "unit", "account", "track", "metric", "counts", "source", *_SEVEN)
    sheet.header(_single(*names))
    for platform in report.platforms:
        for row in platform.accounts:
            for column in platform.layout.columns:
                sheet.text(platform.label)
                sheet.text(row.unit)
                sheet.text(row.account.name)
                sheet.text(_track(row.account.track))
                sheet.text(column.title)
                sheet.text(_said(f"counts_{column.counts(platform.platform)}"))
                sheet.text(_kinds(kinds_of(row, column)))
                _seven(sheet, compared(row, column))
                sheet.end_row()
    sheet.freeze(columns=3)
    sheet.filter(len(names))


def _top(sheet: Sheet, report: WeekReport) -> None:
    _begin(sheet, report.about(_said("top_articles")), "note_top")
    names = (
        *("platform", "place", "account", "unit", "article", "published"),
        *("metric", "value", "as_of", "link"),
    )
    sheet.widths([13, 7, 22, 18, 46, 17, 12, 11, 12, 30])
    sheet.header(_single(*names))
    for platform in report.platforms:
        column = platform.layout.top
        for article in platform.top:
            sheet.text(platform.label)
            sheet.number(article.place)
            sheet.text(article.name)
            sheet.text(article.unit)
            sheet.text(article.title or _said("untitled"), "long")
            sheet.text(article.published)
            sheet.text(column.title if column else "")
            sheet.number(article.value)
            sheet.text(article.as_of.isoformat())
            sheet.text(article.url)
            sheet.end_row()
    sheet.freeze(columns=3)
    sheet.filter(len(names))


def _definitions(sheet: Sheet, report: WeekReport) -> None:
    notes = ("note_sources", "note_threshold", "note_platforms", "note_year")
    _begin(sheet, report.about(_said("definitions")), *notes)
    for rule in Rule:
        sheet.line(_said("rule_line", rule=_said(f"rule_{rule}"), meaning=_said(f"meaning_{rule}")), "note")
    sheet.widths([15, 19, 21, 19, 9, 9, 18, 42])
    names = ("platform", "column", "english", "common_name", "counts", "kind", "rule", "this_weeks_source")
    sheet.header(_single(*names))
    for platform in report.platforms:
        for column in platform.layout.columns:
            sheet.text(platform.label)
            sheet.text(column.title)
            sheet.text(column.titled("en"))
            sheet.text(column.name)
            sheet.text(_said(f"counts_{column.counts(platform.platform)}"))
            sheet.text(_said(f"kind_{column.kind(platform.platform)}"))
            sheet.text(_said(f"rule_{column.rule}"))
            sheet.text(_named_sources(platform, column), "long")
            sheet.end_row()
    sheet.freeze(columns=2)
    sheet.filter(len(names))


def _named_sources(platform: PlatformWeek, column: Column) -> str:
    """Endpoints by name; of files and persons how many, for there may be hundreds."""
    found = {source for row in platform.accounts for source in row.told_by.get(column, ())}
    endpoints = sorted(source.name for source in found if source.kind == "api")
    told_of = [f"{_said('source_api')} {name}" for name in endpoints]
    for kind in SOURCES[1:]:
        if count := sum(source.kind == kind for source in found):
            told_of.append(_said("sources_of_kind", kind=_said(f"source_{kind}"), count=count))
    return _said("comma").join(told_of)


def _gaps(sheet: Sheet, report: WeekReport) -> None:
    _begin(sheet, report.about(_said("gaps")), "note_gaps")
    names = ("handle", "account", "missing", "day", "code", "told")
    sheet.widths([28, 24, 16, 13, 22, 60])
    sheet.header(_single(*names))
    for gap in report.gaps:
        sheet.text(gap.account)
        sheet.text(gap.name)
        sheet.text(_said(f"subject_{gap.subject}"))
        sheet.text(gap.day.isoformat())
        sheet.text(gap.code)
        sheet.text(gap.told, "long")
        sheet.end_row()
    sheet.freeze(columns=2)
    sheet.filter(len(names))
    if not report.gaps:
        sheet.line(_said("no_gaps"))


def _track(code: str) -> str:
    """The usual tracks by their Chinese names; an organisation's own stand for themselves."""
    return _said(f"track_{code}") if f"track_{code}" in catalogue("report") else code


def _kinds(kinds: str) -> str:
    return "+".join(_said(f"source_{kind}") for kind in kinds.split("+") if kind)
