"""Units by the API: added, renamed and moved by who is in charge there; their words; files of them."""

from api_house import ApiHouse

from organisation import Role

LEAGUE = {"code": "XL", "parent": "NM", "kind": "league", "name_zh": "锡林郭勒"}


def test_a_unit_is_added_renamed_and_moved_with_all_below_it(house: ApiHouse) -> None:
    owner = house.owner()
    assert owner.post("/units", LEAGUE).status == 201
    assert owner.post("/units", LEAGUE).body["code"] == "org.unit_exists"
    etag = owner.get("/units/HH").headers["etag"]
    moved = owner.patch("/units/HH", {"parent": "XL", "name_en": "Hohhot", "lateness_hours": 3}, etag)
    assert moved.body["above"] == ["NM", "XL"] and moved.body["name_en"] == "Hohhot"
    assert (moved.body["name_zh"], moved.body["lateness_hours"]) == ("HH", 3)
    assert owner.get("/units/HH-1").body["above"] == ["NM", "XL", "HH"]
    circle = owner.patch("/units/XL", {"parent": "HH-1"}, owner.get("/units/XL").headers["etag"])
    assert circle.body["problems"][0]["code"] == "org.cycle"
    assert owner.get("/units/XL").body["parent"] == "NM"


def test_a_unit_is_moved_only_from_and_to_where_one_is_in_charge(house: ApiHouse) -> None:
    caller = house.caller(house.key(house.person("li", Role.ADMINISTRATOR, "HH")))
    assert caller.post("/units", LEAGUE | {"parent": "HH-1"}).status == 201
    for wrong in (LEAGUE | {"code": "Y"}, LEAGUE | {"code": "Y", "parent": None}):
        assert caller.post("/units", wrong).status == 404
    own, below = (caller.get(f"/units/{code}").headers["etag"] for code in ("HH", "XL"))
    assert caller.patch("/units/HH", {"parent": "HH-1"}, own).status == 404  # it would leave NM
    assert caller.patch("/units/XL", {"parent": "BT"}, below).status == 404
    assert caller.patch("/units/XL", {"parent": None}, below).status == 404
    assert caller.patch("/units/XL", {"parent": "HH"}, below).body["parent"] == "HH"


def test_words_hold_for_all_below(house: ApiHouse) -> None:
    owner = house.owner()
    owner.post("/units/NM/words", {"words": ["最", "第一"], "become": "forbidden"})
    owner.post("/units/HH/words", {"words": ["草原", "最"]})
    held = [
        (one["word"], one["forbidden"], one["unit"]) for one in owner.get("/units/HH/words").body["items"]
    ]
    assert held == [("最", False, "HH"), ("最", True, "NM"), ("第一", True, "NM"), ("草原", False, "HH")]
    left = owner.post("/units/NM/words", {"words": ["最"], "become": "removed"}).body["items"]
    assert [one["word"] for one in left] == ["第一"]


def test_a_file_of_units_is_taken_whole(house: ApiHouse) -> None:
    told = "code,parent,kind,name_zh\nXL,NM,league,锡林郭勒\nHH,XL,league,呼和浩特\n"
    done = house.owner().send("/units/import", "units.csv", told.encode())
    assert done.body == {"added": 1, "changed": 1, "moved": 1}
    part = house.caller(house.key(house.person("li", Role.ADMINISTRATOR, "NM")))
    assert part.send("/units/import", "units.csv", told.encode()).status == 404
