"""Serving in a thread of the node's process: the port is taken before anything else starts."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from config.errors import MeizhenError

_STOP_SECONDS = 5
_AT_ONCE = 100  # requests; more are told to come again


def listen(host: str, port: int) -> socket.socket:
    """Takes the port; 0 takes a free one. Raises MeizhenError `web.port_taken` or `web.bad_host`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
    except (OSError, UnicodeError):
        raise MeizhenError("web.bad_host", host=host) from None
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        # Listening at once: two sockets may be bound to one port until one of them listens.
        taken.listen(_AT_ONCE)
    except OSError as error:
        taken.close()
        reason = error.strerror or type(error).__name__
        raise MeizhenError("web.port_taken", host=host, port=port, reason=reason) from None
    return taken


@contextmanager
def serving(app: ASGIApp, taken: socket.socket) -> Iterator[str]:
    """Answers on the taken port until the end; gives the address."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([taken],), name="web", daemon=True)
    thread.start()
    host, port = taken.getsockname()[:2]
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(2 * _STOP_SECONDS)
        taken.close()
