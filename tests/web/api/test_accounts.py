"""Accounts by the API: connected, changed and moved with what opens them, which no answer ever holds."""

from typing import Any

from api_house import ApiHouse
from api_scene import Scene

from organisation import Account, Act, Role, entries_of, find_account, open_credentials

PASSWORD, OTHER = "abcd-efgh-ijkl-mnop", "qrst-uvwx-yz12-3456"
NEW = {
    "platform": "bluesky",
    "handle": "nm.example.cn",
    "unit": "HH",
    "name": "青听",
    "track": "league",
    "filed": "2026-01-05",
    "credentials": {"identifier": "nm.example.cn", "app_password": PASSWORD},
}
PATH = "/accounts/bluesky:nm.example.cn"


def held(house: ApiHouse) -> tuple[Account, dict[str, str]]:
    with house.database.read() as session:
        account = find_account(session, "bluesky:nm.example.cn")
        return account, open_credentials(session, house.keys, account)


def test_what_opens_an_account_is_taken_and_never_told(house: ApiHouse) -> None:
    owner = house.owner()
    made = owner.post("/accounts", NEW, Idempotency_Key="k")
    assert (made.status, made.headers["location"]) == (201, f"/api/v1{PATH}".replace(":", "%3A"))
    again = owner.post("/accounts", NEW, Idempotency_Key="k")
    assert (again.body, again.headers["idempotency-replayed"]) == (made.body, "true")
    shown = owner.get(PATH)
    assert shown.body["credentials"][1] | {"zh": "", "en": ""} == {
        "name": "app_password", "zh": "", "en": "", "secret": True, "required": True, "given": True,
    }  # fmt: skip
    assert held(house)[1]["app_password"] == PASSWORD
    changed = owner.patch(PATH, {"credentials": {"app_password": OTHER}}, shown.headers["etag"])
    assert (changed.status, held(house)[1]) == (200, {"identifier": "nm.example.cn", "app_password": OTHER})
    with house.database.read() as session:
        told = "".join(str(entry.details) for entry in entries_of(session))
    everything = b"".join(one.raw for one in (made, again, shown, changed, owner.get("/accounts")))
    assert PASSWORD not in told and OTHER not in told
    assert PASSWORD.encode() not in everything and OTHER.encode() not in everything


def test_what_is_not_named_stays_and_who_has_not_read_it_changes_nothing(house: ApiHouse) -> None:
    owner = house.owner()
    etag = owner.post("/accounts", NEW).headers["etag"]
    changed = owner.patch(PATH, {"name": "青听内蒙古", "filed": None}, etag)
    assert changed.body["name"] == "青听内蒙古" and changed.body["filed"] is None
    assert (changed.body["track"], changed.body["unit"]) == ("league", "HH")
    late = owner.patch(PATH, {"name": "别的"}, etag)
    assert (late.status, late.body["code"]) == (412, "api.changed")
    assert owner.patch(PATH, {"name": "别的"}).body["code"] == "api.no_match"


def test_what_is_wrong_is_refused_without_a_word_of_the_secret(house: ApiHouse) -> None:
    owner = house.owner()
    for wrong in (
        {"credentials": {"identifier": "nm.example.cn", "app_password": "canary-4711"}},
        {"credentials": {"identifier": "nm.example.cn", "handle": "canary-4711"}},
        {"credentials": {"identifier": "nm.example.cn", "app_password": ["canary-4711"]}},
        {"platform": "nowhere"},
        {"api_base": "file:///etc"},
    ):
        answer = owner.post("/accounts", NEW | wrong)
        assert answer.status == 422 and b"canary" not in answer.raw, answer.body
    assert owner.get(PATH).status == 404
    owner.post("/accounts", NEW)
    assert owner.post("/accounts", NEW).body["problems"][0]["code"] == "account.exists"


def test_an_account_moves_only_where_one_may_write(house: ApiHouse) -> None:
    house.owner().post("/accounts", NEW)
    person = house.person("li", Role.ADMINISTRATOR, "HH")
    caller = house.caller(house.key(person, Act.ACCOUNT_READ, Act.ACCOUNT_WRITE))
    etag = caller.get(PATH).headers["etag"]
    assert caller.patch(PATH, {"unit": "BT"}, etag).status == 404
    assert caller.post("/accounts", NEW | {"handle": "x.example.cn", "unit": "BT"}).status == 404
    assert caller.patch(PATH, {"unit": "HH-1"}, etag).body["unit"] == "HH-1"


def test_a_file_of_accounts_is_taken_whole_or_not_at_all(house: ApiHouse) -> None:
    owner = house.owner()
    head = "platform,handle,unit,identifier,app_password\n"
    good = f"bluesky,a.example.cn,HH,a.example.cn,{PASSWORD}\n"
    refused = owner.send(
        "/accounts/import", "a.csv", (head + good + "bluesky,b.example.cn,XX,b,c\n").encode()
    )
    assert refused.status == 422 and owner.get("/accounts/bluesky:a.example.cn").status == 404
    taken = owner.send("/accounts/import", "a.csv", (head + good).encode())
    assert taken.body == {"added": ["bluesky:a.example.cn"], "updated": []}
    assert PASSWORD.encode() not in refused.raw + taken.raw


def test_a_test_of_the_account_tells_what_the_platform_says(scene: Scene, monkeypatch: Any) -> None:
    from connectors import Finding, Label
    from organisation.access import Checked

    told = Finding(False, Label("令牌过期", "the token expired"), Label("重新授权", "authorise again"))
    monkeypatch.setattr("scheduler.checking.check_account", lambda *_: Checked((told,), reached=True))
    answer = scene.house.caller(scene.house.key(scene.owner)).post("/accounts/webhook:HH/check")
    assert (answer.body["fine"], answer.body["findings"][0]["remedy_zh"]) == (False, "重新授权")
