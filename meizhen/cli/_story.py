"""A post's story for people: what happened, in order, what the platform said, what happens next and when."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from config.messages import catalogue, present_language, text
from meizhen.cli._output import beijing

if TYPE_CHECKING:
    from scheduler.deliveries import Attempt, DeliveryEvent
    from scheduler.posts import DeliveryStory, Story

_LONG_SECONDS = 1.0  # a call that took longer is worth telling


def as_facts(story: "Story") -> dict[str, object]:
    """The story for programs: everything, nothing explained."""
    return story.post.model_dump(exclude={"media"}) | {
        "media": [
            {"sha256": sha256} if file is None else file.model_dump()
            for sha256, file in zip(story.post.media, story.media, strict=True)
        ],
        "deliveries": [
            one.delivery.model_dump(exclude={"post_id", "account_id"})
            | {
                "account": one.account,
                "variant": None if one.variant is None else _differs(one),
                "events": [event.model_dump(exclude={"id", "delivery_id"}) for event in one.events],
                "attempts": [attempt.model_dump(exclude={"delivery_id"}) for attempt in one.attempts],
            }
            for one in story.deliveries
        ],
    }


def told(story: "Story", now: datetime) -> Iterable[str]:
    """The story for people: the post, then every account with what happened there, in order."""
    post = story.post
    yield text("post.show_post", id=post.id, title=post.title).rstrip()
    yield text("post.show_made", at=beijing(post.created_at), actor=post.created_by)
    if post.media:
        files = zip(post.media, story.media, strict=True)
        names = [
            text("post.show_missing_file", sha256=sha256) if file is None else file.file_name
            for sha256, file in files
        ]
        yield text("post.show_media", files=", ".join(names))
    if post.options:
        yield text("post.show_options", options=_pairs(post.options))
    yield from ("", post.text)
    for one in story.deliveries:
        yield ""
        yield from _told_delivery(one, stopped=story.stopped, now=now)


def printable(line: str) -> str:
    """A line that a terminal only shows: platforms' texts may hold its control codes."""
    return "".join(character if character.isprintable() or character in "\n\t" else "�" for character in line)


def _told_delivery(one: "DeliveryStory", *, stopped: bool, now: datetime) -> Iterable[str]:
    from connectors import Receipt
    from scheduler.deliveries import State

    delivery = one.delivery
    state = text(f"delivery.state_{delivery.state}")
    due, late = beijing(delivery.due), beijing(delivery.late_after)
    yield text("post.show_delivery", account=one.account, state=state, due=due, late=late)
    if one.variant is not None:
        yield "  " + text("post.show_variant", differs=_pairs(_differs(one)))
    for happened in _in_order(one.events, one.attempts):
        yield from (f"  {line}" for line in happened)
    if delivery.url:
        yield "  " + text("post.show_url", url=delivery.url)
    if delivery.detail.get(Receipt.LINK) and delivery.state in (State.ACCEPTED, State.HANDED_OVER):
        yield "  " + text("post.show_open", link=delivery.detail[Receipt.LINK])
    if delivery.needs_person:
        advice = _named("advice", delivery.state, id=delivery.post_id, account=one.account)
        yield "  " + text("post.show_remedy", remedy=advice)
    coming = _next(one, stopped=stopped, now=now)
    if coming:
        yield "  " + text("post.show_next", next=coming)


# --- what happens next ------------------------------------------------------------------------------------


def _next(one: "DeliveryStory", *, stopped: bool, now: datetime) -> str:
    """What the machine does next, and when; '' where the story has ended."""
    from scheduler.deliveries import State

    delivery = one.delivery
    if delivery.needs_person:
        return _lane_stopped(one)
    if delivery.state == State.QUEUED:
        return _next_of_queued(one, stopped=stopped, now=now)
    at = beijing(max(delivery.not_before, now))
    return _named("next", delivery.state, at=at, id=delivery.post_id, account=one.account) or ""


def _next_of_queued(one: "DeliveryStory", *, stopped: bool, now: datetime) -> str:
    delivery, lane = one.delivery, one.lane
    if stopped:
        return text("post.next_queue_stopped")
    if one.account_state != "active":
        return text("post.next_account_paused", account=one.account)
    if lane is not None and lane.paused:
        return _lane_stopped(one)
    if delivery.late_after < now:
        return text("post.next_late")
    at = max(delivery.not_before, now)
    if lane is not None and lane.open_from is not None:
        at = max(at, lane.open_from)
    if not delivery.calls:
        return text("post.next_send", at=beijing(at))
    # A doubt that is queued again is one whose repeat the platform drops.
    repeats = one.attempts and one.attempts[-1].outcome == "uncertain"
    return text("post.next_repeat" if repeats else "post.next_again", at=beijing(at))


