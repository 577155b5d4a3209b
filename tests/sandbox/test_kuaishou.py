"""The Kuaishou double keeps to the sheet where a connector could be misled."""

from typing import Any

import pytest
import requests

from sandbox.platforms.kuaishou import example


class Account:
    def __init__(self, sandbox: Any) -> None:
        self.world = sandbox.world
        self.account = example(self.world, "league")
        self.account.posts_per_week = 0
        self._url = f"{sandbox.url}/kuaishou"
        told = self.call("GET", "/oauth2/refresh_token", **self.secrets(), refresh_token=self.first)
        self.token = {"app_id": self.account.credentials["app_id"], "access_token": told["access_token"]}

    @property
    def first(self) -> str:
        return str(self.account.credentials["refresh_token"])

    def secrets(self) -> dict[str, str]:
        return {name: self.account.credentials[name] for name in ("app_id", "app_secret")}

    def call(self, method: str, path: str, content: bytes = b"", **params: str) -> Any:
        return requests.request(method, self._url + path, params=params, data=content, timeout=5).json()

    def publish(self, upload_token: str) -> Any:
        params = {**self.token, "upload_token": upload_token}
        files = {"cover": ("c.png", b"png", "image/png")}
        url = f"{self._url}/openapi/photo/publish"
        return requests.post(url, params=params, data={"caption": "文"}, files=files, timeout=5).json()


@pytest.fixture
def account(sandbox: Any) -> Account:
    return Account(sandbox)


def test_the_renewing_token_dies_with_its_use(account: Account) -> None:
    told = account.call("GET", "/oauth2/refresh_token", **account.secrets(), refresh_token=account.first)
    assert told["result"] == 1001


def test_success_is_1_as_number_or_text(account: Account) -> None:
    results = {account.call("GET", "/openapi/user_info", **account.token)["result"] for _ in range(30)}
    assert results == {1, "1"}


def test_an_upload_is_published_once_and_only_when_whole(account: Account) -> None:
    token = account.call("POST", "/openapi/photo/start_upload", **account.token)["upload_token"]
    assert account.publish(token)["result"] == 120002
    account.call("POST", "/api/upload/fragment", b"film", upload_token=token, fragment_id="1")
    complete = {"upload_token": token, "fragment_count": "2"}
    assert account.call("POST", "/api/upload/complete", **complete)["result"] == 100400
    account.call("POST", "/api/upload/fragment", b"film", upload_token=token, fragment_id="0")
    assert str(account.call("POST", "/api/upload/complete", **complete)["result"]) == "1"
    assert str(account.publish(token)["result"]) == "1"
    assert account.publish(token)["result"] == 120002


def test_the_upload_host_wants_no_other_token(account: Account) -> None:
    token = account.call("POST", "/openapi/photo/start_upload", **account.token)["upload_token"]
    assert (
        account.call("POST", "/api/upload", b"film", upload_token=token, **account.token)["result"] == 100400
    )
