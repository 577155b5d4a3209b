"""What the service does for the house itself: the ledger's head noted daily, ended sign-ins forgotten,
changed settings recorded, and the way in for the first owner.
"""

import time
from datetime import datetime, timedelta

import structlog
from pydantic import SecretStr

from config.database import LOST
from meizhen.house import House
from organisation import (
    Ages,
    entries_of,
    note_head,
    record,
    set_up_code,
    sweep_answers,
    sweep_sessions,
    sweep_throttle,
)
from organisation.job_runner import sweep_folders
from organisation.jobs import sweep_jobs
from organisation.ledger_export import HEADS_FILE
from organisation.webhook_messages import sweep_messages

_log = structlog.get_logger("meizhen.upkeep")
_SETTINGS = "house.settings"
_ASKED = 3600.0  # seconds: a folder without a job is one that is just being asked for


def note_ledger_head(house: House) -> None:
    """Writes the ledger's head into a file of the home folder and into the log: two places that no database
    reaches, so that one set back as a whole is found (`meizhen ledger verify`)."""
    with house.database.read() as session:
        entries, mac = note_head(session, house.keys, house.settings.home / HEADS_FILE, at=house.clock.now())
    _log.info("ledger_head", entries=entries, mac=mac)


def sweep(house: House) -> None:
    """Forgets ended sign-ins, counts, kept answers, ended messages to webhooks, old jobs and their files."""
    with house.database.write() as session:
        now = house.clock.now()
        sessions = sweep_sessions(session, now, ages_of(house))
        sweep_throttle(session, now)
        sweep_messages(session, now)
        sweep_answers(session, now)
        jobs = sweep_jobs(session, now)
    # By the file system's clock, as the folders are.
    sweep_folders(house.settings.jobs_folder, jobs, before=time.time() - _ASKED)
    _log.info("swept", sessions=sessions)


def ages_of(house: House) -> Ages:
    """How long sign-ins last, by the settings."""
    settings = house.settings
    return Ages(timedelta(hours=settings.session_idle_hours), timedelta(days=settings.session_days))


def record_settings(house: House) -> bool:
    """Writes into the ledger which settings differ from those of the last start; secrets never with a value.

    False where none does, or where the database is away just now: the start does not wait for it.
    """
    try:
        return _record_settings(house)
    except LOST as error:
        _log.warning("settings_not_recorded", reason=type(error).__name__)
        return False


def _record_settings(house: House) -> bool:
    present = {
        name: "***" if isinstance(value, SecretStr) else str(value)
        for name, value in house.settings
        if name != "home"
    }
    with house.database.write() as session:
        last = next(iter(entries_of(session, act=_SETTINGS, limit=1)), None)
        before = last.details.get("settings", {}) if last else {}
        if before == present:
            return False
        known = before if isinstance(before, dict) else {}
        changed = sorted(name for name in {*present, *known} if present.get(name) != known.get(name))
        details = {"settings": present, "changed": changed if last else []}
        record(
            session,
            house.keys,
            at=house.clock.now(),
            actor=house.actor,
            act=_SETTINGS,
            subject="house",
            details=details,
        )
    return True


def first_way_in(house: House) -> tuple[str, datetime] | None:
    """The code by which the first owner comes in; None where the house has one, or is away just now."""
    try:
        with house.database.write() as session:
            return set_up_code(session, at=house.clock.now())
    except LOST as error:
        _log.warning("no_set_up_code", reason=type(error).__name__)
        return None
