"""The report by mail: one message a recipient, over SMTP with TLS.

Step by step instead of `smtplib.sendmail`, which does not tell a connection that broke before the message
was handed over from one that broke after: the first is tried again, the second never (decision 0011).
"""

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from analytics.reports.deliveries import Outcome, State
from config.clock import SHANGHAI
from config.logging import hide
from config.settings import Settings

_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
_LEADING_DOT = re.compile(rb"(?m)^\.")
_WHOLE = 4  # times the seconds of one step that a whole talk may take
_TOLD = 300


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over. `security` is tls (from the first byte), starttls or none."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    seconds: float = 30.0

    @classmethod
    def of(cls, settings: Settings) -> "MailServer | None":
        """The server of these settings; None where no host or no sender is set."""
        if not settings.smtp_host or not settings.smtp_from:
            return None
        password = settings.smtp_password.get_secret_value()
        hide(password)
        return cls(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_from,
            settings.smtp_user,
            password,
            settings.smtp_seconds,
        )

    @property
    def longest(self) -> timedelta:
        """How long handing over one message may take at most."""
        return timedelta(seconds=_WHOLE * self.seconds)


@dataclass(frozen=True)
class Letter:
    """What a message says. `files`: attachment name → file, whose kind its suffix tells."""

    recipient: str
    subject: str
    lines: Sequence[str]
    files: Mapping[str, Path]
    token: str  # the same at every try: the receiving side may drop the second of two
    at: datetime


def compose(letter: Letter, sender: str) -> bytes:
    """The message's bytes: Chinese subject by RFC 2047, attachment names by RFC 2231, lines end in CRLF."""
    message = EmailMessage(policy=SMTP)
    domain = sender.rpartition("@")[2]
    message["From"] = Address("媒阵", addr_spec=sender)
    message["To"] = letter.recipient
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.at.astimezone(SHANGHAI))
    message["Message-ID"] = message_id(letter.token, domain)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content("\n".join(letter.lines) + "\n", cte="base64")
    for name, path in letter.files.items():
        main, _, sub = _TYPES.get(path.suffix[1:], "application/octet-stream").partition("/")
        message.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def message_id(token: str, domain: str) -> str:
    """The message's name (RFC 5322): made of the delivery's token, so that every try has the same."""
    return f"<report.{token}@{domain}>"


def fitting(files: Mapping[str, Path], limit: int) -> tuple[dict[str, Path], list[str]]:
    """The files that fit into a message of `limit` bytes, in order, and the names of those that do not."""
    left = limit - 64 * 1024  # the text and the headers
    taken: dict[str, Path] = {}
    out: list[str] = []
    for name, path in files.items():
        size = path.stat().st_size * 138 // 100 + 1024  # base64 in lines of 76
        if size > left:
            out.append(name)
        else:
            taken[name] = path
            left -= size
    return taken, out


def hand_over(server: MailServer, recipient: str, content: bytes, may_send: Callable[[], bool]) -> Outcome:
    """Hands one message to the server; says whether it took it.

    `may_send` is asked just before the message is completed: a node whose claim ran out completes none.
    """
    if server.security == "none" and server.password:
        return Outcome(State.FAILED, "mail_open_password")
    talk = _Talk(server, recipient, content, may_send)
    try:
        return talk.run()
    except ssl.SSLCertVerificationError as error:
        return Outcome(State.FAILED, "mail_certificate", error.verify_message, shared=True)
    except smtplib.SMTPNotSupportedError:
        return Outcome(State.FAILED, "mail_no_tls", shared=True)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        if talk.completed:
            return Outcome(State.UNCERTAIN, "mail_uncertain", type(error).__name__)
        return Outcome(State.PLANNED, "mail_unreachable", type(error).__name__, shared=True)


