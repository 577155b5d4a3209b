"""The dispatcher: one thread owns the database and all decisions, sender threads only call platforms.

Its loop: take the calls that ended; in one transaction write how they ended, renew and take lanes, and write
the attempt of the next post of each free lane; only after the commit hand those posts to the senders.
`docs/explanation/deliveries.md` says why it may promise what it promises.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty

import structlog
from sqlmodel import Session

from config.clock import Clock
from config.database import LOST, Database
from connectors import ConnectorError, Outgoing, Refused, Throttled, steady
from scheduler import lanes, notices
from scheduler.assisted_tasks import open_tasks
from scheduler.deliveries import State
from scheduler.gates import Gates
from scheduler.holding import Accounts, Holding, Opened
from scheduler.journal import Ended, Page, Work
from scheduler.nodes import is_dead, this_node
from scheduler.outcomes import Purpose, Standing, Verdict, judge
from scheduler.outgoing import Built, outgoing_for
from scheduler.queue import next_due, release_dead_nodes
from scheduler.review_approvals import refusals, unreviewed
from scheduler.senders import Answer, Job, Senders
from scheduler.watch import Watch

__all__ = ["Accounts", "Dispatcher", "Opened", "Pace"]

_log = structlog.get_logger("scheduler.dispatcher")
_MOST_FAILED_TURNS = 3
_GATHER_SECONDS = 0.02
_MOST_GATHERINGS = 5


@dataclass(frozen=True)
class Pace:
    """How a node keeps time. `advance` moves the demo's clock instead of waiting; None waits really."""

    senders: int = 16
    tick: timedelta = timedelta(seconds=1)
    lease: timedelta = timedelta(seconds=60)
    call: timedelta = timedelta(seconds=30)
    advance: Callable[[timedelta], None] | None = None

    @property
    def ahead(self) -> timedelta:
        """How long before its time a lane is taken, so that its post leaves at its time."""
        return 2 * self.tick


