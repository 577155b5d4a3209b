"""What a turn costs with very much waiting: 50 due deliveries among 10,000 and among 1,000,000.

A turn here is what a node does to begin posts: claim the lanes that are due, read their queues, write the
attempts; rolled back, so that each finds the same. Beside it stands what people ask of the large table. A
line a database; promised: among 1,000,000 at most twice the time of among 10,000, medians of turns in turns.
"""

import json
import statistics
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Column, Integer, MetaData, String, Table, cast, insert, literal, select, text
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from benchmarks._stage import KINDS, add_accounts, add_posts, databases, home, opened
from config.database import Database
from organisation.accounts import Account
from scheduler import journal, lanes, queue_status
from scheduler.deliveries import Delivery, DeliveryEvent, State
from scheduler.lanes import Lane
from scheduler.posts import list_deliveries

PROMISE_RATIO = 2.0
SMALL, LARGE, QUICK_LARGE = 10_000, 1_000_000, 40_000
ACCOUNTS, DUE = 2_000, 50
TURNS, QUICK_TURNS, ASKED = 100, 5, 5
_NODE = "bench"
_STORY = Table(
    "story",
    MetaData(),
    Column("post", Integer),
    Column("due", UTCDateTime()),
    Column("last_account", Integer),
    prefixes=["TEMPORARY"],
)


class _Undone(Exception):
    """Rolls a turn back."""


def fill(database: Database, waiting: int, now: datetime) -> None:
    """`waiting` deliveries due in an hour and later, the same number in each lane, and DUE due now."""
    later = now + timedelta(hours=1)
    with database.write() as session:
        accounts = add_accounts(session, {f"a{number}": "http://127.0.0.1:9" for number in range(ACCOUNTS)})
        posts = add_posts(session, [f"t{number}" for number in range(waiting // ACCOUNTS + 1)], now)
        _add_deliveries(session, posts, accounts, now, later)
        lane = {"last_seq": posts[-1]}
        first = accounts[DUE - 1]
        session.execute(
            insert(Lane),
            [lane | {"account_id": id_, "next_at": now if id_ <= first else later} for id_ in accounts],
        )
    with database.write() as session:
        session.execute(text("ANALYZE"))


def _add_deliveries(
    session: Session, posts: list[int], accounts: list[int], now: datetime, later: datetime
) -> None:
    """The first post for the first DUE accounts, the others a minute apart for all; made in the database."""
    _STORY.create(session.connection())
    stories = [{"post": posts[0], "due": now, "last_account": accounts[DUE - 1]}]
    for number, post in enumerate(posts[1:]):
        stories.append({"post": post, "due": later + timedelta(minutes=number), "last_account": accounts[-1]})
    session.execute(insert(_STORY), stories)
    story = _STORY.c
    columns = {
        "post_id": story.post,
        "account_id": col(Account.id),
        "key": cast(story.post, String) + "-" + cast(col(Account.id), String),
        "seq": story.post,
        "state": literal(State.QUEUED, String()),
        "due": story.due,
        "not_before": story.due,
        "late_after": literal(later + timedelta(days=365), UTCDateTime()),
        "detail": literal({}, Delivery.__table__.c.detail.type),  # type: ignore[attr-defined]
    }
    each = select(*columns.values()).where(col(Account.id) <= story.last_account)
    connection = session.connection()
    connection.execute(
        insert(Delivery).from_select(list(columns), each.order_by(story.post, col(Account.id)))
    )
    happened = {"delivery_id": col(Delivery.id), "at": literal(now, UTCDateTime())}
    happened |= {"to_state": literal(State.QUEUED, String()), "actor": literal("bench", String())}
    connection.execute(
        insert(DeliveryEvent).from_select(
            list(happened), select(*happened.values()).order_by(col(Delivery.id))
        )
    )


def turn(database: Database, now: datetime) -> float:
    """Milliseconds to begin what is due."""
    ahead, lease = timedelta(seconds=2), timedelta(seconds=60)
    milliseconds = 0.0
    with suppress(_Undone), database.write() as session:
        began = time.perf_counter()
        taken = lanes.claim(session, _NODE, now=now, ahead=ahead, lease=lease, limit=2 * DUE)
        found = journal.unfinished(session, [lane.account_id for lane in taken])
        works = []
        for lane in taken:
            works.append(found[lane.account_id].queued[0])
            works[-1].fence = lane.fence
        page = journal.Page(session, _NODE, now)
        begun = page.begin(works)
        page.close()
        milliseconds = (time.perf_counter() - began) * 1000
        assert len(begun) == DUE
        raise _Undone
    return milliseconds


def ask(database: Database, now: datetime) -> dict[str, float]:
    """Median milliseconds of what people ask: how the queue stands, the next 50 of the list."""
    status, listing = [], []
    for _ in range(ASKED):
        with database.read() as session:
            began = time.perf_counter()
            assert queue_status(session, now).due == DUE
            asked = time.perf_counter()
            assert len(list_deliveries(session, state=State.QUEUED, since=now, limit=50)) == 50
            listing.append(time.perf_counter() - asked)
            status.append(asked - began)
    return {
        "queue_status_ms": round(statistics.median(status) * 1000, 2),
        "list_of_50_ms": round(statistics.median(listing) * 1000, 2),
    }


def measure(kind: str, many: int, turns: int) -> dict[str, object]:
    now = datetime.now(UTC)
    with (
        home() as folder,
        databases(kind, folder) as fresh,
        opened(fresh()) as small,
        opened(fresh()) as large,
    ):
        fill(small, SMALL, now)
        began = time.perf_counter()
        fill(large, many, now)
        filling = time.perf_counter() - began
        few, lots = [], []
        for _ in range(turns):
            few.append(turn(small, now))
            lots.append(turn(large, now))
        asked = ask(large, now)
    medians = statistics.median(few), statistics.median(lots)
    return {
        "name": f"beginning {DUE} due among {many}, {kind}",
        "accounts": ACCOUNTS,
        "turns": turns,
        "filled_in_seconds": round(filling, 1),
        "ratio": round(medians[1] / medians[0], 2),
        "promise_ratio": PROMISE_RATIO,
        "ms": round(medians[1], 2),
        f"ms_among_{SMALL}": round(medians[0], 2),
        **asked,
    }


def main() -> int:
    """Exit code 1 when a full run misses the promise on either database; --quick judges nothing."""
    quick = "--quick" in sys.argv[1:]
    kept = True
    for kind in KINDS:
        found = measure(kind, *((QUICK_LARGE, QUICK_TURNS) if quick else (LARGE, TURNS)))
        print(json.dumps(found), flush=True)
        kept = kept and float(str(found["ratio"])) <= PROMISE_RATIO
    return 0 if kept or quick else 1


if __name__ == "__main__":
    sys.exit(main())
