"""A house with a year of figures for awards, for tests of their pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from award_world import World, wechat
from console import Console, Consoles, consoles
from people import make_person
from sqlmodel import col, select

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation import Role, Unit
from organisation.ledger import LedgerEntry
from organisation.sessions import open_session


class AwardHouse:
    """A house with a year of two tracks, its owner `quan`, and `shu`, who is analyst of one unit only."""

    def __init__(
        self, database: Database, keys: KeyRing, clock: ManualClock, there: Consoles, home: Path
    ) -> None:
        self.database, self.clock, self.home = database, clock, home
        self.there = there
        with database.read() as session:
            unit = session.exec(select(Unit)).first()
        self._people = {
            login: make_person(database, keys, login, at=clock.now(), roles=roles)
            for login, roles in (("quan", {Role.OWNER: None}), ("shu", {Role.ANALYST: unit}))
        }

    def browser(self, login: str) -> Console:
        console = self.there.browser()
        console.client.cookies.set("meizhen-language", "zh")
        console.client.cookies.set("meizhen-session", self.session(login))
        console.get("/me")
        return console

    def session(self, login: str) -> str:
        """The token of somebody who is signed in."""
        with self.database.write() as session:
            return open_session(session, self._people[login], at=self.clock.now(), address="127.0.0.1")

    def through(self) -> None:
        """Does the job that a form asked for."""
        assert self.there.do_jobs() == 1

    def acts(self) -> list[str]:
        with self.database.read() as session:
            entries = session.exec(select(LedgerEntry).order_by(col(LedgerEntry.seq))).all()
        return [one.act for one in entries if one.act.startswith("award.")]


@contextmanager
def award_house(database: Database, keys: KeyRing, folder: Path) -> Iterator[AwardHouse]:
    """Three accounts of one track; the clock stands in the January after their year."""
    world = World()
    for number in range(3):
        key = world.account("wechat", f"demo-a{number}", "league")
        for month in range(1, 13):
            world.article(key, date(2026, month, 2), wechat(900 * (number + 1)))
    world.store(database, 1)
    clock = ManualClock(datetime(2027, 1, 12, 1, tzinfo=UTC))
    with consoles(database, keys, clock, folder) as there:
        yield AwardHouse(database, keys, clock, there, folder)
