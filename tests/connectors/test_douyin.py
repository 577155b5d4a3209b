"""Douyin: a person confirms a link and the webhook tells of it; by the server where the right is there."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from access import make_access
from videos import picture, picture_post, video_post

from config import ManualClock
from connectors import (
    Access,
    CallbackRefused,
    CallbackRequest,
    NeedsPerson,
    Outgoing,
    Receipt,
    ReceiptState,
    Refused,
    Throttled,
    Unauthorised,
    Uncertain,
)
from connectors.douyin import connector
from sandbox.platforms.douyin import example, press, signed, video_example, webhooks
from sandbox.world import SandboxAccount, World

CREATE = "/api/douyin/v1/video/create_video/"


class Stage:
    def __init__(self, world: World, clock: ManualClock, url: str, account: SandboxAccount) -> None:
        self.world, self.clock, self.account, self._url = world, clock, account, url
        account.posts_per_week = 0
        account.switches["confirm_seconds"] = None

    @property
    def access(self) -> Access:
        return self._access

    def open(self, **credentials: str) -> None:
        given = {**self.account.credentials, **credentials}
        self._access = make_access(
            "douyin", "league", credentials=given, api_base=self._url, now=self.clock.now
        )

    def move(self, **step: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(**step))
        self.world.move_to(self.clock.now())

    def hear(self) -> Iterator[Any]:
        for headers, body in webhooks(self.account):
            yield connector.callback(self.access, CallbackRequest("POST", {}, body, headers))

    def told(self, **event: Any) -> Any:
        """The answer to an event of the app."""
        given = {"client_key": self.account.credentials["client_key"], **event}
        headers, body = signed(self.account, given)
        return connector.callback(self.access, CallbackRequest("POST", {}, body, headers))


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    made = Stage(sandbox.world, clock, f"{sandbox.url}/douyin", example(sandbox.world, "league"))
    made.open()
    return made


@pytest.fixture
def server(sandbox: Any, clock: ManualClock) -> Stage:
    made = Stage(sandbox.world, clock, f"{sandbox.url}/douyin", video_example(sandbox.world, "league"))
    made.open()
    return made


# By a person's phone.


def test_a_link_holds_media_words_and_share_and_makes_nothing_by_itself(stage: Stage, tmp_path: Path) -> None:
    post = video_post(tmp_path)
    receipt = connector.publish(stage.access, post)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(receipt.detail["link"]).query).items()}
    assert receipt.state is ReceiptState.ACCEPTED and receipt.note is not None
    assert asked["state"] == receipt.remote_id
    assert asked["video_path"] == f"https://media.example.org/m/{post.media[0].sha256}.mp4"
    assert asked["title"] == "校园志愿服务周\n十二所高校同日启动"
    assert stage.world.published == []
    assert connector.settle(stage.access, receipt) == receipt


@pytest.mark.parametrize(
    "ways", [(), ("twice",), ("text",), ("no_video_id",)], ids=["plain", "twice", "text", "no_video_id"]
)
def test_the_webhook_tells_of_the_share_and_settling_ends_it(
    stage: Stage, tmp_path: Path, ways: tuple[str, ...]
) -> None:
    stage.account.switches["webhook"] = ways
    receipt = connector.publish(stage.access, picture_post(tmp_path))
    item = press(stage.world, stage.account, receipt.detail["link"])
    heard = list(stage.hear())
    assert {answer.remote_id for answer in heard} == {receipt.remote_id}
    assert len({answer.key for answer in heard}) == 1
    asked = sum(stage.world.calls.values())
    settled = connector.settle(stage.access, receipt)
    assert sum(stage.world.calls.values()) == asked  # the webhook was enough
    assert (settled.state, settled.remote_id) == (ReceiptState.PUBLISHED, item.remote_id)
    url = "" if "no_video_id" in ways else f"https://www.douyin.com/video/{item.extra['video_id']}"
    assert settled.url == url and bool(settled.note) is not bool(url)


def test_without_a_webhook_the_share_is_asked_for(stage: Stage, tmp_path: Path) -> None:
    receipt = connector.publish(stage.access, video_post(tmp_path))
    press(stage.world, stage.account, receipt.detail["link"])
    assert connector.settle(stage.access, receipt).state is ReceiptState.PUBLISHED


def test_a_link_that_nobody_opened_waits_for_a_person_after_its_life(stage: Stage, tmp_path: Path) -> None:
    receipt = connector.publish(stage.access, video_post(tmp_path))
    stage.move(minutes=119)
    assert connector.settle(stage.access, receipt).state is ReceiptState.ACCEPTED
    stage.move(minutes=2)
    waits = connector.settle(stage.access, receipt)
    assert waits.state is ReceiptState.HANDED_OVER and waits.note is not None
    with pytest.raises(ValueError, match="ended"):
        press(stage.world, stage.account, receipt.detail["link"])


def test_a_repeat_makes_another_link_of_the_same_share(stage: Stage, tmp_path: Path) -> None:
    post = video_post(tmp_path)
    first, second = connector.publish(stage.access, post), connector.publish(stage.access, post)
    assert first.remote_id == second.remote_id
    with pytest.raises(Uncertain):
        connector.find(stage.access, post, stage.clock.now())
    assert connector.find(stage.access, replace(post, key="other"), stage.clock.now()) is None


def test_sharing_needs_an_address_for_media(stage: Stage, tmp_path: Path) -> None:
    stage.open(media_base="")
    with pytest.raises(NeedsPerson):
        connector.publish(stage.access, video_post(tmp_path))
    assert [finding.fine for finding in connector.check(stage.access)] == [True, False]


# The webhook.


@pytest.mark.parametrize("challenge", [90817, "90817"])
def test_a_challenge_comes_back_as_it_came(stage: Stage, challenge: object) -> None:
    answer = stage.told(event="verify_webhook", content={"challenge": challenge})
    assert json.loads(answer.body) == {"challenge": challenge}
    assert answer.remote_id == ""


@pytest.mark.parametrize("spoil", ["forged", "body", "key", "json", "none"])
def test_what_is_not_the_platform_s_is_refused(stage: Stage, tmp_path: Path, spoil: str) -> None:
    if spoil == "forged":
        stage.account.switches["webhook"] = ("forged",)
    receipt = connector.publish(stage.access, video_post(tmp_path))
    press(stage.world, stage.account, receipt.detail["link"])
    ((headers, body),) = webhooks(stage.account)
    if spoil == "body":
        body = body.replace(b"create_video", b"create_audio")
    elif spoil == "key":
        headers, body = signed(stage.account, {"event": "create_video", "client_key": "another"})
    elif spoil == "json":
        headers, body = signed(
            stage.account, {"client_key": stage.account.credentials["client_key"], "content": "{"}
        )
    elif spoil == "none":
        headers = {}
    with pytest.raises(CallbackRefused):
        connector.callback(stage.access, CallbackRequest("POST", {}, body, headers))


def test_another_account_s_event_settles_nothing(stage: Stage) -> None:
    content = {"share_id": "7345000000000000001", "item_id": "@x"}
    answer = stage.told(event="create_video", from_user_id="somebody", content=content)
    assert answer.remote_id == ""


def test_a_withdrawal_stops_the_account_until_new_tokens_come(server: Stage, tmp_path: Path) -> None:
    server.told(event="unauthorize", from_user_id=server.account.credentials["open_id"], content={})
    with pytest.raises(NeedsPerson) as caught:
        connector.publish(server.access, video_post(tmp_path))
    assert caught.value.account_wide and server.world.published == []


# Tokens.


def test_the_renewing_token_is_prolonged_before_it_ends_and_as_often_as_allowed(server: Stage) -> None:
    server.account.switches["prolongs"] = 1
    today = server.clock.now().date()
    for days, prolonged in ((1, None), (15, 1), (14, 1), (10, 2)):
        list(connector.articles(server.access, today, today))
        server.move(days=days)
        connector.refresh(server.access)
        assert server.account.state.get("prolonged") == prolonged
    list(connector.articles(server.access, today, today))  # the old one is used to its end
    server.move(days=10)
    with pytest.raises(NeedsPerson) as caught:
        connector.refresh(server.access)
    assert caught.value.platform_code == "10010" and caught.value.account_wide


def test_scopes_of_a_business_get_a_token_of_their_own(server: Stage, tmp_path: Path) -> None:
    server.account.switches["biz"] = True
    today = server.clock.now().date()
    with pytest.raises(Unauthorised):
        list(connector.articles(server.access, today, today))
    server.open(biz_scopes="video.list.bind,video.create.bind")
    connector.publish(server.access, video_post(tmp_path))
    assert len(list(connector.articles(server.access, today, today))) == 1
    assert server.account.state["biz_tokens"] == 1
    server.account.state["biz_token"] = "revoked"
    with pytest.raises(Unauthorised):
        list(connector.articles(server.access, today, today))
    connector.refresh(server.access)
    assert len(list(connector.articles(server.access, today, today))) == 1


# By the server.


def test_a_long_video_goes_in_parts(server: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors._douyin_server.PART_BYTES", 65_536)
    post = video_post(tmp_path)
    connector.publish(server.access, post)
    (item,) = server.world.published
    assert item.extra["sha256"] == post.media[0].sha256
    assert server.world.calls["POST /douyin/api/douyin/v1/video/upload_video_part/"] == 5


def test_pictures_become_a_picture_post(server: Stage, tmp_path: Path) -> None:
    connector.publish(server.access, picture_post(tmp_path, 3))
    (item,) = server.world.published
    assert item.extra["images"] == ["img0", "img1", "img2"]


def test_a_spoilt_upload_is_made_anew_once(server: Stage, tmp_path: Path) -> None:
    server.account.switches["spoils"] = 1
    connector.publish(server.access, video_post(tmp_path))
    assert len(server.world.published) == 1
    server.account.switches["spoils"] = 2
    with pytest.raises(Refused):
        connector.publish(server.access, video_post(tmp_path))


def test_the_day_s_ceiling_waits_for_midnight_in_beijing(server: Stage, tmp_path: Path) -> None:
    server.account.switches["daily_posts"] = 0
    with pytest.raises(Throttled) as caught:
        connector.publish(server.access, video_post(tmp_path))
    assert caught.value.until == server.world.beijing_midnight()


@pytest.mark.parametrize(("status", "note"), [(1, False), (5, False), (6, True), (7, True)])
def test_a_reviewed_item_is_published(server: Stage, tmp_path: Path, status: int, note: bool) -> None:
    server.account.switches["status"] = status
    receipt = connector.publish(server.access, video_post(tmp_path))
    assert connector.settle(server.access, receipt) == receipt  # still under review
    server.move(minutes=2)
    settled = connector.settle(server.access, receipt)
    assert settled.state is ReceiptState.PUBLISHED and (settled.note is not None) is note


def test_an_item_unfit_for_the_public_needs_a_person(server: Stage, tmp_path: Path) -> None:
    server.account.switches["unfit"] = True
    receipt = connector.publish(server.access, video_post(tmp_path))
    server.move(minutes=2)
    with pytest.raises(NeedsPerson) as caught:
        connector.settle(server.access, receipt)
    assert not caught.value.account_wide
    gone = replace(receipt, remote_id="@gone")
    with pytest.raises(NeedsPerson):
        connector.settle(server.access, gone)


def test_the_same_words_of_another_delivery_are_not_ours(server: Stage, tmp_path: Path) -> None:
    since, post = server.clock.now(), video_post(tmp_path)
    receipt = connector.publish(server.access, post)
    found = connector.find(server.access, post, since)
    assert found is not None and found.remote_id == receipt.remote_id
    with pytest.raises(Uncertain):
        connector.find(server.access, replace(post, key="d-2"), since)
    with pytest.raises(Uncertain):
        connector.find(server.access, post, since + timedelta(minutes=5))


@pytest.mark.parametrize(
    "change",
    [{"media": ()}, {"text": "字" * 1001}, {"options": {"cover_second": "x"}}],
    ids=["nothing", "long", "second"],
)
def test_what_the_platform_would_refuse_is_told_before(tmp_path: Path, change: dict[str, Any]) -> None:
    post = video_post(tmp_path)
    assert connector.problems(post) == ()
    assert len(connector.problems(replace(post, **change))) == 1
    assert connector.problems(replace(post, media=(*post.media, picture(tmp_path))))


# What comes back.


def test_items_come_with_their_counts_and_old_ones_without_play_time(server: Stage, tmp_path: Path) -> None:
    connector.publish(server.access, video_post(tmp_path))
    server.move(days=10)
    connector.publish(server.access, picture_post(tmp_path))
    server.move(days=25)
    today = server.clock.now().date()
    newer, older = connector.articles(server.access, today - timedelta(days=60), today)
    assert set(newer.figures[0].values) == {
        metric.name for metric in connector.metrics if metric.level == "article"
    }
    assert str(newer.figures[0].values["avg_time_s"]) == "12.5"
    assert older.figures[0].values["avg_time_s"] is None
    assert older.figures[0].values["play_events"]


def test_forty_items_are_told_and_paging_ends(server: Stage) -> None:
    for number in range(45):
        server.world.publish("douyin", "league", remote_id=f"@{number}", title="", text="")
    today = server.clock.now().date()
    assert len(list(connector.articles(server.access, today, today))) == 40


def test_a_day_is_there_from_ten_and_late_fans_delay_it(stage: Stage) -> None:
    yesterday = stage.clock.now().date() - timedelta(days=1)
    assert connector.account_day(stage.access, yesterday) is None  # it is nine
    stage.move(hours=1)
    day = connector.account_day(stage.access, yesterday)
    assert day is not None and not day.delayed and None not in day.values.values()
    stage.account.switches["late_fans"] = True
    late = connector.account_day(stage.access, yesterday)
    assert late is not None and late.delayed and late.values["followers_total"] is None
    assert connector.account_day(stage.access, stage.clock.now().date()) is None
    assert connector.account_day(stage.access, yesterday - timedelta(days=40)) is None


# Every row of the error table (sheet section 6).

ASK_ACCOUNT = [10003, 10007, 10010, 10012, 10013, 10020, 2100009, 2190003, 2190016, 2114005]
ASK = [10004, 2100007, 2190004, 28001014, 28001016, 28001018, 28001019, 16, 2111001, 2113001]
PERM = [10002, 10005, 10006, 10014, 10015, 2100005, 28001007, 2190005, 2190006, 2190007, 2190015]
REFRESH = [10008, 2190002, 2190008, 28001003, 28001008]
DOUBT = [2100004, 28001005, 28001006]
TOMORROW = [2114007, 2190001, 28003017]


def forced(stage: Stage, post: Outgoing, code: int, path: str = CREATE) -> Exception:
    stage.account.switches["error_code"] = {path: code}
    with pytest.raises(Exception) as caught:
        connector.publish(stage.access, post)
    assert stage.account.credentials["client_secret"] not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("code", [*ASK_ACCOUNT, *ASK, *PERM, *REFRESH, *DOUBT, *TOMORROW])
def test_every_code_asks_what_the_sheet_says(server: Stage, tmp_path: Path, code: int) -> None:
    error = forced(server, video_post(tmp_path), code)
    kind = type(error).__name__
    expected = {
        "NeedsPerson": [*ASK_ACCOUNT, *ASK],
        "Refused": PERM,
        "Unauthorised": REFRESH,
        "Uncertain": DOUBT,
        "Throttled": TOMORROW,
    }
    assert code in expected[kind]
    if isinstance(error, NeedsPerson):
        assert error.account_wide is (code in ASK_ACCOUNT)
    assert error.platform_code == str(code) and error.remedy  # type: ignore[attr-defined]
    assert connector.explain(str(code)) is not None


@pytest.mark.parametrize("code", DOUBT)
def test_a_busy_platform_at_an_upload_is_only_tried_again(server: Stage, tmp_path: Path, code: int) -> None:
    error = forced(server, video_post(tmp_path), code, "/api/douyin/v1/video/upload_video/")
    assert type(error).__name__ == "Unreachable"


def test_an_unknown_code_needs_a_person_with_the_platform_s_words(server: Stage, tmp_path: Path) -> None:
    error = forced(server, video_post(tmp_path), 7777777)
    assert isinstance(error, NeedsPerson) and error.platform_text and not error.account_wide
    assert connector.explain("7777777") is None


def test_a_dead_app_token_is_fetched_again_by_itself(stage: Stage, tmp_path: Path) -> None:
    connector.publish(stage.access, video_post(tmp_path))
    stage.account.state["app_tokens"] = 1
    receipt: Receipt = connector.publish(stage.access, replace(video_post(tmp_path), key="d-2"))
    assert receipt.state is ReceiptState.ACCEPTED
