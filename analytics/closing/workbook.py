"""The closing report as a workbook: overview, matrix, details to be filtered, register, history."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from analytics.closing.content import VERSION, Closing, Line
from analytics.closing.reach import Effect, Total, metric_title
from analytics.exports.columns import platform_label
from analytics.exports.sheet import Report, Sheet
from config.clock import SHANGHAI
from config.messages import told

_STYLES = {"done": "good", "late": "bad"}


def workbook(closing: Closing) -> bytes:
    """The report as an xlsx file: the same facts give the same bytes."""
    content = io.BytesIO()
    created = closing.made_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    footer = said("page", title=title_of(closing)[:70].replace("&", "&&"))
    with Report(content, title_of(closing), created, footer, VERSION) as book:
        _overview(book.sheet(said("overview")), closing)
        _matrix(book.sheet(said("matrix")), closing)
        _details(book.sheet(said("details")), closing)
        _register(book.sheet(said("register")), closing)
        _history(book.sheet(said("history")), closing)
    return content.getvalue()


def said(entry: str, **params: object) -> str:
    """A text of the report: it is a paper of Chinese offices, whatever the language of whoever makes it."""
    return told(f"closing.{entry}", params, language="zh")


def beijing(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def sources_told(kinds: Sequence[str]) -> str:
    return "+".join(told(f"report.source_{kind}", {}, language="zh") for kind in kinds)


def known_told(total: Total, posts: int) -> str:
    """Of how many posts a sum tells."""
    return said("known_of", known=total.known, posts=posts)


def title_of(closing: Closing) -> str:
    """What the report is called: of a campaign that is not closed it tells how that stands so far."""
    return said("interim" if closing.closed_at is None else "title", title=closing.title)


def state_of(closing: Closing) -> str:
    """Closed when and by whom; or that it is not."""
    if closing.closed_at is None:
        return said("not_closed")
    return said("closed", at=beijing(closing.closed_at), by=closing.closed_by)


def _overview(sheet: Sheet, closing: Closing) -> None:
    sheet.widths([13, 36, 16, 13, 11, 12, 12, 14])
    sheet.line(title_of(closing), "title")
    sheet.line(said("days", unit=closing.unit, starts=closing.starts, ends=closing.ends))
    for line in filter(str.strip, closing.goal.split("\n")):
        sheet.line(line)
    sheet.line(state_of(closing))
    sheet.line(said("one_line", **counts(closing)))
    sheet.line(said("made", at=beijing(closing.made_at), version=VERSION), "note")
    _items(sheet, closing)
    _reach(sheet, closing)


def counts(closing: Closing) -> dict[str, object]:
    """The numbers of the sentence on top."""
    return {
        "units": len(closing.units),
        "items": len(closing.items),
        "wanted": closing.wanted,
        "done": closing.standing("done"),
        "late": closing.standing("late"),
        "posts": closing.posts,
        "work": closing.work,
    }


def _items(sheet: Sheet, closing: Closing) -> None:
    sheet.line(said("items"), "part")
    names = ("number", "item", "kind", "due", "wanted", "units_done", "units_late", "units_left")
    sheet.header([(said(name), [""]) for name in names], repeated=False)
    for place, item in enumerate(closing.items):
        standings = [row.cells[place].standing for row in closing.units]
        sheet.number(item.number)
        sheet.text(item.title, "long")
        sheet.text(item.kind)
        sheet.text(item.due.isoformat())
        sheet.number(item.wanted)
        sheet.number(standings.count("done"))
        sheet.number(standings.count("late"))
        sheet.number(len(standings) - standings.count("done") - standings.count("late"))
        sheet.end_row()
    if not closing.items:
        sheet.line(said("no_items"))


def _reach(sheet: Sheet, closing: Closing) -> None:
    sheet.line(said("reach"), "part")
    sheet.line(said("reach_note"), "note")
    names = ("platform", "figure", "effect", "counts", "posts", "value", "known", "source")
    sheet.header([(said(name), [""]) for name in names], repeated=False)
    for platform in closing.reach.platforms:
        for effect in Effect:
            total = platform.totals[effect]
            sheet.text(platform_label(platform.platform))
            sheet.text(effect_told(platform.platform, effect, total))
            sheet.text(said(f"effect_{effect}"))
            sheet.text(said(f"counts_{total.counts or 'unknown'}"))
            sheet.number(platform.posts)
            sheet.number(total.value)
            sheet.number(total.known)
            sheet.text(sources_told(total.sources))
            sheet.end_row()
    if not closing.reach.platforms:
        sheet.line(said("no_posts"))


def effect_told(platform: str, effect: Effect, total: Total) -> str:
    """What the platform calls it; that it tells nothing of it where it does not."""
    return metric_title(platform, total.metric, "zh") if total.metric else said("not_told")


def _matrix(sheet: Sheet, closing: Closing) -> None:
    sheet.line(said("matrix"), "title")
    sheet.line(said("matrix_note"), "note")
    sheet.widths([30, 9, *[20] * len(closing.items)])
    headings = [f"{item.number} {item.title}" for item in closing.items]
    sheet.header([(said("unit"), [""]), (said("done_of"), [""]), *((one, [""]) for one in headings)])
    for row in closing.units:
        sheet.text(row.name)
        done = sum(cell.standing == "done" for cell in row.cells)
        sheet.text(f"{done}/{len(row.cells)}", "plain_cell")
        for item, cell in zip(closing.items, row.cells, strict=True):
            sheet.text(
                cell_told(cell.done, item.wanted, cell.standing), _STYLES.get(cell.standing, "plain_cell")
            )
        sheet.end_row()
    sheet.freeze(columns=1)


def cell_told(done: int, wanted: int, standing: str) -> str:
    """`2/3`, and a word where it is late: colours are lost on paper."""
    mark = said("mark_late") if standing == "late" else ""
    return f"{done}/{wanted}{mark}"


def _details(sheet: Sheet, closing: Closing) -> None:
    """Every cell in a row of its own: to be filtered, and taken into a pivot table."""
    sheet.line(said("details"), "title")
    names = (
        "unit",
        "code",
        "number",
        "item",
        "kind",
        "due",
        "wanted",
        "done",
        "done_late",
        "coming",
        "standing",
    )
    sheet.widths([24, 14, 7, 34, 14, 12, 9, 9, 11, 9, 12])
    sheet.header([(said(name), [""]) for name in names])
    for row in closing.units:
        for item, cell in zip(closing.items, row.cells, strict=True):
            for words in (row.name, row.code):
                sheet.text(words)
            sheet.number(item.number)
            for words in (item.title, item.kind, item.due.isoformat()):
                sheet.text(words)
            for number in (item.wanted, cell.done, cell.late, cell.coming):
                sheet.number(number)
            sheet.text(said(f"standing_{cell.standing}"))
            sheet.end_row()
    sheet.freeze(columns=1)
    sheet.filter(len(names))


def _register(sheet: Sheet, closing: Closing) -> None:
    sheet.line(said("register"), "title")
    sheet.line(said("register_note"), "note")
    names = (
        *("day", "unit", "number", "headline", "platform", "account", "state", "in_time"),
        *(f"effect_{effect}" for effect in Effect),
        *("read_as", "source", "as_of", "link", "by"),
    )
    sheet.widths([12, 20, 7, 44, 12, 24, 10, 9, 10, 9, 9, 9, 12, 12, 12, 34, 16])
    sheet.header([(said(name), [""]) for name in names])
    for line in closing.register:
        _line(sheet, line)
    sheet.freeze(columns=3)
    sheet.filter(len(names))
    if not closing.register:
        sheet.line(said("no_register"))


def _line(sheet: Sheet, line: Line) -> None:
    sheet.text(line.day.isoformat())
    sheet.text(line.unit)
    sheet.number(line.item)
    sheet.text(line.headline, "long")
    sheet.text(platform_label(line.platform) if line.platform else said("no_post"))
    sheet.text(line.account)
    sheet.text(line.state)
    sheet.text(said("is_late") if line.late else "")
    for effect in Effect:
        sheet.number(_value(line, effect))
    read = line.known.get(Effect.READ)
    sheet.text(metric_title(line.platform, read.metric, "zh") if read else "")
    sheet.text(sources_told(sorted({one.kind for one in line.known.values()})))
    sheet.text(_newest(line))
    sheet.text(line.link)
    sheet.text(line.by)
    sheet.end_row()


def _value(line: Line, effect: Effect) -> Decimal | None:
    known = line.known.get(effect)
    return None if known is None else known.value


def _newest(line: Line) -> str:
    days: list[date] = [one.as_of for one in line.known.values()]
    return max(days).isoformat() if days else ""


def _history(sheet: Sheet, closing: Closing) -> None:
    sheet.line(said("history"), "title")
    sheet.widths([18, 22, 90])
    sheet.header([(said(name), [""]) for name in ("at", "by", "what")])
    for step in closing.history:
        sheet.text(beijing(step.at))
        sheet.text(step.by)
        sheet.text(step.told, "long")
        sheet.end_row()
    sheet.freeze(columns=0)
