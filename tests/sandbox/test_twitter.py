"""The double of X keeps to the sheet where a connector could be misled."""

from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.platforms.twitter import example


class Api:
    def __init__(self, sandbox: Any) -> None:
        self.world = sandbox.world
        self.account = example(self.world, "league")
        self.account.posts_per_week = 0
        self._url = f"{sandbox.url}/twitter/2"
        self._headers = {"Authorization": f"Bearer {self.account.credentials['access_token']}"}

    def post(self, text: str) -> requests.Response:
        return requests.post(f"{self._url}/tweets", json={"text": text}, headers=self._headers, timeout=5)

    def me(self) -> requests.Response:
        return requests.get(f"{self._url}/users/me", headers=self._headers, timeout=5)


@pytest.fixture
def api(sandbox: Any) -> Api:
    return Api(sandbox)


def test_the_same_text_is_refused_for_a_day_without_the_first_ones_id(api: Api) -> None:
    first = api.post("文")
    assert first.status_code == 201
    again = api.post("文")
    assert (again.status_code, again.json()["type"]) == (403, "about:blank")
    assert first.json()["data"]["id"] not in again.text
    api.world.move_to(api.world.now() + timedelta(hours=25))
    assert api.post("文").status_code == 201


def test_every_answer_tells_when_its_limit_is_new_in_epoch_seconds(api: Api) -> None:
    headers = api.me().headers
    assert headers["x-rate-limit-remaining"] == "299"
    reset = int(headers["x-rate-limit-reset"])
    assert 0 < reset - api.world.now().timestamp() <= 900
