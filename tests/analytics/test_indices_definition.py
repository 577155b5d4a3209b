"""A definition is read strictly: what is wrong is named with file, key, expectation and remedy."""

from decimal import Decimal
from pathlib import Path

import pytest

from analytics.indices import compute, load_definition, load_shipped
from config.errors import InputError
from config.messages import catalogue

EXAMPLE = """
schema = 1
id = "own"
version = "1"
label = { zh = "自定", en = "own" }
platform = "wechat"
standing = "own"
formula = "levels"
power = 2
scale = 10

[[level]]
id = "total"
label = { zh = "总量", en = "total" }
weight = "0.60"
divide_by = "n"
terms = [{ variable = "R", weight = "0.85" }, { variable = "Z", weight = "0.15", times = 10 }]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, "utf-8")
    return path


def refusals(folder: Path, text: str) -> dict[str | None, str]:
    with pytest.raises(InputError) as refused:
        load_definition(written(folder, text))
    assert refused.value.source == "own.toml"
    for problem in refused.value.problems:
        assert problem.told("zh")
        assert problem.told("en")
    return {problem.column: problem.code for problem in refused.value.problems}


def test_a_definition_of_ones_own_is_read(tmp_path: Path) -> None:
    definition = load_definition(str(written(tmp_path, EXAMPLE)))
    assert (definition.name, definition.id, definition.variables) == ("own", "own", ("R", "Z", "n"))
    assert definition.levels[0].terms[1].times == 10
    assert compute(definition, {"R": 0, "Z": 0, "n": 3}) == 0


def test_what_may_be_left_out_has_a_default(tmp_path: Path) -> None:
    text = 'schema = 1\nid = "a"\nversion = "1"\nformula = "linear"\n'
    text += '[[level]]\nid = "l"\nweight = 2\nterms = [{ variable = "x", weight = "1.5" }]\n'
    definition = load_definition(written(tmp_path, text))
    assert (definition.power, definition.scale, definition.standing) == (1, 1, "own")
    assert compute(definition, {"x": 2}) == Decimal("6.000000")


def test_a_float_weight_is_refused_and_the_right_spelling_shown(tmp_path: Path) -> None:
    text = EXAMPLE.replace('weight = "0.85"', "weight = 0.85")
    assert refusals(tmp_path, text) == {"level[1].terms[1].weight": "index.key_float"}
    with pytest.raises(InputError, match=r'Write "0\.85"'):
        load_definition(written(tmp_path, text))


@pytest.mark.parametrize("bad", ['"1e3"', '"NaN"', '"٣"', "true", '""', "[1]", '"0,5"'])
def test_a_weight_that_is_no_plain_decimal_is_refused(tmp_path: Path, bad: str) -> None:
    text = EXAMPLE.replace('weight = "0.60"', f"weight = {bad}")
    assert refusals(tmp_path, text) == {"level[1].weight": "index.key_not_decimal"}


def test_an_unknown_key_is_refused_with_the_near_one(tmp_path: Path) -> None:
    text = EXAMPLE.replace("divide_by", "devide_by").replace("scale = 10", "scale = 10\nsurprise = 1")
    assert refusals(tmp_path, text) == {
        "level[1].devide_by": "index.key_near",
        "surprise": "index.key_unknown",
    }
    with pytest.raises(InputError, match="did you mean “divide_by”"):
        load_definition(written(tmp_path, text))


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    text = EXAMPLE.replace("schema = 1", "schema = 2").replace('"levels"', '"level"')
    text = text.replace('id = "own"', "id = 3").replace("power = 2", "power = 99")
    assert refusals(tmp_path, text) == {
        "schema": "index.schema",
        "formula": "index.key_not_known",
        "id": "index.key_not_text",
        "power": "index.key_out_of_range",
    }


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    text = EXAMPLE.replace('weight = "0.60"\n', "").replace('version = "1"\n', "")
    assert refusals(tmp_path, text) == {
        "version": "index.key_missing",
        "level[1].weight": "index.key_missing",
    }


def test_levels_need_different_ids_and_a_ceiling_its_number(tmp_path: Path) -> None:
    text = EXAMPLE + EXAMPLE[EXAMPLE.index("[[level]]") :].replace(
        'weight = "0.85"', 'weight = "1", ceiling_times = "d"'
    )
    assert refusals(tmp_path, text) == {
        "level[2].id": "index.key_repeated",
        "level[2].terms[1].ceiling": "index.key_missing",
    }


@pytest.mark.parametrize("name", ["value", "avg_decimals"])
def test_a_variable_may_not_take_a_word_of_the_tables(tmp_path: Path, name: str) -> None:
    text = EXAMPLE.replace('variable = "R"', f'variable = "{name}"')
    assert refusals(tmp_path, text) == {"level[1].terms[1].variable": "index.reserved_variable"}


def test_a_meaning_for_no_variable_is_refused(tmp_path: Path) -> None:
    text = EXAMPLE.replace("[[level]]", '[variables]\nQ = "reads"\n[[level]]')
    assert refusals(tmp_path, text) == {"variables.Q": "index.key_unknown"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"id = ", "input.not_toml"),
        (b"\xff\xfe\x00", "input.encoding"),
        (b"#" * 1_100_000, "input.too_large"),
        (b"a = " + b"[" * 20_000, "input.not_toml"),
    ],
)
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        load_definition(path)
    assert refused.value.problems[0].code == code


def test_a_file_that_is_not_there_and_a_name_that_is_not_shipped_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load_definition(tmp_path / "none.toml")
    assert refused.value.problems[0].code == "input.not_readable"
    with pytest.raises(InputError, match="wci_v13") as refused:
        load_definition("wci_13")
    assert refused.value.problems[0].code == "index.not_shipped"


def test_every_shipped_definition_says_what_it_is() -> None:
    pairs = set()
    for definition in load_shipped():
        assert set(definition.meanings) == set(definition.variables)
        assert definition.source
        assert definition.label.zh != definition.label.en
        pairs.add((definition.id, definition.version))
    assert len(pairs) == len(load_shipped())


@pytest.mark.parametrize("topic", ["index", "award"])
def test_the_catalogues_speak_both_languages(topic: str) -> None:
    for entry, texts in catalogue(topic).items():
        assert {"zh", "en"} <= set(texts), entry
        assert ("remedy_zh" in texts) == ("remedy_en" in texts), entry
