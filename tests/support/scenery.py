"""What most tests of the upper rooms need first: a unit, accounts, queued posts, a publishing node."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session, col, select

from config import Database, ManualClock
from config.clock import Clock
from config.secrets import KeyRing
from config.settings import load_settings
from organisation.accounts import Account
from organisation.credentials import store_credentials
from organisation.units import Unit
from scheduler import Dispatcher, Enqueued, Pace, enqueue
from scheduler.deliveries import Attempt, Delivery, DeliveryEvent
from scheduler.opening import OpenedAccounts
from scheduler.posts import Post


def make_unit(session: Session, code: str = "NM", kind: str = "region") -> Unit:
    """The unit of that code, made as a root if it is not there."""
    found = session.exec(select(Unit).where(Unit.code == code)).one_or_none()
    if found is not None:
        return found
    unit = Unit(code=code, kind=kind, name_zh=f"单位{code}", path=f"{code}/")
    session.add(unit)
    session.flush()
    unit.path = f"{unit.id}/"
    session.add(unit)
    session.flush()
    return unit


def make_account(
    database: Database,
    keys: KeyRing,
    platform: str,
    handle: str,
    *,
    api_base: str = "",
    credentials: Mapping[str, str] | None = None,
    verified: bool = True,
    track: str = "league",
) -> Account:
    """A stored account with sealed credentials."""
    with database.write() as session:
        unit = make_unit(session)
        account = Account(
            unit_id=unit.id or 0,
            platform=platform,
            handle=handle,
            name=f"账号{handle}",
            track=track,
            verified=verified,
            api_base=api_base,
        )
        session.add(account)
        session.flush()
        store_credentials(session, keys, account, credentials or {})
    return account


def queue_posts(
    database: Database,
    account: Account,
    texts: list[str],
    *,
    due: datetime,
    now: datetime | None = None,
    lateness: timedelta = timedelta(hours=2),
    options: Mapping[str, str] | None = None,
    title: str = "标题",
    media: Sequence[str] = (),
) -> list[int]:
    """One post a text for the account, due one after the other at the same moment; gives delivery ids."""
    with database.write() as session:
        posts = [
            Post(
                title=title,
                text=text,
                media=list(media),
                options=dict(options or {}),
                created_at=now or due,
                created_by="test",
            )
            for text in texts
        ]
        session.add_all(posts)
        session.flush()
        items = [Enqueued(post.id or 0, account.known_id, due, lateness) for post in posts]
        return enqueue(session, items, now=now or due, actor="test")


def make_node(
    database: Database,
    keys: KeyRing,
    clock: Clock,
    folder: Path,
    *,
    senders: int = 4,
    lease: float = 60.0,
    call: float = 3.0,
) -> Dispatcher:
    """A publishing node; with a ManualClock it moves the clock where it would wait."""
    settings = load_settings({"MEIZHEN_HOME": str(folder), "MEIZHEN_CALL_SECONDS": str(call)})
    advance = None
    if isinstance(clock, ManualClock):
        manual = clock

        def advance(pause: timedelta) -> None:
            manual.advance(pause.total_seconds())

    pace = Pace(senders=senders, lease=timedelta(seconds=lease), call=timedelta(seconds=call), advance=advance)
    return Dispatcher(database, clock, OpenedAccounts(database, keys, clock, settings), folder, pace)


def run_until_idle(node: Dispatcher, patience: timedelta = timedelta(hours=1)) -> None:
    """Runs a node until nothing is due or under way and nothing will be within `patience`."""
    node.run(threading.Event(), until_idle=True, patience=patience)


def delivery(database: Database, delivery_id: int) -> Delivery:
    """The delivery as it stands."""
    with database.read() as session:
        return session.exec(select(Delivery).where(Delivery.id == delivery_id)).one()


def story(database: Database, delivery_id: int) -> list[tuple[str, str, str]]:
    """Its transitions in order: from, to, code."""
    with database.read() as session:
        events = session.exec(
            select(DeliveryEvent)
            .where(DeliveryEvent.delivery_id == delivery_id)
            .order_by(col(DeliveryEvent.id))
        )
        return [(event.from_state, event.to_state, event.code) for event in events]


def attempts(database: Database, delivery_id: int) -> list[Attempt]:
    """Its calls in order."""
    with database.read() as session:
        wanted = select(Attempt).where(Attempt.delivery_id == delivery_id).order_by(col(Attempt.number))
        return list(session.exec(wanted))
