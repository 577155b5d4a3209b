"""The 青年之声 double keeps to its contract."""

import json
from typing import Any

import pytest
import requests

from sandbox.platforms.youth_voice import example

QUESTION = {
    "id",
    "topic",
    "asked_at",
    "first_answer_at",
    "first_answer_by",
    "first_official_answer_at",
    "answers",
    "likes",
    "views",
    "satisfied",
    "reopened",
    "duplicate",
}
SPAN = {"since": "2026-01-01", "until": "2026-03-02"}


class Site:
    def __init__(self, sandbox: Any) -> None:
        self._url = f"{sandbox.url}/youth_voice/v1"
        token = example(sandbox.world, "binhe").credentials["token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **params: str) -> requests.Response:
        return requests.get(f"{self._url}{path}", params=params, headers=self.headers, timeout=5)

    def post(self, body: object, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(
            f"{self._url}/announcements", json=body, headers={**self.headers, **named}, timeout=5
        )


@pytest.fixture
def site(sandbox: Any) -> Site:
    return Site(sandbox)


def test_a_question_never_says_who_asked(site: Site) -> None:
    items = site.get("/questions", **SPAN).json()["items"]
    assert items
    assert all(item.keys() == QUESTION for item in items)
    assert "asker" not in json.dumps(items)


def test_answers_stand_in_order(site: Site) -> None:
    for item in site.get("/questions", **SPAN).json()["items"]:
        first, official = item["first_answer_at"], item["first_official_answer_at"]
        assert (item["answers"] == 0) == (first is None) == (item["first_answer_by"] is None)
        assert official is None or first <= official
        assert (item["first_answer_by"] in ("expert", "staff")) == (first is not None and first == official)


def test_an_announcement_is_found_by_key_and_by_id(site: Site) -> None:
    made = site.post({"title": "题", "text": "文"}, Idempotency_Key="k-1")
    assert made.status_code == 201
    again = site.post({"title": "题", "text": "文"}, Idempotency_Key="k-1")
    assert (again.status_code, again.json()) == (200, made.json())
    for name in ("k-1", made.json()["id"]):
        assert site.get(f"/announcements/{name}").json() == made.json()


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/announcements/none", {}, 404, "unknown-announcement"),
        ("/days/2026-03-09", {}, 404, "no-figures"),
        ("/days/today", {}, 422, "invalid"),
        ("/questions", {}, 422, "invalid"),
        ("/questions", {"since": "2026-03-02", "until": "2026-03-01"}, 400, "invalid"),
        ("/questions", {**SPAN, "cursor": "x"}, 400, "invalid"),
    ],
)
def test_a_problem_is_a_problem_document(
    site: Site, path: str, params: dict[str, str], status: int, code: str
) -> None:
    answer = site.get(path, **params)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json().items() >= {"status": status, "code": code}.items()


def test_an_announcement_without_a_key_or_a_title_is_refused(site: Site) -> None:
    assert site.post({"title": "题", "text": "文"}).status_code == 422
    assert site.post({"title": "", "text": "文"}, Idempotency_Key="k").status_code == 422
    assert site.post({"title": "题" * 61, "text": "文"}, Idempotency_Key="k").status_code == 422


def test_no_token_opens_nothing(site: Site) -> None:
    for token in ("", "Bearer ", "Bearer wrong", "Basic x", "令牌".encode().decode("latin-1")):
        site.headers = {"Authorization": token}
        assert site.get("/me").status_code == 401
