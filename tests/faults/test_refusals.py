"""Status 200 with an error code inside: failed, never a success, with the code and Chinese words for it."""

import re

import pytest
from command import command
from oracle import Trial
from scenery import attempts, delivery

from scheduler.deliveries import State

WECHAT = (40009, 40164, 45003, 45166, 47001, 48003, 48004, 50002, 53500, 53503, 53504, 53600, 87014, 88000)
UNKNOWN = (99999, 300_001)  # codes that no list of ours has
WEIBO = (10005, 10006, 10013, 10014, 10016, 10017, 20012, 20015, 20018, 20021, 20031, 21317, 21327, 21602)
PATHS = {"wechat": "/cgi-bin/freepublish/submit", "weibo": "/2/statuses/share.json"}
SWITCH = {"wechat": "errcode", "weibo": "error_code"}
CHINESE = re.compile("[\u4e00-\u9fff]{4}")


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    ("platform", "codes"), [("wechat", (*WECHAT, *UNKNOWN)), ("weibo", WEIBO)], ids=["wechat", "weibo"]
)
def test_thirty_codes_fail_with_their_code_and_a_remedy_in_chinese(
    platform: str, codes: tuple[int, ...], trial: Trial
) -> None:
    cover = [trial.cover()] if platform == "wechat" else []
    ids = {}
    for code in codes:
        account = trial.account(platform, f"c{code}")
        there = trial.world.account(platform, account.handle)
        assert there is not None
        there.switches[SWITCH[platform]] = {PATHS[platform]: code}
        (ids[code],) = trial.queue(account, media=cover)
    trial.run()
    assert trial.judge() == {State.FAILED: len(codes)}
    for code, id_ in ids.items():
        failed = delivery(trial.database, id_)
        assert (failed.outcome_code, failed.attempts) == (str(code), 1)
        (call,) = attempts(trial.database, id_)
        assert CHINESE.search(call.remedy_zh), code
        assert call.remedy_en, code


@pytest.mark.fault(28)
def test_a_person_is_shown_the_platforms_code_and_what_to_do_in_chinese(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (id_,) = trial.queue(trial.account("weibo", "lingdao"))
    there = trial.world.account("weibo", "lingdao")
    assert there is not None
    there.switches["error_code"] = {PATHS["weibo"]: 20021}
    trial.run()
    monkeypatch.setenv("MEIZHEN_HOME", str(trial.folder))
    monkeypatch.setenv("MEIZHEN_LANGUAGE", "zh")
    post_id = delivery(trial.database, id_).post_id
    shown = command(monkeypatch, capsys)("post", "show", post_id).out
    assert "20021" in shown
    assert "微博认为内容含违规链接、广告或敏感词：请修改后重新送审。" in shown