def _lane_stopped(one: "DeliveryStory") -> str:
    if one.lane is None or not one.lane.paused:
        return ""
    why = " ".join(filter(None, (_named("code", one.lane.pause_code), one.lane.pause_text)))
    return text("post.next_lane_stopped", account=one.account, why=why or one.lane.pause_code)


# --- what happened ----------------------------------------------------------------------------------------


def _in_order(events: Sequence["DeliveryEvent"], attempts: Sequence["Attempt"]) -> Iterable[list[str]]:
    """Events and calls as they followed each other; what happened at one moment keeps cause before effect.

    That a call begins is told by the call itself, not once more by its event.
    """
    from scheduler.deliveries import State

    ends_a_call = (State.SENDING, State.ACCEPTED, State.UNCERTAIN)
    begun = {attempt.started_at for attempt in attempts}
    waiting = deque(attempts)
    for event in events:
        while waiting and waiting[0].started_at < event.at:
            yield _told_attempt(waiting.popleft())
        if waiting and waiting[0].started_at == event.at and event.from_state in ends_a_call:
            yield _told_attempt(waiting.popleft())
        if event.to_state == State.SENDING and event.at in begun:
            continue
        yield [_told_event(event)]
    for attempt in waiting:
        yield _told_attempt(attempt)


def _told_event(event: "DeliveryEvent") -> str:
    state = text(f"delivery.state_{event.to_state}")
    noted = _named("code", event.code)
    if noted is not None:
        state = f"{state}, {noted} {_moment(event.told)}".rstrip()
    return text("post.show_event", at=beijing(event.at), state=state, actor=_who(event.actor))


def _moment(said: str) -> str:
    """A moment in Beijing where that is what was noted."""
    try:
        return beijing(datetime.fromisoformat(said))
    except ValueError:
        return said


def _told_attempt(attempt: "Attempt") -> list[str]:
    outcome = text("post.attempt_open")
    if attempt.finished_at is not None:
        outcome = _outcome(attempt)
        took = (attempt.finished_at - attempt.started_at).total_seconds()
        if took >= _LONG_SECONDS:
            outcome = text("post.show_took", outcome=outcome, seconds=f"{took:.0f}")
    lines = [
        text(
            "post.show_attempt",
            at=beijing(attempt.started_at),
            number=attempt.number,
            purpose=_named("purpose", attempt.purpose) or attempt.purpose,
            node=_who(attempt.node),
            outcome=outcome,
        )
    ]
    said = _said(attempt)
    if said:
        lines.append(f"  {said}")
    remedy = attempt.remedy_zh if present_language() == "zh" else attempt.remedy_en
    if remedy:
        lines.append("  " + text("post.show_remedy", remedy=remedy))
    return lines


def _outcome(attempt: "Attempt") -> str:
    """How a call ended. A question that failed says nothing about the post: it has words of its own."""
    kinds = ("outcome",) if attempt.purpose == "publish" else (attempt.purpose, "asked", "outcome")
    named = (_named(kind, attempt.outcome) for kind in kinds)
    return next(filter(None, named), attempt.outcome)


def _said(attempt: "Attempt") -> str:
    """What the platform said, as it said it; behind plain words where the code is one of ours."""
    code = attempt.platform_code
    own = " ".join(filter(None, (code, attempt.platform_text, attempt.request_id)))
    if len(code) == 3 and code.isdigit() and not attempt.platform_text:  # an HTTP status and no word
        return text("post.show_platform", told=text("post.said_status", status=code))
    plain = _named("said", code)
    if plain is not None:
        return text("post.show_reason", reason=plain, said=own)
    return text("post.show_platform", told=own) if own else ""


# --- words ------------------------------------------------------------------------------------------------


def _who(actor: str) -> str:
    """A person by name; a node by its machine and what tells it from others there."""
    parts = actor.split(":")
    return f"{parts[0]}-{parts[-1]}" if len(parts) == 5 else actor


def _differs(one: "DeliveryStory") -> dict[str, object]:
    return {} if one.variant is None else one.variant.model_dump(include={"title", "text", "options"})


def _named(kind: str, word: str, **facts: object) -> str | None:
    """The text for a word of the machine; None where a connector brought it."""
    name = f"{kind}_{word.replace('-', '_').replace('.', '_')}"
    return text(f"post.{name}", **facts) if name in catalogue("post") else None


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
