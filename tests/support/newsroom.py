"""A newsroom under review: one person a role, an account, drafts, and a node whose calls a test sees."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict

from model_platform import Ending, Keyed, ModelAccounts, ModelPlatform
from people import make_person, make_tree
from sqlalchemy import Executable
from stepping import SteppedNode

from config import Database, ManualClock
from config.secrets import KeyRing
from connectors import steady
from organisation import Account, Person, Role, Standing, Unit, standing_of, store_credentials
from organisation.stages import parse_stages, set_stages
from scheduler import Pace, review
from scheduler.posts import Draft
from scheduler.review_drafts import Change, change_draft, send_draft, write_draft
from scheduler.review_tables import Submission
from scheduler.senders import Job

LOGINS = {
    "wen": Role.EDITOR,
    "yi": Role.FIRST_REVIEWER,
    "er": Role.SECOND_REVIEWER,
    "san": Role.FINAL_REVIEWER,
    "fa": Role.PUBLISHER,
}


class _By(TypedDict):
    now: datetime
    actor: str


@dataclass
class Newsroom:
    """The league HH with an account; its region NM demands all three stages."""

    database: Database
    keys: KeyRing
    clock: ManualClock
    folder: Path
    units: dict[str, Unit]
    people: dict[str, Person]
    account: Account
    platform: ModelPlatform
    _node: SteppedNode | None = field(default=None)

    # --- who ----------------------------------------------------------------------------------------------

    def person(self, login: str, role: Role | None = None, unit: str | None = "HH") -> Person:
        """Another person, with a role at a unit (None: the whole house)."""
        roles = {} if role is None else {role: None if unit is None else self.units[unit]}
        made = make_person(self.database, self.keys, login, at=self.clock.now(), roles=roles)
        self.people[login] = made
        return made

    def who(self, login: str) -> Standing:
        with self.database.read() as session:
            return standing_of(session, self.people[login])

    def open_account(self, code: str, handle: str = "", platform: str = "webhook") -> Account:
        with self.database.write() as session:
            unit_id = self.units[code].id or 0
            account = Account(unit_id=unit_id, platform=platform, handle=handle or code, name="号")
            session.add(account)
            session.flush()
            store_credentials(session, self.keys, account, {"secret": "s"})
        return account

    def demand(self, code: str, told: str) -> None:
        """What the unit demands from now on, as people write it."""
        with self.database.write() as session:
            unit = session.get_one(Unit, self.units[code].id)
            set_stages(session, self.keys, unit, parse_stages(told), at=self.clock.now(), actor="test")

    # --- acts ---------------------------------------------------------------------------------------------

    def draft(
        self, said: str = "五四青年节,我们在草原。", *, by: str = "wen", accounts: Sequence[Account] = ()
    ) -> int:
        """A draft for in an hour, to be late by two at most."""
        with self.database.write() as session:
            post = write_draft(
                session,
                self.keys,
                Draft("预告", said),
                accounts or [self.account],
                due=self.clock.now() + timedelta(hours=1),
                lateness_hours=2,
                author_id=self.people[by].known_id,
                **self._by(by),
            )
            return post.id or 0

    def submit(self, post: int, *, urgent: str = "", by: str = "wen") -> Submission:
        person = self.who(by)
        with self.database.write() as session:
            return review.submit(
                session, self.keys, post, person, self.folder, urgent=urgent, **self._by(by)
            )[0]

    def warnings(self, post: int) -> list[str]:
        """Submits it; the codes of what was only shown."""
        person = self.who("wen")
        with self.database.write() as session:
            seen = review.submit(session, self.keys, post, person, self.folder, **self._by("wen"))[1]
            return [one.problem.code for one in seen]

    def approve(self, post: int, *logins: str) -> Submission:
        done: Submission | None = None
        for login in logins:
            person = self.who(login)
            with self.database.write() as session:
                done, _ = review.approve(session, self.keys, post, person, **self._by(login))
        assert done is not None
        return done

    def send_back(self, post: int, login: str, reason: str) -> Submission:
        person = self.who(login)
        with self.database.write() as session:
            return review.send_back(session, self.keys, post, person, reason, **self._by(login))

    def read(self, post: int, login: str) -> Submission:
        person = self.who(login)
        with self.database.write() as session:
            return review.read(session, post, person, self.clock.now())

    def latest(self, post: int) -> Submission:
        with self.database.read() as session:
            found = review.latest(session, post)
        assert found is not None
        return found

    def change(self, post: int, change: Change, *, by: str = "wen") -> bool:
        author_id = self.people[by].known_id
        with self.database.write() as session:
            return change_draft(session, self.keys, post, change, author_id=author_id, **self._by(by))

    def send(self, post: int) -> list[int]:
        with self.database.write() as session:
            return send_draft(session, self.keys, post, **self._by("fa"))

    def tamper(self, statement: Executable) -> None:
        """Straight into the tables, past everything."""
        with self.database.write() as session:
            session.execute(statement)

    # --- the node -----------------------------------------------------------------------------------------

    def turn(self) -> list[Job]:
        """The publishing node turns until there are calls that it is about to make, three times at most."""
        if self._node is None:
            connectors = {self.account.known_id: Keyed(self.platform)}
            accounts = ModelAccounts(connectors, self.clock)
            self._node = SteppedNode(self.database, self.clock, accounts, self.folder, Pace(senders=4))
        for _ in range(3):
            self.clock.advance(2)
            jobs = self._node.turn()
            if jobs:
                return jobs
        return []

    def forget_node(self) -> None:
        """The next turn is another node's, for the account as it is then."""
        self._node = None

    def end(self, job: Job, ending: str = "published") -> list[Job]:
        """The call is made, and the node hears how it ended; gives the calls it makes next."""
        assert self._node is not None
        self.platform.ending = Ending(ending)
        self._node.hear(self._node.call(job))
        for effect in self.platform.on_the_wire:
            self.platform.arrive(*effect)
        self.platform.on_the_wire = []
        return self._node.turn()

    def _by(self, login: str) -> _By:
        return {"now": self.clock.now(), "actor": f"person:{login}"}


def make_newsroom(database: Database, keys: KeyRing, clock: ManualClock, folder: Path) -> Newsroom:
    """Everybody is there, nothing is written yet."""
    units = make_tree(database)
    people = {
        login: make_person(database, keys, login, at=clock.now(), roles={role: units["HH"]})
        for login, role in LOGINS.items()
    }
    with database.write() as session:
        account = Account(unit_id=units["HH"].id or 0, platform="webhook", handle="hh", name="号")
        session.add(account)
        session.flush()
        store_credentials(session, keys, account, {"secret": "s"})
    made = Newsroom(database, keys, clock, folder, units, people, account, ModelPlatform(clock, steady))
    made.demand("NM", "first,second,final")
    return made
