"""The documentation of the API is the API."""

from pathlib import Path

import jsonschema_rs
import pytest
from api_house import ApiHouse

from web.api.app import describe
from web.api.examples import EXAMPLES
from web.api.reference import document, page

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_the_pages_are_made_from_the_routes() -> None:
    assert (REFERENCE / "openapi.json").read_text("utf-8") == document()
    assert (REFERENCE / "http-api.md").read_text("utf-8") == page()


def test_every_operation_is_named_tagged_and_told() -> None:
    described = describe()
    operations = [one for path in described["paths"].values() for one in path.values()]
    ids = [one["operationId"] for one in operations]
    assert described["openapi"] == "3.1.0" and len(set(ids)) == len(ids)
    assert set(EXAMPLES) <= set(ids)
    for one in operations:
        assert one["summary"] and len(one["tags"]) == 1
        assert {"401", "422", "429"} <= set(one["responses"]), one["operationId"]


def test_every_body_has_an_example_and_examples_fit_what_they_show() -> None:
    described = describe()
    whole = {"components": described["components"]}
    for path in described["paths"].values():
        for one in path.values():
            if "application/json" in one.get("requestBody", {}).get("content", {}):
                media = one["requestBody"]["content"]["application/json"]
                assert "example" in media or not _required(media["schema"], described), one["operationId"]
                _fits(media, whole)
            for status, response in one["responses"].items():
                if status.startswith("2") and "application/json" in response["content"]:
                    _fits(response["content"]["application/json"], whole)


def _required(schema: dict[str, str], described: dict[str, object]) -> list[str]:
    name = schema["$ref"].rpartition("/")[2]
    found: list[str] = described["components"]["schemas"][name].get("required", [])  # type: ignore[index]
    return found


def _fits(media: dict[str, object], whole: dict[str, object]) -> None:
    if "example" in media:
        jsonschema_rs.validate({**media["schema"], **whole}, media["example"])  # type: ignore[dict-item]


@pytest.mark.parametrize("name", ["posts_draft", "deliveries_queue"])
def test_an_example_can_be_sent(house: ApiHouse, name: str) -> None:
    asked, _ = EXAMPLES[name]
    path = f"/{name.partition('_')[0]}"
    assert house.owner().post(path, asked | {"accounts": ["webhook:HH"]}).status == 201


def test_the_description_is_open_to_everybody(house: ApiHouse) -> None:
    answer = house.caller().get("/openapi.json")
    assert (answer.status, answer.body) == (200, describe())
