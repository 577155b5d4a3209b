"""Puts report files into a folder below the organisation's root: whole, and never over others' files."""

import errno
import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from analytics.reports.deliveries import Outcome, State
from analytics.reports.schedules import is_inside

_CHUNK = 1 << 20
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)  # some file systems and network drives


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            found.update(part)
    return found.hexdigest()


def put_files(
    root: Path, folder: str, files: Mapping[str, Path], ours: Mapping[str, Collection[str]], *, token: str
) -> Outcome:
    """Puts `files` (name → source) into `root/folder`.

    `token` names what is half written, so that the next try takes it up. A file of the same name is replaced
    only where its digest is one of `ours`: we wrote it. Links that lead out of `root` count as outside. What
    fails for want of room or rights is tried again.
    """
    if not is_inside(folder):
        return Outcome(State.FAILED, "folder_outside", folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        place = root.resolve() / folder
        if not place.resolve().is_relative_to(root.resolve()):
            return Outcome(State.FAILED, "folder_outside", folder)
        place.mkdir(parents=True, exist_ok=True)
        taken = [name for name, source in files.items() if not _may_take(place / name, source, ours[name])]
        if taken:
            return Outcome(State.FAILED, "folder_taken", ", ".join(taken))
        for name, source in files.items():
            _put(source, place / name, token)
    except FileExistsError as error:  # somebody put one there just now
        return Outcome(State.FAILED, "folder_taken", Path(str(error.filename2 or error.filename)).name)
    except OSError as error:
        return Outcome(State.PLANNED, "folder_not_writable", error.strerror or type(error).__name__)
    return Outcome(State.SENT)


def _may_take(target: Path, source: Path, ours: Collection[str]) -> bool:
    """Is the place free, or taken by a file of ours?"""
    if target.is_symlink():
        return False
    if not target.exists():
        return True
    return target.is_file() and digest(target) in {*ours, digest(source)}


def _put(source: Path, target: Path, token: str) -> None:
    """Copies beside the target, to the disk, then into place in one step."""
    partial = target.with_name(f".{target.name}.{token}.partial")
    try:
        with source.open("rb") as read, partial.open("wb") as write:
            while part := read.read(_CHUNK):
                write.write(part)
            write.flush()
            os.fsync(write.fileno())
        if target.exists():
            os.replace(partial, target)
        else:
            _put_new(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _put_new(partial: Path, target: Path) -> None:
    """Unlike a rename, a link refuses to take the place of a file that has come meanwhile."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        partial.rename(target)
