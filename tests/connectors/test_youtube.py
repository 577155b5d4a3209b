"""YouTube: a resumable session makes one video whatever is lost, its errors, its units, its figures."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from platform_stage import PlatformStage
from videos import POST, video_post

from config import ManualClock
from connectors import (
    ConnectorError,
    NeedsPerson,
    Outgoing,
    ReceiptState,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
    Unreachable,
)
from connectors.youtube import connector
from sandbox.platforms.youtube import example
from sandbox.world import Fault

DAY = date(2026, 3, 2)
MIDNIGHT = "2026-03-02T08:00:00+00:00"  # Pacific, the coming one
PART = 262_144


class Stage(PlatformStage):
    """One channel at the double. It is 2 March 2026, 09:00; in California 1 March, 17:00."""

    connector, example = connector, staticmethod(example)

    def puts(self) -> int:
        return sum(count for call, count in self.world.calls.items() if call.startswith("PUT "))

    def error(self, call: str, *answer: object) -> ConnectorError:
        self.account.switches["answer"] = {call: answer}
        with pytest.raises(ConnectorError) as caught:
            connector.account_day(self.access, self.clock.now().date())
        return caught.value


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outgoing:
    """A video of three parts."""
    monkeypatch.setattr("connectors._youtube_upload.PART_BYTES", PART)
    return video_post(tmp_path, 600_000)


def test_a_video_goes_out_as_asked_in_its_parts(stage: Stage, post: Outgoing) -> None:
    options = {"privacy": "unlisted", "tags": " 志愿，校园,志愿", "category": "27", "made_for_kids": "yes"}
    receipt = stage.publish(replace(post, options={**options, "synthetic": "yes"}))
    (item,) = stage.world.published
    assert receipt.state is ReceiptState.ACCEPTED
    assert item.extra["sha256"] == post.media[0].sha256
    assert stage.puts() == 3
    assert item.extra["told"] == {
        "snippet": {
            "title": POST.title,
            "description": POST.text,
            "categoryId": "27",
            "defaultLanguage": "zh",
            "tags": ["志愿", "校园"],
        },
        "status": {
            "privacyStatus": "unlisted",
            "selfDeclaredMadeForKids": True,
            "containsSyntheticMedia": True,
        },
    }


def test_a_lost_answer_at_any_call_makes_no_second_video(stage: Stage, post: Outgoing) -> None:
    stage.publish(post)
    calls = sum(stage.world.calls.values())
    assert calls == 4
    for spared in range(calls):
        for kind in ("cut_after", "cut_before"):
            stage.world.reset(now=stage.clock.now())
            fresh = Stage(stage.world, stage.clock, stage.url)
            since = stage.clock.now()
            stage.world.set_faults(Fault(kind, after=spared, times=1))
            with pytest.raises((Unreachable, Uncertain)) as caught:
                fresh.publish(post)
            stage.world.set_faults()
            assert isinstance(caught.value, Uncertain) == (spared == calls - 1)
            if isinstance(caught.value, Uncertain):
                found = connector.find(fresh.access, post, since)
                assert (found is not None) == (kind == "cut_after")
            fresh.publish(post)  # repeated whatever was found: the session gives the same video
            assert len(stage.world.published) == 1
            assert len(fresh.account.state["sessions"]) == 1 + (spared == 0 and kind == "cut_after")


def test_an_upload_goes_on_from_the_range_that_the_platform_kept(stage: Stage, post: Outgoing) -> None:
    stage.account.switches["keeps"] = 150_000
    stage.publish(post)
    assert stage.world.published[0].extra["sha256"] == post.media[0].sha256
    assert stage.puts() > 3


def test_an_upload_that_does_not_move_on_ends(stage: Stage, post: Outgoing) -> None:
    stage.account.switches["keeps"] = 0
    with pytest.raises(Unreachable):
        stage.publish(post)
    assert stage.puts() == 1


@pytest.mark.parametrize("spared", [2, 3], ids=["on the way", "at the end"])
def test_a_session_that_is_gone_is_begun_anew_only_where_it_can_have_made_nothing(
    stage: Stage, post: Outgoing, spared: int
) -> None:
    since = stage.clock.now()
    stage.world.set_faults(Fault("cut_after", after=spared, times=1))
    with pytest.raises((Unreachable, Uncertain)):
        stage.publish(post)
    stage.world.set_faults()
    stage.account.switches["sessions_gone"] = True
    if spared == 2:
        assert connector.find(stage.access, post, since) is None
        stage.account.switches.clear()
        stage.publish(post)
    else:
        found = connector.find(stage.access, post, since)  # among the uploads
        assert found is not None and found.remote_id == stage.world.published[0].remote_id
    assert len(stage.world.published) == 1


def test_without_a_session_the_uploads_prove_no_absence(stage: Stage, post: Outgoing) -> None:
    since = stage.clock.now()
    first = stage.publish(post)
    with pytest.raises(Uncertain):
        connector.find(stage.access, replace(post, key="d-2"), since)
    stage.memory.forget(f"session-{post.key}")
    assert connector.find(stage.access, post, since) == first


@pytest.mark.parametrize(("locked", "noted"), [(False, False), (True, True)])
def test_it_is_settled_when_it_is_worked_through(
    stage: Stage, post: Outgoing, locked: bool, noted: bool
) -> None:
    stage.account.switches["locked"] = locked
    receipt = stage.publish(post)
    assert connector.settle(stage.access, receipt) == receipt
    stage.move(minutes=2)
    settled = connector.settle(stage.access, receipt)
    assert settled.state is ReceiptState.PUBLISHED
    assert settled.url == stage.world.published[0].url
    assert (settled.note is not None) is noted


def test_a_rejected_video_needs_a_person_with_the_reason(stage: Stage, post: Outgoing) -> None:
    stage.account.switches["failed"] = "duplicate"
    receipt = stage.publish(post)
    stage.move(minutes=2)
    with pytest.raises(NeedsPerson, match="duplicate") as caught:
        connector.settle(stage.access, receipt)
    assert not caught.value.account_wide
    with pytest.raises(NeedsPerson, match="deleted"):
        connector.settle(stage.access, replace(receipt, remote_id="gone"))


def test_a_post_without_a_video_goes_to_a_person(stage: Stage) -> None:
    receipt = stage.publish(POST)
    assert receipt.state is ReceiptState.HANDED_OVER
    assert stage.world.published == []


# Errors: every row of the sheet.


def problem(reason: str) -> dict[str, object]:
    return {"error": {"code": 1, "message": "x", "errors": [{"reason": reason, "domain": "youtube"}]}}


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (400, problem("invalidTitle"), Refused, "invalidTitle"),
        (400, problem("uploadLimitExceeded"), Throttled, "uploadLimitExceeded"),
        (401, problem("authError"), Unauthorised, "401"),
        (403, problem("forbidden"), NeedsPerson, "forbidden"),
        (403, problem("quotaExceeded"), Throttled, "quotaExceeded"),
        (403, problem("dailyLimitExceeded"), Throttled, "dailyLimitExceeded"),
        (403, problem("uploadLimitExceeded"), Throttled, "uploadLimitExceeded"),
        (403, problem("rateLimitExceeded"), Throttled, "rateLimitExceeded"),
        (403, {"error": {"errors": []}}, NeedsPerson, "403"),
        (404, problem("channelNotFound"), NeedsPerson, "channelNotFound"),
        (429, problem("tooMany"), Throttled, "tooMany"),
        (500, [], Unreachable, "500"),
        (503, "late", Throttled, "503"),
        (200, {"items": [1]}, Unreachable, "bad-answer"),
        (200, {"kind": "youtube#channelListResponse"}, NeedsPerson, "no-channel"),
    ],
)
def test_every_row_of_the_table(
    stage: Stage, status: int, body: object, expected: type[ConnectorError], code: str
) -> None:
    error = stage.error("GET channels", status, body)
    assert (type(error), error.platform_code) == (expected, code)


@pytest.mark.parametrize(
    ("reason", "headers", "until", "shared"),
    [
        ("quotaExceeded", {}, MIDNIGHT, True),
        ("uploadLimitExceeded", {}, MIDNIGHT, False),
        ("rateLimitExceeded", {"Retry-After": "9"}, "2026-03-02T01:00:09+00:00", True),
        ("userRateLimitExceeded", {}, "2026-03-02T01:01:00+00:00", True),
    ],
)
def test_a_limit_ends_at_midnight_pacific_or_when_the_header_says(
    stage: Stage, reason: str, headers: dict[str, str], until: str, shared: bool
) -> None:
    error = stage.error("GET channels", 403, problem(reason), headers)
    assert isinstance(error, Throttled)
    assert (error.until.isoformat(), error.app_wide) == (until, shared)


def test_midnight_pacific_follows_summer_time(stage: Stage) -> None:
    stage.clock.move_to(stage.clock.now().replace(day=9))
    error = stage.error("GET channels", 403, problem("quotaExceeded"))
    assert isinstance(error, Throttled)
    assert error.until.isoformat() == "2026-03-09T07:00:00+00:00"


def test_a_session_is_followed_to_the_platforms_own_hosts_only(stage: Stage, post: Outgoing) -> None:
    answer = (200, {}, {"Location": "https://evil.example/session/1"})
    stage.account.switches["answer"] = {"POST videos": answer}
    with pytest.raises(NeedsPerson) as caught:
        stage.publish(post)
    assert caught.value.platform_code == "endpoint"


# Units and figures.


def test_uploads_stop_where_the_units_of_the_day_end_before_anything_is_sent(
    stage: Stage, post: Outgoing
) -> None:
    access = stage.opened(daily_units="4000", insert_units="2000")
    for number in range(2):
        connector.publish(access, replace(post, key=f"d-{number}"))
    begun = stage.world.calls.copy()
    with pytest.raises(Throttled) as caught:
        connector.publish(access, replace(post, key="d-3"))
    assert caught.value.until.isoformat() == MIDNIGHT
    assert stage.world.calls == begun
    stage.move(hours=8)
    connector.publish(access, replace(post, key="d-3"))


def test_a_resumed_upload_takes_no_units_again(stage: Stage, post: Outgoing) -> None:
    access = stage.opened(daily_units="1600")
    stage.world.set_faults(Fault("cut_before", after=2, times=1))
    with pytest.raises(Unreachable):
        connector.publish(access, post)
    assert connector.publish(access, post).state is ReceiptState.ACCEPTED


def test_videos_come_with_counts_that_are_texts_and_hidden_ones_are_unknown(stage: Stage) -> None:
    stage.account.posts_per_week = 14
    articles = list(connector.articles(stage.access, DAY - timedelta(days=35), DAY))
    assert len({article.remote_id for article in articles}) == len(articles) > 50
    assert all((article.figures[0].values["like"] is not None) for article in articles)
    stage.account.switches["hidden"] = True
    values = next(connector.articles(stage.access, DAY - timedelta(days=35), DAY)).figures[0].values
    assert values["like"] is None and (values["play_events"] or 0) >= 0
    day = connector.account_day(stage.access, DAY)
    assert day is not None and day.values["followers_total"] is None
    assert (day.values["posts_total"] or 0) >= len(articles)
    assert connector.account_day(stage.access, DAY - timedelta(days=1)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"title": " "},
        {"title": "a<b"},
        {"text": "a>b"},
        {"options": {"privacy": "friends"}},
        {"options": {"tags": "长" * 501}},
        {"options": {"category": "x"}},
        {"options": {"synthetic": "1"}},
    ],
)
def test_what_would_be_refused_is_seen_before(post: Outgoing, change: dict[str, Any]) -> None:
    assert connector.problems(post) == ()
    assert len(connector.problems(replace(post, **change))) == 1
    assert connector.limits.count_text("青年") == 6
