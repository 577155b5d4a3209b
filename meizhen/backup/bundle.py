"""The file of a backup: a plain tar, written and read from its beginning to its end in constant memory.

Every `tar` unpacks it and `sha256sum -c SHA256SUMS` checks it, should there be no Meizhen. Nothing in it is
compressed by us, so nothing can unpack to more than it is. Only what this module writes is read: files with
plain relative names in rising order; a link, a device, a sparse file or an extension header ends the reading.
"""

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from config.errors import MeizhenError

FIRST, SUMS, MANIFEST, SEAL = "MEIZHEN-BACKUP", "SHA256SUMS", "manifest.json", "seal"
SETTINGS, HEADS = "settings.toml", "ledger-heads.jsonl"
FORMAT = b"1\n"
DATABASES = {"sqlite": "database.sqlite", "postgresql": "database.dump"}
FOLDERS = ("archive", "awards", "media")
_BLOCK = tarfile.BLOCKSIZE
_PIECE = 1024 * 1024
_NAME_BYTES = 4096
_END = b"\0" * (2 * _BLOCK)


@dataclass(frozen=True)
class Summed:
    """One file as it went by."""

    name: str
    size: int
    sha256: str

    @property
    def line(self) -> bytes:
        """Its line in SHA256SUMS."""
        return f"{self.sha256}  {self.name}\n".encode()


class BundleWriter:
    """Appends files; `sums` gets the line of each."""

    def __init__(self, file: BinaryIO, sums: BinaryIO) -> None:
        self._file = file
        self._sums = sums

    def add(self, name: str, source: BinaryIO, size: int) -> Summed:
        """Copies `size` bytes. Raises MeizhenError `backup.changed_meanwhile` where there are fewer."""
        _check_name(name)
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._file.write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict"))
        digest = hashlib.sha256()
        left = size
        while left and (piece := source.read(min(left, _PIECE))):
            digest.update(piece)
            self._file.write(piece)
            left -= len(piece)
        if left:
            raise MeizhenError("backup.changed_meanwhile", file=name)
        self._file.write(b"\0" * (-size % _BLOCK))
        summed = Summed(name, size, digest.hexdigest())
        self._sums.write(summed.line)
        return summed

    def add_bytes(self, name: str, content: bytes) -> Summed:
        return self.add(name, BytesIO(content), len(content))

    def close(self) -> None:
        """Writes the end, without which no reader takes the file for whole."""
        self._file.write(_END)


class Member:
    """One file of a bundle, to be read before the next."""

    def __init__(self, name: str, size: int, file: BinaryIO) -> None:
        self.name = name
        self.size = size
        self._file = file
        self._left = size

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        piece = self._file.read(wanted)
        if len(piece) < wanted:
            raise MeizhenError("backup.cut_off")
        self._left -= len(piece)
        return piece

    def small(self, most: int) -> bytes:
        """All of it, where it is not larger than it should be. Raises MeizhenError `backup.damaged`."""
        if self.size > most:
            raise MeizhenError("backup.damaged", file=self.name)
        return self.read()

    def pass_to(self, take: Callable[[bytes], object]) -> Summed:
        """Hands all of it over piece by piece."""
        digest = hashlib.sha256()
        while piece := self.read(_PIECE):
            digest.update(piece)
            take(piece)
        return Summed(self.name, self.size, digest.hexdigest())

    def skip(self) -> None:
        """What is left of it, and what fills its last block."""
        self.pass_to(lambda _piece: None)
        padding = -self.size % _BLOCK
        if self._file.read(padding) != b"\0" * padding:
            raise MeizhenError("backup.damaged", file=self.name)


def members(file: BinaryIO) -> Iterator[Member]:
    """The files of a bundle in their order.

    Raises MeizhenError `backup.not_one`, `backup.cut_off`, `backup.damaged` for what is no bundle of ours.
    """
    last: str | None = None
    while True:
        block = file.read(_BLOCK)
        if block == b"\0" * _BLOCK and last is not None:
            if file.read(_BLOCK + 1) != b"\0" * _BLOCK:
                raise MeizhenError("backup.damaged", file="-")
            return
        member = _member(file, block, last)
        if member.name == FIRST and member.small(16) != FORMAT:
            raise MeizhenError("backup.newer_form")
        yield member
        member.skip()
        last = member.name


def _member(file: BinaryIO, block: bytes, last: str | None) -> Member:
    info = _header(block, last)
    name = info.name
    if info.type == tarfile.GNUTYPE_LONGNAME and last is not None:
        name = _long_name(file, info.size)
        info = _header(file.read(_BLOCK), last)
    if info.type != tarfile.REGTYPE or info.size < 0:
        raise MeizhenError("backup.not_a_file", file=shown(name))
    if (last is None) != (name == FIRST):
        raise MeizhenError("backup.not_one")
    _check_name(name)
    if last is not None and _place(name) <= _place(last):
        raise MeizhenError("backup.bad_name", file=shown(name))
    return Member(name, info.size, file)


def _header(block: bytes, last: str | None) -> tarfile.TarInfo:
    if len(block) < _BLOCK and last is not None:
        raise MeizhenError("backup.cut_off")
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        if last is None:
            raise MeizhenError("backup.not_one") from None
        raise MeizhenError("backup.damaged", file=shown(last)) from None


def _long_name(file: BinaryIO, size: int) -> str:
    if not 0 < size <= _NAME_BYTES:
        raise MeizhenError("backup.bad_name", file="-")
    content = file.read(size + -size % _BLOCK)
    try:
        return content[:size].rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        raise MeizhenError("backup.bad_name", file="-") from None


def _check_name(name: str) -> None:
    """Only our own names, and below our folders nothing that leads out of them."""
    head, *rest = name.split("/")
    known = not rest and name in (FIRST, SUMS, MANIFEST, SEAL, SETTINGS, HEADS, *DATABASES.values())
    below = bool(rest) and head in FOLDERS and all(map(_is_plain, rest))
    if not (known or below) or len(name.encode("utf-8", "replace")) > _NAME_BYTES or not _encodes(name):
        raise MeizhenError("backup.bad_name", file=shown(name))


def _is_plain(part: str) -> bool:
    controls = any(ord(one) < 32 or ord(one) == 127 for one in part)
    return bool(part) and not part.startswith(".") and not controls and "\\" not in part


def _encodes(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """A name from outside, for a message."""
    return ascii(name[:80])


_ORDER = (FIRST, SETTINGS, HEADS, *DATABASES.values(), *FOLDERS, SUMS, MANIFEST, SEAL)


def _place(name: str) -> tuple[int, bytes]:
    """Where a file stands in a bundle."""
    return _ORDER.index(name.partition("/")[0]), name.encode("utf-8")
