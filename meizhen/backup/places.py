"""Where the files of a backup go when it is put back: places that were empty, and a marker meanwhile."""

import ctypes
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from config.database import open_database, reaching
from config.errors import MeizhenError
from config.progress import Progress
from config.settings import Settings
from meizhen.backup.bundle import DATABASES, FOLDERS, HEADS, SETTINGS, SUMS, Member
from meizhen.backup.manifest import Manifest
from meizhen.backup.tables import has_tables, holds_tables
from meizhen.house import MEDIA_FOLDER, RESTORING_FILE, SETTINGS_FILE
from organisation.ledger_export import HEADS_FILE

SETTINGS_BESIDE = "settings.from-backup.toml"
_UNDER_WAY = ".restoring"
_ROOM = 1.1  # of the backup's size: a database grows while it is migrated


@dataclass(frozen=True)
class Places:
    """The home folder, the folders by their names in a backup, and the file that the database comes in.

    `database` is on SQLite the staged file beside the true one, `sqlite` the true one (None on PostgreSQL).
    """

    settings: Settings
    settings_name: str
    folders: dict[str, Path]
    database: Path
    sqlite: Path | None

    @classmethod
    def of(cls, settings: Settings, settings_name: str) -> "Places":
        home = settings.home
        url = make_url(settings.database_address)
        sqlite = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        staged = home / DATABASES["postgresql"] if sqlite is None else sqlite
        folders = {
            "archive": settings.archive_folder,
            "awards": settings.awards_root,
            "media": home / MEDIA_FOLDER,
        }
        return cls(settings, settings_name, folders, staged.with_name(f"{staged.name}{_UNDER_WAY}"), sqlite)

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def marker(self) -> Path:
        return self.home / RESTORING_FILE

    def require_kind(self, manifest: Manifest) -> None:
        """Raises MeizhenError `backup.other_database`: a backup goes back into its own kind of database."""
        here = "postgresql" if self.sqlite is None else "sqlite"
        if here != manifest.kind:
            raise MeizhenError("backup.other_database", found=manifest.kind, here=here)

    @contextmanager
    def marked(self, path: Path, manifest: Manifest) -> Iterator[None]:
        """Within this the folder is no house; at a good end it is one.

        Raises MeizhenError: `backup.other_unfinished`, `backup.restore_running`, `backup.not_empty`,
        `backup.no_room`.
        """
        if not self._begun(manifest):
            self._require_empty()
            self._require_room(manifest)
            self._mark(path, manifest)
        with self.marker.open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise MeizhenError("backup.restore_running", home=self.home) from None
            if os.fstat(lock.fileno()).st_nlink == 0:  # whoever held it has just come to the end
                raise MeizhenError("backup.restore_running", home=self.home)
            yield
            self.marker.unlink()
            _sync(self.home)

    def _begun(self, manifest: Manifest) -> bool:
        """Was this backup being put back here before?"""
        try:
            told = json.loads(self.marker.read_text("utf-8"))
        except FileNotFoundError:
            return False
        if told["backup"] != manifest.id:
            raise MeizhenError("backup.other_unfinished", home=self.home, file=told["file"])
        return True

    def _mark(self, path: Path, manifest: Manifest) -> None:
        told = {"backup": manifest.id, "file": str(path.resolve()), "settings": self.settings_name}
        draft = self.marker.with_name(f".{self.marker.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(told, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, self.marker)  # of two at once, one goes on
        except FileExistsError:
            raise MeizhenError("backup.restore_running", home=self.home) from None
        finally:
            draft.unlink()
        _sync(self.home)

    def _require_empty(self) -> None:
        taken = [folder for folder in self.folders.values() if folder.exists() and any(folder.iterdir())]
        taken += [self.home / HEADS_FILE] if (self.home / HEADS_FILE).exists() else []
        taken += [self.sqlite] if self.sqlite is not None and holds_tables(self.sqlite) else []
        if taken:
            raise MeizhenError("backup.not_empty", place=taken[0])
        if self.sqlite is None:
            database = open_database(self.settings)
            try:
                with reaching(), database.reading() as connection:
                    if has_tables(connection):
                        raise MeizhenError("backup.not_empty", place=database.engine.url.database)
            finally:
                database.close()

    def _require_room(self, manifest: Manifest) -> None:
        free = shutil.disk_usage(self.home).free
        wanted = int(manifest.size * _ROOM)
        if free < wanted:
            raise MeizhenError(
                "backup.no_room", home=self.home, free=f"{free / 1e9:.1f}", wanted=f"{wanted / 1e9:.1f}"
            )

    # --- writing ------------------------------------------------------------------------------------------

    def write_all(self, there: Iterable[Member], manifest: Manifest, progress: Progress) -> None:
        """Writes every file to its place, each whole or not at all, and all of them on disk at the end.

        Raises MeizhenError `backup.changed_meanwhile` where they are not those that were looked at before.
        """
        total = sum(folder.files for folder in manifest.folders.values())
        done, sums = 0, hashlib.sha256()
        for member in there:
            target = self._target(member.name)
            if target is None:
                continue
            sums.update(self._write(member, target))
            done += 1
            progress("files", done, total)
        if sums.hexdigest() != manifest.sums:
            raise MeizhenError("backup.changed_meanwhile", file=SUMS)
        self.folders["media"].mkdir(exist_ok=True, mode=0o700)
        sync_disks([self.home, *self.folders.values()])

    def _target(self, name: str) -> Path | None:
        """Where a file goes; None for what only the backup itself needs."""
        head, _, below = name.partition("/")
        if head in FOLDERS:
            return self.folders[head] / below
        if name in DATABASES.values():
            return self.database
        return {SETTINGS: self.home / self.settings_name, HEADS: self.home / HEADS_FILE}.get(name)

    def _write(self, member: Member, target: Path) -> bytes:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = target if target == self.database else target.with_name(_UNDER_WAY)
        with suppress(FileNotFoundError):  # of a try that was killed
            draft.unlink()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            line = member.pass_to(file.write).line
        if draft != target:
            os.replace(draft, target)
        return line


def settings_name_for(home: Path, *, elsewhere: bool) -> str:
    """A house that has settings (or `elsewhere`) keeps them; those of the backup then lie beside."""
    marker = home / RESTORING_FILE
    if marker.exists():
        return str(json.loads(marker.read_text("utf-8"))["settings"])
    return SETTINGS_BESIDE if elsewhere or (home / SETTINGS_FILE).exists() else SETTINGS_FILE


def sync_disks(folders: Iterable[Path]) -> None:
    """Everything written to the disks of these folders is on them: one call a disk, not one a file."""
    syncfs = getattr(ctypes.CDLL(None), "syncfs", None)
    if syncfs is None:  # no Linux
        os.sync()
        return
    for folder in folders:
        if folder.is_dir():
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                if syncfs(descriptor):
                    raise OSError(f"the disk of {folder} did not take everything")
            finally:
                os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
