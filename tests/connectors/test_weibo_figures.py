"""What Weibo's connector collects, and what it remembers for it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from access import MemoryStore, make_access

from config import ManualClock
from connectors import Kind, Outgoing, Throttled, Unit, Unreachable
from connectors._weibo_known import MOST, KnownPost, KnownPosts
from connectors.weibo import connector
from sandbox.readers import followers, readership
from sandbox.world import Fault, SandboxAccount, World

TODAY = date(2026, 3, 2)
NAMES = {"repost", "comment", "like"}


class Stage:
    """One Weibo account with readers, and its access."""

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock = world, clock
        credentials = {
            "access_token": "2.00madeUpToken",
            "uid": "5500001234",
            "app_key": "1234500000",
            "safe_domain": "youth.example.org",
            "rip": "203.0.113.9",
        }
        self.account = world.add_account(
            SandboxAccount("weibo", "binhe", credentials, {"safe_domain": "youth.example.org"})
        )
        self.memory = MemoryStore(clock.now)
        self.access = make_access(
            "weibo",
            "binhe",
            credentials=credentials,
            api_base=f"{url}/weibo",
            now=clock.now,
            memory=self.memory,
        )

    def by_hand(self, number: int, *, days_ago: float = 0, **extra: Any) -> str:
        at = self.clock.now() - timedelta(days=days_ago)
        remote_id = str(10**16 + number)
        self.world.publish(
            "weibo", "binhe", remote_id=remote_id, title="", text=f"手工第 {number} 条", at=at, **extra
        )
        return remote_id

    def count_calls(self, path: str) -> int:
        return sum(calls for name, calls in self.world.calls.items() if path in name)

    def later(self, **delta: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(**delta))
        self.world.move_to(self.clock.now())


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def test_our_own_posts_keep_their_figures_when_the_timeline_has_moved_on(stage: Stage) -> None:
    receipt = connector.publish(stage.access, Outgoing("d1", 1, "", "我们发的 https://youth.example.org/1"))
    stage.later(days=1)
    for number in range(5):
        stage.by_hand(number)
    stage.later(minutes=1)
    found = {article.remote_id: article for article in connector.articles(stage.access, TODAY, TODAY)}
    article = found[receipt.remote_id]
    (item,) = [item for item in stage.world.of("weibo", "binhe") if item.remote_id == receipt.remote_id]
    expected = readership(stage.world, stage.account, item, stage.clock.now())
    (figures,) = article.figures
    assert figures.as_of == TODAY + timedelta(days=1)
    assert figures.values == {
        "repost": expected.reposts,
        "comment": expected.comments,
        "like": expected.likes,
    }
    assert (article.title, article.url, article.original) == ("我们发的", receipt.url, True)
    assert set(found) == {receipt.remote_id}


def test_posts_made_by_hand_are_adopted_but_never_more_than_the_newest_five(stage: Stage) -> None:
    ids = [stage.by_hand(number, days_ago=0.1 - number / 1000) for number in range(8)]
    found = list(connector.articles(stage.access, TODAY - timedelta(days=1), TODAY))
    assert [article.remote_id for article in found] == ids[-5:]
    for number in range(8, 11):
        ids.append(stage.by_hand(number))
    stage.later(minutes=1)
    found = list(connector.articles(stage.access, TODAY - timedelta(days=1), TODAY))
    assert sorted(article.remote_id for article in found) == ids[3:]


def test_no_read_count_is_ever_given(stage: Stage) -> None:
    stage.by_hand(1, days_ago=0.5)
    names = {
        name
        for article in connector.articles(stage.access, date(2026, 1, 1), TODAY)
        for figures in article.figures
        for name in figures.values
    }
    assert names == NAMES
    assert not any("read" in metric.name for metric in connector.metrics)


def test_reposts_of_others_are_not_original(stage: Stage) -> None:
    stage.by_hand(1, original=False)
    (article,) = connector.articles(stage.access, TODAY, TODAY)
    assert article.original is False


def test_counts_are_asked_for_a_hundred_at_a_time(stage: Stage) -> None:
    known = []
    for number in range(250):
        remote_id = stage.by_hand(number, days_ago=1)
        known.append(KnownPost(remote_id, stage.clock.now() - timedelta(days=1), f"第 {number} 条"))
    KnownPosts(stage.memory).keep(known)
    found = list(connector.articles(stage.access, TODAY - timedelta(days=1), TODAY))
    assert len(found) == 250 and all(article.figures for article in found)
    assert stage.count_calls("statuses/count") == 3
    assert stage.count_calls("user_timeline") == 1


def test_only_the_days_asked_for_are_counted(stage: Stage) -> None:
    late = datetime(2026, 2, 27, 16, 30, tzinfo=UTC)  # half past midnight in Beijing on the 28th
    KnownPosts(stage.memory).keep(
        [KnownPost("71", late, "夜里"), KnownPost("72", late - timedelta(hours=1), "")]
    )
    found = connector.articles(stage.access, date(2026, 2, 28), TODAY)
    assert [article.remote_id for article in found] == ["71"]


def test_a_deleted_post_comes_without_figures(stage: Stage) -> None:
    stage.by_hand(1)
    stage.by_hand(2)
    list(connector.articles(stage.access, TODAY, TODAY))
    stage.world.of("weibo", "binhe")[0].extra["deleted"] = True
    figures = {
        article.remote_id: article.figures for article in connector.articles(stage.access, TODAY, TODAY)
    }
    assert figures[str(10**16 + 1)] == ()
    assert len(figures[str(10**16 + 2)]) == 1


def test_figures_are_of_the_beijing_day(stage: Stage) -> None:
    stage.by_hand(1)
    stage.later(hours=15, minutes=1)  # one minute past midnight in Beijing
    (article,) = connector.articles(stage.access, TODAY, TODAY)
    assert article.figures[0].as_of == date(2026, 3, 3)


def test_counts_may_come_as_text(stage: Stage) -> None:
    stage.by_hand(1, days_ago=0.5)
    plain = [article.figures for article in connector.articles(stage.access, date(2026, 1, 1), TODAY)]
    stage.account.switches["numbers_as_text"] = 1.0
    assert [a.figures for a in connector.articles(stage.access, date(2026, 1, 1), TODAY)] == plain
    assert connector.account_day(stage.access, TODAY)


@pytest.mark.parametrize("kind", ["html", "cut_after", "null", "truncated_json", "status"])
@pytest.mark.parametrize("path", ["user_timeline", "statuses/count", "users/counts"])
def test_an_answer_that_says_nothing_is_a_hole_to_fill_later(stage: Stage, kind: str, path: str) -> None:
    stage.by_hand(1)
    stage.world.set_faults(Fault(kind, path=path))
    with pytest.raises(Unreachable):
        list(connector.articles(stage.access, TODAY, TODAY))
        connector.account_day(stage.access, TODAY)


def test_followers_and_posts_are_those_of_now(stage: Stage) -> None:
    stage.by_hand(1)
    figures = connector.account_day(stage.access, TODAY)
    assert figures and figures.as_of == TODAY
    assert figures.values == {
        "followers_total": followers(stage.world, stage.account, TODAY),
        "posts_total": 1,
    }


def test_other_days_of_the_account_cannot_be_asked_for(stage: Stage) -> None:
    assert connector.account_day(stage.access, TODAY - timedelta(days=1)) is None
    assert connector.account_day(stage.access, TODAY + timedelta(days=1)) is None
    assert stage.count_calls("") == 0


def test_a_budget_that_ends_between_two_batches_stops_there(stage: Stage) -> None:
    at = stage.clock.now()
    KnownPosts(stage.memory).keep([KnownPost(str(number), at, "") for number in range(1, 151)])
    for _ in range(48):
        connector.account_day(stage.access, TODAY)
    articles = connector.articles(stage.access, TODAY, TODAY)
    assert len([next(articles) for _ in range(100)]) == 100
    with pytest.raises(Throttled):
        next(articles)


def test_only_the_newest_posts_are_kept(stage: Stage) -> None:
    known, start = KnownPosts(stage.memory), stage.clock.now()
    known.keep(KnownPost(str(number), start + timedelta(minutes=number), "") for number in range(1, MOST + 6))
    assert [post.id for post in known.all()] == [str(number) for number in range(6, MOST + 6)]


def test_a_post_seen_again_keeps_its_delivery_and_title(stage: Stage) -> None:
    known, at = KnownPosts(stage.memory), stage.clock.now()
    known.keep([KnownPost("1", at, "原题", key="d1")])
    known.keep([KnownPost("1", at, "微博正文")])
    assert known.all() == (KnownPost("1", at, "原题", key="d1"),)
    assert known.deliveries() == {"1": "d1"}


def test_every_metric_says_what_it_counts() -> None:
    declared = {metric.name: (metric.unit, metric.kind, metric.level) for metric in connector.metrics}
    assert declared == {
        **dict.fromkeys(NAMES, (Unit.EVENTS, Kind.CUMULATIVE, "article")),
        "followers_total": (Unit.PEOPLE, Kind.SNAPSHOT, "account"),
        "posts_total": (Unit.EVENTS, Kind.SNAPSHOT, "account"),
    }
