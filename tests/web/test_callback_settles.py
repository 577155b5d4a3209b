"""From the double's job to our delivery, in real time: events that come once, twice, early and never."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from scenery import attempts, delivery, make_account, queue_posts
from sqlmodel import select
from web_node import WebNode, eventually, running, web_node
from wechat_callback import AES_KEY, APPID, TOKEN

from config import Database, SystemClock
from config.secrets import KeyRing
from connectors.wechat import WeChat
from sandbox.world import SandboxAccount
from scheduler.deliveries import State
from scheduler.media import store_media
from scheduler.posts import Post

if TYPE_CHECKING:
    from conftest import RunningSandbox

SECRET = "0123456789abcdef0123456789abcdef"
NEVER, SOON = (3600,), (1,)


@dataclass
class Stage:
    """A WeChat account here and there, one post due now, and a node that answers HTTP."""

    there: SandboxAccount
    node: WebNode
    database: Database
    delivery_id: int

    def state(self) -> str:
        return delivery(self.database, self.delivery_id).state

    def purposes(self) -> list[str]:
        return [attempt.purpose for attempt in attempts(self.database, self.delivery_id)]

    def answers(self) -> list[str]:
        return list(self.there.state.get("callback_answers", []))


@pytest.fixture
def stage(database: Database, keys: KeyRing, tmp_path: Path, sandbox: "RunningSandbox") -> Iterator[Stage]:
    clock = SystemClock()
    sandbox.world.reset(real_time=True)
    there = sandbox.world.add_account(
        SandboxAccount("wechat", "binhe", {"appid": APPID, "secret": SECRET}, {"publish_delay": 1})
    )
    credentials = {"appid": APPID, "secret": SECRET, "callback_token": TOKEN, "encoding_aes_key": AES_KEY}
    account = make_account(
        database, keys, "wechat", "binhe", api_base=f"{sandbox.url}/wechat", credentials=credentials
    )
    [id_] = queue_posts(database, account, ["正文"], due=clock.now())
    picture = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(picture, "PNG")
    (tmp_path / "cover.png").write_bytes(picture.getvalue())
    with database.write() as session:
        cover = store_media(session, tmp_path, tmp_path / "cover.png", now=clock.now())
        post = session.exec(select(Post)).one()
        post.media = [cover.sha256]
        session.add(post)
    with web_node(database, keys, clock, tmp_path) as node:
        url = f"{node.address}/callback/wechat/binhe"
        there.switches["callback"] = {"token": TOKEN, "aes_key": AES_KEY, "url": url}
        yield Stage(there, node, database, id_)


@pytest.mark.parametrize("mode", ["publish", "mass"])
def test_an_event_settles_what_no_poll_would_for_an_hour(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(WeChat, "polls", NEVER)
    stage.there.switches["mass_delay"] = 1
    with stage.database.write() as session:
        post = session.exec(select(Post)).one()
        post.options = {"mode": mode}
        session.add(post)
    with running(stage.node.dispatcher):
        eventually(lambda: stage.state() == State.PUBLISHED)
    assert stage.answers() == ["200 success"]
    assert stage.purposes() == ["publish", "settle"]
    assert delivery(stage.database, stage.delivery_id).remote_id.endswith("_1")


def test_an_event_that_comes_twice_is_one_question(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WeChat, "polls", NEVER)
    stage.there.switches["events"] = 2
    with running(stage.node.dispatcher):
        eventually(lambda: stage.state() == State.PUBLISHED and len(stage.answers()) == 2)
    assert stage.answers() == ["200 success", "200 success"]
    assert stage.purposes() == ["publish", "settle"]


def test_an_event_that_comes_before_our_own_answer_loses_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WeChat, "polls", SOON)
    stage.there.switches["callback"]["early"] = True
    with running(stage.node.dispatcher):
        eventually(lambda: stage.state() == State.PUBLISHED)
    assert stage.answers() == ["200 success"]
    assert 'meizhen_callbacks_total{result="heard"} 1.0' in stage.node.get("/metrics").text
    assert stage.purposes() == ["publish", "settle"]


def test_an_event_that_never_comes_is_not_missed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WeChat, "polls", SOON)
    stage.there.switches["events"] = 0
    with running(stage.node.dispatcher):
        eventually(lambda: stage.state() == State.PUBLISHED)
    assert stage.answers() == []


def test_an_event_that_says_failed_is_settled_by_the_platforms_own_word(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WeChat, "polls", NEVER)
    stage.there.switches["publish_status"] = 4
    with running(stage.node.dispatcher):
        eventually(lambda: stage.state() == State.FAILED)
    assert stage.answers() == ["200 success"]
    assert delivery(stage.database, stage.delivery_id).needs_person
