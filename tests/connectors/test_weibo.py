"""Weibo's connector against its double: sending, lost answers, the day's calls, articles, the check."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from access import MemoryStore, make_access
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from config import ManualClock
from connectors import (
    Access,
    Media,
    NeedsPerson,
    Outgoing,
    ReceiptState,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
)
from connectors.weibo import connector
from sandbox.world import Fault, Published, SandboxAccount, World

TOKEN = "2.00madeUpToken_0fGhIjKlMn"
CREDENTIALS = {
    "access_token": TOKEN,
    "uid": "5500001234",
    "app_key": "1234500000",
    "safe_domain": "youth.example.org",
    "rip": "203.0.113.9",
    "article": "yes",
}
SHARE = "/2/statuses/share.json"
LINK = "https://youth.example.org/a/1?from=weibo"
PICTURES = {
    "gif": b"GIF89a" + b"\0" * 20,
    "png": b"\x89PNG\r\n\x1a\n" + b"\0" * 20,
    "jpg": b"\xff\xd8\xff\xe0",
}


class Stage:
    """One Weibo account in the world, and its access."""

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock, self.url = world, clock, url
        self.account = world.add_account(
            SandboxAccount("weibo", "binhe", dict(CREDENTIALS), {"safe_domain": "youth.example.org"})
        )
        self.memory = MemoryStore(clock.now)
        self.access = self.new_access()

    def new_access(self, **changes: str) -> Access:
        return make_access(
            "weibo",
            "binhe",
            credentials=CREDENTIALS | changes,
            api_base=f"{self.url}/weibo",
            now=self.clock.now,
            memory=self.memory,
        )

    def post(self, text: str, key: str = "d1", media: tuple[Media, ...] = ()) -> Outgoing:
        return Outgoing(key=key, seq=1, title="", text=text, media=media)

    def published(self) -> list[Published]:
        return self.world.of("weibo", "binhe")

    def calls(self) -> int:
        return sum(self.world.calls.values())

    def later(self, **delta: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(**delta))
        self.world.move_to(self.clock.now())


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def file(tmp_path: Path, content: bytes, name: str = "图片.bin") -> Media:
    path = tmp_path / name
    path.write_bytes(content)
    return Media(path, "0" * 64, "image/png", name)


# Sending


def test_a_share_is_published_once_and_remembers_where(stage: Stage) -> None:
    receipt = connector.publish(stage.access, stage.post(f"十二所高校 同日启动 100%+1 & 完 {LINK}"))
    (item,) = stage.published()
    assert receipt.state is ReceiptState.PUBLISHED
    assert (receipt.remote_id, receipt.url) == (item.remote_id, item.url)
    assert receipt.url == "https://weibo.com/5500001234/QtN280199"
    assert item.extra["sent"] == f"十二所高校 同日启动 100%+1 & 完 {LINK}"
    assert receipt.note is None


def test_ids_beyond_2_53_stay_exact(stage: Stage) -> None:
    stage.account.switches["first_id"] = 90_071_992_547_409_931
    receipt = connector.publish(stage.access, stage.post(f"大编号 {LINK}"))
    assert receipt.remote_id == "90071992547409931"


def test_numbers_and_codes_may_come_as_text(stage: Stage) -> None:
    stage.account.switches.update(numbers_as_text=1.0, error_code_as_text=True)
    first = connector.publish(stage.access, stage.post(f"文字编号 {LINK}"))
    again = connector.publish(stage.access, stage.post(f"文字编号 {LINK}"))
    assert again.remote_id == first.remote_id
    assert connector.check(stage.access)[0].fine


@responses.activate
def test_the_token_stands_in_the_header_only_and_the_ip_is_reported(clock: ManualClock) -> None:
    responses.post(
        "https://api.weibo.com/2/statuses/share.json", json={"idstr": "5271000000004411", "text": "x"}
    )
    access = make_access("weibo", "binhe", credentials=CREDENTIALS, api_base="", now=clock.now)
    connector.publish(access, Outgoing("d1", 1, "", f"空格 与+号 {LINK}"))
    request = responses.calls[0].request
    assert request.headers["Authorization"] == f"OAuth2 {TOKEN}"
    assert TOKEN not in str(request.url)
    assert parse_qs(str(request.body)) == {"status": [f"空格 与+号 {LINK}"], "rip": ["203.0.113.9"]}


@responses.activate
def test_a_token_that_the_platform_repeats_is_not_told_on(clock: ManualClock) -> None:
    echo = {"error_code": 10008, "error": f"bad value {TOKEN}"}
    responses.post("https://api.weibo.com/2/statuses/share.json", json=echo, status=400)
    access = make_access("weibo", "binhe", credentials=CREDENTIALS, api_base="", now=clock.now)
    with pytest.raises(Refused) as caught:
        connector.publish(access, Outgoing("d1", 1, "", f"回声 {LINK}"))
    assert caught.value.platform_text == "bad value ***"


@pytest.mark.parametrize("kind", PICTURES)
def test_one_picture_goes_with_the_post_whatever_its_name(stage: Stage, tmp_path: Path, kind: str) -> None:
    post = stage.post(f"有图 {LINK}", media=(file(tmp_path, PICTURES[kind]),))
    assert connector.problems(post) == ()
    connector.publish(stage.access, post)
    (item,) = stage.published()
    assert item.extra["picture"] and item.extra["sent"] == f"有图 {LINK}"


def test_a_picture_just_under_five_megabytes_is_taken_and_one_of_five_is_not(
    stage: Stage, tmp_path: Path
) -> None:
    most = 5 * 1024 * 1024
    good = stage.post(f"大图 {LINK}", media=(file(tmp_path, PICTURES["png"].ljust(most - 1, b"\0"), "a"),))
    assert connector.publish(stage.access, good).remote_id
    bad = stage.post(f"更大 {LINK}", media=(file(tmp_path, PICTURES["png"].ljust(most, b"\0"), "b"),))
    assert connector.problems(bad)
    with pytest.raises(Refused):
        connector.publish(stage.access, bad)
    assert len(stage.published()) == 1


@pytest.mark.parametrize(
    ("text", "media"),
    [
        ("没有链接", []),
        ("", []),
        (f"{'字' * 121}{LINK}", []),
        (f"假图 {LINK}", [b"<svg/>"]),
        (f"两张 {LINK}", [PICTURES["gif"], PICTURES["png"]]),
    ],
)
def test_what_problems_names_is_refused_before_any_call(
    stage: Stage, tmp_path: Path, text: str, media: list[bytes]
) -> None:
    files = tuple(file(tmp_path, content, f"p{at}") for at, content in enumerate(media))
    post = stage.post(text, media=files)
    assert connector.problems(post)
    with pytest.raises(Refused) as caught:
        connector.publish(stage.access, post)
    assert caught.value.remedy and caught.value.remedy.zh
    assert stage.calls() == 0


def test_a_picture_that_went_missing_is_a_problem(stage: Stage, tmp_path: Path) -> None:
    gone = Media(tmp_path / "gone.png", "0" * 64, "image/png", "gone.png")
    assert connector.problems(stage.post(f"图没了 {LINK}", media=(gone,)))


@pytest.mark.parametrize(
    "link",
    [
        "https://youth.example.org.evil.test/",
        "https://youth.example.org@evil.test/",
        "https://evil.test/youth.example.org",
        "https://notyouth.example.org/",
        "https://[broken/",
    ],
)
def test_a_link_off_the_safe_domain_is_refused_naming_the_domain(stage: Stage, link: str) -> None:
    with pytest.raises(Refused) as caught:
        connector.publish(stage.access, stage.post(f"看 {link}"))
    assert caught.value.remedy and "youth.example.org" in caught.value.remedy.zh
    assert stage.calls() == 0


def test_one_of_several_safe_domains_is_enough_and_what_lies_below_it(stage: Stage) -> None:
    stage.account.switches["safe_domain"] = "other.example.org, youth.example.org"
    access = stage.new_access(safe_domain="other.example.org, youth.example.org")
    assert connector.publish(access, stage.post("看https://M.Youth.example.org/x，报名"))


def test_topics_that_weibo_takes_out_are_told_to_staff(stage: Stage) -> None:
    receipt = connector.publish(stage.access, stage.post(f"#青春志愿周# 同日启动 {LINK}"))
    assert receipt.note and "topic" in receipt.note.en
    stage.account.switches["removes_topics"] = False
    kept = connector.publish(stage.access, stage.post(f"#青春志愿周# 次日启动 {LINK}", key="d2"))
    assert kept.note is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.text(max_size=150), after=st.text("中文aé#😀 𠮷\n+%&", max_size=60), links=st.integers(1, 14)
)
def test_what_problems_lets_through_the_platform_accepts(
    stage: Stage, before: str, after: str, links: int
) -> None:
    text = f"{before} {' '.join([LINK] * links)} {after}"
    post = stage.post(text)
    assume(not connector.problems(post))
    fresh = Stage(stage.world, stage.clock, stage.url)
    fresh.later(hours=25)  # the same text may go out again
    receipt = connector.publish(fresh.access, post)
    assert receipt.state is ReceiptState.PUBLISHED
    assert fresh.published()[-1].extra["sent"] == text


# Lost answers


@pytest.mark.parametrize("kind", ["cut_after", "html_after", "truncated_json", "null", "status_after"])
def test_a_post_with_a_lost_answer_is_found_by_its_text(stage: Stage, kind: str) -> None:
    stage.world.set_faults(Fault(kind, path=SHARE, times=1))
    post = stage.post(f"#话题# 丢了回音 {LINK}")
    since = stage.clock.now()
    with pytest.raises(Uncertain):
        connector.publish(stage.access, post)
    stage.later(seconds=10)
    receipt = connector.find(stage.access, post, since)
    assert receipt is not None
    assert [receipt.remote_id] == [item.remote_id for item in stage.published()]


def test_a_post_that_never_arrived_is_uncertain_not_absent(stage: Stage) -> None:
    stage.world.set_faults(Fault("cut_before", path=SHARE, times=1))
    post = stage.post(f"没有到 {LINK}")
    with pytest.raises(Uncertain):
        connector.publish(stage.access, post)
    with pytest.raises(Uncertain) as caught:
        connector.find(stage.access, post, stage.clock.now())
    assert caught.value.remedy and caught.value.platform_code == "not-seen"


def test_a_post_that_left_the_newest_five_is_uncertain(stage: Stage) -> None:
    post, since = stage.post(f"第零条 {LINK}"), stage.clock.now()
    stage.world.set_faults(Fault("cut_after", path=SHARE, times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, post)
    for number in range(5):
        stage.later(seconds=1)
        stage.world.publish("weibo", "binhe", remote_id=str(10**16 + number), title="", text=f"手工 {number}")
    with pytest.raises(Uncertain):
        connector.find(stage.access, post, since)


def test_an_older_post_of_the_same_text_is_not_taken_for_it(stage: Stage) -> None:
    stage.world.publish("weibo", "binhe", remote_id="77", title="", text=f"每日播报 {LINK}")
    stage.later(minutes=10)
    with pytest.raises(Uncertain):
        connector.find(stage.access, stage.post(f"每日播报 {LINK}"), stage.clock.now())


def test_another_delivery_s_post_is_not_taken_for_it(stage: Stage) -> None:
    connector.publish(stage.access, stage.post(f"同一句话 {LINK}", key="d1"))
    with pytest.raises(Uncertain):
        connector.find(stage.access, stage.post(f"同一句话 {LINK}", key="d2"), stage.clock.now())


def test_a_text_of_links_alone_identifies_no_post(stage: Stage) -> None:
    stage.world.publish("weibo", "binhe", remote_id="78", title="", text="http://t.cn/A6aaaaaa")
    with pytest.raises(Uncertain):
        connector.find(stage.access, stage.post(LINK), stage.clock.now())


def test_a_timeline_that_cannot_be_read_is_asked_again(stage: Stage) -> None:
    stage.world.set_faults(Fault("html", path="user_timeline", times=1))
    with pytest.raises(Unreachable):
        connector.find(stage.access, stage.post(f"看看 {LINK}"), stage.clock.now())


def test_a_post_that_cannot_leave_is_unreachable(stage: Stage) -> None:
    access = replace(stage.access, api_base="http://127.0.0.1:1")
    with pytest.raises(Unreachable):
        connector.publish(access, stage.post(f"断网 {LINK}"))


def test_a_gateway_limit_waits_as_long_as_it_says(stage: Stage) -> None:
    stage.world.set_faults(Fault("throttle", path=SHARE, times=1, value="90"))
    with pytest.raises(Throttled) as caught:
        connector.publish(stage.access, stage.post(f"限流 {LINK}"))
    assert caught.value.until == stage.clock.now() + timedelta(seconds=90)


# Repeats


@pytest.mark.parametrize("code", [20017, 20019])
def test_a_repeat_refused_is_done_when_the_timeline_holds_our_text(stage: Stage, code: int) -> None:
    post = stage.post(f"补发 {LINK}")
    stage.world.set_faults(Fault("cut_after", path=SHARE, times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, post)
    stage.account.switches["error_code"] = {SHARE: code}
    receipt = connector.publish(stage.access, post)
    assert [receipt.remote_id] == [item.remote_id for item in stage.published()]


@pytest.mark.parametrize("code", [20017, 20019])
def test_a_repeat_of_nothing_we_see_needs_a_person(stage: Stage, code: int) -> None:
    stage.account.switches["error_code"] = {SHARE: code}
    with pytest.raises(NeedsPerson) as caught:
        connector.publish(stage.access, stage.post(f"查无此文 {LINK}"))
    assert not caught.value.account_wide


def test_a_second_delivery_of_the_same_text_needs_a_person(stage: Stage) -> None:
    connector.publish(stage.access, stage.post(f"两次投递 {LINK}", key="d1"))
    with pytest.raises(NeedsPerson):
        connector.publish(stage.access, stage.post(f"两次投递 {LINK}", key="d2"))


def test_a_repeat_refused_without_a_look_stays_uncertain(stage: Stage) -> None:
    stage.account.switches["error_code"] = {SHARE: 20019}
    stage.world.set_faults(Fault("status", path="user_timeline"))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, stage.post(f"看不到 {LINK}"))


# The day's calls


def test_collecting_leaves_half_of_the_day_s_calls_to_publishing(stage: Stage) -> None:
    today = stage.clock.now().date()
    for _ in range(50):
        connector.account_day(stage.access, today)
    with pytest.raises(Throttled) as caught:
        connector.account_day(stage.access, today)
    assert caught.value.until == datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    assert stage.calls() == 50
    for number in range(25):
        connector.publish(stage.access, stage.post(f"第 {number} 条 {LINK}", key=f"d{number}"))
        connector.find(
            stage.access, stage.post(f"第 {number} 条 {LINK}", key=f"d{number}"), stage.clock.now()
        )
    assert stage.calls() == 100


def test_publishing_may_use_the_whole_day_and_stops_before_the_call(stage: Stage) -> None:
    for number in range(100):
        stage.later(minutes=3)
        connector.publish(stage.access, stage.post(f"第 {number} 条 {LINK}", key=f"d{number}"))
    more = stage.post(f"多一条 {LINK}", key="more")
    with pytest.raises(Throttled) as caught:
        connector.publish(stage.access, more)
    assert caught.value.until == datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    with pytest.raises(Throttled):
        connector.find(stage.access, more, stage.clock.now())
    with pytest.raises(Throttled):
        connector.account_day(stage.access, stage.clock.now().date())
    assert stage.calls() == 100
    stage.later(hours=12)
    assert connector.publish(stage.access, stage.post(f"新的一天 {LINK}", key="new"))


def test_a_user_quota_that_is_used_up_elsewhere_waits_until_midnight(stage: Stage) -> None:
    stage.account.switches["daily_calls"] = 0
    with pytest.raises(Throttled) as caught:
        connector.publish(stage.access, stage.post(f"额度 {LINK}"))
    assert caught.value.until == datetime(2026, 3, 2, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize("fault", [None, Fault("html", path="rate_limit_status")])
def test_a_user_quota_with_calls_left_or_unknown_waits_an_hour(stage: Stage, fault: Fault | None) -> None:
    stage.account.switches["error_code"] = {SHARE: 10023}
    stage.world.set_faults(*([fault] if fault else []))
    with pytest.raises(Throttled) as caught:
        connector.publish(stage.access, stage.post(f"额度 {LINK}"))
    assert caught.value.until == stage.clock.now() + timedelta(hours=1)


# The check


def test_the_check_names_days_owner_app_and_calls_left(stage: Stage) -> None:
    findings = connector.check(stage.access)
    assert [finding.fine for finding in findings] == [True] * 4
    assert "29" in findings[0].told.en and "99 / 100" in findings[3].told.en


@pytest.mark.parametrize(("days", "fine"), [(8, True), (7, False), (1, False), (0, False)])
def test_the_check_warns_from_seven_days_before_the_end(stage: Stage, days: int, fine: bool) -> None:
    stage.account.switches["expires_at"] = stage.clock.now() + timedelta(days=days, hours=1)
    life = connector.check(stage.access)[0]
    assert life.fine is fine and (life.remedy is None) is fine
    assert str(days) in life.told.zh


def test_a_token_that_has_ended_is_a_finding_and_stops_the_account(stage: Stage) -> None:
    stage.account.switches["expires_at"] = stage.clock.now().isoformat()
    (finding,) = connector.check(stage.access)
    assert not finding.fine and finding.remedy
    with pytest.raises(NeedsPerson) as caught:
        connector.publish(stage.access, stage.post(f"过期 {LINK}"))
    assert caught.value.account_wide and TOKEN not in str(caught.value)


def test_the_check_sees_a_token_of_someone_else(stage: Stage) -> None:
    findings = connector.check(stage.new_access(uid="5500009999", app_key="99"))
    assert [finding.fine for finding in findings] == [True, False, False, True]


def test_the_check_sees_that_no_call_is_left(stage: Stage) -> None:
    stage.account.switches["daily_calls"] = 1
    assert not connector.check(stage.access)[3].fine


def test_no_renewal_exists(stage: Stage) -> None:
    with pytest.raises(NeedsPerson, match="sign in again"):
        connector.refresh(stage.access)
    assert stage.calls() == 0
