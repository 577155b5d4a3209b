"""Health over real HTTP: green while dispatcher and database live, red and naming the part where not."""

import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from scenery import make_account, queue_posts, run_until_idle
from sqlalchemy import text
from web_node import eventually, running, web_node

from config import Database, ManualClock, MeizhenError, SystemClock
from config.secrets import KeyRing
from web.serving import listen


def test_a_node_that_turns_is_healthy_and_ready(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with web_node(database, keys, clock, tmp_path) as node:
        assert node.failing("/healthz") == ["dispatcher", "database"]
        run_until_idle(node.dispatcher)
        node.watchman.look()
        assert node.get("/healthz").json() == {"status": "ok"}
        assert node.failing("/readyz") == []


def test_a_dispatcher_that_stands_still_is_red_within_ten_seconds(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with web_node(database, keys, clock, tmp_path) as node:
        run_until_idle(node.dispatcher)
        clock.advance(7)
        node.watchman.look()
        assert node.failing("/healthz") == []
        clock.advance(1)
        node.watchman.look()
        assert node.failing("/healthz") == node.failing("/readyz") == ["dispatcher"]
        run_until_idle(node.dispatcher)
        assert node.failing("/healthz") == []


def test_a_database_that_does_not_answer_is_red_at_the_next_look_and_heals(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sqlalchemy.exc import OperationalError

    def gone() -> None:
        raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    with web_node(database, keys, clock, tmp_path) as node:
        run_until_idle(node.dispatcher)
        node.watchman.look()
        with monkeypatch.context() as away:
            away.setattr(database, "read", gone)
            node.watchman.look()
            assert node.failing("/healthz") == node.failing("/readyz") == ["database"]
        node.watchman.look()
        assert node.failing("/healthz") == []


@pytest.mark.parametrize("database_address", ["postgresql"], indirect=True)
def test_a_server_that_lets_nobody_in_is_red_within_ten_seconds_and_heals(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    import psycopg

    url = database.engine.url
    name = url.database
    plain = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    stop = threading.Event()
    with (
        psycopg.connect(plain, autocommit=True) as server,
        web_node(database, keys, SystemClock(), tmp_path) as node,
        running(node.dispatcher),
    ):
        watching = threading.Thread(target=node.watchman.run, args=(stop,))
        watching.start()
        try:
            eventually(lambda: node.failing("/healthz") == [])
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # type: ignore[arg-type]
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            eventually(lambda: "database" in node.failing("/healthz"), seconds=10)
            eventually(lambda: node.dispatcher.watch.database_losses >= 1, seconds=10)
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")  # type: ignore[arg-type]
            eventually(lambda: node.failing("/healthz") == [])
        finally:
            stop.set()
            watching.join(30)


def test_a_look_that_hangs_is_red_by_its_age(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with web_node(database, keys, clock, tmp_path) as node:
        node.watchman.look()
        clock.advance(8)
        node.watchman.watch.turned(clock.now())
        assert node.failing("/healthz") == ["database"]


def test_tables_of_another_version_are_not_ready(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with web_node(database, keys, clock, tmp_path) as node:
        run_until_idle(node.dispatcher)
        node.watchman.look()
        with database.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        assert node.failing("/healthz") == []
        assert node.failing("/readyz") == ["tables"]


def test_due_but_idle_is_healthy_and_not_ready(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    account = make_account(database, keys, "webhook", "site", api_base="http://127.0.0.1:9")
    queue_posts(database, account, ["一"], due=clock.now())
    with web_node(database, keys, clock, tmp_path) as node:
        for _ in range(2):
            clock.advance(61)
            node.watchman.watch.turned(clock.now())
            node.watchman.look()
        assert node.failing("/healthz") == []
        assert node.failing("/readyz") == ["due_but_idle"]


def test_no_answer_names_a_version_or_documents_itself(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with web_node(database, keys, clock, tmp_path) as node:
        for path in ("/healthz", "/readyz", "/metrics", "/callback/wechat/x", "/docs", "/openapi.json", "/"):
            answer = node.get(path)
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            assert answer.headers["Cache-Control"] == "no-store", path
            assert "Server" not in answer.headers, path
        for path in ("/docs", "/redoc", "/openapi.json"):
            answer = node.get(path)
            assert (answer.status_code, "swagger" in answer.text.lower()) == (404, False), path
        assert node.post("/healthz").json() == {"title": "Method Not Allowed", "status": 405}


def test_a_fault_of_ours_is_told_without_its_words(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with web_node(database, keys, clock, tmp_path) as node:
        monkeypatch.setattr(
            type(node.watchman), "failing", lambda self: (_ for _ in ()).throw(RuntimeError("canary-4711"))
        )
        answer = node.get("/healthz")
        assert (answer.status_code, answer.json()) == (500, {"title": "Internal Server Error", "status": 500})


def test_a_port_in_use_is_told_in_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MeizhenError, match=f"Port {port} of 127.0.0.1 cannot be used"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["not a host", "x" * 300])
def test_a_host_that_is_none_is_told(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(MeizhenError, match="no address of this machine"):
        listen(host, 0)


def test_turns_may_be_as_rare_as_the_tick(database: Database, clock: ManualClock) -> None:
    from scheduler.watch import Watch, Watchman

    watch = Watch()
    watchman = Watchman(database, clock, watch, patience=timedelta(minutes=1), tick=timedelta(seconds=20))
    watch.turned(clock.now())
    clock.advance(59)
    watchman.look()
    assert watchman.failing() == ()
