"""Review as people see it: what waits for whom, how a post stands, what changed since they last looked."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from config.clock import SHANGHAI
from config.database import REACHES, rows_of
from config.messages import text
from organisation import Account, Person, Place, Unit
from organisation.permissions import Standing
from organisation.stages import Stage, read_stages
from scheduler.deliveries import Delivery
from scheduler.posts import Post
from scheduler.review import sign_offs
from scheduler.review_content import Content, of_facts
from scheduler.review_people import reads, signers, signs
from scheduler.review_tables import Author, Comment, Planned, SignOff, Submission
from scheduler.review_tables import Standing as State

_HEADLINE = 60
_MOST = 500  # drafts in one list
_SENTENCE = re.compile(r"(?<=[。！？!?；;])")


@dataclass(frozen=True)
class Waiting:
    """A draft that is not queued yet: `state` is its last submission's, `draft` before the first.

    `stage` is what it waits for next, '' where it waits for no reviewer; `by` is who submitted it.
    """

    post: int
    headline: str
    accounts: tuple[str, ...]
    due: datetime
    state: str
    number: int
    stage: str
    urgent: bool
    by: str
    submitted_at: datetime | None


def waiting(
    session: Session,
    person: Standing | None,
    now: datetime,
    *,
    limit: int = _MOST,
    unit: ColumnElement[bool] | None = None,
) -> list[Waiting]:
    """Drafts that are in review or not sent yet, by their time; only what the person may read (None: all).

    `unit` is a further condition on `Unit` rows, which one of a draft's accounts meets.
    """
    return _read_waiting(session, person, now, _UNFINISHED, limit=limit, unit=unit)


_UNFINISHED = or_(
    ~exists().where(col(Delivery.post_id) == col(Planned.post_id)),
    exists().where(col(Submission.post_id) == col(Planned.post_id), col(Submission.state) == State.OPEN),
)
_IN_REVIEW = col(Planned.post_id).in_(
    columns(col(Submission.post_id)).where(col(Submission.state) == State.OPEN)
)


@lru_cache(maxsize=REACHES)
def _plans(which: ColumnElement[bool], unit: ColumnElement[bool] | None) -> Select[int, datetime]:
    due = func.min(col(Planned.due)).label("due")
    plans = (
        columns(col(Planned.post_id), due)
        .where(which)
        .group_by(col(Planned.post_id))
        .order_by(due, col(Planned.post_id))
        .limit(bindparam("limit"))
    )
    if unit is None:
        return plans
    ours = columns(col(Account.id)).join(Unit, col(Unit.id) == col(Account.unit_id)).where(unit)
    return plans.where(col(Planned.account_id).in_(ours))


def _read_waiting(
    session: Session,
    person: Standing | None,
    now: datetime,
    which: ColumnElement[bool],
    *,
    limit: int,
    unit: ColumnElement[bool] | None,
) -> list[Waiting]:
    """The drafts whose `Planned` rows meet the condition `which`."""
    # Plans first, posts after: a house has many posts, and few of them are drafts.
    found = rows_of(session, _plans(which, unit), {"limit": limit}).all()
    if not found:
        return []
    named = select(Post).where(col(Post.id).in_([post_id for post_id, _ in found]))
    there = {post.id: post for post in session.exec(named)}
    posts = [(there[post_id], at) for post_id, at in found]
    ids = [post.id for post, _ in posts if post.id is not None]
    places, accounts = _where(session, ids)
    last = _last(session, ids)
    logins = _logins(session, [one.submitted_by for one in last.values()])
    may = reads(session, person, now)
    return [
        _waiting(post, accounts[post.id], due, last.get(post.id), logins)
        for post, due in posts
        if post.id is not None and may(places[post.id])
    ]


def waiting_for(
    session: Session, person: Standing, now: datetime, *, unit: ColumnElement[bool] | None = None
) -> list[Waiting]:
    """What waits for this person's signature next, themselves or in somebody's place, by its time."""
    read = _read_waiting(session, person, now, _IN_REVIEW, limit=_MOST, unit=unit)
    open_ones = [one for one in read if one.stage]
    if not open_ones:
        return []
    ids = [one.post for one in open_ones]
    places, _ = _where(session, ids)
    barred = _barred(session, ids)
    may = signs(session, person, now)
    return [one for one in open_ones if may(Stage(one.stage), places[one.post], barred[one.post])]


def next_signers(session: Session, post_ids: Sequence[int]) -> dict[int, tuple[Stage, tuple[str, ...]]]:
    """What each of these posts in review waits for, and the names of those who may sign it."""
    if not post_ids:
        return {}
    last, barred, (places, _) = (
        _last(session, post_ids),
        _barred(session, post_ids),
        _where(session, post_ids),
    )
    whose = signers(session)
    found = {}
    for post_id, one in last.items():
        if one.state == State.OPEN:
            stage = read_stages(one.stages)[one.signed]
            found[post_id] = (stage, tuple(whose(stage, places[post_id], barred[post_id])))
    return found


def _barred(session: Session, post_ids: Sequence[int]) -> dict[int, set[int]]:
    """Who signs nothing more of each post: its authors, and whoever handed it in or signed already."""
    barred: dict[int, set[int]] = {post_id: set() for post_id in post_ids}
    for post_id, author in session.exec(
        select(Author.post_id, Author.person_id).where(col(Author.post_id).in_(post_ids))
    ):
        barred[post_id].add(author)
    hands = (
        columns(
            col(Submission.post_id),
            col(Submission.submitted_by),
            col(SignOff.person_id),
            col(SignOff.for_person_id),
        )
        .outerjoin(SignOff, col(SignOff.submission_id) == col(Submission.id))
        .where(col(Submission.post_id).in_(post_ids), col(Submission.state) == State.OPEN)
    )
    for post_id, *people in session.execute(hands):
        barred[post_id].update(one for one in people if one is not None)
    return barred


def _waiting(
    post: Post, accounts: Sequence[str], due: datetime, last: Submission | None, logins: dict[int, str]
) -> Waiting:
    stages = read_stages(last.stages) if last is not None and last.state == State.OPEN else ()
    return Waiting(
        post=post.id or 0,
        headline=" ".join((post.title or post.text[:_HEADLINE]).split()),
        accounts=tuple(accounts),
        due=due,
        state="draft" if last is None else last.state,
        number=0 if last is None else last.number,
        stage=stages[last.signed] if last is not None and stages else "",
        urgent=bool(last is not None and last.urgent_reason),
        by="" if last is None else logins[last.submitted_by],
        submitted_at=None if last is None else last.submitted_at,
    )


def _where(session: Session, post_ids: Sequence[int]) -> tuple[dict[int, list[Place]], dict[int, list[str]]]:
    places: dict[int, list[Place]] = {post_id: [] for post_id in post_ids}
    accounts: dict[int, list[str]] = {post_id: [] for post_id in post_ids}
    rows = session.execute(
        columns(col(Planned.post_id), col(Unit.path), col(Account.platform), col(Account.handle))
        .join(Account, col(Account.id) == col(Planned.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(Planned.post_id).in_(post_ids))
        .order_by(col(Planned.account_id))
    )
    for post_id, path, platform, handle in rows:
        places[post_id].append(Place(path))
        accounts[post_id].append(f"{platform}:{handle}")
    return places, accounts


def _last(session: Session, post_ids: Sequence[int]) -> dict[int, Submission]:
    rows = session.exec(
        select(Submission).where(col(Submission.post_id).in_(post_ids)).order_by(col(Submission.number))
    )
    return {one.post_id: one for one in rows}


def _logins(session: Session, ids: Iterable[int]) -> dict[int, str]:
    rows = session.exec(select(Person.id, Person.login).where(col(Person.id).in_(set(ids))))
    return {person_id: login for person_id, login in rows if person_id is not None}


# --- one of them ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Signed:
    """A stage that was passed: `login` signed, in the place of `in_place_of` where that is another."""

    stage: str
    login: str
    name: str
    in_place_of: str
    at: datetime


@dataclass(frozen=True)
class Remark:
    """A comment with the words it is about."""

    login: str
    at: datetime
    start: int
    end: int
    quoted: str
    told: str


@dataclass(frozen=True)
class Shown:
    """A submission with all that was said and signed; `missing` are the stages to come."""

    submission: Submission
    content: Content
    by: str
    ended_by: str
    signed: tuple[Signed, ...]
    missing: tuple[str, ...]
    remarks: tuple[Remark, ...]


def shown(session: Session, submission: Submission) -> Shown:
    """All that is known of a submission."""
    signs = sign_offs(session, submission)
    remarks = session.exec(
        select(Comment)
        .where(Comment.submission_id == submission.known_id)
        .order_by(col(Comment.start), col(Comment.id))
    ).all()
    ids = {submission.submitted_by, submission.ended_by or 0}
    ids |= {one.person_id for one in signs} | {one.for_person_id for one in signs}
    ids |= {one.person_id for one in remarks}
    people = {one.known_id: one for one in session.exec(select(Person).where(col(Person.id).in_(ids)))}
    return Shown(
        submission,
        of_facts(submission.content),
        people[submission.submitted_by].login,
        "" if submission.ended_by is None else people[submission.ended_by].login,
        tuple(
            Signed(
                one.stage,
                people[one.person_id].login,
                people[one.person_id].name,
                "" if one.for_person_id == one.person_id else people[one.for_person_id].login,
                one.at,
            )
            for one in signs
        ),
        tuple(read_stages(submission.stages)[submission.signed :]),
        tuple(
            Remark(people[one.person_id].login, one.at, one.start, one.end, one.quoted, one.told)
            for one in remarks
        ),
    )


# --- what changed -----------------------------------------------------------------------------------------


def changes(before: Submission, after: Submission) -> list[str]:
    """A unified diff between two submissions of a post, sentence by sentence; [] where nothing differs."""
    old, new = (lines_of(of_facts(one.content)) for one in (before, after))
    return list(unified_diff(old, new, _version(before), _version(after), lineterm=""))


def _version(one: Submission) -> str:
    return text("review.version", number=one.number, at=_beijing(one.submitted_at))


def lines_of(content: Content) -> list[str]:
    """All that reviewers sign, as lines that people compare: a sentence or a fact each."""
    lines = [text("review.line_title", told=content.title), *sentences(content.text)]
    lines += [
        text("review.line_option", name=name, told=told) for name, told in sorted(content.options.items())
    ]
    lines += [text("review.line_media", told=sha256[:12]) for sha256 in content.media]
    for copy in content.copies:
        window = f"{_beijing(copy.due)} – {_beijing(copy.late_after)}"
        lines.append(text("review.line_account", account=copy.account, window=window))
        if copy.title is not None:
            lines.append(text("review.line_own_title", account=copy.account, told=copy.title))
        if copy.text is not None:
            lines += [f"{copy.account}  {one}" for one in sentences(copy.text)]
        for name, told in sorted((copy.options or {}).items()):
            lines.append(f"{copy.account}  {text('review.line_option', name=name, told=told)}")
    return lines


def sentences(told: str) -> list[str]:
    """The text in lines that people compare: a paragraph of Chinese is one line otherwise."""
    return [part for line in told.split("\n") for part in _SENTENCE.split(line) if part or not line]


def _beijing(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
