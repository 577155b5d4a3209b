"""A delivery's story in words: what happened in order, what the platform said, what happens next and when.

The command line and the console tell the same; each brings how it shows a moment and names an actor.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from config.messages import catalogue, present_language, text
from connectors import connector_for, platforms
from organisation import AccountState
from scheduler.deliveries import Attempt, DeliveryEvent, State
from scheduler.posts import DeliveryStory

_LONG_SECONDS = 1.0  # a call that took longer is worth telling


@dataclass(frozen=True)
class Happened:
    """One thing that happened, in plain words; `more`: what the platform said, and what to do about it."""

    at: datetime
    told: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coming:
    """What the machine does next: an entry of the catalogues (`next_…`) and its facts."""

    entry: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Teller:
    """How moments are shown and actors are named to whoever reads."""

    moment: Callable[[datetime], str]
    name: Callable[[str], str]


def named(kind: str, word: str, **facts: object) -> str | None:
    """The text for a word of the machine; None where a connector brought it."""
    name = f"{kind}_{word.replace('-', '_').replace('.', '_')}"
    return text(f"post.{name}", **facts) if name in catalogue("post") else None


def short_name(actor: str) -> str:
    """A person by name; a node by its machine and what tells it from others there."""
    parts = actor.split(":")
    return f"{parts[0]}-{parts[-1]}" if len(parts) == 5 else actor


# --- what happens next ------------------------------------------------------------------------------------


def coming(one: DeliveryStory, *, stopped: bool, now: datetime) -> Coming | None:
    """What the machine does next, and when; None where the story has ended or a person decides."""
    delivery = one.delivery
    if delivery.needs_person:
        return _lane_stopped(one)
    if delivery.state == State.QUEUED:
        return _next_of_queued(one, stopped=stopped, now=now)
    entry = f"next_{delivery.state}"
    if entry not in catalogue("post"):
        return None
    facts = {"at": max(delivery.not_before, now), "id": delivery.post_id, "account": one.account}
    return Coming(entry, facts)


def _next_of_queued(one: DeliveryStory, *, stopped: bool, now: datetime) -> Coming | None:
    delivery, lane = one.delivery, one.lane
    if stopped:
        return Coming("next_queue_stopped")
    if one.account_state != AccountState.ACTIVE:
        return Coming("next_account_paused", {"account": one.account})
    if lane is not None and lane.paused:
        return _lane_stopped(one)
    if delivery.late_after < now:
        return Coming("next_late")
    at = max(delivery.not_before, now)
    if lane is not None and lane.open_from is not None:
        at = max(at, lane.open_from)
    if not delivery.calls:
        return Coming("next_send", {"at": at})
    # A doubt that is queued again is one whose repeat the platform drops.
    repeats = one.attempts and one.attempts[-1].outcome == "uncertain"
    return Coming("next_repeat" if repeats else "next_again", {"at": at})


def _lane_stopped(one: DeliveryStory) -> Coming | None:
    if one.lane is None or not one.lane.paused:
        return None
    why = " ".join(filter(None, (named("code", one.lane.pause_code), one.lane.pause_text)))
    return Coming("next_lane_stopped", {"account": one.account, "why": why or one.lane.pause_code})


# --- what happened ----------------------------------------------------------------------------------------


def happened(one: DeliveryStory, teller: Teller) -> Iterator[Happened]:
    """Events and calls as they followed each other; what happened at one moment keeps cause before effect.

    That a call begins is told by the call itself, not once more by its event.
    """
    ends_a_call = (State.SENDING, State.ACCEPTED, State.UNCERTAIN)
    begun = {attempt.started_at for attempt in one.attempts}
    waiting = deque(one.attempts)
    for event in one.events:
        while waiting and waiting[0].started_at < event.at:
            yield _of_attempt(one, waiting.popleft(), teller)
        if waiting and waiting[0].started_at == event.at and event.from_state in ends_a_call:
            yield _of_attempt(one, waiting.popleft(), teller)
        if event.to_state == State.SENDING and event.at in begun:
            continue
        yield _of_event(event, teller)
    for attempt in waiting:
        yield _of_attempt(one, attempt, teller)


def _of_event(event: DeliveryEvent, teller: Teller) -> Happened:
    state = text(f"delivery.state_{event.to_state}")
    noted = named("code", event.code)
    if noted is not None:
        state = f"{state}, {noted} {_moment(event.told, teller)}".rstrip()
    return Happened(event.at, text("post.show_event", state=state, actor=teller.name(event.actor)))


def _moment(said: str, teller: Teller) -> str:
    """A moment in Beijing where that is what was noted."""
    try:
        return teller.moment(datetime.fromisoformat(said))
    except ValueError:
        return said


def _of_attempt(one: DeliveryStory, attempt: Attempt, teller: Teller) -> Happened:
    outcome = text("post.attempt_open")
    if attempt.finished_at is not None:
        outcome = _outcome(attempt)
        took = (attempt.finished_at - attempt.started_at).total_seconds()
        if took >= _LONG_SECONDS:
            outcome = text("post.show_took", outcome=outcome, seconds=f"{took:.0f}")
    told = text(
        "post.show_attempt",
        number=attempt.number,
        purpose=named("purpose", attempt.purpose) or attempt.purpose,
        node=teller.name(attempt.node),
        outcome=outcome,
    )
    remedy = attempt.remedy_zh if present_language() == "zh" else attempt.remedy_en
    more = (_said(one, attempt), text("post.show_remedy", remedy=remedy) if remedy else "")
    return Happened(attempt.started_at, told, tuple(filter(None, more)))


def _outcome(attempt: Attempt) -> str:
    """How a call ended. A question that failed says nothing about the post: it has words of its own."""
    kinds: Sequence[str] = ("outcome",)
    if attempt.purpose != "publish":
        kinds = (attempt.purpose, "asked", "outcome")
    told = (named(kind, attempt.outcome) for kind in kinds)
    return next(filter(None, told), attempt.outcome)


def _said(one: DeliveryStory, attempt: Attempt) -> str:
    """What the platform said, as it said it; behind plain words where the code's meaning is known."""
    code = attempt.platform_code
    own = " ".join(filter(None, (code, attempt.platform_text, attempt.request_id)))
    if len(code) == 3 and code.isdigit() and not attempt.platform_text:  # an HTTP status and no word
        return text("post.show_platform", told=text("post.said_status", status=code))
    plain = named("said", code) or _explained(one.account.partition(":")[0], code)
    if plain:
        return text("post.show_reason", reason=plain, said=own)
    return text("post.show_platform", told=own) if own else ""


def _explained(platform: str, code: str) -> str:
    if not code or platform not in platforms():
        return ""
    label = connector_for(platform).explain(code)
    if label is None:
        return ""
    return label.zh if present_language() == "zh" else label.en
