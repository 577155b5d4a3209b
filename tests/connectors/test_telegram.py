"""The Telegram connector against its double: a channel that tells nothing afterwards."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from platform_stage import PlatformStage

from config import ManualClock
from connectors import (
    ConnectorError,
    Media,
    NeedsPerson,
    Outgoing,
    Reconcile,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
)
from connectors._telegram_posts import utf16_units
from connectors.telegram import connector
from sandbox.platforms.telegram import example
from sandbox.world import Fault

POST = Outgoing("k-1", 1, "", "五四活动 https://www.example.org/a/1")
DAY = date(2026, 3, 2)


class Stage(PlatformStage):
    """One channel at the double. It is 2 March 2026, 09:00."""

    connector, example = connector, staticmethod(example)

    def error(self, *answer: object) -> ConnectorError:
        """What publishing raises while the platform always answers so."""
        self.account.switches["answer"] = {"sendMessage": answer}
        with pytest.raises(ConnectorError) as caught:
            connector.publish(self.access, POST)
        return caught.value


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def pictures(folder: Path, count: int, size: int = 70) -> tuple[Media, ...]:
    path = folder / "cover.png"
    path.write_bytes(b"\x89PNG" + b"0" * (size - 4))
    digest = sha256(path.read_bytes()).hexdigest()
    return tuple(Media(path, digest, "image/png", f"封面{number}.png") for number in range(count))


# Posts.


def test_a_message_has_its_number_and_address(stage: Stage) -> None:
    receipt = connector.publish(stage.access, POST)
    (item,) = stage.world.published
    assert (receipt.remote_id, receipt.url) == ("812", "https://t.me/league_channel/812")
    assert (item.text, item.extra["silent"]) == (POST.text, False)
    assert receipt.detail == {"messages": "812"}


def test_a_private_channel_has_no_address(stage: Stage) -> None:
    stage.account.switches["private"] = True
    assert connector.publish(stage.access, POST).url == ""


@pytest.mark.parametrize(("count", "messages"), [(1, "812"), (2, "812,813"), (10, None)])
def test_pictures_go_with_the_text_as_caption(
    stage: Stage, tmp_path: Path, count: int, messages: str | None
) -> None:
    post = replace(POST, media=pictures(tmp_path, count), options={"silent": "yes"})
    receipt = connector.publish(stage.access, post)
    (item,) = stage.world.published
    assert (item.text, item.extra["pictures"], item.extra["silent"]) == (POST.text, count, True)
    assert receipt.remote_id == item.remote_id
    assert messages in (None, receipt.detail["messages"])
    assert len(receipt.detail["messages"].split(",")) == count


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "html_after", "status_after", "status"])
def test_a_lost_answer_is_left_to_a_person(stage: Stage, kind: str) -> None:
    stage.world.set_faults(Fault(kind, times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)
    assert connector.reconcile is Reconcile.NONE
    assert "find" not in connector.capabilities
    with pytest.raises(Uncertain):
        connector.find(stage.access, POST, stage.clock.now())


def test_a_group_that_moved_is_posted_to_at_its_new_number(stage: Stage) -> None:
    stage.account.switches["moved_to"] = -1009999999999
    with pytest.raises(Throttled) as raised:
        connector.publish(stage.access, POST)
    assert raised.value.until == stage.clock.now()
    connector.publish(stage.access, POST)
    assert len(stage.world.published) == 1


def test_the_21st_message_of_a_minute_waits(stage: Stage) -> None:
    for number in range(20):
        connector.publish(stage.access, replace(POST, key=f"k-{number}"))
    stage.move(seconds=18)
    with pytest.raises(Throttled) as raised:
        connector.publish(stage.access, POST)
    assert raised.value.until == stage.clock.now() + timedelta(seconds=42)
    stage.move(seconds=42)
    connector.publish(stage.access, POST)


# Length.


@given(st.text())
def test_length_is_in_utf_16_units(text: str) -> None:
    assert utf16_units(text) == len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("text", "expected"), [("", 0), ("青年", 2), ("👍", 2), ("👨‍👩‍👧", 8), ("e\u0301", 2)]
)
def test_what_lies_beyond_the_basic_plane_counts_two(text: str, expected: int) -> None:
    assert utf16_units(text) == expected


@pytest.mark.parametrize(
    ("text", "count", "fine"),
    [
        ("a" * 1025, 0, True),
        ("a" * 1024, 1, True),
        ("a" * 1025, 1, False),
        ("👍" * 512, 1, True),
        ("👍" * 513, 1, False),
        ("", 1, True),
        (" ", 0, False),
    ],
)
def test_a_caption_is_shorter_than_a_message(tmp_path: Path, text: str, count: int, fine: bool) -> None:
    post = replace(POST, text=text, media=pictures(tmp_path, count))
    assert (connector.problems(post) == ()) is fine


def test_an_option_that_means_nothing_is_told() -> None:
    assert connector.problems(replace(POST, options={"silent": "maybe"})) != ()


@pytest.mark.parametrize(("text", "fits"), [("👍" * 2048, True), ("👍" * 2048 + "a", False)])
def test_the_platform_counts_as_we_do(stage: Stage, text: str, fits: bool) -> None:
    limit = connector.limits.text_length
    assert (limit is not None and connector.limits.count_text(text) <= limit) is fits
    if fits:
        connector.publish(stage.access, replace(POST, text=text))
    else:
        with pytest.raises(Refused):
            connector.publish(stage.access, replace(POST, text=text))


# Errors: every row of the sheet.


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, Refused),
        (401, NeedsPerson),
        (403, NeedsPerson),
        (404, NeedsPerson),
        (409, NeedsPerson),
        (429, Throttled),
        (500, Uncertain),
        (502, Uncertain),
    ],
)
def test_every_code_of_the_sheet_whatever_its_words(stage: Stage, code: int, expected: type) -> None:
    error = stage.error(code, "任意文字")
    assert type(error) is expected
    assert (error.platform_code, error.platform_text) == (str(code), "任意文字")
    assert (connector.explain(str(code)) is None) == (code in (429, 500, 502))
    assert stage.world.published == []


@pytest.mark.parametrize(
    ("parameters", "seconds"),
    [
        ({"retry_after": 7}, 7),
        ({"retry_after": 0}, 0),
        ({"retry_after": 10**9}, 86_400),
        ({}, 60),
        ({"retry_after": True}, 60),
        ({"retry_after": -1}, 60),
        ({"retry_after": "7"}, 60),
    ],
)
def test_a_limit_ends_when_the_platform_says(
    stage: Stage, parameters: dict[str, object], seconds: int
) -> None:
    error = stage.error(429, "Too Many Requests", parameters)
    assert isinstance(error, Throttled)
    assert error.until == stage.clock.now() + timedelta(seconds=seconds)


def test_no_error_shows_the_token_that_is_in_the_address(stage: Stage) -> None:
    token = stage.access.credentials["token"]
    for code in (400, 401, 403, 429, 500):
        error = stage.error(code, f"no such address /bot{token}/sendMessage")
        assert token not in f"{error} {error!r} {error.__dict__}"
        assert "no such address" in error.platform_text


# The check and the figures.


def test_a_sound_account_may_post(stage: Stage) -> None:
    assert [finding.fine for finding in connector.check(stage.access)] == [True, True]


def test_a_bot_that_may_not_post_is_told_with_a_remedy(stage: Stage) -> None:
    stage.account.switches["may_post"] = False
    token, posts = connector.check(stage.access)
    assert (token.fine, posts.fine) == (True, False)
    assert posts.remedy is not None
    with pytest.raises(NeedsPerson):
        connector.publish(stage.access, POST)


@pytest.mark.parametrize("token", ["1234567:AAanother_token_of_another_bot", "malformed"])
def test_a_wrong_token_needs_a_person(stage: Stage, token: str) -> None:
    access = replace(stage.access, credentials={**stage.access.credentials, "token": token})
    with pytest.raises(NeedsPerson):
        connector.check(access)


def test_subscribers_are_told_for_today_only(stage: Stage) -> None:
    figures = connector.account_day(stage.access, DAY)
    assert figures is not None
    assert (figures.values["followers_total"] or 0) > 0
    assert connector.account_day(stage.access, DAY - timedelta(days=1)) is None


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def answered(mocked: responses.RequestsMock, stage: Stage, method: str, result: object) -> None:
    url = f"{stage.access.api_base}/bot{stage.access.credentials['token']}/{method}"
    mocked.post(url, body=json.dumps({"ok": True, "result": result}))


@pytest.mark.parametrize("result", [None, True, {}, {"message_id": None}, [{"message_id": 1}]])
def test_an_answer_without_a_message_is_no_receipt(stage: Stage, mocked: Any, result: object) -> None:
    answered(mocked, stage, "sendMessage", result)
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)


@pytest.mark.parametrize("name", [7, "a b", "../x", "频道", ""])
def test_an_address_is_made_of_a_channels_name_only(stage: Stage, mocked: Any, name: object) -> None:
    answered(mocked, stage, "sendMessage", {"message_id": 5, "chat": {"username": name}})
    assert connector.publish(stage.access, POST).url == ""


@pytest.mark.parametrize("result", [None, True, -1, "12", {}])
def test_a_count_that_is_none_is_a_gap(stage: Stage, mocked: Any, result: object) -> None:
    answered(mocked, stage, "getChatMemberCount", result)
    with pytest.raises(Unreachable):
        connector.account_day(stage.access, DAY)
