"""头条文章 through Weibo's connector (sheet section 4)."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from access import make_access

from config import ManualClock
from connectors import Access, NeedsPerson, Outgoing, Refused, Uncertain
from connectors.weibo import connector
from sandbox.world import Fault, Published, SandboxAccount, World

CREDENTIALS = {
    "access_token": "2.00madeUpToken",
    "uid": "5500001234",
    "app_key": "1234500000",
    "safe_domain": "youth.example.org",
    "rip": "203.0.113.9",
    "article": "yes",
}


class Stage:
    """One Weibo account in the world, and its access."""

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock, self.url = world, clock, url
        world.add_account(SandboxAccount("weibo", "binhe", dict(CREDENTIALS)))
        self.access = self.new_access()

    def new_access(self, **changes: str) -> Access:
        return make_access(
            "weibo",
            "binhe",
            credentials=CREDENTIALS | changes,
            api_base=f"{self.url}/weibo",
            now=self.clock.now,
        )

    def published(self) -> list[Published]:
        return self.world.of("weibo", "binhe")

    def calls(self) -> int:
        return sum(self.world.calls.values())


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def article(text: str = "<p>a b+c 100% 中文</p>", **options: str) -> Outgoing:
    return Outgoing("d1", 1, "十二所高校启动志愿周", text, options={"mode": "article"} | options)


def test_an_article_arrives_as_written_with_its_post(stage: Stage) -> None:
    receipt = connector.publish(stage.access, article(post_text="#志愿# 详见文章", summary="导语"))
    (item,) = stage.published()
    assert item.extra["article"] == "<p>a b+c 100% 中文</p>"
    assert item.title == "十二所高校启动志愿周" and item.extra["sent"] == "#志愿# 详见文章"
    assert receipt.remote_id == item.remote_id
    assert receipt.url.startswith("https://weibo.com/ttarticle/p/show?id=")
    assert receipt.detail["object_id"].startswith("1022:")


@responses.activate
def test_an_article_s_content_is_percent_encoded_with_20_for_a_blank(clock: ManualClock) -> None:
    responses.post(
        "https://api.weibo.com/proxy/article/publish.json",
        json={"code": "100000", "msg": "", "data": {"mid": 5271000000004412, "url": "https://evil.test/"}},
    )
    access = make_access("weibo", "binhe", credentials=CREDENTIALS, api_base="", now=clock.now)
    receipt = connector.publish(access, article("a b+c"))
    sent = parse_qs(str(responses.calls[0].request.body))
    assert sent["content"] == ["a%20b%2Bc"] and sent["text"] == ["十二所高校启动志愿周"]
    assert receipt.url == "https://weibo.com/5500001234/QtN28019a"


def test_an_article_with_a_lost_answer_is_found_by_its_post(stage: Stage) -> None:
    stage.world.set_faults(Fault("cut_after", path="article/publish", times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, article())
    assert connector.find(stage.access, article(), stage.clock.now())


def test_an_account_without_the_article_interface_asks_a_person_before_any_call(stage: Stage) -> None:
    with pytest.raises(NeedsPerson) as caught:
        connector.publish(stage.new_access(article=""), article())
    assert not caught.value.account_wide
    assert stage.calls() == 0


@pytest.mark.parametrize(
    "post",
    [
        replace(article(), title=""),
        replace(article(), title="题" * 33),
        replace(article(), text=" "),
        replace(article(), text="文" * 90_001),
        article(post_text="博" * 1_901),
        article(cover="file:///etc/passwd"),
        article(mode="poem"),
    ],
)
def test_articles_beyond_their_limits_are_refused_before_any_call(stage: Stage, post: Outgoing) -> None:
    assert connector.problems(post)
    with pytest.raises(Refused):
        connector.publish(stage.access, post)
    assert stage.calls() == 0


def test_an_article_at_its_limits_is_taken(stage: Stage) -> None:
    post = replace(article("文" * 90_000, post_text="博" * 1_900), title="题" * 32)
    assert connector.problems(post) == ()
    assert connector.publish(stage.access, post)
