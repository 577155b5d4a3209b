"""A fast platform double in a process of its own: the webhook contract, nothing stored but counts.

It answers every publish after `delay` seconds and counts what it received by id, so that losses and doubles
are counted where they happen.
"""

import asyncio
import json
import multiprocessing
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from urllib.parse import parse_qs, urlsplit


class _Receiver:
    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.received: Counter[str] = Counter()
        self.order: dict[str, list[int]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
                length = 0
                for line in head.split(b"\r\n")[1:]:
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = await reader.readexactly(length) if length else b""
                status, answer = await self.answer(method, target, body)
                payload = json.dumps(answer).encode()
                writer.write(
                    b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                    % (status, len(payload), payload)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, method: str, target: str, body: bytes) -> tuple[int, dict[str, object]]:
        address = urlsplit(target)
        if method == "POST":
            await asyncio.sleep(self.delay)
            post = json.loads(body)
            self.received[post["id"]] += 1
            if not address.path.startswith("/bare"):
                self.order.setdefault(post["account"], []).append(post["seq"])
            return 200, {"post_id": f"r-{post['id']}"}
        if address.path.endswith("/counts"):
            ordered = all(seqs == sorted(seqs) for seqs in self.order.values())
            doubled = sum(count > 1 for count in self.received.values())
            return 200, {"posts": len(self.received), "doubled": doubled, "ordered": ordered}
        wanted = parse_qs(address.query).get("id", [""])[0]
        return (200, {"post_id": f"r-{wanted}"}) if wanted in self.received else (404, {})


def _run(pipe: Connection, delay: float) -> None:
    async def main() -> None:
        receiver = _Receiver(delay)
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        server.close()

    asyncio.run(main())


@contextmanager
def receiver(delay: float = 0.02) -> Iterator[str]:
    """A running receiver's address."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, delay), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.send("stop")
        process.join(5)
        process.kill()
