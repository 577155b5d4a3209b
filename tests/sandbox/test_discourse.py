"""The Discourse double keeps to the program where a connector could be misled."""

from typing import Any

import pytest
import requests

from sandbox.platforms.discourse import example


class Forum:
    def __init__(self, sandbox: Any) -> None:
        self.account = example(sandbox.world, "league")
        self._url = f"{sandbox.url}/discourse"
        known = self.account.credentials
        self._headers = {"Api-Key": known["api_key"], "Api-Username": known["api_username"]}

    def post(self, **body: object) -> requests.Response:
        new = {"title": "五四活动", "raw": "正文", **body}
        return requests.post(f"{self._url}/posts.json", json=new, headers=self._headers, timeout=5)

    def get(self, path: str) -> requests.Response:
        url = f"{self._url}/{path}"
        return requests.get(url, headers=self._headers, timeout=5, allow_redirects=False)


@pytest.fixture
def forum(sandbox: Any) -> Forum:
    return Forum(sandbox)


def test_an_external_id_is_unique_and_leads_to_its_topic_by_a_redirect(forum: Forum) -> None:
    number = forum.post(external_id="k-1").json()["topic_id"]
    assert forum.post(external_id="k-1").status_code == 422
    answer = forum.get("t/external_id/k-1.json")
    assert answer.status_code == 301
    assert answer.headers["Location"].endswith(f"/t/topic/{number}.json")
    assert forum.get("t/external_id/k-2.json").json()["error_type"] == "not_found"


def test_the_61st_call_of_a_minute_says_how_long_to_wait(forum: Forum) -> None:
    answers = [forum.get("c/5/show.json") for _ in range(61)]
    assert {answer.status_code for answer in answers[:60]} == {200}
    last = answers[60]
    assert (last.status_code, last.headers["Retry-After"]) == (429, "60")
    assert last.json()["extras"]["wait_seconds"] == 60
