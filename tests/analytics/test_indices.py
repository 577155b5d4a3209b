"""Every published vector, the float path against the exact one, and the laws of an index."""

import csv
import json
from dataclasses import replace
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.indices import compute, explain, load_definition, shipped
from analytics.indices.computation import compute_exactly, plan_for, read_figures
from analytics.indices.definition import IndexDefinition
from config.errors import InputError

VECTORS = Path(__file__).parent / "data" / "index_vectors.csv"
WCI = "wci_v14_2b_share"
ALL_COUNTS = st.sampled_from([name for name in shipped() if not name.startswith(("points", "mcci", "er_"))])


def vectors() -> list[object]:
    with VECTORS.open(encoding="utf-8", newline="") as file:
        return [pytest.param(row, id=row["vector_id"]) for row in csv.DictReader(file)]


def figures_for(
    definition: IndexDefinition, counts: st.SearchStrategy[int]
) -> st.SearchStrategy[dict[str, int]]:
    return st.fixed_dictionaries(dict.fromkeys(definition.variables, counts))


def one_term(weight: Decimal) -> IndexDefinition:
    """An index of one term: 1000 × weight × ln(x + 1)."""
    nri = load_definition("nri_newrank_old")
    term = replace(nri.levels[0].terms[0], variable="x", weight=weight, ceiling=None, ceiling_times="")
    return replace(nri, levels=(replace(nri.levels[0], terms=(term,)),))


@pytest.mark.parametrize("vector", vectors())
def test_a_published_vector_comes_out(vector: dict[str, str]) -> None:
    value = compute(load_definition(vector["index_id"]), json.loads(vector["inputs_json"]))
    assert abs(value - Decimal(vector["expected"])) <= Decimal(vector["tolerance"])
    assert value.as_tuple().exponent == -6


def test_every_index_of_the_vectors_is_shipped() -> None:
    with VECTORS.open(encoding="utf-8", newline="") as file:
        assert {row["index_id"] for row in csv.DictReader(file)} == set(shipped())


@given(st.data())
def test_floats_give_what_fifty_digits_give(data: st.DataObject) -> None:
    definition = load_definition(data.draw(st.sampled_from(shipped())))
    numbers = st.one_of(
        st.integers(-10, 10**9),
        st.floats(0, 1e12, allow_nan=False),
        st.decimals(0, 10**6, places=3, allow_nan=False),
    )
    variables: dict[str, object] = {name: data.draw(numbers) for name in definition.variables}
    variables["avg_decimals"] = data.draw(st.sampled_from(["", None, 0, 1, "2"]))
    figures, places, problems = read_figures(definition, variables)  # type: ignore[arg-type]
    assert not problems
    assert compute(definition, variables) == compute_exactly(definition, figures, places)  # type: ignore[arg-type]


def test_a_ceiling_that_is_all_but_zero_counts_as_zero() -> None:
    definition = load_definition("nri_newrank_old")
    (times,) = {
        term.ceiling_times for level in definition.levels for term in level.terms if term.ceiling_times
    }
    others = dict.fromkeys(definition.variables, 1)
    assert compute(definition, others | {times: 6e-186}) == compute(definition, others | {times: 0})


def test_a_value_at_a_rounding_boundary_is_left_to_fifty_digits() -> None:
    # 1000 × ln 2 × w is brought within 1e-15 of a half millionth: floats must not decide it.
    with localcontext() as context:
        context.prec = 50
        wanted = Decimal("693.1471805") / 1000 / Decimal(2).ln()
    near = one_term(wanted.quantize(Decimal("1e-18")))
    plan = plan_for(near)
    assert plan is not None
    assert plan.value({"x": Decimal(1)}, None) is None
    assert compute(near, {"x": 1}) == compute_exactly(near, {"x": Decimal(1)}, None)


def test_the_float_path_is_the_usual_one() -> None:
    definition = load_definition(WCI)
    plan = plan_for(definition)
    assert plan is not None
    decided = 0
    for reads in range(1000, 2000):
        figures = {name: Decimal(reads) for name in definition.variables} | {"d": Decimal(7), "n": Decimal(9)}
        decided += plan.value(figures, None) is not None
    assert decided >= 999


@given(st.data())
def test_more_of_a_count_never_lowers_an_index(data: st.DataObject) -> None:
    definition = load_definition(data.draw(ALL_COUNTS))
    divisors = {name for level in definition.levels for name in level.divide_by}
    tops = {term.ceiling_times for level in definition.levels for term in level.terms}
    counts = [name for name in definition.variables if name not in divisors | tops]
    before = data.draw(figures_for(definition, st.integers(0, 10**8)))
    more = before | {data.draw(st.sampled_from(counts)): 0}
    for name in counts:
        more[name] = before[name] + data.draw(st.integers(0, 10**6))
    assert compute(definition, more) >= compute(definition, before)


@pytest.mark.parametrize("name", shipped())
def test_all_zeros_give_zero(name: str) -> None:
    definition = load_definition(name)
    value = compute(definition, dict.fromkeys(definition.variables, 0))
    assert str(value) == "0.000000"


