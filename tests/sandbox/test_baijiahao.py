"""The Baijiahao double keeps to the sheet where a connector could be misled."""

from typing import Any

import pytest
import requests

from sandbox.platforms.baijiahao import example


class Partner:
    def __init__(self, sandbox: Any) -> None:
        self.world = sandbox.world
        credentials = example(self.world, "league").credentials
        self._own = {name: credentials[name] for name in ("app_id", "app_token")}
        self._url = f"{sandbox.url}/baijiahao/builderinner/open/resource"

    def post(self, path: str, **fields: object) -> Any:
        return requests.post(f"{self._url}/{path}", json={**self._own, **fields}, timeout=5).json()


@pytest.fixture
def partner(sandbox: Any) -> Partner:
    return Partner(sandbox)


def test_an_article_without_a_cover_is_a_draft_for_ever(partner: Partner) -> None:
    told = partner.post("article/publish", title="题", content="文", origin_url="https://www.example.org/")
    article_id = told["data"]["article_id"]
    assert partner.post("article/status", article_id=article_id)["data"] == {article_id: "draft"}
    assert partner.world.published == []


def test_a_wrong_token_and_a_path_that_is_not_granted_are_told_apart(partner: Partner) -> None:
    assert partner.post("article/publish", app_token="x")["errno"] == 60001001
    assert partner.post("video/publish")["errno"] == 10002
