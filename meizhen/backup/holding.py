"""After a restore nothing leaves the house by itself: everything that a backup had still to do is held.

Posts as `scheduler.restored` says. Reports that were planned are uncertain, and no fire time up to now is
made up; messages to webhooks are given up, reminders of tasks are taken without being told, jobs are called
off (their files are not in a backup), and every sign-in ends. Each can be set going again by a person.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from analytics.reports import running_schedules
from analytics.reports.cron import parse_cron
from analytics.reports.deliveries import hold_planned
from config.clock import SHANGHAI
from config.messages import text
from config.secrets import KeyRing
from config.settings import Settings
from meizhen.backup.manifest import RESTORE_ACT, Manifest
from organisation import record
from organisation.jobs import end_live_jobs
from organisation.sessions import end_all_sessions
from organisation.webhook_messages import give_up_queued
from scheduler.assisted import remind
from scheduler.notices import ReportNotices
from scheduler.periodic import DONE, PeriodicRun, last_fire
from scheduler.restored import hold_back


@dataclass(frozen=True)
class Held:
    """How much waits for a person now."""

    uncertain: int
    paused: int
    with_person: int
    reports: int
    messages: int
    jobs: int


def hold_everything(
    session: Session, keys: KeyRing, settings: Settings, manifest: Manifest, *, now: datetime, actor: str
) -> Held:
    """Holds everything and writes the restore into the ledger, in the caller's transaction."""
    taken = f"{manifest.taken_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    posts = hold_back(
        session,
        keys,
        taken_at=manifest.taken_at,
        now=now,
        actor=actor,
        reason=text("backup.stopped", taken=taken),
    )
    reports = _hold_reports(session, timedelta(hours=settings.report_lateness_hours), now)
    for moment in (now, now + timedelta(minutes=1)):  # a second one that is due follows after a minute
        remind(session, moment, actor)
    end_all_sessions(session)
    held = Held(
        posts.uncertain,
        posts.paused,
        posts.with_person,
        reports,
        jobs=end_live_jobs(session, now, actor),
        messages=give_up_queued(session, now),  # last: what was just written is not told either
    )
    record(
        session,
        keys,
        at=now,
        actor=actor,
        act=RESTORE_ACT,
        subject="house",
        details={"backup": manifest.facts(), "held": asdict(held)},
    )
    return held


def _hold_reports(session: Session, lateness: timedelta, now: datetime) -> int:
    held = hold_planned(session, now)
    for unit in sorted(set(held)):
        ReportNotices().trouble(session, unit, code="restored", now=now)
    # A fire time that was begun and not ended would be taken up again.
    session.execute(
        update(PeriodicRun)
        .where(col(PeriodicRun.name).startswith("report-"), col(PeriodicRun.finished_at).is_(None))
        .values(finished_at=now, outcome=DONE, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    for schedule, _ in running_schedules(session):
        name = f"report-{schedule.known_id}"
        fired = last_fire(parse_cron(schedule.cron), now, lateness)
        if fired is not None and session.get(PeriodicRun, (name, fired)) is None:
            run = PeriodicRun(name=name, fire_at=fired, node="restore", started_at=now)
            run.outcome, run.finished_at = DONE, now
            session.add(run)
    session.flush()
    return len(held)
