"""The Bilibili double keeps to the sheet where a connector could be misled."""

import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.platforms.bilibili import example

INFO = "/arcopen/fn/user/account/info"
INIT = "/arcopen/fn/archive/video/init"


class Account:
    def __init__(self, sandbox: Any) -> None:
        self.world = sandbox.world
        self.account = example(self.world, "league")
        self._url = f"{sandbox.url}/bilibili"

    def headers(self, body: bytes = b"", nonce: str = "n-1") -> dict[str, str]:
        signed = {
            "x-bili-accesskeyid": self.account.credentials["client_id"],
            "x-bili-content-md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
            "x-bili-signature-method": "HMAC-SHA256",
            "x-bili-signature-nonce": nonce,
            "x-bili-signature-version": "2.0",
            "x-bili-timestamp": str(int(self.world.now().timestamp())),
        }
        lines = "\n".join(f"{name}:{value}" for name, value in sorted(signed.items()))
        secret = self.account.credentials["client_secret"].encode()
        digest = hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()
        token = self.account.credentials["access_token"]
        return {**signed, "Authorization": digest, "Access-Token": token}

    def code(self, path: str, headers: dict[str, str], body: bytes | None = None) -> int:
        method = "GET" if body is None else "POST"
        headers = {**headers, "Content-Type": "application/json"}
        answer = requests.request(method, self._url + path, data=body, headers=headers, timeout=5)
        return int(answer.json()["code"])


@pytest.fixture
def account(sandbox: Any) -> Account:
    return Account(sandbox)


def test_a_signed_call_is_answered_once(account: Account) -> None:
    headers = account.headers()
    assert account.code(INFO, headers) == 0
    assert account.code(INFO, headers) == 4003  # the nonce was used


def test_the_md5_is_of_exactly_the_bytes_sent(account: Account) -> None:
    body = b'{"name":"a.mp4","utype":"0"}'
    assert account.code(INIT, account.headers(body), body) == 0
    assert account.code(INIT, account.headers(body, "n-2"), body + b" ") == 4002


@pytest.mark.parametrize("name", ["Authorization", "x-bili-signature-nonce", "x-bili-accesskeyid"])
def test_a_changed_header_is_no_signature(account: Account, name: str) -> None:
    assert account.code(INFO, {**account.headers(), name: "other"}) == 4002


def test_a_clock_that_is_off_is_refused(account: Account) -> None:
    headers = account.headers()
    account.world.move_to(account.world.now() + timedelta(minutes=6))
    assert account.code(INFO, headers) == 4003
