"""No request's body is read beyond the limit, whatever its headers say of it."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_KILOBYTES = 1024
MEDIA_KILOBYTES = 27 * 1024  # 20 MB in Base64, and the words around it


class Capped:
    """Refuses with 413, told as every refusal, once a body is larger than it may be."""

    def __init__(self, app: ASGIApp, most: int = MOST_KILOBYTES * 1024) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read, most = 0, MEDIA_KILOBYTES * 1024 if _takes_media(scope) else self._most

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, counted, send)


def _takes_media(scope: Scope) -> bool:
    path, method = str(scope.get("path", "")), scope.get("method")
    return method == "POST" and path.endswith(("/media", "/imports"))
