"""WeChat's connector against its double: publishing, permissions, and every lost answer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import responses
from access import MemoryStore
from wechat_stage import SUBMIT, TITLE, WechatStage

from config import ManualClock
from connectors import (
    NeedsPerson,
    ReceiptState,
    Throttled,
    Uncertain,
    Unreachable,
    sending_before,
)
from connectors.wechat import connector
from sandbox.world import Fault

TOKEN_PATH = "/cgi-bin/stable_token"
ADD = "/cgi-bin/draft/add"
UPDATE = "/cgi-bin/draft/update"
STATUS = "/cgi-bin/freepublish/get"
MATERIAL = "/cgi-bin/material/add_material"


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock, tmp_path: Path) -> WechatStage:
    return WechatStage(sandbox.world, clock, sandbox.url, tmp_path)


# Publishing


def test_a_post_is_accepted_then_published_with_its_address(stage: WechatStage) -> None:
    receipt = stage.publish(stage.post())
    assert receipt.state is ReceiptState.ACCEPTED
    assert stage.settle(receipt).state is ReceiptState.ACCEPTED

    stage.wait(5)
    settled = stage.settle(receipt)

    (item,) = stage.published()
    assert settled.state is ReceiptState.PUBLISHED
    assert settled.remote_id == f"{item.remote_id}_1" and settled.url == item.url
    assert (item.title, item.text) == (TITLE, "<p>十二所高校的志愿者走进社区。</p>")
    assert settled.detail["article_id"] and settled.detail["draft"] == receipt.detail["draft"]


@pytest.mark.parametrize("first_id", [2**53 + 1, 10**24 + 7])
def test_ids_beyond_2_to_53_survive_as_numbers_and_as_text(stage: WechatStage, first_id: int) -> None:
    stage.account.switches["first_id"] = first_id

    receipt = stage.publish(stage.post())
    stage.wait(5)

    assert receipt.detail["publish_id"] == str(first_id)
    assert stage.settle(receipt).remote_id == f"{first_id}_1"


def test_without_a_msg_data_id_the_address_tells_the_statistics_id(stage: WechatStage) -> None:
    stage.account.switches["msg_data_id"] = False
    receipt = stage.publish(stage.post())
    stage.wait(5)

    assert stage.settle(receipt).remote_id == f"{receipt.detail['publish_id']}_1"


@pytest.mark.parametrize("status", [2, 3, 4])
def test_a_failed_job_asks_a_person_and_a_retry_makes_a_new_draft(stage: WechatStage, status: int) -> None:
    stage.account.switches["publish_status"] = status
    receipt = stage.publish(stage.post())
    stage.wait(5)

    with pytest.raises(NeedsPerson) as caught:
        stage.settle(receipt)
    stage.account.switches["publish_status"] = 0
    again = stage.publish(stage.post())
    stage.wait(5)

    assert not caught.value.account_wide
    assert stage.settle(again).state is ReceiptState.PUBLISHED
    assert len(stage.published()) == 1


def test_a_blocked_article_is_not_made_anew(stage: WechatStage) -> None:
    stage.account.switches["publish_status"] = 6
    receipt = stage.publish(stage.post())
    stage.wait(5)

    with pytest.raises(NeedsPerson):
        stage.settle(receipt)
    with pytest.raises(Uncertain):
        stage.publish(stage.post())

    assert stage.calls(ADD) == 1


def test_an_unknown_job_is_looked_up_in_the_list(stage: WechatStage) -> None:
    receipt = stage.publish(stage.post())
    stage.wait(5)
    unknown = replace(receipt, detail={**receipt.detail, "publish_id": "999"})

    settled = stage.settle(unknown)

    assert (settled.state, settled.url) == (ReceiptState.PUBLISHED, stage.published()[0].url)
    with pytest.raises(NeedsPerson):
        stage.settle(replace(unknown, detail={**unknown.detail, "title": "别的"}))


def test_a_status_answer_without_a_status_is_asked_for_again(stage: WechatStage) -> None:
    receipt = stage.publish(stage.post())
    base = f"{stage.url}/wechat"
    with responses.RequestsMock() as mocked, pytest.raises(Unreachable):
        mocked.post(f"{base}{STATUS}", body="{}", content_type="text/plain")
        stage.settle(receipt)


@pytest.mark.parametrize(("step", "path"), [("token", TOKEN_PATH), ("cover", MATERIAL), ("draft", ADD)])
@pytest.mark.parametrize("kind", ["cut_after", "status_after", "html_after", "truncated_json"])
def test_a_lost_answer_before_the_submit_may_be_repeated(
    stage: WechatStage, step: str, path: str, kind: str
) -> None:
    # The token is a read: its lost answer is asked for once more before it counts.
    times = 2 if (step, kind) == ("token", "cut_after") else 1
    stage.world.set_faults(Fault(kind, path=path, times=times))
    with pytest.raises(Unreachable):
        stage.publish(stage.post())

    assert stage.publish(stage.post()).state is ReceiptState.ACCEPTED
    assert not stage.drafts()


def test_the_draft_of_a_lost_answer_is_found_again(stage: WechatStage) -> None:
    stage.world.set_faults(Fault("cut_after", path=ADD, times=1))
    with pytest.raises(Unreachable):
        stage.publish(stage.post())
    (left,) = stage.drafts()

    assert stage.publish(stage.post()).detail["draft"] == left
    assert stage.calls(ADD) == 1


def test_an_older_draft_of_the_same_title_is_left_alone(stage: WechatStage) -> None:
    stage.answer_with(53503)
    with pytest.raises(NeedsPerson):
        stage.publish(stage.post(key="older"))
    stage.answer_with(0)
    stage.wait(600)
    stage.world.set_faults(Fault("cut_before", path=ADD, times=1))
    with pytest.raises(Unreachable):
        stage.publish(stage.post())

    receipt = stage.publish(stage.post())

    assert receipt.detail["draft"] not in stage.drafts() and len(stage.drafts()) == 1


def test_twin_drafts_are_told_to_staff(stage: WechatStage) -> None:
    stage.world.set_faults(Fault("cut_after", path=ADD, times=1))
    with pytest.raises(Unreachable):
        stage.publish(stage.post())
    draft = next(iter(stage.drafts().values()))
    stage.drafts()["twin"] = draft

    receipt = stage.publish(stage.post())

    assert receipt.note is not None and "1 more equal" in receipt.note.en


def test_a_post_changed_before_its_repeat_changes_its_draft(stage: WechatStage) -> None:
    stage.answer_with(53503)
    with pytest.raises(NeedsPerson):
        stage.publish(stage.post())
    stage.answer_with(0)

    receipt = stage.publish(stage.post("改好了。"))
    stage.wait(5)
    stage.settle(receipt)

    assert (stage.calls(ADD), stage.calls(UPDATE)) == (1, 1)
    assert stage.published()[0].text == "<p>改好了。</p>"


def test_a_changed_post_whose_draft_is_gone_is_uncertain(stage: WechatStage) -> None:
    stage.world.set_faults(Fault("cut_after", path=SUBMIT, times=1))
    with pytest.raises(Uncertain):
        stage.publish(stage.post())

    with pytest.raises(Uncertain):
        stage.publish(stage.post("改好了。"))


@pytest.mark.parametrize("kind", ["cut_after", "status_after", "html_after", "truncated_json", "null", "nan"])
def test_a_lost_answer_of_the_submit_is_uncertain_and_found_again(stage: WechatStage, kind: str) -> None:
    stage.world.set_faults(Fault(kind, path=SUBMIT, times=1))
    with pytest.raises(Uncertain):
        stage.publish(stage.post())
    with pytest.raises(Uncertain):  # the draft is gone, the job not yet listed
        stage.find(stage.post())

    stage.wait(60)
    found = stage.find(stage.post())

    (item,) = stage.published()
    assert found is not None and found.state is ReceiptState.PUBLISHED
    assert (found.remote_id, found.url) == (f"{item.remote_id}_1", item.url)


@pytest.mark.parametrize("kind", ["cut_before", "status", "html"])
def test_a_submit_that_never_arrived_is_proved_by_its_living_draft(stage: WechatStage, kind: str) -> None:
    stage.world.set_faults(Fault(kind, path=SUBMIT, times=1))
    with pytest.raises(Uncertain):
        stage.publish(stage.post())

    assert stage.find(stage.post()) is None
    receipt = stage.publish(stage.post())
    stage.wait(5)
    stage.settle(receipt)

    assert len(stage.published()) == 1 and stage.calls(ADD) == 1


def test_busy_at_the_submit_is_uncertain_and_at_the_draft_is_not(stage: WechatStage) -> None:
    stage.answer_with(-1, ADD)
    with pytest.raises(Unreachable):
        stage.publish(stage.post())
    stage.answer_with(-1)
    with pytest.raises(Uncertain):
        stage.publish(stage.post())


def test_nothing_was_sent_when_no_draft_is_remembered(stage: WechatStage) -> None:
    assert stage.find(stage.post()) is None


def test_a_publication_of_the_title_without_any_memory_is_left_to_a_person(stage: WechatStage) -> None:
    stage.publish(stage.post())
    stage.wait(5)
    stage.memory = MemoryStore(stage.clock.now)
    stage.access = stage.new_access()

    with pytest.raises(Uncertain):
        stage.find(stage.post())


def test_an_older_publication_of_the_same_title_is_not_taken_for_ours(stage: WechatStage) -> None:
    stage.publish(stage.post(key="older"))
    stage.wait(3600)
    stage.world.set_faults(Fault("cut_after", path=SUBMIT, times=1))
    with pytest.raises(Uncertain):
        stage.publish(stage.post())

    with pytest.raises(Uncertain):
        stage.find(stage.post(), seconds_ago=60)


def test_a_publication_behind_the_first_page_is_found(stage: WechatStage) -> None:
    stage.world.set_faults(Fault("cut_after", path=SUBMIT, times=1))
    with pytest.raises(Uncertain):
        stage.publish(stage.post())
    for number in range(25):
        stage.publish(replace(stage.post(key=f"n{number}"), title=f"别的 {number}"))
    stage.wait(60)

    found = stage.find(stage.post())

    assert found is not None and found.url == stage.published()[0].url


def test_a_vanished_draft_is_made_anew_only_when_a_person_asks_again(stage: WechatStage) -> None:
    stage.answer_with(53503)
    with pytest.raises(NeedsPerson):
        stage.publish(stage.post())
    stage.answer_with(0)
    stage.drafts().clear()  # deleted in the console

    with pytest.raises(Uncertain):
        stage.publish(stage.post())
    with pytest.raises(Uncertain):
        stage.find(stage.post())

    assert stage.publish(stage.post()).state is ReceiptState.ACCEPTED


def test_a_write_past_its_fence_never_leaves(stage: WechatStage) -> None:
    with sending_before(lambda: 0.0), pytest.raises(Unreachable) as caught:
        stage.publish(stage.post())

    assert caught.value.platform_code == "fenced"
    assert stage.calls(MATERIAL) == 0


@pytest.mark.parametrize("path", [ADD, SUBMIT])
def test_the_days_calls_used_up_close_the_window(stage: WechatStage, path: str) -> None:
    stage.account.switches["daily_limit"] = {path: 0}

    with pytest.raises(Throttled):
        stage.publish(stage.post())


@pytest.mark.parametrize("code", [53504, 53505, 53500])
def test_what_the_submit_says_to_a_person_reaches_the_person(stage: WechatStage, code: int) -> None:
    stage.answer_with(code)

    with pytest.raises(NeedsPerson) as caught:
        stage.publish(stage.post())

    assert caught.value.platform_code == str(code) and caught.value.request_id


# Permissions (sheet section 1)


@pytest.mark.parametrize(
    ("we_think", "switches", "mode", "state"),
    [
        (True, {"verified": True}, "publish", ReceiptState.ACCEPTED),
        (True, {"verified": False}, "publish", ReceiptState.HANDED_OVER),
        (True, {"verified": True, "subject": "personal"}, "publish", ReceiptState.HANDED_OVER),
        (False, {"verified": False}, "publish", ReceiptState.HANDED_OVER),
        (False, {"verified": True}, "publish", ReceiptState.HANDED_OVER),
        (True, {"verified": True}, "mass", ReceiptState.ACCEPTED),
        (True, {"verified": False}, "mass", ReceiptState.HANDED_OVER),
        (False, {"verified": False}, "mass", ReceiptState.HANDED_OVER),
    ],
)
def test_an_account_that_may_not_publish_hands_its_draft_over(
    stage: WechatStage, we_think: bool, switches: dict[str, Any], mode: str, state: ReceiptState
) -> None:
    stage.account.switches = switches

    receipt = connector.publish(stage.new_access(verified=we_think), stage.post(mode=mode))

    assert receipt.state is state
    assert len(stage.drafts()) == (state is ReceiptState.HANDED_OVER)
    assert (receipt.note is not None) == (state is ReceiptState.HANDED_OVER)


@pytest.mark.parametrize("we_think", [True, False])
def test_without_even_materials_a_person_makes_the_article(stage: WechatStage, we_think: bool) -> None:
    stage.account.switches = {"verified": False, "materials": False}

    receipt = connector.publish(stage.new_access(verified=we_think), stage.post())

    assert (receipt.state, receipt.remote_id) == (ReceiptState.HANDED_OVER, "")
    assert receipt.note is not None and "make the article" in receipt.note.en


def test_an_unverified_accounts_draft_is_found_and_not_made_twice(stage: WechatStage) -> None:
    access = stage.new_access(verified=False)
    assert connector.find(access, stage.post(), stage.clock.now()) is None

    receipt = connector.publish(access, stage.post())
    found = connector.find(access, stage.post(), stage.clock.now())
    again = connector.publish(access, stage.post())

    assert found is not None and found.remote_id == receipt.remote_id == again.remote_id
    assert len(stage.drafts()) == 1
