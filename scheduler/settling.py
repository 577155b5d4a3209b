"""What a platform's callback changes: the accepted post it tells of is settled at once instead of later.

The callback decides nothing. It only brings the node's own question forward, which the platform's server
answers: a forged, repeated or early callback can do no harm, and one that never comes costs a poll.
"""

from datetime import datetime, timedelta

from sqlalchemy import Index, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, col

from connectors import CallbackAnswer
from scheduler import lanes
from scheduler.deliveries import Delivery, State

_KEPT = timedelta(days=1)  # repeats come within seconds, replays pass for five minutes


class CallbackEvent(SQLModel, table=True):
    """A callback that was heard, so that every node knows its repeat. `key` is a digest, not its content."""

    __tablename__ = "callback_event"
    __table_args__ = (Index("ix_callback_event_received", "received_at"),)

    account_id: int = Field(primary_key=True, foreign_key="account.id")
    key: str = Field(primary_key=True, max_length=64)
    name: str = Field(max_length=64)
    received_at: datetime


def first_time(session: Session, account_id: int, answer: CallbackAnswer, now: datetime) -> bool:
    """Remembers a callback; False where any node has heard it before. Old ones are swept away with it."""
    session.execute(delete(CallbackEvent).where(col(CallbackEvent.received_at) < now - _KEPT))
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    heard = session.execute(
        insert(CallbackEvent)
        .values(account_id=account_id, key=answer.key, name=answer.name, received_at=now)
        .on_conflict_do_nothing(index_elements=["account_id", "key"])
        .returning(col(CallbackEvent.key))
    )
    return heard.first() is not None


def settle_now(session: Session, account_id: int, remote_id: str, now: datetime) -> bool:
    """Has the account's accepted post of that id asked about at once; False where there is none.

    There is none while our own answer is still on its way: the first poll follows it within seconds.
    """
    found = session.execute(
        update(Delivery)
        .where(
            col(Delivery.account_id) == account_id,
            col(Delivery.state) == State.ACCEPTED,
            col(Delivery.remote_id) == remote_id,
            col(Delivery.not_before) > now,
        )
        .values(not_before=now)
        .returning(col(Delivery.id))
        .execution_options(synchronize_session=False)
    ).first()
    if found is not None:
        lanes.wake(session, [account_id], now)
    return found is not None
