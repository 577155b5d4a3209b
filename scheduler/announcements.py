"""What webhooks are told of posts, reviews and accounts, in the transaction of what they tell of."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection
from sqlmodel import Session, col, select

from config.batch import BatchQuery
from organisation.accounts import Account
from organisation.units import Unit
from organisation.webhook_messages import Happening, announce, announce_one, listeners
from organisation.webhooks import Event
from scheduler.deliveries import State
from scheduler.review_people import places_of_post
from scheduler.review_tables import Submission

_EVENTS = {
    State.PUBLISHED: Event.POST_PUBLISHED,
    State.FAILED: Event.POST_FAILED,
    State.UNCERTAIN: Event.POST_UNCERTAIN,
}
_DELIVERIES = BatchQuery(
    "SELECT d.id AS id, d.post_id AS post_id, d.due AS due, d.url AS url, d.remote_id AS remote_id, "
    "a.platform AS platform, a.handle AS handle, u.code AS unit, u.path AS path "
    "FROM {rows} AS wanted JOIN delivery d ON d.id = wanted.id JOIN account a ON a.id = d.account_id "
    "JOIN unit u ON u.id = a.unit_id",
    {"id": "integer"},
    {
        "id": "integer",
        "post_id": "integer",
        "due": "time",
        "url": "text",
        "remote_id": "text",
        "platform": "text",
        "handle": "text",
        "unit": "text",
        "path": "text",
    },
)


def of_deliveries(connection: Connection, moved: Sequence[tuple[int, str, str]], at: datetime) -> None:
    """Tells of deliveries that came into a state somebody waits for: id, state and code of each."""
    ended = {one: (State(state), code) for one, state, code in moved if state in _EVENTS}
    if not ended or not (heard := listeners(connection)):
        return
    happenings = []
    for id_, post_id, due, url, remote_id, platform, handle, unit, path in _DELIVERIES.ask(
        connection, [(one,) for one in ended]
    ):
        state, code = ended[id_]
        data = {"post": post_id, "delivery": id_, "account": f"{platform}:{handle}", "unit": unit}
        data |= {"state": state.value, "due": due, "url": url, "remote_id": remote_id, "code": code}
        happenings.append(Happening(_EVENTS[state], (path,), data))
    announce(connection, happenings, at, heard)


def of_pauses(session: Session, account_ids: Collection[int], at: datetime, *, code: str, by: str) -> None:
    """Tells of accounts for which nothing goes out until a person resumes them."""
    if not account_ids or not (heard := listeners(session.connection())):
        return
    rows = session.exec(
        select(Account, Unit)
        .join(Unit, col(Unit.id) == col(Account.unit_id))
        .where(col(Account.id).in_(account_ids))
    )
    happenings = [
        Happening(
            Event.ACCOUNT_PAUSED,
            (unit.path,),
            {"account": account.stable_id, "unit": unit.code, "code": code, "by": by},
        )
        for account, unit in rows
    ]
    announce(session.connection(), happenings, at, heard)


def of_review(session: Session, event: Event, submission: Submission, at: datetime) -> None:
    """Tells that a post was handed in, or how its review ended."""
    paths = [place.path for place in places_of_post(session, submission.post_id)]
    data = {
        "post": submission.post_id,
        "submission": submission.number,
        "state": submission.state,
        "stages": submission.stages.split(","),
        "signed": submission.signed,
        "urgent": bool(submission.urgent_reason),
        "reason": submission.reason,
        "hash": submission.content_hash,
    }
    announce_one(session, event, paths, data, at)
