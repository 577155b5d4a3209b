"""Review: three people on exactly one content, in order, or nothing goes out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from people import make_person, make_tree
from scenery import make_node, run_until_idle
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from config import Database, InputError, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation import Account, Person, Role, Unit, entries_of, standing_of, store_credentials
from organisation.permissions import Standing
from organisation.stages import FULL, Stage, parse_stages, set_stages, stages_of
from organisation.words import set_word
from scheduler import Enqueued, enqueue, review, review_drafts, review_people
from scheduler.deliveries import Attempt, Delivery, State
from scheduler.posts import Draft, Post
from scheduler.review_content import contents_of, of_facts
from scheduler.review_drafts import Change, change_draft, send_draft, write_draft
from scheduler.review_tables import SignOff, Submission

LOGINS = {
    "wen": Role.EDITOR,
    "yi": Role.FIRST_REVIEWER,
    "er": Role.SECOND_REVIEWER,
    "san": Role.FINAL_REVIEWER,
    "fa": Role.PUBLISHER,
}


@dataclass
class Newsroom:
    """A league with an account, one person a role, and all three stages demanded from above it."""

    database: Database
    keys: KeyRing
    clock: ManualClock
    folder: Path
    units: dict[str, Unit]
    people: dict[str, Person]
    account: Account

    def who(self, login: str) -> Standing:
        with self.database.read() as session:
            return standing_of(session, self.people[login])

    def draft(self, said: str = "五四青年节,我们在草原。", *, by: str = "wen") -> int:
        with self.database.write() as session:
            post = write_draft(
                session,
                self.keys,
                Draft("预告", said),
                [self.account],
                due=self.clock.now() + timedelta(hours=1),
                lateness_hours=2,
                author_id=self.people[by].known_id,
                now=self.clock.now(),
                actor=f"person:{by}",
            )
            return post.id or 0

    def submit(self, post: int, *, urgent: str = "", by: str = "wen") -> Submission:
        with self.database.write() as session:
            done, _ = review.submit(
                session, self.keys, post, self.who(by), self.folder, urgent=urgent, **self._by(by)
            )
            return done

    def approve(self, post: int, *logins: str) -> Submission:
        done: Submission | None = None
        for login in logins:
            with self.database.write() as session:
                done, _ = review.approve(session, self.keys, post, self.who(login), **self._by(login))
        assert done is not None
        return done

    def send_back(self, post: int, login: str, reason: str) -> Submission:
        with self.database.write() as session:
            return review.send_back(
                session, self.keys, post, self.who(login), reason, **self._by(login)
            )

    def change(self, post: int, change: Change, *, by: str = "wen") -> bool:
        with self.database.write() as session:
            return change_draft(
                session, self.keys, post, change, author_id=self.people[by].known_id, **self._by(by)
            )

    def send(self, post: int) -> list[int]:
        with self.database.write() as session:
            return send_draft(session, self.keys, post, **self._by("fa"))

    def _by(self, login: str) -> dict[str, object]:
        return {"now": self.clock.now(), "actor": f"person:{login}"}


@pytest.fixture
def newsroom(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> Newsroom:
    return make_newsroom(database, keys, clock, tmp_path)


def make_newsroom(database: Database, keys: KeyRing, clock: ManualClock, folder: Path) -> Newsroom:
    units, at = make_tree(database), clock.now()
    people = {
        login: make_person(database, keys, login, at=at, roles={role: units["HH"]})
        for login, role in LOGINS.items()
    }
    with database.write() as session:
        account = Account(unit_id=units["HH"].id or 0, platform="webhook", handle="hh", name="号")
        session.add(account)
        session.flush()
        store_credentials(session, keys, account, {"secret": "s"})
        set_stages(session, keys, session.get_one(Unit, units["NM"].id), FULL, at=at, actor="test")
    return Newsroom(database, keys, clock, folder, units, people, account)


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(MeizhenError) as error:
        act()
    assert error.value.code == code
    assert error.value.told("zh") and error.value.told("en")


def test_three_people_in_order_and_then_it_may_be_queued(newsroom: Newsroom) -> None:
    post = newsroom.draft()
    refused("review.not_approved", lambda: newsroom.send(post))
    assert newsroom.submit(post).stages == "first,second,final"
    assert newsroom.approve(post, "yi", "er").state == "open"
    refused("review.not_approved", lambda: newsroom.send(post))
    done = newsroom.approve(post, "san")
    assert (done.state, done.signed) == ("approved", 3)
    (delivery,) = newsroom.send(post)
    with newsroom.database.read() as session:
        assert session.get_one(Delivery, delivery).approved_hash == done.content_hash
        acts = [entry.act for entry in entries_of(session, subject=f"post:{post}")]
    assert acts == ["post.send", *3 * ["review.approve"], "review.submit", "post.draft"]