class Dispatcher:
    """One publishing node. `run` until stopped, or until nothing is due or under way."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        accounts: Accounts,
        media_folder: Path,
        pace: Pace | None = None,
    ) -> None:
        self.node = this_node()
        self.watch = Watch()
        self._database = database
        self._clock = clock
        self._media_folder = media_folder
        self._pace = pace or Pace()
        self._gates = Gates(clock)
        self._holding = Holding(
            self.node,
            accounts,
            self._gates,
            senders=self._pace.senders,
            ahead=self._pace.ahead,
            lease=self._pace.lease,
            call=self._pace.call,
        )
        self._in_flight: dict[int, Job] = {}  # by account
        self._unwritten: list[Ended] = []  # ended, but the database could not be reached
        self._gathering = threading.Event()  # never set: a wait that a signal may cut short
        self._failed_turns = 0
        self._next_tick = clock.now()
        self._senders = Senders(self._pace.senders)

    def wake(self) -> None:
        """Has the loop look at the database now; from any thread."""
        self._senders.answers.put(None)

    def run(
        self,
        stop: threading.Event,
        *,
        until_idle: bool = False,
        patience: timedelta = timedelta(minutes=2),
        until: datetime | None = None,
    ) -> None:
        """Publishes what becomes due until `stop` is set (then finishes what is under way).

        `until_idle` ends when nothing is due or under way, and nothing will be tried again within
        `patience`; `until` ends at that moment of the clock.
        """
        answers: list[Answer] = []
        try:
            while not stop.is_set():
                heard, answers = answers, []
                if self.turn(heard) and until_idle and self._is_idle(patience):
                    break
                if until is not None and self._clock.now() >= until and not self._in_flight:
                    break
                answers = self._wait(until)
        finally:
            self._finish(answers)

    # --- one turn -----------------------------------------------------------------------------------------

    def turn(self, answers: Sequence[Answer] = ()) -> bool:
        """One round: writes how these calls ended, begins what is due. False where the database was lost."""
        now = self._clock.now()
        self._unwritten += [self._judged(answer, now) for answer in answers]
        try:
            self._turn(now)
        except LOST as error:
            # Forgets every plan: what was really written is read again once the database is back.
            self.watch.lost_database()
            _log.error("database_unreachable", reason=type(error.orig).__name__)
            self._forget_plans()
            return False
        except Exception:
            _log.exception("turn_failed", unwritten=[item.work.id for item in self._unwritten])
            self._forget_plans()
            self._failed_turns += 1
            if self._failed_turns >= _MOST_FAILED_TURNS:
                # Their attempts stay open: whoever takes the lanes next looks them up.
                self._unwritten, self._failed_turns = [], 0
            return False
        self._failed_turns = 0
        self.watch.turned(self._clock.now())
        return True

    def _forget_plans(self) -> None:
        self._holding.forget()
        self._next_tick = self._clock.now() + self._pace.tick

    def _turn(self, now: datetime) -> None:
        # A clock that was set back is no reason to stand still until it is here again.
        ticks = not now < self._next_tick <= now + self._pace.tick
        if not (self._unwritten or ticks or self._holding.has_work(now)):
            return
        chosen: list[Work] = []
        try:
            with self._database.write(by_key=True) as session:
                page = Page(session, self.node, now)
                self._write_ended(session, page, self._unwritten)
                self._take_lanes(session, now, ticks=ticks)
                self._holding.read_stale(session, page, now)
                self._holding.miss_late(session, page, now)
                chosen = self._holding.choose(now, self._room())
                jobs = self._begin(session, page, chosen)
                self._holding.give_back(session, now, {job.work.account_id for job in jobs})
                page.close()
        except BaseException:
            self._put_back(chosen)
            raise
        self._unwritten = []
        for job in jobs:
            self._holding.lanes[job.work.account_id].busy = True
            self._in_flight[job.work.account_id] = job
            self._senders.send(job)
        self._senders.relieve()

    def _take_lanes(self, session: Session, now: datetime, *, ticks: bool) -> None:
        busy = self._in_flight.keys()  # what ended was written just now: its lane is free
        slow = self._senders.slow()
        if ticks:
            self._next_tick = now + self._pace.tick
            release_dead_nodes(session, self.node, now, is_dead)
            self._holding.tick(session, now, slow=slow, busy=busy)
        else:
            self._gates.read_again(session, now)
            self._holding.take_more(session, now, slow=slow, busy=busy)

    def _judged(self, answer: Answer, now: datetime) -> Ended:
        work, gate, said = answer.job.work, answer.job.gate, answer.said
        self._in_flight.pop(work.account_id, None)
        if isinstance(said, Throttled) and said.app_wide:
            gate.refused(now)
        else:
            gate.took(now)
        standing = Standing(
            work.purpose, work.attempts, work.looks, work.started_at or now, work.waiting_since
        )
        ended = Ended.by(work, now, judge(answer.job.connector, standing, said, now))
        self.watch.ended(answer.job.connector.platform, ended)
        return ended

    def _write_ended(self, session: Session, page: Page, ended: Sequence[Ended]) -> None:
        overtaken = {id(item) for item in page.end(ended)}
        open_tasks(session, [item for item in ended if id(item) not in overtaken], self.node)
        self.watch.refused(len(overtaken))
        shut: dict[str, tuple[datetime, str]] = {}
        for item in ended:
            lane = self._holding.lanes.get(item.work.account_id)
            verdict = item.verdict
            if id(item) in overtaken:
                _log.warning(
                    "answer_after_lane_was_lost",
                    delivery=item.work.id,
                    kept=page.adopt_late_answer(item),
                )
            else:
                self._close_lane(session, item)
            if lane is None:
                continue
            lane.busy = False
            if verdict.shut_until is not None and verdict.error is not None:
                shut[lane.gate.key] = (verdict.shut_until, verdict.error.platform_code)
            if id(item) in overtaken or verdict.close_until is not None:
                lane.stale = True
            elif verdict.needs_person:
                lane.drop({item.work.id})
            else:
                lane.put_back(item.stands)
        self._gates.write(session, shut)

    def _close_lane(self, session: Session, item: Ended) -> None:
        """What the verdict asks of the whole account: to wait, or to stop until a person resumes."""
        verdict, account_id = item.verdict, item.work.account_id
        notices.of_verdict(session, item)
        if verdict.close_until is not None:
            lanes.hold_until(session, account_id, verdict.close_until)
        if verdict.pause and verdict.error is not None:
            code, told = verdict.error.platform_code[:80], verdict.error.platform_text[:1000]
            lanes.pause(session, [account_id], code=code, told=told)
            _log.warning("account_paused", account=account_id, code=code)
            if account_id in self._holding.lanes:
                self._holding.lanes[account_id].stopped = True

    def _begin(self, session: Session, page: Page, chosen: Sequence[Work]) -> list[Job]:
        """Writes the attempts of what is to be done now; the calls themselves follow the commit."""
        begun = page.begin(chosen)
        if len(begun) < len(chosen):
            began = {work.id for work in begun}
            left = [work for work in chosen if work.id not in began]
            self._put_back(left)
            for work in left:
                self._holding.lanes[work.account_id].stale = True
            self._next_tick = self._clock.now()  # somebody stopped, moved or took it: look at everything
        outgoing = self._outgoing(session, page, begun)
        return [self._job(work, outgoing[work.id]) for work in begun if work.id in outgoing]

    def _job(self, work: Work, outgoing: Outgoing) -> Job:
        lane = self._holding.lanes[work.account_id]
        return Job(work, lane.connector, lane.access, outgoing, lane.tenure, lane.gate)

    def _outgoing(self, session: Session, page: Page, begun: Sequence[Work]) -> dict[int, Outgoing]:
        """What goes out by delivery. One that cannot be put together fails by itself, and so does one that
        nobody approved as it stands; the rest go."""
        built = self._built(session, page, begun)
        refused = self._refused(session, begun, built)
        for work in begun:
            if work.id in refused:
                _log.warning("not_what_was_approved", delivery=work.id, code=refused[work.id].platform_code)
                self._park(session, page, work, refused[work.id])
        return {id_: one for id_, one in built.outgoing.items() if id_ not in refused}

    def _refused(self, session: Session, begun: Sequence[Work], built: Built) -> dict[int, Refused]:
        """Those that may not go out as they stand. What is only asked about may be out already."""
        publishing = {work.id: work.account_id for work in begun if work.purpose is Purpose.PUBLISH}
        leaving = [one for one in built.reviewed if one.delivery_id in publishing]
        reviewed = {one.delivery_id for one in leaving}
        others = {one: account for one, account in publishing.items() if one not in reviewed}
        try:
            return refusals(session, leaving) | unreviewed(session, others)
        except LOST:
            raise
        except Exception as error:
            _log.exception("approval_not_read", deliveries=sorted(publishing))
            told = f"{type(error).__name__} while the approval was looked up"
            return {one: Refused(told, platform_code="internal") for one in publishing}

    def _built(self, session: Session, page: Page, begun: Sequence[Work]) -> Built:
        try:
            return outgoing_for(session, begun, self._media_folder)
        except LOST:
            raise
        except Exception:
            _log.exception("posts_not_built", deliveries=[work.id for work in begun])
        built = Built({}, [])
        for work in begun:
            try:
                one = outgoing_for(session, [work], self._media_folder)
            except LOST:
                raise
            except Exception as error:
                _log.exception("post_not_built", delivery=work.id)
                told = f"{type(error).__name__} while the post was put together"
                self._park(session, page, work, Refused(told, platform_code="internal"))
            else:
                built.outgoing.update(one.outgoing)
                built.reviewed.extend(one.reviewed)
        return built

    def _park(self, session: Session, page: Page, work: Work, error: ConnectorError) -> None:
        now = self._clock.now()
        ended = Ended.by(work, now, Verdict(State.FAILED, "refused", now, needs_person=True, error=error))
        page.end([ended])
        notices.of_verdict(session, ended)
        lane = self._holding.lanes[work.account_id]
        lane.drop({work.id})
        lane.gate.put_back()

    def _put_back(self, works: Iterable[Work]) -> None:
        for work in works:
            lane = self._holding.lanes.get(work.account_id)
            if lane is not None:
                lane.gate.put_back()

    def _room(self) -> int:
        """How many more calls may be handed over: a few for each sender, so that none waits for us."""
        return 4 * self._pace.senders - (len(self._in_flight) - self._senders.slow())

    # --- time ---------------------------------------------------------------------------------------------

    def _wait(self, until: datetime | None) -> list[Answer]:
        """Waits for an answer or for the next moment with something to do; gives all answers at hand."""
        pause = self._until_next_moment(until)
        if self._pace.advance is not None and not self._in_flight:
            self._pace.advance(pause)
            self._next_tick = self._clock.now()
            return []
        first: Answer | None = None
        try:
            first = self._senders.answers.get(timeout=max(pause.total_seconds(), 0.0))
        except Empty:
            return []
        if first is None:
            self._next_tick = self._clock.now()
        self._gather()
        return [*([first] if first else []), *self._answers_at_hand()]

    def _gather(self) -> None:
        """While the senders have enough to go on with: one writing for many answers is cheaper than many."""
        enough = self._pace.senders + self._pace.senders // 2
        for _ in range(_MOST_GATHERINGS):
            if len(self._in_flight) - self._senders.answers.qsize() <= enough:
                return
            self._gathering.wait(_GATHER_SECONDS)

    def _answers_at_hand(self) -> Iterable[Answer]:
        while True:
            try:
                answer = self._senders.answers.get_nowait()
            except Empty:
                return
            if answer is not None:
                yield answer
            else:
                self._next_tick = self._clock.now()

    def _until_next_moment(self, until: datetime | None) -> timedelta:
        now = self._clock.now()
        moments = []
        if self._room() > 0 and (coming := self._holding.next_moment(now)) is not None:
            moments.append(coming)
        if self._pace.advance is None or self._holding.lanes:
            moments.append(self._next_tick)
        else:
            with self._database.read() as session:
                coming_lane = next_due(session)
            moments += [coming_lane - self._pace.ahead] if coming_lane else []
        if until is not None:
            moments.append(until)
        return max(min(moments, default=now + self._pace.tick) - now, timedelta(0))

    def _is_idle(self, patience: timedelta) -> bool:
        limit = self._clock.now() + patience
        if self._in_flight or not self._holding.rests_until(limit):
            return False
        with self._database.read() as session:
            coming_lane = next_due(session)
        return coming_lane is None or coming_lane > limit

    # --- the end ------------------------------------------------------------------------------------------

    def _finish(self, heard: Sequence[Answer] = ()) -> None:
        """Waits for the calls under way, takes back those not begun, gives all lanes back."""
        self._senders.stop()
        self._unwritten += [self._judged(answer, self._clock.now()) for answer in heard]
        deadline = steady() + self._pace.call.total_seconds() + 5
        while self._in_flight and steady() < deadline:
            try:
                answer = self._senders.answers.get(timeout=1.0)
            except Empty:
                continue
            if answer is not None:
                self._unwritten.append(self._judged(answer, self._clock.now()))
        try:
            with self._database.write() as session:
                now = self._clock.now()
                page = Page(session, self.node, now)
                self._write_ended(session, page, self._unwritten)
                page.close()
                self._holding.release_all(session, now)
        except LOST as error:
            # The leases run out by themselves, and the open attempts become doubts: nothing is lost.
            _log.error("database_unreachable_at_stop", reason=type(error.orig).__name__)
        self._holding.forget()
