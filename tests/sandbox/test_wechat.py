"""WeChat's double against the sheet's simulator contract (section 12), spoken to as any client would."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest
import requests

from config import ManualClock
from sandbox.platforms._wechat_events import events_of
from sandbox.world import BEIJING, SandboxAccount, World

CREDENTIALS = {"appid": "wx9f2c61d0a7b3e845", "secret": "0" * 32}
ADD, SUBMIT, GET = "/cgi-bin/draft/add", "/cgi-bin/freepublish/submit", "/cgi-bin/freepublish/get"
SENDALL = "/cgi-bin/message/mass/sendall"
TOTALS = "/datacube/getarticletotaldetail"


class Client:
    """A plain client of one account."""

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock, self.base = world, clock, f"{url}/wechat"
        self.account = world.add_account(SandboxAccount("wechat", "binhe", dict(CREDENTIALS)))
        self.token = ""

    def raw(self, path: str, body: object = None, **query: str) -> requests.Response:
        params = {"access_token": self.token, **query}
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        return requests.post(f"{self.base}{path}", data=data, params=params, timeout=5)

    def post(self, path: str, body: object = None, **query: str) -> dict[str, Any]:
        answer = self.raw(path, body, **query)
        assert answer.status_code == 200
        answer.encoding = "utf-8"
        found: dict[str, Any] = answer.json()
        return found

    def stable(self, changes: Mapping[str, str] | None = None, *, force: bool = False) -> dict[str, Any]:
        body = {"grant_type": "client_credential", **CREDENTIALS, "force_refresh": force, **(changes or {})}
        return self.post("/cgi-bin/stable_token", body)

    def classic(self) -> dict[str, Any]:
        query = {"grant_type": "client_credential", **CREDENTIALS}
        found: dict[str, Any] = requests.get(f"{self.base}/cgi-bin/token", params=query, timeout=5).json()
        return found

    def code(self, token: str) -> int:
        """What a call with this token answers."""
        answer = requests.post(f"{self.base}/cgi-bin/draft/count", params={"access_token": token}, timeout=5)
        return int(answer.json().get("errcode", 0))

    def cover(self) -> str:
        answer = requests.post(
            f"{self.base}/cgi-bin/material/add_material",
            params={"access_token": self.token, "type": "image"},
            files={"media": ("a.png", b"picture", "image/png")},
            timeout=5,
        )
        return str(answer.json()["media_id"])

    def draft(self, **changes: Any) -> dict[str, Any]:
        article = {"title": "t", "content": "<p>x</p>", "thumb_media_id": self.cover(), **changes}
        return self.post(ADD, {"articles": [article]})

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.world.move_to(self.clock.now())


@pytest.fixture
def client(sandbox: Any, clock: ManualClock) -> Client:
    client = Client(sandbox.world, clock, sandbox.url)
    client.token = client.stable()["access_token"]
    return client


def test_some_answers_are_text_plain_without_a_charset(client: Client) -> None:
    draft = client.draft(title="青年之声")

    got = client.raw("/cgi-bin/draft/get", {"media_id": draft["media_id"]})

    assert got.headers["content-type"] == "text/plain"
    assert "青年之声" in got.content.decode() and "青年之声" not in got.text
    assert "errcode" not in draft


def test_the_stable_token_stays_until_five_minutes_before_its_end(client: Client) -> None:
    client.wait(7200 - 301)
    last = client.stable()
    assert (last["access_token"], last["expires_in"]) == (client.token, 301)

    client.wait(1)
    new = client.stable()["access_token"]

    assert new != client.token
    assert (client.code(client.token), client.code(new)) == (0, 0)
    client.wait(300)
    assert (client.code(client.token), client.code(new)) == (42001, 0)


def test_a_forced_token_kills_the_old_at_once_but_not_twice_in_thirty_seconds(client: Client) -> None:
    new = client.stable(force=True)["access_token"]
    assert (client.code(client.token), client.code(new)) == (40001, 0)

    assert client.stable(force=True)["access_token"] == new
    client.wait(31)
    assert client.stable(force=True)["access_token"] != new


def test_force_works_twenty_times_a_day(client: Client) -> None:
    for _ in range(20):
        client.stable(force=True)
        client.wait(31)
    last = client.stable()["access_token"]

    assert client.stable(force=True)["access_token"] == last


def test_a_classic_token_retires_the_older_classic_one_only(client: Client) -> None:
    first = client.classic()["access_token"]
    second = client.classic()["access_token"]
    client.wait(301)

    assert [client.code(token) for token in (first, second, client.token)] == [42001, 0, 0]


@pytest.mark.parametrize(
    ("changes", "code"), [({"appid": "wx0"}, 40013), ({"secret": "1"}, 40125), ({"grant_type": "x"}, 40002)]
)
def test_wrong_credentials_are_told_apart(client: Client, changes: dict[str, str], code: int) -> None:
    assert client.stable(changes)["errcode"] == code


@pytest.mark.parametrize(("token", "code"), [("", 41001), ("91_zz_1", 40001), ("91_62696e6865_x", 40001)])
def test_bad_tokens_are_told_apart(client: Client, token: str, code: int) -> None:
    assert client.code(token) == code


def test_an_address_off_the_whitelist_is_named_and_every_error_has_a_trace(client: Client) -> None:
    client.account.switches["ip_not_listed"] = True

    answer = client.stable()

    assert answer["errcode"] == 40164
    assert "127.0.0.1" in answer["errmsg"] and " rid: " in answer["errmsg"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": "t" * 33}, 45003),
        ({"title": ""}, 45003),
        ({"author": "a" * 17}, 45110),
        ({"digest": "d" * 121}, 45004),
        ({"content": "c" * 20_000}, 45002),
        ({"content": ""}, 44004),
        ({"content_source_url": "ftp://x"}, 41039),
        ({"thumb_media_id": "foreign"}, 40007),
        ({"thumb_media_id": ""}, 40007),
        ({"article_type": "newspic", "content": "x"}, 40035),
    ],
)
def test_a_draft_is_checked(client: Client, changes: dict[str, Any], code: int) -> None:
    assert client.draft(**changes)["errcode"] == code


def test_foreign_pictures_and_scripts_vanish_without_a_word(client: Client) -> None:
    own = '<img src="http://mmbiz.qpic.cn/a/0">'
    client.draft(content=f'<p>x</p><img src="https://e.org/a.png">{own}<script>1</script>')

    (draft,) = client.account.state["drafts"].values()
    assert draft["news_item"][0]["content"] == f"<p>x</p>{own}"


def test_escaped_chinese_is_refused(client: Client) -> None:
    article = {"title": "t", "content": "x", "thumb_media_id": client.cover(), "author": "青年"}
    escaped = requests.post(
        f"{client.base}{ADD}", params={"access_token": client.token}, json={"articles": [article]}, timeout=5
    )

    assert escaped.json()["errcode"] == 40033  # requests' own json= escapes


def test_update_takes_one_object_counted_from_zero(client: Client) -> None:
    media_id = client.draft()["media_id"]
    article = {"title": "new", "content": "x", "thumb_media_id": client.cover()}

    def update(index: int, articles: object) -> int:
        body = {"media_id": media_id, "index": index, "articles": articles}
        return int(client.post("/cgi-bin/draft/update", body)["errcode"])

    assert [update(0, [article]), update(1, article), update(0, article)] == [47001, 40114, 0]
    assert client.account.state["drafts"][media_id]["news_item"][0]["title"] == "new"


def test_a_page_holds_one_to_twenty(client: Client) -> None:
    for _ in range(3):
        client.draft()

    page = client.post("/cgi-bin/draft/batchget", {"offset": 1, "count": 1, "no_content": 1})

    assert (page["total_count"], page["item_count"]) == (3, 1)
    assert "content" not in page["item"][0]["content"]["news_item"][0]
    assert client.post("/cgi-bin/draft/batchget", {"offset": 0, "count": 21})["errcode"] == 40035


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [(b"", "image/png", 44001), (b"x", "image/gif", 40137), (b"x" * 1024 * 1024, "image/png", 40009)],
)
def test_a_picture_inside_an_article_is_checked(
    client: Client, content: bytes, content_type: str, code: int
) -> None:
    answer = requests.post(
        f"{client.base}/cgi-bin/media/uploadimg",
        params={"access_token": client.token},
        files={"media": ("a.png", content, content_type)},
        timeout=5,
    )

    assert answer.json()["errcode"] == code


def test_an_upload_without_its_field_is_told(client: Client) -> None:
    answer = requests.post(
        f"{client.base}/cgi-bin/media/uploadimg", params={"access_token": client.token}, timeout=5
    )

    assert answer.json()["errcode"] == 41005


def test_a_job_ends_by_the_clock_and_its_draft_is_gone_at_once(client: Client) -> None:
    media_id = client.draft()["media_id"]
    submitted = client.post(SUBMIT, {"media_id": media_id})
    assert isinstance(submitted["publish_id"], int)
    assert client.post("/cgi-bin/draft/get", {"media_id": media_id})["errcode"] == 40007
    assert client.post(SUBMIT, {"media_id": media_id})["errcode"] == 40007

    before = client.post(GET, {"publish_id": submitted["publish_id"]})
    client.wait(2)
    after = client.post(GET, {"publish_id": str(submitted["publish_id"])})

    assert (before["publish_status"], after["publish_status"]) == (1, 0)
    assert after["publish_id"] == str(submitted["publish_id"])
    address = after["article_detail"]["item"][0]["article_url"]
    assert f"mid={submitted['publish_id']}&idx=1" in address
    assert client.world.of("wechat", "binhe")[0].url == address


@pytest.mark.parametrize("status", [2, 3, 4])
def test_a_failed_job_publishes_nothing(client: Client, status: int) -> None:
    client.account.switches |= {"publish_status": status, "publish_delay": 60}
    job = client.post(SUBMIT, {"media_id": client.draft()["media_id"]})
    client.wait(60)

    told = client.post(GET, {"publish_id": job["publish_id"]})

    assert (told["publish_status"], told["fail_idx"]) == (status, [1])
    assert not client.world.of("wechat", "binhe")


def test_a_withdrawn_publication_says_so(client: Client) -> None:
    job = client.post(SUBMIT, {"media_id": client.draft()["media_id"]})
    client.wait(2)
    told = client.post(GET, {"publish_id": job["publish_id"]})
    assert client.post("/cgi-bin/freepublish/getarticle", {"article_id": told["article_id"]})["news_item"]

    client.post("/cgi-bin/freepublish/delete", {"article_id": told["article_id"]})

    assert client.post(GET, {"publish_id": job["publish_id"]})["publish_status"] == 5
    listed = client.post("/cgi-bin/freepublish/batchget", {"offset": 0, "count": 20})
    assert listed["item"][0]["content"]["news_item"][0]["is_deleted"]


def test_an_unknown_job_and_article_are_told(client: Client) -> None:
    assert client.post(GET, {"publish_id": "7"})["errcode"] == 53502
    assert client.post("/cgi-bin/freepublish/getarticle", {"article_id": "7"})["errcode"] == 53600


@pytest.mark.parametrize("switches", [{"verified": False}, {"subject": "personal"}])
@pytest.mark.parametrize("path", [SUBMIT, SENDALL, TOTALS, "/cgi-bin/user/get"])
def test_an_unverified_account_may_draft_and_no_more(
    client: Client, switches: dict[str, Any], path: str
) -> None:
    client.account.switches = switches

    assert client.post(path)["errcode"] == 48001
    assert client.draft()["media_id"]


def sendall(client: Client, key: str, **changes: Any) -> dict[str, Any]:
    media_id = client.draft()["media_id"]
    body = {
        "filter": {"is_to_all": True},
        "msgtype": "mpnews",
        "mpnews": {"media_id": media_id},
        "clientmsgid": key,
        **changes,
    }
    return client.post(SENDALL, body)


def test_a_repeated_clientmsgid_gives_the_first_id_for_a_day(client: Client) -> None:
    first = sendall(client, "d1")
    assert sendall(client, "d1")["errcode"] == 45066
    client.wait(61)
    again = sendall(client, "d1")
    assert (again["errcode"], again["msg_id"]) == (45065, first["msg_id"])
    assert client.world.of("wechat", "binhe")[0].key == "d1"

    client.wait(86_400)
    client.token = client.stable()["access_token"]

    assert sendall(client, "d1")["errcode"] == 0


def test_the_quota_follows_beijings_calendar(client: Client) -> None:
    client.clock.move_to(datetime(2026, 3, 2, 23, 59, tzinfo=BEIJING))
    client.wait(0)
    client.token = client.stable()["access_token"]
    assert sendall(client, "d1")["errcode"] == 0
    assert sendall(client, "d2")["errcode"] == 45028

    client.wait(60)

    assert sendall(client, "d2")["errcode"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"clientmsgid": "k" * 33}, 45067),
        ({"msgtype": "text"}, 40008),
        ({"filter": {"is_to_all": False, "tag_id": 7}}, 45159),
    ],
)
def test_a_mass_send_is_checked(client: Client, changes: dict[str, Any], code: int) -> None:
    assert sendall(client, "d1", **changes)["errcode"] == code


def test_a_mass_send_is_not_among_the_publications(client: Client) -> None:
    sent = sendall(client, "d1")
    client.wait(2)

    assert (
        client.post("/cgi-bin/message/mass/get", {"msg_id": sent["msg_id"]})["msg_status"] == "SEND_SUCCESS"
    )
    assert client.post("/cgi-bin/freepublish/batchget", {"offset": 0, "count": 20})["total_count"] == 0
    assert client.post("/cgi-bin/message/mass/get", {"msg_id": 7})["errcode"] == 40035


@pytest.mark.parametrize("copies", [0, 1, 2])
def test_events_come_as_often_as_switched(client: Client, copies: int) -> None:
    client.account.switches |= {"callback": {"token": "t", "aes_key": "A" * 43}, "events": copies}
    client.post(SUBMIT, {"media_id": client.draft()["media_id"]})
    client.wait(2)
    client.post("/cgi-bin/draft/count")

    assert len(events_of(client.account)) == copies


class Listener:
    """A callback address that keeps what is posted to it, in order of coming."""

    def __init__(self) -> None:
        self.posts: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        posts = self.posts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                posts.put((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "7")
                self.end_headers()
                self.wfile.write(b"success")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/callback"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.stop()


@pytest.mark.parametrize("copies", [1, 2])
def test_events_are_carried_to_the_callback_when_a_job_ends(
    client: Client, listener: Listener, copies: int
) -> None:
    keys = {"token": "t", "aes_key": "A" * 43, "url": listener.url}
    client.account.switches |= {"callback": keys, "events": copies}
    client.post(SUBMIT, {"media_id": client.draft()["media_id"]})
    assert listener.posts.empty()
    client.wait(2)
    client.post("/cgi-bin/draft/count")
    posted = [listener.posts.get(timeout=10) for _ in range(copies)]
    assert len(set(posted)) == 1, "a repeat is the same request"
    path, body = posted[0]
    assert path.startswith("/callback?timestamp=") and "msg_signature=" in path
    assert body == events_of(client.account)[0].body


def test_a_job_ends_by_itself_in_a_world_of_real_time(client: Client, listener: Listener) -> None:
    client.world.reset(real_time=True)
    client.account = client.world.add_account(client.account)
    client.account.state.clear()
    client.token = str(client.stable()["access_token"])
    client.account.switches |= {
        "callback": {"token": "t", "aes_key": "A" * 43, "url": listener.url},
        "publish_delay": 0.2,
    }
    client.post(SUBMIT, {"media_id": client.draft()["media_id"]})
    assert listener.posts.get(timeout=10)


def test_an_early_event_comes_before_the_answer(client: Client, listener: Listener) -> None:
    keys = {"token": "t", "aes_key": "A" * 43, "url": listener.url, "early": True}
    client.account.switches["callback"] = keys
    client.post(SUBMIT, {"media_id": client.draft()["media_id"]})
    assert not listener.posts.empty()


def test_a_callback_that_nobody_answers_holds_nothing_up(client: Client) -> None:
    keys = {"token": "t", "aes_key": "A" * 43, "url": "http://127.0.0.1:9/", "early": True}
    client.account.switches["callback"] = keys
    assert client.post(SUBMIT, {"media_id": client.draft()["media_id"]})["errcode"] == 0
    assert client.account.state["callback_answers"] == ["ConnectionRefusedError"]


def test_comments_and_the_live_followers_and_tags(client: Client) -> None:
    assert client.post("/cgi-bin/comment/list", {"msg_data_id": 1})["total"] == 0
    client.account.switches["comments"] = False

    assert client.post("/cgi-bin/comment/list", {"msg_data_id": 1})["errcode"] == 88000
    assert client.post("/cgi-bin/user/get")["total"] > 0
    assert client.post("/cgi-bin/tags/get")["tags"][0]["id"] == 103


def test_the_quota_tells_what_is_left(client: Client) -> None:
    client.account.switches["daily_limit"] = {ADD: 2}
    client.draft()

    quota = client.post("/cgi-bin/openapi/quota/get", {"cgi_path": ADD})["quota"]
    client.draft()

    assert quota == {"daily_limit": 2, "used": 1, "remain": 1}
    assert client.draft()["errcode"] == 45009
    assert client.post("/cgi-bin/openapi/quota/get", {"cgi_path": "draft/add"})["errcode"] == 76003


def days(begin: str, end: str) -> dict[str, str]:
    return {"begin_date": begin, "end_date": end}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (days("2026-03-02", "2026-03-02"), 61501),
        (days("2026-02-27", "2026-02-28"), 61501),
        (days("2026-02-28", "2026-02-27"), 61501),
        (days("28.2.2026", "2026-02-28"), 61500),
        ({}, 61500),
    ],
)
def test_statistics_refuse_wrong_days(client: Client, asked: dict[str, str], code: int) -> None:
    assert client.post(TOTALS, asked)["errcode"] == code


def test_yesterday_is_ready_at_eight(client: Client) -> None:
    for hour, ready in ((7, False), (8, True)):
        client.clock.move_to(datetime(2026, 3, 2, hour, tzinfo=BEIJING))
        client.wait(0)
        client.token = client.stable()["access_token"]
        answer = client.post(TOTALS, days("2026-03-01", "2026-03-01"))
        assert ("list" in answer) is ready
    assert client.post(TOTALS, days("2025-10-31", "2025-10-31"))["list"] == []


@pytest.mark.parametrize("name", ["getarticlesummary", "getarticletotal", "getuserread", "getusershare"])
def test_the_old_family_is_off_and_can_be_switched_on(client: Client, name: str) -> None:
    assert client.post(f"/datacube/{name}", days("2026-03-01", "2026-03-01"))["errcode"] == 47009
    client.account.switches["old_family"] = True
    assert client.post(f"/datacube/{name}", days("2026-03-01", "2026-03-01"))["list"] == []


def test_what_people_publish_by_hand_has_rows_that_grow_and_a_total_among_its_scenes(client: Client) -> None:
    client.account.posts_per_week = 7.0
    client.account.founded = datetime(2026, 2, 1, tzinfo=UTC)
    client.account.switches |= {"strange_scenes": 1.0, "is_delay": True}

    answer = client.post(TOTALS, days("2026-02-20", "2026-02-20"))

    article = answer["list"][0]
    reads = [row["read_user"] for row in article["detail_list"]]
    scenes = {
        scene["scene_desc"]: scene["user_count"] for scene in article["detail_list"][-1]["read_user_source"]
    }
    assert answer["is_delay"] is True
    assert reads == sorted(reads) and article["detail_list"][-1]["stat_date"] == "2026-03-01"
    assert scenes.pop("全部") == sum(scenes.values()) == reads[-1]
    assert "视频号直播间" in scenes
    assert article["msgid"].endswith("_1") and article["publish_type"] == 0


def test_the_days_of_an_account_add_up_to_its_articles(client: Client) -> None:
    at = datetime(2026, 2, 20, 2, tzinfo=UTC)
    client.world.publish("wechat", "binhe", remote_id="77", title="t", text="x", at=at)
    span = days("2026-02-20", "2026-03-01")

    per_day = [row["detail"]["read_user"] for row in client.post("/datacube/getbizsummary", span)["list"]]
    total = client.post(TOTALS, days("2026-02-20", "2026-02-20"))["list"][0]["detail_list"][-1]
    one_day = days("2026-02-20", "2026-02-20")
    first = client.post("/datacube/getarticleread", one_day)["list"][0]
    shares = client.post("/datacube/getarticleshare", one_day)["list"][0]

    assert sum(per_day) == total["read_user"] and len(per_day) == 10
    assert first["detail"]["read_user"] == per_day[0]
    assert shares["detail"]["share_user"] <= total["share_user"]


def test_followers_come_by_source_and_as_a_total(client: Client) -> None:
    span = days("2026-02-27", "2026-03-01")
    rows = client.post("/datacube/getusersummary", span)["list"]
    totals = [row["cumulate_user"] for row in client.post("/datacube/getusercumulate", span)["list"]]

    def net(day: str) -> int:
        return sum(row["new_user"] - row["cancel_user"] for row in rows if row["ref_date"] == day)

    assert len(rows) == 9 and totals[1] - totals[0] == net("2026-02-28")
    assert client.post("/datacube/getusersummary", days("2026-02-20", "2026-03-01"))["errcode"] == 61501


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(client: Client, body: bytes) -> None:
    answer = requests.post(f"{client.base}{ADD}", params={"access_token": client.token}, data=body, timeout=5)

    assert answer.json()["errcode"] == 47001


def test_an_unknown_path_is_told(client: Client) -> None:
    assert client.post("/cgi-bin/none")["errcode"] == 40066


def test_materials_can_be_counted_deleted_and_forbidden(client: Client) -> None:
    cover = client.cover()
    assert client.post("/cgi-bin/material/get_materialcount")["image_count"] == 1
    assert client.post("/cgi-bin/material/del_material", {"media_id": cover})["errcode"] == 0
    assert client.post("/cgi-bin/material/del_material", {"media_id": cover})["errcode"] == 40007
    client.account.switches["materials"] = False
    assert client.post("/cgi-bin/material/get_materialcount")["errcode"] == 48001


def test_a_draft_deleted_twice_is_fine(client: Client) -> None:
    media_id = client.draft()["media_id"]

    codes = [client.post("/cgi-bin/draft/delete", {"media_id": media_id})["errcode"] for _ in range(2)]

    assert codes == [0, 0]
