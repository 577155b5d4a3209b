"""The dispatcher: one thread owns the database and all decisions, sender threads only call platforms.

Its loop: take the calls that ended; in one transaction write how they ended, renew and take lanes, and write
the attempt of the next post of each free lane; only after the commit hand those posts to the senders.
`docs/explanation/deliveries.md` says why it may promise what it promises.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty
from typing import Protocol

import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from config.clock import Clock
from config.database import Database
from connectors import Access, Connector, Uncertain, steady
from scheduler import journal, lanes, notices
from scheduler.held import HeldLane
from scheduler.journal import Ended, Work
from scheduler.lanes import Held
from scheduler.nodes import is_dead, this_node
from scheduler.outcomes import Purpose, Standing, doubt, judge
from scheduler.outgoing import outgoing_for
from scheduler.queue import is_stopped, next_due, release_dead_nodes, stopped_accounts
from scheduler.senders import Answer, Job, Senders
from scheduler.watch import Watch

_log = structlog.get_logger("scheduler.dispatcher")


class Accounts(Protocol):
    """Opens accounts for sending: connector and access by account id."""

    def open(self, session: Session, account_ids: Sequence[int]) -> dict[int, tuple[Connector, Access]]:
        """Those of the accounts that exist; credentials are opened here."""
        ...


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
        self._accounts = accounts
        self._media_folder = media_folder
        self._pace = pace or Pace()
        self._held: dict[int, HeldLane] = {}
        self._in_flight: dict[int, Job] = {}  # by account
        self._unwritten: list[Ended] = []  # ended, but the database could not be reached
        self._next_tick = clock.now()
        self._sure_until = 0.0  # steady clock: until then the lanes are surely ours
        self._queue_stopped = False
        self._senders = Senders(self._pace.senders, lambda: self._sure_until)

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
                try:
                    heard, answers = answers, []
                    self._turn(heard)
                    self.watch.turned(self._clock.now())
                    if until_idle and self._is_idle(patience):
                        break
                except OperationalError as error:
                    self._lose_database(error)
                if until is not None and self._clock.now() >= until and not self._in_flight:
                    break
                answers = self._wait(until)
        finally:
            self._finish(answers)

    # --- one turn -----------------------------------------------------------------------------------------

    def _turn(self, answers: Sequence[Answer]) -> None:
        now = self._clock.now()
        self._unwritten += [self._judged(answer, now) for answer in answers]
        ticks = now >= self._next_tick
        if not (self._unwritten or ticks or self._has_work(now)):
            return
        with self._database.write() as session:
            self._write_ended(session, self._unwritten)
            if ticks:
                self._tick(session, now)
            self._read_stale(session)
            self._miss_late(session, now)
            jobs = self._begin(session, now)
            self._give_back(session, now, {job.work.account_id for job in jobs})
        self._unwritten = []
        for job in jobs:
            self._held[job.work.account_id].busy = True
            self._in_flight[job.work.account_id] = job
            self._senders.send(job)

    def _judged(self, answer: Answer, now: datetime) -> Ended:
        work = answer.job.work
        self._in_flight.pop(work.account_id, None)
        standing = Standing(
            work.purpose, work.attempts, work.looks, work.started_at or now, work.waiting_since
        )
        ended = Ended(copy(work), now, judge(answer.job.connector, standing, answer.said, now))
        self.watch.ended(answer.job.connector.platform, ended)
        return ended

    def _write_ended(self, session: Session, ended: Sequence[Ended]) -> None:
        overtaken = journal.end(session, ended, node=self.node)
        self.watch.refused(len(overtaken))
        for item in ended:
            lane = self._held.get(item.work.account_id)
            if item in overtaken:
                kept = journal.adopt_late_answer(session, item, node=self.node)
                _log.warning("answer_after_lane_was_lost", delivery=item.work.id, kept=kept)
            else:
                self._close_lane(session, item)
            if lane is None:
                continue
            lane.busy = False
            if item in overtaken or item.verdict.close_until is not None:
                lane.stale = True
            elif item.verdict.needs_person:
                lane.drop({item.work.id})
            else:
                lane.put_back(journal.after(item))

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
            if account_id in self._held:
                self._held[account_id].stopped = True

    def _begin(self, session: Session, now: datetime) -> list[Job]:
        """Writes the attempts of what is to be done now; the calls themselves follow the commit."""
        works = self._choose(now)
        begun = journal.begin(session, works, node=self.node, now=now)
        for work in works:
            if work not in begun:
                self._held[work.account_id].stale = True
        outgoing = outgoing_for(session, begun, self._media_folder)
        return [
            Job(
                work,
                self._held[work.account_id].connector,
                self._held[work.account_id].access,
                outgoing[work.id],
            )
            for work in begun
        ]

    def _lose_database(self, error: OperationalError) -> None:
        """Forgets every plan: what was really written is read again once the database is back."""
        self.watch.lost_database()
        _log.error("database_unreachable", reason=type(error.orig).__name__)
        self._held.clear()
        self._next_tick = self._clock.now() + self._pace.tick

    # --- lanes --------------------------------------------------------------------------------------------

    def _tick(self, session: Session, now: datetime) -> None:
        self._next_tick = now + self._pace.tick
        self._queue_stopped = is_stopped(session)
        release_dead_nodes(session, self.node, now, is_dead)
        self._renew(session, now)
        room = 4 * self._pace.senders - len(self._held)
        if room > 0:
            taken = lanes.claim(
                session, self.node, now=now, ahead=self._pace.ahead, lease=self._pace.lease, limit=room
            )
            self._take(session, taken, now)

    def _renew(self, session: Session, now: datetime) -> None:
        sure_until = steady() + self._pace.lease.total_seconds() * 0.9
        kept = lanes.renew(session, self.node, now=now, lease=self._pace.lease)
        stopped = stopped_accounts(session, kept)
        self._sure_until = sure_until
        for account_id, held in list(self._held.items()):
            fresh = kept.pop(account_id, None)
            if fresh is None or fresh.fence != held.lane.fence:
                _log.warning("lane_lost", account=account_id)
                del self._held[account_id]
                continue
            held.stale = held.stale or fresh.wakeups != held.lane.wakeups
            held.lane = fresh
            held.stopped = self._queue_stopped or fresh.paused or account_id in stopped
        # Ours in the database but not here: forgotten when the database was lost.
        self._take(session, list(kept.values()), now)

    def _take(self, session: Session, taken: Sequence[Held], now: datetime) -> None:
        if not taken:
            return
        opened = self._accounts.open(session, [lane.account_id for lane in taken])
        stopped = stopped_accounts(session, opened)
        for lane in taken:
            if lane.account_id not in opened:
                continue
            connector, access = opened[lane.account_id]
            held = HeldLane(lane, connector, access, stale=True)
            held.busy = lane.account_id in self._in_flight
            held.stopped = self._queue_stopped or lane.paused or lane.account_id in stopped
            self._held[lane.account_id] = held
        written_next = {item.work.account_id for item in self._unwritten}
        self._settle_left_open(session, now, set(opened) - set(self._in_flight) - written_next)

    def _settle_left_open(self, session: Session, now: datetime, account_ids: set[int]) -> None:
        """Calls that a former holder began and never finished may have gone out: they become doubts."""
        ended = []
        for work in journal.left_open(session, sorted(account_ids)):
            connector = self._held[work.account_id].connector
            started_at = work.started_at or now
            standing = Standing(Purpose.PUBLISH, work.attempts, 0, started_at, None)
            error = Uncertain("the node stopped during the call", platform_code="node-lost")
            # Not before a call still on its way could have arrived.
            at = max(now, started_at + self._pace.call)
            ended.append(Ended(work, now, doubt(connector, standing, error, at)))
        journal.end(session, ended, node=self.node)

    def _read_stale(self, session: Session) -> None:
        stale = [lane for lane in self._held.values() if self._needs_reading(lane)]
        if not stale:
            return
        seen = {lane.lane.account_id: lane for lane in stale}
        # The wakeups are read before the queue: what comes later is seen as a newer number.
        for fresh in lanes.look(session, list(seen)):
            seen[fresh.account_id].lane = fresh
        waiting = journal.waiting(session, list(seen))
        for account_id, lane in seen.items():
            queued = journal.heads(session, account_id)
            lane.fill(queued, [work for work in waiting if work.account_id == account_id])

    @staticmethod
    def _needs_reading(lane: HeldLane) -> bool:
        return not lane.busy and (lane.stale or (not lane.queued and not lane.whole))

    def _give_back(self, session: Session, now: datetime, begun: set[int]) -> None:
        """Lanes without work for a while go back, with the time of their next work."""
        for account_id, lane in list(self._held.items()):
            if lane.busy or lane.stale or account_id in begun:
                continue
            coming = lane.next()
            if coming is not None and coming[0] <= now + self._pace.ahead:
                continue
            if coming is None and not lane.whole:
                continue
            if lanes.release(session, self.node, lane.lane, coming[0] if coming else None):
                del self._held[account_id]
            else:
                lane.stale = True

    # --- choosing -----------------------------------------------------------------------------------------

    def _has_work(self, now: datetime) -> bool:
        return any(
            self._needs_reading(lane) or ((coming := lane.next()) is not None and coming[0] <= now)
            for lane in self._held.values()
            if not lane.busy
        )

    def _choose(self, now: datetime) -> list[Work]:
        """The next work of every free lane whose time has come, oldest first, as many as senders can take."""
        room = self._room()
        due = [
            coming
            for lane in self._held.values()
            if not lane.busy and not lane.stale and (coming := lane.next()) is not None and coming[0] <= now
        ]
        due.sort(key=lambda coming: (coming[0], coming[1].id))
        return [work for _, work in due[: max(room, 0)]]

    def _room(self) -> int:
        """How many more calls may be handed over: twice the senders, so that none of them waits for us."""
        return 2 * self._pace.senders - len(self._in_flight)

    def _miss_late(self, session: Session, now: datetime) -> None:
        free = [lane for lane in self._held.values() if not lane.busy]
        late = [work for lane in free for work in lane.late(now)]
        if late:
            missed = journal.miss(session, late, node=self.node, now=now)
            notices.of_missed(session, missed, now)
            for lane in free:
                lane.drop(missed)

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
        return [*([first] if first else []), *self._answers_at_hand()]

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
        free = [lane for lane in self._held.values() if not lane.busy] if self._room() > 0 else []
        moments = [coming[0] for lane in free if (coming := lane.next()) is not None]
        if self._pace.advance is None or self._held:
            moments.append(self._next_tick)
        else:
            with self._database.read() as session:
                coming_lane = next_due(session)
            moments += [coming_lane - self._pace.ahead] if coming_lane else []
        if until is not None:
            moments.append(until)
        return max(min(moments, default=now + self._pace.tick) - now, timedelta(0))

    def _is_idle(self, patience: timedelta) -> bool:
        if self._in_flight:
            return False
        limit = self._clock.now() + patience
        for lane in self._held.values():
            coming = lane.next()
            if lane.stale or (coming is not None and coming[0] <= limit):
                return False
        with self._database.read() as session:
            coming_lane = next_due(session)
        return coming_lane is None or coming_lane > limit

    # --- the end ------------------------------------------------------------------------------------------

    def _finish(self, heard: Sequence[Answer] = ()) -> None:
        """Waits for the calls under way, writes how they ended, gives all lanes back."""
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
                self._write_ended(session, self._unwritten)
                for lane in self._held.values():
                    if not lane.busy:
                        lanes.release(session, self.node, lane.lane, self._clock.now())
        except OperationalError as error:
            # The leases run out by themselves, and the open attempts become doubts: nothing is lost.
            _log.error("database_unreachable_at_stop", reason=type(error.orig).__name__)
        self._held.clear()
