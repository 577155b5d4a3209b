"""Keys: who has one gets in, as far as their person may and their scopes reach, as often as is allowed."""

import logging
from pathlib import Path

import pytest
from api_house import ApiHouse
from sqlmodel import select

from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation import (
    Act,
    ApiKey,
    Role,
    add_key,
    disable_person,
    entries_of,
    find_key,
    grant_role,
    parse_scopes,
    revoke_key,
    revoke_role,
)
from web.api.call import Office
from web.api.pace import Pace


def test_a_key_opens_the_door_and_is_kept_nowhere(
    database: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    house = ApiHouse(database, keys, clock, tmp_path)
    person = house.person("li", Role.EDITOR, "HH")
    token = house.key(person, Act.POST_READ)
    me = house.caller(token).get("/me")
    assert (me.body["login"], me.body["scopes"]) == ("li", ["post.read"])
    secret = token.rpartition("_")[2]
    with database.read() as session:
        (row,) = session.exec(select(ApiKey))
        told = [str(entry.details) for entry in entries_of(session)]
    assert secret not in repr(row) and row.used_at == clock.now()
    assert not any(secret in one for one in told)


@pytest.mark.parametrize(
    "token", ["", "mz_", "mz_abcdefghij_", "mz_abcdefghij_" + "0" * 64, "other", "mz_é_1"]
)
def test_whoever_has_no_good_key_stays_outside(house: ApiHouse, token: str) -> None:
    for path in ("/posts", "/me", "/posts/1"):
        answer = house.caller(token).get(path)
        assert (answer.status, answer.body["code"]) == (401, "api.unauthorised")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_changed_key_is_none(house: ApiHouse) -> None:
    token = house.key(house.person("li", Role.EDITOR, "HH"))
    other = "0" if token[-1] != "0" else "1"
    assert house.caller(token[:-1] + other).get("/me").status == 401


def test_revoked_expired_or_of_somebody_disabled_it_ends_at_once(house: ApiHouse, clock: ManualClock) -> None:
    person = house.person("li", Role.EDITOR, "HH")
    revoked, lapsed, other = house.key(person), house.key(person, days=1), house.key(person)
    assert house.caller(revoked).get("/me").status == 200
    with house.database.write() as session:
        key, _ = find_key(session, revoked.split("_")[1])
        assert revoke_key(session, house.keys, key, at=clock.now(), actor="test")
        assert not revoke_key(session, house.keys, key, at=clock.now(), actor="test")
    assert house.caller(revoked).get("/me").status == 401
    clock.advance(24 * 3600)
    assert house.caller(lapsed).get("/me").status == 401
    assert house.caller(other).get("/me").status == 200
    with house.database.write() as session:
        disable_person(session, house.keys, person, at=clock.now(), actor="test")
    assert house.caller(other).get("/me").status == 401


def test_a_key_may_what_its_person_may_at_this_moment_and_its_scopes_name(
    house: ApiHouse, clock: ManualClock
) -> None:
    person = house.person("li", Role.VIEWER, "HH")
    wide, narrow = house.caller(house.key(person)), house.caller(house.key(person, Act.UNIT_READ))
    assert wide.get("/accounts").status == 200
    refused = narrow.get("/accounts")
    assert (refused.status, refused.body["code"]) == (403, "organisation.beyond_key")
    assert wide.post("/posts", house.written("HH")).body["code"] == "organisation.not_allowed"
    with house.database.write() as session:
        unit = house.units["HH"]
        grant_role(session, house.keys, person, Role.EDITOR, unit, at=clock.now(), actor="test")
    assert wide.post("/posts", house.written("HH")).status == 201
    with house.database.write() as session:
        for role in (Role.EDITOR, Role.VIEWER):
            revoke_role(session, house.keys, person, role, unit, at=clock.now(), actor="test")
    assert wide.get("/accounts").status == 403


def test_refusals_stand_in_the_ledger_with_the_key(house: ApiHouse) -> None:
    person = house.person("li", Role.VIEWER, "HH")
    token = house.key(person)
    house.caller(token).post("/posts", house.written("HH"))
    with house.database.read() as session:
        (entry,) = entries_of(session, act="access.refused")
    assert entry.subject == "api:POST /posts" and entry.details["act"] == "post.write"
    assert entry.actor == f"person:li (key:{token.split('_')[1]})"


def test_a_key_asks_so_often_a_minute_and_is_told_what_is_left(house: ApiHouse, clock: ManualClock) -> None:
    house.app.state.office = Office(house.desk, Pace(3))
    person = house.person("li", Role.EDITOR, "HH")
    caller, other = house.caller(house.key(person)), house.caller(house.key(person))
    left = [caller.get("/me").headers["ratelimit"] for _ in range(3)]
    assert left == ['"key";r=2;t=20', '"key";r=1;t=40', '"key";r=0;t=60']
    refused = caller.get("/me")
    assert (refused.status, refused.body["code"], refused.headers["retry-after"]) == (
        429,
        "api.too_many",
        "20",
    )
    assert other.get("/me").status == 200
    clock.advance(20)
    assert [caller.get("/me").status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    ("scopes", "name", "days", "code"),
    [
        ([], "x", 1, "key.no_scope"),
        ([Act.POST_READ], " ", 1, "key.bad_name"),
        ([Act.POST_READ], "a\nb", 1, "key.bad_name"),
        ([Act.POST_READ], "x", 0, "key.bad_days"),
        ([Act.POST_READ], "x", 5000, "key.bad_days"),
    ],
)
def test_a_key_that_is_none_is_not_made(
    house: ApiHouse, clock: ManualClock, scopes: list[Act], name: str, days: int, code: str
) -> None:
    person = house.person("li", Role.EDITOR, "HH")
    with pytest.raises(MeizhenError) as refused, house.database.write() as session:
        add_key(session, house.keys, person, name, scopes, days=days, at=clock.now(), actor="test")
    assert refused.value.code == code


def test_scopes_are_acts_or_all_that_read() -> None:
    assert parse_scopes(["post.write, post.read", "queue.read"]) == (
        Act.POST_READ,
        Act.POST_WRITE,
        Act.QUEUE_READ,
    )
    assert parse_scopes(["read"]) == tuple(act for act in Act if act.reads)
    with pytest.raises(MeizhenError, match=r"post\.delete"):
        parse_scopes(["post.delete"])


def test_a_key_stands_in_for_nobody_beyond_its_scopes(house: ApiHouse, clock: ManualClock) -> None:
    """A substitute signs in another's place; by a key only what the key may."""
    from organisation import standing_of
    from organisation.stages import Stage, set_stages
    from scheduler.review_people import name_substitute

    author = house.person("author", Role.EDITOR, "HH")
    reviewer, substitute = house.person("first", Role.FIRST_REVIEWER, "HH"), house.person("other", None)
    with house.database.write() as session:
        now = clock.now()
        set_stages(session, house.keys, house.units["HH"], (Stage.FIRST,), at=now, actor="test")
        standing = standing_of(session, reviewer)
        until = now.date().replace(day=20)
        name_substitute(session, house.keys, standing, substitute, until=until, now=now, actor="test")
    writer = house.caller(house.key(author))
    post = writer.post("/posts", house.written("HH")).body["id"]
    assert writer.post(f"/reviews/{post}/submit", {}).status == 201
    narrow = house.caller(house.key(substitute, Act.REVIEW_READ))
    assert narrow.get(f"/reviews/{post}").status == 200
    assert narrow.post(f"/reviews/{post}/approve").status == 403
    assert house.caller(house.key(substitute)).post(f"/reviews/{post}/approve").body["state"] == "approved"


def test_no_key_is_logged(house: ApiHouse, caplog: pytest.LogCaptureFixture) -> None:
    token = house.key(house.person("li", Role.EDITOR, "HH"))
    with caplog.at_level(logging.DEBUG):
        house.caller(token).get("/me")
        house.caller(token).get("/posts", cursor="x")
    assert token not in caplog.text
