"""Pages: everything once, whatever is added meanwhile; a cursor is good for its list and its filters only."""

from datetime import timedelta
from pathlib import Path

import pytest
from api_caller import Caller
from api_house import ApiHouse
from scenery import queue_posts

from config import Database, ManualClock
from config.secrets import KeyRing
from organisation import Role


@pytest.fixture
def both(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> ApiHouse:
    house = ApiHouse(database, keys, clock, tmp_path)
    for number in range(7):
        due = clock.now() + timedelta(minutes=number // 2)  # some at the same moment
        queue_posts(database, house.accounts["HH"], [f"稿 {number}"], due=due, title="")
    queue_posts(database, house.accounts["NM"], ["上级的稿"], due=clock.now(), title="")
    return house


def walk(caller: Caller, path: str, limit: int, **filters: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    cursor = None
    for _ in range(50):
        page = caller.get(path, limit=limit, cursor=cursor, **filters)
        assert page.status == 200, page.body
        found += page.body["items"]
        cursor = page.body["next"]
        if cursor is None:
            return found
    raise AssertionError("the list never ends")


@pytest.mark.parametrize("path", ["/posts", "/deliveries", "/ledger", "/units", "/accounts", "/people"])
def test_pages_together_are_the_list(both: ApiHouse, path: str) -> None:
    owner = both.owner()
    whole = walk(owner, path, 200)
    assert whole and all(walk(owner, path, limit) == whole for limit in (1, 3))


def test_a_page_goes_on_after_what_was_seen(both: ApiHouse, clock: ManualClock) -> None:
    owner = both.owner()
    first = owner.get("/posts", limit=3)
    queue_posts(both.database, both.accounts["HH"], ["neu"], due=clock.now(), title="")
    rest = owner.get("/posts", limit=200, cursor=first.body["next"])
    ids = [row["id"] for row in first.body["items"] + rest.body["items"]]
    assert ids == sorted(ids, reverse=True) and len(ids) == 8


def test_a_list_is_narrowed(both: ApiHouse, clock: ManualClock) -> None:
    reader = both.caller(both.key(both.person("li", Role.VIEWER, "HH")))
    assert len(walk(reader, "/posts", 2)) == 7
    assert len(walk(reader, "/deliveries", 2, state="queued", account="webhook:HH")) == 7
    assert walk(reader, "/deliveries", 2, state="published") == []
    soon = (clock.now() + timedelta(minutes=1)).isoformat()
    assert len(walk(reader, "/deliveries", 2, until=soon)) == 2
    assert len(walk(reader, "/deliveries", 2, since=soon)) == 5
    assert reader.get("/deliveries", account="webhook:NM").status == 404
    assert reader.get("/posts", account="webhook:BJ").status == 404


def test_a_cursor_of_elsewhere_is_refused(both: ApiHouse) -> None:
    owner = both.owner()
    cursor = owner.get("/posts", limit=1).body["next"]
    wrong = [
        owner.get("/deliveries", cursor=cursor),
        owner.get("/posts", cursor=cursor, account="webhook:HH"),
        owner.get("/posts", cursor=cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")),
        owner.get("/posts", cursor="x"),
        owner.get("/posts", cursor="é"),
        owner.get("/posts", cursor=""),
    ]
    assert [answer.status for answer in wrong] == [422] * 6
    assert {answer.body["code"] for answer in wrong} == {"api.bad_cursor"}
    assert owner.get("/posts", limit=0).status == owner.get("/posts", limit=201).status == 422


def test_many_accounts_are_looked_up_where_they_are(both: ApiHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many cannot be named in a statement: the list is the same."""
    from scheduler import post_pages

    reader = both.caller(both.key(both.person("li", Role.VIEWER, "NM")))
    whole = walk(reader, "/posts", 3)
    assert len(whole) == 8
    monkeypatch.setattr(post_pages, "_FEW", 1)
    assert walk(reader, "/posts", 3) == whole
