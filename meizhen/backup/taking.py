"""Takes a backup of a running house into one file, which shows only when it is whole.

Everything is written in a hidden folder beside the file and renamed at the end: a backup that was killed
leaves that folder, and the next one to the same place takes it away. First the database, then the files: a
medium is on disk before its row is, so a row in the backup has its file. Nobody archives meanwhile.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

from pydantic import SecretStr

from analytics.archive.writing import alone
from config.clock import SHANGHAI
from config.errors import MeizhenError
from config.progress import Progress, tell_nobody
from config.settings import Settings
from meizhen import __version__
from meizhen.backup.bundle import (
    DATABASES,
    FIRST,
    FORMAT,
    HEADS,
    MANIFEST,
    SEAL,
    SETTINGS,
    SUMS,
    BundleWriter,
    shown,
)
from meizhen.backup.manifest import BACKUP_ACT, Folder, Manifest
from meizhen.backup.tables import Moment, take_moment
from meizhen.house import House
from organisation import record
from organisation.ledger_export import HEADS_FILE

_NAMED = re.compile(r"meizhen-\d{8}-\d{6}\.tar")
_WORK = ".meizhen-backup-"


@dataclass(frozen=True)
class Taken:
    """A finished backup."""

    file: Path
    size: int
    manifest: Manifest
    removed: tuple[str, ...] = ()


def take_backup(house: House, out: Path, *, keep: int = 0, progress: Progress = tell_nobody) -> Taken:
    """Takes a backup into the file `out`, or under the moment's name into the folder `out`.

    `keep` (with a folder): how many of those names stay there, the newest. The act goes into the ledger.
    Raises MeizhenError: `backup.there_already`, `backup.keep_needs_folder`, `backup.not_written`,
    `archive.busy` while figures are archived, and what `tables` raises.
    """
    now = house.clock.now()
    if keep and not out.is_dir():
        raise MeizhenError("backup.keep_needs_folder", file=out)
    file = out / f"meizhen-{now.astimezone(SHANGHAI):%Y%m%d-%H%M%S}.tar" if out.is_dir() else out
    if file.exists():
        raise MeizhenError("backup.there_already", file=file)
    try:
        with _work_beside(file) as work:
            manifest = _write(house, work, now, progress)
            size = (work / "backup").stat().st_size
            os.rename(work / "backup", file)
            _sync(file.parent)
    except OSError as error:
        named = f" ({error.filename})" if error.filename else ""
        reason = f"{error.strerror or type(error).__name__}{named}"
        raise MeizhenError("backup.not_written", file=file, reason=reason) from None
    removed = _thin_out(out, keep) if keep else ()
    _note(house, file, size, manifest)
    return Taken(file, size, manifest, removed)


def _note(house: House, file: Path, size: int, manifest: Manifest) -> None:
    facts = {"id": manifest.id, "file": file.name, "bytes": size, "sums": manifest.sums}
    facts |= {"entries": manifest.ledger.entries, "mac": manifest.ledger.mac}
    with house.database.write() as session:
        record(
            session,
            house.keys,
            at=house.clock.now(),
            actor=house.actor,
            act=BACKUP_ACT,
            subject="house",
            details=facts,
        )


def _thin_out(folder: Path, keep: int) -> tuple[str, ...]:
    """Removes the older ones of our names; gives those that are gone."""
    ours = sorted(one.name for one in folder.iterdir() if _NAMED.fullmatch(one.name))
    removed = []
    for name in ours[:-keep]:
        with suppress(OSError):
            (folder / name).unlink()
            removed.append(name)
    return tuple(removed)


@contextmanager
def _work_beside(file: Path) -> Iterator[Path]:
    """A folder that only we may enter, on the file's own disk; those of backups that died go first."""
    for left in file.parent.glob(f"{_WORK}*"):
        with suppress(OSError), (left / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while it is alive
            shutil.rmtree(left, ignore_errors=True)
    work = Path(mkdtemp(prefix=_WORK, dir=file.parent))
    try:
        with (work / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write(house: House, work: Path, now: datetime, progress: Progress) -> Manifest:
    settings = house.settings
    heads = _content(settings.home / HEADS_FILE)  # before the database: none is ahead of it
    with ExitStack() as opened:
        out = opened.enter_context(_private(work / "backup"))
        sums = opened.enter_context(_private(work / "sums"))
        if settings.archive_folder.is_dir() and house.database.archive is not None:
            opened.enter_context(alone(house.database.archive))
        progress("database", 0, 0)
        moment = take_moment(house.database, house.keys, work)
        BundleWriter(out, BytesIO()).add_bytes(FIRST, FORMAT)
        bundle = BundleWriter(out, sums)
        small = [bundle.add_bytes(SETTINGS, settings_without_secrets(settings))]
        small += [bundle.add_bytes(HEADS, heads)] if heads else []
        size = sum(one.size for one in small) + _add_database(bundle, house, moment, progress)
        folders = _add_folders(bundle, settings, house.media_folder, progress)
        sums.seek(0)
        return _finish(house, out, sums, moment, folders, size, now)


def _add_database(bundle: BundleWriter, house: House, moment: Moment, progress: Progress) -> int:
    size = moment.file.stat().st_size
    progress("database", 0, size)
    with moment.file.open("rb") as source:
        bundle.add(DATABASES["sqlite" if house.database.is_sqlite else "postgresql"], source, size)
    moment.file.unlink()  # its room is needed no longer
    return size


def _add_folders(
    bundle: BundleWriter, settings: Settings, media: Path, progress: Progress
) -> dict[str, Folder]:
    places = {"archive": settings.archive_folder, "awards": settings.awards_root, "media": media}
    return {name: _add_folder(bundle, name, place, progress) for name, place in places.items()}


def _add_folder(bundle: BundleWriter, name: str, place: Path, progress: Progress) -> Folder:
    files = size = left_out = 0
    for path in _files(place):
        if path.is_symlink() or not path.is_file():
            left_out += 1
            continue
        with suppress(FileNotFoundError), path.open("rb") as source:  # a run's work that is just over
            added = bundle.add(f"{name}/{_below(path, place)}", source, os.fstat(source.fileno()).st_size)
            files, size = files + 1, size + added.size
            progress(name, files, 0)
    return Folder(files=files, size=size, left_out=left_out)


def _files(folder: Path) -> Iterator[Path]:
    """What lies below, in the order of the names; hidden and half-written things are no part of it."""
    try:
        there = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for one in sorted(there, key=_place):
        if one.name.startswith(".") or one.name.endswith(".partial"):
            continue
        if one.is_dir(follow_symlinks=False):
            yield from _files(Path(one.path))
        else:
            yield Path(one.path)


def _place(one: "os.DirEntry[str]") -> bytes:
    """A folder stands where its files stand in the order of whole names."""
    return os.fsencode(one.name) + (b"/" if one.is_dir(follow_symlinks=False) else b"")


def _below(path: Path, place: Path) -> str:
    try:
        name = path.relative_to(place).as_posix()
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise MeizhenError("backup.bad_name", file=shown(str(path))) from None
    return name


def _finish(
    house: House,
    out: BinaryIO,
    sums: BinaryIO,
    moment: Moment,
    folders: dict[str, Folder],
    size: int,
    now: datetime,
) -> Manifest:
    """The list of sums, the manifest that names it, and the seal under that."""
    last = BundleWriter(out, BytesIO())
    listed = last.add(SUMS, sums, os.fstat(sums.fileno()).st_size)
    manifest = Manifest(
        id=secrets.token_hex(16),
        taken_at=now,
        version=__version__,
        kind="sqlite" if house.database.is_sqlite else "postgresql",
        revision=moment.revision,
        keys=house.keys.fingerprints(),
        ledger=moment.ledger,
        tables=moment.tables,
        folders=folders,
        size=size + sum(folder.size for folder in folders.values()),
        sums=listed.sha256,
    )
    last.add_bytes(MANIFEST, manifest.as_bytes())
    last.add_bytes(SEAL, house.keys.seal_of_backup(manifest.as_bytes()).encode())
    last.close()
    out.flush()
    os.fsync(out.fileno())
    return manifest


def settings_without_secrets(settings: Settings) -> bytes:
    """What this house runs with where it differs from the defaults, as a settings.toml.

    A secret is only named: the address of a database, too, may hold a password.
    """
    lines = ["# From a backup, without secrets: enter them again, or name their files (MEIZHEN_…_FILE)."]
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name == "home" or value == field.default:
            continue
        if isinstance(value, SecretStr):
            lines.append(f"# {name} = (secret)")
        else:
            told = str(value) if isinstance(value, Path) else value
            lines.append(f"{name} = {json.dumps(told, ensure_ascii=False)}")
    return ("\n".join(lines) + "\n").encode()


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _private(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w+b")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
