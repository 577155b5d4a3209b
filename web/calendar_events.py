"""What FullCalendar is told: posts, days off and make-up days, and the days on which a light would change."""

from collections.abc import Iterator, Sequence
from datetime import date
from zlib import crc32

from config.clock import SHANGHAI
from config.holidays import special_days
from config.messages import text
from organisation import Act
from scheduler import transitions
from scheduler.calendar import Slot
from scheduler.review_tables import Standing
from web.silence import Gap
from web.viewer import Viewer

TINTS = 8
Event = dict[str, object]


def slot_event(slot: Slot, viewer: Viewer) -> Event:
    """A post: its state in a word, its account by name and by one of `TINTS` tints."""
    draft = slot.delivery is None
    settled = slot.state not in ((Standing.RETURNED, "draft") if draft else transitions.PERSON_MAY_MOVE)
    act = Act.POST_WRITE if draft else Act.POST_SEND
    classes = ["mz-slot", f"mz-slot-{slot.state}", f"mz-tint-{crc32(slot.handle.encode()) % TINTS}"]
    return {
        "id": f"{slot.key}/{slot.account_id}",
        "title": slot.headline,
        "start": slot.due.astimezone(SHANGHAI).isoformat(),
        "url": f"/calendar/{slot.key}",
        "editable": not settled and viewer.may(act, slot.path),
        "className": " ".join([*classes, *(["mz-slot-clash"] if slot.clashes else [])]),
        "extendedProps": {
            "account": slot.name,
            "state": text(f"console.state_{slot.state}"),
            "clash": text("calendar.clash") if slot.clashes else "",
        },
    }


def day_events(since: date, until: date, language: str) -> Iterator[Event]:
    """Days off, and Saturdays and Sundays on which people work."""
    for day in special_days(since, until, language):
        told = text("calendar.works") if day.works else text("calendar.off", name=day.name)
        yield _mark(day.on, told, "mz-day-works" if day.works else "mz-day-off", day.name or told)


def gap_events(gaps: Sequence[Gap]) -> Iterator[Event]:
    """The days on which accounts have said nothing for ten and for thirteen days."""
    for gap in gaps:
        key = f"calendar.gap_{gap.light}" if len(gap.accounts) == 1 else f"calendar.gaps_{gap.light}"
        told = text(key, name=gap.accounts[0].name, count=len(gap.accounts))
        names = "、".join(account.name for account in gap.accounts[:20])
        yield _mark(gap.on, told, f"mz-gap mz-gap-{gap.light}", names)


def _mark(on: date, told: str, css: str, more: str) -> Event:
    return {
        "id": f"{css.replace(' ', '-')}/{on.isoformat()}",
        "title": told,
        "start": on.isoformat(),
        "allDay": True,
        "editable": False,
        "className": f"mz-daymark {css}",
        "extendedProps": {"more": more},
    }
