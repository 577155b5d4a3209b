"""Media and webhooks by the API: taken by their bytes, given as downloads, told once."""

import base64
import io

import pytest
from api_caller import Answered
from api_scene import Scene
from films import box, film
from PIL import Image

pytestmark = pytest.mark.usefixtures("_inline")


def picture(width: int = 30) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, 20), "red").save(buffer, "PNG", dpi=(72, 72))
    return buffer.getvalue()


def new(content: bytes, name: str = "合影.html", unit: str = "HH") -> dict[str, object]:
    encoded = base64.b64encode(content).decode()
    return {"unit": unit, "file_name": name, "content": encoded, "alt": "升旗"}


def test_a_picture_is_taken_and_given_back_as_a_download(scene: Scene) -> None:
    caller = scene.house.caller(scene.house.key(scene.author))
    made = caller.post("/media", new(picture()))
    assert made.status == 201, made.body
    assert (made.body["file_name"], made.body["width"], made.body["units"]) == ("合影.png", 30, ["HH"])
    assert made.headers["location"].endswith(made.body["sha256"])
    given = caller.get(f"/media/{made.body['sha256']}/content")
    assert given.status == 200 and given.raw.startswith(b"\x89PNG")
    assert given.headers["content-type"] == "image/png"
    assert given.headers["content-disposition"].startswith("attachment; filename*=utf-8''")
    assert "sandbox" in given.headers["content-security-policy"]
    assert given.headers["x-content-type-options"] == "nosniff"
    again = caller.post("/media", new(picture(), unit="BT"))
    assert again.body["sha256"] == made.body["sha256"] and again.body["units"] == ["BT", "HH"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (new(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "post.media_type"),
        (new(picture()[:-20]), "post.media_damaged"),
        (new(picture()) | {"content": "!!"}, "input.refused"),
    ],
)
def test_what_is_no_picture_is_refused(scene: Scene, body: dict[str, object], code: str) -> None:
    answer = scene.house.caller(scene.house.key(scene.author)).post("/media", body)
    assert (answer.status, answer.body["code"]) == (422, code)


def test_a_file_over_the_megabyte_of_other_requests_is_taken(scene: Scene) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((1_400, 1_200), 90).save(buffer, "PNG")
    assert len(buffer.getvalue()) > 1_200_000
    caller = scene.house.caller(scene.house.key(scene.author))
    assert caller.post("/media", new(buffer.getvalue())).status == 201
    over = caller.call("POST", "/media", raw=b"x" * (28 * 1024 * 1024))
    assert over.status == 413


def test_a_film_is_its_requests_body_and_may_be_larger_than_any_other(scene: Scene) -> None:
    caller = scene.house.caller(scene.house.key(scene.author))
    content = film().replace((0).to_bytes(4, "big") + b"mdatpictures", box(b"mdat", b"p" * 28 * 1024 * 1024))

    def sent(raw: bytes, key: str, unit: str = "HH") -> Answered:
        query = {"unit": unit, "file_name": "片.html", "alt": "升旗"}
        headers = {"Content-Type": "video/mp4", "Idempotency-Key": key}
        return caller.call("POST", "/media/films", query=query, raw=raw, headers=headers)

    made = sent(content, "film-1")
    assert made.status == 201, made.body
    assert (made.body["content_type"], made.body["file_name"]) == ("video/mp4", "片.mp4")
    assert (made.body["size"], made.body["seconds"], made.body["alt"]) == (len(content), 2.5, "升旗")
    again = sent(content, "film-1")
    assert again.body == made.body and again.headers["idempotency-replayed"] == "true"
    assert sent(content[:-1], "film-1").body["code"] == "api.key_used_otherwise"
    damaged = sent(content + b"x", "film-2")
    assert (damaged.status, damaged.body["code"]) == (422, "post.media_damaged")


def test_a_cover_is_cut_and_the_picture_stays(scene: Scene) -> None:
    caller = scene.house.caller(scene.house.key(scene.author))
    buffer = io.BytesIO()
    Image.new("RGB", (500, 400), "red").save(buffer, "PNG")
    whole = caller.post("/media", new(buffer.getvalue())).body
    cut = {"unit": "HH", "shape": "2.35x1", "left": 10, "top": 20, "width": 470}
    made = caller.post(f"/media/{whole['sha256']}/cut", cut)
    assert made.status == 201 and (made.body["width"], made.body["height"]) == (470, 200)
    assert made.body["alt"] == "升旗" and made.body["sha256"] != whole["sha256"]
    assert caller.get(f"/media/{whole['sha256']}").body["width"] == 500
    outside = caller.post(f"/media/{whole['sha256']}/cut", cut | {"width": 495})
    assert (outside.status, outside.body["code"]) == (422, "media.bad_cut")


def test_a_post_takes_only_media_that_its_writer_sees(scene: Scene) -> None:
    from organisation import Role

    person = scene.house.person("hand", Role.EDITOR, "HH")
    caller = scene.house.caller(scene.house.key(person))
    post = {"title": "一", "text": "二", "accounts": ["webhook:HH"], "due": "2026-03-02T18:00:00+08:00"}
    theirs, ours = (scene.facts[place]["sha256"] for place in ("other root", "own"))
    assert caller.post("/posts", post | {"media": [theirs]}).status == 404
    assert caller.post("/posts", post | {"media": [ours]}).status == 201


def test_a_webhooks_secret_is_shown_once(scene: Scene) -> None:
    caller = scene.house.caller(scene.house.key(scene.author))
    body = {"name": "门户", "unit": "HH", "url": "https://8.8.8.8/x?token=s3cr3t", "events": ["post.failed"]}
    made = caller.post("/webhooks", body)
    assert made.status == 201 and made.body["secret"].startswith("whsec_")
    listed = caller.get("/webhooks")
    assert made.body["secret"].encode() not in listed.raw and b"s3cr3t" not in listed.raw
    assert caller.post("/webhooks", body).status == 422
    inside = caller.post("/webhooks", body | {"name": "x", "url": "http://127.1/"})
    assert inside.status == 422 and "webhook.out_of_reach" in inside.raw.decode()
    assert caller.call("DELETE", "/webhooks/门户").status == 200
    assert caller.get("/webhooks/门户/messages").status == 404
