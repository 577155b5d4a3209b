"""The parts of a run that are plain arithmetic: Wilson bounds, percentiles, trimmed means, rounding."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.awards import load_rule, shipped_rule
from analytics.awards.eligibility import read_vetoes
from analytics.awards.files import plain, write_csv
from analytics.awards.handles import Handles
from analytics.awards.jury import Score, jury_mean, read_jury, read_votes
from analytics.awards.questions import INFINITE, median, weighted_log, wilson_lower
from analytics.awards.rule import Jury
from analytics.awards.score import percentiles, rounded
from analytics.awards.ties import tie_value
from config.errors import InputError

RULE = load_rule(shipped_rule())
TERMS = RULE.categories[2].index.terms


def test_three_of_three_does_not_beat_ninety_five_of_a_hundred() -> None:
    assert wilson_lower(Decimal(3), Decimal(3)) < wilson_lower(Decimal(95), Decimal(100))
    assert wilson_lower(Decimal(95), Decimal(100)) == Decimal("0.888250")
    assert wilson_lower(Decimal(0), Decimal(0)) == 0


@given(st.integers(1, 10**6), st.data())
def test_a_wilson_bound_lies_below_the_rate_and_grows_with_it(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials - 1))
    lower = wilson_lower(Decimal(successes), Decimal(trials))
    assert 0 <= lower <= Decimal(successes) / trials + Decimal("0.000001")
    assert wilson_lower(Decimal(successes + 1), Decimal(trials)) >= lower


def metrics(**changes: Decimal | int) -> dict[str, Decimal]:
    usual: dict[str, Decimal | int] = {
        "answered_within_72h_rate": Decimal("0.9"),
        "median_first_answer_hours": 5,
        "satisfied_rate": Decimal("0.8"),
        "distinct_askers": 200,
        "active_experts": 12,
    }
    return {name: Decimal(value) for name, value in (usual | changes).items()}


def test_a_site_that_answers_nothing_gets_nothing_for_speed() -> None:
    never = weighted_log(TERMS, metrics(median_first_answer_hours=INFINITE), hours=8760)
    late = weighted_log(TERMS, metrics(median_first_answer_hours=9000), hours=8760)
    assert never == late < weighted_log(TERMS, metrics(), hours=8760)
    nothing = dict.fromkeys(metrics(), Decimal(0)) | {"median_first_answer_hours": INFINITE}
    assert weighted_log(TERMS, nothing, hours=8760) == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_askers_or_faster_answers_never_lower_the_index(askers: int, hours: int) -> None:
    base = weighted_log(TERMS, metrics(distinct_askers=askers, median_first_answer_hours=hours), hours=8760)
    more = weighted_log(
        TERMS, metrics(distinct_askers=askers + 1, median_first_answer_hours=hours), hours=8760
    )
    slow = weighted_log(
        TERMS, metrics(distinct_askers=askers, median_first_answer_hours=hours + 1), hours=8760
    )
    assert slow <= base <= more


def test_unanswered_questions_move_the_median_and_may_make_it_infinite() -> None:
    assert median([]) is None
    assert median([Decimal(1), Decimal(4)]) == Decimal("2.5")
    assert median([Decimal(9), INFINITE, Decimal(2)]) == 9
    assert median([Decimal(9), INFINITE]) == INFINITE


def test_percentiles_share_a_tie_and_give_the_lone_one_a_hundred() -> None:
    assert percentiles([Decimal(5)]) == [100]
    assert percentiles([Decimal(1), Decimal(3), Decimal(2)]) == [0, 100, 50]
    assert percentiles([Decimal(1), Decimal(2), Decimal(2)]) == [0, 75, 75]
    assert percentiles([]) == []


@given(st.lists(st.integers(0, 9).map(Decimal), min_size=2))
def test_percentiles_keep_the_order_and_centre_on_fifty(values: list[Decimal]) -> None:
    points = percentiles(values)
    assert abs(sum(points) / len(points) - 50) < Decimal("0.001")
    for one, mine in zip(values, points, strict=True):
        assert all(mine > theirs for other, theirs in zip(values, points, strict=True) if one > other)


JURY = Jury(weight=Decimal("0.3"), min_judges=3, trim=1, recuse_same_org=True)


def judges(*scores: int, own: int = 0) -> list[Score]:
    told = [Score(f"j{place}", Decimal(score), False) for place, score in enumerate(scores)]
    return told + [Score(f"own{place}", Decimal(100), True) for place in range(own)]


def test_the_highest_and_lowest_score_are_dropped() -> None:
    assert jury_mean(JURY, judges(10, 70, 71, 100)) == Decimal("70.5")


def test_judges_of_the_own_unit_do_not_count_not_even_for_the_number() -> None:
    assert jury_mean(JURY, judges(60, 70, 80, own=2)) == 70
    assert jury_mean(JURY, judges(60, 70, own=2)) is None
    assert jury_mean(replace(JURY, recuse_same_org=False), judges(60, 70, own=2)) == 85


@pytest.mark.parametrize(("mode", "expected"), [("half-even", "0.12"), ("half-up", "0.13")])
def test_scores_are_rounded_as_the_rule_says(mode: str, expected: str) -> None:
    assert str(rounded(replace(RULE, rounding=mode), Decimal("0.125"))) == expected


def test_an_unknown_fact_is_no_zero_in_a_tie() -> None:
    facts = {"posts": "4", "shares": "", "filed": "", "original_posts": ""}
    names = ("shares_per_post", "earlier_filed", "original_posts")
    assert [tie_value(name, Decimal(1), facts) for name in names] == [None] * 3
    assert tie_value("shares_per_post", Decimal(1), facts | {"shares": "7"}) == Decimal("1.75")
    early, late = (tie_value("earlier_filed", Decimal(1), facts | {"filed": f"202{y}-01-01"}) for y in "35")
    assert early is not None
    assert late is not None
    assert early > late


@pytest.mark.parametrize(
    ("number", "text"), [("1E+3", "1000"), ("0.500000", "0.5"), ("-0.25", "-0.25"), ("Infinity", "Infinity")]
)
def test_numbers_between_stages_have_one_spelling(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


@pytest.fixture
def handles(tmp_path: Path) -> Handles:
    """demo-a on WeChat and Weibo, demo-b on WeChat only."""
    found = []
    for category, names in zip(RULE.categories, (("demo-a", "demo-b"), ("demo-a",)), strict=False):
        path = tmp_path / f"{category.id}.csv"
        write_csv(path, ("handle", "unit_code"), [(name, f"U-{name}") for name in names])
        found.append((category, path))
    return Handles(found)


def written(folder: Path, *lines: str) -> Path:
    path = folder / "given.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("demo-x,x,60", "award.no_such_handle", "handle"),
        ("demo-a,x,60", "award.handle_in_several", "handle"),
        ("demo-b,x,101", "index.key_out_of_range", "score"),
        ("demo-b,x,-1", "input.not_a_number", "score"),
        ("demo-b,x,6e1", "input.not_a_number", "score"),
        ("demo-b,,60", "input.required", "judge"),
        ("demo-b,y,60\nwechat:demo-b,y,61", "award.scored_twice", "judge"),
    ],
)
def test_a_wrong_jury_file_is_refused_by_row_and_column(
    handles: Handles, tmp_path: Path, line: str, code: str, column: str
) -> None:
    with pytest.raises(InputError) as refused:
        read_jury(written(tmp_path, "handle,judge,score", line), handles, RULE)
    (problem,) = refused.value.problems
    assert (problem.code, problem.column) == (code, column)
    assert problem.row == 2 + line.count("\n")


def test_a_handle_of_two_platforms_is_told_by_platform_or_category(handles: Handles, tmp_path: Path) -> None:
    votes = read_votes(
        written(tmp_path, "handle,votes,category", "demo-a,5,weibo", "wechat:demo-a,7,", "demo-b,0,"), handles
    )
    assert votes == {("weibo", "demo-a"): 5, ("wechat", "demo-a"): 7, ("wechat", "demo-b"): 0}
    with pytest.raises(InputError) as refused:
        read_votes(written(tmp_path, "handle,votes", "demo-b,1", "demo-b,1"), handles)
    assert refused.value.problems[0].code == "index.key_repeated"


def test_a_veto_needs_who_when_and_why(handles: Handles, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read_vetoes(written(tmp_path, "handle,who,when,why", "demo-b,,昨天,失实"), handles)
    assert [(problem.code, problem.column) for problem in refused.value.problems] == [
        ("input.required", "who"),
        ("input.not_a_date", "when"),
    ]
