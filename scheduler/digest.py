"""The digest: what goes out in the hours to come, what waits for a person, what failed, who is silent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, True_
from sqlmodel import Session

from organisation.accounts import AccountState, accounts_of
from organisation.leaving import people_in_charge
from organisation.silence import Silence, silence_of
from scheduler.agenda import AHEAD, Elsewhere, last_seen
from scheduler.calendar import Slot, slots_between
from scheduler.deliveries import State
from scheduler.importance import important_among
from scheduler.notices import Kind, notices_within
from scheduler.posts import Listed, list_deliveries
from scheduler.queue import is_stopped
from scheduler.readiness import TO_COME, Readiness, Ready, readiness_of

MOST_HOURS = 24 * 14
_MOST, _MOST_COMING = 1_000, 5_000
_ENDED = (State.FAILED, State.MISSED)
# Those of deliveries are told with their deliveries.
_OF_ACCOUNTS = (Kind.ACCOUNT_PAUSED, Kind.TO_CONFIRM, Kind.FIGURES_PAUSED, Kind.ENDING, Kind.REPORT)


@dataclass(frozen=True)
class Coming:
    """A post that goes to an account, and how it stands."""

    post: int
    account: str
    name: str
    due: datetime
    headline: str
    important: bool
    state: Readiness
    stage: str
    waits_for: tuple[str, ...]


@dataclass(frozen=True)
class Asking:
    """A delivery that waits for a person's decision; `answers` is who answers for the post."""

    post: int
    account: str
    due: datetime
    headline: str
    state: str
    code: str
    answers: str


@dataclass(frozen=True)
class Trouble:
    """An open notice about an account or a unit's report."""

    kind: str
    subject: str
    code: str


@dataclass(frozen=True)
class SilentAccount:
    """An account that has been silent for longer than is well."""

    account: str
    name: str
    light: Silence
    days: int


@dataclass(frozen=True)
class Digest:
    """What to know before one goes home. `stopped`: nothing goes out at all until the queue is opened.

    `more`: there is more to come than `coming` holds.
    """

    since: datetime
    until: datetime
    stopped: bool
    coming: tuple[Coming, ...]
    more: bool
    waiting: tuple[Asking, ...]
    troubles: tuple[Trouble, ...]
    failed: tuple[Asking, ...]
    silent: tuple[SilentAccount, ...]

    @property
    def empty(self) -> bool:
        """Is there nothing to tell?"""
        some = (self.coming, self.waiting, self.troubles, self.failed, self.silent)
        return not self.stopped and not any(some)

    @property
    def unready(self) -> int:
        """How many of what is to come would not go out as they stand now."""
        return sum(one.state is not Readiness.READY for one in self.coming)


def read_digest(
    session: Session,
    within: ColumnElement[bool],
    now: datetime,
    elsewhere: Elsewhere,
    ahead: timedelta = AHEAD,
) -> Digest:
    """The digest of the units that `within` is a condition on (`organisation.in_subtree`, `in_sight`).

    An account that was never seen to publish is not called silent: nothing of it is known.
    """
    asking = _asking(session, within)
    slots = slots_between(session, within, now, now + ahead, limit=_MOST_COMING)
    whole = isinstance(within, True_)
    return Digest(
        since=now,
        until=now + ahead,
        stopped=is_stopped(session),
        coming=tuple(_coming(session, slots)),
        more=len(slots) >= _MOST_COMING,
        waiting=tuple(one for one in asking if one.state not in _ENDED),
        troubles=tuple(
            Trouble(one.kind, one.subject, one.code)
            for one in notices_within(session, within, whole=whole, limit=_MOST)
            if one.kind in _OF_ACCOUNTS
        ),
        failed=tuple(one for one in asking if one.state in _ENDED),
        silent=tuple(_silent(session, within, now, elsewhere)),
    )


def _coming(session: Session, slots: Sequence[Slot]) -> list[Coming]:
    wanted = [slot for slot in slots if slot.delivery is None or slot.state in TO_COME]
    important = important_among(session, {slot.post for slot in wanted})
    ready = readiness_of(session, wanted)
    return [_told(slot, one, important) for slot, one in zip(wanted, ready, strict=True)]


def _told(slot: Slot, ready: Ready, important: set[int]) -> Coming:
    return Coming(
        post=slot.post,
        account=f"{slot.platform}:{slot.handle}",
        name=slot.name,
        due=slot.due,
        headline=slot.headline,
        important=slot.post in important,
        state=ready.state,
        stage=ready.stage,
        waits_for=ready.waits_for,
    )


def _asking(session: Session, within: ColumnElement[bool]) -> list[Asking]:
    listed = list_deliveries(session, asking=True, within=within, limit=_MOST)
    answering = people_in_charge(session, "post", sorted({one.post for one in listed}))
    return [_asked(one, answering[one.post].name if one.post in answering else "") for one in listed]


def _asked(one: Listed, answers: str) -> Asking:
    return Asking(one.post, one.account, one.due, one.headline, one.state, one.outcome_code, answers)


def _silent(
    session: Session, within: ColumnElement[bool], now: datetime, elsewhere: Elsewhere
) -> list[SilentAccount]:
    """The active accounts whose light is yellow or red, the longest silence first."""
    accounts = accounts_of(session, state=AccountState.ACTIVE, within=within)
    last = last_seen(session, [account.known_id for account in accounts], elsewhere)
    found = [
        SilentAccount(account.stable_id, account.name, light, (now - at) // timedelta(days=1))
        for account in accounts
        if (at := last.get(account.known_id)) is not None
        and (light := silence_of(at, now)) in (Silence.YELLOW, Silence.RED)
    ]
    return sorted(found, key=lambda one: -one.days)
