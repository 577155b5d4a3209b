"""A real network of PDS and AppView: the account's own server keeps one record a post."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from atproto_network import Network, Person, atproto_network
from cutting import cutting
from programs import until
from real_house import RealHouse

from scheduler.deliveries import State

PUT = "POST /xrpc/com.atproto.repo.putRecord"
POST = "app.bsky.feed.post"


@pytest.fixture(scope="module")
def network(started: Callable[..., AbstractContextManager[Any]]) -> Iterator[Network]:
    with started("Bluesky PDS with AppView", atproto_network()) as running:
        yield running


@pytest.fixture(scope="module")
def league(network: Network) -> Person:
    return network.join("league")


def add(house: RealHouse, league: Person, address: str) -> None:
    credentials = {"identifier": league.handle, "app_password": league.app_password()}
    house.add("bluesky", "league", address, credentials)


def test_a_post_goes_out_once_and_what_readers_did_comes_back(
    network: Network, league: Person, house: RealHouse
) -> None:
    add(house, league, network.url)
    text = "五四活动 https://www.example.org/a #青年"
    sent = house.publish("bluesky", text)
    assert (sent.state, sent.purposes) == (State.PUBLISHED, ["publish"])
    ((uri, cid),) = league.posts(text)
    assert sent.repeated("bluesky", text).remote_id == sent.remote_id
    assert league.posts(text) == [(uri, cid)]

    access, connector = house.access("bluesky"), house.connector("bluesky")
    subject = {"uri": uri, "cid": cid}
    for name in ("anna", "boris"):
        reader = network.join(name)
        reader.write("app.bsky.feed.like", subject=subject)
        reader.write("app.bsky.graph.follow", subject=league.did)
    reader.write("app.bsky.feed.repost", subject=subject)
    reader.write(POST, text="好", reply={"root": subject, "parent": subject})

    def come() -> bool:
        (article,) = [
            one for one in connector.articles(access, house.today, house.today) if one.remote_id == uri
        ]
        return article.figures[0].values["like"] == 2 and article.figures[0].values["comment"] == 1

    until(come, "two likes and a reply have reached the AppView")
    assert house.collect().failures == []
    found = house.figures(uri)
    assert {name: found[name] for name in ("like", "repost", "comment")} == {
        "like": 2,
        "repost": 1,
        "comment": 1,
    }
    assert house.account_figures()["followers_total"] == 2


def test_a_lost_answer_and_a_lost_request_leave_one_record_each(
    network: Network, league: Person, house: RealHouse
) -> None:
    with cutting(network.port) as (line, address):
        add(house, league, address)
        for text, before, purposes in (
            ("答复丢了", False, ["publish", "find"]),
            ("请求丢了", True, ["publish", "find", "publish"]),
        ):
            line.cut(PUT, before=before)
            sent = house.publish("bluesky", text)
            assert sent.purposes == purposes
            assert sent.state is State.PUBLISHED
            assert len(league.posts(text)) == 1
        assert len(line.lost) == 2
