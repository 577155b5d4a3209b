"""队列 How the queue stands and what comes next; stopping and opening it."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query

from analytics.articles import last_articles
from organisation import Account, Act, accounts_of, find_unit
from organisation.silence import Silence
from organisation.units import in_subtree
from scheduler.backlog import Extent, Late, decide
from scheduler.digest import MOST_HOURS, read_digest
from scheduler.notices import open_notices
from scheduler.queue import is_stopped, stop_accounts, stop_queue
from scheduler.readiness import Readiness
from scheduler.status import queue_status
from web.api.accounts import seen as account_seen
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Body, Code, Filter, Reason, Told

noun = Noun("queue")


class PlatformShown(Told):
    """One platform's part."""

    states: dict[str, int]
    due: int
    oldest_due: datetime | None


class QueueShown(Told):
    """How the queue stands; `notices` are open ones by kind, `nodes` how many accounts each holds."""

    states: dict[str, int]
    due: int
    oldest_due: datetime | None
    needs_person: int
    paused_accounts: int
    stopped: bool
    idle_since: datetime | None
    platforms: dict[str, PlatformShown]
    nodes: dict[str, int]
    notices: dict[str, int]


class NoticeShown(Told):
    """What a person should know."""

    kind: str
    subject: str
    code: str
    told: str
    opened_at: datetime


class NoticeList(Told):
    """All open notices, newest first."""

    items: list[NoticeShown]


class ComingShown(Told):
    """A post that goes to an account; `state` is how it stands, `waits_for` are people by name."""

    post: int
    account: str
    name: str
    due: datetime
    headline: str
    important: bool
    state: Readiness
    stage: str
    waits_for: list[str]


class AskingShown(Told):
    """A delivery that waits for a person; `answers` is who answers for the post."""

    post: int
    account: str
    due: datetime
    headline: str
    state: str
    code: str
    answers: str


class TroubleShown(Told):
    """An open notice about an account, or about a unit's report."""

    kind: str
    subject: str
    code: str


class SilentShown(Told):
    """An account that has been silent for longer than is well."""

    account: str
    name: str
    light: Silence
    days: int


class DigestShown(Told):
    """What the daily digest says; `more`: there is more to come than is listed, `empty`: nothing to tell."""

    since: datetime
    until: datetime
    stopped: bool
    empty: bool
    coming: list[ComingShown]
    more: bool
    waiting: list[AskingShown]
    troubles: list[TroubleShown]
    failed: list[AskingShown]
    silent: list[SilentShown]


class What(Body):
    """What is meant: an account, a unit with all below it, or (neither) the whole queue."""

    account: Code | None = None
    unit: Code | None = None


class Stopping(What):
    """What is stopped, and why."""

    reason: Reason | None = None


class Opening(What):
    """What is opened, and what becomes of posts that are late by now."""

    late: Late = Late.HOLD


class Steered(Told):
    """What was stopped or opened: `accounts` null is all; `late` how many late ones were decided."""

    accounts: list[str] | None
    stopped: bool
    late: int


@noun.read("", Act.QUEUE_READ)
def show(asked: Asked) -> QueueShown:
    """队列状况 How the whole queue stands."""
    asked.house()
    patience = timedelta(seconds=asked.desk.settings.idle_alarm_seconds)
    return QueueShown.model_validate(queue_status(asked.session, asked.now, patience))


@noun.read("/notices", Act.QUEUE_READ)
def notices(asked: Asked) -> NoticeList:
    """通知 Open notices of the whole queue."""
    asked.house()
    return NoticeList(items=[NoticeShown.model_validate(one) for one in open_notices(asked.session)])


@noun.read("/next", Act.POST_READ)
def following(
    asked: Asked,
    unit: Filter = None,
    hours: Annotated[int, Query(ge=1, le=MOST_HOURS, description="How many hours ahead.")] = 36,
) -> DigestShown:
    """接下来 What goes out next and whom it waits for, what failed, who is silent; of a unit, or in sight."""
    if unit is None:
        within = asked.sight()
    else:
        place = find_unit(asked.session, unit)
        asked.at(place.path)
        within = in_subtree(place)
    ahead = timedelta(hours=hours)
    return DigestShown.model_validate(read_digest(asked.session, within, asked.now, last_articles, ahead))


@noun.write("POST", "/pause", Act.QUEUE_STEER)
def pause(asked: Asked, body: Stopping) -> Steered:
    """暂停 Stop an account, a unit's accounts, or everything; every node obeys at its next tick."""
    accounts, _ = _named(asked, body)
    _steer(asked, accounts, stopped=True, reason=body.reason or "")
    return _steered(asked, accounts, 0)


@noun.write("POST", "/resume", Act.QUEUE_STEER)
def resume(asked: Asked, body: Opening) -> Steered:
    """恢复 Open it again, and decide about what is late."""
    accounts, subject = _named(asked, body)
    extent = Extent(None if accounts is None else [account.known_id for account in accounts])
    decided = decide(
        asked.session, asked.keys, body.late, extent, now=asked.now, actor=asked.actor, subject=subject
    )
    _steer(asked, accounts, stopped=False)
    asked.wakes = True
    return _steered(asked, accounts, decided)


def _steer(asked: Asked, accounts: list[Account] | None, *, stopped: bool, reason: str = "") -> None:
    session, keys, now, actor = asked.session, asked.keys, asked.now, asked.actor
    if accounts is None:
        stop_queue(session, keys, now=now, actor=actor, stopped=stopped, reason=reason)
    else:
        stop_accounts(session, keys, accounts, now=now, actor=actor, stopped=stopped, reason=reason)


def _named(asked: Asked, what: What) -> tuple[list[Account] | None, str]:
    if what.account is not None:
        account, _ = account_seen(asked, what.account)
        return [account], account.stable_id
    if what.unit is not None:
        unit = find_unit(asked.session, what.unit)
        asked.at(unit.path)
        return accounts_of(asked.session, unit=unit), f"unit:{unit.code}"
    asked.house()
    return None, "queue"


def _steered(asked: Asked, accounts: list[Account] | None, late: int) -> Steered:
    names = None if accounts is None else [account.stable_id for account in accounts]
    return Steered(accounts=names, stopped=is_stopped(asked.session), late=late)
