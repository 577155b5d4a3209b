"""The control routes and the page for people."""

from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.readers import ensure_history
from sandbox.world import SandboxAccount


class Control:
    def __init__(self, url: str) -> None:
        self._url = f"{url}/_control"

    def get(self, path: str, **params: str) -> requests.Response:
        return requests.get(f"{self._url}{path}", params=params, timeout=5)

    def post(self, path: str, body: object) -> requests.Response:
        return requests.post(f"{self._url}{path}", json=body, timeout=5)


@pytest.fixture
def control(sandbox: Any) -> Control:
    return Control(sandbox.url)


def test_the_clock_is_read_and_set(control: Control, sandbox: Any) -> None:
    assert control.get("/clock").json() == {"now": "2026-03-02T01:00:00+00:00"}
    assert control.post("/clock", {"now": "2026-03-05T08:00:00+08:00"}).json() == {
        "now": "2026-03-05T00:00:00+00:00"
    }
    assert sandbox.world.now().isoformat() == "2026-03-05T00:00:00+00:00"


def test_a_moment_without_a_zone_is_refused(control: Control) -> None:
    assert control.post("/clock", {"now": "2026-03-05T08:00:00"}).status_code == 422
    account = {"platform": "webhook", "account": "a", "founded": "2026-01-01T00:00:00"}
    assert control.post("/accounts", account).status_code == 422


def test_a_reset_forgets_everything(control: Control, sandbox: Any) -> None:
    control.post("/accounts", {"platform": "webhook", "account": "a"})
    sandbox.world.publish("webhook", "a", remote_id="1", title="t", text="x")
    told = control.post("/reset", {"seed": 7, "now": "2026-01-01T00:00:00Z", "real_time": False}).json()
    assert told == {"now": "2026-01-01T00:00:00+00:00"}
    assert (sandbox.world.seed, sandbox.world.accounts, sandbox.world.published) == (7, {}, [])
    assert sandbox.world.by_key("webhook", "a", "k") is None


def test_a_world_in_real_time_runs(control: Control, sandbox: Any) -> None:
    control.post("/reset", {"now": "2026-01-01T00:00:00Z", "real_time": True})
    first = sandbox.world.now()
    while sandbox.world.now() == first:
        pass
    assert sandbox.world.now() - first < timedelta(minutes=1)


def test_one_account_or_several_are_added(control: Control, sandbox: Any) -> None:
    one = {"platform": "webhook", "account": "a", "credentials": {"token": "t"}, "strength": 2.5}
    assert control.post("/accounts", one).json() == {"accounts": 1}
    several = [{"platform": "weibo", "account": name, "switches": {"cover": False}} for name in "bc"]
    assert control.post("/accounts", several).json() == {"accounts": 3}
    account = sandbox.world.account("webhook", "a")
    assert (account.strength, account.credentials, account.followers) == (2.5, {"token": "t"}, 10_000)


def test_faults_replace_the_earlier_ones(control: Control, sandbox: Any) -> None:
    control.post("/accounts", {"platform": "webhook", "account": "a"})
    control.post("/faults", [{"kind": "status", "value": "503"}])
    assert requests.get(f"{sandbox.url}/webhook/lookup?id=1", timeout=5).status_code == 503
    assert control.post("/faults", []).json() == {"faults": 0}
    assert requests.get(f"{sandbox.url}/webhook/lookup?id=1", timeout=5).status_code == 404


def test_an_unknown_kind_of_fault_is_refused(control: Control, sandbox: Any) -> None:
    answer = control.post("/faults", [{"kind": "earthquake"}])
    assert answer.status_code == 422
    assert "cut_after" in answer.text
    assert sandbox.world.faults == []


def test_what_was_published_is_told_by_platform_and_account(control: Control, sandbox: Any) -> None:
    for platform, account in (("webhook", "a"), ("webhook", "b"), ("weibo", "a")):
        sandbox.world.publish(platform, account, remote_id=f"{platform}{account}", title="题", text="文")
    assert len(control.get("/published").json()) == 3
    assert [item["account"] for item in control.get("/published", platform="webhook").json()] == ["a", "b"]
    (item,) = control.get("/published", platform="weibo", account="a").json()
    assert (item["title"], item["at"], item["sequence"]) == ("题", "2026-03-02T01:00:00Z", 3)


def test_counts_tell_what_arrived_twice(control: Control, sandbox: Any) -> None:
    world = sandbox.world
    world.publish("webhook", "a", remote_id="1", title="", text="x", key="k-1").received += 2
    for number in (2, 3):
        world.publish("weibo", "a", remote_id=str(number), title="", text="same")
    ensure_history(world, world.add_account(SandboxAccount("wechat", "c", posts_per_week=7.0)))
    assert control.get("/counts").json() == [
        {"platform": "webhook", "account": "a", "key": "k-1", "publications": 1, "received": 3},
        {"platform": "weibo", "account": "a", "key": "same", "publications": 2, "received": 2},
    ]


def test_calls_are_counted_by_path(control: Control, sandbox: Any) -> None:
    for _ in range(3):
        requests.get(f"{sandbox.url}/webhook/lookup?id=1", timeout=5)
    assert control.get("/calls").json() == {"GET /webhook/lookup": 3}


# The page.


def test_the_page_escapes_everything_and_loads_nothing(control: Control, sandbox: Any) -> None:
    evil = "<script>alert(1)</script>\"'&"
    sandbox.world.add_account(SandboxAccount("webhook", evil))
    sandbox.world.publish("webhook", evil, remote_id=evil, title=evil, text=evil)
    answer = control.get("/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = answer.text
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5
    assert not [mark for mark in ("http://", "https://", "src=", "<link", "@import", "url(") if mark in page]
    assert "default-src 'none'" in page


def test_the_page_is_cut_into_pages_newest_first(control: Control, sandbox: Any) -> None:
    sandbox.world.add_account(SandboxAccount("webhook", "a"))
    for number in range(120):
        sandbox.world.publish("webhook", "a", remote_id=str(number), title=f"第{number}篇", text="文")
    first, last = control.get("/").text, control.get("/", page="3").text
    assert first.index("第119篇") < first.index("第118篇") < first.index("第70篇")
    assert "第69篇" not in first
    assert "下一页" in first and "上一页" not in first
    assert "第0篇" in last and "下一页" not in last and "上一页" in last
    assert control.get("/", page="99").text == last
    assert control.get("/", page="0").status_code == 422


def test_the_page_shows_one_account_alone(control: Control, sandbox: Any) -> None:
    for name in ("a", "b"):
        sandbox.world.add_account(SandboxAccount("webhook", name))
        sandbox.world.publish("webhook", name, remote_id=name, title=f"{name}的文章", text="文")
    page = control.get("/", account="webhook:b").text
    assert "b的文章" in page
    assert "a的文章" not in page
    assert "webhook:a" in page


def test_an_empty_world_has_a_page(control: Control) -> None:
    assert "还没有发布内容" in control.get("/").text
