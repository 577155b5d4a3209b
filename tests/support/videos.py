"""Posts with a video for tests: `from videos import video_post`."""

import random
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from connectors import Media, Outgoing


def video(folder: Path, size: int = 300_000) -> Media:
    """A file that begins like an MP4; connectors send it as it is."""
    content = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + random.Random(size).randbytes(size - 24)
    path = folder / "week12.mp4"
    path.write_bytes(content)
    return Media(path, sha256(content).hexdigest(), "video/mp4", "week12.mp4")


def picture(folder: Path, name: str = "cover.png") -> Media:
    content = b"\x89PNG\r\n\x1a\n" + name.encode()
    path = folder / name
    path.write_bytes(content)
    return Media(path, sha256(content).hexdigest(), "image/png", name)


POST = Outgoing("d-1", 1, "校园志愿服务周", "十二所高校同日启动")


def video_post(folder: Path, size: int = 300_000) -> Outgoing:
    return replace(POST, media=(video(folder, size),))


def picture_post(folder: Path, count: int = 2) -> Outgoing:
    return replace(POST, media=tuple(picture(folder, f"{number}.png") for number in range(count)))
