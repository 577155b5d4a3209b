"""Asks one address again and again: `python -m benchmarks._pages ADDRESS COOKIES CONNECTIONS SECONDS`.

Each connection sends one of the cookies (`a=1 a=2`), in turn. Bare sockets that stay open, HTTP/1.1, one
thread a connection: the asker shall cost little. Tells in JSON how many whole answers of 200 came, in how
many seconds, and their bytes.
"""

import json
import socket
import sys
import threading
import time
from urllib.parse import urlsplit

_MOST = 65536


def ask(host: str, port: int, request: bytes, until: float, told: list[tuple[int, int]]) -> None:
    done = size = 0
    with socket.create_connection((host, port), 30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < until:
            connection.sendall(request)
            size += _answer(connection)
            done += 1
    told.append((done, size))


def _answer(connection: socket.socket) -> int:
    """The bytes of one whole answer. Raises RuntimeError where it is no 200 with a length."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(_MOST)
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    if b" 200 " not in lines[0]:
        raise RuntimeError(lines[0].decode())
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
    missing = length - len(body)
    while missing > 0:
        missing -= len(connection.recv(_MOST))
    return len(head) + 4 + length


def main(address: str, cookies: list[str], connections: int, seconds: float) -> None:
    host, _, port = urlsplit(address).netloc.partition(":")
    requests = [
        f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {one}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
        for one in cookies
    ]
    told: list[tuple[int, int]] = []
    began = time.perf_counter()
    until = began + seconds
    threads = [
        threading.Thread(target=ask, args=(host, int(port), requests[n % len(requests)], until, told))
        for n in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(told) != connections:
        raise RuntimeError("a connection broke")
    taken = time.perf_counter() - began
    answers, size = sum(one for one, _ in told), sum(two for _, two in told)
    print(json.dumps({"answers": answers, "seconds": taken, "bytes": size}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(), int(sys.argv[3]), float(sys.argv[4]))
