"""组织: the tree, a unit's rules and words, people who come, get roles and leave."""

import re

import pytest
from desk_house import DeskHouse
from people import make_person
from sqlmodel import select

from organisation import (
    Person,
    PersonState,
    Role,
    Unit,
    find_person,
    in_charge,
    put_in_charge,
    roles_of,
)
from organisation.words import words_of


def test_the_tree_begins_where_reach_begins_and_costs_the_same(house: DeskHouse) -> None:
    house.newsroom.person("quan", Role.OWNER, None)
    owner = house.browser("quan")
    words = owner.get("/organisation").words
    assert {"NM", "BJ", "HH", "BT"} <= set(words.split())
    theirs = house.browser("fa").get("/organisation")
    assert 'href="/organisation/HH"' in theirs.html and 'href="/organisation/NM"' not in theirs.html
    assert "HH-1" in owner.get("/organisation/HH/below").words
    counts = []
    for more in (0, 30):
        with house.database.write() as session:
            above = session.exec(select(Unit).where(Unit.code == "NM")).one()
            for number in range(more):
                unit = Unit(
                    code=f"N{number}", kind="league", name_zh="盟", path=f"x{number}/", parent_id=above.id
                )
                session.add(unit)
                session.flush()
                unit.path = f"{above.path}{unit.id}/"
        with house.counting() as seen:
            owner.get("/organisation")
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_a_level_of_very_many_comes_in_parts(house: DeskHouse) -> None:
    house.newsroom.person("quan", Role.OWNER, None)
    with house.database.write() as session:
        above = session.exec(select(Unit).where(Unit.code == "BJ")).one()
        session.add_all(
            Unit(
                code=f"B{n}",
                kind="department",
                name_zh=f"部{n}",
                path=f"{above.path}{9000 + n}/",
                parent_id=above.id,
            )
            for n in range(450)
        )
    owner = house.browser("quan")
    first, last = owner.get("/organisation/BJ/below"), owner.get("/organisation/BJ/below?first=400")
    assert first.html.count("<li>") == 201 and "first=200" in first.html
    assert last.html.count("<li>") == 50 and "first=" not in last.html


def test_a_unit_shows_who_may_what_and_takes_rules_and_words(house: DeskHouse) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    browser = house.browser("guan")
    words = browser.get("/organisation/HH").words
    assert "姓名yi" in words and "一审" in words and "(NM 规定)" in words
    done = browser.post("/organisation/HH/rules", {"review": "first,final", "lateness": "3"})
    assert "一审 → 终审" in done.words and "最多迟发 3 小时" in done.words
    for above in ("", " inherit "):  # the field left empty, and the word of programs
        own = browser.post("/organisation/HH/rules", {"review": "first,final", "lateness": "3"})
        assert 'name="lateness" type="text"\n         value="3"' in own.html
        back = browser.post("/organisation/HH/rules", {"review": "first,final", "lateness": above})
        assert "最多迟发 2 小时" in back.words and 'placeholder="跟上级一样"' in back.html
        assert 'value="inherit" selected' not in back.html and 'value="3"' not in back.html
    refused = browser.post("/organisation/HH/rules", {"review": "final,first", "lateness": "3"})
    assert refused.status == 422 and "org.bad_stages" in refused.html
    browser.post("/organisation/HH/words", {"word": "某词", "kind": "forbid"})
    with house.database.read() as session:
        unit = session.exec(select(Unit).where(Unit.code == "HH")).one()
        assert [(one.word, one.forbidden) for one in words_of(session, [unit])] == [("某词", True)]
    assert "没有登记词" in browser.post("/organisation/HH/words", {"word": "某词", "kind": "remove"}).words
    assert browser.get("/organisation/BT").status == 404
    assert browser.get("/organisation/nowhere").status == 404
    viewer = house.browser("fa")
    assert (
        viewer.get("/organisation/HH").status == 200 and "姓名yi" not in viewer.get("/organisation/HH").words
    )
    assert viewer.post("/organisation/HH/words", {"word": "x", "kind": "warn"}).status == 403


