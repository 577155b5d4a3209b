"""The webhook connector against its double, and against sites that answer as they like."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from access import make_access

from config import ManualClock
from connectors import (
    Access,
    ConnectorError,
    Media,
    NeedsPerson,
    Outgoing,
    Receipt,
    ReceiptState,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
)
from connectors.webhook import connector
from sandbox.platforms.webhook import example
from sandbox.world import Fault, SandboxAccount, World

BASE = "https://site.example.org/hook"
POST = Outgoing(key="k-1", seq=7, title="青年大学习", text="今天的内容")
Answering = Callable[..., None]


class Stage:
    """One site in the world, and the account's access to it."""

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock = world, clock
        self.account = example(world, "league")
        self.access = make_access(
            "webhook",
            "league",
            credentials=self.account.credentials,
            api_base=f"{url}/webhook",
            now=clock.now,
        )


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


@pytest.fixture
def access(clock: ManualClock) -> Access:
    """Access to a site that `responses` plays."""
    return make_access("webhook", "league", credentials={}, api_base=BASE, now=clock.now)


@pytest.fixture
def mocked() -> Any:
    with responses.RequestsMock() as mock:
        yield mock


def test_a_post_is_published_with_its_number_and_address(stage: Stage) -> None:
    receipt = connector.publish(stage.access, POST)
    (item,) = stage.world.published
    assert receipt == Receipt(ReceiptState.PUBLISHED, item.remote_id, item.url)
    assert (item.title, item.text, item.key, item.extra["seq"]) == ("青年大学习", "今天的内容", "k-1", 7)


def test_the_same_key_is_one_publication(stage: Stage) -> None:
    assert connector.publish(stage.access, POST) == connector.publish(stage.access, POST)
    (item,) = stage.world.published
    assert item.received == 2


def test_a_post_is_found_by_its_key_and_none_is_proof(stage: Stage) -> None:
    assert connector.find(stage.access, POST, stage.clock.now()) is None
    receipt = connector.publish(stage.access, POST)
    assert connector.find(stage.access, POST, stage.clock.now()) == receipt
    assert connector.find(stage.access, replace(POST, key="k-2"), stage.clock.now()) is None


