"""Kuaishou: fragments to a host that the answer names, pending videos, counts, every error."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from platform_stage import PlatformStage
from videos import POST, picture, video_post

from config import ManualClock
from connectors import ConnectorError, NeedsPerson, Outgoing, ReceiptState, Refused, Uncertain, Unreachable
from connectors._kuaishou_calls import RULES
from connectors.kuaishou import connector
from sandbox.platforms.kuaishou import example
from sandbox.world import Fault

PUBLISH = "/openapi/photo/publish"


class Stage(PlatformStage):
    """One account at the double."""

    connector, example = connector, staticmethod(example)

    def error(self, post: Outgoing, path: str, code: int) -> ConnectorError:
        self.account.switches["error_code"] = {path: code}
        with pytest.raises(ConnectorError) as caught:
            connector.publish(self.access, post)
        self.account.switches["error_code"] = {}
        return caught.value


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


@pytest.fixture
def post(tmp_path: Path) -> Outgoing:
    made = video_post(tmp_path)
    return replace(made, media=(*made.media, picture(tmp_path)))


def test_a_long_video_goes_in_fragments_from_0(
    stage: Stage, post: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors._kuaishou_videos.PART_BYTES", 65_536)
    connector.publish(stage.access, post)
    (item,) = stage.world.published
    assert (item.extra["sha256"], item.text) == (post.media[0].sha256, f"{POST.title}\n{POST.text}")
    assert stage.world.calls["POST /kuaishou/api/upload/fragment"] == 5
    assert "POST /kuaishou/api/upload" not in stage.world.calls


@pytest.mark.parametrize(
    "endpoint",
    [
        "evil.example.org",
        "upload.kuaishouzt.com.evil.example",
        "upload.kuaishouzt.com/x",
        "a@kuaishouzt.com",
        "127.0.0.1:1",
    ],
)
def test_a_strange_upload_host_gets_nothing(stage: Stage, post: Outgoing, endpoint: str) -> None:
    stage.account.switches["endpoint"] = endpoint
    with pytest.raises(NeedsPerson) as caught:
        connector.publish(stage.access, post)
    assert caught.value.platform_code == "endpoint"
    assert not [name for name in stage.world.calls if "/api/upload" in name]


def test_the_platform_s_own_upload_host_is_taken(stage: Stage, post: Outgoing) -> None:
    stage.account.switches["endpoint"] = "upload.kuaishouzt.com"
    with pytest.raises(Unreachable):  # no name is looked up in tests
        connector.publish(stage.access, post)


def test_the_token_is_renewed_at_first_use_and_before_it_dies(stage: Stage) -> None:
    today = stage.clock.now().date()
    for _ in range(2):
        connector.account_day(stage.access, today)
    assert stage.account.state["renewals"] == 1
    stage.move(hours=47, minutes=30)
    assert connector.account_day(stage.access, stage.clock.now().date()) is not None
    assert stage.account.state["renewals"] == 2


def test_a_renewal_whose_answer_was_lost_asks_for_a_new_sign_in(stage: Stage, post: Outgoing) -> None:
    stage.world.set_faults(Fault("cut_after", path="/oauth2/", times=1))
    with pytest.raises(Unreachable):
        connector.publish(stage.access, post)
    with pytest.raises(NeedsPerson) as caught:
        connector.publish(stage.access, post)
    assert caught.value.account_wide and caught.value.remedy is not None
    assert stage.world.published == []


def test_just_published_means_not_visible_yet_for_ten_minutes(stage: Stage, post: Outgoing) -> None:
    stage.account.switches["hidden_seconds"] = 3600
    receipt = connector.publish(stage.access, post)
    stage.move(minutes=9)
    assert connector.settle(stage.access, receipt) == receipt
    stage.move(minutes=2)
    with pytest.raises(Refused):
        connector.settle(stage.access, receipt)


@pytest.mark.parametrize("seconds", [False, True], ids=["milliseconds", "seconds"])
def test_ours_is_found_whatever_its_time_counts(stage: Stage, post: Outgoing, seconds: bool) -> None:
    stage.account.switches["seconds_not_ms"] = seconds
    since = stage.clock.now()
    receipt = connector.publish(stage.access, post)
    found = connector.find(stage.access, post, since)
    assert found is not None and (found.state, found.remote_id) == (ReceiptState.ACCEPTED, receipt.remote_id)
    stage.move(minutes=5)
    found = connector.find(stage.access, post, since)
    assert found is not None and found.state is ReceiptState.PUBLISHED
    for other, then in ((replace(post, key="d-2"), since), (post, since + timedelta(minutes=4))):
        with pytest.raises(Uncertain):
            connector.find(stage.access, other, then)


def test_a_video_needs_exactly_one_cover(stage: Stage, post: Outgoing, tmp_path: Path) -> None:
    bare, double = post.media[:1], (*post.media, picture(tmp_path, "2.png"))
    for media in (bare, double):
        assert len(connector.problems(replace(post, media=media))) == 1
    with pytest.raises(Refused):
        connector.publish(stage.access, replace(post, media=bare))
    assert len(connector.problems(replace(post, text="字" * 1000))) == 1


def test_counts_come_and_a_pending_video_has_none(stage: Stage, post: Outgoing) -> None:
    connector.publish(stage.access, post)
    today = stage.clock.now().date()
    (pending,) = connector.articles(stage.access, today, today)
    assert pending.figures == ()
    stage.move(days=2)
    (article,) = connector.articles(stage.access, today, today)
    assert set(article.figures[0].values) == {"play_events", "like", "comment"}
    assert article.published_at.replace(microsecond=0) == datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_the_list_is_paged_to_its_end(stage: Stage) -> None:
    for number in range(45):
        stage.world.publish("kuaishou", "league", remote_id=f"3xq{number:04}", title="", text="")
    today = stage.clock.now().date()
    assert len(list(connector.articles(stage.access, today, today))) == 45
    assert stage.world.calls["GET /kuaishou/openapi/photo/list"] == 3


# Every row of the error table (sheet section 4).


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (120001, Refused),
        (100120001, Refused),
        (120002, Refused),
        (120003, NeedsPerson),
        (100400, Refused),
        (1001, NeedsPerson),
    ],
)
def test_every_result_asks_what_the_sheet_says(
    stage: Stage, post: Outgoing, code: int, kind: type[ConnectorError]
) -> None:
    error = stage.error(post, PUBLISH, code)
    assert type(error) is kind and error.platform_code == str(code)
    assert error.remedy == connector.explain(str(code)) is not None
    assert stage.account.credentials["app_secret"] not in str(error)


def test_the_table_has_every_row_and_another_result_needs_a_person(stage: Stage, post: Outgoing) -> None:
    assert sorted(RULES) == sorted(["120001", "100120001", "120002", "120003", "100400", "1001"])
    error = stage.error(post, PUBLISH, 99)
    assert isinstance(error, NeedsPerson) and not error.account_wide and error.platform_text
