"""The WordPress connector against its double: one page a post, under a slug that only it has."""

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import responses
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
)
from connectors._page import slug_of
from connectors.wordpress import connector
from sandbox.platforms.wordpress import example
from sandbox.world import Fault

POSTS = "/wp/v2/posts"
POST = Outgoing("k-1", 1, "五四活动", "十二所高校\n同日启动\n\n详见 https://www.example.org/a?b=1&c=2。")


class Stage(PlatformStage):
    """One site at the double. It is 2 March 2026, 09:00."""

    connector, example = connector, staticmethod(example)


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def picture(folder: Path, name: str = "a", kind: str = "image/png") -> Media:
    path = folder / name
    path.write_bytes(b"\x89PNG" + name.encode() * 9)
    return Media(path, sha256(path.read_bytes()).hexdigest(), kind, f"{name}.png", "合影")


def test_a_page_goes_out_with_what_was_asked(stage: Stage) -> None:
    options = {"excerpt": "摘要", "categories": "news,league", "tags": "志愿，五四", "comments": "off"}
    receipt = connector.publish(stage.access, replace(POST, options=options))
    (item,) = stage.world.published
    assert (receipt.remote_id, receipt.url, receipt.note) == (item.remote_id, item.url, None)
    assert item.text == (
        "<p>十二所高校<br>同日启动</p><p>详见 "
        '<a href="https://www.example.org/a?b=1&amp;c=2">https://www.example.org/a?b=1&amp;c=2</a>。</p>'
    )
    assert item.extra["slug"].startswith("mz-") and item.extra["status"] == "publish"
    assert (item.extra["categories"], item.extra["tags"]) == ([3, 4], [70, 71])
    assert (item.extra["excerpt"], item.extra["comment_status"]) == ("摘要", "closed")
    again = connector.publish(stage.access, replace(POST, key="k-2", options={"tags": "五四"}))
    assert stage.world.published[1].extra["tags"] == [71]  # the site's own, not made twice
    assert again.remote_id != receipt.remote_id


@pytest.mark.parametrize(
    ("kind", "there"),
    [("cut_after", True), ("html_after", True), ("status_after", True), ("cut_before", False)],
)
def test_after_a_lost_answer_the_slug_tells(stage: Stage, kind: str, there: bool) -> None:
    stage.world.set_faults(Fault(kind, path=POSTS, method="POST", times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)
    found = connector.find(stage.access, POST, stage.clock.now())
    assert (found is not None) is there
    # Whoever sends again without having looked makes no second page either.
    assert connector.publish(stage.access, POST).remote_id == stage.world.published[0].remote_id
    assert len(stage.world.published) == 1


def test_no_two_look_ups_have_the_same_address(stage: Stage) -> None:
    """A cache in front of the site would answer the second with the first's absence."""
    asked = set()
    for _ in range(2):
        with responses.RequestsMock() as mock:
            mock.get("https://news.example.org/wp-json/wp/v2/posts", json=[])
            access = replace(stage.access, api_base="https://news.example.org")
            assert connector.find(access, POST, stage.clock.now()) is None
            asked.add(mock.calls[0].request.url)
        stage.clock.advance(1)
    assert len(asked) == 2


def test_a_page_that_an_editor_withdrew_is_still_there_and_a_trashed_one_is_not(stage: Stage) -> None:
    connector.publish(stage.access, POST)
    (item,) = stage.world.published
    item.extra["status"] = "draft"
    found = connector.find(stage.access, POST, stage.clock.now())
    assert found is not None and found.note is not None
    item.extra["status"] = "trash"
    assert connector.find(stage.access, POST, stage.clock.now()) is None


def test_a_slug_that_the_site_changed_is_told(stage: Stage) -> None:
    stage.account.switches["attachments"] = [slug_of(POST)]
    receipt = connector.publish(stage.access, POST)
    assert stage.world.published[0].extra["slug"].endswith("-2")
    assert receipt.note is not None


def test_pictures_are_uploaded_once_the_first_is_the_cover(stage: Stage, tmp_path: Path) -> None:
    media = tuple(picture(tmp_path, name) for name in "abc")
    post = replace(POST, text="<p>甲</p><img src='media:3'><script>x</script>", media=media)
    stage.world.set_faults(Fault("cut_before", path=POSTS, method="POST", times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, post)
    connector.publish(stage.access, post)
    (item,) = stage.world.published
    assert item.extra["media"] == 40
    places = [item.text.find(f"/wp-content/uploads/{number}.png") for number in (40, 41, 42)]
    assert places[0] == -1 and 0 < places[2] < places[1]  # named in the text; the rest at its end
    assert "script" not in item.text
    assert stage.calls("POST /wordpress/wp-json/wp/v2/media") == 3
    assert {found["alt"] for found in stage.account.state["media"].values()} == {"合影"}


def test_a_cover_that_is_gone_is_uploaded_again(stage: Stage, tmp_path: Path) -> None:
    post = replace(POST, media=(picture(tmp_path),))
    stage.world.set_faults(Fault("cut_before", path=POSTS, method="POST", times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, post)
    stage.account.state["media"].clear()
    with pytest.raises(Throttled) as raised:
        connector.publish(stage.access, post)
    assert raised.value.until > stage.clock.now()
    connector.publish(stage.access, post)
    assert len(stage.world.published) == 1


def test_a_site_that_loses_every_cover_is_not_tried_without_end(stage: Stage, tmp_path: Path) -> None:
    post = replace(POST, media=(picture(tmp_path),))
    stage.answering(f"POST {POSTS}", 400, "rest_invalid_featured_media", "没有这张图")
    with pytest.raises(Throttled):
        connector.publish(stage.access, post)
    with pytest.raises(Refused):
        connector.publish(stage.access, post)


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ((401, "rest_not_logged_in", "您尚未登录。"), NeedsPerson, "rest_not_logged_in"),
        ((401, "rest_cannot_create", "不允许"), NeedsPerson, "rest_cannot_create"),
        ((403, "rest_cannot_publish", "不允许"), NeedsPerson, "rest_cannot_publish"),
        ((403, "rest_cookie_invalid_nonce", "?"), NeedsPerson, "rest_cookie_invalid_nonce"),
        ((404, "rest_no_route", "没有"), NeedsPerson, "rest_no_route"),
        ((404, "", "HTML"), NeedsPerson, "404"),
        ((403, "", "HTML"), NeedsPerson, "403"),
        ((400, "rest_invalid_param", "无效"), Refused, "rest_invalid_param"),
        ((400, "empty_content", "空"), Refused, "empty_content"),
        ((404, "rest_post_invalid_id", "没有"), Refused, "rest_post_invalid_id"),
        ((413, "", "HTML"), Refused, "413"),
        ((500, "rest_upload_sideload_error", "类型"), Refused, "rest_upload_sideload_error"),
        ((429, "", "HTML"), Throttled, "429"),
        ((503, "", "HTML"), Throttled, "503"),
        ((500, "", "HTML"), Uncertain, "500"),
        ((502, "", "HTML"), Uncertain, "502"),
        ((500, "internal_server_error", "?"), Uncertain, "internal_server_error"),
    ],
)
def test_every_answer_of_the_sheet_means_what_it_says(
    stage: Stage, answer: tuple[object, ...], error: type[ConnectorError], code: str
) -> None:
    stage.answering(f"POST {POSTS}", *answer)
    with pytest.raises(error) as raised:
        connector.publish(stage.access, POST)
    assert raised.value.platform_code == code
    assert type(raised.value) is error
    assert raised.value.remedy is not None or error in (Uncertain, Throttled)
    assert stage.world.published == []


def test_a_category_that_the_site_lacks_is_refused_and_none_is_made(stage: Stage) -> None:
    with pytest.raises(Refused, match="no-category nowhere"):
        connector.publish(stage.access, replace(POST, options={"categories": "news,nowhere"}))
    assert stage.world.published == []


@pytest.mark.parametrize("name", ["publish_posts", "upload_files"])
def test_the_check_names_the_right_that_is_missing(stage: Stage, name: str) -> None:
    stage.account.switches["capabilities"] = {name: False}
    assert sum(not finding.fine for finding in connector.check(stage.access)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": " "},
        {"options": {"comments": "fans"}},
        {"text": "<img src='media:1'>"},
        {"text": "甲\n\nmedia:2\n\n乙"},
    ],
)
def test_what_the_site_would_refuse_is_seen_before(wrong: dict[str, Any]) -> None:
    assert connector.problems(POST) == ()
    assert len(connector.problems(replace(POST, **wrong))) == 1


