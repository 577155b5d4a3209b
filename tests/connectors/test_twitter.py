"""X: one post whatever happens to an answer, its errors and limits, its two sets of names, what it costs."""

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from platform_stage import PlatformStage

from config import ManualClock
from connectors import (
    ConnectorError,
    Media,
    NeedsPerson,
    Outgoing,
    Receipt,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
    Unreachable,
)
from connectors._twitter_text import length, same_post
from connectors.twitter import connector
from sandbox.platforms.twitter import example
from sandbox.world import Fault

TWEETS = "POST /2/tweets"
POST = Outgoing("k-1", 1, "", "五四活动 & 青年 https://www.example.org/a/1")
DAY = date(2026, 3, 2)
ABOUT = "about:blank"


class Stage(PlatformStage):
    """One account at the double. It is 2 March 2026, 09:00."""

    connector, example = connector, staticmethod(example)

    def publish(self, post: Outgoing = POST) -> Receipt:
        return connector.publish(self.access, post)

    def error(self, status: int, body: object, headers: dict[str, str] | None = None) -> ConnectorError:
        self.account.switches["answer"] = {TWEETS: (status, body, headers or {})}
        with pytest.raises(ConnectorError) as caught:
            self.publish()
        return caught.value


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def picture(folder: Path) -> Media:
    path = folder / "cover.png"
    path.write_bytes(b"\x89PNG" + b"0" * 66)
    return Media(path, sha256(path.read_bytes()).hexdigest(), "image/png", "cover.png", "合影")


def test_a_post_goes_out_as_asked(stage: Stage, tmp_path: Path) -> None:
    options = {"reply_settings": "verified", "made_with_ai": "yes"}
    receipt = stage.publish(replace(POST, media=(picture(tmp_path),), options=options))
    (item,) = stage.world.published
    (number,) = item.extra["media"]
    body = {"text": POST.text, "media": {"media_ids": [number]}, "reply_settings": "verified"}
    assert item.extra["body"] == {**body, "made_with_ai": True}
    assert (receipt.remote_id, receipt.url) == (item.remote_id, item.url)
    assert stage.account.state["media"][number]["alt"] == "合影"


def test_a_lost_answer_at_any_call_makes_no_second_post(stage: Stage, tmp_path: Path) -> None:
    post = replace(POST, media=(picture(tmp_path),))
    stage.publish(post)
    calls = sum(stage.world.calls.values())
    assert calls == 3  # the picture, its description, the post
    for spared in range(calls):
        stage.world.reset(now=stage.clock.now())
        fresh = Stage(stage.world, stage.clock, stage.url)
        since = stage.clock.now()
        stage.world.set_faults(Fault("cut_after", after=spared, times=2))
        with pytest.raises((Unreachable, Uncertain)) as caught:
            fresh.publish(post)
        stage.world.set_faults()
        if isinstance(caught.value, Uncertain):
            assert spared == calls - 1
            found = connector.find(fresh.access, post, since)
            assert found is not None and found.remote_id == stage.world.published[0].remote_id
        else:
            assert stage.world.published == []
            fresh.publish(post)
        assert len(stage.world.published) == 1


def test_a_repeat_is_refused_as_a_duplicate_and_looked_up(stage: Stage) -> None:
    since = stage.clock.now()
    first = stage.publish()
    with pytest.raises(Uncertain) as caught:
        stage.publish()
    assert caught.value.platform_code == "duplicate"
    assert connector.find(stage.access, POST, since) == first
    assert len(stage.world.published) == 1


def test_what_is_not_seen_is_not_proved_absent(stage: Stage) -> None:
    stage.publish()
    since = stage.clock.now()
    stage.account.switches["hidden"] = True
    for post in (POST, replace(POST, key="k-2"), replace(POST, text="https://www.example.org/only")):
        with pytest.raises(Uncertain):
            connector.find(stage.access, post, since)


def test_another_delivery_of_the_same_words_and_an_older_post_are_not_ours(stage: Stage) -> None:
    since = stage.clock.now()
    stage.publish()
    with pytest.raises(Uncertain):
        connector.find(stage.access, replace(POST, key="k-2"), since)
    stage.move(minutes=6)
    with pytest.raises(Uncertain):
        connector.find(stage.access, POST, stage.clock.now())


def test_a_picture_that_is_worked_on_is_waited_for_and_uploaded_once(stage: Stage, tmp_path: Path) -> None:
    stage.account.switches["media_seconds"] = 8
    post = replace(POST, media=(picture(tmp_path),))
    for _ in range(2):
        with pytest.raises(Throttled) as caught:
            stage.publish(post)
        assert caught.value.until == stage.clock.now() + timedelta(seconds=5)
        stage.move(seconds=5)
    stage.publish(post)
    assert len(stage.world.published) == 1
    assert len(stage.account.state["media"]) == 1


def test_a_dead_token_is_renewed_and_a_spent_one_needs_a_person(stage: Stage) -> None:
    stage.account.switches["token_ends"] = stage.clock.now()
    with pytest.raises(Unauthorised):
        stage.publish()
    connector.refresh(stage.access)
    stage.publish()
    assert stage.account.state["renewals"] == 1
    stage.account.state["renewing"] = "spent-elsewhere"
    with pytest.raises(NeedsPerson) as caught:
        connector.refresh(stage.access)
    assert caught.value.platform_code == "invalid_request"
    assert "renewing-000001" not in str(caught.value)


