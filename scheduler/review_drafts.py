"""Drafts: posts that go nowhere yet, with the accounts and times they are meant for.

A change of a draft ends its submission: what was signed is another text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import delete, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from config.errors import InputError, MeizhenError
from config.secrets import KeyRing
from organisation import Account, lateness_of, record
from scheduler import lanes, notices
from scheduler.deliveries import Delivery, State
from scheduler.journal import event, write_events
from scheduler.media import FoundMedia, record_media
from scheduler.media_uses import change_uses
from scheduler.outgoing import draft_problems
from scheduler.posts import Draft, Post, Variant, add_post
from scheduler.queue import Enqueued, enqueue
from scheduler.review_approvals import approved_hashes
from scheduler.review_content import contents_of
from scheduler.review_tables import Author, Planned, Standing, Submission
from scheduler.wording import Wording

# Certainly not out, and nobody is sending it.
_RESTING = (State.QUEUED, State.PAUSED, State.MISSED, State.FAILED)


def write_draft(
    session: Session,
    keys: KeyRing,
    draft: Draft,
    accounts: Sequence[Account],
    *,
    due: datetime,
    lateness_hours: float,
    author_id: int | None,
    now: datetime,
    actor: str,
    wordings: Mapping[int, Wording] = MappingProxyType({}),
) -> Post:
    """Stores a draft for these accounts; it may go out from `due` until its lateness limit.

    `lateness_hours` is the setting's, for a draft without its own whose unit says nothing either;
    `author_id` None is the operator. Its files are kept before (`media.keep`). `wordings` is what single
    copies say differently, by account id.
    """
    record_media(session, draft.media, now=now)
    post = add_post(
        session,
        title=draft.title,
        text=draft.text,
        media=[found.sha256 for found in draft.media],
        options=draft.options,
        variants=wordings,
        lateness_hours=draft.lateness_hours,
        now=now,
        actor=actor,
        important=draft.important,
    )
    _plan(session, post, accounts, due, lateness_hours)
    _wrote(session, _stored(post), author_id)
    details = {"due": due.isoformat(), "accounts": [account.stable_id for account in accounts]}
    record(session, keys, at=now, actor=actor, act="post.draft", subject=f"post:{post.id}", details=details)
    return post


def _plan(
    session: Session, post: Post, accounts: Sequence[Account], due: datetime, lateness_hours: float
) -> None:
    hours = lateness_of(session, accounts, lateness_hours)
    for account in accounts:
        own = post.lateness_hours
        late_after = due + timedelta(hours=hours[account.known_id] if own is None else own)
        session.add(
            Planned(post_id=_stored(post), account_id=account.known_id, due=due, late_after=late_after)
        )


@dataclass(frozen=True)
class Change:
    """What is changed of a draft; None leaves it. `wordings` is by account id, for single copies."""

    title: str | None = None
    text: str | None = None
    media: tuple[FoundMedia, ...] | None = None
    due: datetime | None = None
    wordings: dict[int, Wording] = field(default_factory=dict)
    options: dict[str, str] | None = None


def told_change(
    session: Session,
    post_id: int,
    account: Account | None,
    *,
    title: str | None = None,
    text: str | None = None,
    media: tuple[FoundMedia, ...] | None = None,
    due: datetime | None = None,
) -> Change:
    """What is to be changed of a draft: of the post itself, or of one account's copy where that is named.

    Raises InputError for words that no platform takes, MeizhenError `post.no_delivery` for an account the
    post does not go to, or as `find_draft` does.
    """
    find_draft(session, post_id)
    content = contents_of(session, [post_id])[post_id]
    there = Draft(content.title if title is None else title, content.text if text is None else text)
    problems = [one for one in draft_problems(there) if one.code != "post.empty"]
    if problems:
        raise InputError(f"post {post_id}", [replace(one, column=None) for one in problems])
    if account is None:
        return Change(title, text, media, due)
    copy = content.copy_for(account.known_id)
    if copy is None:
        raise MeizhenError("post.no_delivery", id=post_id, account=account.stable_id)
    own = Wording(copy.title if title is None else title, copy.text if text is None else text, copy.options)
    return Change(media=media, due=due, wordings={account.known_id: own})


def change_draft(
    session: Session,
    keys: KeyRing,
    post_id: int,
    change: Change,
    *,
    author_id: int | None,
    now: datetime,
    actor: str,
) -> bool:
    """Changes a draft; its submission, approved or not, is void from then on. True where there was one.

    What waits in the queue is refused at its time unless it is approved anew and sent again. Raises
    MeizhenError `post.not_found`, `review.no_draft`, or `review.under_way` once a copy went out, may have,
    or was called off.
    """
    post = hold_draft(session, post_id)
    _require_resting(session, post_id)
    if change.title is not None:
        post.title = change.title
    if change.text is not None:
        post.text = change.text
    if change.options is not None:
        post.options = change.options
    if change.media is not None:
        record_media(session, change.media, now=now)
        post.media = [found.sha256 for found in change.media]
        change_uses(session, post_id, post.media)
    session.add(post)
    for account_id, wording in change.wordings.items():
        _set_wording(session, post_id, account_id, wording)
    if change.due is not None:
        for one in session.exec(select(Planned).where(Planned.post_id == post_id)):
            one.due, one.late_after = change.due, change.due + (one.late_after - one.due)
            session.add(one)
    _wrote(session, post_id, author_id)
    session.flush()
    voided = void(session, post_id, author_id, now)
    details = {"voided": voided, "due": change.due}
    record(session, keys, at=now, actor=actor, act="post.change", subject=f"post:{post_id}", details=details)
    return voided is not None


def change_accounts(
    session: Session, post_id: int, accounts: Sequence[Account], *, due: datetime, lateness_hours: float
) -> None:
    """Where a draft goes from now on; within the transaction of its `change_draft`, which comes after.

    Copies for accounts that it does not go to any more are gone. Raises MeizhenError
    `review.account_queued` for one in whose queue it is already, or as `change_draft` does.
    """
    post = hold_draft(session, post_id)
    wanted = {account.known_id: account for account in accounts}
    there = set(session.exec(select(Planned.account_id).where(Planned.post_id == post_id)))
    gone = there - wanted.keys()
    queued = [one.account_id for one in _require_resting(session, post_id) if one.account_id in gone]
    if queued:
        name = session.get_one(Account, queued[0]).stable_id
        raise MeizhenError("review.account_queued", post=post_id, account=name)
    for table in (Planned, Variant):
        session.execute(delete(table).where(col(table.post_id) == post_id, col(table.account_id).in_(gone)))
    _plan(session, post, [one for id_, one in wanted.items() if id_ not in there], due, lateness_hours)
    session.flush()


def void(session: Session, post_id: int, person_id: int | None, now: datetime) -> int | None:
    """Ends the living submission of a changed post; gives its number, None where there was none."""
    row = session.execute(
        update(Submission)
        .where(
            col(Submission.post_id) == post_id,
            col(Submission.state).in_((Standing.OPEN, Standing.APPROVED)),
        )
        .values(state=Standing.VOID, ended_by=person_id, ended_at=now)
        .returning(col(Submission.number))
        .execution_options(synchronize_session=False)
    ).first()
    return None if row is None else row[0]


def find_draft(session: Session, post_id: int) -> Post:
    """The post, if it is a draft. Raises MeizhenError `post.not_found` or `review.no_draft`."""
    post = session.get(Post, post_id)
    if post is None:
        raise MeizhenError("post.not_found", id=post_id)
    if session.exec(select(Planned).where(Planned.post_id == post_id).limit(1)).first() is None:
        raise MeizhenError("review.no_draft", post=post_id)
    return post


def hold_draft(session: Session, post_id: int) -> Post:
    """The draft, locked to the transaction's end: two who change or submit it wait for each other.

    Raises MeizhenError as `find_draft` does.
    """
    session.execute(columns(col(Post.id)).where(col(Post.id) == post_id).with_for_update())
    post = find_draft(session, post_id)
    session.refresh(post)
    return post


def send_draft(session: Session, keys: KeyRing, post_id: int, *, now: datetime, actor: str) -> list[int]:
    """Queues a draft for its accounts, as planned; gives the ids of its deliveries.

    Copies that wait already are queued anew as approved now. Raises MeizhenError as `enqueue` does, and
    `review.window_past`, `review.under_way`.
    """
    find_draft(session, post_id)
    deliveries = {one.account_id: one for one in _require_resting(session, post_id)}
    planned = list(
        session.exec(select(Planned).where(Planned.post_id == post_id).order_by(col(Planned.account_id)))
    )
    if any(one.late_after <= now for one in planned):
        raise MeizhenError("review.window_past", post=post_id)
    items = [Enqueued(post_id, one.account_id, one.due, one.late_after - one.due) for one in planned]
    hashes = approved_hashes(session, items)
    again = [
        (deliveries[item.account_id], item, approved)
        for item, approved in zip(items, hashes, strict=True)
        if item.account_id in deliveries
    ]
    _queue_again(session, again, now=now, actor=actor)
    new = [item for item in items if item.account_id not in deliveries]
    ids = [_id(delivery) for delivery, _, _ in again] + enqueue(session, new, now=now, actor=actor)
    details = {"deliveries": ids, "approved": sorted(set(hashes))}
    record(session, keys, at=now, actor=actor, act="post.send", subject=f"post:{post_id}", details=details)
    return sorted(ids)


def _queue_again(
    session: Session, again: Sequence[tuple[Delivery, Enqueued, str]], *, now: datetime, actor: str
) -> None:
    events = []
    for delivery, item, approved in again:
        before = State(delivery.state)
        delivery.approved_hash = approved
        delivery.due = delivery.not_before = item.due
        delivery.late_after = item.late_after
        if before in (State.FAILED, State.MISSED):
            delivery.state, delivery.needs_person, delivery.outcome_code = State.QUEUED, False, ""
            delivery.attempts = delivery.looks = 0
        session.add(delivery)
        events.append(event(_id(delivery), now, before, State(delivery.state), actor, "approved-anew"))
    session.flush()
    if not events:
        return
    write_events(session, events)
    for delivery, item, _ in again:
        lanes.wake(session, [delivery.account_id], item.due)
    notices.close_gone(session, now)


def _require_resting(session: Session, post_id: int) -> list[Delivery]:
    """The post's deliveries, locked. Raises MeizhenError `review.under_way` unless each rests unsent."""
    rows = session.scalars(
        columns(Delivery).where(col(Delivery.post_id) == post_id).order_by(col(Delivery.id)).with_for_update()
    ).all()
    if any(row.state not in _RESTING for row in rows):
        raise MeizhenError("review.under_way", post=post_id)
    return list(rows)


def _set_wording(session: Session, post_id: int, account_id: int, wording: Wording) -> None:
    wanted = select(Variant).where(Variant.post_id == post_id, Variant.account_id == account_id)
    row = session.exec(wanted).one_or_none() or Variant(post_id=post_id, account_id=account_id)
    row.title, row.text = wording.title, wording.text
    row.options = None if wording.options is None else dict(wording.options)
    session.add(row)


def _wrote(session: Session, post_id: int, author_id: int | None) -> None:
    if author_id is not None and session.get(Author, (post_id, author_id)) is None:
        session.add(Author(post_id=post_id, person_id=author_id))
    session.flush()


def _stored(post: Post) -> int:
    if post.id is None:
        raise ValueError("expected a stored post")
    return post.id


def _id(delivery: Delivery) -> int:
    if delivery.id is None:
        raise ValueError("expected a stored delivery")
    return delivery.id
