"""Places: ties, unknown values, exactness, and the laws of an order."""

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.awards.ranking import rank
from config.errors import InputError


def places(frame: pd.DataFrame, **options: object) -> list[int | None]:
    ranked = rank(frame, **options)  # type: ignore[arg-type]
    assert str(ranked["place"].dtype) == "Int64"
    return [None if pd.isna(place) else int(place) for place in ranked["place"]]


def test_equal_values_share_a_place_and_the_next_one_is_left_out() -> None:
    frame = pd.DataFrame({"value": [5, 9, 7, 7, 3]})
    assert places(frame, within=()) == [4, 1, 2, 2, 5]


def test_each_group_has_its_own_first_place() -> None:
    frame = pd.DataFrame(
        {"platform": ["a", "a", "b", None], "track": ["x", "y", "x", "x"], "value": [1.0, 2.0, 3.0, 4.0]}
    )
    assert places(frame) == [1, 1, 1, 1]
    assert places(frame, within=("track",)) == [3, 1, 2, 1]


def test_the_tie_break_chain_settles_equal_values_in_its_order() -> None:
    frame = pd.DataFrame(
        {"value": [1, 1, 1, 1], "a": [2, 3, 3, 3], "b": [9.0, 1.0, 2.0, 2.0], "c": [1, 1, 4, 3]}
    )
    assert places(frame, within=(), tie_break=("a", "b")) == [4, 3, 1, 1]
    assert places(frame, within=(), tie_break=("a", "b", "-c")) == [4, 3, 2, 1]


def test_an_unknown_tie_break_comes_last_in_both_directions() -> None:
    frame = pd.DataFrame({"value": [1, 1, 1], "a": [None, 0.0, 5.0]})
    assert places(frame, within=(), tie_break=("a",)) == [3, 2, 1]
    assert places(frame, within=(), tie_break=("-a",)) == [3, 1, 2]


def test_rows_without_a_value_get_no_place() -> None:
    values = [Decimal("1.5"), None, Decimal("NaN"), Decimal(2)]
    assert places(pd.DataFrame({"value": values}), within=()) == [2, None, None, 1]
    assert places(pd.DataFrame({"value": [float("nan"), 1.0]}), within=()) == [None, 1]
    assert places(pd.DataFrame({"value": [None, None]}, dtype=object), within=()) == [None, None]
    assert places(pd.DataFrame({"value": []}, dtype=float), within=()) == []


def test_decimals_are_compared_exactly() -> None:
    values = [Decimal("1000.0000000000000000001"), Decimal(1000), Decimal("1000.0")]
    assert places(pd.DataFrame({"value": values}), within=()) == [1, 2, 2]


def test_rows_keep_their_order_and_index() -> None:
    frame = pd.DataFrame({"value": [1, 3, 2]}, index=[7, 7, "z"])
    ranked = rank(frame, within=())
    assert list(ranked.index) == [7, 7, "z"]
    assert list(ranked["place"]) == [3, 1, 2]
    assert list(frame.columns) == ["value"]


def test_a_missing_column_and_a_cell_that_is_no_number_are_refused() -> None:
    with pytest.raises(InputError) as refused:
        rank(pd.DataFrame({"value": [1]}), within=("track",), tie_break=("-a",))
    assert [problem.params["column"] for problem in refused.value.problems] == ["a", "track"]
    with pytest.raises(InputError) as refused:
        rank(pd.DataFrame({"value": [Decimal(1), "2"]}, dtype=object), within=())
    assert [(problem.row, problem.column) for problem in refused.value.problems] == [(2, "value")]


ROWS = st.lists(
    st.tuples(
        st.sampled_from("xyz"),
        st.one_of(st.none(), st.sampled_from([Decimal(1), Decimal("1.000001"), Decimal(2)])),
        st.integers(0, 2),
        st.one_of(st.none(), st.floats(0, 1)),
    ),
    max_size=30,
)


def framed(rows: list[tuple[str, Decimal | None, int, float | None]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["track", "value", "a", "b"]).astype({"value": object})


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(
    rows: list[tuple[str, Decimal | None, int, float | None]], chance: object
) -> None:
    numbers = list(range(len(rows)))
    chance.shuffle(numbers)  # type: ignore[attr-defined]
    straight = places(framed(rows), within=("track",), tie_break=("a", "-b"))
    shuffled = places(framed([rows[n] for n in numbers]), within=("track",), tie_break=("a", "-b"))
    assert [straight[n] for n in numbers] == shuffled


@given(ROWS)
def test_a_place_is_one_more_than_the_number_of_better_rows(
    rows: list[tuple[str, Decimal | None, int, float | None]],
) -> None:
    expected = []
    for track, value, a, _ in rows:
        better = [r for r in rows if r[0] == track and r[1] is not None and value is not None]
        expected.append(None if value is None else 1 + sum((r[1], r[2]) > (value, a) for r in better))
    assert places(framed(rows), within=("track",), tie_break=("a",)) == expected
