"""The Mastodon double keeps to the sheet where a connector could be misled."""

from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.platforms.mastodon import example


class Instance:
    def __init__(self, sandbox: Any) -> None:
        self.world = sandbox.world
        self.account = example(self.world, "league")
        self._url = f"{sandbox.url}/mastodon/api"
        self._headers = {"Authorization": f"Bearer {self.account.credentials['access_token']}"}

    def post(self, key: str, **body: object) -> requests.Response:
        headers = {**self._headers, "Idempotency-Key": key}
        return requests.post(f"{self._url}/v1/statuses", json=body, headers=headers, timeout=5)

    def upload(self) -> requests.Response:
        files = {"file": ("a.png", b"png", "image/png")}
        return requests.post(f"{self._url}/v2/media", files=files, headers=self._headers, timeout=5)

    def media(self, number: str) -> requests.Response:
        return requests.get(f"{self._url}/v1/media/{number}", headers=self._headers, timeout=5)

    def wait(self, **time: float) -> None:
        self.world.move_to(self.world.now() + timedelta(**time))


@pytest.fixture
def instance(sandbox: Any) -> Instance:
    return Instance(sandbox)


def test_a_key_is_kept_for_an_hour_and_then_forgotten(instance: Instance) -> None:
    first = instance.post("k", status="文").json()["id"]
    instance.wait(minutes=59)
    assert instance.post("k", status="文").json()["id"] == first
    instance.wait(minutes=2)
    assert instance.post("k", status="文").json()["id"] != first


def test_a_picture_that_is_worked_on_answers_202_then_206_then_200(instance: Instance) -> None:
    instance.account.switches["media_seconds"] = 5
    uploaded = instance.upload()
    number = uploaded.json()["id"]
    assert (uploaded.status_code, uploaded.json()["url"]) == (202, None)
    assert instance.media(number).status_code == 206
    assert instance.post("k", status="文", media_ids=[number]).status_code == 422
    instance.wait(seconds=5)
    assert instance.media(number).status_code == 200
    assert instance.post("k", status="文", media_ids=[number]).status_code == 200


def test_a_link_counts_23_and_the_words_of_an_error_are_any_language(instance: Instance) -> None:
    link = "https://www.example.org/" + "x" * 600
    assert instance.post("a", status="文" * 476 + " " + link).status_code == 200
    refused = instance.post("b", status="文" * 477 + " " + link)
    assert refused.status_code == 422
    assert not refused.json()["error"].isascii()


def test_every_answer_tells_when_its_limit_is_new_as_an_iso_time(instance: Instance) -> None:
    headers = instance.post("a", status="文").headers
    assert headers["X-RateLimit-Remaining"] == "299"
    assert headers["X-RateLimit-Reset"].endswith(".627625Z")
