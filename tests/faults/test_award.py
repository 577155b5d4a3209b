"""An award run that is killed anywhere and run again gives the bytes of one that was never disturbed."""

import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest
from scenery import make_account

from analytics.articles import Article, FigureSource, Snapshot
from config import Database, ManualClock
from config.secrets import KeyRing
from organisation.accounts import Account

SCRIPT = Path(__file__).with_name("award_kill.py")
ROOT = Path(__file__).parents[2]
RULE = """
schema = 1
[award]
id = "small"
title = "小评选"
period = { start = 2026-01-01, end = 2026-12-31 }
read_age_days = 7
[[category]]
id = "wechat"
tracks = [{ id = "league", label = "盟市", places = 3 }]
eligibility = [{ rule = "min_posts", value = 1 }]
[category.index]
formula = "wci"
version = "14.2b"
[category.score]
data = { weight = "1", scale = "fixed_anchor", anchor = 1000 }
tie_break = ["index", "shares_per_post", "earlier_filed"]
"""
STEPS, FILES = 10, 31  # stages of one category, and about as many files as a run leaves, records among them


@pytest.fixture
def year(sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path, chance: Random) -> Path:
    """Four accounts with articles, and the rule; gives the folder."""
    accounts = [make_account(sqlite, keys, "wechat", f"w{number}") for number in range(4)]
    with sqlite.write() as session:
        source = FigureSource(kind="api", name="test", first_at=clock.now())
        session.add(source)
        session.flush()
        for account in accounts:
            session.get_one(Account, account.known_id).filed = date(2025, 1, 1)
            for number in range(3):
                day = date(2026, 3, 1) + timedelta(days=number)
                article = Article(
                    account_id=account.known_id,
                    remote_id=f"{number}_1",
                    title=f"题目{number}",
                    published_at=clock.now(),
                    published_day=day,
                    position=1,
                )
                session.add(article)
                session.flush()
                reads = chance.randint(100, 5000)
                for metric, value in {
                    "read_people": reads,
                    "recommend_heart": reads // 90,
                    "like": reads // 60,
                    "share": reads // 25,
                }.items():
                    figure = {"article_id": article.id, "source_id": source.id, "collected_at": clock.now()}
                    session.add(Snapshot(metric=metric, as_of=day, value=value, **figure))
    (tmp_path / "rule.toml").write_text(RULE, "utf-8")
    return tmp_path


def run(folder: Path, *runs: str) -> list[int]:
    """Runs the award by `award_kill`; gives how each run ended."""
    (folder / "tmp").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, SCRIPT, folder / "meizhen.sqlite", folder / "rule.toml", folder, *runs],
        env={"TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return [int(line) for line in done.stdout.split()]


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.fault(40)
def test_a_run_killed_anywhere_and_run_again_gives_the_same_bytes(year: Path, chance: Random) -> None:
    """Killed at the beginning of a stage and while its files were put in place; twenty rounds reach all."""
    step, file = chance.randrange(STEPS), chance.randint(2, FILES - 2)
    killed = [f"stage=step:{step}", f"move=file:{file}", "move=file:2", f"left=file:{file}"]
    ended = run(year, "undisturbed=never", *killed, "stage=never", "move=never", "move=never")
    assert ended == [0, *[-signal.SIGKILL] * 4, 0, 0, 0]
    undisturbed = content(year / "undisturbed")
    assert len(undisturbed) == FILES
    assert content(year / "stage") == undisturbed
    assert content(year / "move") == undisturbed
    left = {name: told for name, told in content(year / "left").items() if not name.startswith(".work/")}
    assert left and left.items() < undisturbed.items()  # whole files only
    assert "run.json" not in left
