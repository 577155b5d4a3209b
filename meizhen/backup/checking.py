"""Reads a backup through and writes nothing: is it whole, as it was made, and of this house?"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from config.errors import MeizhenError
from config.progress import Progress, tell_nobody
from config.secrets import KeyRing
from meizhen.backup.bundle import (
    DATABASES,
    FIRST,
    FOLDERS,
    MANIFEST,
    SEAL,
    SUMS,
    Member,
    members,
    shown,
)
from meizhen.backup.manifest import Folder, Manifest, read_manifest, require_keys

_MANIFEST_BYTES = 1024 * 1024
_LINE_BYTES = 8192


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A backup's file, open. Raises MeizhenError `backup.unreadable`, also for what fails meanwhile."""
    try:
        if not path.is_file():  # a pipe or a device is never waited for
            raise MeizhenError("backup.unreadable", file=path, reason="not a file")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise MeizhenError(
            "backup.unreadable", file=path, reason=error.strerror or type(error).__name__
        ) from None


def check_backup(path: Path, keys: KeyRing | None = None, progress: Progress = tell_nobody) -> Manifest:
    """Compares every file with its sum, and all of it with the manifest.

    With `keys` also that it is of the house that has them. Raises MeizhenError `backup.…`.
    """
    with opened(path) as file, TemporaryFile() as sums:
        seen = _Seen(sums)
        total = path.stat().st_size
        for member in members(file):
            progress("check", file.tell(), total)
            seen.take(member)
        return seen.judged(keys)


@dataclass
class _Seen:
    """What went by so far."""

    sums: BinaryIO
    size: int = 0
    digest: str = ""
    manifest: bytes = b""
    seal: bytes = b""
    folders: dict[str, tuple[int, int]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def take(self, member: Member) -> None:
        if member.name == SUMS:
            self.digest = self._compared(member)
        elif member.name == MANIFEST:
            self.manifest = member.small(_MANIFEST_BYTES)
        elif member.name == SEAL:
            self.seal = member.small(64)
        elif member.name != FIRST:
            self._sum_up(member)

    def _sum_up(self, member: Member) -> None:
        self.sums.write(member.pass_to(lambda _piece: None).line)
        self.size += member.size
        head, _, below = member.name.partition("/")
        if below:
            files, size = self.folders.get(head, (0, 0))
            self.folders[head] = files + 1, size + member.size
        else:
            self.names.add(head)

    def _compared(self, member: Member) -> str:
        """The hash of the list of sums, which must be line by line what went by."""
        self.sums.flush()
        self.sums.seek(0)
        digest = hashlib.sha256()
        left = member.size
        while left > 0:
            expected = self.sums.readline(_LINE_BYTES)
            told = member.read(min(left, max(len(expected), 1)))
            left -= len(told)
            digest.update(told)
            if told != expected:
                name = expected.decode("utf-8", "replace")[66:].rstrip("\n")
                raise MeizhenError("backup.damaged", file=shown(name or SUMS))
        if self.sums.readline(1):
            raise MeizhenError("backup.damaged", file=SUMS)
        return digest.hexdigest()

    def judged(self, keys: KeyRing | None) -> Manifest:
        """The manifest, where everything agrees with it."""
        if not (self.digest and self.manifest and self.seal):
            raise MeizhenError("backup.cut_off")
        manifest = read_manifest(self.manifest)
        found = {name: self.folders.get(name, (0, 0)) for name in FOLDERS}
        told = {name: _counted(manifest.folders.get(name)) for name in FOLDERS}
        database = DATABASES[manifest.kind] in self.names
        if (manifest.sums, manifest.size) != (self.digest, self.size) or found != told or not database:
            raise MeizhenError("backup.damaged", file=MANIFEST)
        if keys is not None:
            require_keys(manifest, self.manifest, self.seal, keys)
        return manifest


def _counted(folder: Folder | None) -> tuple[int, int]:
    return (0, 0) if folder is None else (folder.files, folder.size)
