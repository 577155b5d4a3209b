"""A real Ghost: the site itself shows one post, whatever happens to the answers."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cutting import cutting
from ghost_site import GhostSite, ghost_site
from real_house import PNG, RealHouse

from connectors import Media, NeedsPerson, Outgoing, Refused
from scheduler.deliveries import State

CREATE = "POST /ghost/api/admin/posts/"


@pytest.fixture(scope="module")
def site(started: Callable[..., AbstractContextManager[Any]]) -> Iterator[GhostSite]:
    with started("Ghost", ghost_site()) as running:
        yield running


def test_a_post_goes_out_once_and_its_figures_come_back(site: GhostSite, house: RealHouse) -> None:
    house.add("ghost", "league", site.url, site.credentials)
    options = {"excerpt": "摘要", "tags": "志愿,五四", "visibility": "public"}
    sent = house.publish("ghost", "十二所高校 https://www.example.org/a", title="发一次", options=options)
    assert (sent.state, sent.purposes) == (State.PUBLISHED, ["publish"])
    ((number, state, _),) = site.posts("发一次")
    assert (number, state) == (sent.remote_id, "published")
    assert sent.repeated("ghost", "十二所高校 https://www.example.org/a", title="发一次").remote_id == number
    assert len(site.posts("发一次")) == 1

    for name in ("anna", "boris"):
        site.join(name)
    assert house.collect().failures == []
    assert house.account_figures() == {"followers_total": 2.0}
    assert house.figures(number) == {"like": 0.0}


def test_a_lost_answer_is_found_and_a_lost_request_is_repeated(site: GhostSite, house: RealHouse) -> None:
    with cutting(site.port) as (line, address):
        house.add("ghost", "league", address, site.credentials)
        for title, before, purposes in (
            ("答复丢了", False, ["publish", "find"]),
            ("请求丢了", True, ["publish", "find", "publish"]),
        ):
            line.cut(CREATE, before=before)
            sent = house.publish("ghost", "正文", title=title)
            assert sent.purposes == purposes
            assert sent.state is State.PUBLISHED
            ((number, _, _),) = site.posts(title)
            assert sent.remote_id == number
        assert len(line.lost) == 2


def test_pictures_go_with_it_and_a_damaged_one_is_refused(
    site: GhostSite, house: RealHouse, tmp_path: Path
) -> None:
    house.add("ghost", "league", site.url, site.credentials)
    access, connector = house.access("ghost"), house.connector("ghost")
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    media = tuple(Media(path, f"{number}" * 64, "image/png", "a.png") for number in (1, 2))
    post = Outgoing("k-pictures", 1, "有图", "图在下面", media)
    receipt = connector.publish(access, post)
    assert connector.find(access, post, house.clock.now()) == receipt
    ((cover, html),) = site.rows("SELECT feature_image, html FROM posts WHERE id = ?", receipt.remote_id)
    assert cover.endswith(".png")
    assert html.count("<img") == 1
    (tmp_path / "b.png").write_bytes(os.urandom(200))
    broken = replace(
        post, key="k-broken", title="坏图", media=(Media(tmp_path / "b.png", "9" * 64, "image/png", "b"),)
    )
    with pytest.raises(Refused):
        connector.publish(access, broken)
    assert site.posts("坏图") == []


def test_refusals_are_told_apart(site: GhostSite, house: RealHouse) -> None:
    house.add("ghost", "league", site.url, site.credentials)
    connector = house.connector("ghost")
    access = house.access("ghost")
    assert all(finding.fine for finding in connector.check(access))
    with pytest.raises(Refused) as refused:
        connector.publish(access, Outgoing("k-long", 1, "长" * 256, "正文"))
    assert refused.value.platform_code == "ValidationError"
    name, secret = site.credentials["admin_key"].split(":")
    for key, code in (
        (f"{name}:{'0' * 64}", "INVALID_JWT"),
        (f"{'0' * 24}:{secret}", "UNKNOWN_ADMIN_API_KEY"),
    ):
        with pytest.raises(NeedsPerson) as unknown:
            connector.check(replace(access, credentials={"admin_key": key}))
        assert unknown.value.platform_code == code
    house.clock.advance(-600)  # a clock that is ten minutes slow
    with pytest.raises(NeedsPerson) as late:
        connector.check(access)
    assert late.value.platform_code == "INVALID_JWT"
