"""No request's body is read beyond the limit, whatever its headers say of it."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scheduler.media import MAX_FILM_BYTES

MOST_KILOBYTES = 1024
MEDIA_KILOBYTES = 27 * 1024  # 20 MB in Base64, and the words around it
FILM_KILOBYTES = MAX_FILM_BYTES // 1024
FORM_KILOBYTES = 17 * 1024  # a file as large as the console takes, and what stands around it


class Capped:
    """Refuses with 413, told as every refusal, once a body is larger than it may be."""

    def __init__(self, app: ASGIApp, most: int = MOST_KILOBYTES * 1024) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kilobytes = most_kilobytes(str(scope.get("method")), str(scope.get("path", "")))
        read, most = 0, self._most if kilobytes == MOST_KILOBYTES else kilobytes * 1024

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, counted, send)


def most_kilobytes(method: str, path: str) -> int:
    """How large the body of such a request may be."""
    if method == "POST" and path.endswith("/media/films"):
        return FILM_KILOBYTES
    if method == "POST" and path.endswith("/media"):
        return MEDIA_KILOBYTES
    if method == "POST" and path.endswith(("/imports", "/import", "/sheets")):
        return FORM_KILOBYTES
    return MOST_KILOBYTES
