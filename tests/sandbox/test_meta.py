"""The doubles of Meta's graph keep to the sheet where a connector could be misled."""

from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.platforms import facebook, instagram, meta_threads


class Account:
    def __init__(self, platform: str, double: Any, sandbox: Any) -> None:
        self.world = sandbox.world
        self.account = double.example(self.world, "league")
        self.account.posts_per_week = 0
        own = self.account.credentials.get("user_id") or self.account.credentials["page_id"]
        self._base, self._own = f"{sandbox.url}/{platform}/v1.0", own
        self._headers = {"Authorization": f"Bearer {self.account.credentials['access_token']}"}

    def post(self, path: str, **form: str) -> Any:
        url = f"{self._base}/{self._own}/{path}"
        return requests.post(url, data=form, headers=self._headers, timeout=5).json()

    def get(self, path: str, **params: str) -> Any:
        return requests.get(f"{self._base}/{path}", params=params, headers=self._headers, timeout=5).json()

    def own(self, path: str, **params: str) -> Any:
        return self.get(f"{self._own}/{path}", **params)

    def wait(self, **time: float) -> None:
        self.world.move_to(self.world.now() + timedelta(**time))


@pytest.fixture
def pictures(sandbox: Any) -> Account:
    return Account("instagram", instagram, sandbox)


@pytest.fixture
def profile(sandbox: Any) -> Account:
    return Account("meta_threads", meta_threads, sandbox)


@pytest.fixture
def page(sandbox: Any) -> Account:
    return Account("facebook", facebook, sandbox)


def test_a_container_is_published_once_and_ends_after_a_day(pictures: Account) -> None:
    first = pictures.post("media", image_url="https://e.org/a.jpg", caption="文")["id"]
    other = pictures.post("media", image_url="https://e.org/b.jpg")["id"]
    assert pictures.get(first)["status_code"] == "FINISHED"
    post = pictures.post("media_publish", creation_id=first)["id"]
    assert pictures.get(first)["status_code"] == "PUBLISHED"
    assert pictures.post("media_publish", creation_id=first)["error"]["code"] == 9007
    pictures.wait(hours=24)
    assert pictures.get(other)["status_code"] == "EXPIRED"
    assert [item["id"] for item in pictures.own("media")["data"]] == [post]
    assert len(pictures.world.published) == 1


def test_a_container_that_is_worked_on_is_not_published(profile: Account) -> None:
    profile.account.switches["working_seconds"] = 30
    made = profile.post("threads", media_type="TEXT", text="文")["id"]
    assert profile.get(made, fields="status")["status"] == "IN_PROGRESS"
    assert "error" in profile.post("threads_publish", creation_id=made)
    profile.wait(seconds=30)
    assert profile.get(profile.post("threads_publish", creation_id=made)["id"])["text"] == "文"


def test_the_quota_rolls_over_24_hours(pictures: Account) -> None:
    pictures.account.switches["quota"] = 1
    first, second = (pictures.post("media", image_url=f"https://e.org/{n}.jpg")["id"] for n in "ab")
    pictures.post("media_publish", creation_id=first)
    assert pictures.own("content_publishing_limit")["data"][0]["quota_usage"] == 1
    error = pictures.post("media_publish", creation_id=second)["error"]
    assert (error["code"], error["error_subcode"]) == (9, 2207042)
    pictures.wait(hours=24)
    assert pictures.own("content_publishing_limit")["data"][0]["quota_usage"] == 0


def test_a_metric_that_is_no_more_fails_the_whole_question(page: Account) -> None:
    number = page.post("feed", message="文")["id"]
    assert page.get(f"{number}/insights")["error"]["code"] == 3001
    assert page.get(f"{number}/insights", metric="post_media_view,post_impressions")["error"]["code"] == 100
    (row,) = page.get(f"{number}/insights", metric="post_media_view")["data"]
    assert (row["name"], row["values"]) == ("post_media_view", [{"value": 0}])


def test_a_photo_is_unseen_until_a_post_names_it(page: Account) -> None:
    assert page.post("feed", message="文", **{"attached_media[0]": '{"media_fbid":"1"}'})["error"]
    assert page.post("photos", published="false")["error"]["code"] == 100
    assert page.own("feed")["data"] == []


def test_another_token_is_190(page: Account) -> None:
    page._headers = {}
    assert page.own("feed")["error"]["code"] == 190


def test_a_text_over_500_is_refused(profile: Account) -> None:
    assert profile.post("threads", media_type="TEXT", text="字" * 501)["error"]["code"] == 100
    assert profile.post("threads", media_type="TEXT")["error"]["code"] == 100
    assert profile.post("threads", media_type="GIF")["error"]["code"] == 100
