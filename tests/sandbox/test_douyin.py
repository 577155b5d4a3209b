"""The Douyin double keeps to the sheet where a connector could be misled (section 7)."""

from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.platforms.douyin import example

VIDEO = "/api/douyin/v1/video"


class Account:
    def __init__(self, sandbox: Any) -> None:
        self.world = sandbox.world
        self.account = example(self.world, "league")
        self.account.posts_per_week = 0
        self._url = f"{sandbox.url}/douyin"
        self._headers = {"access-token": self.account.credentials["access_token"]}
        self.open_id = self.account.credentials["open_id"]

    def get(self, path: str, **params: str) -> Any:
        params = {"open_id": self.open_id, **params}
        return requests.get(self._url + path, params=params, headers=self._headers, timeout=5).json()

    def post(self, path: str, body: object = None, content: bytes = b"") -> Any:
        files = {"video": ("a.mp4", content, "video/mp4")} if content else None
        return requests.post(
            self._url + path,
            params={"open_id": self.open_id},
            json=None if files else body,
            files=files,
            headers=self._headers,
            timeout=5,
        ).json()

    def uploaded(self) -> str:
        return str(self.post(f"{VIDEO}/upload_video/", content=b"film")["data"]["video"]["video_id"])

    def create(self, video_id: str) -> Any:
        return self.post(f"{VIDEO}/create_video/", {"video_id": video_id, "text": "文"})


@pytest.fixture
def account(sandbox: Any) -> Account:
    return Account(sandbox)


def code(answer: Any) -> int:
    places = (answer.get("data", {}), answer.get("extra", {}))
    found = [int(place.get("error_code", 0)) for place in places] + [int(answer.get("err_no", 0))]
    return next((one for one in found if one), 0)


def test_an_error_stands_in_any_of_three_places_as_number_or_text(account: Account) -> None:
    answers = [account.create("v-none") for _ in range(40)]
    assert {code(answer) for answer in answers} == {2190007}
    places = {(frozenset(answer), type(answer.get("err_no"))) for answer in answers}
    assert len(places) >= 4


def test_numbers_are_text_in_half_of_the_answers(account: Account) -> None:
    kinds = [type(account.get(f"{VIDEO}/video_list/")["data"]["cursor"]) for _ in range(40)]
    assert 5 < kinds.count(str) < 35


def test_a_video_number_is_good_for_one_post(account: Account) -> None:
    video_id = account.uploaded()
    assert code(account.create(video_id)) == 0
    assert code(account.create(video_id)) == 2190007


def test_the_account_s_id_must_be_the_token_s(account: Account) -> None:
    account.open_id = "another"
    assert code(account.get(f"{VIDEO}/video_list/")) == 2190015


def test_days_are_asked_for_by_7_15_or_30_only(account: Account) -> None:
    assert code(account.get("/data/external/user/fans/", date_type="8")) == 10002
    assert code(account.get("/data/external/user/fans/", date_type="15")) == 0


def test_an_old_item_has_no_data(account: Account) -> None:
    item_id = account.create(account.uploaded())["data"]["item_id"]
    assert account.get("/data/external/item/base/", item_id=item_id)["data"]["result"]
    account.world.move_to(account.world.now() + timedelta(days=31))
    assert account.get("/data/external/item/base/", item_id=item_id)["data"]["result"] == {}
