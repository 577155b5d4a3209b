"""Work that is due again and again runs once a fire time, whichever node ticks first or late."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from config import Database, ManualClock
from config.clock import SHANGHAI
from scheduler import register_periodic
from scheduler.periodic import claim_run, last_fire

DAILY = CronTrigger(hour="8", minute="5", timezone=SHANGHAI)
AT_0805 = datetime(2026, 3, 2, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "late", [timedelta(0), timedelta(seconds=40), timedelta(hours=3), timedelta(hours=23)]
)
def test_a_late_tick_still_belongs_to_its_fire_time(late: timedelta) -> None:
    assert last_fire(DAILY, AT_0805 + late) == AT_0805


def test_before_the_first_fire_of_the_day_it_is_yesterdays() -> None:
    assert last_fire(DAILY, AT_0805 - timedelta(seconds=1)) == AT_0805 - timedelta(days=1)


def test_one_of_many_nodes_gets_a_fire_time(database: Database, clock: ManualClock) -> None:
    won: list[str] = []

    def claim(node: str) -> None:
        if claim_run(database, "collect", AT_0805, node=node, now=clock.now()):
            won.append(node)

    threads = [threading.Thread(target=claim, args=(f"n{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert claim_run(database, "collect", AT_0805 + timedelta(days=1), node="n1", now=clock.now())
    assert claim_run(database, "report", AT_0805, node="n1", now=clock.now())


def test_registered_work_runs_once_across_two_nodes(database: Database, clock: ManualClock) -> None:
    done: list[str] = []
    jobs = []
    for node in ("a", "b"):
        ticker = BackgroundScheduler(timezone=SHANGHAI)
        register_periodic(
            ticker,
            "collect",
            DAILY,
            lambda node=node: done.append(node),
            database=database,
            clock=clock,
            node=node,
        )
        ticker.start(paused=True)
        jobs.append(ticker.get_job("collect"))
        ticker.shutdown()
    clock.move_to(AT_0805 + timedelta(seconds=1))
    for job in jobs * 2:
        job.func()
    assert done == ["a"]
    clock.move_to(AT_0805 + timedelta(days=1))
    jobs[1].func()
    assert done == ["a", "b"]
