"""How long a campaign's page and its closing report take.

    python -m benchmarks.campaigns [--quick]

300 posts, each out on the account of every one of 40 units, so 12,000 publications with four figures each.
Prints one JSON document. The promise: workbook and paper from the click within 30 s (check 40).
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import insert
from sqlmodel import col, select

from analytics.articles import Article, Snapshot
from analytics.closing.reach import reach_of
from analytics.figures import Meaning, know_metrics, source_id
from benchmarks._stage import KINDS, databases, home, opened
from config.database import Database
from config.secrets import load_key_file
from meizhen.campaign_report import write_report
from organisation import Account, Unit
from scheduler import Enqueued, enqueue
from scheduler.campaign_board import read_board
from scheduler.campaign_items import Wanted, add_item
from scheduler.campaign_report import FORMATS
from scheduler.campaign_tables import CampaignPost
from scheduler.campaigns import Plan, add_campaign
from scheduler.deliveries import Delivery, State
from scheduler.posts import Post

UNITS, POSTS, ITEMS = 40, 300, 8
PROMISE_SECONDS = 30.0
NOW = datetime(2026, 5, 10, 1, 0, tzinfo=UTC)
DAY = date(2026, 5, 4)
METRICS = ("read_people", "like", "share", "comment")


def fill(database: Database, folder: Path, units: int, posts: int) -> int:
    """The campaign with everything out; gives its number."""
    keys, by = load_key_file(folder / "keys.json"), {"now": NOW, "actor": "bench"}
    with database.write() as session:
        top = Unit(code="B", kind="region", name_zh="基准团委", path="1/")
        session.add(top)
        session.flush()
        below = [
            Unit(
                code=f"B{one}",
                kind="league",
                name_zh=f"基准盟市团委{one}",
                path=f"1/{one}/",
                parent_id=top.id,
            )
            for one in range(2, units + 2)
        ]
        session.add_all(below)
        session.flush()
        accounts = [
            Account(unit_id=one.id or 0, platform="wechat", handle=one.code, name=f"青春{one.code}")
            for one in below
        ]
        session.add_all(accounts)
        plan = Plan("五四主题活动", DAY, DAY + timedelta(days=6), "用镜头记录青春。")
        made = add_campaign(session, keys, top, plan, below, **by)  # type: ignore[arg-type]
        for number in range(ITEMS):
            add_item(session, keys, made.known_id, Wanted(f"任务{number + 1}", plan.ends, 30), **by)  # type: ignore[arg-type]
        know_metrics(session, "wechat", [Meaning(name, "people", "cumulative") for name in METRICS])
        written = [
            Post(title=f"青年在行动 第{number}期", text="正文", created_at=NOW, created_by="bench")
            for number in range(posts)
        ]
        session.add_all(written)
        session.flush()
        session.add_all(
            CampaignPost(
                post_id=one.id or 0, campaign_id=made.known_id, item=place % ITEMS + 1, at=NOW, by="bench"
            )
            for place, one in enumerate(written)
        )
        items = [
            Enqueued(one.id or 0, account.known_id, NOW, timedelta(hours=2))
            for one in written
            for account in accounts
        ]
        enqueue(session, items, now=NOW, actor="bench")
    _publish(database)
    return made.known_id


def _publish(database: Database) -> None:
    """Everything is out at noon of the first day, with an article and its figures."""
    at = datetime(DAY.year, DAY.month, DAY.day, 4, tzinfo=UTC)
    with database.write() as session:
        found = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
        rows = [
            {
                "account_id": one.account_id,
                "remote_id": f"r{one.id}",
                "title": f"青年在行动 {one.post_id}",
                "url": f"https://mp.weixin.qq.com/s/{one.id}",
                "published_at": at,
                "published_day": DAY,
                "kind": "post",
            }
            for one in found
        ]
        session.execute(insert(Article), rows)
        source = source_id(session, "api", "wechat articles", NOW)
        numbers = session.scalars(select(Article.id).order_by(col(Article.id))).all()
        session.execute(
            insert(Snapshot),
            [
                {
                    "article_id": number,
                    "metric": name,
                    "as_of": DAY + timedelta(days=1),
                    "source_id": source,
                    "value": (number or 0) % 900,
                    "collected_at": NOW,
                }
                for number in numbers
                for name in METRICS
            ],
        )
        for one in found:  # one post under way per account at a time, as the tables demand
            for state in (State.SENDING, State.PUBLISHED):
                one.state = state
                if state is State.PUBLISHED:
                    one.published_at, one.remote_id = at, f"r{one.id}"
                    one.url = f"https://mp.weixin.qq.com/s/{one.id}"
                session.add(one)
                session.flush()


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 2)


def on(kind: str, units: int, posts: int) -> dict[str, float]:
    """Seconds on one kind of database."""
    with home() as folder, databases(kind, folder) as fresh, opened(fresh()) as database:
        number = fill(database, folder, units, posts)
        with database.read() as session:
            board = read_board(session, number, DAY)
            page = timed(lambda: read_board(session, number, DAY))
            figures = timed(lambda: reach_of(session, board.published))
        report = timed(partial(write_report, database, number, folder, now=NOW, formats=FORMATS))
    return {"page": page, "figures": figures, "report": report}


def measure(*, quick: bool = False) -> dict[str, object]:
    units, posts = (5, 20) if quick else (UNITS, POSTS)
    told = {kind: on(kind, units, posts) for kind in KINDS}
    kept = all(one["report"] <= PROMISE_SECONDS for one in told.values())
    return {"units": units, "posts": posts, "publications": units * posts, **told, "kept": kept}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once, small: does it still run?")
    print(json.dumps(measure(quick=parser.parse_args().quick)))