# Figures.


def test_views_come_from_the_named_meta_key_and_are_unknown_without_one(stage: Stage) -> None:
    connector.publish(stage.access, POST)
    stage.clock.move_to(stage.clock.now() + timedelta(days=2))
    stage.world.move_to(stage.clock.now())
    day = date(2026, 3, 2)
    (article,) = connector.articles(stage.access, day, day)
    values = article.figures[0].values
    assert (article.title, values["read_events"] or 0 > 0) == ("五四活动", values["read_events"])
    assert values["comment"] is not None
    for credentials, switch in (
        ({}, "views"),
        ({"views_key": "views"}, ""),
        ({"views_key": "other"}, "views"),
    ):
        plain = {name: stage.account.credentials[name] for name in ("user", "app_password")}
        stage.account.switches["views_key"] = switch
        access = replace(stage.access, credentials={**plain, **credentials})
        (article,) = connector.articles(access, day, day)
        assert article.figures[0].values["read_events"] is None


def test_a_hundred_and_fifty_posts_take_two_pages_and_days_are_beijings(stage: Stage) -> None:
    first = stage.clock.now() - timedelta(hours=9)  # midnight in Beijing
    for number in range(150):
        at = first + timedelta(minutes=number)
        stage.world.publish("wordpress", "league", remote_id=str(900 + number), title="&", text="", at=at)
    stage.world.publish(
        "wordpress", "league", remote_id="1", title="", text="", at=first - timedelta(seconds=1)
    )
    found = list(connector.articles(stage.access, date(2026, 3, 2), date(2026, 3, 2)))
    assert [article.remote_id for article in found] == [str(900 + number) for number in range(150)]
    assert {article.title for article in found} == {"&"}
    assert stage.calls("GET /wordpress/wp-json/wp/v2/posts") == 2


def test_the_number_of_posts_is_of_today_only(stage: Stage) -> None:
    connector.publish(stage.access, POST)
    figures = connector.account_day(stage.access, date(2026, 3, 2))
    assert figures is not None and figures.values == {"posts_total": 1}
    assert connector.account_day(stage.access, date(2026, 3, 1)) is None
