"""The lanes in one node's hands: taken and renewed by lease, read, chosen from, given back."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlmodel import Session

from config.errors import MeizhenError
from connectors import Access, Connector, Uncertain, steady
from scheduler import journal, lanes, notices
from scheduler.gates import Gates
from scheduler.held import HeldLane
from scheduler.journal import Ended, Page, Work
from scheduler.lanes import Held
from scheduler.outcomes import Purpose, Standing, doubt
from scheduler.queue import is_stopped, stopped_accounts
from scheduler.senders import Tenure

_log = structlog.get_logger("scheduler.holding")
_SURE = 0.9  # of a lease: the rest is for clocks that run apart
_LANES_A_SENDER = 3
_MOST_LANES_A_SENDER = 16
_MOST_LANES = 2048
# What a node holds beyond three a sender it gives back now and then, for a node that has come up meanwhile.
_REST = timedelta(seconds=5)

# An account as it was opened, or why it could not be.
Opened = tuple[Connector, Access] | MeizhenError


class Accounts(Protocol):
    """Opens accounts for sending: connector and access by account id."""

    def open(self, session: Session, account_ids: Sequence[int]) -> dict[int, Opened]:
        """Those of the accounts that exist; credentials are opened here. One that fails is told by itself."""
        ...


class Holding:
    """What a node holds. All but `lanes` asks or changes the database in the session it is given."""

    def __init__(
        self,
        node: str,
        accounts: Accounts,
        gates: Gates,
        *,
        senders: int,
        ahead: timedelta,
        lease: timedelta,
        call: timedelta,
    ) -> None:
        self.lanes: dict[int, HeldLane] = {}
        self._node = node
        self._accounts = accounts
        self._gates = gates
        self._senders = senders
        self._ahead = ahead
        self._lease = lease
        self._call = call
        self._hungry = False  # there were more lanes with work than we took
        self._rest_since: datetime | None = None  # since when we hold some of those beyond our first
        self._takes_rest = False
        self._queue_stopped = False

    def forget(self) -> None:
        """Drops all plans: what is ours in the database is taken again at the next tick."""
        self.lanes.clear()

    # --- taking and renewing ------------------------------------------------------------------------------

    def tick(self, session: Session, now: datetime, *, slow: int, busy: Collection[int]) -> None:
        """Renews what is held, takes what is due; `busy` are the accounts with a call under way."""
        self._queue_stopped = is_stopped(session)
        self._gates.read(session, now)
        self._renew(session, now, busy)
        self._hungry = self._takes_rest = True
        if self._rest_since is not None and abs(now - self._rest_since) >= _REST:
            self._give_back_rest(session, now, busy)
        self.take_more(session, now, slow=slow, busy=busy)

    def take_more(self, session: Session, now: datetime, *, slow: int, busy: Collection[int]) -> None:
        """Takes further lanes with work while there are any and there is room.

        First enough to keep all senders busy, at once; then a part of the rest, so that no account waits
        until another's queue is empty, and the nodes end together. Room is for lanes that can go on: those
        that wait at a gate or for a slow answer hold nobody up.
        """
        if not self._hungry:
            return
        idle = sum(not lane.busy and not lane.gate.passable(now) for lane in self.lanes.values())
        crowd = len(self.lanes) - idle - slow
        most = _MOST_LANES - len(self.lanes)
        room = min(_LANES_A_SENDER * self._senders - crowd, most)
        if room < self._senders:
            room = self._room_for_rest(session, now, min(_MOST_LANES_A_SENDER * self._senders - crowd, most))
        if room <= 0:
            return
        sure = self._sure_until()
        taken = lanes.claim(session, self._node, now=now, ahead=self._ahead, lease=self._lease, limit=room)
        self._hungry = len(taken) == room
        self._take(session, taken, now, sure, busy)

    def _room_for_rest(self, session: Session, now: datetime, most: int) -> int:
        if most <= 0 or not self._takes_rest:
            return 0
        share = lanes.share_of_rest(session, self._node, now=now, ahead=self._ahead, limit=most)
        if share:
            self._rest_since = self._rest_since or now
        else:
            self._hungry = False
        return share

    def _give_back_rest(self, session: Session, now: datetime, busy: Collection[int]) -> None:
        """Gives back what is held beyond the first, latest first; it is taken again at the next tick."""
        self._rest_since, self._takes_rest = None, False
        over = len(self.lanes) - _LANES_A_SENDER * self._senders
        if over <= 0:
            return
        free = [
            (coming[0], account_id)
            for account_id, lane in self.lanes.items()
            if account_id not in busy and not lane.stale and (coming := lane.next()) is not None
        ]
        given = [(self.lanes[account_id].lane, now) for _, account_id in sorted(free, reverse=True)[:over]]
        self._release(session, given)

    def _sure_until(self) -> float:
        return steady() + self._lease.total_seconds() * _SURE

    def _renew(self, session: Session, now: datetime, busy: Collection[int]) -> None:
        sure = self._sure_until()
        kept = lanes.renew(session, self._node, now=now, lease=self._lease)
        stopped = stopped_accounts(session, kept)
        for account_id, held in list(self.lanes.items()):
            fresh = kept.pop(account_id, None)
            if fresh is None or fresh.fence != held.lane.fence:
                self._lose(account_id)
                continue
            held.tenure.until = sure
            held.stale = held.stale or fresh.wakeups != held.lane.wakeups
            held.lane = fresh
            held.stopped = self._queue_stopped or fresh.paused or account_id in stopped
        # Ours in the database but not here: forgotten when the database was lost.
        self._take(session, list(kept.values()), now, sure, busy)

    def _lose(self, account_id: int) -> None:
        _log.warning("lane_lost", account=account_id)
        del self.lanes[account_id]

    def _take(
        self,
        session: Session,
        taken: Sequence[Held],
        now: datetime,
        sure: float,
        busy: Collection[int],
    ) -> None:
        if not taken:
            return
        opened = self._accounts.open(session, [lane.account_id for lane in taken])
        stopped = stopped_accounts(session, opened)
        for lane in taken:
            found = opened.get(lane.account_id)
            if not isinstance(found, tuple):
                self._refuse(session, lane, found, now)
                continue
            connector, access = found
            gate = self._gates.of(connector.gate(access))
            held = HeldLane(lane, connector, access, Tenure(sure), gate, stale=True)
            held.busy = lane.account_id in busy
            held.stopped = self._queue_stopped or lane.paused or lane.account_id in stopped
            self.lanes[lane.account_id] = held

    def _refuse(self, session: Session, lane: Held, error: MeizhenError | None, now: datetime) -> None:
        """An account that does not open is paused by itself and given back: the others go on."""
        code, told = ("account.gone", "") if error is None else (error.code, str(error))
        _log.error("account_not_opened", account=lane.account_id, code=code)
        lanes.pause(session, [lane.account_id], code=code, told=told)
        notices.of_account(session, lane.account_id, now, code=code, told=told)
        fresh = lanes.look(session, self._node, [lane.account_id])
        lanes.release(session, self._node, [(held, None) for held in fresh.values()])

    # --- reading ------------------------------------------------------------------------------------------

    def read_stale(self, session: Session, page: Page, now: datetime) -> None:
        """Reads the queues of lanes that changed, or of which the node knows no more."""
        stale = {account_id: lane for account_id, lane in self.lanes.items() if lane.needs_reading()}
        if not stale:
            return
        # The wakeups are read before all else: what comes later is seen as a newer number. Who reads them
        # must read what they may stand for too, or a lane that was opened is given back as if stopped.
        known = lanes.look(session, self._node, list(stale))
        self._queue_stopped = is_stopped(session)
        stopped = stopped_accounts(session, known)
        left_open: list[Work] = []
        for account_id, found in journal.unfinished(session, list(stale)).items():
            lane, fresh = stale[account_id], known.get(account_id)
            if fresh is None or any(work.fence > fresh.fence for work in found.left_open):
                self._lose(account_id)  # another node has it, and may have a call under way
                continue
            lane.lane = fresh
            lane.stopped = self._queue_stopped or fresh.paused or account_id in stopped
            lane.fill(found.queued, found.waiting)
            left_open += found.left_open
        self._doubt(session, page, now, left_open)

    def _doubt(self, session: Session, page: Page, now: datetime, left_open: Sequence[Work]) -> None:
        """Calls that a former holder began and never finished may have gone out: they become doubts.

        Nothing of such a lane is begun before: the next in its queue may be what the former holder had not
        written yet, or what comes behind it.
        """
        ended = []
        for work in left_open:
            connector = self.lanes[work.account_id].connector
            started_at = work.started_at or now
            standing = Standing(Purpose.PUBLISH, work.attempts, 0, started_at, None)
            error = Uncertain("the node stopped during the call", platform_code="node-lost")
            # Not before a call still on its way could have arrived.
            at = max(now, started_at + self._call)
            ended.append(Ended.by(work, now, doubt(connector, standing, error, at)))
            self.lanes[work.account_id].stale = True
        page.end(ended)

    def miss_late(self, session: Session, page: Page, now: datetime) -> None:
        """Marks as missed what is past its limit; in a stopped lane a person decides on opening it."""
        free = [lane for lane in self.lanes.values() if not lane.busy and not lane.stopped]
        late = [work for lane in free for work in lane.late(now)]
        if late:
            missed = page.miss(late)
            notices.of_missed(session, missed, now)
            for lane in free:
                lane.drop(missed)

    def give_back(self, session: Session, now: datetime, begun: set[int]) -> None:
        """Lanes without work for a while go back, with the time of their next work."""
        given: list[tuple[Held, datetime | None]] = []
        for account_id, lane in self.lanes.items():
            if lane.busy or lane.stale or account_id in begun:
                continue
            coming = lane.next()
            if coming is not None and coming[0] <= now + self._ahead:
                continue
            if coming is None and not lane.whole:
                continue
            given.append((lane.lane, coming[0] if coming else None))
        self._release(session, given)

    def _release(self, session: Session, given: Sequence[tuple[Held, datetime | None]]) -> None:
        """What something woke meanwhile stays, and is read again."""
        went = lanes.release(session, self._node, given)
        for known, _ in given:
            if known.account_id in went:
                del self.lanes[known.account_id]
            else:
                self.lanes[known.account_id].stale = True

    def release_all(self, session: Session, now: datetime) -> None:
        """Gives back every lane without a call under way, to be looked at again now."""
        lanes.release(
            session, self._node, [(lane.lane, now) for lane in self.lanes.values() if not lane.busy]
        )

    # --- choosing -----------------------------------------------------------------------------------------

    def has_work(self, now: datetime) -> bool:
        """Is there anything to read or to begin?"""
        return any(
            lane.needs_reading()
            or ((coming := lane.next()) is not None and coming[0] <= now and lane.gate.passable(now))
            for lane in self.lanes.values()
            if not lane.busy
        )

    def choose(self, now: datetime, room: int) -> list[Work]:
        """The next work of every free lane whose time has come, oldest first, at most `room`.

        A work that is chosen has passed its gate: `Gate.put_back` if it is not begun after all.
        """
        due = [
            coming
            for lane in self.lanes.values()
            if not lane.busy and not lane.stale and (coming := lane.next()) is not None and coming[0] <= now
        ]
        due.sort(key=lambda coming: (coming[0], coming[1].id))
        chosen: list[Work] = []
        for _, work in due:
            lane = self.lanes[work.account_id]
            if len(chosen) < room and lane.gate.pass_one(now):
                work.fence = lane.lane.fence
                chosen.append(work)
        return chosen

    def next_moment(self, now: datetime) -> datetime | None:
        """When a free lane has something to do; None when none has, or only answers decide."""
        moments: Iterable[datetime | None] = (
            max(coming[0], opens) if coming is not None and (opens := lane.gate.open_at(now)) else None
            for lane in self.lanes.values()
            if not lane.busy
            for coming in (lane.next(),)
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def rests_until(self, limit: datetime) -> bool:
        """Is there nothing to do until then?"""
        return not any(
            lane.stale or ((coming := lane.next()) is not None and coming[0] <= limit)
            for lane in self.lanes.values()
        )
