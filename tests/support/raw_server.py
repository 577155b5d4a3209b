"""A server of bare sockets that misbehaves as told, and the certificates it may show."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Talk = Callable[[socket.socket, "Server"], None]


class Server:
    """Listens on 127.0.0.1 and lets `talk` misbehave on every connection."""

    def __init__(
        self, talk: Talk, context: ssl.SSLContext | None = None, listener: socket.socket | None = None
    ) -> None:
        self._talk = talk
        self._context = context
        self.connections = 0
        self.requests: list[bytes] = []
        self.done = threading.Event()  # a connection has been closed by us
        self.leave = threading.Event()  # set when the test ends
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def address(self, path: str = "/x") -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}{path}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with suppress(OSError):  # the client may leave at any time
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            self._talk(connection, self)
        connection.close()
        self.done.set()

    def read_request(self, connection: socket.socket) -> bytes:
        """One whole request; b'' when the client left."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65_536)
            if not part:
                return b""
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            part = connection.recv(65_536)
            if not part:
                return b""
            body += part
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]

    def close(self) -> None:
        self.leave.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)


@contextmanager
def serving(
    talk: Talk, context: ssl.SSLContext | None = None, listener: socket.socket | None = None
) -> Iterator[Server]:
    server = Server(talk, context, listener)
    try:
        yield server
    finally:
        server.close()


def answering(body: bytes, status: str = "200 OK", *headers: str) -> Talk:
    """Answers every request of a connection with this."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def talk(connection: socket.socket, server: Server) -> None:
        while server.read_request(connection):
            connection.sendall(whole)

    return talk


# Certificates.


HOUR = timedelta(hours=1)


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[str, ec.EllipticCurvePrivateKey],
    *extensions: x509.ExtensionType,
    ends: timedelta = HOUR,
) -> x509.Certificate:
    def called(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])

    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(called(issuer[0]), called(name), key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 24 * HOUR)
        .not_valid_after(now + ends)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer[1], hashes.SHA256())


class Authority:
    """A certificate authority of this test, trusted through REQUESTS_CA_BUNDLE, and its servers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = certificate("CA", self._key, ("CA", self._key), x509.BasicConstraints(True, None))
        self.bundle = folder / "ca.pem"
        self.bundle.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def server(
        self, host: str = "127.0.0.1", *, ends: timedelta = HOUR, self_signed: bool = False
    ) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = (host, key) if self_signed else ("CA", self._key)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
        signed = certificate(host, key, issuer, names, ends=ends)
        file = self._folder / "server.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context
