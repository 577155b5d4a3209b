"""The oracle of the fault tests: what the platform itself received decides, not what we believe.

Received per post <= 1; every post ends in a named state; published means received; each account's order
holds. `Trial` is an organisation whose platform is the sandbox; `assert_oracle` takes any list of arrivals.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from scenery import COVER, make_account, make_node, queue_posts, run_until_idle
from sqlmodel import col, select

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation.accounts import Account
from sandbox.world import Fault, World
from scheduler import Dispatcher
from scheduler.deliveries import Delivery, State
from scheduler.lanes import Lane
from scheduler.media import store_media
from scheduler.posts import Post

if TYPE_CHECKING:
    from conftest import RunningSandbox

_WITH_A_PERSON = {State.FAILED, State.UNCERTAIN, State.MISSED, State.HANDED_OVER}
_CERTAINLY_NOT_OUT = {State.QUEUED, State.PAUSED, State.FAILED, State.MISSED, State.CANCELLED}


def assert_oracle(
    database: Database, received: Sequence[str], now: datetime, *, in_order: bool = True
) -> Counter[str]:
    """Holds the books against what arrived; gives how many deliveries stand in each state.

    `received` are delivery keys in order of arrival, a repeat standing there again. `in_order` is False where
    a person had posts sent again out of turn.
    """
    with database.read() as session:
        rows = session.exec(
            select(Delivery, Lane)
            .join(Lane, col(Lane.account_id) == col(Delivery.account_id))
            .order_by(col(Delivery.id))
        ).all()
    times = Counter(received)
    assert set(times) <= {delivery.key for delivery, _ in rows}, "the platform has what we never sent"
    for delivery, lane in rows:
        told = f"delivery {delivery.id}: {delivery.state}, received {times[delivery.key]} times"
        assert times[delivery.key] <= 1, told
        assert _is_named(delivery, lane, now), told
        assert delivery.state != State.PUBLISHED or times[delivery.key] == 1, told
        assert delivery.state not in _CERTAINLY_NOT_OUT or times[delivery.key] == 0, told
    if in_order:
        _assert_order([delivery for delivery, _ in rows], received)
    return Counter(delivery.state for delivery, _ in rows)


def _is_named(delivery: Delivery, lane: Lane, now: datetime) -> bool:
    """Is it clear who moves it on? Nothing may be left due, under way, or in a doubt that nobody looks at."""
    if delivery.state in (State.PUBLISHED, State.CANCELLED, State.PAUSED):
        return True
    if delivery.state in _WITH_A_PERSON:
        return delivery.needs_person
    if delivery.state == State.QUEUED:
        return lane.paused or (lane.next_at is not None and lane.next_at > now)
    return False


def _assert_order(deliveries: Sequence[Delivery], received: Sequence[str]) -> None:
    by_key = {delivery.key: delivery for delivery in deliveries}
    last: dict[int, int] = {}
    for key in received:
        delivery = by_key[key]
        assert delivery.seq > last.get(delivery.account_id, 0), f"{delivery.id} arrived before an earlier one"
        last[delivery.account_id] = delivery.seq


@dataclass
class Trial:
    """An organisation that publishes to the sandbox while something goes wrong."""

    database: Database
    keys: KeyRing
    clock: ManualClock
    folder: Path
    sandbox: "RunningSandbox"
    call: float = 3.0  # seconds a call may take
    accounts: list[Account] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.sandbox.world

    def account(self, platform: str = "webhook", handle: str = "site") -> Account:
        """An account with its counterpart in the sandbox."""
        there = import_module(f"sandbox.platforms.{platform}").example(self.world, handle)
        there.posts_per_week = 0.0
        account = make_account(
            self.database,
            self.keys,
            platform,
            handle,
            api_base=f"{self.sandbox.url}/{platform}",
            credentials=there.credentials,
        )
        self.accounts.append(account)
        return account

    def queue(
        self,
        account: Account,
        count: int = 1,
        *,
        lateness: timedelta = timedelta(hours=2),
        due: datetime | None = None,
        media: Sequence[str] = (),
        options: Mapping[str, str] | None = None,
    ) -> list[int]:
        """So many posts, due now, each with a text of its own that every platform takes."""
        begun = self._texts(account)
        texts = [f"{account.handle}〔{begun + n}〕 https://www.example.org/a/1 " for n in range(1, count + 1)]
        return queue_posts(
            self.database,
            account,
            texts,
            due=due or self.clock.now(),
            now=self.clock.now(),
            lateness=lateness,
            options=options,
            media=media,
        )

    def cover(self) -> str:
        """The hash of a stored picture, which WeChat's posts need."""
        picture = self.folder / "cover.jpg"
        picture.write_bytes(COVER)
        with self.database.write() as session:
            return store_media(session, self.folder, picture, now=self.clock.now()).sha256

    def _texts(self, account: Account) -> int:
        with self.database.read() as session:
            rows = session.exec(select(Delivery.id).where(col(Delivery.account_id) == account.known_id))
            return len(rows.all())

    def strike(self, *faults: Fault) -> None:
        """From now on these go wrong at the platforms, and no others."""
        self.world.set_faults(*faults)

    def node(self, *, senders: int = 4) -> Dispatcher:
        return make_node(self.database, self.keys, self.clock, self.folder, senders=senders, call=self.call)

    def run(self, patience: timedelta = timedelta(hours=1), *, senders: int = 4) -> None:
        """One node, until nothing is due or under way and nothing will be within `patience`."""
        run_until_idle(self.node(senders=senders), patience)

    def received(self) -> list[str]:
        """The keys of what the platforms took, in order of arrival; posts are known by their text where a
        platform knows no key."""
        with self.database.read() as session:
            rows = session.exec(
                select(Delivery.key, Post.text, Account.platform, Account.handle)
                .join(Post, col(Post.id) == col(Delivery.post_id))
                .join(Account, col(Account.id) == col(Delivery.account_id))
            ).all()
        arrived: list[tuple[int, str]] = []
        for key, words, platform, handle in rows:
            for item in self.world.of(platform, handle):
                if item.key == key or (not item.key and words.split()[0] in item.text):
                    arrived += [(item.sequence, key)] * item.received
        return [key for _, key in sorted(arrived)]

    def judge(self, *, in_order: bool = True) -> Counter[str]:
        """The oracle over everything that was queued."""
        return assert_oracle(self.database, self.received(), self.clock.now(), in_order=in_order)
