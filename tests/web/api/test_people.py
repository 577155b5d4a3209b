"""People by the API: codes that open a door once, hand-over, accounts to answer for, keys of programs."""

import pytest
from api_house import ApiHouse
from people import PASSWORD

from organisation import Act, Role, accept_code, charges_of, find_person, roles_of


def test_an_invitation_lets_in_once(house: ApiHouse) -> None:
    owner = house.owner()
    owner.post("/people", {"login": "wang", "name": "王小明", "unit": "HH"})
    first = owner.post("/people/wang/invitation", Idempotency_Key="k")
    assert owner.post("/people/wang/invitation", Idempotency_Key="k").body == first.body
    second = owner.post("/people/wang/invitation")  # the older one is void
    for code, good in ((first.body["code"], False), (second.body["code"], True)):
        with house.database.write() as session:
            if good:
                accept_code(session, house.keys, code, PASSWORD, at=house.clock.now())
            else:
                with pytest.raises(Exception, match="code"):
                    accept_code(session, house.keys, code, PASSWORD, at=house.clock.now())
    assert owner.post("/people/wang/invitation").body["code"] == "person.not_invitable"
    assert owner.get("/people/wang").body["state"] == "active"
    assert owner.post("/people/wang/password-reset").body["code"]


def test_no_program_opens_a_door_to_more_than_its_key_may(house: ApiHouse) -> None:
    """By a code one signs in as the person: with everything they may, whatever the key's scopes say."""
    chief = house.person("chief", Role.OWNER)
    house.person("wang", Role.PUBLISHER, "HH")
    house.person("neu", None, home="HH")
    narrow = house.caller(house.key(chief, Act.PERSON_READ, Act.PERSON_WRITE))
    for login in ("wang", "chief"):
        for path in ("password-reset", "invitation"):
            answer = narrow.post(f"/people/{login}/{path}")
            assert (answer.status, answer.body["code"]) == (403, "organisation.beyond_key")
        assert narrow.call("DELETE", f"/people/{login}/second-factor").status == 403
        key = {"login": login, "name": "x", "scopes": ["person.write", "post.send"]}
        assert narrow.post("/keys", key).body["code"] == "organisation.beyond_key"
    substitute = {"login": "wang", "until": "2026-12-31"}
    assert narrow.call("PUT", "/me/substitute", body=substitute).body["code"] == "organisation.beyond_key"
    assert narrow.post("/people/neu/password-reset").status == 201


def test_a_substitute_is_named_and_ended_and_a_wrong_one_is_told_like_nobody(house: ApiHouse) -> None:
    owner, until = house.owner(), house.clock.now().date().isoformat()
    house.person("wang", Role.EDITOR, "HH")
    for login in ("owner", "niemand"):
        wrong = owner.call("PUT", "/me/substitute", body={"login": login, "until": until})
        assert (wrong.status, wrong.body["code"]) == (422, "review.bad_substitute")
    named = owner.call("PUT", "/me/substitute", body={"login": "wang", "until": until})
    assert named.body == {"login": "owner", "substitute": "wang", "until": until}
    assert owner.call("DELETE", "/me/substitute").body["substitute"] is None


def test_a_key_is_shown_once_and_ends_at_once(house: ApiHouse) -> None:
    owner = house.owner()
    house.person("wang", Role.EDITOR, "HH")
    made = owner.post("/keys", {"login": "wang", "name": "排稿", "scopes": ["post.read"], "days": 30})
    program = house.caller(made.body["key"])
    assert program.get("/me").body["scopes"] == ["post.read"]
    secret = made.body["key"].rpartition("_")[2].encode()
    assert secret not in owner.get("/keys").raw
    prefix = made.body["prefix"]
    assert owner.call("DELETE", f"/keys/{prefix}").body["revoked_at"]
    assert program.get("/me").status == 401
    assert owner.call("DELETE", f"/keys/{prefix}").body["code"] == "key.revoked_already"


def test_everything_goes_to_another_and_roles_only_as_a_gift_one_may_make(house: ApiHouse) -> None:
    owner = house.owner()
    house.person("wang", Role.EDITOR, "HH", home="HH")
    house.person("zhao", None, home="HH")
    charged = owner.post("/people/wang/accounts", {"accounts": ["webhook:HH"]})
    assert charged.body["charges"] == {"account": 1}
    admin = house.person("li", Role.ADMINISTRATOR, "HH")
    part = house.caller(house.key(admin, Act.PERSON_WRITE))
    assert part.post("/people/wang/accounts", {"accounts": ["webhook:HH"]}).status == 403
    giving = {"to": "zhao", "roles": True}
    assert part.post("/people/wang/hand-over", giving).body["code"] == "organisation.beyond_key"
    done = owner.post("/people/wang/hand-over", giving).body
    assert (done["things"], done["roles"]) == ({"account": 1}, [{"role": "editor", "unit": "HH"}])
    with house.database.read() as session:
        assert dict(charges_of(session, find_person(session, "zhao"))) == {"account": 1}
        assert [one.role for one in roles_of(session, find_person(session, "zhao"))] == [Role.EDITOR]


def test_a_role_that_needs_a_second_factor_is_told_so(house: ApiHouse) -> None:
    owner = house.owner()
    owner.post("/roles/judge/second-factor", {"second_factor": True})
    told = {one["role"]: one["second_factor"] for one in owner.get("/roles").body["items"]}
    assert [role for role, demanded in told.items() if demanded] == ["judge"]
