"""No request's body is read beyond the limit, whatever its headers say of it."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_KILOBYTES = 1024


class Capped:
    """Refuses with 413, told as every refusal, once a body is larger than it may be."""

    def __init__(self, app: ASGIApp, most: int = MOST_KILOBYTES * 1024) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, counted, send)
