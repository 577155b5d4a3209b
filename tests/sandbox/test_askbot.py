"""The Askbot double keeps to the program where a connector could be misled."""

from typing import Any

import pytest
import requests

from sandbox.platforms.askbot import example


class Site:
    def __init__(self, sandbox: Any) -> None:
        self.world, self._url = sandbox.world, f"{sandbox.url}/askbot/api/v1"
        self.account = example(self.world, "voice")

    def get(self, path: str) -> Any:
        return requests.get(f"{self._url}/{path}", timeout=5).json()


@pytest.fixture
def site(sandbox: Any) -> Site:
    return Site(sandbox)


def test_beyond_the_end_the_first_page_comes_again(site: Site) -> None:
    pages = site.get("questions/?page=1")["pages"]
    assert pages > 1
    assert site.get(f"questions/?page={pages + 1}") == site.get("questions/?page=1")


def test_times_are_texts_of_seconds_28_800_too_few(site: Site) -> None:
    newest = site.get("questions/")["questions"][0]
    (item,) = [one for one in site.world.of("askbot", "voice") if one.remote_id.endswith(str(newest["id"]))]
    assert int(newest["added_at"]) == int(item.at.timestamp()) - 28_800


def test_a_site_with_a_login_answers_403(site: Site) -> None:
    site.account.switches["closed"] = True
    assert site.get("info/") == {"error": "Authentication required"}
