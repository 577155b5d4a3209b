"""A house with a newsroom for tests of pages: people by role, posts, and one browser a person."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from console import Console, Consoles, consoles
from newsroom import Newsroom, make_newsroom
from sqlalchemy import event
from sqlmodel import select

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation import Account
from organisation.sessions import open_session
from scheduler.deliveries import Delivery
from scheduler.posts import Draft, queue_post


class DeskHouse:
    """The newsroom of league HH (its region NM demands three stages), and BT, where nothing is demanded."""

    def __init__(self, newsroom: Newsroom, there: Consoles) -> None:
        self.newsroom = newsroom
        self.there = there
        self.database = newsroom.database
        self.clock = newsroom.clock

    def free_account(self, handle: str = "bt") -> Account:
        """An account of a unit that demands no review."""
        self.newsroom.demand("BT", "none")
        return self.newsroom.open_account("BT", handle)

    def browser(self, login: str) -> Console:
        """Somebody signed in, who reads Chinese."""
        console = self.there.browser()
        console.client.cookies.set("meizhen-language", "zh")
        console.client.cookies.set("meizhen-session", self.session(login))
        console.get("/me")
        return console

    def session(self, login: str) -> str:
        """A session's token; not by the sign-in page, which is tested elsewhere and takes its time."""
        with self.database.write() as session:
            person = self.newsroom.people[login]
            return open_session(session, person, at=self.clock.now(), address="127.0.0.1")

    def queue(self, account: Account, title: str, hours: float = 24, said: str = "正文") -> int:
        """A queued post to an account that demands no review."""
        with self.database.write() as session:
            queued = queue_post(
                session,
                self.newsroom.keys,
                Draft(title, said),
                [account],
                due=self.clock.now() + timedelta(hours=hours),
                lateness_hours=2,
                now=self.clock.now(),
                actor="person:wen",
            )
        return queued.post_id

    def deliveries(self, post_ids: Sequence[int]) -> list[Delivery]:
        with self.database.read() as session:
            rows = session.exec(select(Delivery).order_by(Delivery.id))  # type: ignore[arg-type]
            return [one for one in rows if one.post_id in post_ids]

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The statements that are run within."""
        seen: list[str] = []

        def note(_c: object, _k: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        event.listen(self.database.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(self.database.engine, "before_cursor_execute", note)


@contextmanager
def desk_house(database: Database, keys: KeyRing, clock: ManualClock, folder: Path) -> Iterator[DeskHouse]:
    newsroom = make_newsroom(database, keys, clock, folder)
    with consoles(database, keys, clock, folder) as there:
        yield DeskHouse(newsroom, there)
