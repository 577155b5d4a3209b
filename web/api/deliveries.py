"""投放 Deliveries: a post on its way to one account, its story, and what people do about it."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints
from sqlmodel import col, select

from config.errors import MeizhenError
from organisation import Account, Act, Unit
from scheduler import transitions
from scheduler.deliveries import Delivery, State
from scheduler.post_pages import page_of_deliveries
from scheduler.posts import queue_post, require_coming, story_of
from web.api.accounts import seen as account_seen
from web.api.call import Answer, Asked
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.posts import PostWritten, Sent, place_written, told_draft
from web.api.texts import Body, Filter, Moment, Number, Since, Told, Until

noun = Noun("deliveries")


class DeliveryShown(Told):
    """A delivery as it stands."""

    id: int
    post: int
    account: str
    state: State
    due: datetime
    late_after: datetime
    needs_person: bool
    attempts: int
    outcome_code: str
    outcome_text: str
    remote_id: str
    url: str
    published_at: datetime | None


class DeliveryRow(DeliveryShown):
    """A delivery in a list; `headline` is its title, else how its text begins."""

    headline: str


class EventShown(Told):
    """A step of its story."""

    at: datetime
    from_state: str
    to_state: str
    actor: str
    code: str
    told: str


class AttemptShown(Told):
    """A call about it, as the platform answered."""

    number: int
    purpose: str
    node: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    platform_code: str
    platform_text: str
    request_id: str
    remedy_zh: str
    remedy_en: str


class Story(DeliveryShown):
    """A delivery with all that happened to it, oldest first."""

    events: list[EventShown]
    calls: list[AttemptShown]


class NewTime(Body):
    """When it shall go out."""

    due: Moment


class Resolution(Body):
    """What became of a doubtful one: published at this address, or null where it was not published."""

    published_url: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None


@noun.read("", Act.POST_READ)
def list_deliveries(
    asked: Asked,
    paging: Pages,
    state: State | None = None,
    account: Filter = None,
    post: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    since: Since = None,
    until: Until = None,
) -> Page[DeliveryRow]:
    """投放列表 Deliveries by due time."""
    sight = asked.sight()
    account_id = None if account is None else account_seen(asked, account)[0].known_id
    rows, following = asked.page(
        paging,
        {"state": state, "account": account, "post": post, "since": since, "until": until},
        (datetime, int),
        lambda after, limit: page_of_deliveries(
            asked.session,
            sight,
            after,
            limit,
            state=state,
            account_id=account_id,
            post_id=post,
            since=since,
            until=until,
        ),
        lambda row: (row.delivery.due, row.delivery.id),
    )
    items = [DeliveryRow(**_facts(row.delivery, row.account), headline=row.headline) for row in rows]
    return Page[DeliveryRow](items=items, next=following)


@noun.read("/{delivery}", Act.POST_READ)
def show(asked: Asked, delivery: Number) -> Story:
    """一次投放的经过 One delivery with every event and every call."""
    found, account = _seen(asked, delivery)
    told = next(
        one for one in story_of(asked.session, found.post_id).deliveries if one.delivery.id == found.id
    )
    return Story(
        **_facts(found, account.stable_id),
        events=[EventShown.model_validate(one) for one in told.events],
        calls=[AttemptShown.model_validate(one) for one in told.attempts],
    )


@noun.write("POST", "", Act.POST_SEND, status=HTTPStatus.CREATED)
def queue(asked: Asked, body: PostWritten) -> Answer[Sent]:
    """直接排队 Write a post and queue it at once; refused where a unit demands review."""
    accounts = [account_seen(asked, name)[0] for name in body.accounts]
    said = told_draft(asked, body, accounts, whole=True)
    queued = queue_post(
        asked.session,
        asked.keys,
        said,
        accounts,
        due=body.due,
        lateness_hours=asked.desk.settings.lateness_hours,
        now=asked.now,
        actor=asked.actor,
    )
    place_written(asked, queued.post_id, body.campaign)
    asked.answers_for("post", [queued.post_id])
    asked.wakes = True
    sent = Sent(post=queued.post_id, deliveries=list(queued.delivery_ids))
    return Answer(sent, location=f"/api/v1/posts/{queued.post_id}")


@noun.write("POST", "/{delivery}/cancel", Act.POST_SEND)
def cancel(asked: Asked, delivery: Number) -> DeliveryShown:
    """取消 Call it off; refused once it is under way or out."""
    _seen(asked, delivery)
    transitions.cancel(asked.session, asked.keys, [delivery], now=asked.now, actor=asked.actor)
    return _now(asked, delivery)


@noun.write("POST", "/{delivery}/pause", Act.QUEUE_STEER)
def pause(asked: Asked, delivery: Number) -> DeliveryShown:
    """暂停 Hold it until somebody lets it go."""
    _seen(asked, delivery)
    transitions.pause(asked.session, asked.keys, [delivery], now=asked.now, actor=asked.actor)
    return _now(asked, delivery)


@noun.write("POST", "/{delivery}/resume", Act.QUEUE_STEER)
def resume(asked: Asked, delivery: Number) -> DeliveryShown:
    """恢复 Let it go."""
    _seen(asked, delivery)
    transitions.resume(asked.session, asked.keys, [delivery], now=asked.now, actor=asked.actor)
    return _now(asked, delivery)


@noun.write("POST", "/{delivery}/reschedule", Act.POST_SEND)
def reschedule(asked: Asked, delivery: Number, body: NewTime) -> DeliveryShown:
    """改时间 Give it another time; a missed one is queued again."""
    _seen(asked, delivery)
    require_coming(body.due, asked.now)
    transitions.reschedule(
        asked.session, asked.keys, [delivery], due=body.due, now=asked.now, actor=asked.actor
    )
    return _now(asked, delivery)


@noun.write("POST", "/{delivery}/retry", Act.POST_SEND)
def retry(asked: Asked, delivery: Number) -> DeliveryShown:
    """重试 Queue a failed or missed one again, due now; what may have gone out is resolved, never retried."""
    _seen(asked, delivery)
    transitions.retry(asked.session, asked.keys, [delivery], now=asked.now, actor=asked.actor)
    return _now(asked, delivery)


@noun.write("POST", "/{delivery}/resolve", Act.POST_SEND)
def resolve(asked: Asked, delivery: Number, body: Resolution) -> DeliveryShown:
    """核实 Settle a doubt: it was published there, or it was not."""
    _seen(asked, delivery)
    transitions.resolve(
        asked.session,
        asked.keys,
        delivery,
        published_url=body.published_url,
        now=asked.now,
        actor=asked.actor,
    )
    return _now(asked, delivery)


def _seen(asked: Asked, number: int) -> tuple[Delivery, Account]:
    found = asked.session.exec(
        select(Delivery, Account, Unit.path)
        .join(Account, col(Account.id) == col(Delivery.account_id))
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(Delivery.id == number)
    ).one_or_none()
    if found is None:
        raise MeizhenError("delivery.not_found", ids=number)
    delivery, account, path = found
    asked.at(path)
    return delivery, account


def _now(asked: Asked, number: int) -> DeliveryShown:
    asked.wakes = True
    asked.session.expire_all()
    delivery, account = _seen(asked, number)
    return DeliveryShown(**_facts(delivery, account.stable_id))


def _facts(delivery: Delivery, account: str) -> dict[str, object]:
    return {
        "id": delivery.id,
        "post": delivery.post_id,
        "account": account,
        "state": delivery.state,
        "due": delivery.due,
        "late_after": delivery.late_after,
        "needs_person": delivery.needs_person,
        "attempts": delivery.attempts,
        "outcome_code": delivery.outcome_code,
        "outcome_text": delivery.outcome_text,
        "remote_id": delivery.remote_id,
        "url": delivery.url,
        "published_at": delivery.published_at,
    }
