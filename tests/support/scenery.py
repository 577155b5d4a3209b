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
from sandbox.world import World
from scheduler import Dispatcher, Enqueued, Pace, enqueue
from scheduler.deliveries import Attempt, Delivery, DeliveryEvent
from scheduler.opening import OpenedAccounts
from scheduler.posts import Post

# A whole grey JPEG of one pixel.
COVER = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f"
    "141d1a1f1e1d1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffc0000b08000100010101"
    "1100ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b51000020103030204030505"
    "04040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a"
    "25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a8384858687"
    "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2"
    "e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00fbd3ffd9"
)


class WorldClock(ManualClock):
    """Our clock and the platforms' in one: a publication that takes seconds ends when ours have passed."""

    def __init__(self, at: datetime, world: World) -> None:
        self._world = world
        super().__init__(at)

    def move_to(self, at: datetime) -> None:
        super().move_to(at)
        self._world.move_to(at)

    def advance(self, seconds: float) -> None:
        self.move_to(self.now() + timedelta(seconds=seconds))


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
    settings = load_settings(
        {
            "MEIZHEN_HOME": str(folder),
            "MEIZHEN_CALL_SECONDS": str(call),
            "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8",
        }
    )
    advance = None
    if isinstance(clock, ManualClock):
        manual = clock

        def advance(pause: timedelta) -> None:
            manual.advance(pause.total_seconds())

    pace = Pace(
        senders=senders, lease=timedelta(seconds=lease), call=timedelta(seconds=call), advance=advance
    )
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
