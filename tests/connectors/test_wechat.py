"""WeChat's connector against its double: the token, drafts and their content, the wire, the check."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import responses
from access import make_access
from wechat_stage import APPID, SECRET, SUBMIT, TITLE, WechatStage

from config import ManualClock
from connectors import (
    ConnectorError,
    NeedsPerson,
    Outgoing,
    ReceiptState,
    Refused,
    Unauthorised,
    Uncertain,
    Unreachable,
)
from connectors.wechat import connector
from sandbox.world import Fault

TOKEN_PATH = "/cgi-bin/stable_token"
ADD = "/cgi-bin/draft/add"
LIST = "/cgi-bin/freepublish/batchget"
MATERIAL = "/cgi-bin/material/add_material"
INLINE = "/cgi-bin/media/uploadimg"


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock, tmp_path: Path) -> WechatStage:
    return WechatStage(sandbox.world, clock, sandbox.url, tmp_path)


# The token


def test_the_token_is_kept_and_fetched_once(stage: WechatStage) -> None:
    stage.publish(stage.post())
    stage.publish(stage.post(key="d2"))

    assert stage.calls(TOKEN_PATH) == 1


def test_many_threads_fetch_one_token(stage: WechatStage) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: connector.find(stage.access, stage.post(), stage.clock.now()), range(16)))

    assert stage.calls(TOKEN_PATH) == 1


def test_a_token_with_its_last_five_minutes_is_still_used(stage: WechatStage) -> None:
    stage.publish(stage.post())
    stage.wait(7200 - 299)
    stage.publish(stage.post(key="d2"))
    assert stage.calls(TOKEN_PATH) == 1

    stage.wait(240)
    stage.publish(stage.post(key="d3"))

    assert stage.calls(TOKEN_PATH) == 2


def test_a_dead_token_is_told_and_refresh_brings_the_present_one(stage: WechatStage) -> None:
    stage.publish(stage.post())
    stage.account.state["tokens"].clear()

    with pytest.raises(Unauthorised):
        stage.publish(stage.post(key="d2"))
    connector.refresh(stage.access)

    assert stage.publish(stage.post(key="d2")).state is ReceiptState.ACCEPTED


def test_the_token_is_never_forced() -> None:
    with responses.RequestsMock() as mocked:
        mocked.post(
            "https://api.weixin.qq.com/cgi-bin/stable_token", json={"access_token": "T", "expires_in": 7200}
        )
        connector.refresh(
            make_access(
                "wechat",
                "binhe",
                credentials={"appid": APPID, "secret": SECRET},
                api_base="",
                now=lambda: datetime(2026, 3, 2, tzinfo=UTC),
            )
        )
        body = mocked.calls[0].request.body

    assert isinstance(body, bytes)
    assert json.loads(body)["force_refresh"] is False


@pytest.mark.parametrize(
    "answer", [{}, {"access_token": ""}, {"access_token": "T"}, {"access_token": 1, "expires_in": 7200}]
)
def test_a_token_answer_without_a_token_may_be_asked_for_again(answer: dict[str, Any]) -> None:
    access = make_access(
        "wechat",
        "binhe",
        credentials={"appid": APPID, "secret": SECRET},
        api_base="https://api.example.org",
        now=lambda: datetime(2026, 3, 2, tzinfo=UTC),
    )
    with responses.RequestsMock() as mocked, pytest.raises(Unreachable):
        mocked.post("https://api.example.org/cgi-bin/stable_token", json=answer)
        connector.refresh(access)


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "html", "status", "redirect"])
@pytest.mark.parametrize("path", [TOKEN_PATH, ADD, SUBMIT])
def test_no_error_and_no_log_of_ours_shows_token_or_secret(
    stage: WechatStage, caplog: pytest.LogCaptureFixture, path: str, kind: str
) -> None:
    stage.world.set_faults(Fault(kind, path=path))

    with caplog.at_level(logging.INFO), pytest.raises(ConnectorError) as caught:
        stage.publish(stage.post())

    told = f"{caught.value!r} {caught.value} {caught.value.platform_text} {caplog.text}"
    assert SECRET not in told and "access_token" not in told
    assert all(token not in told for token in stage.account.state.get("tokens", {}))


def test_a_platform_that_repeats_our_secret_is_silenced(stage: WechatStage) -> None:
    access = make_access(
        "wechat",
        "binhe",
        credentials={"appid": APPID, "secret": SECRET},
        api_base="https://api.example.org",
        now=stage.clock.now,
    )
    with responses.RequestsMock() as mocked, pytest.raises(NeedsPerson) as caught:
        mocked.post(
            "https://api.example.org/cgi-bin/stable_token",
            json={"errcode": 40125, "errmsg": f"invalid appsecret {SECRET}"},
        )
        connector.refresh(access)

    assert SECRET not in str(caught.value)


# Drafts and their content


def test_an_article_goes_out_with_its_options(stage: WechatStage) -> None:
    stage.answer_with(53503)
    outgoing = stage.post(
        author="滨河团市委", digest="走进社区", link="https://youth.example.org/a/31", comments="fans"
    )
    with pytest.raises(NeedsPerson):
        stage.publish(outgoing)

    article = stage.article()
    assert article["title"] == TITLE and article["author"] == "滨河团市委" and article["digest"] == "走进社区"
    assert article["content_source_url"] == "https://youth.example.org/a/31"
    assert (article["need_open_comment"], article["only_fans_can_comment"]) == (1, 1)
    assert article["thumb_media_id"] in stage.account.state["materials"]


def drafted(stage: WechatStage, outgoing: Outgoing) -> str:
    """The content that the platform keeps of a post."""
    connector.publish(replace(stage.access, verified=False), outgoing)
    content: str = stage.article()["content"]
    return content


def test_plain_text_becomes_escaped_paragraphs(stage: WechatStage) -> None:
    assert drafted(stage, stage.post("一 < 二\n\n青年 & 志愿")) == "<p>一 &lt; 二</p><p>青年 &amp; 志愿</p>"


def test_html_keeps_sections_and_safe_styles_and_nothing_that_runs(stage: WechatStage) -> None:
    written = (
        '<section style="color:red;position:fixed;background-image:url(http://x/y)" onclick="x()">'
        "<script>alert(1)</script><style>p{}</style><strong>重点</strong>"
        '<a href="javascript:x()">链</a></section>'
    )

    assert (
        drafted(stage, stage.post(written))
        == '<section style="color:red"><strong>重点</strong><a>链</a></section>'
    )


def test_pictures_take_their_places_and_the_rest_follows(stage: WechatStage) -> None:
    media = (stage.picture(), stage.picture("two.png"), stage.picture("three.png"))
    outgoing = replace(stage.post('<p>前</p><img src="media:3"><p>后</p>'), media=media)

    content = drafted(stage, outgoing)

    before, third, after = content.partition("<p>后</p>")
    assert before.startswith('<p>前</p><img src="http://mmbiz.qpic.cn/')
    assert third and after.startswith('<p><img src="http://mmbiz.qpic.cn/')
    assert content.count("<img") == 2 and stage.calls(INLINE) == 2


def test_a_placeholder_line_of_plain_text_becomes_a_picture(stage: WechatStage) -> None:
    outgoing = replace(stage.post("前\nmedia:2\n后"), media=(stage.picture(), stage.picture("two.png")))

    assert '<p>前</p><p><img src="http://mmbiz.qpic.cn/' in drafted(stage, outgoing)


@pytest.mark.parametrize(
    ("size", "content_type"), [(1024 * 1024, "image/png"), (100, "image/gif")], ids=["1 MB", "gif"]
)
def test_a_picture_that_uploadimg_refuses_becomes_a_permanent_image(
    stage: WechatStage, size: int, content_type: str
) -> None:
    outgoing = replace(stage.post(), media=(stage.picture(), stage.picture("big", size, content_type)))

    assert drafted(stage, outgoing).count("<img") == 1
    assert (stage.calls(INLINE), stage.calls(MATERIAL)) == (0, 2)


def test_a_picture_is_uploaded_once_an_account(stage: WechatStage) -> None:
    media = (stage.picture(), stage.picture("two.png"))
    for key in ("d1", "d2", "d3"):
        stage.publish(replace(stage.post(key=key), media=media))

    assert (stage.calls(MATERIAL), stage.calls(INLINE)) == (1, 1)


def test_a_cover_deleted_in_the_console_is_uploaded_again(stage: WechatStage) -> None:
    stage.publish(stage.post())
    stage.account.state["materials"].clear()

    assert stage.publish(stage.post(key="d2")).state is ReceiptState.ACCEPTED
    assert stage.calls(MATERIAL) == 2


def test_a_picture_message_takes_plain_text_and_its_pictures(stage: WechatStage) -> None:
    media = (stage.picture(), stage.picture("two.png"))
    outgoing = replace(stage.post(" 看懂只要 <5 分钟\n", form="pictures"), media=media)

    assert drafted(stage, outgoing) == "看懂只要 <5 分钟"
    assert len(stage.article()["image_info"]["image_list"]) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": ""}, "title"),
        ({"title": "长" * 33}, "33"),
        ({"text": " "}, "text"),
        ({"text": "长" * 20_000}, "20007"),
        ({"text": '<p>x</p><img src="https://elsewhere.example/a.png">'}, "elsewhere"),
        ({"text": '<p>x</p><img src="data:image/png;base64,AAAA">'}, "data:"),
        ({"text": '<p>x</p><img src="/a.png">'}, "uploaded"),
        ({"text": "x\nmedia:2"}, "media:2"),
        ({"text": "x\nmedia:0"}, "media:0"),
        ({"media": ()}, "cover"),
        ({"options": {"author": "长" * 17}}, "author"),
        ({"options": {"digest": "长" * 121}}, "digest"),
        ({"options": {"link": "javascript:x"}}, "link"),
        ({"options": {"link": "https://e.org/" + "x" * 1024}}, "link"),
        ({"options": {"mode": "broadcast"}}, "mode"),
        ({"options": {"form": "video"}}, "form"),
        ({"options": {"comments": "yes"}}, "comments"),
        ({"options": {"reprint": "maybe"}}, "reprint"),
        ({"options": {"tag_id": "高校"}}, "tag_id"),
        ({"options": {"form": "pictures"}, "text": "<p>x</p>"}, "plain"),
    ],
)
def test_what_the_platform_would_refuse_is_refused_here_before_anything_is_sent(
    stage: WechatStage, changes: dict[str, Any], words: str
) -> None:
    outgoing = replace(stage.post(), **changes)

    assert any(words in problem.en for problem in connector.problems(outgoing))
    with pytest.raises(Refused):
        stage.publish(outgoing)
    assert not stage.world.calls


@pytest.mark.parametrize(
    ("size", "content_type"), [(0, "image/png"), (10 * 1024 * 1024 + 1, "image/png"), (9, "image/webp")]
)
def test_a_file_that_is_no_picture_of_theirs_is_a_problem(
    stage: WechatStage, size: int, content_type: str
) -> None:
    media = stage.picture("file", size, content_type)
    if not size:
        media.path.write_bytes(b"")

    assert connector.problems(replace(stage.post(), media=(media,)))


def test_a_missing_file_and_too_many_are_problems(stage: WechatStage) -> None:
    gone = replace(stage.picture(), path=stage.folder / "gone.png")

    assert connector.problems(replace(stage.post(), media=(gone,)))
    assert connector.problems(replace(stage.post(), media=(stage.picture(),) * 21))


def test_a_good_post_has_no_problem_and_is_counted_as_html(stage: WechatStage) -> None:
    assert connector.problems(stage.post()) == ()
    assert connector.limits.count_text("青年") == len("<p>青年</p>")


def test_a_picture_of_wechats_own_is_not_foreign(stage: WechatStage) -> None:
    own = stage.post('<p>x</p><img src="http://mmbiz.qpic.cn/mmbiz_png/A/0">')

    assert connector.problems(own) == ()


def test_text_that_looks_like_a_placeholder_stays_text(stage: WechatStage) -> None:
    assert drafted(stage, stage.post('<p>写 src="media:9" 即可</p>')) == '<p>写 src="media:9" 即可</p>'


# The wire


def test_text_plain_without_a_charset_is_read_as_utf_8(stage: WechatStage) -> None:
    base = "https://api.example.org"
    title = "青年之声"
    access = make_access(
        "wechat",
        "binhe",
        credentials={"appid": APPID, "secret": SECRET},
        api_base=base,
        now=stage.clock.now,
    )
    at = int(stage.clock.now().timestamp())
    item = {
        "article_id": "A",
        "content": {
            "news_item": [{"title": title, "url": "https://mp.weixin.qq.com/s/x"}],
            "create_time": str(at),
        },
    }
    listed = json.dumps({"item": [item]}, ensure_ascii=False)
    with responses.RequestsMock() as mocked:
        mocked.post(
            f"{base}{TOKEN_PATH}", body='{"access_token":"T","expires_in":"7200"}', content_type="text/plain"
        )
        mocked.post(f"{base}{LIST}", body=listed.encode(), content_type="text/plain")
        with pytest.raises(Uncertain) as doubt:
            connector.find(access, replace(stage.post(), title=title), stage.clock.now())

    # Mojibake would not have been recognised as a publication of this title.
    assert doubt.value.platform_code == "same-title"


def test_chinese_is_sent_without_escapes(stage: WechatStage) -> None:
    """The double answers 40033 to a draft with escapes."""
    assert stage.publish(stage.post()).state is ReceiptState.ACCEPTED


# The check


def test_a_good_account_has_only_fine_findings(stage: WechatStage) -> None:
    findings = connector.check(stage.access)

    assert len(findings) == 5 and all(finding.fine for finding in findings)


@pytest.mark.parametrize(
    ("switches", "verified", "words"),
    [
        ({"ip_not_listed": True}, True, "whitelist"),
        ({"verified": False}, True, "Clear"),
        ({"verified": True}, False, "Set"),
        ({"materials": False}, True, "Verify"),
        ({"daily_limit": {SUBMIT: 0}}, True, "midnight"),
        ({"errcode": {TOKEN_PATH: 40125}}, True, "AppSecret"),
    ],
)
def test_the_check_tells_what_a_person_must_mend(
    stage: WechatStage, switches: dict[str, Any], verified: bool, words: str
) -> None:
    stage.account.switches = switches

    wrong = [finding for finding in connector.check(stage.new_access(verified=verified)) if not finding.fine]

    assert len(wrong) == 1
    assert wrong[0].remedy is not None and words in wrong[0].remedy.en and wrong[0].remedy.zh


def test_a_check_that_cannot_be_made_says_so(stage: WechatStage) -> None:
    stage.world.set_faults(Fault("cut_before", path=TOKEN_PATH))

    with pytest.raises(Unreachable):
        connector.check(stage.access)
