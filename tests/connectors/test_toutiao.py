"""头条号: by a person unless the app has short videos; a lost answer is for a person as well."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from access import make_access
from videos import POST, picture, video_post

from config import ManualClock
from connectors import ConnectorError, NeedsPerson, ReceiptState, Refused, Uncertain
from connectors.toutiao import connector
from sandbox.platforms.toutiao import example, video_example
from sandbox.world import Fault, SandboxAccount

CREATE = "/toutiao/video/create/"


class Stage:
    def __init__(self, sandbox: Any, clock: ManualClock, account: SandboxAccount) -> None:
        self.world, self.clock, self.account = sandbox.world, clock, account
        account.posts_per_week = 0
        self.access = make_access(
            "toutiao",
            "league",
            credentials=account.credentials,
            api_base=f"{sandbox.url}/toutiao",
            now=clock.now,
        )

    def error(self, folder: Path) -> ConnectorError:
        with pytest.raises(ConnectorError) as caught:
            connector.publish(self.access, video_post(folder, 2_000))
        return caught.value


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox, clock, video_example(sandbox.world, "league"))


def test_articles_and_ungranted_videos_go_to_a_person(
    sandbox: Any, clock: ManualClock, tmp_path: Path
) -> None:
    stage = Stage(sandbox, clock, example(sandbox.world, "league"))
    for post in (POST, video_post(tmp_path, 2_000)):
        receipt = connector.publish(stage.access, post)
        assert receipt.state is ReceiptState.HANDED_OVER and receipt.note is not None
    assert stage.world.published == []
    assert len(connector.check(stage.access)) == 2


def test_a_granted_app_still_hands_articles_over(stage: Stage) -> None:
    assert connector.publish(stage.access, POST).state is ReceiptState.HANDED_OVER
    assert len(connector.check(stage.access)) == 1


def test_an_app_without_the_capability_needs_a_person(stage: Stage, tmp_path: Path) -> None:
    stage.account.switches["capability"] = False
    error = stage.error(tmp_path)
    assert isinstance(error, NeedsPerson) and error.platform_code == "16" and not error.account_wide


def test_an_item_unfit_for_the_public_needs_a_person(stage: Stage, tmp_path: Path) -> None:
    stage.account.switches["unfit"] = True
    receipt = connector.publish(stage.access, video_post(tmp_path, 2_000))
    assert connector.settle(stage.access, receipt) == receipt
    stage.world.move_to(stage.clock.now() + timedelta(minutes=2))
    with pytest.raises(NeedsPerson):
        connector.settle(stage.access, receipt)


def test_a_lost_answer_cannot_be_looked_up(stage: Stage, tmp_path: Path) -> None:
    post = video_post(tmp_path, 2_000)
    stage.world.set_faults(Fault("cut_after", path=CREATE, times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, post)
    with pytest.raises(Uncertain):
        connector.find(stage.access, post, stage.clock.now())


def test_a_spoilt_upload_is_made_anew_once(stage: Stage, tmp_path: Path) -> None:
    stage.account.switches["spoils"] = 1
    connector.publish(stage.access, video_post(tmp_path, 2_000))
    stage.account.switches["spoils"] = 2
    assert isinstance(stage.error(tmp_path), Refused)
    assert len(stage.world.published) == 1


@pytest.mark.parametrize(("code", "kind"), [(10002, Refused), (10005, Refused), (16, NeedsPerson)])
def test_every_code_of_the_sheet_asks_what_it_says(
    stage: Stage, tmp_path: Path, code: int, kind: type[ConnectorError]
) -> None:
    stage.account.switches["error_code"] = {CREATE: code}
    error = stage.error(tmp_path)
    assert type(error) is kind and error.platform_code == str(code)
    assert error.remedy == connector.explain(str(code)) is not None


def test_what_a_video_takes_beside_it_is_told_before(tmp_path: Path) -> None:
    post = video_post(tmp_path, 2_000)
    assert connector.problems(post) == ()
    assert len(connector.problems(replace(post, media=(*post.media, picture(tmp_path))))) == 1
    assert len(connector.problems(replace(post, text="字" * 1000))) == 1
