"""A run's folder: files made stage by stage, and for each stage a record of what it read and wrote.

A stage writes beside the folder's files and puts them in place when it is through; its record comes last. So
a run that was killed goes on with the first stage whose record is missing, or whose files are not the ones
the record names. Records hold hashes and no time: an undisturbed run leaves the same bytes.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from analytics.awards.files import Hashes, json_bytes
from config.errors import MeizhenError

ENGINE = "5"  # raised by every change that could change a result
INPUTS = "inputs"
RECORDS = "stages"
# Kept beside the run, no part of it: sealed sheets have other bytes each time, papers other templates.
BESIDE = ("jury/", "papers/")
_WORK = ".work"


class Desk:
    """Where one stage works: it reads files of the run and writes new ones, and both are remembered."""

    def __init__(self, run: Path, work: Path, hashes: Hashes) -> None:
        self._run = run
        self._work = work
        self._hashes = hashes
        self.reads: dict[str, str] = {}
        self.written: list[str] = []

    def read(self, name: str) -> Path:
        """A file of the run."""
        if not self.digest(name):
            raise FileNotFoundError(self._run / name)
        return self._run / name

    def has(self, name: str) -> bool:
        """Is there such a file? A stage that asked runs again when that changes."""
        return bool(self.digest(name))

    def digest(self, name: str) -> str:
        """The hash of a file of the run, '' where there is none."""
        self.reads[name] = self._hashes.of(self._run / name)
        return self.reads[name]

    def write(self, name: str) -> Path:
        """Where to write a file of the run; it shows when the stage is through."""
        path = self._work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.written.append(name)
        return path


class RunFolder:
    """The folder of one run. Raises MeizhenError `index.not_written` where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hashes = Hashes()

    def digest(self, name: str) -> str:
        """The hash of a file, '' where there is none."""
        return self._hashes.of(self.path / name)

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within this nobody else is here: of two who add a line to one file at once, one would be lost."""
        import fcntl

        place = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(place, fcntl.LOCK_EX)
            yield
        finally:
            os.close(place)

    def perform(self, number: int, stage: str, work: Callable[[Desk], None]) -> None:
        """Does a stage unless it is done: its files are put in place, then its record."""
        if self.is_done(number, stage):
            return
        old = self._record(number, stage)
        desk = Desk(self.path, self.path / _WORK, self._hashes)
        try:
            shutil.rmtree(self.path / _WORK, ignore_errors=True)
            (self.path / _WORK).mkdir(parents=True)
            work(desk)
            for name in desk.written:
                put_in_place(self.path / _WORK / name, self.path / name)
            for name in set(old.get("writes", ())) - set(desk.written):
                (self.path / name).unlink(missing_ok=True)
            record = {
                "made_by": {"engine": ENGINE},
                "reads": {name: desk.reads[name] for name in sorted(desk.reads)},
                "writes": {name: self.digest(name) for name in sorted(desk.written)},
            }
            self.place(_name(number, stage), json_bytes(record))
        except OSError as error:
            raise not_written(self.path, error) from None
        finally:
            shutil.rmtree(self.path / _WORK, ignore_errors=True)
            with suppress(OSError):  # a folder that was refused its first stage goes again
                self.path.rmdir()

    def place(self, name: str, content: bytes) -> Path:
        """Writes a file of the run, whole or not at all."""
        try:
            (self.path / _WORK).mkdir(parents=True, exist_ok=True)
            draft = self.path / _WORK / "draft"
            draft.write_bytes(content)
            put_in_place(draft, self.path / name)
        except OSError as error:
            raise not_written(self.path, error) from None
        finally:
            shutil.rmtree(self.path / _WORK, ignore_errors=True)
        return self.path / name

    def is_done(self, number: int, stage: str) -> bool:
        """Is there a record of the stage by this engine, and is every file still the one it names?"""
        record = self._record(number, stage)
        return record.get("made_by") == {"engine": ENGINE} and all(
            self.digest(name) == digest
            for part in ("reads", "writes")
            for name, digest in record.get(part, {}).items()
        )

    def was_done(self, number: int, stage: str) -> bool:
        return bool(self._record(number, stage))

    def changed(self, number: int, stage: str) -> list[str]:
        """The files that a stage wrote and that are other files, or gone, now."""
        writes = self._record(number, stage).get("writes", {})
        return [name for name, digest in writes.items() if self.digest(name) != digest]

    def writes(self, number: int, stage: str) -> dict[str, str]:
        """The files of a stage and their hashes, as its record has them."""
        return self._record(number, stage).get("writes", {})

    def forget(self, number: int, stage: str) -> None:
        """Takes a stage's record away: it will be done again."""
        (self.path / _name(number, stage)).unlink(missing_ok=True)

    def _record(self, number: int, stage: str) -> dict[str, dict[str, str]]:
        try:
            record = json.loads((self.path / _name(number, stage)).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def files(self) -> Iterator[str]:
        """Every file of the folder by its name in it, sorted."""
        found = (file for file in self.path.rglob("*") if file.is_file())
        return iter(sorted(file.relative_to(self.path).as_posix() for file in found))


def put_in_place(source: Path, target: Path) -> None:
    """Moves a whole file to its place: whoever looks sees the old one or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def not_written(path: Path, error: OSError) -> MeizhenError:
    return MeizhenError("index.not_written", path=path, reason=error.strerror or type(error).__name__)


def _name(number: int, stage: str) -> str:
    return f"{RECORDS}/{number:02}-{stage}.json"
