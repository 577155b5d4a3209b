"""The Discourse connector against its double: one topic a post, under an id that the forum keeps unique."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from access import make_access
from platform_stage import PlatformStage

from config import ManualClock
from connectors import (
    ConnectorError,
    Media,
    NeedsPerson,
    Outgoing,
    ReceiptState,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
)
from connectors.discourse import connector
from sandbox.platforms.discourse import example
from sandbox.world import Fault

POST = Outgoing("k-1", 1, "五四活动报名", "十二所高校同日启动")
DAY = date(2026, 3, 2)


class Stage(PlatformStage):
    """One forum at the double. It is 2 March 2026, 09:00."""

    connector, example = connector, staticmethod(example)


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def test_a_topic_goes_out_as_asked(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG....")
    media = tuple(Media(path, f"{number}" * 64, "image/png", "a.png", "合[影]") for number in (1, 2))
    text = "图在中间\n\nmedia:2\n\n完"
    post = replace(POST, text=text, media=media, options={"category": "8", "tags": "志愿,五四"})
    receipt = connector.publish(stage.access, post)
    (item,) = stage.world.published
    assert receipt.remote_id == item.remote_id
    assert receipt.url == f"{stage.access.api_base}/t/{item.remote_id}"
    assert (item.extra["category"], item.extra["tags"]) == (8, ["志愿", "五四"])
    first, second = (f"![合 影 ](upload://p{number:026}.png)" for number in (1, 2))
    assert item.text == f"图在中间\n\n{second}\n\n完\n\n{first}"


@pytest.mark.parametrize(
    ("kind", "there"),
    [("cut_after", True), ("html_after", True), ("status_after", True), ("cut_before", False)],
)
def test_after_a_lost_answer_the_id_tells_and_a_repeat_is_the_same_topic(
    stage: Stage, kind: str, there: bool
) -> None:
    stage.world.set_faults(Fault(kind, path="/posts.json", times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)
    assert (connector.find(stage.access, POST, stage.clock.now()) is not None) is there
    first = connector.publish(stage.access, POST)
    assert connector.publish(stage.access, POST) == first
    assert len(stage.world.published) == 1


def test_a_topic_that_waits_for_review_is_left_to_a_person(stage: Stage) -> None:
    stage.account.switches["review"] = True
    receipt = connector.publish(stage.access, POST)
    assert (receipt.state, receipt.remote_id) == (ReceiptState.HANDED_OVER, "pending-1")
    assert receipt.url.endswith("/review") and receipt.note is not None


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ((403, "invalid_access", "无权"), NeedsPerson, "invalid_access"),
        ((403, "not_logged_in", "未登录"), NeedsPerson, "not_logged_in"),
        ((403, "", "HTML"), NeedsPerson, "403"),
        ((404, "not_found", "没有"), NeedsPerson, "not_found"),
        ((404, "", "HTML"), NeedsPerson, "404"),
        ((422, "", "标题过短"), Refused, "422"),
        ((422, "record_invalid", "与近期内容相似"), Refused, "record_invalid"),
        ((400, "invalid_parameters", "缺少参数"), Refused, "invalid_parameters"),
        ((413, "", "HTML"), Refused, "413"),
        ((500, "", "HTML"), Uncertain, "500"),
        ((503, "", "HTML"), Throttled, "503"),
    ],
)
def test_every_answer_of_the_sheet_means_what_it_says(
    stage: Stage, answer: tuple[object, ...], error: type[ConnectorError], code: str
) -> None:
    stage.account.switches["answer"] = {"POST /posts.json": answer}
    with pytest.raises(error) as raised:
        connector.publish(stage.access, POST)
    assert type(raised.value) is error
    assert raised.value.platform_code == code


@pytest.mark.parametrize(
    ("headers", "extras", "seconds"),
    [({"Retry-After": "45"}, {"wait_seconds": 9}, 45), ({}, {"wait_seconds": 45}, 45), ({}, {}, 60)],
)
def test_slow_down_is_obeyed_in_every_form(
    clock: ManualClock, headers: dict[str, str], extras: dict[str, int], seconds: int
) -> None:
    credentials = {"api_key": "0" * 64, "api_username": "league", "category": "5"}
    base = "https://forum.example.org"
    access = make_access("discourse", "league", credentials=credentials, api_base=base, now=clock.now)
    told = {"errors": ["慢一点"], "error_type": "rate_limit", "extras": extras}
    named = {**headers, "Discourse-Rate-Limit-Error-Code": "admin_api_key_rate_limit"}
    with responses.RequestsMock() as mock:
        mock.post(f"{base}/posts.json", json=told, status=429, headers=named)
        with pytest.raises(Throttled) as raised:
            connector.publish(access, POST)
    assert raised.value.until == clock.now() + timedelta(seconds=seconds)
    assert raised.value.platform_code == "admin_api_key_rate_limit"


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("/t/wu-si/77.json", "77"),
        ("https://elsewhere.example/t/77.json?page=2", "77"),
        ("/t/wu-si/77/1.json", "77"),
        ("https://forum.example.org/login", None),
        ("/t/wu-si", None),
        ("", None),
    ],
)
def test_a_redirect_is_read_and_never_followed(clock: ManualClock, location: str, found: str | None) -> None:
    credentials = {"api_key": "0" * 64, "api_username": "league", "category": "5"}
    base = "https://forum.example.org"
    access = make_access("discourse", "league", credentials=credentials, api_base=base, now=clock.now)
    with responses.RequestsMock() as mock:
        mock.get(f"{base}/t/external_id/k-1.json", status=301, headers={"Location": location})
        if found is None:
            with pytest.raises(Unreachable):
                connector.find(access, POST, clock.now())
        else:
            receipt = connector.find(access, POST, clock.now())
            assert receipt is not None and (receipt.remote_id, receipt.url) == (found, f"{base}/t/{found}")
        assert len(mock.calls) == 1


def test_a_strange_404_proves_nothing(clock: ManualClock, stage: Stage) -> None:
    stage.account.switches["answer"] = {"GET /t/external_id/k-1.json": (404, "", "HTML")}
    with pytest.raises(NeedsPerson):
        connector.find(stage.access, POST, clock.now())


def test_the_check_says_whether_topics_may_be_started(stage: Stage) -> None:
    assert [finding.fine for finding in connector.check(stage.access)] == [True]
    stage.account.switches["permission"] = 3
    assert [finding.fine for finding in connector.check(stage.access)] == [False]


@pytest.mark.parametrize("wrong", [{"text": ""}, {"options": {"category": "新闻"}}])
def test_what_the_forum_would_refuse_is_seen_before(wrong: dict[str, Any]) -> None:
    assert connector.problems(POST) == ()
    assert len(connector.problems(replace(POST, **wrong))) == 1


def test_figures_come_over_all_pages_and_the_first_post_is_no_comment(stage: Stage) -> None:
    first = stage.clock.now() - timedelta(hours=9)
    for number in range(70):
        at = first + timedelta(minutes=number)
        stage.world.publish("discourse", "league", remote_id=str(100 + number), title="甲", text="", at=at)
    found = list(connector.articles(stage.access, DAY, DAY))
    assert len(found) == 70
    assert all(article.figures[0].values.keys() == {"read_events", "like", "comment"} for article in found)
    newest = found[0].figures[0].values
    assert newest["comment"] is not None and newest["comment"] >= 0
