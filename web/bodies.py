"""Forms are refused by their size before anything of them is read or stored."""

from starlette.datastructures import Headers

from config.errors import MeizhenError
from scheduler.media import MAX_FILM_BYTES, MAX_MEDIA_BYTES

MOST_PLAIN = 2 * 1024 * 1024
"""Bytes of a form without a file: it is read into memory."""

MOST_WITH_FILES = 20 * MAX_MEDIA_BYTES + MOST_PLAIN
"""Bytes of a form with files: they go to the disk as they come."""

MOST_WITH_FILM = MAX_FILM_BYTES + MOST_WITH_FILES
"""Bytes of a form with a post's pictures and its film."""


def refuse_large(headers: Headers) -> None:
    """Raises MeizhenError `web.too_large` for a form that is too large, or does not say how large it is.

    Browsers always say; the server under us reads no more than was said.
    """
    kind = headers.get("content-type", "")
    if not kind.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        return
    most = MOST_WITH_FILM if kind.startswith("multipart/") else MOST_PLAIN
    told = headers.get("content-length", "")
    if not told.isdigit() or int(told[:18]) > most:
        raise MeizhenError("web.too_large", limit=most // 1024**2)
