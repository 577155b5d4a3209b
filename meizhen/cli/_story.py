"""A post's story for people: what happened, in order, what the platform said, what happens next and when."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from config.messages import text
from meizhen.cli._output import beijing

if TYPE_CHECKING:
    from scheduler.posts import DeliveryStory, Story


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
    from scheduler.story import Teller, happened, named, short_name

    delivery = one.delivery
    state = text(f"delivery.state_{delivery.state}")
    due, late = beijing(delivery.due), beijing(delivery.late_after)
    yield text("post.show_delivery", account=one.account, state=state, due=due, late=late)
    if one.variant is not None:
        yield "  " + text("post.show_variant", differs=_pairs(_differs(one)))
    for thing in happened(one, Teller(beijing, short_name)):
        yield f"  {beijing(thing.at)}  {thing.told}"
        yield from (f"    {line}" for line in thing.more)
    if delivery.url:
        yield "  " + text("post.show_url", url=delivery.url)
    if delivery.detail.get(Receipt.LINK) and delivery.state in (State.ACCEPTED, State.HANDED_OVER):
        yield "  " + text("post.show_open", link=delivery.detail[Receipt.LINK])
    if delivery.needs_person:
        advice = named("advice", delivery.state, id=delivery.post_id, account=one.account)
        yield "  " + text("post.show_remedy", remedy=advice)
    coming = _next(one, stopped=stopped, now=now)
    if coming:
        yield "  " + text("post.show_next", next=coming)


def _next(one: "DeliveryStory", *, stopped: bool, now: datetime) -> str:
    """What the machine does next, and when; '' where the story has ended."""
    from scheduler.story import coming

    follows = coming(one, stopped=stopped, now=now)
    if follows is None:
        return ""
    facts = {
        name: beijing(fact) if isinstance(fact, datetime) else fact for name, fact in follows.facts.items()
    }
    return text(f"post.{follows.entry}", **facts)


def _differs(one: "DeliveryStory") -> dict[str, object]:
    return {} if one.variant is None else one.variant.model_dump(include={"title", "text", "options"})


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