class _Talk:
    """One talk with the server; `completed` once the end of the message may have left."""

    def __init__(
        self, server: MailServer, recipient: str, content: bytes, may_send: Callable[[], bool]
    ) -> None:
        self._server = server
        self._recipient = recipient
        self._content = _LEADING_DOT.sub(b"..", content)
        self._may_send = may_send
        self.completed = False

    def run(self) -> Outcome:
        with self._connected() as smtp:
            refused = self._greeted(smtp) or self._addressed(smtp)
            if refused is not None:
                return refused
            return self._told(smtp)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A connection that is cut when the whole talk takes too long, also by a server that drips bytes."""
        server = self._server
        context = ssl.create_default_context()
        called = server.sender.rpartition("@")[2]  # smtplib would ask the DNS for this machine's name
        smtp = (
            smtplib.SMTP_SSL(local_hostname=called, timeout=server.seconds, context=context)
            if server.security == "tls"
            else smtplib.SMTP(local_hostname=called, timeout=server.seconds)
        )
        # Whose certificate it must be; only its constructor would set it, and connect at once.
        smtp._host = server.host  # type: ignore[attr-defined]
        cut = threading.Timer(server.longest.total_seconds(), _cut, [smtp])
        cut.daemon = True
        cut.start()
        try:
            code, said = smtp.connect(server.host, server.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, said)
            smtp.ehlo_or_helo_if_needed()
            if server.security == "starttls":
                smtp.starttls(context=context)
                smtp.ehlo_or_helo_if_needed()
            yield smtp
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            cut.cancel()
            cut.join()
            smtp.close()

    def _greeted(self, smtp: smtplib.SMTP) -> Outcome | None:
        """Logs in where there is a user; gives the refusal."""
        if not self._server.user:
            return None
        try:
            smtp.login(self._server.user, self._server.password)
        except smtplib.SMTPAuthenticationError as error:
            return _refusal(error.smtp_code, error.smtp_error, "mail_login", shared=True)
        except smtplib.SMTPNotSupportedError:
            return Outcome(State.FAILED, "mail_login", "no AUTH", shared=True)
        return None

    def _addressed(self, smtp: smtplib.SMTP) -> Outcome | None:
        """Sender, recipient and the wish to send; gives the refusal."""
        size = [f"size={len(self._content)}"] if smtp.has_extn("size") else []
        for code, said, entry in (
            (*smtp.mail(self._server.sender, size), "mail_sender"),
            (*smtp.rcpt(self._recipient), "mail_recipient"),
        ):
            if code not in (250, 251):
                return _refusal(code, said, entry)
        if not self._may_send():
            return Outcome(State.PLANNED, "claim_lost")
        code, said = smtp.docmd("data")
        return None if code == 354 else _refusal(code, said, "mail_refused")

    def _told(self, smtp: smtplib.SMTP) -> Outcome:
        """The message itself: what breaks off before its closing dot was never one (RFC 5321, 4.1.1.4)."""
        smtp.send(self._content)
        if not self._may_send():
            smtp.close()  # a goodbye would be one more line of it
            return Outcome(State.PLANNED, "claim_lost")
        self.completed = True
        smtp.send(b".\r\n")
        code, said = smtp.getreply()
        if code == 250:
            return Outcome(State.SENT, told=_line(said))
        if 400 <= code < 600:
            return _refusal(code, said, "mail_refused")
        return Outcome(State.UNCERTAIN, "mail_uncertain", f"{code} {_line(said)}")


def _refusal(code: int, said: bytes | str, entry: str, *, shared: bool = False) -> Outcome:
    """4xx: not now. 5xx: not like this. Anything else was not understood: not now either."""
    told = f"{code} {_line(said)}"
    state = State.FAILED if 500 <= code < 600 else State.PLANNED
    return Outcome(state, entry, told, shared=shared or code == 421)


def _line(said: bytes | str) -> str:
    told = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(told.split())[:_TOLD]


def _cut(smtp: smtplib.SMTP) -> None:
    """Ends the connection under the talk's feet: whatever it waits for ends too."""
    if smtp.sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)
