"""Whatever people do, in whatever order: no post of a unit under review leaves without all its sign-offs.

Hypothesis plays people, acts, edits, tampering and enqueues against the real dispatcher and a real database.
What was signed is noted by the test itself, read plainly from the tables: it trusts no hash of the house.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from newsroom import Newsroom, make_newsroom
from sqlmodel import select

from config import Database, InputError, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation import Role
from organisation.stages import FULL, Stage, parse_stages
from scheduler import Enqueued, cancel, enqueue, pause, reschedule, resume, retry
from scheduler.deliveries import Delivery
from scheduler.posts import Post, Variant
from scheduler.review_drafts import Change
from scheduler.review_people import name_substitute
from scheduler.review_tables import Author, Planned
from scheduler.senders import Job
from scheduler.wording import Wording

WHO = st.sampled_from(("wen", "yi", "er", "san", "fa", "quan", "dai"))
ANY = st.integers(0, 7)
SAID = st.sampled_from(("甲。", "乙。", "丙。"))
MINUTES = st.sampled_from((-30, 0, 1, 30, 119, 150))


@dataclass(frozen=True)
class Plain:
    """What a post says and when it goes where, as the tables have it."""

    title: str
    text: str
    media: tuple[str, ...]
    own: tuple[tuple[int, str | None, str | None], ...]  # account, title, text
    windows: tuple[tuple[int, datetime, datetime], ...]  # account, from, until

    def said(self) -> tuple[str, str]:
        """Title and text of the only copy."""
        title, text = self.title, self.text
        for _, own_title, own_text in self.own:
            title = title if own_title is None else own_title
            text = text if own_text is None else own_text
        return title, text


@dataclass(frozen=True)
class Signature:
    """Somebody signed this stage of this submission, when the post was like this."""

    login: str
    number: int
    stage: Stage
    stages: str
    plain: Plain
    authors: frozenset[int]


class ReviewMachine(RuleBasedStateMachine):
    """One newsroom for all plays; every play has its own account and posts."""

    room: ClassVar[Newsroom]
    plays: ClassVar[int] = 0
    sent: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).plays += 1
        room = self.room
        room.account = room.open_account("HH", f"a{self.plays}")
        room.forget_node()
        room.demand("HH", "inherit")
        self.posts: list[int] = []
        self.signatures: dict[int, list[Signature]] = {}
        self.queued_under: dict[int, tuple[Stage, ...]] = {}  # by post: what was demanded when it was queued
        self.demanded: tuple[Stage, ...] = FULL

    # --- people -------------------------------------------------------------------------------------------

    @rule(said=SAID, by=WHO)
    def write(self, said: str, by: str) -> None:
        self.posts.append(self.room.draft(said, by=by))
        self.signatures[self.posts[-1]] = []

    @precondition(lambda self: self.posts)
    @rule(pick=ANY, said=SAID, by=WHO, only_copy=st.booleans())
    def edit(self, pick: int, said: str, by: str, only_copy: bool) -> None:
        change = Change(text=said)
        if only_copy:
            change = Change(wordings={self.room.account.known_id: Wording(text=said)})
        self._try(lambda: self.room.change(self._post(pick), change, by=by))

    @precondition(lambda self: self.posts)
    @rule(pick=ANY, minutes=MINUTES)
    def plan_anew(self, pick: int, minutes: int) -> None:
        due = self.room.clock.now() + timedelta(minutes=minutes)
        self._try(lambda: self.room.change(self._post(pick), Change(due=due)))

    @precondition(lambda self: self.posts)
    @rule(pick=ANY, said=SAID)
    def tamper(self, pick: int, said: str) -> None:
        """Somebody with a database tool, past everything."""
        with self.room.database.write() as session:
            session.get_one(Post, self._post(pick)).text = said

    @precondition(lambda self: self.posts)
    @rule(pick=ANY, by=WHO, urgent=st.sampled_from(("", "", "防汛")))
    def submit(self, pick: int, by: str, urgent: str) -> None:
        self._try(lambda: self.room.submit(self._post(pick), by=by, urgent=urgent))

    @precondition(lambda self: self.posts)
    @rule(pick=ANY, who=st.lists(WHO, min_size=1, max_size=4))
    def approve(self, pick: int, who: list[str]) -> None:
        for login in who:
            self._sign(self._post(pick), login)

    @precondition(lambda self: self.posts)
    @rule(pick=ANY, by=st.sampled_from(("wen", "quan")), urgent=st.booleans())
    def pass_all(self, pick: int, by: str, urgent: bool) -> None:
        """The whole way, as it should be gone."""
        post = self._post(pick)
        self._try(lambda: self.room.submit(post, by=by, urgent="防汛" if urgent else ""))
        for login in ("yi", "er", "san"):
            self._sign(post, login)

    @precondition(lambda self: self.posts)
    @rule(pick=ANY, by=WHO)
    def send_back(self, pick: int, by: str) -> None:
        self._try(lambda: self.room.send_back(self._post(pick), by, "再改"))

    @rule(login=st.sampled_from(("yi", "er", "san")), other=st.sampled_from(("dai", "fa", "yi")))
    def stand_in(self, login: str, other: str) -> None:
        room = self.room

        def name() -> None:
            person, now = room.who(login), room.clock.now()
            with room.database.write() as session:
                name_substitute(
                    session,
                    room.keys,
                    person,
                    room.people[other],
                    until=now.date() + timedelta(days=1),
                    now=now,
                    actor=login,
                )

        self._try(name)

    @rule(told=st.sampled_from(("inherit", "none", "final", "first,final", "inherit")))
    def demand(self, told: str) -> None:
        self.room.demand("HH", told)
        stages = parse_stages(told)
        self.demanded = FULL if stages is None else stages

    # --- the queue ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.posts)
    @rule(pick=ANY)
    def send(self, pick: int) -> None:
        post = self._post(pick)
        if self._try(lambda: self.room.send(post)):
            self.queued_under[post] = self.demanded

    @precondition(lambda self: self.posts)
    @rule(pick=ANY, minutes=MINUTES, lateness=st.sampled_from((1, 60, 300)))
    def enqueue_directly(self, pick: int, minutes: int, lateness: int) -> None:
        room, post = self.room, self._post(pick)
        if self._deliveries(post):
            return
        now = room.clock.now()
        item = Enqueued(
            post, room.account.known_id, now + timedelta(minutes=minutes), timedelta(minutes=lateness)
        )

        def queue() -> None:
            with room.database.write() as session:
                enqueue(session, [item], now=now, actor="anybody")

        if self._try(queue):
            self.queued_under[post] = self.demanded

    @precondition(lambda self: self.queued_under)
    @rule(pick=ANY, act=st.sampled_from((cancel, pause, resume, retry, retry)))
    def act(self, pick: int, act: Callable[..., None]) -> None:
        self._act(pick, act)

    @precondition(lambda self: self.queued_under)
    @rule(pick=ANY, minutes=MINUTES)
    def move(self, pick: int, minutes: int) -> None:
        self._act(pick, reschedule, due=self.room.clock.now() + timedelta(minutes=minutes))

    @rule(minutes=st.sampled_from((1, 29, 61)))
    def wait(self, minutes: int) -> None:
        self.room.clock.advance(60 * minutes)

    @rule(ending=st.sampled_from(("published", "published", "refused", "unreachable")))
    def work(self, ending: str) -> None:
        """The node does what there is to do; whatever leaves is looked at."""
        jobs = self.room.turn()
        while jobs:
            self._may_leave(jobs[0])
            jobs = self.room.end(jobs[0], ending)

    @rule(said=SAID, other=SAID, spoil=st.sampled_from(("", "", "skipped", "edited", "tampered")))
    def live(self, said: str, other: str, spoil: str) -> None:
        """A post's whole life; chance alone would hardly ever bring one to its end."""
        self.write(said, "wen")
        last = len(self.posts) - 1
        post = self.posts[last]
        self._try(lambda: self.room.submit(post))
        for login in ("yi", "san") if spoil == "skipped" else ("yi", "er", "san"):
            self._sign(post, login)
        if spoil == "edited":
            self.edit(last, other, "wen", False)
        self.send(last)
        if spoil == "tampered":
            self.tamper(last, other)
        self.room.clock.advance(3660)
        self.work("published")

    # --- what must hold -----------------------------------------------------------------------------------

    def _may_leave(self, job: Job) -> None:
        type(self).sent += 1
        post = job.work.post_id
        demanded = self.queued_under[post]
        plain = self._plain(post)
        said = (job.outgoing.title, job.outgoing.text)
        assert said == plain.said(), "what leaves is not what the tables say"
        if not demanded:
            return
        now = self.room.clock.now()
        ((_, first, last),) = plain.windows
        assert first <= now <= last, "outside the window that was signed"
        numbers = {one.number for one in self.signatures[post]}
        assert any(self._suffices(post, number, demanded, plain) for number in numbers), "not all have signed"

    def _suffices(self, post: int, number: int, demanded: tuple[Stage, ...], plain: Plain) -> bool:
        signed = [one for one in self.signatures[post] if one.number == number and one.plain == plain]
        if not signed or len({one.login for one in signed}) < len(signed):
            return False
        ids = {self.room.people[one.login].known_id for one in signed}
        if any(ids & one.authors for one in signed):
            return False
        stages = [one.stage for one in signed]
        if signed[0].stages == "any,final":
            return stages == [Stage.ANY, Stage.FINAL]
        return ",".join(stages) == signed[0].stages and set(demanded) <= set(stages)

    def teardown(self) -> None:
        """Every play ends with a post that goes the whole way: what is looked at above did happen."""
        before = type(self).sent
        self.demand("inherit")
        self.live("末", "末", "")
        assert type(self).sent > before

    # --- steps --------------------------------------------------------------------------------------------

    def _post(self, pick: int) -> int:
        return self.posts[pick % len(self.posts)]

    def _try(self, act: Callable[[], object]) -> bool:
        """Does it if the house lets it; every refusal is one that people can read."""
        try:
            act()
        except InputError as error:
            assert error.problems
            return False
        except MeizhenError as error:
            assert str(error)
            return False
        return True

    def _sign(self, post: int, login: str) -> None:
        room = self.room
        plain, authors = self._plain(post), self._authors(post)
        person = room.who(login)
        if not self._try(lambda: room.approve(post, login)):
            return
        done = room.latest(post)
        stage = Stage(done.stages.split(",")[done.signed - 1])
        one = Signature(person.login, done.number, stage, done.stages, plain, authors)
        self.signatures[post].append(one)

    def _act(self, pick: int, act: Callable[..., None], **more: datetime) -> None:
        posts = sorted(self.queued_under)
        ids = self._deliveries(posts[pick % len(posts)])

        def do() -> None:
            with self.room.database.write() as session:
                act(session, self.room.keys, ids, now=self.room.clock.now(), actor="person", **more)

        self._try(do)

    def _deliveries(self, post: int) -> list[int]:
        with self.room.database.read() as session:
            return [one for one in session.exec(select(Delivery.id).where(Delivery.post_id == post)) if one]

    def _authors(self, post: int) -> frozenset[int]:
        with self.room.database.read() as session:
            return frozenset(session.exec(select(Author.person_id).where(Author.post_id == post)))

    def _plain(self, post: int) -> Plain:
        with self.room.database.read() as session:
            row = session.get_one(Post, post)
            planned = session.exec(select(Planned).where(Planned.post_id == post)).all()
            own = session.exec(select(Variant).where(Variant.post_id == post)).all()
        return Plain(
            row.title,
            row.text,
            tuple(row.media),
            tuple((one.account_id, one.title, one.text) for one in own),
            tuple((one.account_id, one.due, one.late_after) for one in planned),
        )


def test_nothing_under_review_leaves_without_all_its_sign_offs(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    room = make_newsroom(database, keys, clock, tmp_path)
    room.person("quan", Role.OWNER)
    room.person("dai")

    class Played(ReviewMachine):
        pass

    Played.room = room
    run_state_machine_as_test(
        Played,
        settings=settings(
            max_examples=12, stateful_step_count=25, suppress_health_check=list(HealthCheck), deadline=None
        ),
    )
    assert Played.plays >= 10 and Played.sent >= 10  # posts did leave