def test_a_level_without_divisor_is_zero_and_the_others_count() -> None:
    definition = load_definition("wci_v13")
    figures = dict.fromkeys(definition.variables, 5000) | {"n": 0, "d": 7}
    told = explain(definition, figures)
    by_id = {level.id: level for level in told.levels}
    assert not by_id["average"].defined
    assert by_id["average"].value == 0
    assert by_id["overall"].value > 0
    assert told.value > 0


def test_a_negative_count_is_zero_inside_a_logarithm() -> None:
    definition = load_definition("dci")
    zeros: dict[str, int] = dict.fromkeys(definition.variables, 0)
    assert compute(definition, zeros | {"X5": -35, "X6": 1200}) == compute(definition, zeros | {"X6": 1200})


def test_quotients_are_rounded_half_up_where_a_row_says_so() -> None:
    definition = load_definition("er_by_reach")
    assert compute(definition, {"engagements": 1, "reach": 8, "avg_decimals": "2"}) == Decimal("13.000000")
    assert compute(definition, {"engagements": 1, "reach": 8, "avg_decimals": ""}) == Decimal("12.500000")


def test_points_round_half_up_and_stop_at_the_cap() -> None:
    definition = load_definition("points_with_caps_hebei")
    nothing: dict[str, int] = dict.fromkeys(definition.variables, 0)
    assert compute(definition, nothing | {"votes": 1250}) == 13
    assert compute(definition, nothing | {"votes": 49}) == 0
    assert compute(definition, nothing | {"votes": 10**6}) == 25


def test_a_tie_of_the_value_goes_to_the_even_digit() -> None:
    definition = load_definition("mcci_trade_union")
    zeros: dict[str, int | str] = dict.fromkeys(definition.variables, 0)
    assert compute(definition, zeros | {"wechat": "0.000005"}) == Decimal("0.000002")
    assert compute(definition, zeros | {"douyin": "0.000006"}) == Decimal("0.000002")


def test_the_levels_of_an_explanation_add_up() -> None:
    definition = load_definition(WCI)
    figures = {name: 1000 + 7 * place for place, name in enumerate(definition.variables)}
    told = explain(definition, figures)
    total = sum(level.weight * level.value for level in told.levels)
    assert abs(total - told.total) < Decimal("1e-9")
    assert abs(told.total**2 * 12 - told.value) < Decimal("1e-6")
    assert all(
        abs(level.value - sum(term.value for term in level.terms)) < Decimal("1e-9") for level in told.levels
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "index.blank_variable"),
        (None, "index.blank_variable"),
        (float("nan"), "index.blank_variable"),
        ("1,234", "index.not_a_number"),
        ("10万", "index.not_a_number"),
        ("NaN", "index.not_a_number"),
        ("Infinity", "index.not_a_number"),
        ("1_000", "index.not_a_number"),
        ("\uff11\uff12", "index.not_a_number"),
        (float("inf"), "index.not_a_number"),
        (True, "index.not_a_number"),
        ("1e18", "index.number_out_of_range"),
        ("1e999", "index.number_out_of_range"),
    ],
)
def test_what_is_no_number_is_refused_with_row_and_column(value: object, code: str) -> None:
    definition = load_definition("er_by_reach")
    with pytest.raises(InputError) as refused:
        compute(definition, {"engagements": value, "reach": 3}, row=7, source="a.csv")  # type: ignore[dict-item]
    (problem,) = refused.value.problems
    assert (problem.code, problem.row, problem.column) == (code, 7, "engagements")
    assert refused.value.source == "a.csv"


def test_a_missing_variable_is_named_with_those_needed() -> None:
    with pytest.raises(InputError, match="reach") as refused:
        compute(load_definition("er_by_reach"), {"engagements": 3})
    assert refused.value.problems[0].code == "index.missing_variable"


def test_numbers_of_numpy_and_pandas_are_numbers() -> None:
    import numpy as np
    import pandas as pd

    definition = load_definition("er_by_reach")
    ours = compute(definition, {"engagements": 420, "reach": 12000})
    frame = pd.DataFrame({"engagements": np.array([420], "int64"), "reach": np.array([12000], "float32")})
    assert compute(definition, dict(zip(frame, frame.iloc[0], strict=True))) == ours
    assert compute(definition, {"engagements": np.int64(420), "reach": np.float32(12000)}) == ours  # type: ignore[dict-item]
    with pytest.raises(InputError):
        compute(definition, {"engagements": pd.NA, "reach": 1})  # type: ignore[dict-item]


@pytest.mark.parametrize("places", ["1.5", "-1", "13", "many"])
def test_bad_decimals_of_quotients_are_refused(places: str) -> None:
    with pytest.raises(InputError) as refused:
        compute(load_definition("er_by_reach"), {"engagements": 1, "reach": 8, "avg_decimals": places})
    assert refused.value.problems[0].column == "avg_decimals"
