"""The double of Weibo keeps to the sheet's simulator contract (section 8), seen by a plain client."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.platforms._weibo_statuses import address
from sandbox.readers import followers
from sandbox.world import BEIJING, SandboxAccount, World

TOKEN = "2.00madeUpToken"
LINK = "https://youth.example.org/1"
SHARE = "/2/statuses/share.json"
TIMELINE = "/2/statuses/user_timeline.json"
COUNT = "/2/statuses/count.json"
ARTICLE = "/proxy/article/publish.json"
GIF = b"GIF89a" + b"\0" * 20


class Client:
    """What a caller can do: one account, its token in the header."""

    def __init__(self, world: World, url: str) -> None:
        self.world, self._url = world, f"{url}/weibo"
        self.account = world.add_account(
            SandboxAccount(
                "weibo",
                "binhe",
                {"access_token": TOKEN, "uid": "5500001234"},
                {"safe_domain": "youth.example.org"},
            )
        )
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"OAuth2 {TOKEN}"

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.session.get(self._url + path, params=params, timeout=10)

    def post(self, path: str, form: dict[str, str], pic: bytes | None = None) -> requests.Response:
        files = {"pic": ("picture", pic)} if pic is not None else None
        return self.session.post(self._url + path, data=form, files=files, timeout=10)

    def share(self, text: str, pic: bytes | None = None) -> requests.Response:
        return self.post(SHARE, {"status": text, "rip": "203.0.113.9"}, pic)

    def later(self, **delta: float) -> None:
        self.world.move_to(self.world.now() + timedelta(**delta))


@pytest.fixture
def client(sandbox: Any) -> Iterator[Client]:
    made = Client(sandbox.world, sandbox.url)
    yield made
    made.session.close()


def code(answer: requests.Response) -> int | str:
    assert answer.status_code in (400, 403)
    body = answer.json()
    assert sorted(body) == ["error", "error_code", "request"] and body["error"]
    found: int | str = body["error_code"]
    return found


def test_a_share_comes_back_as_readers_see_it(client: Client) -> None:
    body = client.share(f"#青春志愿周# 同日启动 {LINK}", GIF).json()
    assert body["text"].startswith(" 同日启动 http://t.cn/A6") and "#" not in body["text"]
    assert body["created_at"] == "Mon Mar 02 09:00:00 +0800 2026"
    assert str(body["id"]) == body["mid"] == body["idstr"]
    assert body["user"]["idstr"] == "5500001234" and body["pic_urls"]
    (item,) = client.world.of("weibo", "binhe")
    assert (item.remote_id, item.text) == (body["idstr"], body["text"])
    assert item.url == address("5500001234", body["idstr"])


def test_the_address_of_the_known_pair() -> None:
    assert address("1", "3501756485200075") == "https://weibo.com/1/z0JH2lOMb"


@pytest.mark.parametrize(
    ("text", "picture", "expected"),
    [
        ("没有链接", None, 10017),
        ("别处 https://youth.example.org.evil.test/", None, 10017),
        (" ", None, 20008),
        ("字" * 131 + LINK, None, 20012),
        (f"假图 {LINK}", b"<svg/>", 20005),
        (f"大图 {LINK}", GIF.ljust(5 * 1024 * 1024, b"\0"), 20006),
        (f"违禁词 {LINK}", None, 20021),
        (f"敏感词 {LINK}", None, 21602),
    ],
)
def test_a_share_is_checked_first(client: Client, text: str, picture: bytes | None, expected: int) -> None:
    client.account.switches["sensitive"] = {"违禁词": 20021, "敏感词": 21602}
    answer = client.share(text, picture)
    assert code(answer) == expected and answer.json()["request"] == SHARE
    assert client.world.of("weibo", "binhe") == []


def test_a_text_of_just_140_characters_is_taken(client: Client) -> None:
    assert client.share("字" * 130 + LINK).ok


def test_a_share_without_the_user_s_ip_is_refused(client: Client) -> None:
    assert code(client.post(SHARE, {"status": f"无 {LINK}"})) == 10016


def test_a_repeat_is_refused_for_a_day_and_counted(client: Client) -> None:
    client.share(f"同文 {LINK}")
    client.later(hours=23)
    assert code(client.share(f"同文 {LINK}")) == 20019
    assert client.world.of("weibo", "binhe")[0].received == 2
    client.later(hours=2)
    assert client.share(f"同文 {LINK}").ok


def test_thirty_posts_an_hour_are_enough(client: Client) -> None:
    for number in range(30):
        assert client.share(f"第 {number} 条 {LINK}").ok
    assert code(client.share(f"第 31 条 {LINK}")) == 20016
    client.later(hours=1, seconds=1)
    assert client.share(f"第 31 条 {LINK}").ok


def test_a_hundred_calls_a_day_are_enough_until_midnight_in_beijing(client: Client) -> None:
    for _ in range(100):
        assert client.get("/2/account/get_uid.json").json() == {"uid": 5500001234}
    assert code(client.get("/2/account/get_uid.json")) == 10023
    limits = client.get("/2/account/rate_limit_status.json").json()
    assert (limits["remaining_user_hits"], limits["user_limit"]) == (0, 100)
    assert limits["reset_time"] == "2026-03-03 00:00:00"
    client.later(hours=15)
    assert client.get("/2/account/get_uid.json").ok


def test_the_timeline_never_shows_more_than_five(client: Client) -> None:
    for number in range(7):
        client.share(f"第 {number} 条 {LINK}")
        client.later(seconds=1)
    body = client.get(TIMELINE, count=50, trim_user=1).json()
    assert [status["text"][2] for status in body["statuses"]] == ["6", "5", "4", "3", "2"]
    assert body["total_number"] == 7 and "user" not in body["statuses"][0]
    assert client.get(TIMELINE, page=2).json()["statuses"] == []
    ids = client.get("/2/statuses/user_timeline/ids.json", count=2).json()["statuses"]
    assert ids == [status["idstr"] for status in body["statuses"][:2]]


def test_the_timeline_holds_what_people_posted_by_hand(client: Client) -> None:
    client.account.posts_per_week = 40
    body = client.get(TIMELINE).json()
    assert len(body["statuses"]) == 5
    assert any("retweeted_status" in status for status in body["statuses"])


def test_a_post_can_be_shown_until_it_is_deleted(client: Client) -> None:
    mid = client.share(f"一条 {LINK}").json()["idstr"]
    assert client.get("/2/statuses/show.json", id=mid).json()["idstr"] == mid
    client.world.of("weibo", "binhe")[0].extra["deleted"] = True
    assert code(client.get("/2/statuses/show.json", id=mid)) == 20101
    assert client.get(TIMELINE).json()["statuses"] == []
    assert client.get(COUNT, ids=mid).json() == []


def test_counts_leave_out_ids_that_are_not_the_account_s(client: Client) -> None:
    mid = client.share(f"一条 {LINK}").json()["idstr"]
    client.later(days=3)
    (row,) = client.get(COUNT, ids=f"{mid},123").json()
    assert sorted(row) == ["attitudes", "comments", "id", "reposts"]
    assert str(row["id"]) == mid and row["attitudes"] > 0


@pytest.mark.parametrize("ids", ["", "x", ",".join(map(str, range(1, 102)))])
def test_counts_want_one_to_a_hundred_ids(client: Client, ids: str) -> None:
    assert code(client.get(COUNT, ids=ids)) == 10008


def test_the_user_is_known_by_counts_and_by_show(client: Client) -> None:
    (row,) = client.get("/2/users/counts.json", uids="5500001234,1").json()
    user = client.get("/2/users/show.json", uid="5500001234").json()
    today = client.world.now().astimezone(BEIJING).date()
    expected = followers(client.world, client.account, today)
    assert row["followers_count"] == user["followers_count"] == expected
    assert client.get("/2/users/counts.json", uids="1").json() == []
    assert code(client.get("/2/users/show.json", uid="1")) == 20003


def test_a_token_ends_and_cannot_be_renewed(client: Client) -> None:
    client.account.switches["expires_at"] = (client.world.now() + timedelta(days=1)).isoformat()
    info = client.post("/oauth2/get_token_info", {"access_token": TOKEN}).json()
    assert (info["uid"], info["expire_in"]) == (5500001234, 86_400)
    assert code(client.post("/oauth2/access_token", {"grant_type": "refresh_token"})) == 10020
    client.later(days=1)
    assert code(client.get(TIMELINE)) == 21327


def test_tokens_are_wanted_known_and_not_revoked(client: Client) -> None:
    assert client.post("/oauth2/revokeoauth2", {}).json() == {"result": "true"}
    assert code(client.get(TIMELINE)) == 21317
    client.session.headers["Authorization"] = "OAuth2 unknown"
    assert code(client.get(TIMELINE)) == 21332
    del client.session.headers["Authorization"]
    assert code(client.get(TIMELINE)) == 10006


def test_a_token_may_stand_in_the_form(client: Client) -> None:
    del client.session.headers["Authorization"]
    assert client.post(SHARE, {"status": f"表单 {LINK}", "rip": "203.0.113.9", "access_token": TOKEN}).ok


def test_closed_interfaces_and_wrong_methods_are_refused(client: Client) -> None:
    assert code(client.post("/2/statuses/update.json", {"status": "x"})) == 10020
    assert code(client.get(SHARE)) == 10021


def test_numbers_and_error_codes_can_be_text(client: Client) -> None:
    client.account.switches.update(numbers_as_text=1.0, error_code_as_text=True)
    body = client.share(f"文字 {LINK}").json()
    assert body["id"] == body["idstr"] and body["reposts_count"] == "0" and body["favorited"] is False
    assert code(client.share(f"文字 {LINK}")) == "20019"


def test_any_code_can_be_forced_on_a_path(client: Client) -> None:
    client.account.switches["error_code"] = {SHARE: 20015}
    answer = client.share(f"强制 {LINK}")
    assert (code(answer), answer.status_code) == (20015, 403)
    assert client.get(TIMELINE).ok


def article(**changes: str) -> dict[str, str]:
    return {
        "title": "题",
        "content": "%3Cp%3Ea%20b%3C%2Fp%3E",
        "text": "随文",
        "rip": "203.0.113.9",
    } | changes


def test_an_article_is_published_with_its_post(client: Client) -> None:
    body = client.post(ARTICLE, article()).json()
    assert (body["code"], body["msg"]) == (100000, "")
    (item,) = client.world.of("weibo", "binhe")
    assert (item.title, item.extra["article"], item.remote_id) == ("题", "<p>a b</p>", body["data"]["mid"])
    assert item.text.startswith("随文 http://t.cn/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": "a+b"},
        {"content": "<p>plain</p>"},
        {"content": ""},
        {"title": "题" * 33},
        {"text": "博" * 1_901},
        {"rip": ""},
    ],
)
def test_an_article_is_checked_first(client: Client, wrong: dict[str, str]) -> None:
    answer = client.post(ARTICLE, article(**wrong))
    assert answer.status_code == 200
    assert answer.json()["code"] == 10008 and answer.json()["data"] == []
    assert client.world.of("weibo", "binhe") == []


def test_articles_have_their_own_table_and_need_permission(client: Client) -> None:
    client.account.switches["error_code"] = {ARTICLE: 11002}
    assert client.post(ARTICLE, article()).json()["code"] == 11002
    client.account.switches.update(error_code={}, hourly_posts=0)
    assert client.post(ARTICLE, article()).json()["code"] == 11001
    client.account.switches["article"] = False
    assert code(client.post(ARTICLE, article())) == 10014
