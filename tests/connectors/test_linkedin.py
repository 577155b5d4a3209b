"""LinkedIn: one post whatever happens to an answer, read back; its errors; figures of a page."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from platform_stage import PlatformStage
from videos import picture

from config import ManualClock
from connectors import (
    ConnectorError,
    NeedsPerson,
    Outgoing,
    Receipt,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
    Unreachable,
)
from connectors._elsewhere import at_home
from connectors._linkedin_text import came_whole, escaped, length, plain, same_post
from connectors.linkedin import connector
from sandbox.platforms.linkedin import example
from sandbox.world import Fault

POST = Outgoing("k-1", 1, "五四", "五四活动 [直播] https://www.example.org/a/1")
DAY = date(2026, 3, 2)


class Stage(PlatformStage):
    """One page at the double. It is 2 March 2026, 09:00."""

    connector, example = connector, staticmethod(example)

    def publish(self, post: Outgoing = POST) -> Receipt:
        return connector.publish(self.access, post)

    def error(self, status: int, body: object) -> ConnectorError:
        self.account.switches["answer"] = {"POST /rest/posts": (status, body)}
        with pytest.raises(ConnectorError) as caught:
            self.publish()
        return caught.value


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def test_a_post_goes_out_as_asked_and_is_read_back(stage: Stage) -> None:
    receipt = stage.publish(replace(POST, options={"link": "https://www.example.org/a/1"}))
    (item,) = stage.world.published
    body = item.extra["body"]
    assert (receipt.remote_id, receipt.url, receipt.note) == (item.remote_id, item.url, None)
    assert body["author"] == f"urn:li:organization:{stage.account.credentials['organization']}"
    assert body["commentary"] == r"五四活动 \[直播\] https://www.example.org/a/1"
    assert body["content"] == {"article": {"source": "https://www.example.org/a/1", "title": "五四"}}


@pytest.mark.parametrize(("number", "kind"), [(1, "media"), (2, "multiImage")])
def test_pictures_go_with_it(stage: Stage, tmp_path: Path, number: int, kind: str) -> None:
    media = tuple(replace(picture(tmp_path, f"{at}.png"), alt="合影") for at in range(number))
    stage.publish(replace(POST, media=media))
    content = stage.world.published[0].extra["body"]["content"]
    (shown,) = content.values()
    assert content.keys() == {kind}
    assert [one["altText"] for one in (shown["images"] if kind == "multiImage" else [shown])] == [
        "合影"
    ] * number


def test_a_text_that_was_silently_cut_is_told(stage: Stage) -> None:
    stage.account.switches["cut"] = 6
    note = stage.publish().note
    assert note is not None and "截断" in note.zh


def test_a_lost_answer_at_any_call_makes_no_second_post(stage: Stage, tmp_path: Path) -> None:
    post = replace(POST, media=(picture(tmp_path),))
    stage.publish(post)
    calls = sum(stage.world.calls.values())
    assert calls == 4  # begin the upload, the picture, the post, its reading back
    for spared in range(calls):
        stage.world.reset(now=stage.clock.now())
        fresh = Stage(stage.world, stage.clock, stage.url)
        since = stage.clock.now()
        stage.world.set_faults(Fault("cut_after", after=spared, times=2))
        with pytest.raises((Unreachable, Uncertain)) as caught:
            fresh.publish(post)
        stage.world.set_faults()
        if isinstance(caught.value, Uncertain):
            found = connector.find(fresh.access, post, since)
            assert found is not None and found.remote_id == stage.world.published[0].remote_id
        else:
            assert spared < 2
            fresh.publish(post)
        assert len(stage.world.published) == 1


def test_a_post_that_a_refusal_names_is_ours(stage: Stage) -> None:
    since = stage.clock.now()
    stage.world.set_faults(Fault("cut_after", path="/rest/posts", method="POST", times=1))
    with pytest.raises(Uncertain):
        stage.publish()
    with pytest.raises(Uncertain) as caught:  # sent again by a person
        stage.publish()
    assert caught.value.platform_code == "DUPLICATE_POST"
    found = connector.find(stage.access, POST, since)
    assert found is not None and found.remote_id == stage.world.published[0].remote_id
    assert "GET /linkedin/rest/posts" not in stage.world.calls  # the list was not needed


def test_a_deleted_post_that_blocks_the_same_content_needs_a_person(stage: Stage) -> None:
    stage.publish()
    stage.account.switches["deleted"] = True
    other = replace(POST, key="k-2")
    with pytest.raises(Uncertain):
        stage.publish(other)
    with pytest.raises(Uncertain) as caught:
        connector.find(stage.access, other, stage.clock.now())
    assert caught.value.platform_code == "not-seen"
    assert len(stage.world.published) == 1


def test_an_older_post_of_the_same_words_is_not_ours(stage: Stage) -> None:
    stage.publish()
    stage.move(hours=1)
    other = replace(POST, key="k-2")
    with pytest.raises(Uncertain):
        stage.publish(other)
    with pytest.raises(Uncertain):
        connector.find(stage.access, other, stage.clock.now())


def test_a_dead_token_is_renewed_where_the_app_may(stage: Stage) -> None:
    stage.account.switches["token_ends"] = stage.clock.now()
    with pytest.raises(Unauthorised):
        stage.publish()
    connector.refresh(stage.access)
    stage.publish()
    with pytest.raises(NeedsPerson):
        connector.refresh(stage.opened(refresh_token=""))


# Errors: every row of the sheet.


def told(status: int, code: str = "") -> dict[str, object]:
    body: dict[str, object] = {"status": status, "serviceErrorCode": 100, "message": "x"}
    return body | ({"errorDetails": {"inputErrors": [{"code": code}]}} if code else {})


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (400, told(400), Refused, "400"),
        (401, told(401), Unauthorised, "401"),
        (403, told(403), NeedsPerson, "403"),
        (404, told(404), NeedsPerson, "404"),
        (422, told(422), Refused, "422"),
        (422, told(422, "TOO_LONG"), Refused, "422"),
        (422, told(422, "DUPLICATE_POST"), Uncertain, "DUPLICATE_POST"),
        (422, {"errorDetails": {"inputErrors": [1, {"code": None}]}}, Refused, "422"),
        (426, told(426), NeedsPerson, "426"),
        (429, told(429), Throttled, "429"),
        (500, [], Uncertain, "500"),
        (200, told(200), Uncertain, "200"),
        (201, {"id": "urn:li:share:1"}, Uncertain, "bad-answer"),
    ],
)
def test_every_row_of_the_table(
    stage: Stage, status: int, body: object, expected: type[ConnectorError], code: str
) -> None:
    error = stage.error(status, body)
    assert (type(error), error.platform_code) == (expected, code)
    assert stage.world.published == []


@pytest.mark.parametrize(
    ("hours", "until"), [(0, "2026-03-03T00:00:00+00:00"), (23, "2026-03-04T00:00:00+00:00")]
)
def test_a_limit_ends_at_midnight_utc_without_a_header(stage: Stage, hours: int, until: str) -> None:
    stage.move(hours=hours)
    error = stage.error(429, told(429))
    assert isinstance(error, Throttled)
    assert error.until.isoformat() == until


def test_a_version_that_is_switched_off_is_told(stage: Stage) -> None:
    with pytest.raises(NeedsPerson) as caught:
        connector.check(stage.opened(api_version="202501"))
    assert caught.value.platform_code == "426"
    assert caught.value.remedy == connector.explain("426")


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://www.linkedin.com/dms-uploads/1?x=y", True),
        ("https://linkedin.com/1", True),
        ("http://www.linkedin.com/1", False),
        ("https://linkedin.com.evil.example/1", False),
        ("https://evillinkedin.com/1", False),
        ("https://evil.example\\@linkedin.com/1", False),
        ("https://u@linkedin.com/1", False),
        ("https://linkedin.com:8443/1", False),
        ("https://linkedin.com:x/1", False),
        ("https://[::1/1", False),
        (None, False),
    ],
)
def test_pictures_and_the_token_go_to_the_platforms_own_hosts_only(
    stage: Stage, url: object, fine: bool
) -> None:
    access = replace(stage.access, api_base="")
    if fine:
        assert at_home(access, url, "linkedin.com") == url
        return
    with pytest.raises(NeedsPerson):
        at_home(access, url, "linkedin.com")


# Text.


def test_reserved_characters_are_escaped_and_come_back() -> None:
    text = r"a(b)[c]{d}<e>@f|g~h_i*j\k #标签"
    assert escaped(text) == r"a\(b\)\[c\]\{d\}\<e\>\@f\|g\~h\_i\*j\\k #标签"
    assert plain(escaped(text)) == text
    assert length(text) == len(text) + 14
    assert same_post(text, escaped(text)) and came_whole(text, escaped(text))
    assert not came_whole(text, escaped(text)[:-1])


@pytest.mark.parametrize(
    "change",
    [{"text": " "}, {"options": {"link": "http://x.cn"}}, {"title": "", "options": {"link": "https://x.cn"}}],
)
def test_what_would_be_refused_is_seen_before(change: dict[str, Any]) -> None:
    assert connector.problems(POST) == ()
    assert len(connector.problems(replace(POST, **change))) == 1


# Figures.


def test_both_kinds_of_posts_come_with_their_counts(stage: Stage) -> None:
    stage.account.posts_per_week = 14
    stage.publish()
    stage.move(hours=5)
    articles = list(connector.articles(stage.access, DAY - timedelta(days=35), DAY))
    assert len({article.remote_id for article in articles}) == len(articles) > 50
    assert {article.remote_id.split(":")[2] for article in articles} == {"share", "ugcPost"}
    values = articles[-1].figures[0].values
    assert 0 < (values["impression_people"] or 0) <= (values["impressions"] or 0)
    day = connector.account_day(stage.access, DAY)
    assert day is not None and (day.values["followers_total"] or 0) > 0
    assert connector.account_day(stage.access, DAY - timedelta(days=1)) is None


def test_a_count_that_was_taken_back_is_unknown(stage: Stage) -> None:
    stage.account.switches["taken_back"] = True
    stage.publish()
    (article,) = connector.articles(stage.access, DAY, DAY)
    values = article.figures[0].values
    assert (values["like"], values["share"], values["comment"]) == (None, None, 0)
