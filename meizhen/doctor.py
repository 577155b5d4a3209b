"""What `meizhen doctor` looks at: each thing that this house needs, whether it is there, and its cure.

It reads only, and calls nobody but the database: it works where nothing else does, and in the order in which
things build on each other. What cannot be looked at because something before it is missing is left out.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.util import find_spec

from sqlmodel import func, select

from config.clock import SHANGHAI, SystemClock
from config.database import Database, clock_of, open_database, reaching, require_newest
from config.errors import MeizhenError
from config.messages import text
from config.paper import font_file
from config.secrets import KeyRing, load_key_file
from config.settings import Settings, load_settings
from meizhen.backup.manifest import BACKUP_ACT
from meizhen.house import KEY_FILE, MEDIA_FOLDER, RESTORING_FILE, require_restored
from organisation import Account, Person, check_keys, entries_of
from scheduler.periodic import PeriodicRun
from scheduler.status import queue_status
from web.assets import built_assets

_ROOM_BYTES = 1024**3
_AHEAD = timedelta(seconds=5)
_BACKUP_OLD = timedelta(days=7)
_SILENT = timedelta(hours=26)  # the service does something for itself every day


class Grade(StrEnum):
    """How it stands; only what is `bad` keeps the house from working."""

    FINE = "fine"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Symptom:
    """One thing looked at: what was found, and what to do where something is to be done."""

    name: str
    grade: Grade
    told: str
    remedy: str = ""


def examine(environment: Mapping[str, str] | None = None) -> Iterator[Symptom]:
    """Looks at everything, the foundations first."""
    try:
        settings = load_settings(environment)
    except MeizhenError as error:
        yield _bad("settings", error)
        return
    yield _fine("settings", home=settings.home)
    yield from _home(settings)
    if (settings.home / RESTORING_FILE).exists():
        return
    yield from _room(settings)
    yield from _console()
    yield from _paper()
    yield from _mail(settings)
    yield from _below_the_keys(settings)


def _home(settings: Settings) -> Iterator[Symptom]:
    media = settings.home / MEDIA_FOLDER
    try:
        require_restored(settings.home)
    except MeizhenError as error:
        yield _bad("home", error)
        return
    if not (settings.home / KEY_FILE).exists():
        yield _bad("home", MeizhenError("house.not_made", home=settings.home))
    elif not media.is_dir() or not os.access(media, os.W_OK):
        reason = "not writable" if media.is_dir() else "not a folder"
        yield _bad("home", MeizhenError("house.not_writable", home=media, reason=reason))
    elif settings.home.stat().st_mode & 0o077:
        yield _warn("home", MeizhenError("doctor.home_open", home=settings.home))
    else:
        yield _fine("home", home=settings.home)


def _room(settings: Settings) -> Iterator[Symptom]:
    place = next(one for one in (settings.home, *settings.home.parents) if one.exists())
    free = shutil.disk_usage(place).free
    told = f"{free / 1024**3:.1f}"
    if free >= _ROOM_BYTES:
        yield _fine("room", free=told)
    else:
        yield _warn("room", MeizhenError("doctor.room_little", free=told, least=_ROOM_BYTES // 1024**3))


def _console() -> Iterator[Symptom]:
    yield _fine("console") if built_assets().built else _warn("console", MeizhenError("doctor.console_bare"))


def _paper() -> Iterator[Symptom]:
    """Charts, certificates and forms are drawn with what came with the installation."""
    missing = [name for name in ("typst", "matplotlib") if find_spec(name) is None]
    if not missing and font_file().is_file():
        yield _fine("paper")
    else:
        yield _warn(
            "paper", MeizhenError("doctor.paper_missing", missing=", ".join(missing) or font_file().name)
        )


def _mail(settings: Settings) -> Iterator[Symptom]:
    yield (
        _fine("mail", host=settings.smtp_host)
        if settings.smtp_host
        else _warn("mail", MeizhenError("doctor.mail_none"))
    )


def _below_the_keys(settings: Settings) -> Iterator[Symptom]:
    """Keys, database, clock, ledger, service: each stands on the one before it."""
    if not (settings.home / KEY_FILE).exists():
        return
    try:
        keys = load_key_file(settings.home / KEY_FILE)
    except MeizhenError as error:
        yield _bad("keys", error)
        return
    yield _fine("keys")
    database = open_database(settings)
    try:
        yield from _database(database, keys)
    finally:
        database.close()


def _database(database: Database, keys: KeyRing) -> Iterator[Symptom]:
    try:
        require_newest(database)
    except MeizhenError as error:
        yield _bad("database", error)
        return
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    yield _fine("database", kind=kind)
    try:
        with reaching(), database.read() as session:
            check_keys(session, keys)
    except MeizhenError as error:
        yield _bad("keys", error)
        return
    for look in (_clock, _people, _service, _backup):
        yield from look(database)


def _clock(database: Database) -> Iterator[Symptom]:
    ahead = clock_of(database).now() - SystemClock().now()
    seconds = f"{abs(ahead).total_seconds():.0f}"
    yield (
        _fine("clock")
        if abs(ahead) <= _AHEAD
        else _warn("clock", MeizhenError("doctor.clock_off", seconds=seconds))
    )


def _people(database: Database) -> Iterator[Symptom]:
    with database.read() as session:
        person = session.exec(select(Person.id).limit(1)).first()
        account = session.exec(select(Account.id).limit(1)).first()
    if person is None:
        yield _warn("people", MeizhenError("doctor.people_none"))
    elif account is None:
        yield _warn("people", MeizhenError("doctor.accounts_none"))
    else:
        yield _fine("people")


def _service(database: Database) -> Iterator[Symptom]:
    now = clock_of(database).now()
    with database.read() as session:
        standing = queue_status(session, now, finished=False)
        last = session.exec(select(func.max(PeriodicRun.started_at))).one()
    if standing.idle_since is not None:
        yield _bad("service", MeizhenError("doctor.service_idle", count=standing.due))
    elif last is None or now - last > _SILENT:
        yield _warn("service", MeizhenError("doctor.service_away"))
    elif standing.stopped:
        yield _warn("service", MeizhenError("doctor.queue_stopped"))
    else:
        yield _fine("service", people=standing.needs_person)


def _backup(database: Database) -> Iterator[Symptom]:
    """As the ledger has it: whether the file is still there nobody here can know."""
    with database.read() as session:
        last = next(iter(entries_of(session, act=BACKUP_ACT, limit=1)), None)
    if last is None:
        yield _warn("backup", MeizhenError("doctor.backup_never"))
        return
    age = clock_of(database).now() - last.at
    file, at = last.details.get("file", "–"), f"{last.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    if age <= _BACKUP_OLD:
        yield _fine("backup", file=file, at=at)
    else:
        yield _warn("backup", MeizhenError("doctor.backup_old", days=age.days, file=file, at=at))


def _fine(name: str, **told: object) -> Symptom:
    return Symptom(name, Grade.FINE, text(f"doctor.{name}_fine", **told))


def _warn(name: str, error: MeizhenError) -> Symptom:
    return Symptom(name, Grade.WARN, error.told(), error.remedy())


def _bad(name: str, error: MeizhenError) -> Symptom:
    """The words of the error: where it lists problems, all of them."""
    told = str(error).removesuffix(error.remedy()).strip()
    return Symptom(name, Grade.BAD, told, error.remedy())
