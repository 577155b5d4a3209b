"""Baijiahao: articles under review, drafts for a person, never a second try, every row of the error table."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from access import make_access

from config import ManualClock
from connectors import (
    ConnectorError,
    NeedsPerson,
    Outgoing,
    ReceiptState,
    Refused,
    Throttled,
    Uncertain,
    Unreachable,
)
from connectors._baijiahao_calls import RULES
from connectors.baijiahao import connector
from sandbox.platforms.baijiahao import example

PUBLISH = "article/publish"
COVER = "https://www.example.org/1.jpg"
POST = Outgoing(
    "d-1", 1, "校园志愿服务周", "第一段 <b>\n\n第二段 https://www.example.org/a/1", options={"cover": COVER}
)


class Stage:
    def __init__(self, sandbox: Any, clock: ManualClock) -> None:
        self.world, self.clock = sandbox.world, clock
        self.account = example(self.world, "league")
        self.access = make_access(
            "baijiahao",
            "league",
            credentials=self.account.credentials,
            api_base=f"{sandbox.url}/baijiahao",
            now=clock.now,
        )

    def forced(self, path: str, code: int) -> None:
        self.account.switches["error_code"] = {path: code}

    def error(self, post: Outgoing = POST) -> ConnectorError:
        with pytest.raises(ConnectorError) as caught:
            connector.publish(self.access, post)
        return caught.value


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox, clock)


def test_an_article_goes_out_as_paragraphs_with_source_and_covers(stage: Stage) -> None:
    covers = " ".join(f"https://www.example.org/{number}.jpg" for number in range(3))
    options = {"cover": covers, "link": "https://www.example.org/b", "original": "yes"}
    connector.publish(stage.access, replace(POST, options=options))
    (item,) = stage.world.published
    given = item.extra["given"]
    assert given["content"] == "<p>第一段 &lt;b&gt;</p><p>第二段 https://www.example.org/a/1</p>"
    assert (given["origin_url"], given["is_original"]) == ("https://www.example.org/b", 1)
    assert [cover["src"] for cover in json.loads(given["cover_images"])] == covers.split()


def test_by_itself_the_source_is_the_first_link_and_nothing_is_original(stage: Stage) -> None:
    connector.publish(stage.access, POST)
    given = stage.world.published[0].extra["given"]
    assert (given["origin_url"], given["is_original"]) == ("https://www.example.org/a/1", 0)


def test_it_is_published_when_the_review_says_so(stage: Stage) -> None:
    receipt = connector.publish(stage.access, POST)
    assert receipt.state is ReceiptState.ACCEPTED
    assert connector.settle(stage.access, receipt) == receipt
    stage.world.move_to(stage.clock.now() + timedelta(hours=1))
    settled = connector.settle(stage.access, receipt)
    assert (settled.state, settled.url) == (ReceiptState.PUBLISHED, "") and settled.note is not None


def test_without_a_cover_a_draft_waits_for_a_person(stage: Stage) -> None:
    receipt = connector.publish(stage.access, replace(POST, options={}))
    assert receipt.state is ReceiptState.HANDED_OVER and receipt.note is not None
    assert stage.world.published == []


def test_a_success_without_an_article_is_never_sent_again(stage: Stage) -> None:
    stage.account.switches["nameless"] = True
    assert isinstance(stage.error(), Uncertain)
    with pytest.raises(Uncertain):
        connector.find(stage.access, POST, stage.clock.now())


def test_the_token_goes_over_https_only(stage: Stage) -> None:
    access = replace(stage.access, api_base="http://baijiahao.example.org")
    with pytest.raises(NeedsPerson) as caught:
        connector.publish(access, POST)
    assert caught.value.platform_code == "https"


def test_a_wrong_token_is_a_finding(stage: Stage) -> None:
    stage.forced("article/status", 60001001)
    (finding,) = connector.check(stage.access)
    assert not finding.fine and finding.remedy is not None


@pytest.mark.parametrize(
    "change",
    [
        {"text": "没有链接"},
        {"options": {"cover": "http://www.example.org/1.jpg"}},
        {"options": {"cover": f"{COVER} {COVER}"}},
        {"options": {"original": "ja"}},
        {"text": "<" * 6_000 + " https://www.example.org/"},
    ],
    ids=["no_link", "plain_cover", "two_covers", "original", "long"],
)
def test_what_the_platform_would_refuse_is_told_before(change: dict[str, Any]) -> None:
    assert connector.problems(POST) == ()
    assert len(connector.problems(replace(POST, **change))) == 1


# Every row of the error table.

DOUBT = [4, 5, 10003, 10005, 60000006, 60000020]
RECONCILE = [60001003, 800000201, 80000107]
ASK = [10002, 1001, 60001001, 60000005, 60000009]
PERM = [2, 10009, 27012]
TOMORROW = [301002, 60001008, 60001009]


def test_the_table_has_every_row_of_the_sheet_and_no_other() -> None:
    assert sorted(RULES) == sorted(map(str, [*DOUBT, *RECONCILE, *ASK, *PERM, *TOMORROW]))


@pytest.mark.parametrize("code", [*DOUBT, *RECONCILE, *ASK, *PERM, *TOMORROW])
def test_every_errno_asks_what_the_sheet_says(stage: Stage, code: int) -> None:
    stage.forced(PUBLISH, code)
    error = stage.error()
    expected = {Uncertain: [*DOUBT, *RECONCILE], NeedsPerson: ASK, Refused: PERM, Throttled: TOMORROW}
    assert code in expected[type(error)]
    if isinstance(error, NeedsPerson):
        assert error.account_wide
    if isinstance(error, Throttled):
        assert error.until == stage.world.beijing_midnight()
    assert error.platform_code == str(code)
    assert error.remedy and connector.explain(str(code)) is not None
    assert stage.account.credentials["app_token"] not in str(error)


def test_a_busy_platform_leaves_a_read_to_be_repeated(stage: Stage) -> None:
    stage.forced("article/status", 4)
    with pytest.raises(Unreachable):
        connector.check(stage.access)


def test_a_picture_that_is_stored_already_is_as_good_as_done(stage: Stage) -> None:
    stage.forced(PUBLISH, 301003)
    assert isinstance(stage.error(), Uncertain)  # done, but no article is named: a person looks


def test_an_unknown_errno_needs_a_person(stage: Stage) -> None:
    stage.forced(PUBLISH, 987)
    error = stage.error()
    assert isinstance(error, NeedsPerson) and not error.account_wide
