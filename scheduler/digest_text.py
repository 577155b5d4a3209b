"""The digest and the reminders in words, in the present language; the most urgent first, for what is cut."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from config.clock import SHANGHAI
from config.messages import text
from scheduler.digest import Asking, Coming, Digest
from scheduler.importance import PostDue
from scheduler.readiness import Readiness, Ready

_MOST, _MOST_COMING, _MOST_NAMES = 10, 30, 3
_MINUTE = timedelta(minutes=1)


def title_of(digest: Digest, unit: str) -> str:
    """What the digest of a unit is headed with."""
    return text("digest.title", unit=" ".join(unit.split()), at=_moment(digest.since), hours=_hours(digest))


def lines_of(digest: Digest, site: str) -> list[str]:
    """The whole digest; one line where there is nothing to tell. `site` '' gives no link."""
    link = [text("digest.link", site=site)] if site else []
    if digest.empty:
        return [text("digest.empty", hours=_hours(digest)), *link]
    waiting = [_asking(one) for one in digest.waiting]
    waiting += [
        text("digest.trouble", subject=one.subject, kind=text(f"queue.notice_{one.kind}"))
        for one in digest.troubles
    ]
    silent = [
        text("digest.silent", name=one.name, account=one.account, days=one.days) for one in digest.silent
    ]
    return [
        *([text("digest.stopped")] if digest.stopped else []),
        _summary(digest, len(waiting)),
        *link,
        *_section("failed", [_asking(one) for one in digest.failed], _MOST),
        *_section("waiting", waiting, _MOST),
        *_section("coming", [_coming(one) for one in digest.coming], _MOST_COMING),
        *_section("silent", silent, _MOST),
    ]


def reminder_subject(due: PostDue, now: datetime) -> str:
    """A reminder in one line."""
    return text("digest.reminder_subject", minutes=_minutes(due, now), headline=due.headline)


def reminder_lines(due: PostDue, now: datetime, site: str) -> list[str]:
    """That an important post is about to go out, and whether it is ready."""
    accounts: dict[str, list[str]] = {}
    for slot, ready in due.copies:
        accounts.setdefault(standing_told(ready), []).append(f"{slot.platform}:{slot.handle}")
    said = {"post": due.post, "headline": due.headline, "due": _moment(due.due)}
    return [
        text("digest.reminder", minutes=_minutes(due, now), **said),
        *(
            text("digest.reminder_copy", accounts=_few(names), state=state)
            for state, names in accounts.items()
        ),
        *([text("digest.reminder_answers", name=due.answers.name)] if due.answers else []),
        *([text("digest.link", site=f"{site}/posts/{due.post}")] if site else []),
    ]


def standing_told(ready: Ready) -> str:
    """How a copy stands, and whom it waits for."""
    if ready.state is Readiness.IN_REVIEW:
        stage = text(f"review.stage_{ready.stage}")
        if not ready.waits_for:
            return text("digest.nobody_signs", stage=stage)
        state = text("digest.in_review", stage=stage)
    else:
        state = text(f"digest.state_{ready.state}")
    if not ready.waits_for:
        return state
    return text("digest.waits_for", state=state, names=_few(ready.waits_for))


def _summary(digest: Digest, waiting: int) -> str:
    return text(
        "digest.summary",
        coming=f"{len(digest.coming)}{'+' if digest.more else ''}",
        unready=digest.unready,
        waiting=waiting,
        failed=len(digest.failed),
        silent=len(digest.silent),
    )


def _section(name: str, lines: Sequence[str], most: int) -> list[str]:
    if not lines:
        return []
    left = len(lines) - most
    more = [text("digest.more", count=left)] if left > 0 else []
    return [text(f"digest.head_{name}"), *lines[:most], *more]


def _coming(one: Coming) -> str:
    return text(
        "digest.coming",
        mark="★ " if one.important else "",
        due=_moment(one.due),
        account=one.account,
        headline=one.headline,
        state=standing_told(Ready(one.state, one.stage, one.waits_for)),
    )


def _asking(one: Asking) -> str:
    return text(
        "digest.asking",
        due=_moment(one.due),
        account=one.account,
        headline=one.headline,
        state=text(f"delivery.state_{one.state}"),
        answers=text("digest.answers", name=one.answers) if one.answers else "",
    )


def _few(names: Sequence[str]) -> str:
    told = ", ".join(names[:_MOST_NAMES])
    return f"{told} …" if len(names) > _MOST_NAMES else told


def _minutes(due: PostDue, now: datetime) -> int:
    """Whole minutes that are left, the one that has begun with them."""
    return -((now - due.due) // _MINUTE)


def _hours(digest: Digest) -> int:
    return (digest.until - digest.since) // timedelta(hours=1)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%m-%d %H:%M}"
