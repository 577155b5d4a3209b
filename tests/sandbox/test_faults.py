"""What each fault does to a call, seen with plain `requests` from outside."""

import gzip
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.faults import KINDS
from sandbox.platforms.webhook import example
from sandbox.world import Fault, World

BODY = {"id": "k-1", "account": "league", "seq": 1, "title": "标题", "text": "正文", "media": []}

TOUCHED = {  # does the platform do it?
    **dict.fromkeys(("cut_before", "status", "throttle", "html", "redirect", "redirect_307"), False),
    **dict.fromkeys(
        ("cut_after", "hang", "slow_bytes", "status_after", "html_after", "truncated_json"), True
    ),
    **dict.fromkeys(("null", "nan", "duplicate_keys", "deep", "gbk", "bom", "huge", "gzip_bomb"), True),
}


class Site:
    """A webhook site in the world, called as a stranger would."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.url = f"{url}/webhook/publish"
        self._headers = {"Idempotency-Key": "k-1"}
        token = example(world, "league").credentials["token"]
        self._headers["Authorization"] = f"Bearer {token}"

    def strike(self, kind: str, value: str = "", **where: Any) -> None:
        self.world.set_faults(Fault(kind, value=value, **where))

    def post(self, **options: Any) -> requests.Response:
        return requests.post(
            self.url, json=BODY, headers=self._headers, timeout=5, allow_redirects=False, **options
        )


@pytest.fixture
def site(sandbox: Any) -> Site:
    return Site(sandbox.world, sandbox.url)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_whether_the_platform_does_it_is_as_the_table_says(site: Site, kind: str) -> None:
    site.strike(kind, {"hang": "0.05", "slow_bytes": "0.001", "huge": "1", "gzip_bomb": "1"}.get(kind, ""))
    try:
        site.post()
    except requests.ConnectionError:
        assert kind.startswith("cut_")
    assert bool(site.world.published) is TOUCHED[kind]


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
def test_a_cut_gives_no_byte_of_an_answer(site: Site, kind: str) -> None:
    site.strike(kind)
    with pytest.raises(requests.ConnectionError) as raised:
        site.post()
    assert any(word in str(raised.value) for word in ("without response", "reset by peer"))


def test_a_hang_says_nothing_until_the_client_leaves(site: Site) -> None:
    site.strike("hang", "60")
    with pytest.raises(requests.ReadTimeout):
        requests.post(site.url, json=BODY, headers=site._headers, timeout=0.2)
    assert len(site.world.published) == 1


def test_a_hang_ends_with_the_true_answer(site: Site) -> None:
    site.strike("hang", "0.05")
    assert site.post().json()["post_id"] == site.world.published[0].remote_id


def test_a_hang_ends_when_the_fault_is_taken_away(site: Site) -> None:
    site.strike("hang")
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(site.post)
        while not site.world.published:
            assert not hanging.done()
        site.world.set_faults()
        assert hanging.result(30).json()["post_id"] == site.world.published[0].remote_id


def test_slow_bytes_are_the_true_answer_in_pieces(site: Site) -> None:
    site.strike("slow_bytes", "0.002")
    began = time.monotonic()
    answer = site.post()
    assert answer.json()["post_id"] == site.world.published[0].remote_id
    assert time.monotonic() - began >= 0.002 * len(answer.content)


@pytest.mark.parametrize(("value", "expected"), [("", 500), ("418", 418)])
@pytest.mark.parametrize("kind", ["status", "status_after"])
def test_a_status_is_answered(site: Site, kind: str, value: str, expected: int) -> None:
    site.strike(kind, value)
    assert site.post().status_code == expected


@pytest.mark.parametrize("value", ["", "7", "Mon, 02 Mar 2026 01:05:00 GMT"])
def test_a_throttle_says_until_when_or_not(site: Site, value: str) -> None:
    site.strike("throttle", value)
    answer = site.post()
    assert answer.status_code == 429
    assert answer.headers.get("Retry-After", "") == value


@pytest.mark.parametrize("kind", ["html", "html_after"])
def test_a_login_page_looks_like_success(site: Site, kind: str) -> None:
    site.strike(kind)
    answer = site.post()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(("kind", "status"), [("redirect", 302), ("redirect_307", 307)])
def test_a_redirect_names_its_place(site: Site, kind: str, status: int) -> None:
    site.strike(kind, "http://127.0.0.1:9/inside")
    answer = site.post()
    assert (answer.status_code, answer.headers["Location"]) == (status, "http://127.0.0.1:9/inside")


def test_half_an_answer_is_half(site: Site) -> None:
    site.strike("truncated_json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(site.post().content)


def test_spoilt_answers_still_hold_the_true_one(site: Site) -> None:
    true = site.post().json()
    site.strike("nan")
    assert "NaN" in site.post().text
    assert json.loads(site.post().content).items() >= true.items()
    site.strike("duplicate_keys")
    pairs = json.loads(site.post().content, object_pairs_hook=list)
    assert len(pairs) > len(dict(pairs)) >= len(true)
    site.strike("deep", "50")
    assert "[" * 50 in site.post().text
    site.strike("gbk")
    content = site.post().content
    assert json.loads(content.decode("gbk")).items() >= true.items()
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    site.strike("bom")
    assert json.loads(site.post().content.decode("utf-8-sig")) == true
    site.strike("null")
    assert site.post().json() is None


def test_huge_and_packed_answers_have_their_size(site: Site) -> None:
    site.strike("huge", "3")
    assert len(site.post().content) == 3 * 1024 * 1024
    site.strike("gzip_bomb", "3")
    answer = site.post(stream=True)
    packed = answer.raw.read(decode_content=False)
    assert len(packed) < 20_000
    assert len(gzip.decompress(packed)) == 3 * 1024 * 1024


def test_faults_strike_where_and_as_often_as_told(site: Site) -> None:
    site.strike("status", "503", path="/lookup")
    assert site.post().ok
    site.strike("status", "503", method="GET")
    assert site.post().ok
    site.strike("status", "503", after=1, times=2)
    assert [site.post().status_code for _ in range(4)] == [200, 503, 503, 200]


def test_a_probability_is_drawn_from_the_worlds_seed(site: Site) -> None:
    def drawn() -> list[bool]:
        site.world.random.seed(site.world.seed)
        site.strike("status", "503", probability=0.5)
        return [site.world.fault("POST", "/webhook/publish") is not None for _ in range(200)]

    first = drawn()
    assert first == drawn()
    assert 60 < sum(first) < 140


def test_no_fault_strikes_the_control_routes(site: Site, sandbox: Any) -> None:
    site.strike("cut_before")
    assert requests.get(f"{sandbox.url}/_control/clock", timeout=5).ok


def test_calls_side_by_side_are_struck_one_by_one(site: Site) -> None:
    site.strike("status", "503", times=5)
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(site.post().status_code)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(status >= 500 for status in seen) == [False] * 7 + [True] * 5
    assert len(site.world.published) == 1
    assert site.world.published[0].received == 7
