"""The Bluesky connector against its double: one record a post, whatever becomes of the answers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
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
    Receipt,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
    Unreachable,
)
from connectors.bluesky import connector
from sandbox.platforms.bluesky import did, example
from sandbox.world import Fault

PUT, SESSION = "com.atproto.repo.putRecord", "com.atproto.server.createSession"
FEED, PROFILE = "app.bsky.feed.getAuthorFeed", "app.bsky.actor.getProfile"
POST = Outgoing("k-1", 1, "五四", "五四活动 #青年 https://www.example.org/a/1")
DAY = date(2026, 3, 2)


class Stage(PlatformStage):
    """One account at the double. It is 2 March 2026, 09:00."""

    connector, example = connector, staticmethod(example)

    def record(self) -> dict[str, Any]:
        (item,) = self.world.published
        told: dict[str, Any] = item.extra["record"]
        return told

    def publish_as_the_house(self, post: Outgoing = POST) -> Receipt:
        try:
            return connector.publish(self.access, post)
        except Unauthorised:
            connector.refresh(self.access)
            return connector.publish(self.access, post)

    def error(self, method: str, *answer: object) -> ConnectorError:
        """What publishing raises while a method always answers so."""
        self.account.switches["answer"] = {method: answer}
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


def test_a_post_is_a_record_with_its_moment_language_facets_and_card(stage: Stage) -> None:
    receipt = connector.publish(stage.access, POST)
    record = stage.record()
    rkey = receipt.remote_id.rsplit("/", 1)[-1]
    assert receipt.remote_id == f"at://{did('league')}/app.bsky.feed.post/{rkey}"
    assert receipt.url == f"https://bsky.app/profile/league.test/post/{rkey}"
    assert receipt.detail["cid"].startswith("bafy")
    assert record["text"] == POST.text
    assert record["createdAt"] == "2026-03-02T01:00:00.000Z"
    assert record["langs"] == ["zh"]
    assert [facet["features"][0].get("tag") for facet in record["facets"]] == ["青年", None]
    card = {"uri": "https://www.example.org/a/1", "title": "五四", "description": ""}
    assert record["embed"] == {"$type": "app.bsky.embed.external", "external": card}


def test_the_key_is_chosen_before_the_first_call(stage: Stage) -> None:
    nowhere = replace(stage.access, api_base="http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        connector.publish(nowhere, POST)
    tid = stage.access.memory.get("tid-k-1")
    stage.move(hours=1)
    receipt = connector.publish(stage.access, POST)
    assert tid is not None
    assert receipt.remote_id.endswith(f"/{tid}")
    assert stage.record()["createdAt"] == "2026-03-02T01:00:00.000Z"


@pytest.mark.parametrize(
    ("kind", "there"),
    [("cut_after", True), ("html_after", True), ("status_after", True), ("cut_before", False)],
)
def test_after_a_lost_answer_the_look_up_tells_and_a_repeat_is_the_same_post(
    stage: Stage, kind: str, there: bool
) -> None:
    stage.world.set_faults(Fault(kind, path=PUT, times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)
    stage.move(minutes=10)
    found = connector.find(stage.access, POST, stage.clock.now())
    assert (found is not None) is there
    again = connector.publish(stage.access, POST)
    assert found in (None, again)
    assert len(stage.world.published) == 1


def test_a_post_never_sent_is_absent_without_asking(stage: Stage) -> None:
    assert connector.find(stage.access, POST, stage.clock.now()) is None
    assert stage.world.calls == {}


def test_other_content_under_the_key_is_for_a_person(stage: Stage) -> None:
    connector.publish(stage.access, POST)
    with pytest.raises(NeedsPerson) as raised:
        connector.publish(stage.access, replace(POST, text="别的内容"))
    assert raised.value.platform_code == "InvalidSwap"
    assert not raised.value.account_wide
    assert stage.record()["text"] == POST.text


def test_pictures_go_with_their_description(stage: Stage, tmp_path: Path) -> None:
    post = replace(POST, media=(picture(tmp_path), picture(tmp_path)))
    first = connector.publish(stage.access, post)
    assert connector.publish(stage.access, post) == first
    images = stage.record()["embed"]["images"]
    assert [image["alt"] for image in images] == ["合影", "合影"]
    assert {(image["image"]["mimeType"], image["image"]["size"]) for image in images} == {("image/png", 70)}


@pytest.mark.parametrize(("size", "code"), [(5_242_881, "PayloadTooLarge"), (2_000_001, "BlobTooLarge")])
def test_too_large_a_picture_is_refused(stage: Stage, tmp_path: Path, size: int, code: str) -> None:
    with pytest.raises(Refused) as raised:
        connector.publish(stage.access, replace(POST, media=(picture(tmp_path, size),)))
    assert raised.value.platform_code == code
    assert connector.explain(code) is not None


def test_a_lost_upload_is_no_doubt(stage: Stage, tmp_path: Path) -> None:
    stage.world.set_faults(Fault("html_after", path="uploadBlob", times=1))
    with pytest.raises(Unreachable):
        connector.publish(stage.access, replace(POST, media=(picture(tmp_path),)))
    assert stage.world.published == []


def test_a_mention_is_resolved_once_and_kept(stage: Stage) -> None:
    stage.account.switches["did_of"] = {"friend.example.org": "did:plc:friend"}
    post = replace(POST, text="你好 @friend.example.org @nobody.example.org")
    receipt = connector.publish(stage.access, post)
    (facet,) = stage.record()["facets"]
    assert facet["features"][0]["did"] == "did:plc:friend"
    stage.account.switches["did_of"] = {"friend.example.org": "did:plc:other"}
    assert connector.publish(stage.access, post) == receipt


@pytest.mark.parametrize(
    ("post", "fine"),
    [
        (POST, True),
        (replace(POST, text=" "), False),
        (replace(POST, options={"language": "mn"}), True),
        (replace(POST, options={"language": "中文"}), False),
    ],
)
def test_what_would_be_refused_is_seen_before(post: Outgoing, fine: bool) -> None:
    assert (connector.problems(post) == ()) is fine


# The session.


def test_one_sign_in_serves_many_calls_and_is_renewed_without_the_password(stage: Stage) -> None:
    for number in range(5):
        connector.publish(stage.access, replace(POST, key=f"k-{number}"))
        stage.move(minutes=60)
    assert stage.calls(SESSION) == 1
    assert stage.calls("com.atproto.server.refreshSession") == 2


def test_a_token_that_the_server_forgot_is_had_anew_once(stage: Stage) -> None:
    connector.publish(stage.access, POST)
    stage.account.state["tokens"].clear()
    with pytest.raises(Unauthorised) as raised:
        connector.publish(stage.access, replace(POST, key="k-2"))
    assert raised.value.platform_code == "InvalidToken"
    stage.publish_as_the_house(replace(POST, key="k-2"))
    assert len(stage.world.published) == 2
    assert stage.calls(SESSION) == 2


def test_a_wrong_password_needs_a_person(stage: Stage) -> None:
    wrong = {**stage.access.credentials, "app_password": "aaaa-bbbb-cccc-dddd"}
    with pytest.raises(NeedsPerson) as raised:
        connector.check(replace(stage.access, credentials=wrong))
    assert raised.value.platform_code == "AuthenticationRequired"
    assert raised.value.remedy is not None


def test_too_many_sign_ins_wait_as_long_as_the_server_says(stage: Stage) -> None:
    for _ in range(30):
        stage.access.memory.forget("session")
        connector.check(stage.access)
    stage.access.memory.forget("session")
    with pytest.raises(Throttled) as raised:
        connector.check(stage.access)
    assert raised.value.until == stage.clock.now() + timedelta(minutes=5)


def test_a_deactivated_account_is_told(stage: Stage) -> None:
    stage.account.switches["active"] = False
    assert [finding.fine for finding in connector.check(stage.access)] == [True, False]


# Errors: every row of the sheet's reaction table.


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (400, "InvalidSwap", NeedsPerson),
        (400, "InvalidRequest", Refused),
        (400, "ExpiredToken", Unauthorised),
        (400, "InvalidToken", Unauthorised),
        (401, "AuthMissing", Unauthorised),
        (401, "AuthenticationRequired", Unauthorised),
        (403, "Forbidden", NeedsPerson),
        (400, "AccountTakedown", NeedsPerson),
        (404, "NotFound", NeedsPerson),
        (413, "PayloadTooLarge", Refused),
        (429, "RateLimitExceeded", Throttled),
        (500, "InternalServerError", Uncertain),
        (502, "UpstreamFailure", Uncertain),
        (503, "NotAvailable", Throttled),
    ],
)
def test_every_answer_of_the_table(stage: Stage, status: int, name: str, expected: type) -> None:
    error = stage.error(PUT, status, name, "told by the server")
    assert type(error) is expected
    assert (error.platform_code, error.platform_text) == (name, "told by the server")
    assert stage.world.published == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "90"}, 90),
        ({"RateLimit-Reset": str(int(datetime(2026, 3, 2, 1, 2, tzinfo=UTC).timestamp()))}, 120),
        ({"RateLimit-Reset": "1", "Retry-After": "7"}, 7),
        ({"RateLimit-Reset": "1"}, 0),
        ({"RateLimit-Reset": "99999999999"}, 86_400),
        ({"RateLimit-Reset": "soon"}, 60),
        ({}, 60),
    ],
)
def test_a_limit_ends_when_the_headers_say(stage: Stage, headers: dict[str, str], seconds: int) -> None:
    error = stage.error(PUT, 429, "RateLimitExceeded", "Rate Limit Exceeded", headers)
    assert isinstance(error, Throttled)
    assert error.until == stage.clock.now() + timedelta(seconds=seconds)


# Figures.


def test_every_post_comes_once_over_all_pages_with_its_counts(stage: Stage) -> None:
    stage.account.posts_per_week = 28
    articles = list(connector.articles(stage.access, DAY - timedelta(days=60), DAY))
    assert len(articles) > 200
    assert len({article.remote_id for article in articles}) == len(articles)
    assert stage.calls(FEED) == -(-len(articles) // 100)
    (figures,) = articles[-1].figures
    assert figures.as_of == DAY
    assert figures.values.keys() == {"like", "repost", "comment", "quote", "favourite"}
    assert (figures.values["like"] or 0) > 0


def test_a_post_of_ours_is_counted_under_its_receipts_name(stage: Stage) -> None:
    receipt = connector.publish(stage.access, POST)
    (article,) = connector.articles(stage.access, DAY, DAY)
    assert (article.remote_id, article.url) == (receipt.remote_id, receipt.url)
    assert article.published_at == stage.clock.now()


def test_followers_are_told_for_today_only(stage: Stage) -> None:
    figures = connector.account_day(stage.access, DAY)
    assert figures is not None
    assert (figures.values["followers_total"] or 0) > 0
    assert figures.values["posts_total"] == 0
    assert connector.account_day(stage.access, DAY - timedelta(days=1)) is None


@pytest.fixture
def mocked(stage: Stage) -> Iterator[responses.RequestsMock]:
    """The server, signed in to, played by `responses`."""
    connector.check(stage.access)
    with responses.RequestsMock() as mock:
        yield mock


def item(stage: Stage, number: int = 1, **post: object) -> dict[str, Any]:
    uri = f"at://{did('league')}/app.bsky.feed.post/3mabcd2efgh2{number}"
    record = {"text": "文", "createdAt": "2026-03-01T04:00:00Z"}
    return {"post": {"uri": uri, "record": record, "indexedAt": "2026-03-01T04:00:01Z", **post}}


def fed(mocked: responses.RequestsMock, stage: Stage, **told: object) -> None:
    mocked.get(f"{stage.access.api_base}/xrpc/{FEED}", json=told)


def test_what_others_did_is_no_post_of_ours_and_missing_counts_are_unknown(stage: Stage, mocked: Any) -> None:
    repost = {**item(stage, 2), "reason": {"$type": "app.bsky.feed.defs#reasonRepost"}}
    others = item(stage, 3, uri="at://did:plc:other/app.bsky.feed.post/3mabcd2efgh23")
    fed(mocked, stage, feed=[repost, others, item(stage, likeCount=0, replyCount=True)])
    (article,) = connector.articles(stage.access, DAY - timedelta(days=2), DAY)
    assert dict(article.figures[0].values) == {
        "like": 0,
        "repost": None,
        "comment": None,
        "quote": None,
        "favourite": None,
    }


def test_a_moment_in_the_future_is_not_believed(stage: Stage, mocked: Any) -> None:
    fed(mocked, stage, feed=[item(stage, record={"text": "文", "createdAt": "2030-01-01T00:00:00Z"})])
    (article,) = connector.articles(stage.access, DAY - timedelta(days=2), DAY)
    assert article.published_at == datetime(2026, 3, 1, 4, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "told", [{}, {"feed": None}, {"feed": [1]}, {"feed": [{"post": 1}]}, {"feed": [], "cursor": 7}]
)
def test_a_feed_that_cannot_be_read_is_a_gap(stage: Stage, mocked: Any, told: dict[str, object]) -> None:
    fed(mocked, stage, **told)
    with pytest.raises(Unreachable):
        list(connector.articles(stage.access, DAY - timedelta(days=2), DAY))


def test_pages_that_do_not_end_are_cut(stage: Stage, mocked: Any) -> None:
    fed(mocked, stage, feed=[], cursor="same")
    with pytest.raises(Unreachable):
        list(connector.articles(stage.access, DAY - timedelta(days=2), DAY))
    assert len(mocked.calls) == 2


def test_another_record_in_the_answer_is_no_receipt(stage: Stage, mocked: Any) -> None:
    mocked.post(f"{stage.access.api_base}/xrpc/{PUT}", json={"uri": "at://did:plc:x/y/z", "cid": "c"})
    with pytest.raises(Uncertain):
        connector.publish(stage.access, Outgoing("k-9", 1, "", "文"))
