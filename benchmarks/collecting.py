"""A day's collection of many WeChat accounts over HTTP, against bare requests sessions in the same run.

    python -m benchmarks.collecting [--quick] [--case sqlite]

Every account is asked as on any day: its token, the articles of 31 days, whether it may have comments (once
a month), the account day of yesterday. Ours and the limit take turns, each a process of its own with 16
threads, against a double that answers after 20 ms what the sandbox answers; a ratio is our median rate over
the limit's, a rate is calls over the seconds from the first receipt to the last. The articles were collected
the day before; on a `first` day all are new. Promised for both: `PROMISE`.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import delete
from sqlmodel import Session, col

from analytics.articles import AccountDayFigure, Snapshot
from analytics.figures import AccountFigure, Meaning, know_metrics, source_id, store_account_days
from analytics.turns import CollectionTurn
from benchmarks._asking import NOW, THREADS
from benchmarks._process import Told, together
from benchmarks._replay import DELAY, publishing_days, recorded, replaying
from benchmarks._stage import KINDS, databases, home, opened
from config.database import Database
from config.secrets import KeyRing, load_key_file
from organisation.accounts import Account
from organisation.credentials import seal_credentials
from organisation.memory import AccountBudget, AccountMemory
from organisation.units import Unit

PROMISE = 0.85
"""The least ratio, on both databases and both kinds of days."""
_YESTERDAY = NOW.date() - timedelta(days=1)
_CALLS = 36  # an account's on the first day of a month: one of them asks whether it may have comments
_MANY = 100_000


@dataclass(frozen=True)
class Round:
    """Calls a second by the double, and from being let go until all is written; CPU in ms a call."""

    per_second: float
    until_done: float
    cpu_ms: float
    peak_mb: float | None


def fill(database: Database, keys: KeyRing, address: str, accounts: int) -> None:
    """WeChat accounts whose own days are there up to the day before yesterday."""
    with database.write() as session:
        unit = Unit(code="B", kind="region", name_zh="基准", path="1/")
        session.add(unit)
        session.flush()
        made = [
            Account(
                unit_id=unit.id or 0,
                platform="wechat",
                handle=f"a{number}",
                name=f"a{number}",
                verified=True,
                api_base=f"{address}/wechat",
            )
            for number in range(accounts)
        ]
        session.add_all(made)
        session.flush()
        for account in made:
            values = {"appid": f"wx{account.known_id:016x}", "secret": f"{account.known_id:032x}"}
            session.add(seal_credentials(keys, account, values))
        _past_days(session, made)


def _past_days(session: Session, accounts: list[Account]) -> None:
    know_metrics(session, "wechat", [Meaning("followers_total", "people", "snapshot", "account")])
    source = source_id(session, "api", "wechat bench", NOW)
    days = publishing_days(NOW.date())[:-1]
    figures = [
        AccountFigure(account.known_id, "followers_total", day, Decimal(1000))
        for account in accounts
        for day in days
    ]
    store_account_days(session, source, NOW - timedelta(days=1), figures)


def _round(address: str, accounts: int, work: Callable[[], list[Told]]) -> Round:
    requests.post(f"{address}/forget", data=b"{}", timeout=10)
    told = work()[0]
    counts: dict[str, Any] = requests.post(f"{address}/counts", data=b"{}", timeout=10).json()
    if (counts["requests"], counts["unknown"]) != (accounts * _CALLS, 0):
        raise RuntimeError(f"expected {accounts * _CALLS} known calls, received {counts}")
    return Round(
        per_second=counts["requests"] / max(counts["seconds"], 0.001),
        until_done=counts["requests"] / told.seconds,
        cpu_ms=1000 * told.cpu_seconds / counts["requests"],
        peak_mb=told.peak_mb,
    )


def limit(address: str, accounts: int) -> Round:
    """The same calls, bare."""
    return _round(address, accounts, lambda: together("benchmarks._asking", [("bare", address, accounts)]))


def ours(database_address: str, folder: Path, address: str, accounts: int) -> Round:
    """A collection of what `fill` made."""
    arguments = ("ours", database_address, folder)
    return _round(address, accounts, lambda: together("benchmarks._asking", [arguments]))


def back_a_day(database: Database) -> None:
    """As it was yesterday: nothing of the newest day, nobody asked today, tokens run out."""
    with database.write() as session:
        session.execute(delete(Snapshot).where(col(Snapshot.as_of) == _YESTERDAY))
        session.execute(delete(AccountDayFigure).where(col(AccountDayFigure.day) == _YESTERDAY))
        for table in (CollectionTurn, AccountBudget, AccountMemory):
            session.execute(delete(table))


def measure(kind: str, accounts: int, rounds: int, *, first: bool = False) -> dict[str, object]:
    """The limit, ours, the limit, ours, … the limit."""
    with home() as folder, databases(kind, folder) as fresh, replaying(recorded(NOW)) as address:
        keys = load_key_file(folder / "keys.json")
        bare, own = [limit(address, accounts)], []
        for _ in range(rounds):
            place = fresh()
            with opened(place) as database:
                fill(database, keys, address, accounts)
                if not first:
                    ours(place, folder, address, accounts)
                    back_a_day(database)
            own.append(ours(place, folder, address, accounts))
            bare.append(limit(address, accounts))
    rate = statistics.median(one.per_second for one in own)
    return {
        "name": f"collecting, {'first ' if first else ''}{kind}",
        "accounts": accounts,
        "calls": accounts * _CALLS,
        "threads": THREADS,
        "answer_after_ms": DELAY * 1000,
        "ratio": round(rate / statistics.median(one.per_second for one in bare), 3),
        "promise_ratio": PROMISE,
        "per_second": [round(one.per_second) for one in own],
        "limit_per_second": [round(one.per_second) for one in bare],
        "until_done_per_second": [round(one.until_done) for one in own],
        "cpu_ms_a_call": round(statistics.median(one.cpu_ms for one in own), 3),
        "limit_cpu_ms_a_call": round(statistics.median(one.cpu_ms for one in bare), 3),
        "peak_mb": max((one.peak_mb for one in own if one.peak_mb is not None), default=None),
        "hours_for_100000_accounts": round(_MANY * _CALLS / rate / 3600, 2),
    }


def main() -> int:
    """Exit code 1 for a promise that a full run misses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 accounts, one round; judges no speed")
    parser.add_argument("--case", choices=KINDS, action="append", help="only this database; may be repeated")
    arguments = parser.parse_args()
    failed = False
    for kind, first in product(arguments.case or KINDS, (True, False)):
        found = measure(kind, *((20, 1) if arguments.quick else (300, 5)), first=first)
        print(json.dumps(found), flush=True)
        failed = failed or (not arguments.quick and float(str(found["ratio"])) < PROMISE)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
