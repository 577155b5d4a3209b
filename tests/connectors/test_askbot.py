"""The Askbot connector against its double: true times out of false ones, nobody named, a person writes."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from access import MemoryStore, make_access

from config import ManualClock
from connectors import NeedsPerson, Outgoing, ReceiptState, Throttled, Unreachable
from connectors.askbot import connector
from sandbox.platforms.askbot import example
from sandbox.world import World

POST = Outgoing("k-1", 1, "志愿者怎么报名", "报名从五月四日开始")
SINCE, UNTIL = date(2026, 2, 1), date(2026, 3, 1)


class Stage:
    """One community at the double. It is 2 March 2026, 09:00."""

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock = world, clock
        self.account = example(world, "voice")
        self.access = make_access(
            "askbot",
            "voice",
            credentials=self.account.credentials,
            api_base=f"{url}/askbot",
            now=clock.now,
        )

    def calls(self) -> int:
        return sum(self.world.calls.values())


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def test_times_are_true_although_the_site_tells_28_800_seconds_too_few(stage: Stage) -> None:
    found = {article.remote_id: article for article in connector.articles(stage.access, SINCE, UNTIL)}
    asked = {str(int(item.remote_id) % 100_000_000): item.at for item in stage.world.of("askbot", "voice")}
    assert len(found) > 20
    assert all(
        article.published_at == asked[number].replace(microsecond=0) for number, article in found.items()
    )
    stage.account.switches["mended"] = True
    wrong = next(iter(connector.articles(stage.access, SINCE, UNTIL)))
    assert wrong.published_at - asked[wrong.remote_id].replace(microsecond=0) == timedelta(hours=8)
    utc = replace(stage.access, credentials={**stage.access.credentials, "time_zone": "UTC"})
    right = next(iter(connector.articles(utc, SINCE, UNTIL)))
    assert right.published_at == asked[right.remote_id].replace(microsecond=0)


def test_a_time_zone_that_makes_the_future_is_noticed(stage: Stage) -> None:
    assert all(finding.fine for finding in connector.check(stage.access))
    stage.world.publish("askbot", "voice", remote_id="5", title="问", text="", at=stage.clock.now())
    stage.account.switches["mended"] = True
    assert not all(finding.fine for finding in connector.check(stage.access))
    nowhere = replace(stage.access, credentials={"time_zone": "Mars/Olympus"})
    with pytest.raises(NeedsPerson, match="time-zone"):
        connector.check(nowhere)


def test_first_answers_are_not_the_askers_and_officials_are_judged_after_72_hours(stage: Stage) -> None:
    values = [article.figures[0].values for article in connector.articles(stage.access, SINCE, UNTIL)]
    hours = [one["first_answer_hours"] for one in values]
    assert any(hour is None for hour in hours) and any(hour is not None for hour in hours)
    assert all(hour is None or 0 < hour < 130 for hour in hours)
    judged = [one["answered_within_72h"] for one in values]
    assert {0, 1, None} == set(judged)
    assert judged[0] is None  # the newest is younger than 72 hours
    plain = replace(stage.access, credentials={}, memory=MemoryStore(stage.clock.now))
    for article in connector.articles(plain, SINCE, UNTIL):
        assert "answered_within_72h" not in article.figures[0].values


def test_what_is_settled_is_not_asked_again(stage: Stage) -> None:
    first = list(connector.articles(stage.access, SINCE, UNTIL))
    asked = stage.calls()
    assert list(connector.articles(stage.access, SINCE, UNTIL)) == first
    assert stage.calls() - asked < asked / 2


def test_nobody_is_named(stage: Stage) -> None:
    shown = repr(list(connector.articles(stage.access, SINCE, UNTIL)))
    assert "user" not in shown
    titles = {item.title for item in stage.world.of("askbot", "voice")}
    assert not [title for title in titles if title in shown]


def test_a_person_publishes(stage: Stage) -> None:
    receipt = connector.publish(stage.access, POST)
    assert receipt.state is ReceiptState.HANDED_OVER
    assert receipt.url == f"{stage.access.api_base}/questions/ask/"
    assert receipt.note is not None


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (403, NeedsPerson, "403"),
        (404, NeedsPerson, "404"),
        (503, Throttled, "503"),
        (500, Unreachable, "500"),
    ],
)
def test_a_site_that_does_not_answer_is_told_apart(
    stage: Stage, status: int, error: type[Exception], code: str
) -> None:
    stage.account.switches["answer"] = {"GET /api/v1/info/": (status, "no")}
    with pytest.raises(error, match=code):
        connector.publish(stage.access, POST)
    stage.account.switches["closed"] = True
    with pytest.raises(NeedsPerson):
        list(connector.articles(stage.access, SINCE, UNTIL))