# Errors: every row of the sheet.


def problem(status: int, detail: str = "x", kind: str = ABOUT) -> dict[str, object]:
    return {"type": kind, "title": "Problem", "detail": detail, "status": status}


_CAPPED = "https://api.x.com/2/problems/usage-capped"
_TWICE = "You are not allowed to create a Tweet with duplicate content."


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (400, problem(400), Refused, "400"),
        (401, problem(401), Unauthorised, "401"),
        (403, problem(403), NeedsPerson, "403"),
        (403, problem(403, _TWICE), Uncertain, "duplicate"),
        (404, problem(404), NeedsPerson, "404"),
        (413, problem(413), Refused, "413"),
        (429, problem(429), Throttled, "429"),
        (429, problem(429, kind=_CAPPED), NeedsPerson, "usage-capped"),
        (500, problem(500), Uncertain, "500"),
        (502, [], Uncertain, "502"),
        (503, problem(503), Throttled, "503"),
        (504, "late", Uncertain, "504"),
        (200, {"data": {}}, Uncertain, "bad-answer"),
        (201, {"errors": [problem(400)]}, Uncertain, "bad-answer"),
    ],
)
def test_every_row_of_the_table(
    stage: Stage, status: int, body: object, expected: type[ConnectorError], code: str
) -> None:
    error = stage.error(status, body)
    assert (type(error), error.platform_code) == (expected, code)
    assert stage.world.published == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-rate-limit-reset": "1772413320"}, 120),
        ({"x-rate-limit-reset": "1772413100"}, 0),
        ({"x-rate-limit-reset": "2772413320"}, 86_400),
        ({"x-rate-limit-reset": "99999999999999"}, 60),
        ({"x-rate-limit-reset": "soon", "Retry-After": "9"}, 9),
        ({"Retry-After": "Mon, 02 Mar 2026 01:00:30 GMT"}, 30),
        ({}, 60),
    ],
)
def test_a_limit_ends_when_the_headers_say(stage: Stage, headers: dict[str, str], seconds: int) -> None:
    error = stage.error(429, problem(429), headers)
    assert isinstance(error, Throttled)
    assert error.until == stage.clock.now() + timedelta(seconds=seconds)


def test_the_platforms_words_are_shown_without_our_token(stage: Stage) -> None:
    token = stage.account.credentials["access_token"]
    assert token not in str(stage.error(400, problem(400, f"bad {token}")))


# Text.


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", 0),
        ("abc", 3),
        ("青年", 4),
        ("“é”", 3),
        ("😀", 2),
        ("看 https://www.example.org/" + "x" * 300, 26),
        ("t.cn", 23),
        ("青" * 140, 280),
    ],
)
def test_length_is_weighted(text: str, weight: int) -> None:
    assert length(text) == weight


def test_our_post_is_known_again_behind_t_co_and_entities() -> None:
    assert same_post(POST.text, "五四活动 &amp; 青年 https://t.co/Ab1Cd2Ef3G")
    assert not same_post(POST.text, "五四活动 https://t.co/Ab1Cd2Ef3G")


@pytest.mark.parametrize(
    "change", [{"text": " "}, {"options": {"reply_settings": "all"}}, {"options": {"made_with_ai": "1"}}]
)
def test_what_would_be_refused_is_seen_before(change: dict[str, Any]) -> None:
    assert connector.problems(POST) == ()
    assert len(connector.problems(replace(POST, **change))) == 1


# Figures and money.


@pytest.mark.parametrize("names", ["tweet", "post"])
def test_both_sets_of_names_are_read(stage: Stage, names: str) -> None:
    stage.account.switches["names"] = names
    access = stage.opened(field_names=names)
    stage.account.posts_per_week = 14
    articles = list(connector.articles(access, DAY - timedelta(days=35), DAY))
    assert len({article.remote_id for article in articles}) == len(articles) > 50
    values = articles[-1].figures[0].values
    assert values.keys() == {"impressions", "like", "comment", "repost", "quote", "favourite"}
    assert (values["repost"] or 0) > 0
    day = connector.account_day(access, DAY)
    assert day is not None and (day.values["posts_total"] or 0) >= len(articles)
    assert connector.account_day(access, DAY - timedelta(days=1)) is None


def test_paid_reading_stops_at_the_ceiling_and_a_doubt_is_still_settled(stage: Stage) -> None:
    stage.account.posts_per_week = 28
    access = stage.opened(daily_reads="100")
    with pytest.raises(Throttled) as caught:
        list(connector.articles(access, DAY - timedelta(days=60), DAY))
    assert caught.value.until.isoformat() == "2026-03-03T00:00:00+00:00"
    assert stage.account.state["read"] == 100
    since = stage.clock.now()
    stage.publish()
    assert connector.find(access, POST, since) is not None


def test_the_check_tells_what_it_costs(stage: Stage) -> None:
    works, costs = connector.check(stage.opened(daily_reads="1000"))
    assert works.fine and costs.fine
    assert "0.200" in costs.told.zh and "5.000 USD" in costs.told.en
