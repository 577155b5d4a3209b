"""Videos on their way out: read piece by piece, sent in parts that go on where they were cut off.

A platform for videos takes nothing else by its interface: a post without one is handed to a person.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BufferedReader
from pathlib import Path
from secrets import token_hex

from connectors._contract import Access, Media, Outgoing, Receipt, ReceiptState
from connectors._errors import Label, NeedsPerson, Refused

VIDEO_TYPE = "video/mp4"
PATIENCE = 4  # a part may take so many times as long as a call
_PROGRESS_LIFE = timedelta(hours=1)
_HANDED_LIFE = timedelta(days=60)
_UNREADABLE = Label("存档的视频读不到，请重新上传。", "The stored video cannot be read: upload it again.")
ONE_VIDEO = Label("一条最多一个视频和一张封面。", "At most one video and one cover picture.")


def video_of(outgoing: Outgoing) -> Media | None:
    """The post's video; None where it has none."""
    return next((media for media in outgoing.media if media.content_type.startswith("video/")), None)


def pictures_of(outgoing: Outgoing) -> tuple[Media, ...]:
    return tuple(media for media in outgoing.media if media.content_type.startswith("image/"))


def size_of(media: Media) -> int:
    """Bytes of the file. Raises Refused where it cannot be read."""
    try:
        return media.path.stat().st_size
    except OSError as error:
        raise unreadable(media, error) from None


def content_of(media: Media) -> bytes:
    """A picture's bytes. Raises Refused where it cannot be read."""
    try:
        return media.path.read_bytes()
    except OSError as error:
        raise unreadable(media, error) from None


def unreadable(media: Media, error: OSError) -> Refused:
    told = f"{media.file_name}: {type(error).__name__}"
    return Refused(told, platform_code="media-unreadable", remedy=_UNREADABLE)


class Piece:
    """A stretch of a file as a request's body, with what stands before and behind it."""

    def __init__(self, path: Path, start: int, size: int, head: bytes = b"", tail: bytes = b"") -> None:
        self._path, self._start, self._size = path, start, size
        self._head, self._tail = head, tail
        self._parts: Iterator[bytes] | None = None

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, about `size` of them; b"" at the end."""
        if self._parts is None:
            self._parts = self._read(max(size, 65_536))
        return next(self._parts, b"")

    def rewind(self) -> None:
        self._parts = None

    def _read(self, size: int) -> Iterator[bytes]:
        if self._head:
            yield self._head
        with self._path.open("rb") as file:
            file.seek(self._start)
            yield from self._stretch(file, size)
        if self._tail:
            yield self._tail

    def _stretch(self, file: BufferedReader, size: int) -> Iterator[bytes]:
        left = self._size
        while left:
            part = file.read(min(size, left))
            if not part:
                raise OSError("the file became shorter")
            left -= len(part)
            yield part


def as_form(field: str, path: Path, start: int, size: int) -> tuple[Piece, dict[str, str]]:
    """A stretch of a video as the one file of a multipart form, and the headers it needs."""
    boundary = token_hex(16)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="video.mp4"\r\n'
        f"Content-Type: {VIDEO_TYPE}\r\n\r\n"
    ).encode()
    body = Piece(path, start, size, head, f"\r\n--{boundary}--\r\n".encode())
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


@dataclass(frozen=True)
class Parts:
    """An upload in parts of `part_bytes`. A retry goes on with the part that was cut off."""

    access: Access
    outgoing: Outgoing
    media: Media
    part_bytes: int

    def send(self, start: Callable[[], str], part: Callable[[str, int, int, int], None]) -> tuple[str, int]:
        """The upload's session and its number of parts, all of them sent.

        `start` opens a session; `part(session, number, begin, size)` sends one, numbered from 0. Raises what
        they raise; where that is a refusal the session is given up.
        """
        size = size_of(self.media)
        count = max(1, -(-size // self.part_bytes))
        session, done = self._known()
        try:
            if not session:
                session = start()
            for number in range(done, count):
                begin = number * self.part_bytes
                self._keep(session, number)
                part(session, number, begin, min(self.part_bytes, size - begin))
        except (Refused, NeedsPerson):
            self.forget()
            raise
        self._keep(session, count)
        return session, count

    def forget(self) -> None:
        """The session is used or given up."""
        self.access.memory.forget(self._name)

    @property
    def _name(self) -> str:
        return f"upload-{self.outgoing.key}-{self.media.sha256[:16]}"

    def _known(self) -> tuple[str, int]:
        session, done = json.loads(self.access.memory.get(self._name) or '["", 0]')
        return str(session), int(done)

    def _keep(self, session: str, done: int) -> None:
        until = self.access.now() + _PROGRESS_LIFE
        self.access.memory.put(self._name, json.dumps([session, done]), until=until)


def hand_over(access: Access, outgoing: Outgoing, name: str) -> Receipt:
    """A post that the interface does not take: a person makes it in the back office of the account `name`."""
    note = Label(
        f"这条没有视频，平台接口不收：请登录“{name}”的后台手工发布，再把链接填回来。",
        f"Without a video the interface does not take it: post it by hand as “{name}”, then enter the link.",
    )
    receipt = Receipt(ReceiptState.HANDED_OVER, f"by-hand-{outgoing.key}", note=note)
    access.memory.put(f"handed-{outgoing.key}", name, until=access.now() + _HANDED_LIFE)
    return receipt


def handed_over(access: Access, outgoing: Outgoing) -> Receipt | None:
    """The receipt of a post that was handed to a person; None where it never was: then nothing is out."""
    name = access.memory.get(f"handed-{outgoing.key}")
    return None if name is None else hand_over(access, outgoing, name)
