"""Both sides of `benchmarks/collecting.py`, each a process of its own: `ours DATABASE FOLDER` collects,
`bare ADDRESS ACCOUNTS` makes the same calls with bare `requests.Session`s and stores nothing."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import requests

from benchmarks._process import run

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
THREADS = 16


def ours(address: str, folder: str) -> None:
    from analytics import collect
    from config.clock import ManualClock
    from config.database import connect
    from config.process import live_long
    from config.secrets import load_key_file
    from connectors import Http
    from organisation.access import access_for

    database, clock = connect(address), ManualClock(NOW)
    live_long()  # as the service does
    keys, http = load_key_file(Path(folder) / "keys.json"), Http("wechat")

    def work(_stop: threading.Event) -> None:
        report = collect(
            database,
            clock,
            access_for=lambda account: access_for(database, keys, account, clock=clock, http=http),
            workers=THREADS,
        )
        assert not report.failures, report.failures[:3]

    run(work)


def bare(address: str, accounts: int) -> None:
    from benchmarks._replay import COMMENTS, publishing_days

    local = threading.local()
    days = [day.isoformat() for day in publishing_days(NOW.date())]

    def ask(number: int) -> None:
        session: requests.Session | None = getattr(local, "session", None)
        if session is None:
            session = local.session = requests.Session()
        told = session.post(
            f"{address}/wechat/cgi-bin/stable_token",
            json={"grant_type": "client_credential", "appid": f"wx{number}", "secret": "x" * 32},
            timeout=30,
        )
        token = told.json()["access_token"]
        calls = [("getarticletotaldetail", day) for day in days]
        calls += [(name, days[-1]) for name in ("getbizsummary", "getusersummary", "getusercumulate")]
        session.post(
            f"{address}/wechat{COMMENTS}",
            params={"access_token": token},
            json={"msg_data_id": 1, "index": 0, "begin": 0, "count": 1, "type": 0},
            timeout=30,
        ).raise_for_status()
        for name, day in calls:
            session.post(
                f"{address}/wechat/datacube/{name}",
                params={"access_token": token},
                json={"begin_date": day, "end_date": day},
                timeout=30,
            ).raise_for_status()

    def work(_stop: threading.Event) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(ask, range(accounts)):
                pass

    run(work)


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        ours(sys.argv[2], sys.argv[3])
    else:
        bare(sys.argv[2], int(sys.argv[3]))
