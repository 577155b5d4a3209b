"""What the page of a post tells: its words, its people, its review, every delivery with what happened."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from config.clock import SHANGHAI
from config.messages import catalogue, text
from connectors import Receipt
from organisation import Account, Person
from organisation.leaving import in_charge
from scheduler.assisted_views import unfinished_tasks
from scheduler.deliveries import State
from scheduler.posts import DeliveryStory, Story, story_of
from scheduler.review import demanded
from scheduler.review_content import contents_of
from scheduler.review_tables import Author, Standing, Submission
from scheduler.review_views import Shown, shown
from scheduler.story import Coming, Happened, Teller, coming, happened, short_name
from scheduler.transitions import PERSON_MAY_CANCEL, PERSON_MAY_MOVE
from scheduler.wording import effective

_RESTING = (State.QUEUED, State.PAUSED, State.MISSED, State.FAILED)
_BY_HAND = (State.ACCEPTED, State.HANDED_OVER)
_MOST_SUBMISSIONS = 10


@dataclass(frozen=True)
class Told:
    """One delivery for the page; `next` is what the machine does next, '' where nothing.

    `open` is a link that a person opens on their phone to finish it.
    """

    story: DeliveryStory
    name: str
    title: str | None
    text: str | None
    happened: tuple[Happened, ...]
    next: str
    open: str
    acts: tuple[str, ...]


def story_facts(session: Session, post_id: int, now: datetime) -> dict[str, object]:
    """All that `post.html` needs. Raises MeizhenError `post.not_found`."""
    story = story_of(session, post_id)
    content = contents_of(session, [post_id])[post_id]
    stages = demanded(session, content) if content.copies else ()
    submissions = _submissions(session, post_id)
    actors = [one.actor for each in story.deliveries for one in each.events]
    people = people_named(session, [*actors, story.post.created_by])
    names = _account_names(session, [one.delivery.account_id for one in story.deliveries])
    planned = _account_names(session, [copy.account_id for copy in content.copies])
    teller = Teller(_beijing, lambda actor: people.get(actor) or short_name(actor))
    last = submissions[0].submission if submissions else None
    resting = all(one.delivery.state in _RESTING for one in story.deliveries)
    return {
        "story": story,
        "answering": in_charge(session, "post", post_id),
        "tasks": unfinished_tasks(session, [one.delivery.id or 0 for one in story.deliveries]),
        "content": content,
        "draft": bool(content.copies),
        "planned": planned,
        "hash": content.sha256,
        "stages": stages,
        "state": _state(story, last),
        "submissions": submissions,
        "last": last,
        "may_submit": bool(stages) and not _alive(last) and resting,
        "may_send": _may_send(story, last, demands=bool(stages)) and bool(content.copies),
        "may_edit": bool(content.copies) and resting,
        "people": people,
        "authors": _authors(session, post_id),
        "told": [
            _told(story, one, names.get(one.delivery.account_id, one.account), teller, now)
            for one in story.deliveries
        ],
    }


def people_named(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """The names of people by how the ledger names them (`person:login`)."""
    logins = {actor.removeprefix("person:") for actor in actors if actor.startswith("person:")}
    if not logins:
        return {}
    rows = session.exec(select(Person).where(col(Person.login).in_(logins)))
    return {f"person:{one.login}": one.name for one in rows}


def _told(story: Story, one: DeliveryStory, name: str, teller: Teller, now: datetime) -> Told:
    title, said, _ = effective(story.post, one.variant)
    own = one.variant
    return Told(
        one,
        name,
        title if own is not None and own.title is not None else None,
        said if own is not None and own.text is not None else None,
        tuple(happened(one, teller)),
        _next(coming(one, stopped=story.stopped, now=now)),
        one.delivery.detail.get(Receipt.LINK, "") if one.delivery.state in _BY_HAND else "",
        _acts(State(one.delivery.state)),
    )


def _next(follows: Coming | None) -> str:
    """In the words of the console, where the command line's name its commands."""
    if follows is None:
        return ""
    facts = {
        name: _beijing(fact) if isinstance(fact, datetime) else fact for name, fact in follows.facts.items()
    }
    name = follows.entry.removeprefix("next_")
    if follows.entry in catalogue("posts"):
        return text(f"posts.next_{name}", **facts)
    return text(f"post.next_{name}", **facts)


def _acts(state: State) -> tuple[str, ...]:
    """What a person may do with a delivery in this state, as `/deliveries/…` names it."""
    found = []
    if state in (State.UNCERTAIN, State.HANDED_OVER):
        found += ["published", "not_published"]
    if state in (State.FAILED, State.MISSED):
        found.append("retry")
    if state in PERSON_MAY_MOVE:
        found.append("move")
    if state == State.QUEUED:
        found.append("pause")
    if state == State.PAUSED:
        found.append("resume")
    if state in PERSON_MAY_CANCEL:
        found.append("cancel")
    return tuple(found)


def _state(story: Story, last: Submission | None) -> str:
    """Where a post stands that is nowhere in the queue; '' where its deliveries tell it."""
    if story.deliveries:
        return ""
    return "draft" if last is None else last.state


def _alive(last: Submission | None) -> bool:
    return last is not None and last.state in (Standing.OPEN, Standing.APPROVED)


def _may_send(story: Story, last: Submission | None, *, demands: bool) -> bool:
    """Is there anything that `send_draft` would put into the queue?"""
    approved = last is not None and last.state == Standing.APPROVED
    if demands and not approved:
        return False
    if not story.deliveries:
        return True
    anew = [
        one.delivery.approved_hash != (last.content_hash if last and demands else "")
        for one in story.deliveries
    ]
    return any(anew) and all(one.delivery.state in _RESTING for one in story.deliveries)


def _submissions(session: Session, post_id: int) -> list[Shown]:
    """The last submissions, the newest first, with who signed what."""
    rows = session.exec(
        select(Submission)
        .where(Submission.post_id == post_id)
        .order_by(col(Submission.number).desc())
        .limit(_MOST_SUBMISSIONS)
    )
    return [shown(session, one) for one in rows]


def _authors(session: Session, post_id: int) -> list[str]:
    wanted = select(Person.name).join(Author, col(Author.person_id) == col(Person.id))
    return list(session.exec(wanted.where(Author.post_id == post_id).order_by(col(Person.login))))


def _account_names(session: Session, ids: Iterable[int]) -> dict[int, str]:
    rows = session.exec(select(Account).where(col(Account.id).in_(set(ids))))
    return {one.known_id: one.name for one in rows}


def _beijing(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%m-%d %H:%M}"
