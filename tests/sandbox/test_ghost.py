"""The Ghost double keeps to the sheet where a connector could be misled."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from access import make_access

from config import ManualClock
from connectors._ghost_calls import token
from sandbox.platforms.ghost import example


class Site:
    def __init__(self, sandbox: Any, clock: ManualClock) -> None:
        self.world, self._url = sandbox.world, f"{sandbox.url}/ghost"
        account = example(self.world, "league")
        account.posts_per_week = 0
        self._access = make_access(
            "ghost", "league", credentials=account.credentials, api_base=self._url, now=clock.now
        )
        self.token = token(self._access)

    def call(self, method: str, path: str, body: object = None) -> requests.Response:
        headers = {"Authorization": f"Ghost {self.token}"}
        url = f"{self._url}/ghost/api/admin{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=5)


@pytest.fixture
def site(sandbox: Any, clock: ManualClock) -> Site:
    return Site(sandbox, clock)


def test_a_slug_that_is_taken_gets_minus_two_and_an_id_of_ours_is_ignored(site: Site) -> None:
    new = {"posts": [{"title": "甲", "slug": "jz", "status": "published", "id": "f" * 24}]}
    made = [site.call("POST", "/posts/", new).json()["posts"][0] for _ in range(2)]
    assert [post["slug"] for post in made] == ["jz", "jz-2"]
    assert "f" * 24 not in [post["id"] for post in made]


def test_a_post_without_title_is_refused_with_422(site: Site) -> None:
    answer = site.call("POST", "/posts/", {"posts": [{"html": "<p>甲</p>"}]})
    assert (answer.status_code, answer.json()["errors"][0]["type"]) == (422, "ValidationError")


def test_a_token_is_too_old_after_five_minutes_and_a_broken_one_is_400(site: Site) -> None:
    assert site.call("GET", "/posts/").status_code == 200
    site.world.move_to(site.world.now() + timedelta(minutes=6))
    assert site.call("GET", "/posts/").status_code == 401
    site.token = "no.token.atall"
    answer = site.call("GET", "/posts/")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "INVALID_JWT")
