"""A real SMTP server on 127.0.0.1 (aiosmtpd), and talks of one that breaks off: for tests of mail."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from raw_server import Server, Talk


class MailSite:
    """Takes mail and keeps it. `refuse` maps a command (MAIL, RCPT, DATA) to the answer it gets instead."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.refuse: dict[str, str] = {}
        self.logins: list[tuple[str, str]] = []
        self.encrypted: list[bool] = []
        self.port = 0

    async def handle_MAIL(
        self, _s: SMTP, _n: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.refuse:
            return self.refuse["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        if "RCPT" in self.refuse:
            return self.refuse["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        self.recipients.append(list(envelope.rcpt_tos))
        self.encrypted.append(server.transport.get_extra_info("cipher") is not None)
        return "250 queued as 1"

    def authenticate(self, _s: SMTP, _n: Session, _e: Envelope, _m: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"right", handled=False)


@contextmanager
def mail_site(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, login: bool = False
) -> Iterator[MailSite]:
    """Runs a mail server: `tls` from the first byte, `starttls` offered, `login` demanded."""
    site = MailSite()
    loop = asyncio.new_event_loop()
    options: dict[str, object] = {"tls_context": starttls, "hostname": "mail.test"}
    if login:
        options |= {
            "authenticator": site.authenticate,
            "auth_required": starttls is not None,  # it counts TLS from the first byte as none
            "auth_require_tls": starttls is not None,
        }

    def factory() -> SMTP:
        return SMTP(site, loop=loop, enable_SMTPUTF8=False, **options)  # type: ignore[arg-type]

    listener = socket.create_server(("127.0.0.1", 0))
    site.port = listener.getsockname()[1]
    server = loop.run_until_complete(loop.create_server(factory, sock=listener, ssl=tls))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        asyncio.run_coroutine_threadsafe(_closed(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _closed(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def talking(end: Callable[[socket.socket, Server], None], at: str) -> Talk:
    """An SMTP server of bare sockets that is well until command `at` (EHLO, DATA, `.` for the end).

    Then it does `end` instead of answering.
    """

    def talk(connection: socket.socket, server: Server) -> None:
        connection.sendall(b"220 mail.test\r\n")
        lines = connection.makefile("rb")
        for line in lines:
            verb = line[:4].strip().upper().decode("ascii", "replace")
            if verb == at:
                end(connection, server)
                return
            if verb == "DATA":
                connection.sendall(b"354 go on\r\n")
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    part = lines.readline()
                    if not part:
                        return
                    body += part
                server.requests.append(body)
                if at == ".":
                    end(connection, server)
                    return
                connection.sendall(b"250 queued\r\n")
            elif verb == "QUIT":
                connection.sendall(b"221 bye\r\n")
                return
            else:
                connection.sendall(b"250 mail.test\r\n")

    return talk
