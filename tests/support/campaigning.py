"""A campaign of the region NM for its leagues HH and BT, and posts that count for it: for tests."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TypedDict

from people import make_tree

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation import Account, Unit
from scheduler.campaign_counting import Cell, attach_post
from scheduler.campaign_items import Wanted, add_item
from scheduler.campaigns import Plan, add_campaign
from scheduler.deliveries import Delivery, State
from scheduler.posts import Draft, queue_post

STARTS, DUE, ENDS = date(2026, 3, 1), date(2026, 3, 3), date(2026, 3, 20)


class _By(TypedDict):
    now: datetime
    actor: str


class Field:
    """Units NM > HH > HH-1, NM > BT, and BJ, each with an account `webhook:CODE`; the clock is at 2 March."""

    def __init__(
        self, database: Database, keys: KeyRing, clock: ManualClock, platform: str = "webhook"
    ) -> None:
        self.database, self.keys, self.clock = database, keys, clock
        self.units: dict[str, Unit] = make_tree(database)
        self.accounts: dict[str, Account] = {}
        with database.write() as session:
            for code, unit in self.units.items():
                account = Account(unit_id=unit.id or 0, platform=platform, handle=code, name=f"账号{code}")
                session.add(account)
                self.accounts[code] = account

    @property
    def by(self) -> _By:
        return {"now": self.clock.now(), "actor": "person:own"}

    def campaign(self, title: str = "学雷锋", unit: str = "NM", units: Sequence[str] = ("HH", "BT")) -> int:
        """A campaign with two items, due on 3 March and at its end."""
        taking = [self.units[code] for code in units]
        with self.database.write() as session:
            plan = Plan(title, STARTS, ENDS, "每个单位都动起来")
            made = add_campaign(session, self.keys, self.units[unit], plan, taking, **self.by)
            add_item(session, self.keys, made.known_id, Wanted("推送", DUE, 2, "稿件"), **self.by)
            add_item(session, self.keys, made.known_id, Wanted("志愿服务", ENDS), **self.by)
        return made.known_id

    def post(self, *codes: str, title: str = "雷锋就在身边") -> int:
        """A post that waits for its time on these units' accounts."""
        accounts = [self.accounts[code] for code in codes]
        due = self.clock.now() + timedelta(hours=1)
        with self.database.write() as session:
            draft = Draft(title, "正文")
            return queue_post(
                session, self.keys, draft, accounts, due=due, lateness_hours=2, **self.by
            ).post_id

    def attach(self, post: int, campaign: int, item: int | None) -> None:
        with self.database.write() as session:
            attach_post(session, self.keys, post, Cell(campaign, item), **self.by)

    def publish(self, post: int, code: str, day: date, *, remote_id: str = "", url: str = "") -> None:
        """The post is out on the account of a unit since the noon of a day."""
        from sqlmodel import select

        at = datetime(day.year, day.month, day.day, 4, tzinfo=self.clock.now().tzinfo)
        account = self.accounts[code].known_id
        with self.database.write() as session:
            found = session.exec(
                select(Delivery).where(Delivery.post_id == post, Delivery.account_id == account)
            ).one()
            for state in (State.SENDING, State.PUBLISHED):  # no other way is there
                found.state = state
                if state is State.PUBLISHED:
                    found.published_at, found.remote_id, found.url = at, remote_id, url
                session.add(found)
                session.flush()
