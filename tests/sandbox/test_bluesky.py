"""The Bluesky double answers as the real server was seen to (`../shared/platforms/real-servers.md`)."""

from typing import Any

import pytest
import requests

from sandbox.platforms.bluesky import example

POST = "app.bsky.feed.post"
RKEY = "3mabcd2efgh2k"
RECORD = {"$type": POST, "text": "五四活动", "createdAt": "2026-03-02T01:00:00.000Z"}


class Server:
    def __init__(self, sandbox: Any) -> None:
        self._url = f"{sandbox.url}/bluesky/xrpc"
        credentials = example(sandbox.world, "league").credentials
        signed_in = self.post(
            "com.atproto.server.createSession",
            {"identifier": credentials["identifier"], "password": credentials["app_password"]},
        )
        self.session = signed_in.json()
        self.headers = signed_in.headers

    def post(self, method: str, body: object, token: str = "") -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.post(f"{self._url}/{method}", json=body, headers=headers, timeout=5)

    def get(self, method: str, **params: str) -> requests.Response:
        return requests.get(f"{self._url}/{method}", params=params, timeout=5)

    def put(self, rkey: str = RKEY, token: str | None = None, **changes: object) -> requests.Response:
        record = {name: value for name, value in {**RECORD, **changes}.items() if value is not None}
        body = {"repo": self.session["did"], "collection": POST, "rkey": rkey, "swapRecord": None}
        sent = self.session["accessJwt"] if token is None else token
        return self.post("com.atproto.repo.putRecord", {**body, "record": record}, sent)


@pytest.fixture
def server(sandbox: Any) -> Server:
    return Server(sandbox)


def test_the_same_record_again_changes_nothing(server: Server) -> None:
    first, again = server.put().json(), server.put().json()
    assert "commit" in first
    assert "commit" not in again
    assert (again["uri"], again["cid"]) == (first["uri"], first["cid"])


def test_another_record_under_the_key_is_an_invalid_swap(server: Server) -> None:
    server.put()
    answer = server.put(text="别的")
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidSwap")


@pytest.mark.parametrize(
    ("rkey", "changes"),
    [
        ("meizhen-job-0042", {}),
        (RKEY, {"text": "a" * 301}),
        (RKEY, {"createdAt": None}),
        (RKEY, {"facets": [{"index": {"byteStart": 0, "byteEnd": 13}}]}),
    ],
)
def test_a_record_against_the_rules_is_refused(server: Server, rkey: str, changes: dict[str, object]) -> None:
    answer = server.put(rkey, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidRequest")


def test_300_graphemes_of_many_code_points_are_taken(server: Server) -> None:
    assert server.put(text="e\u0301" * 300).status_code == 200


@pytest.mark.parametrize(("token", "status", "error"), [("", 401, "AuthMissing"), ("x", 400, "InvalidToken")])
def test_a_bad_token_is_told_by_name(server: Server, token: str, status: int, error: str) -> None:
    answer = server.put(token=token)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_a_record_is_public_and_its_absence_has_a_name(server: Server) -> None:
    query = {"repo": server.session["did"], "collection": POST, "rkey": RKEY}
    absent = server.get("com.atproto.repo.getRecord", **query)
    assert (absent.status_code, absent.json()["error"]) == (400, "RecordNotFound")
    server.put()
    assert server.get("com.atproto.repo.getRecord", **query).json()["value"] == RECORD


def test_signing_in_tells_its_limit(server: Server) -> None:
    assert server.headers["RateLimit-Policy"] == "30;w=300"
    assert server.headers["RateLimit-Remaining"] == "29"
    assert server.headers["RateLimit-Reset"].isdigit()
