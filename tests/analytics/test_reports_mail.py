"""Reports by mail: real SMTP over sockets, Chinese names encoded, and no doubt taken for a failure."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_server import Authority, Server, serving
from smtp_site import mail_site, talking

from analytics.reports.deliveries import Outcome, State
from analytics.reports.mail import Letter, MailServer, compose, fitting, hand_over

AT = datetime(2026, 11, 15, 23, 30, tzinfo=UTC)
TOKEN = "0123456789abcdef0123456789abcdef"
CONTENT = b"Subject: x\r\n\r\n.hidden\r\nlast\r\n"


def server(
    port: int, *, security: str = "none", user: str = "", password: str = "", seconds: float = 5
) -> MailServer:
    return MailServer(
        "127.0.0.1",
        port,
        security,  # type: ignore[arg-type]
        "reports@unit.cn",
        user,
        password,
        seconds,
    )


def handed(to: MailServer, content: bytes = CONTENT, may_send: Callable[[], bool] = lambda: True) -> Outcome:
    return hand_over(to, "leader@unit.cn", content, may_send)


def letter(files: dict[str, Path] | None = None) -> Letter:
    return Letter("leader@unit.cn", "【周报】某盟 2026-W46", ["第一行", ".第二行"], files or {}, TOKEN, AT)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.bundle))
    return made


# --- the message ------------------------------------------------------------------------------------------


def test_subject_text_and_attachment_names_are_chinese_and_arrive_whole(tmp_path: Path) -> None:
    book, page = tmp_path / "a.xlsx", tmp_path / "a.pdf"
    book.write_bytes(bytes(range(256)) * 9)
    page.write_bytes(b"%PDF-1.7\n.\n")
    content = compose(
        letter({"周报-某盟-2026-W46.xlsx": book, "周报-某盟-2026-W46.pdf": page}), "reports@unit.cn"
    )
    with mail_site() as site:
        assert handed(server(site.port), content) == Outcome(State.SENT, told="queued as 1")
    [message] = site.received
    assert message["Subject"] == "【周报】某盟 2026-W46"
    assert message["From"].addresses[0].addr_spec == "reports@unit.cn"
    assert message["To"] == "leader@unit.cn" and site.recipients == [["leader@unit.cn"]]
    assert message["Message-ID"] == f"<report.{TOKEN}@unit.cn>"
    assert message["Date"].datetime == AT
    assert message["Auto-Submitted"] == "auto-generated"
    body = message.get_body()
    assert body is not None and body.get_content().splitlines() == ["第一行", ".第二行"]
    attached = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert attached == {
        "周报-某盟-2026-W46.xlsx": book.read_bytes(),
        "周报-某盟-2026-W46.pdf": page.read_bytes(),
    }
    head = content.partition(b"\r\n\r\n")[0]
    assert head.isascii() and b"=?utf-8?" in head  # RFC 2047
    assert b"filename*" in content and max(map(len, content.split(b"\r\n"))) <= 998  # RFC 2231, RFC 5322


def test_the_same_delivery_has_the_same_name_at_every_try() -> None:
    first, second = (
        message_from_bytes(compose(letter(), "reports@unit.cn"), policy=default) for _ in range(2)
    )
    assert first["Message-ID"] == second["Message-ID"]


@settings(max_examples=25)
@given(sizes=st.lists(st.integers(0, 400_000), max_size=5), limit=st.integers(100_000, 1_200_000))
def test_a_message_stays_below_its_limit_and_nothing_is_left_out_unsaid(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("files")
    files = {f"{number}.csv": folder / f"{number}.csv" for number in range(len(sizes))}
    for path, size in zip(files.values(), sizes, strict=True):
        path.write_bytes(b"x" * size)
    taken, left_out = fitting(files, limit)
    assert sorted([*taken, *left_out]) == sorted(files)
    assert len(compose(letter(taken), "reports@unit.cn")) <= limit


# --- the way there ----------------------------------------------------------------------------------------


def test_dots_at_the_beginning_of_lines_arrive(tmp_path: Path) -> None:
    with mail_site() as site:
        assert handed(server(site.port)).state is State.SENT
    assert site.received[0].get_content().split() == [".hidden", "last"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_login_goes_over_a_checked_certificate_only(authority: Authority, security: str) -> None:
    context = authority.server()
    tls, starttls = (context, None) if security == "tls" else (None, context)
    with mail_site(tls=tls, starttls=starttls, login=True) as site:
        to = server(site.port, security=security, user="reports", password="right")
        assert handed(to).state is State.SENT
        wrong = handed(server(site.port, security=security, user="reports", password="wrong"))
    assert set(site.logins) == {("reports", "right"), ("reports", "wrong")}
    assert site.encrypted == [True]
    assert (wrong.state, wrong.code) == (State.FAILED, "mail_login")
    assert wrong.told.startswith("535")


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("fault", ["self-signed", "expired", "unknown"])
def test_an_untrusted_certificate_gets_no_mail_and_no_password(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str, fault: str
) -> None:
    ends = timedelta(hours=-1) if fault == "expired" else timedelta(hours=1)
    context = authority.server(ends=ends, self_signed=fault == "self-signed")
    if fault == "unknown":
        (tmp_path / "other").mkdir()
        monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path / "other").bundle))
    tls, starttls = (context, None) if security == "tls" else (None, context)
    with mail_site(tls=tls, starttls=starttls, login=True) as site:
        outcome = handed(server(site.port, security=security, user="reports", password="right"))
    assert (outcome.state, outcome.code) == (State.FAILED, "mail_certificate")
    assert site.received == [] and site.logins == []


def test_a_server_without_encryption_gets_nothing_where_it_is_asked_for() -> None:
    with mail_site() as site:
        outcome = handed(server(site.port, security="starttls"))
    assert (outcome.state, outcome.code, site.received) == (State.FAILED, "mail_no_tls", [])


def test_no_password_goes_without_encryption() -> None:
    with mail_site(login=True) as site:
        outcome = handed(server(site.port, user="reports", password="right"))
    assert (outcome.state, outcome.code, site.logins) == (State.FAILED, "mail_open_password", [])


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("said", "state"),
    [("451 later", State.PLANNED), ("421 closing", State.PLANNED), ("550 no", State.FAILED)],
)
def test_4xx_is_tried_again_and_5xx_is_not(command: str, said: str, state: State) -> None:
    with mail_site() as site:
        site.refuse[command] = said
        outcome = handed(server(site.port))
    assert (outcome.state, outcome.told, site.received) == (state, said, [])


# --- what breaks off --------------------------------------------------------------------------------------


def close(connection: socket.socket, _server: Server) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def silent(_connection: socket.socket, server: Server) -> None:
    server.leave.wait(10)


def garbled(connection: socket.socket, _server: Server) -> None:
    connection.sendall(b"100 what\r\n")


@pytest.mark.parametrize("at", ["EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("end", [close, silent])
def test_what_breaks_before_the_message_was_never_sent(
    at: str, end: Callable[[socket.socket, Server], None]
) -> None:
    with serving(talking(end, at)) as raw:
        outcome = handed(server(raw.port, seconds=0.2))
    assert (outcome.state, outcome.code, outcome.shared) == (State.PLANNED, "mail_unreachable", True)


@pytest.mark.parametrize(("end", "seconds"), [(close, 5), (silent, 1.5), (garbled, 5)])
def test_an_answer_lost_after_the_message_is_a_doubt(
    end: Callable[[socket.socket, Server], None], seconds: float
) -> None:
    with serving(talking(end, ".")) as raw:
        outcome = handed(server(raw.port, seconds=seconds))
    assert (outcome.state, outcome.code) == (State.UNCERTAIN, "mail_uncertain")
    assert len(raw.requests) == 1


def test_a_lost_goodbye_changes_nothing() -> None:
    with serving(talking(close, "QUIT")) as raw:
        assert handed(server(raw.port)).state is State.SENT


def test_a_closed_port_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = handed(server(port))
    assert (outcome.state, outcome.code, outcome.told) == (
        State.PLANNED,
        "mail_unreachable",
        "ConnectionRefusedError",
    )


@pytest.mark.parametrize(
    ("at", "seconds", "state"), [("EHLO", 0.15, State.PLANNED), (".", 0.75, State.UNCERTAIN)]
)
def test_a_server_that_drips_is_left_at_the_deadline_of_the_whole(
    at: str, seconds: float, state: State
) -> None:
    def drip(connection: socket.socket, server: Server) -> None:
        while not server.leave.wait(0.05):
            connection.sendall(b"2")

    with serving(talking(drip, at)) as raw:
        began = time.monotonic()
        outcome = handed(server(raw.port, seconds=seconds))
        took = time.monotonic() - began
    assert outcome.state is state
    assert took < 20


def test_a_greeting_that_drips_is_left_too() -> None:
    def drip(connection: socket.socket, server: Server) -> None:
        while not server.leave.wait(0.05):
            connection.sendall(b"2")

    with serving(drip) as raw:
        assert handed(server(raw.port, seconds=0.15)).state is State.PLANNED


@pytest.mark.parametrize("asked_before", [0, 1])
def test_a_claim_that_ran_out_completes_no_message(asked_before: int) -> None:
    answers = iter([True] * asked_before + [False])
    with mail_site() as site:
        outcome = handed(server(site.port), may_send=lambda: next(answers))
    assert (outcome.state, outcome.code, site.received) == (State.PLANNED, "claim_lost", [])


def test_no_thread_is_left_behind(authority: Authority) -> None:
    with mail_site(tls=authority.server()) as site:
        assert handed(server(site.port, security="tls")).state is State.SENT
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_the_password_is_in_no_repr() -> None:
    assert "right" not in repr(server(25, user="a", password="right"))
