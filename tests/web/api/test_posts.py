"""Posts by the API: written, read, changed by who has read them, queued."""

from pathlib import Path

import pytest
from api_house import ApiHouse

from config import Database, ManualClock
from config.secrets import KeyRing


@pytest.fixture
def house(database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path) -> ApiHouse:
    return ApiHouse(database, keys, clock, tmp_path)


def test_a_draft_is_given_back_as_it_was_written_and_goes_out_when_sent(house: ApiHouse) -> None:
    owner = house.owner()
    made = owner.post("/posts", house.written("HH", text="一\n二"))
    assert made.status == 201, made.body
    assert made.headers["location"] == f"/api/v1/posts/{made.body['id']}"
    shown = owner.get(f"/posts/{made.body['id']}")
    assert shown.body == made.body and shown.headers["etag"] == made.headers["etag"]
    assert shown.body["text"] == "一\n二" and shown.body["copies"][0]["account"] == "webhook:HH"
    sent = owner.post(f"/posts/{made.body['id']}/send")
    assert sent.status == 200 and house.woken == 1
    (row,) = owner.get("/deliveries").body["items"]
    assert (row["id"], row["state"], row["headline"]) == (sent.body["deliveries"][0], "queued", "草原")
    story = owner.get(f"/deliveries/{row['id']}").body
    assert [event["to_state"] for event in story["events"]] == ["queued"]
