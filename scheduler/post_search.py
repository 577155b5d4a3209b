"""Posts by what is asked of them: state, account, unit, words, time; few statements a page."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, True_, and_, bindparam, exists, func, or_
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from config.keyset import keyset
from organisation.accounts import Account
from organisation.units import Unit
from scheduler.deliveries import Delivery, State
from scheduler.post_pages import wholly
from scheduler.posts import Post
from scheduler.review_tables import Planned, Submission

DRAFT = "draft"
_HEADLINE = 60
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Way:
    """A post's way to one account: `state` is its delivery's, `draft` where it is only planned."""

    account: str
    due: datetime
    state: str
    name: str


@dataclass(frozen=True)
class Asked:
    """What of all posts is wanted: each that is None is no condition.

    `since` and `until` (excluded) bound when they go out, `unit` is a condition on `Unit` rows that one of
    their accounts meets. `state` is a delivery's, or a draft's: `draft`, or where its review stands.
    """

    state: str | None = None
    account_id: int | None = None
    unit: ColumnElement[bool] | None = None
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class FoundPost:
    """A post in a list; `headline` is the title, else how the text begins."""

    id: int
    headline: str
    created_at: datetime
    created_by: str
    going: tuple[Way, ...]

    @property
    def due(self) -> datetime | None:
        """When it goes out first; None where it goes nowhere."""
        return min((one.due for one in self.going), default=None)

    @property
    def states(self) -> dict[str, int]:
        """How many of its ways are in which state."""
        return dict(Counter(one.state for one in self.going))


def search_posts(
    session: Session, within: ColumnElement[bool], asked: Asked, after: Sequence[object] | None, limit: int
) -> list[FoundPost]:
    """Posts that fit, the newest first, all of whose accounts' units are `within`; beyond the id `after`.

    Drafts come with where their review stands.
    """
    begins = func.substr(col(Post.text), 1, _HEADLINE)
    wanted = columns(col(Post.id), col(Post.title), begins, col(Post.created_at), col(Post.created_by))
    if not isinstance(within, True_):
        ours = columns(col(Account.id)).join(Unit, col(Unit.id) == col(Account.unit_id)).where(within)
        wanted = wanted.where(wholly(ours))
    for condition in _narrowed(asked):
        wanted = wanted.where(condition)
    rows = session.execute(keyset(wanted, [col(Post.id)], after, limit, newest_first=True)).all()
    ids = [row[0] for row in rows]
    going, reviews = _going(session, ids), _reviews(session, ids)
    return [
        FoundPost(
            id_,
            " ".join((title or first).split()),
            at,
            by,
            tuple(
                replace(one, state=reviews.get(id_, one.state)) if one.state == DRAFT else one
                for one in going[id_]
            ),
        )
        for id_, title, first, at, by in rows
    ]


def _narrowed(asked: Asked) -> Iterator[ColumnElement[bool]]:
    number = asked.words.removeprefix("#")
    if asked.words and number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS:
        yield or_(col(Post.id) == int(number), col(Post.title).contains(asked.words, autoescape=True))
    elif asked.words:
        yield or_(
            col(Post.title).icontains(asked.words, autoescape=True),
            col(Post.text).icontains(asked.words, autoescape=True),
        )
    if asked.state is not None:
        yield _stands(asked.state)
    ways = []
    for way, account, due in (
        (Delivery, Delivery.account_id, Delivery.due),
        (Planned, Planned.account_id, Planned.due),
    ):
        here = exists().where(col(way.post_id) == col(Post.id))
        if asked.account_id is not None:
            here = here.where(col(account) == asked.account_id)
        if asked.unit is not None:
            ours = columns(col(Account.id)).join(Unit, col(Unit.id) == col(Account.unit_id)).where(asked.unit)
            here = here.where(col(account).in_(ours))
        if asked.since is not None:
            here = here.where(col(due) >= asked.since)
        if asked.until is not None:
            here = here.where(col(due) < asked.until)
        ways.append(here)
    if any(one is not None for one in (asked.account_id, asked.unit, asked.since, asked.until)):
        yield or_(*ways)


def _stands(state: str) -> ColumnElement[bool]:
    """The condition that a `Post` row has a delivery in this state, or is a draft that stands so."""
    if state == State.PUBLISHED:  # most are: the newest of them are found soon
        out = exists().where(col(Delivery.post_id) == col(Post.id))
        return out.where(col(Delivery.state) == state)
    if state in tuple(State):
        # By the index on states: what is rare is found without reading every post.
        return col(Post.id).in_(columns(col(Delivery.post_id)).where(col(Delivery.state) == state))
    unsent = ~exists().where(col(Delivery.post_id) == col(Post.id))
    planned = exists().where(col(Planned.post_id) == col(Post.id))
    if state == DRAFT:
        return and_(unsent, planned, ~exists().where(col(Submission.post_id) == col(Post.id)))
    later = aliased(Submission)
    newer = exists().where(
        col(later.post_id) == col(Submission.post_id), col(later.number) > col(Submission.number)
    )
    last = exists().where(col(Submission.post_id) == col(Post.id), col(Submission.state) == state, ~newer)
    return and_(unsent, planned, last)


def _reviews(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Where the last submission of each post stands."""
    rows = session.execute(
        columns(col(Submission.post_id), col(Submission.state))
        .where(col(Submission.post_id).in_(ids))
        .order_by(col(Submission.number))
    )
    states: dict[int, str] = {row[0]: row[1] for row in rows}
    return states


# Made once: putting a statement together takes longer than asking it.
_QUEUED = (
    columns(
        col(Delivery.post_id),
        col(Account.platform),
        col(Account.handle),
        col(Delivery.due),
        col(Delivery.state),
        col(Account.name),
    )
    .join(Account, col(Account.id) == col(Delivery.account_id))
    .where(col(Delivery.post_id).in_(bindparam("posts", expanding=True)))
    .order_by(col(Delivery.post_id), col(Delivery.account_id))
)
_PLANNED = (
    columns(
        col(Planned.post_id), col(Account.platform), col(Account.handle), col(Planned.due), col(Account.name)
    )
    .join(Account, col(Account.id) == col(Planned.account_id))
    .where(col(Planned.post_id).in_(bindparam("posts", expanding=True)))
    .order_by(col(Planned.post_id), col(Planned.account_id))
)


def _going(session: Session, ids: Sequence[int]) -> dict[int, list[Way]]:
    going: dict[int, list[Way]] = defaultdict(list)
    for post_id, platform, handle, due, state, name in session.execute(_QUEUED, {"posts": ids}):
        going[post_id].append(Way(f"{platform}:{handle}", due, state, name))
    drafts = [id_ for id_ in ids if id_ not in going]
    if drafts:
        for post_id, platform, handle, due, name in session.execute(_PLANNED, {"posts": drafts}):
            going[post_id].append(Way(f"{platform}:{handle}", due, DRAFT, name))
    return going
