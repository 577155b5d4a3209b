"""Only what was approved goes into the queue, and only what was approved leaves it.

Both gates compare the hash of what the tables say at that moment with what all sign-offs were given on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import func
from sqlmodel import Session, col, select

from config.errors import MeizhenError
from connectors import Label, Outgoing, Refused
from organisation.accounts import Account
from organisation.stages import URGENT, Stage, demanded_since, read_stages, stages_of, together
from scheduler.deliveries import Delivery, DeliveryEvent
from scheduler.review_content import Content, alts_of, contents_of
from scheduler.review_tables import Planned, Standing, Submission


class _Item(Protocol):
    """What shall be queued (`queue.Enqueued`)."""

    @property
    def post_id(self) -> int: ...
    @property
    def account_id(self) -> int: ...
    @property
    def due(self) -> datetime: ...
    @property
    def late_after(self) -> datetime: ...


def approved_hashes(session: Session, items: Sequence[_Item]) -> list[str]:
    """For each item what it was approved as; '' where its unit demands no review.

    One statement where no unit of these accounts demands any. Raises MeizhenError `review.not_approved`,
    `review.unplanned` or `review.outside_window`.
    """
    demanded = stages_of(session, {item.account_id for item in items})
    if not demanded:
        return [""] * len(items)
    post_ids = {item.post_id for item in items if item.account_id in demanded}
    contents, approved = contents_of(session, post_ids), _approved(session, post_ids)
    everywhere = {copy.account_id for content in contents.values() for copy in content.copies}
    wanted = stages_of(session, everywhere | demanded.keys())
    hashes = []
    for item in items:
        if item.account_id not in demanded:
            hashes.append("")
            continue
        content = contents.get(item.post_id)
        _require_planned(item, content)
        # Of every account of the post, not of this one: what is signed is signed for all of them.
        needs = together([wanted.get(one, ()) for one in _accounts(content, item)])
        hashes.append(_require_approved(item.post_id, content, approved.get(item.post_id, ()), needs))
    return hashes


def _accounts(content: Content | None, item: _Item) -> set[int]:
    return {item.account_id} | {copy.account_id for copy in (content.copies if content else ())}


def _require_planned(item: _Item, content: Content | None) -> None:
    copy = content.copy_for(item.account_id) if content else None
    if copy is None:
        raise MeizhenError("review.unplanned", post=item.post_id)
    if not copy.holds(item.due, item.late_after):
        raise MeizhenError("review.outside_window", post=item.post_id, account=copy.account)


def _require_approved(
    post_id: int, content: Content | None, approved: Collection[Submission], needs: tuple[Stage, ...]
) -> str:
    content_hash = content.sha256 if content else ""
    for one in approved:
        if one.content_hash == content_hash and covers(one, needs):
            return content_hash
    raise MeizhenError("review.not_approved", post=post_id, stages=", ".join(needs))


def covers(submission: Submission, needs: Collection[Stage]) -> bool:
    """Were all these stages passed with it, or the two of the urgent path?"""
    stages = read_stages(submission.stages)
    return stages == URGENT or set(needs) <= set(stages)


def _approved(session: Session, post_ids: Collection[int]) -> dict[int, list[Submission]]:
    found: dict[int, list[Submission]] = {}
    wanted = select(Submission).where(
        col(Submission.post_id).in_(post_ids), Submission.state == Standing.APPROVED
    )
    for one in session.exec(wanted.execution_options(populate_existing=True)):
        found.setdefault(one.post_id, []).append(one)
    return found


# --- at sending -------------------------------------------------------------------------------------------

_REMEDY = Label(
    "请重新送审(meizhen review submit),通过后再发(meizhen post send)。",
    "Submit it again (meizhen review submit), and send it once it is approved (meizhen post send).",
)
CHANGED, VOIDED, MOVED, MISSING = "review-changed", "review-void", "review-window", "review-missing"
_TOLD = {
    CHANGED: "the post is not what was approved",
    VOIDED: "the approval does not stand any more",
    MOVED: "outside the approved window of time",
    MISSING: "the unit demands review, and nobody approved this",
}


@dataclass(frozen=True)
class Leaving:
    """A delivery that was approved, as it is about to go out."""

    delivery_id: int
    post_id: int
    account_id: int
    due: datetime
    late_after: datetime
    approved_hash: str
    outgoing: Outgoing


def refusals(session: Session, leaving: Sequence[Leaving]) -> dict[int, Refused]:
    """Those of these deliveries that may not go out, by delivery id, with the reason and the remedy."""
    if not leaving:
        return {}
    post_ids = {one.post_id for one in leaving}
    contents, approved = contents_of(session, post_ids), _approved(session, post_ids)
    refused = {}
    for one in leaving:
        stands = any(each.content_hash == one.approved_hash for each in approved.get(one.post_id, ()))
        code = VOIDED if not stands else _departs(one, contents.get(one.post_id))
        if code:
            refused[one.delivery_id] = Refused(_TOLD[code], platform_code=code, remedy=_REMEDY)
    return refused


def unreviewed(session: Session, deliveries: Mapping[int, int]) -> dict[int, Refused]:
    """Those of these deliveries without an approval (id → account) whose unit demands one, with the remedy.

    What was queued before the unit demanded it goes out as it was queued: its first event is older. What came
    into the table past the queue has no such event.
    """
    demanded = stages_of(session, set(deliveries.values()))
    suspects = {one: account for one, account in deliveries.items() if account in demanded}
    if not suspects:
        return {}
    since = demanded_since(session, set(suspects.values()))
    queued = _queued_at(session, suspects)
    return {
        one: Refused(_TOLD[MISSING], platform_code=MISSING, remedy=_REMEDY)
        for one, account in suspects.items()
        if account not in since or one not in queued or queued[one] >= since[account]
    }


def lapsed(session: Session, deliveries: Sequence[Delivery]) -> set[int]:
    """Those of these deliveries that would be refused at their time as they stand now, by id.

    Their approval is gone, or their unit demands one that they never had.
    """
    reviewed = [one for one in deliveries if one.approved_hash]
    others = {one.id: one.account_id for one in deliveries if not one.approved_hash and one.id is not None}
    gone = set(unreviewed(session, others)) if others else set()
    if not reviewed:
        return gone
    ids = {one.post_id for one in reviewed}
    contents, approved = contents_of(session, ids), _approved(session, ids)
    for one in reviewed:
        hashes = {each.content_hash for each in approved.get(one.post_id, ())}
        if one.id is not None and not one.approved_hash == contents[one.post_id].sha256 in hashes:
            gone.add(one.id)
    return gone


def _queued_at(session: Session, delivery_ids: Collection[int]) -> dict[int, datetime]:
    """When deliveries came into the queue."""
    first = select(DeliveryEvent.delivery_id, func.min(col(DeliveryEvent.at)))
    asked = first.where(col(DeliveryEvent.delivery_id).in_(delivery_ids), DeliveryEvent.from_state == "")
    return dict(session.exec(asked.group_by(col(DeliveryEvent.delivery_id))).all())


def _departs(one: Leaving, content: Content | None) -> str:
    """Why this is not what was approved; '' where it is."""
    copy = content.copy_for(one.account_id) if content else None
    if content is None or copy is None or content.sha256 != one.approved_hash:
        return CHANGED
    said = (one.outgoing.title, one.outgoing.text, dict(one.outgoing.options))
    files = tuple(file.sha256 for file in one.outgoing.media)
    words = {file.sha256: file.alt for file in one.outgoing.media}
    if said != content.said(copy) or files != content.media or alts_of(files, words) != content.alts:
        return CHANGED  # changed between two looks of ours
    return "" if copy.holds(one.due, one.late_after) else MOVED


# --- moving what was approved -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """When a delivery may go out, as it was approved."""

    account: str
    due: datetime
    late_after: datetime


def windows_of(session: Session, deliveries: Sequence[Delivery]) -> dict[int, Window]:
    """The approved windows of deliveries that were reviewed, by delivery id."""
    reviewed = {(one.post_id, one.account_id): one.id for one in deliveries if one.approved_hash}
    if not reviewed:
        return {}
    rows = session.exec(
        select(Planned, Account)
        .join(Account, col(Account.id) == col(Planned.account_id))
        .where(col(Planned.post_id).in_({post for post, _ in reviewed}))
    )
    return {
        delivery_id: Window(account.stable_id, row.due, row.late_after)
        for row, account in rows
        if (delivery_id := reviewed.get((row.post_id, row.account_id))) is not None
    }


def late_within(
    windows: Mapping[int, Window], delivery: Delivery, due: datetime, late_after: datetime
) -> datetime:
    """The latest time for a delivery that is moved to `due`: never past what was approved.

    Raises MeizhenError `review.outside_window` for a time that nobody approved.
    """
    window = windows.get(delivery.id or 0)
    if window is None:
        return late_after
    if not window.due <= due < window.late_after:
        raise MeizhenError("review.outside_window", post=delivery.post_id, account=window.account)
    return min(late_after, window.late_after)
