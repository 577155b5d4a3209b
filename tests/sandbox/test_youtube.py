"""The double of YouTube keeps to the sheet where a connector could be misled."""

from typing import Any

import requests

from sandbox.platforms.youtube import example

_TOTAL = 300_000


def test_a_session_tells_what_it_has_and_gives_its_video_again(sandbox: Any) -> None:
    account = example(sandbox.world, "league")
    headers = {"Authorization": f"Bearer {account.credentials['access_token']}"}
    told = {"snippet": {"title": "题", "description": ""}, "status": {}}
    begun = requests.post(
        f"{sandbox.url}/youtube/upload/youtube/v3/videos?uploadType=resumable",
        json=told,
        headers={**headers, "X-Upload-Content-Length": str(_TOTAL)},
        timeout=5,
    )

    def put(span: str, content: bytes = b"") -> requests.Response:
        sent = {**headers, "Content-Range": f"bytes {span}/{_TOTAL}"}
        url = begun.headers["Location"]
        return requests.put(url, data=content, headers=sent, timeout=5, allow_redirects=False)

    assert put("*").status_code == 308 and "Range" not in put("*").headers
    assert put("0-99999", b"x" * 100_000).status_code == 400  # no multiple of 256 KiB
    assert put("0-262143", b"x" * 262_144).headers["Range"] == "bytes=0-262143"
    assert put("*").headers["Range"] == "bytes=0-262143"
    video = put("262144-299999", b"x" * 37_856)
    assert video.status_code == 200
    assert put("*").json()["id"] == video.json()["id"]
    assert len(sandbox.world.published) == 1
    assert account.state["units"][1] == 1_600
