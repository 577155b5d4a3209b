"""Debian's WordPress: the site itself shows one post, whatever happens to the answers."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from cutting import cutting
from real_house import PNG, RealHouse
from wordpress_site import WordPressSite, wordpress_site

from connectors import Media, NeedsPerson, Outgoing, Refused
from scheduler.deliveries import State

CREATE = "POST /wp-json/wp/v2/posts"


@pytest.fixture(scope="module")
def site(started: Callable[..., AbstractContextManager[Any]]) -> Iterator[WordPressSite]:
    with started("WordPress", wordpress_site()) as running:
        yield running


def test_a_post_goes_out_once_and_its_figures_come_back(site: WordPressSite, house: RealHouse) -> None:
    house.add("wordpress", "league", site.url, site.credentials)
    options = {"excerpt": "摘要", "categories": "league", "tags": "志愿,五四", "comments": "open"}
    sent = house.publish("wordpress", "十二所高校 https://www.example.org/a", title="发一次", options=options)
    assert (sent.state, sent.purposes) == (State.PUBLISHED, ["publish"])
    ((number, state, _slug),) = site.posts("发一次")
    assert (number, state) == (sent.remote_id, "publish")

    assert [site.visit(sent.url) for _ in range(3)] == [200] * 3
    site.comment(number)
    report = house.collect()
    assert report.failures == []
    assert house.figures(number) == {"read_events": 3.0, "comment": 1.0}
    ((public,),) = site.sql(
        "SELECT COUNT(*) FROM wp_posts WHERE post_type = 'post' AND post_status = 'publish'"
    )
    assert house.account_figures()["posts_total"] == float(public)

    receipt = sent.repeated("wordpress", "十二所高校 https://www.example.org/a", title="发一次")
    assert receipt.remote_id == number
    assert len(site.posts("发一次")) == 1


def test_a_lost_answer_is_found_and_a_lost_request_is_repeated(site: WordPressSite, house: RealHouse) -> None:
    with cutting(site.port) as (line, address):
        house.add("wordpress", "league", address, site.credentials)
        line.cut(CREATE)
        sent = house.publish("wordpress", "正文", title="答复丢了")
        assert len(line.lost) == 1
        assert sent.purposes == ["publish", "find"]
        assert sent.states[-2:] == [State.UNCERTAIN, State.PUBLISHED]
        ((number, _, _),) = site.posts("答复丢了")
        assert sent.remote_id == number

        line.cut(CREATE, before=True)
        again = house.publish("wordpress", "正文", title="请求丢了")
        assert len(line.lost) == 2
        assert again.purposes == ["publish", "find", "publish"]
        assert again.state is State.PUBLISHED
        assert len(site.posts("请求丢了")) == 1


def test_a_cover_and_a_picture_stand_in_the_post(
    site: WordPressSite, house: RealHouse, tmp_path: Path
) -> None:
    house.add("wordpress", "league", site.url, site.credentials)
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    media = tuple(Media(path, f"{number}" * 64, "image/png", "a.png", "合影") for number in (1, 2))
    post = Outgoing("k-pictures", 1, "有图", "<p>图在中间</p><p><img src='media:2'></p>", media)
    access, connector = house.access("wordpress"), house.connector("wordpress")
    receipt = connector.publish(access, post)
    assert connector.find(access, post, house.clock.now()) == receipt
    ((content,),) = site.sql(f"SELECT post_content FROM wp_posts WHERE ID = {receipt.remote_id}")
    assert content.count("<img") == 1
    assert "/wp-content/uploads/" in content
    cover = f"SELECT 1 FROM wp_postmeta WHERE post_id = {receipt.remote_id} AND meta_key = '_thumbnail_id'"
    assert len(site.sql(cover)) == 1


def test_refusals_are_told_apart(site: WordPressSite, house: RealHouse, tmp_path: Path) -> None:
    house.add("wordpress", "league", site.url, site.credentials)
    connector, access = house.connector("wordpress"), house.access("wordpress")
    assert all(finding.fine for finding in connector.check(access))
    path = tmp_path / "a.svg"
    path.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    drawing = Media(path, "0" * 64, "image/svg+xml", "a.svg")
    with pytest.raises(Refused) as refused:
        connector.publish(access, Outgoing("k-svg", 1, "坏图", "正文", (drawing,)))
    assert refused.value.platform_code == "rest_upload_sideload_error"
    assert site.posts("坏图") == []
    house.add("wordpress", "wrong", site.url, {**site.credentials, "app_password": "x" * 24})
    with pytest.raises(NeedsPerson) as unknown:
        connector.check(house.access("wordpress"))
    assert unknown.value.platform_code == "rest_not_logged_in"