@pytest.mark.parametrize(("kind", "there"), [("cut_after", True), ("cut_before", False)])
def test_a_lost_answer_is_uncertain_and_the_look_up_tells(stage: Stage, kind: str, there: bool) -> None:
    stage.world.set_faults(Fault(kind, path="/publish", times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)
    found = connector.find(stage.access, POST, stage.clock.now())
    assert (found is not None) is there


def test_a_site_without_a_token_needs_none(stage: Stage) -> None:
    stage.world.add_account(SandboxAccount("webhook", "open"))
    access = replace(stage.access, handle="open", credentials={})
    assert connector.publish(access, POST).state is ReceiptState.PUBLISHED
    assert connector.check(access)[0].fine


def test_a_wrong_token_needs_a_person(stage: Stage) -> None:
    access = replace(stage.access, credentials={"token": "wrong-token"})
    for call in (connector.check, lambda a: connector.publish(a, POST)):
        with pytest.raises(NeedsPerson) as raised:
            call(access)
        assert raised.value.remedy is not None
        assert raised.value.account_wide
    assert stage.world.published == []


def test_what_goes_out_is_the_contract_to_the_letter(access: Access, mocked: Any, tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    picture.write_bytes(b"\x89PNG")
    media = Media(picture, hashlib.sha256(b"\x89PNG").hexdigest(), "image/png", "图.png", "一张图")
    mocked.post(f"{BASE}/publish", json={"post_id": "1"})
    connector.publish(replace(access, credentials={"token": "t-1"}), replace(POST, media=(media,)))
    request = mocked.calls[0].request
    assert json.loads(request.body) == {
        "id": "k-1",
        "account": "league",
        "seq": 7,
        "title": "青年大学习",
        "text": "今天的内容",
        "media": [
            {
                "sha256": media.sha256,
                "content_type": "image/png",
                "name": "图.png",
                "alt": "一张图",
                "data": base64.b64encode(b"\x89PNG").decode(),
            }
        ],
    }
    assert request.headers["Idempotency-Key"] == "k-1"
    assert request.headers["Authorization"] == "Bearer t-1"


def test_no_token_sends_no_authorization(access: Access, mocked: Any) -> None:
    mocked.get(f"{BASE}/lookup", status=404)
    assert connector.find(access, POST, access.now()) is None
    request = mocked.calls[0].request
    assert "Authorization" not in request.headers
    assert request.params == {"id": "k-1"}


@pytest.mark.parametrize("status", [200, 201, 202, 299])
@pytest.mark.parametrize(
    ("post_id", "text"), [("a-1", "a-1"), (9007199254740993123, "9007199254740993123"), (0, "0")]
)
def test_a_number_or_a_text_is_a_post_id(
    access: Access, mocked: Any, status: int, post_id: object, text: str
) -> None:
    mocked.post(f"{BASE}/publish", json={"post_id": post_id}, status=status)
    assert connector.publish(access, POST) == Receipt(ReceiptState.PUBLISHED, text)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"post_id": None},
        {"post_id": ""},
        {"post_id": True},
        {"post_id": 1.5},
        {"post_id": ["1"]},
        {"post_id": "x" * 201},
        {"post_id": "a\x00b"},
        {"post_id": "a\nb"},
        {"id": "1"},
        [],
        None,
        "1",
    ],
)
def test_a_2xx_without_a_post_id_is_uncertain(access: Access, mocked: Any, body: object) -> None:
    mocked.post(f"{BASE}/publish", json=body, status=200)
    with pytest.raises(Uncertain):
        connector.publish(access, POST)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//evil.example.org", "/a/1", 7, None, "https://x/\n", "http://" + "x" * 1000],
)
def test_what_is_no_web_address_becomes_no_link(access: Access, mocked: Any, url: object) -> None:
    mocked.post(f"{BASE}/publish", json={"post_id": 1, "url": url})
    assert connector.publish(access, POST).url == ""


@pytest.mark.parametrize(
    ("status", "on_publish", "on_look_up"),
    [
        (302, Uncertain, Unreachable),
        (400, Refused, Refused),
        (401, NeedsPerson, NeedsPerson),
        (403, NeedsPerson, NeedsPerson),
        (408, Uncertain, Unreachable),
        (409, Uncertain, Unreachable),
        (422, Refused, Refused),
        (425, Throttled, Throttled),
        (429, Throttled, Throttled),
        (500, Uncertain, Unreachable),
        (502, Uncertain, Unreachable),
        (503, Throttled, Throttled),
    ],
)
def test_every_unhappy_status_says_what_to_do(
    access: Access,
    mocked: Any,
    status: int,
    on_publish: type[ConnectorError],
    on_look_up: type[ConnectorError],
) -> None:
    mocked.post(f"{BASE}/publish", status=status, json={"post_id": "1"})
    mocked.get(f"{BASE}/lookup", status=status, json={"post_id": "1"})
    with pytest.raises(on_publish):
        connector.publish(access, POST)
    with pytest.raises(on_look_up):
        connector.find(access, POST, access.now())


def test_a_wrong_address_needs_a_person(access: Access, mocked: Any) -> None:
    mocked.post(f"{BASE}/publish", status=404)
    with pytest.raises(NeedsPerson):
        connector.publish(access, POST)


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), ("Mon, 02 Mar 2026 01:05:00 GMT", 300), ("", 60)])
def test_a_throttled_site_says_until_when(stage: Stage, said: str, seconds: int) -> None:
    stage.world.set_faults(Fault("throttle", value=said))
    with pytest.raises(Throttled) as raised:
        connector.publish(stage.access, POST)
    assert raised.value.until == stage.clock.now() + timedelta(seconds=seconds)
    assert stage.world.published == []
