"""WeChat's connector against its double: mass sending, the write that is safe to repeat (section 6)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from wechat_stage import WechatStage

from config import ManualClock
from connectors import (
    NeedsPerson,
    ReceiptState,
    Refused,
    Throttled,
    Uncertain,
)
from connectors.wechat import connector
from sandbox.world import Fault

SENDALL = "/cgi-bin/message/mass/sendall"


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock, tmp_path: Path) -> WechatStage:
    return WechatStage(sandbox.world, clock, sandbox.url, tmp_path)


# Mass sending (sheet section 6)


def test_a_mass_send_is_accepted_then_published(stage: WechatStage) -> None:
    receipt = stage.publish(stage.mass())
    assert stage.settle(receipt).state is ReceiptState.ACCEPTED
    stage.wait(5)

    settled = stage.settle(receipt)

    (item,) = stage.published()
    assert settled.state is ReceiptState.PUBLISHED
    assert settled.remote_id == f"{item.remote_id}_1" and item.key == "d1" and item.extra["pushed"]


def test_a_tag_that_does_not_exist_is_refused(stage: WechatStage) -> None:
    with pytest.raises(Refused) as caught:
        stage.publish(stage.mass(tag_id="7"))

    assert caught.value.platform_code == "45159"
    assert stage.publish(stage.mass(tag_id="103")).state is ReceiptState.ACCEPTED


def test_the_days_mass_send_is_one_and_the_next_waits_for_midnight(stage: WechatStage) -> None:
    stage.publish(stage.mass())

    with pytest.raises(Throttled) as caught:
        stage.publish(stage.mass("d2"))
    stage.clock.move_to(caught.value.until)
    stage.wait(0)

    assert stage.publish(stage.mass("d2")).state is ReceiptState.ACCEPTED


def test_a_service_account_has_four_a_month(stage: WechatStage) -> None:
    stage.account.switches["kind"] = "service"
    access = stage.new_access(kind="service")
    for number in range(4):
        connector.publish(access, stage.mass(f"d{number}"))

    with pytest.raises(Throttled) as caught:
        connector.publish(access, stage.mass("d9"))

    assert caught.value.until == datetime(2026, 3, 31, 16, tzinfo=UTC)


def test_45065_is_success_with_the_first_sends_id(stage: WechatStage) -> None:
    first = stage.publish(stage.mass())
    stage.wait(61)

    again = stage.publish(stage.mass())
    stage.wait(5)

    assert again.detail["msg_id"] == first.detail["msg_id"]
    assert stage.settle(again).state is ReceiptState.PUBLISHED
    assert len(stage.published()) == 1


def test_45066_waits_a_minute(stage: WechatStage) -> None:
    stage.publish(stage.mass())

    with pytest.raises(Throttled) as caught:
        stage.publish(stage.mass())

    assert (caught.value.platform_code, caught.value.until) == (
        "45066",
        stage.clock.now() + timedelta(seconds=60),
    )


def test_a_lost_answer_of_a_mass_send_is_found_by_asking_with_the_same_key(stage: WechatStage) -> None:
    stage.world.set_faults(Fault("cut_after", path=SENDALL, times=1))
    with pytest.raises(Uncertain):
        stage.publish(stage.mass())
    stage.wait(61)

    found = stage.find(stage.mass())

    assert found is not None and found.state is ReceiptState.ACCEPTED
    assert stage.settle(found).state is ReceiptState.PUBLISHED
    assert len(stage.published()) == 1


def test_a_mass_send_that_never_arrived_is_proved_by_its_living_draft(stage: WechatStage) -> None:
    stage.world.set_faults(Fault("cut_before", path=SENDALL, times=1))
    with pytest.raises(Uncertain):
        stage.publish(stage.mass())

    assert stage.find(stage.mass()) is None
    assert stage.calls(SENDALL) == 1


def test_a_mass_send_never_begun_is_not_there(stage: WechatStage) -> None:
    assert stage.find(stage.mass()) is None
    assert stage.calls(SENDALL) == 0


def test_a_lost_mass_send_older_than_the_platforms_memory_needs_a_person(stage: WechatStage) -> None:
    stage.world.set_faults(Fault("cut_after", path=SENDALL, times=1))
    with pytest.raises(Uncertain):
        stage.publish(stage.mass())
    stage.wait(25 * 3600)

    with pytest.raises(Uncertain):
        stage.find(stage.mass())
    assert len(stage.published()) == 1


@pytest.mark.parametrize("status", ["send fail", "err(20001)", "err(40001)"])
def test_a_failed_mass_send_can_be_sent_anew_under_another_key(stage: WechatStage, status: str) -> None:
    stage.account.switches |= {"mass_status": status, "mass_quota": 2}
    receipt = stage.publish(stage.mass())
    stage.wait(5)

    with pytest.raises(NeedsPerson) as caught:
        stage.settle(receipt)
    stage.account.switches["mass_status"] = "send success"
    again = stage.publish(stage.mass())
    stage.wait(5)

    assert not caught.value.account_wide
    assert stage.settle(again).state is ReceiptState.PUBLISHED
    assert len(stage.published()) == 1


def test_mass_protection_asks_for_the_administrators_tap(stage: WechatStage) -> None:
    stage.account.switches["mass_protection"] = True

    with pytest.raises(NeedsPerson) as caught:
        stage.publish(stage.mass())

    assert caught.value.platform_code == "89504" and not caught.value.account_wide
