"""The Ghost connector against its double: one page a post, under a slug that only it has, and no mail."""

import hmac
import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from platform_stage import PlatformStage

from config import ManualClock
from connectors import ConnectorError, Media, NeedsPerson, Outgoing, Refused, Throttled, Uncertain
from connectors._ghost_calls import token
from connectors.ghost import connector
from sandbox.platforms.ghost import example
from sandbox.world import Fault

POSTS = "/ghost/api/admin/posts/"
POST = Outgoing("k-1", 1, "五四活动", "十二所高校同日启动")
DAY = date(2026, 3, 2)


class Stage(PlatformStage):
    """One site at the double. It is 2 March 2026, 09:00."""

    connector, example = connector, staticmethod(example)


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def test_a_token_is_signed_for_five_minutes_and_for_this_interface(stage: Stage) -> None:
    head, claims, mac = token(stage.access).split(".")
    name, secret = stage.account.credentials["admin_key"].split(":")
    told = [json.loads(urlsafe_b64decode(part + "==")) for part in (head, claims)]
    issued = int(stage.clock.now().timestamp())
    assert told == [
        {"alg": "HS256", "typ": "JWT", "kid": name},
        {"iat": issued, "exp": issued + 300, "aud": "/admin/"},
    ]
    signed = hmac.new(bytes.fromhex(secret), f"{head}.{claims}".encode(), sha256).digest()
    assert urlsafe_b64decode(mac + "==") == signed


def test_a_page_goes_out_as_asked_and_no_newsletter(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG....")
    media = tuple(Media(path, f"{number}" * 64, "image/png", "a.png") for number in (1, 2))
    options = {"excerpt": "摘要", "tags": "志愿，五四", "visibility": "members"}
    receipt = connector.publish(stage.access, replace(POST, options=options, media=media))
    (item,) = stage.world.published
    assert (receipt.remote_id, receipt.url, receipt.note) == (item.remote_id, item.url, None)
    assert item.extra["status"] == "published" and item.extra["visibility"] == "members"
    assert (item.extra["custom_excerpt"], item.extra["tags"]) == ("摘要", ["志愿", "五四"])
    assert item.extra["feature_image"].endswith("/1.png")
    assert item.text.startswith("<p>十二所高校") and item.text.count("/2.png") == 1
    assert not [name for name in stage.world.calls if "newsletter" in name]


@pytest.mark.parametrize(
    ("kind", "there"),
    [("cut_after", True), ("html_after", True), ("status_after", True), ("cut_before", False)],
)
def test_after_a_lost_answer_the_slug_tells(stage: Stage, kind: str, there: bool) -> None:
    stage.world.set_faults(Fault(kind, path=POSTS, method="POST", times=1))
    with pytest.raises(Uncertain):
        connector.publish(stage.access, POST)
    assert (connector.find(stage.access, POST, stage.clock.now()) is not None) is there
    assert connector.publish(stage.access, POST).remote_id == stage.world.published[0].remote_id
    assert len(stage.world.published) == 1


def test_a_page_that_somebody_withdrew_is_still_there(stage: Stage) -> None:
    connector.publish(stage.access, POST)
    stage.account.switches["statuses"] = {stage.world.published[0].extra["slug"]: "draft"}
    found = connector.find(stage.access, POST, stage.clock.now())
    assert found is not None and found.note is not None


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ((401, "UnauthorizedError", "INVALID_JWT", "expired"), NeedsPerson, "INVALID_JWT"),
        ((400, "BadRequestError", "INVALID_JWT", "bad"), NeedsPerson, "INVALID_JWT"),
        ((401, "UnauthorizedError", "", "no"), NeedsPerson, "UnauthorizedError"),
        ((403, "NoPermissionError", "", "no"), NeedsPerson, "NoPermissionError"),
        ((404, "NotFoundError", "", "no"), NeedsPerson, "NotFoundError"),
        ((406, "RequestNotAcceptableError", "", "old"), NeedsPerson, "RequestNotAcceptableError"),
        ((422, "ValidationError", "", "title"), Refused, "ValidationError"),
        ((400, "BadRequestError", "", "damaged"), Refused, "BadRequestError"),
        ((413, "RequestEntityTooLargeError", "", "big"), Refused, "RequestEntityTooLargeError"),
        ((415, "UnsupportedMediaTypeError", "", "kind"), Refused, "UnsupportedMediaTypeError"),
        ((409, "UpdateCollisionError", "UPDATE_COLLISION", "stale"), Uncertain, "UpdateCollisionError"),
        ((429, "TooManyRequestsError", "", "slow"), Throttled, "TooManyRequestsError"),
        ((503, "", "", "HTML"), Throttled, "503"),
        ((500, "InternalServerError", "", "oops"), Uncertain, "InternalServerError"),
        ((502, "", "", "HTML"), Uncertain, "502"),
    ],
)
def test_every_answer_of_the_sheet_means_what_it_says(
    stage: Stage, answer: tuple[object, ...], error: type[ConnectorError], code: str
) -> None:
    stage.account.switches["answer"] = {"POST /posts/": answer}
    with pytest.raises(error) as raised:
        connector.publish(stage.access, POST)
    assert type(raised.value) is error
    assert raised.value.platform_code == code
    assert stage.world.published == []


def test_a_clock_ten_minutes_slow_and_a_strange_key_are_told_as_such(stage: Stage) -> None:
    slow = replace(stage.access, now=lambda: stage.clock.now() - timedelta(minutes=10))
    strange = replace(stage.access, credentials={"admin_key": f"{'0' * 24}:{'1' * 64}"})
    for access, code in ((slow, "INVALID_JWT"), (strange, "UNKNOWN_ADMIN_API_KEY")):
        with pytest.raises(NeedsPerson) as raised:
            connector.check(access)
        assert raised.value.platform_code == code and raised.value.remedy == connector.explain(code)


@pytest.mark.parametrize("options", [{"visibility": "paid"}, {"excerpt": "长" * 301}])
def test_what_the_site_would_refuse_is_seen_before(options: dict[str, str]) -> None:
    assert connector.problems(POST) == ()
    assert len(connector.problems(replace(POST, options=options))) == 1


def test_figures_are_of_beijing_days_over_all_pages(stage: Stage) -> None:
    first = stage.clock.now() - timedelta(hours=9)  # midnight in Beijing
    for number in range(130):
        at = first + timedelta(minutes=number)
        stage.world.publish("ghost", "league", remote_id=f"{number:024}", title="甲", text="", at=at)
    early = first - timedelta(seconds=1)
    stage.world.publish("ghost", "league", remote_id="9" * 24, title="乙", text="", at=early)
    found = list(connector.articles(stage.access, DAY, DAY))
    assert [article.remote_id for article in found] == [f"{number:024}" for number in range(130)]
    assert all(article.figures[0].values.keys() == {"like"} for article in found)
    stage.move(hours=1)
    figures = connector.account_day(stage.access, DAY)
    assert figures is not None and (figures.values["followers_total"] or 0) > 0
    assert connector.account_day(stage.access, DAY - timedelta(days=1)) is None
