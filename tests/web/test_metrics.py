"""Metrics over real HTTP, read by Prometheus' own parser; every one of them is documented."""

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from scenery import make_account, queue_posts, run_until_idle
from web_node import WebNode, web_node

from config import Database, ManualClock
from config.secrets import KeyRing
from sandbox.platforms import webhook
from sandbox.world import Fault

if TYPE_CHECKING:
    from conftest import RunningSandbox

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def scraped(node: WebNode) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = node.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_scrape_tells_the_queue_and_what_the_node_did(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
) -> None:
    there = webhook.example(sandbox.world, "site")
    site = make_account(
        database,
        keys,
        "webhook",
        "site",
        api_base=f"{sandbox.url}/webhook",
        credentials=there.credentials,
    )
    blog = make_account(database, keys, "webhook", "blog", api_base="http://127.0.0.1:9")
    sandbox.world.set_faults(
        Fault("status", path="/publish", value="429", times=1),
        Fault("status", path="/publish", value="401", times=1, after=1),
    )
    with web_node(database, keys, clock, tmp_path) as node:
        queue_posts(database, site, ["一", "二", "三"], due=clock.now())
        run_until_idle(node.dispatcher, timedelta(minutes=5))
        queue_posts(database, blog, ["四"], due=clock.now() - timedelta(seconds=90), now=clock.now())
        node.watchman.look()
        found = scraped(node)
        hook = ("platform", "webhook")
        assert found["meizhen_deliveries", (hook, ("state", "queued"))] >= 1
        assert found["meizhen_deliveries", (hook, ("state", "failed"))] == 1
        assert found["meizhen_deliveries_due", (hook,)] >= 1
        assert found["meizhen_oldest_due_age_seconds", ()] >= 90
        assert found["meizhen_deliveries_needing_person", ()] == 1
        assert found["meizhen_reports_needing_person", ()] == 0
        assert found["meizhen_lanes_paused", ()] == 1
        assert found["meizhen_queue_stopped", ()] == 0
        assert found["meizhen_notices_open", (("kind", "account_paused"),)] == 1
        assert found["meizhen_node_healthy", ()] == 1
        assert found["meizhen_due_but_idle", ()] == 0
        called = ("meizhen_calls_total", (("outcome", "throttled"), hook, ("purpose", "publish")))
        assert found[called] == found["meizhen_throttled_total", (hook,)] == 1
        assert found["meizhen_call_seconds_count", (hook,)] == sum(
            value for (name, _), value in found.items() if name == "meizhen_calls_total"
        )
        assert found["meizhen_lateness_seconds_bucket", (("le", "+Inf"), hook)] >= 1
        assert found["meizhen_fences_refused_total", ()] == 0
        assert found["meizhen_database_losses_total", ()] == 0


def test_a_scrape_without_a_database_tells_what_the_node_knows(
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sqlalchemy.exc import OperationalError

    def gone() -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    with web_node(database, keys, clock, tmp_path) as node, monkeypatch.context() as away:
        away.setattr(database, "read", gone)
        node.watchman.look()
        found = scraped(node)
    assert found["meizhen_node_healthy", ()] == 0
    assert not [name for name, _ in found if name.startswith("meizhen_deliveries")]


def test_every_metric_is_documented_and_nothing_else_is(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with web_node(database, keys, clock, tmp_path) as node:
        text = node.get("/metrics").text
    there = {
        (name if kind != "counter" else f"{name.removesuffix('_total')}_total")
        for name, kind in re.findall(r"^# TYPE (meizhen_\w+) (\w+)$", text, re.MULTILINE)
        if not name.endswith("_created")
    }
    told = set(re.findall(r"^\| `(meizhen_\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert there == told


def test_labels_that_people_chose_cannot_break_a_scrape(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    from sqlalchemy import update

    from scheduler.lanes import Lane

    site = make_account(database, keys, "webhook", "site")
    queue_posts(database, site, ["一"], due=clock.now())
    evil = 'n"\n# HELP x\\'
    with database.write() as session:
        session.execute(update(Lane).values(node=evil, lease_until=clock.now() + timedelta(minutes=1)))
    with web_node(database, keys, clock, tmp_path) as node:
        assert scraped(node)["meizhen_lanes_held", (("node", evil),)] == 1
