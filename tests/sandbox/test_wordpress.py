"""The WordPress double keeps to the sheet where a connector could be misled."""

from typing import Any

import pytest
import requests

from sandbox.platforms.wordpress import example


class Site:
    def __init__(self, sandbox: Any) -> None:
        self.world = sandbox.world
        self.account = example(self.world, "league")
        self.account.posts_per_week = 0
        self._url = f"{sandbox.url}/wordpress/wp-json/wp/v2"
        self._auth = (self.account.credentials["user"], self.account.credentials["app_password"])

    def post(self, **body: object) -> requests.Response:
        return requests.post(f"{self._url}/posts", json=body, auth=self._auth, timeout=5)

    def get(self, path: str, auth: tuple[str, str] | None = None, **params: object) -> requests.Response:
        asked = {name: str(value) for name, value in params.items()}
        return requests.get(f"{self._url}/{path}", params=asked, auth=auth or self._auth, timeout=5)

    def upload(self, kind: str, name: str = "a.png") -> requests.Response:
        headers = {"Content-Type": kind}
        if name:
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return requests.post(f"{self._url}/media", data=b"png", headers=headers, auth=self._auth, timeout=5)


@pytest.fixture
def site(sandbox: Any) -> Site:
    return Site(sandbox)


def test_a_slug_that_is_taken_gets_minus_two_and_nobody_is_told(site: Site) -> None:
    slugs = [site.post(title="甲", slug="JZ-1", status="publish").json()["slug"] for _ in range(3)]
    assert slugs == ["jz-1", "jz-1-2", "jz-1-3"]


def test_a_forbidden_kind_of_file_is_refused_with_500(site: Site) -> None:
    answer = site.upload("image/svg+xml")
    assert (answer.status_code, answer.json()["code"]) == (500, "rest_upload_sideload_error")
    assert site.upload("image/png").status_code == 201
    assert site.upload("image/png", name="").status_code == 400


def test_lists_have_their_totals_and_no_page_beyond_the_end(site: Site) -> None:
    for _ in range(3):
        site.post(title="甲", status="publish")
    answer = site.get("posts", per_page=2)
    assert (answer.headers["X-WP-Total"], answer.headers["X-WP-TotalPages"]) == ("3", "2")
    assert site.get("posts", per_page=2, page=3).json()["code"] == "rest_post_invalid_page_number"
    assert site.get("posts", per_page=101).status_code == 400


def test_times_are_the_sites_and_utc_without_a_zone(site: Site) -> None:
    told = site.post(title="甲", status="publish").json()
    assert (told["date"], told["date_gmt"]) == ("2026-03-02T09:00:00", "2026-03-02T01:00:00")


def test_a_wrong_password_and_an_empty_post_are_told(site: Site) -> None:
    assert site.get("posts", auth=("league", "wrong")).json()["code"] == "rest_not_logged_in"
    assert site.post(status="publish").json()["code"] == "empty_content"
    assert site.post(title="甲", status="gone").json()["code"] == "rest_invalid_param"
