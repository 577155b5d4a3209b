"""A freeze names the files whose figures it could use, by hash: those of the period that still stand."""

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

from award_world import Store, World, rows_of, small_rule
from sqlmodel import select

from analytics.awards import run_award
from analytics.awards.verification import verify
from analytics.imports import import_figures, undo_import
from config import ManualClock
from config.secrets import KeyRing
from organisation.accounts import Account

HEADER = "内容标题,发表时间,总阅读人数,总阅读次数,内容url"


def test_only_standing_files_of_the_period_are_named_and_one_byte_makes_another_run(
    store: Store, keys: KeyRing, tmp_path: Path
) -> None:
    world = World()
    key = world.account("wechat", "demo-a", "league")
    figures: dict[str, object] = {"read_people": 10, "recommend_heart": 1, "like": 1, "share": 1}
    world.article(key, date(2026, 1, 5), figures)
    database = store(world)
    with database.read() as session:
        account = session.exec(select(Account)).one()
    clock = ManualClock(datetime(2027, 1, 20, 1, tzinfo=UTC))

    def take(name: str, day: str) -> tuple[str, int]:
        path = tmp_path / name
        path.write_text(f"{HEADER}\n五四,{day},120,150,https://mp.example/s/{name}\n", "utf-8")
        report = import_figures(database, keys, clock, path, account, actor="cli:test")
        assert report.number is not None
        return hashlib.sha256(path.read_bytes()).hexdigest(), report.number

    standing, _ = take("may.csv", "20260504")
    _, undone = take("june.csv", "20260601")
    take("former.csv", "20240504")
    undo_import(database, keys, clock, undone, actor="cli:test")
    run = run_award(database, small_rule(tmp_path), tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "wechat" / "imports.csv")
    assert rows == [{"handle": "demo-a", "file": "may.csv", "sha256": standing}]
    assert verify(tmp_path / "out").differences == ()

    take("more.csv", "20260505")
    again = run_award(database, small_rule(tmp_path), tmp_path / "again")
    names = [row["file"] for row in rows_of(tmp_path / "again" / "wechat" / "imports.csv")]
    assert names == ["may.csv", "more.csv"] and again.run_id != run.run_id
