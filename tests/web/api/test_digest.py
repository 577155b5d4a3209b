"""What the API tells of the hours to come; and that numbers are sent in full, never with an exponent."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from api_house import ApiHouse
from pydantic import TypeAdapter

from organisation import Act, Role
from web.api.app import NOUNS
from web.api.articles import FigureShown
from web.api.figures import TopRow
from web.api.texts import Told


def answers(kind: type[Told] = Told) -> Iterator[type[Told]]:
    for one in kind.__subclasses__():
        yield one
        yield from answers(one)


def is_bare(schema: object) -> bool:
    """Does a number stand in it that is sent as Python writes it?"""
    if isinstance(schema, dict):
        mine = schema.get("type") == "decimal" and "serialization" not in schema
        return mine or any(is_bare(one) for one in schema.values())
    return isinstance(schema, list | tuple) and any(is_bare(one) for one in schema)


def test_every_number_of_an_answer_is_sent_in_full() -> None:
    assert len(NOUNS) > 15 and len(set(answers())) > 100
    assert is_bare(TypeAdapter(list[Decimal]).core_schema)
    assert [one.__name__ for one in answers() if is_bare(one.__pydantic_core_schema__)] == []
    row = TopRow(place=1, platform="wechat", name="号", counts="events", value=Decimal("1.2E+3"), figures=1)
    assert json.loads(row.model_dump_json())["value"] == "1200"
    small = Decimal(1).scaleb(-9)
    assert "E" in str(small)
    figure = FigureShown(
        metric="read_people", counts="people", kind="cumulative", day=date(2026, 3, 1), value=small,
        source_kind="api", source="wechat", collected_at="2026-03-02T01:00:00Z",  # type: ignore[arg-type]
    )  # fmt: skip
    assert json.loads(figure.model_dump_json())["value"] == "0.000000001"


def test_what_comes_next_is_told_where_one_may_read_posts_and_a_mark_keeps_the_draft(house: ApiHouse) -> None:
    owner = house.owner()
    for account in ("HH", "BJ"):
        made = owner.post("/posts", house.written(account, important=account == "HH"))
        assert made.status == 201 and made.body["important"] is (account == "HH")
    coming = owner.get("/queue/next").body["coming"]
    assert [(one["account"], one["important"], one["state"], one["waits_for"]) for one in coming] == [
        ("webhook:HH", True, "draft", ["姓名owner"]),
        ("webhook:BJ", False, "draft", ["姓名owner"]),
    ]
    assert owner.get("/queue/next", hours=1).body["coming"] == []
    assert owner.get("/queue/next", hours=0).status == 422
    assert [one["account"] for one in owner.get("/queue/next", unit="BJ").body["coming"]] == ["webhook:BJ"]
    reader = house.caller(house.key(house.person("du", Role.VIEWER, "HH")))
    assert [one["account"] for one in reader.get("/queue/next").body["coming"]] == ["webhook:HH"]
    assert reader.get("/queue/next", unit="BJ").status == 404
    marked = owner.call("PUT", "/posts/2/important", body={"important": True})
    assert marked.status == 200 and marked.body["important"] is True
    assert owner.post("/deliveries", house.written("BT", important=True)).status == 201
    assert [one["important"] for one in owner.get("/queue/next").body["coming"]] == [True] * 3


def test_a_digest_is_ordered_only_by_who_may_read_what_it_tells(house: ApiHouse) -> None:
    person = house.person("guan", Role.ADMINISTRATOR, "HH")
    order = {"unit": "HH", "content": "digest", "folder": "x"}
    blind = house.caller(house.key(person, Act.REPORT_SCHEDULE))
    assert blind.post("/reports/schedules", order).status == 403
    seeing = house.caller(house.key(person, Act.REPORT_SCHEDULE, Act.POST_READ))
    refused = seeing.post("/reports/schedules", order)
    assert refused.status == 422 and "digest_folder" in json.dumps(refused.body)
