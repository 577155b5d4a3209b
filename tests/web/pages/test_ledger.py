"""台账: read by rights, checked, exported."""

import json

from desk_house import DeskHouse
from sqlalchemy import text

from organisation import Role


def test_the_whole_ledger_is_filtered_paged_and_read_by_rights(house: DeskHouse) -> None:
    house.newsroom.person("quan", Role.OWNER, None)
    house.newsroom.person("guan", Role.ADMINISTRATOR, "HH")
    for number in range(60):
        house.newsroom.person(f"p{number}")
    owner = house.browser("quan")
    first = owner.get("/ledger")
    assert "person.add" in first.words and "更早的" in first.words
    older = first.html.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "回到最新" in owner.get(older).words
    only = owner.get("/ledger?act=unit.review").words
    assert "unit.review" in only and "person.add" not in only
    assert "没有符合条件" in owner.get("/ledger?subject=nothing").words
    own = house.browser("guan")
    own.post("/organisation/HH/words", {"word": "某词", "kind": "warn"})
    seen = own.get("/ledger")
    assert "unit.word" in seen.words and "person.add" not in seen.words
    assert "person.add" not in own.get("/ledger?actor=test").words
    assert own.post("/ledger/verify").status == 404
    assert own.post("/ledger/export").status == 403
    assert house.browser("wen").get("/ledger").status == 403


def test_a_check_says_sound_or_names_the_entry_that_was_changed(house: DeskHouse) -> None:
    house.newsroom.person("quan", Role.OWNER, None)
    owner = house.browser("quan")
    part = owner.post("/ledger/verify", **{"HX-Request": "true"})
    assert "台账完好" in part.words and "<html" not in part.html
    guards = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_entry'"
    with house.database.engine.begin() as connection:
        for (guard,) in connection.execute(text(guards)).all():
            connection.execute(text(f'DROP TRIGGER "{guard}"'))
        connection.execute(text("UPDATE ledger_entry SET actor = 'nobody' WHERE seq = 2"))
    assert "第 2 条" in owner.post("/ledger/verify").words


def test_an_export_is_lines_of_json_and_stands_in_the_ledger(house: DeskHouse) -> None:
    house.newsroom.person("quan", Role.OWNER, None)
    owner = house.browser("quan")
    owner.get("/ledger")
    lines = [json.loads(line) for line in owner.post("/ledger/export").response.text.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1)) and "mac" in lines[0]
    assert "ledger.export" in owner.get("/ledger").words
    assert owner.post("/ledger/export", {"since": "2030-01-01"}).response.text == ""
    assert owner.post("/ledger/export", {"since": "soon"}).status == 422


def test_a_refusal_names_the_right_in_words_and_the_page_where_it_is_given(house: DeskHouse) -> None:
    refused = house.browser("wen").get("/ledger")
    assert refused.status == 403
    assert "没有“看和核对台账”的权限" in refused.words and "请管理员在“组织”页授予" in refused.words
    assert "meizhen person" not in refused.words


def test_acts_are_told_in_words_with_what_was_noted(house: DeskHouse) -> None:
    house.newsroom.person("quan", Role.OWNER, None)
    owner = house.browser("quan")
    owner.post("/queue/stop", {"reason": "演练"})
    seen = owner.get("/ledger?act=queue").words
    assert "暂停发布" in seen and "queue.pause" in seen and "理由: 演练" in seen
