"""Bilibili: signed submissions, their review, the webhook, figures, and every row of the error table."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from platform_stage import PlatformStage
from videos import POST, picture, video_post

from config import ManualClock
from connectors import (
    CallbackRefused,
    CallbackRequest,
    ConnectorError,
    NeedsPerson,
    ReceiptState,
    Throttled,
    Uncertain,
)
from connectors._bilibili_errors import RULES
from connectors.bilibili import connector
from sandbox.platforms.bilibili import example, webhook_of

ADD = "/arcopen/fn/archive/add-by-utoken"
STAT = "/arcopen/fn/data/user/stat"


class Stage(PlatformStage):
    """One account at the double."""

    connector, example = connector, staticmethod(example)

    def event(self, event: dict[str, Any], age: int = 0) -> CallbackRequest:
        headers, body = webhook_of(self.account, event, int(self.clock.now().timestamp()) - age)
        return CallbackRequest("POST", {}, body, headers)

    def on_add(self, folder: Path, code: int) -> ConnectorError:
        self.account.switches["error_code"] = {ADD: code}
        with pytest.raises(ConnectorError) as caught:
            connector.publish(self.access, video_post(folder, 2_000))
        return caught.value

    def on_read(self, code: int) -> ConnectorError:
        self.account.switches["error_code"] = {STAT: code}
        with pytest.raises(ConnectorError) as caught:
            connector.account_day(self.access, self.clock.now().date())
        return caught.value


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


# Submission.


def test_a_submission_has_its_fields_its_cover_and_its_parts(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors._bilibili_submission.PART_BYTES", 65_536)
    options = {"tid": "17", "tag": " 志愿，校园,志愿 ", "copyright": "2", "source": "校报", "no_reprint": "0"}
    post = replace(video_post(tmp_path), options=options)
    post = replace(post, media=(*post.media, picture(tmp_path)))
    assert connector.problems(post) == ()
    connector.publish(stage.access, post)
    (item,) = stage.world.published
    form = item.extra["form"]
    assert form.pop("cover").startswith("https://")
    assert form == {
        "title": POST.title,
        "desc": POST.text,
        "tid": 17,
        "tag": "志愿,校园",
        "copyright": 2,
        "no_reprint": 0,
        "source": "校报",
    }
    assert item.extra["sha256"] == post.media[0].sha256
    assert stage.world.calls["POST /bilibili/video/v2/part/upload"] == 5


def test_by_itself_it_is_own_work_with_the_account_s_section_and_tags(stage: Stage, tmp_path: Path) -> None:
    connector.publish(stage.access, video_post(tmp_path, 2_000))
    form = stage.world.published[0].extra["form"]
    assert (form["tid"], form["tag"], form["copyright"], form["no_reprint"]) == (21, "青年志愿,校园", 1, 1)


def test_a_refused_video_needs_a_person_with_the_platform_s_reason(stage: Stage, tmp_path: Path) -> None:
    stage.account.switches["refused"] = "画面含二维码"
    receipt = connector.publish(stage.access, video_post(tmp_path, 2_000))
    assert connector.settle(stage.access, receipt) == receipt  # still waiting
    stage.move(minutes=2)
    with pytest.raises(NeedsPerson, match="画面含二维码") as caught:
        connector.settle(stage.access, receipt)
    assert not caught.value.account_wide


def test_ours_is_found_by_title_and_time_and_another_delivery_s_is_not(stage: Stage, tmp_path: Path) -> None:
    since, post = stage.clock.now(), video_post(tmp_path, 2_000)
    receipt = connector.publish(stage.access, post)
    assert connector.find(stage.access, post, since) == receipt
    stage.move(minutes=2)
    found = connector.find(stage.access, post, since)
    assert found is not None and found.state is ReceiptState.PUBLISHED
    for other in (replace(post, key="d-2"), replace(post, title="另一个")):
        with pytest.raises(Uncertain):
            connector.find(stage.access, other, since)


def test_a_post_without_a_video_goes_to_a_person_by_name(stage: Stage) -> None:
    receipt = connector.publish(stage.access, POST)
    assert receipt.state is ReceiptState.HANDED_OVER
    assert receipt.note is not None and "青年league" in receipt.note.zh
    assert stage.world.published == []
    assert connector.find(stage.access, replace(POST, key="other"), stage.clock.now()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"title": " "},
        {"options": {"tid": "x"}},
        {"options": {"tag": "，"}},
        {"options": {"tag": "长" * 200}},
        {"options": {"copyright": "3"}},
        {"options": {"copyright": "2"}},
        {"options": {"no_reprint": "yes"}},
    ],
)
def test_what_the_platform_would_refuse_is_told_before(tmp_path: Path, change: dict[str, Any]) -> None:
    assert len(connector.problems(replace(video_post(tmp_path, 2_000), **change))) == 1


def test_two_covers_are_too_many(tmp_path: Path) -> None:
    post = video_post(tmp_path, 2_000)
    covers = (picture(tmp_path, "1.png"), picture(tmp_path, "2.png"))
    assert len(connector.problems(replace(post, media=(*post.media, *covers)))) == 1


# The webhook.


@pytest.mark.parametrize("event", ["video_open", "video_fail"])
def test_an_ended_review_settles_its_video(stage: Stage, event: str) -> None:
    client_id = stage.account.credentials["client_id"]
    content = {"openid": "op1", "client_id": client_id, "resource_id": "BV1aB4c5D6eF", "state": 0}
    first, second = (
        connector.callback(stage.access, stage.event({"event": event, "content": content})) for _ in range(2)
    )
    assert first == second
    assert (first.remote_id, json.loads(first.body)) == ("BV1aB4c5D6eF", {"code": 0, "message": "ok"})


def test_a_verification_is_answered_with_its_data(stage: Stage) -> None:
    answer = connector.callback(
        stage.access, stage.event({"event": "verify_webhooks", "content": {"data": 7}})
    )
    assert json.loads(answer.body) == {"data": 7} and answer.remote_id == ""


def test_another_event_is_none_of_ours(stage: Stage) -> None:
    event = {"event": "publish_video", "content": {"share_id": "1", "item_id": "BV1aB4c5D6eF"}}
    assert connector.callback(stage.access, stage.event(event)).remote_id == ""


@pytest.mark.parametrize(
    "spoil", ["body", "authorization", "x-bili-content-md5", "old", "client", "json", "none"]
)
def test_what_is_not_the_platform_s_is_refused(stage: Stage, spoil: str) -> None:
    event = {"event": "video_open", "content": {"client_id": "another" if spoil == "client" else None}}
    request = stage.event(event, age=301 if spoil == "old" else 0)
    if spoil == "body":
        request = replace(request, body=request.body + b" ")
    elif spoil == "json":
        headers, body = webhook_of(stage.account, {}, int(stage.clock.now().timestamp()))
        request = CallbackRequest("POST", {}, body, {**headers, "authorization": "0"})
    elif spoil == "none":
        request = replace(request, headers={})
    elif spoil in request.headers:
        request = replace(request, headers={**request.headers, spoil: "0" * 64})
    with pytest.raises(CallbackRefused):
        connector.callback(stage.access, request)


# What comes back.


def test_counts_come_whether_numbers_or_text(stage: Stage, tmp_path: Path) -> None:
    connector.publish(stage.access, video_post(tmp_path, 2_000))
    today = stage.clock.now().date()
    (waiting,) = connector.articles(stage.access, today, today)
    assert waiting.figures == ()  # nobody can have seen it
    stage.move(days=3)
    (article,) = connector.articles(stage.access, today, today)
    (figures,) = article.figures
    assert all(isinstance(value, int) for value in figures.values.values())
    assert article.original is True and article.url.endswith(article.remote_id)


def test_pages_are_turned_to_the_first_day_and_no_further(stage: Stage) -> None:
    for number in range(45):
        stage.world.publish("bilibili", "league", remote_id=f"BV{number:010}", title=f"第{number}", text="")
        stage.move(hours=1)
    today = stage.clock.now().date()
    tomorrow = today + timedelta(days=1)
    assert len(list(connector.articles(stage.access, today - timedelta(days=3), tomorrow))) == 45
    stage.world.calls.clear()
    assert len(list(connector.articles(stage.access, today, tomorrow))) == 30
    assert stage.world.calls["GET /bilibili/arcopen/fn/archive/viewlist"] == 2


def test_fans_are_those_of_now_only(stage: Stage) -> None:
    today = stage.clock.now().date()
    day = connector.account_day(stage.access, today)
    assert day is not None and day.values["followers_total"]
    assert connector.account_day(stage.access, today - timedelta(days=1)) is None


# Every row of the error table (sheet section 6).

DOUBT = [
    *(
        -500,
        4010,
        4011,
        122009,
        122010,
        123002,
        123023,
        123039,
        123044,
        129020,
        129021,
        130004,
        130005,
        130006,
    ),
    *(131001, 141002, 141003, 141005, 123028),
]
RECONCILE = [4004, 123007, 123015, 123035, 123043, 129000, 129015]
WINDOW = [127009, 127306, 123026]
REFRESH = [122000, 122001, 122002, 122008, *range(127000, 127005), 127008, 127022, 127023]
ASK_ACCOUNT = [122007, -400]
ASK = [123001, 127005, 127006, 127007, 127010, 127011, 127304, 127305, 130001, 123006, 129022, 130007]
TOMORROW = [123029, 123036, 123037, 129009, 129012, 129018]
GONE = [123004, 123005, 123011, 123040, 123041, 129001, 130002, 141004]
PERM = [
    *(4000, 4001, 4002, 4003, 4005, 4006, 4007, 4008, 4009, 123030, 123033, 123038, 129010, 130003),
    *(123008, 123009, 123010, 123012, 123013, 123014, *range(123016, 123023), 123024),
    *(*range(123045, 123057), *range(129002, 129007), *GONE),
]
EVERY = [*DOUBT, *RECONCILE, *WINDOW, *REFRESH, *ASK_ACCOUNT, *ASK, *TOMORROW, *PERM]


def test_the_table_has_every_row_of_the_sheet_and_no_other() -> None:
    assert sorted(RULES) == sorted(map(str, EVERY))
    assert all(connector.explain(str(code)) for code in EVERY)


@pytest.mark.parametrize(
    ("codes", "adding", "reading"),
    [
        (DOUBT, "Uncertain", "Unreachable"),
        (RECONCILE, "Uncertain", "Unreachable"),
        (WINDOW, "Throttled", "Throttled"),
        (REFRESH, "Unauthorised", "Unauthorised"),
        (ASK_ACCOUNT, "NeedsPerson", "NeedsPerson"),
        (ASK, "NeedsPerson", "NeedsPerson"),
        (TOMORROW, "Throttled", "Throttled"),
        (PERM, "Refused", "Refused"),
    ],
    ids=["doubt", "reconcile", "window", "refresh", "ask_account", "ask", "tomorrow", "perm"],
)
def test_every_code_asks_what_the_sheet_says(
    stage: Stage, tmp_path: Path, codes: list[int], adding: str, reading: str
) -> None:
    for code in codes:
        told = [(stage.on_add(tmp_path, code), adding)]
        if code in codes[:2]:
            told.append((stage.on_read(code), reading))
        for error, kind in told:
            assert type(error).__name__ == kind, code
            assert error.platform_code == str(code) and error.platform_text and error.remedy
            assert stage.account.credentials["client_secret"] not in str(error)
            if isinstance(error, NeedsPerson):
                assert error.account_wide is (code in ASK_ACCOUNT)
            if isinstance(error, Throttled):
                midnight = stage.world.beijing_midnight()
                assert error.until == (
                    midnight if codes is TOMORROW else stage.clock.now() + timedelta(minutes=5)
                )


def test_an_unknown_code_needs_a_person(stage: Stage, tmp_path: Path) -> None:
    error = stage.on_add(tmp_path, 999999)
    assert isinstance(error, NeedsPerson) and not error.account_wide
    assert connector.explain("999999") is None
