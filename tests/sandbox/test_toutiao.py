"""The 头条 double keeps to the sheet where a connector could be misled."""

from typing import Any

import requests

from sandbox.platforms.toutiao import example


def code(answer: Any) -> int:
    places = (answer.get("data", {}), answer.get("extra", {}))
    found = [int(place.get("error_code", 0)) for place in places] + [int(answer.get("err_no", 0))]
    return next((one for one in found if one), 0)


def test_unknown_paths_answer_16_with_status_200(sandbox: Any) -> None:
    example(sandbox.world, "league")
    answer = requests.get(f"{sandbox.url}/toutiao/oauth/nowhere/", timeout=5)
    assert answer.status_code == 200
    assert code(answer.json()) == 16


def test_articles_have_no_interface(sandbox: Any) -> None:
    account = example(sandbox.world, "league")
    headers = {"access-token": account.credentials["access_token"]}
    for path in ("/toutiao/article/create/", "/toutiao/weitoutiao/create/"):
        answer = requests.post(f"{sandbox.url}/toutiao{path}", json={}, headers=headers, timeout=5)
        assert code(answer.json()) == 16
