"""The closing report on paper: A4, to be signed and stamped. It says what only the workbook has."""

from importlib.resources import files

from analytics.closing.content import VERSION, Closing, Line
from analytics.closing.reach import Effect
from analytics.closing.workbook import (
    beijing,
    cell_told,
    counts,
    effect_told,
    known_told,
    said,
    sources_told,
    state_of,
    title_of,
)
from analytics.exports.columns import platform_label
from config.paper import printable_facts, typeset

_ACROSS = 12  # items of one table
_LINES, _HEADLINE = 300, 46


def paper(closing: Closing) -> bytes:
    """The report as a PDF: the same facts give the same bytes."""
    template = (files("analytics.closing") / "closing.typ").read_bytes()
    facts = printable_facts(page_facts(closing))
    (content,) = typeset(template, facts, closing.made_at)
    return content


def page_facts(closing: Closing) -> dict[str, object]:
    """What the template sets: texts and tables of texts."""
    return {
        "title": title_of(closing),
        "days": said("days", unit=closing.unit, starts=closing.starts, ends=closing.ends),
        "state": state_of(closing),
        "one_line": said("one_line", **counts(closing)),
        "footer": said("paper_footer", number=closing.number, at=beijing(closing.made_at), version=VERSION),
        "goal_title": said("goal"),
        "goal": [line for line in closing.goal.split("\n") if line.strip()],
        "items": _items(closing),
        "reach": _reach(closing),
        "matrix": {"title": said("matrix"), "note": said("matrix_note"), "parts": _matrix(closing)},
        "register": _register(closing),
        "signing": [said("sign_head"), said("sign_stamp"), said("sign_day")],
    }


def _items(closing: Closing) -> dict[str, object]:
    names = ("number", "item", "kind", "due", "wanted", "units_done", "units_late")
    rows = []
    for place, item in enumerate(closing.items):
        standings = [row.cells[place].standing for row in closing.units]
        done, late = (str(standings.count(one)) for one in ("done", "late"))
        told = (str(item.number), item.title, item.kind or "–", item.due.isoformat(), str(item.wanted))
        rows.append([*told, done, late])
    return {"title": said("items"), "headings": [said(name) for name in names], "rows": rows}


def _reach(closing: Closing) -> dict[str, object]:
    names = ("platform", "posts", *(f"effect_{effect}" for effect in Effect))
    rows = []
    for platform in closing.reach.platforms:
        cells: list[object] = [platform_label(platform.platform), str(platform.posts)]
        for effect in Effect:
            total = platform.totals[effect]
            if total.value is None:
                cells.append({"value": "–", "note": "" if total.metric else said("not_told")})
                continue
            told = effect_told(platform.platform, effect, total)
            known = known_told(total, platform.posts)
            note = f"{told} {known} {sources_told(total.sources)}"
            cells.append({"value": f"{total.value:,.0f}", "note": note})
        rows.append(cells)
    headings = [said(name) for name in names]
    return {"title": said("reach"), "note": said("reach_note"), "headings": headings, "rows": rows}


def _matrix(closing: Closing) -> list[dict[str, object]]:
    parts: list[dict[str, object]] = []
    for first in range(0, len(closing.items), _ACROSS):
        items = closing.items[first : first + _ACROSS]
        rows = [
            [
                {"told": row.name, "standing": ""},
                *(
                    {"told": cell_told(cell.done, item.wanted, cell.standing), "standing": cell.standing}
                    for item, cell in zip(items, row.cells[first : first + _ACROSS], strict=True)
                ),
            ]
            for row in closing.units
        ]
        headings = [said("unit"), *(f"{item.number} {item.title}" for item in items)]
        parts.append({"headings": headings, "rows": rows})
    return parts


def _register(closing: Closing) -> dict[str, object]:
    names = ("day", "unit", "number", "headline", "account", "state", "effect_read", "link")
    shown = closing.register[:_LINES]
    left = len(closing.register) - len(shown)
    return {
        "title": said("register"),
        "headings": [said(name) for name in names],
        "rows": [_line(line) for line in shown],
        "more": said("more_lines", count=left) if left else "",
    }


def _line(line: Line) -> list[str]:
    read = line.known.get(Effect.READ)
    state = f"{line.state} {said('is_late')}" if line.late else line.state
    headline = line.headline if len(line.headline) <= _HEADLINE else line.headline[: _HEADLINE - 1] + "…"
    return [
        line.day.isoformat(),
        line.unit,
        "" if line.item is None else str(line.item),
        headline,
        line.account or said("no_post"),
        state,
        f"{read.value:,.0f}" if read else "–",
        line.link,
    ]
