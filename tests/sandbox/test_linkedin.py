"""The double of LinkedIn keeps to the sheet where a connector could be misled."""

from typing import Any

import requests

from sandbox.platforms.linkedin import example


def test_a_made_post_is_named_in_a_header_only_and_a_repeat_names_it(sandbox: Any) -> None:
    account = example(sandbox.world, "league")
    headers = {
        "Authorization": f"Bearer {account.credentials['access_token']}",
        "LinkedIn-Version": "202606",
        "X-Restli-Protocol-Version": "2.0.0",
    }
    body = {"author": f"urn:li:organization:{account.credentials['organization']}", "commentary": "文"}
    url = f"{sandbox.url}/linkedin/rest/posts"
    made = requests.post(url, json=body, headers=headers, timeout=5)
    assert (made.status_code, made.content) == (201, b"")
    again = requests.post(url, json=body, headers=headers, timeout=5)
    assert again.status_code == 422
    assert made.headers["x-restli-id"] in again.json()["message"]
    assert again.json()["errorDetails"]["inputErrors"][0]["code"] == "DUPLICATE_POST"
    del headers["LinkedIn-Version"]
    assert requests.post(url, json=body, headers=headers, timeout=5).status_code == 400
