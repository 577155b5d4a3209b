"""The Mastodon connector against its double: one status a post within the key's hour and after it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import responses
from access import MemoryStore
from platform_stage import PlatformStage

from config import ManualClock
from connectors import (
    ConnectorError,
    Media,
    NeedsPerson,
    Outgoing,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
)
from connectors.mastodon import connector
from sandbox.platforms.mastodon import example
from sandbox.world import Fault

STATUSES = "/api/v1/statuses"
POST = Outgoing("k-1", 1, "", "五四活动 https://www.example.org/a/1")
DAY = date(2026, 3, 2)


class Stage(PlatformStage):
    """One account at the double. It is 2 March 2026, 09:00."""

    connector, example = connector, staticmethod(example)

    def error(self, *answer: object) -> ConnectorError:
        """What publishing raises while the instance always answers so."""
        self.account.switches["answer"] = {f"POST {STATUSES}": answer}
        with pytest.raises(ConnectorError) as caught:
            connector.publish(self.access, POST)
        return caught.value


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def picture(folder: Path, size: int = 70) -> Media:
    path = folder / "cover.png"
    path.write_bytes(b"\x89PNG" + b"0" * (size - 4))
    return Media(path, sha256(path.read_bytes()).hexdigest(), "image/png", "cover.png", "合影")


# Posts.


def test_a_status_goes_out_as_asked(stage: Stage) -> None:
    options = {"visibility": "unlisted", "language": "mn", "spoiler_text": "提示"}
    receipt = connector.publish(stage.access, replace(POST, options=options))
    (item,) = stage.world.published
    assert (receipt.remote_id, receipt.url) == (item.remote_id, item.url)
    assert (item.text, item.key) == (POST.text, "k-1")
    assert [item.extra[name] for name in options] == ["unlisted", "mn", "提示"]


def test_by_itself_it_is_public_and_chinese(stage: Stage) -> None:
    connector.publish(stage.access, POST)
    (item,) = stage.world.published
    assert (item.extra["visibility"], item.extra["language"]) == ("public", "zh")


@pytest.mark.parametrize(
    ("kind", "there"),
    [("cut_after", True), ("html_after", True), ("status_after", True), ("cut_before", False)],
)
@pytest.mark.parametrize("minutes", [10, 180], ids=["in_time", "key_gone"])
def test_after_a_lost_answer_the_list_tells(stage: Stage, kind: str, there: bool, minutes: int) -> None:
    since = stage.clock.now()
    stage.world.set_faults(Fault(kind, path=STATUSES, method="POST", times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)
    stage.move(minutes=minutes)
    found = connector.find(stage.access, POST, since)
    assert (found is not None) is there
    if found is None:
        connector.publish(stage.access, POST)
    assert len(stage.world.published) == 1


def test_a_repeat_within_the_hour_is_the_same_status(stage: Stage) -> None:
    first = connector.publish(stage.access, POST)
    stage.move(minutes=59)
    assert connector.publish(stage.access, POST) == first


def test_the_same_text_of_another_post_is_not_taken_for_ours(stage: Stage) -> None:
    since = stage.clock.now()
    first = connector.publish(stage.access, POST)
    assert connector.find(stage.access, replace(POST, key="k-2"), since) is None
    assert connector.find(stage.access, POST, since) == first


def test_what_was_there_before_is_not_ours(stage: Stage) -> None:
    stage.world.publish("mastodon", "league", remote_id="9", title="", text=POST.text, by_hand=True)
    stage.move(minutes=6)
    assert connector.find(stage.access, POST, stage.clock.now()) is None


def test_ours_is_found_behind_hundreds_of_later_ones(stage: Stage) -> None:
    since = stage.clock.now()
    first = connector.publish(stage.access, POST)
    stage.move(minutes=1)
    for number in range(100):
        stage.world.publish("mastodon", "league", remote_id=f"8{number:03}", title="", text=f"第{number}条")
    fresh = replace(stage.access, memory=MemoryStore(stage.clock.now))
    assert connector.find(fresh, POST, since) == first
    assert stage.calls("/statuses") == 4  # one post, three pages


def test_pictures_alone_prove_nothing(stage: Stage) -> None:
    with pytest.raises(Uncertain):
        connector.find(stage.access, replace(POST, text=""), stage.clock.now())


# Pictures.


def test_a_picture_goes_with_its_description(stage: Stage, tmp_path: Path) -> None:
    post = replace(POST, media=(picture(tmp_path),))
    assert connector.publish(stage.access, post) == connector.publish(stage.access, post)
    (item,) = stage.world.published
    (number,) = item.extra["media"]
    assert stage.account.state["media"][number]["description"] == "合影"
    assert stage.calls("/api/v2/media") == 1


def test_a_picture_that_is_worked_on_is_waited_for_and_uploaded_once(stage: Stage, tmp_path: Path) -> None:
    stage.account.switches["media_seconds"] = 8
    post = replace(POST, media=(picture(tmp_path),))
    for _ in range(2):
        with pytest.raises(Throttled) as raised:
            connector.publish(stage.access, post)
        assert raised.value.until == stage.clock.now() + timedelta(seconds=5)
        stage.move(seconds=5)
    connector.publish(stage.access, post)
    assert len(stage.world.published) == 1
    assert stage.calls("/api/v2/media") == 1


def test_a_picture_that_the_instance_dropped_is_uploaded_again(stage: Stage, tmp_path: Path) -> None:
    stage.account.switches["media_seconds"] = 8
    post = replace(POST, media=(picture(tmp_path),))
    with pytest.raises(Throttled):
        connector.publish(stage.access, post)
    stage.account.state["media"].clear()
    stage.account.switches["media_seconds"] = 0
    with pytest.raises(Throttled):
        connector.publish(stage.access, post)
    connector.publish(stage.access, post)
    assert len(stage.world.published) == 1


@pytest.mark.parametrize("limit", [{"image_size_limit": 69}, {"max_characters": 27}])
def test_what_this_instance_would_not_take_is_not_sent(
    stage: Stage, tmp_path: Path, limit: dict[str, int]
) -> None:
    stage.account.switches["instance"] = limit
    with pytest.raises(Refused) as raised:
        connector.publish(stage.access, replace(POST, media=(picture(tmp_path),)))
    assert raised.value.platform_code == "instance-limit"
    assert stage.calls(STATUSES) == 0


def test_an_instances_limits_are_asked_for_once_in_six_hours(stage: Stage) -> None:
    for number in range(4):
        connector.publish(stage.access, replace(POST, key=f"k-{number}"))
        stage.move(hours=2)
    assert stage.calls("/api/v2/instance") == 2


def test_the_check_tells_the_instances_limits(stage: Stage) -> None:
    stage.account.switches["instance"] = {"max_characters": 5000}
    works, limits = connector.check(stage.access)
    assert (works.fine, limits.fine) == (True, True)
    assert "5000" in limits.told.zh
    assert "5000" in limits.told.en


@pytest.mark.parametrize(
    ("post", "fine"),
    [
        (POST, True),
        (replace(POST, text=" "), False),
        (replace(POST, options={"visibility": "private"}), True),
        (replace(POST, options={"visibility": "direct"}), False),
        (replace(POST, options={"language": "zh-CN"}), False),
    ],
)
def test_what_would_be_refused_is_seen_before(post: Outgoing, fine: bool) -> None:
    assert (connector.problems(post) == ()) is fine


# Errors: every row of the sheet.


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, NeedsPerson),
        (403, NeedsPerson),
        (404, NeedsPerson),
        (422, Refused),
        (429, Throttled),
        (500, Uncertain),
        (502, Uncertain),
        (503, Throttled),
    ],
)
def test_every_status_of_the_sheet_whatever_its_words(stage: Stage, status: int, expected: type) -> None:
    error = stage.error(status, "バリデーションに失敗しました")
    assert type(error) is expected
    assert (error.platform_code, error.platform_text) == (str(status), "バリデーションに失敗しました")
    assert stage.world.published == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-RateLimit-Reset": "2026-03-02T01:02:00.000000Z"}, 120),
        ({"X-RateLimit-Reset": "2026-03-02T09:01:00+08:00"}, 60),
        ({"X-RateLimit-Reset": "2026-03-02T01:03:00"}, 180),
        ({"X-RateLimit-Reset": "2026-03-01T01:00:00Z"}, 0),
        ({"X-RateLimit-Reset": "2036-03-01T01:00:00Z"}, 86_400),
        ({"X-RateLimit-Reset": "1772413320"}, 60),
        ({"Retry-After": "9"}, 9),
        ({}, 60),
    ],
)
def test_a_limit_ends_when_the_headers_say(stage: Stage, headers: dict[str, str], seconds: int) -> None:
    error = stage.error(429, "Too many requests", headers)
    assert isinstance(error, Throttled)
    assert error.until == stage.clock.now() + timedelta(seconds=seconds)


def test_the_instances_own_limit_is_obeyed_to_its_microsecond(stage: Stage) -> None:
    stage.account.state["calls"] = (int(stage.clock.now().timestamp()) // 300 * 300, 300)
    with pytest.raises(Throttled) as raised:
        connector.check(stage.access)
    assert raised.value.until == datetime.fromisoformat("2026-03-02T01:05:00.627625+00:00")


def test_another_token_needs_a_person(stage: Stage) -> None:
    access = replace(stage.access, credentials={"access_token": "another-token-0123"})
    with pytest.raises(NeedsPerson) as raised:
        connector.check(access)
    assert raised.value.remedy == connector.explain("401")


# Figures.


def test_every_status_comes_once_over_all_pages_with_its_counts(stage: Stage) -> None:
    stage.account.posts_per_week = 28
    articles = list(connector.articles(stage.access, DAY - timedelta(days=30), DAY))
    assert len(articles) > 100
    assert len({article.remote_id for article in articles}) == len(articles)
    (figures,) = articles[-1].figures
    assert figures.as_of == DAY
    assert figures.values.keys() == {"like", "repost", "comment", "quote"}
    assert (figures.values["like"] or 0) > 0


def test_an_older_instance_knows_no_quotes(stage: Stage) -> None:
    stage.account.switches["quotes"] = False
    connector.publish(stage.access, POST)
    (article,) = connector.articles(stage.access, DAY, DAY)
    assert article.title == POST.text[:40]
    assert article.figures[0].values["quote"] is None
    assert article.figures[0].values["like"] == 0


def test_followers_are_told_for_today_only(stage: Stage) -> None:
    figures = connector.account_day(stage.access, DAY)
    assert figures is not None
    assert (figures.values["followers_total"] or 0) > 0
    assert connector.account_day(stage.access, DAY - timedelta(days=1)) is None


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.mark.parametrize(
    "told",
    [
        {},
        [1],
        [{"id": True, "created_at": "2026-03-01T00:00:00Z", "content": ""}],
        [{"id": "1", "created_at": "yesterday", "content": ""}],
        [{"id": "1", "created_at": "2026-03-01T00:00:00", "content": ""}],
        [{"id": "1", "created_at": "2026-03-01T00:00:00Z", "content": None}],
    ],
)
def test_a_list_that_cannot_be_read_is_a_gap(stage: Stage, mocked: Any, told: object) -> None:
    stage.access.memory.put("own-id", "1")
    mocked.get(f"{stage.access.api_base}/api/v1/accounts/1/statuses", json=told)
    with pytest.raises(Unreachable):
        list(connector.articles(stage.access, DAY - timedelta(days=2), DAY))


@pytest.mark.parametrize("told", [{}, {"id": 7.5}, {"id": "1", "scheduled_at": "2026-03-03T00:00:00Z"}])
def test_an_answer_without_a_status_is_no_receipt(stage: Stage, mocked: Any, told: object) -> None:
    mocked.get(f"{stage.access.api_base}/api/v2/instance", status=404)
    mocked.post(f"{stage.access.api_base}{STATUSES}", json=told)
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)