def test_forms_offer_the_codes_of_the_units_within_reach_by_one_query(
    house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    house.newsroom.person("quan", Role.OWNER, None)
    account = house.newsroom.open_account("HH", "own")
    pages = ["/people/new", "/accounts/new?platform=webhook", f"/accounts/{account.id}/edit"]
    for path in pages:
        html = house.browser("guan").get(path).html
        assert offered(html) == ["HH", "HH-1"] and 'list="unit-codes"' in html, path
    owner = house.browser("quan")
    for path in ("/people/new", "/people/fa", "/campaigns/new"):
        assert offered(owner.get(path).html) == ["NM", "HH", "HH-1", "BT", "BJ"], path
    with house.counting() as seen:
        owner.get("/people/new")
    assert sum("unit.name_zh" in one and "ORDER BY unit.path" in one for one in seen) == 1
    monkeypatch.setattr("web.unit_choices.MOST", 4)
    html = owner.get("/people/new").html
    assert offered(html) == [] and "unit-codes" not in html


def offered(html: str) -> list[str]:
    """The codes of the list that a unit's field offers."""
    told = html.partition('<datalist id="unit-codes">')[2].partition("</datalist>")[0]
    return re.findall(r'<option value="([^"]+)">', told)


def test_a_person_is_added_with_a_code_that_is_shown_once_and_works(house: DeskHouse) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    browser = house.browser("guan")
    assert browser.post("/people/new", {"login": "xin", "name": "新人", "unit": "BT"}).status == 404
    assert browser.post("/people/new", {"login": "xin", "name": "新人", "unit": ""}).status == 404
    shown = browser.post("/people/new", {"login": "xin", "name": "新人", "unit": "HH"})
    found = re.search(r"<code>([^<]+)</code>", shown.html)
    assert found is not None
    assert found[1] not in browser.get("/people/xin").html
    granted = browser.post("/people/xin/roles", {"role": "editor", "unit": "HH"})
    assert "编辑" in granted.words
    new = house.there.browser()
    new.get("/join")
    joined = new.post(
        "/join", {"code": found[1], "password": "风吹草低见牛羊,真是好看", "again": "风吹草低见牛羊,真是好看"}
    )
    assert joined.path == "/", joined.words


def test_roles_are_given_and_taken_by_the_rules_of_granting(house: DeskHouse) -> None:
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    browser = house.browser("guan")
    address = "/people/fa/roles"
    assert browser.post(address, {"role": "editor", "unit": "BT"}).status == 404
    assert browser.post(address, {"role": "owner", "unit": "HH"}).status == 403
    assert browser.post("/people/guan/roles", {"role": "editor", "unit": "HH"}).status == 403
    assert browser.post(address, {"role": "king", "unit": "HH"}).status == 422
    browser.post(address, {"role": "analyst", "unit": "HH"})
    twice = browser.post(address, {"role": "analyst", "unit": "HH"})
    assert "organisation.held_already" in twice.html
    browser.post(address, {"role": "publisher", "unit": "HH", "take": "true"})
    with house.database.read() as session:
        held = [one.role for one in roles_of(session, find_person(session, "fa"))]
    assert held == [Role.ANALYST]
    assert house.browser("wen").post(address, {"role": "editor", "unit": "HH"}).status == 403


def test_somebody_leaves_everything_listed_handed_over_and_the_door_closed(house: DeskHouse) -> None:
    room = house.newsroom
    room.person("guan", Role.ADMINISTRATOR, "HH")
    with house.database.write() as session:
        for login in ("fa", "wen"):
            find_person(session, login).unit_id = room.units["HH"].id
        put_in_charge(session, room.people["fa"], "account", [room.account.known_id], at=house.clock.now())
    browser = house.browser("guan")
    leaving = browser.get("/people/fa/leave").words
    assert room.account.stable_id in leaving and "发布员 · HH" in leaving
    # who belongs to no unit belongs to the whole house: out of an administrator's reach
    assert browser.get("/people/yi/leave").status == 404
    done = browser.post("/people/fa/leave", {"to": "wen", "roles": "true"})
    assert "没有要交接的事项" in done.words
    shut = browser.post("/people/fa/door", {"shut": "true", "reason": "毕业"})
    assert "已停用" in shut.words
    with house.database.read() as session:
        owner = in_charge(session, "account", room.account.known_id)
        assert owner is not None and owner.login == "wen"
        assert Role.PUBLISHER in [one.role for one in roles_of(session, owner)]
        assert session.exec(select(Person.state).where(Person.login == "fa")).one() == PersonState.DISABLED
    assert "person.is_disabled" in browser.post("/people/fa/door", {"shut": "true"}).html
    browser.post("/people/fa/door", {"shut": "false"})
    assert "person.not_disabled" in browser.post("/people/fa/door", {"shut": "false"}).html


def test_nobody_resets_the_password_of_an_owner_above_them(house: DeskHouse) -> None:
    room = house.newsroom
    room.person("guan", Role.ADMINISTRATOR, "HH")
    make_person(
        house.database,
        room.keys,
        "boss",
        at=house.clock.now(),
        unit=room.units["HH"],
        roles={Role.OWNER: room.units["HH"]},
    )
    browser = house.browser("guan")
    assert browser.get("/people/boss").status == 200
    assert browser.post("/people/boss/code").status == 403
    assert browser.get("/people/nobody").status == 404
