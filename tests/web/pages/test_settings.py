"""设置: secrets are never shown, keys and endpoints once, each act by its right."""

import re

import responses
from desk_house import DeskHouse

from analytics.reports.robots import Kind, RobotKey, add_robot
from organisation import Role

_WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"


def test_the_house_s_settings_are_shown_to_who_runs_it_without_secrets(house: DeskHouse) -> None:
    house.newsroom.person("quan", Role.OWNER, None)
    words = house.browser("quan").get("/settings").words
    assert "lateness_hours" in words and "smtp_password 未设置" in words and "系统设置" in words
    editor = house.browser("wen").get("/settings").words
    assert "我的接口密钥" in editor and "系统设置" not in editor and "群机器人" not in editor


def test_a_key_is_shown_once_and_revoked_by_its_person(house: DeskHouse) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    browser = house.browser("wen")
    made = browser.post("/settings/keys", {"name": "脚本", "scopes": "read", "days": "30"})
    found = re.search(r"<code>mz_([a-z0-9]+)_([0-9a-f]+)</code>", made.html)
    assert found is not None
    page = browser.get("/settings")
    assert found[1] in page.html and found[2] not in page.html
    address = f"/settings/keys/{found[1]}/revoke"
    assert house.browser("guan").post(address).status == 404  # wen belongs to no unit: beyond HH
    assert "已吊销" in browser.post(address).words
    assert "key.revoked_already" in browser.post(address).html
    assert browser.post("/settings/keys/none/revoke").status == 404
    refused = browser.post("/settings/keys", {"name": "脚本", "scopes": "everything", "days": "30"})
    assert refused.status == 422 and "key.unknown_scope" in refused.html


def test_webhooks_are_added_and_removed_within_reach(house: DeskHouse) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    browser = house.browser("guan")
    values = {"name": "门户", "url": "https://93.184.216.34/hook", "unit": "HH", "event": "post.published"}
    assert browser.post("/settings/webhooks", values | {"unit": "BT"}).status == 404
    inside = browser.post("/settings/webhooks", values | {"url": "http://127.0.0.1/hook"})
    assert inside.status == 422 and "url" in inside.words
    made = browser.post("/settings/webhooks", values)
    found = re.search(r"<code>(whsec_[^<]+)</code>", made.html)
    assert found is not None
    page = browser.get("/settings")
    assert "93.184.216.34" in page.html and found[1] not in page.html and "/hook" not in page.html
    assert "还没有发过消息" in browser.get("/settings/webhooks/门户").words
    assert house.browser("wen").get("/settings/webhooks/门户").status in (403, 404)
    assert house.browser("wen").post("/settings/webhooks/门户/remove").status == 403
    assert "已删除" in browser.post("/settings/webhooks/门户/remove").words


@responses.activate
def test_an_endpoint_is_tried_at_once_and_a_message_goes_out_again(house: DeskHouse) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    browser = house.browser("guan")
    url = "https://93.184.216.34/hook"
    browser.post("/settings/webhooks", {"name": "门户", "url": url, "unit": "HH"})
    there = responses.post(url, status=500)
    refused = browser.post("/settings/webhooks/门户/test")
    assert refused.status == 422 and "webhook.not_arrived" in refused.html
    responses.replace(responses.POST, url, status=204)
    told = browser.post("/settings/webhooks/门户/test")
    assert "对方收下了" in told.words, told.html[-3000:]
    shown = browser.get("/settings/webhooks/门户").html
    taken, lost = re.findall(r"(msg_[\w-]+)</small>", shown)
    assert house.browser("wen").post("/settings/webhooks/门户/resend", {"message": lost}).status == 403
    assert "重发" in browser.post("/settings/webhooks/门户/resend", {"message": lost}).words
    again = browser.post("/settings/webhooks/门户/resend", {"message": lost})
    assert "webhook.still_queued" in again.html
    assert there.call_count == 1 and taken != lost


def test_reports_are_scheduled_for_a_unit_and_ended(house: DeskHouse) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    browser = house.browser("guan")
    values = {"unit": "HH", "cron": "0 8 * * mon", "folder": "HH", "formats": "xlsx"}
    assert browser.post("/settings/schedules", values | {"unit": "BT"}).status == 404
    made = browser.post("/settings/schedules", values)
    assert "已定时" in made.words and "下次 3月9日 周一 08:00" in made.words
    assert browser.post("/settings/schedules", values | {"mail": "a@example.org"}).status == 422
    assert browser.post("/settings/schedules", values | {"cron": "often"}).status == 422
    assert browser.post("/settings/robots", {"name": "群", "kind": "wecom", "key": "x"}).status == 404
    assert 'value="0 8 * * mon"' in browser.get("/settings/schedules/1").html
    assert browser.post("/settings/schedules/1", values | {"cron": "often"}).status == 422
    changed = browser.post("/settings/schedules/1", values | {"cron": "0 9 * * tue"})
    assert "下次 3月3日 周二 09:00" in changed.words and "08:00" not in changed.words
    assert browser.get("/settings/schedules/1").status == 422
    assert "已停止" in browser.post("/settings/schedules/2/end").words
    assert browser.post("/settings/schedules/1/end").status == 422
    digest = {"unit": "HH", "content": "digest", "skips_empty": "true", "cron": "", "folder": ""}
    refused = browser.post("/settings/schedules", digest)
    assert refused.status == 422 and "没有说发到哪里" in refused.words
    assert browser.post("/settings/schedules", digest | {"content": "poem"}).status == 422
    with house.database.write() as session:
        robot = RobotKey(Kind.WECOM, "k" * 32)
        add_robot(session, house.newsroom.keys, "群", robot, now=house.clock.now(), actor="test")
    made = browser.post("/settings/schedules", digest | {"robots": "群"})
    assert "每天的摘要已定时" in made.words and "下次 3月2日 周一 17:00" in made.words, made.words[-900:]
    html = browser.get("/settings/schedules/3").html
    assert 'value="digest" selected' in html and 'name="skips_empty" value="true" checked' in html


def test_a_robot_s_key_is_never_shown(house: DeskHouse) -> None:
    house.newsroom.person("quan", Role.OWNER, None)
    browser = house.browser("quan")
    key = "01234567-89ab-cdef-0123-456789abcdef"
    refused = browser.post("/settings/robots", {"name": "群", "kind": "wecom", "key": "bad key"})
    assert refused.status == 422 and "bad key" not in refused.html
    added = browser.post("/settings/robots", {"name": "群", "kind": "wecom", "key": key})
    assert "机器人 群 已登记" in added.words and key not in added.html
    with responses.RequestsMock() as wecom:
        wecom.post(_WECOM, json={"errcode": 93000, "errmsg": f"invalid webhook url {key}"})
        told = browser.post("/settings/robots/群/test")
        assert "reports.robot_not_sent" in told.html and key not in told.html
    with responses.RequestsMock() as wecom:
        wecom.post(_WECOM, json={"errcode": 0, "errmsg": "ok"})
        assert "测试消息已发到群里" in browser.post("/settings/robots/群/test").words
    assert "已删除" in browser.post("/settings/robots/群/remove").words
    assert browser.post("/settings/robots", {"name": "群", "kind": "pigeon", "key": key}).status == 422
