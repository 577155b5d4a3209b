"""Why an account stands where it stands: the split sums to the gap, the advice would have worked."""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from award_world import JURIED, Store, World, a_year, judged, small_rule, wechat
from hypothesis import given, settings
from hypothesis import strategies as st
from json_schemas import differences

from analytics.awards import load_rule, run_award, shipped_rule
from analytics.awards.explanation import Gap, explain, gap, summed
from analytics.awards.explanation_text import as_json, as_text
from analytics.awards.index import index_of
from analytics.awards.result import Placed
from analytics.awards.rule import Category, Part
from analytics.awards.score import points, weighted
from config.database import connect
from config.errors import InputError, MeizhenError
from meizhen.cli._output import as_json_text

RULE = load_rule(shipped_rule())
MONDAY = date(2026, 1, 5)
CLOSE = Decimal("0.000001")


def placed(category: Category, handle: str, facts: dict[str, str], jury: Decimal) -> Placed:
    """An account with its score as the stages would give it."""
    index = index_of(category, facts)
    assert index is not None
    data = points(category.data, {handle: index}, {handle: "t"})[handle]
    exact = weighted(category, (data, jury, None))
    ties = dict.fromkeys(category.tie_break)
    names = (handle, handle, "", "")
    parts = (exact, exact, index, data, jury, None)
    return Placed(1, True, *names, *parts, ties, facts, 1, 1, Decimal(1), {}, 0)


def facts_of(category: Category, numbers: list[int]) -> dict[str, str]:
    """Variables of an index from numbers: counts as they are, rates between 0 and 1."""
    told = {}
    for name, number in zip(category.index.names, numbers, strict=False):
        told[name] = f"{number % 1000 / 1000:.3f}" if name.endswith("_rate") else str(number)
    return told


NUMBERS = st.lists(st.one_of(st.integers(0, 20), st.integers(0, 10**7)), min_size=14, max_size=14)


@settings(max_examples=60)
@given(NUMBERS, NUMBERS, st.integers(0, 100), st.integers(0, 100), st.sampled_from([0, 1, 2]))
def test_the_lines_between_any_two_neighbours_sum_to_their_gap(
    one: list[int], other: list[int], first: int, second: int, number: int
) -> None:
    category = RULE.categories[number]
    parts = {"data": replace(category.data, weight=Decimal("0.7"))}
    category = replace(category, **parts, jury=replace(category.jury, weight=Decimal("0.3")))  # type: ignore[arg-type]
    facts = {"a": facts_of(category, one), "b": facts_of(category, other)}
    own, above = (
        placed(category, name, facts[name], Decimal(score)) for name, score in (("a", first), ("b", second))
    )
    found = gap(category, own, above, facts)
    assert summed(found.lines) == found.gap == above.exact - own.exact
    # What rounding takes up is what six decimals of an index and of its points can cost, no more.
    rest = sum((abs(line.value) for line in found.lines if line.part == "rounding"), Decimal(0))
    anchor = category.data.anchor or Decimal(100)
    assert rest <= CLOSE + 100 * CLOSE / anchor
    assert sum(line.value for line in found.lines if line.part == "jury") == Decimal("0.3") * (second - first)


@settings(max_examples=30)
@given(NUMBERS, NUMBERS)
def test_percentile_points_are_shared_out_by_the_terms_too(one: list[int], other: list[int]) -> None:
    category = replace(RULE.categories[0], data=Part(Decimal(1), "percentile_in_track"))
    facts = {"a": facts_of(category, one), "b": facts_of(category, other)}
    own, above = (placed(category, name, facts[name], Decimal(0)) for name in "ab")
    own, above = replace(own, data=Decimal(0), exact=Decimal(0)), replace(above, exact=Decimal(100))
    found = gap(category, own, above, facts)
    assert summed(found.lines) == 100
    same = own.index is not None and above.index is not None and abs(own.index - above.index) < 1
    assert same or sum(line.value for line in found.lines if line.part == "data") == pytest.approx(100)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """The folder of a whole year's run; nobody changes it."""
    folder = tmp_path_factory.mktemp("year")
    shutil.copy(_sqlite_template, folder / "db.sqlite")
    database = connect(f"sqlite:///{folder / 'db.sqlite'}")
    a_year().store(database, 1)
    run_award(database, shipped_rule(), folder / "out")
    database.close()
    return folder / "out"


def test_every_neighbour_of_a_whole_year_is_explained_and_the_advice_would_have_worked(run: Path) -> None:
    seen = 0
    for handle in ("demo-w0", "demo-w3", "demo-b0", "demo-q4", "demo-q1", "demo-q0"):
        one = explain(run, handle)
        assert one.placed is not None
        for found in (one.above, one.below):
            if isinstance(found, Gap):
                assert abs(summed(found.lines) - (found.neighbour.exact - one.placed.exact)) <= CLOSE
                seen += 1
        for remedy in one.remedies:
            assert one.above is not None
            if remedy.needed is None:
                continue
            changed = {**one.placed.figures, **{name: str(value) for name, value in remedy.needed.items()}}
            index = index_of(one.category, changed)
            assert index is not None and one.above.neighbour.index is not None
            assert index > one.above.neighbour.index
    assert seen >= 6


def test_the_least_growth_is_told_and_not_more(store: Store, tmp_path: Path) -> None:
    world = World()
    for handle, reads in (("demo-a", 1000), ("demo-b", 1100)):
        key = world.account("wechat", handle, "league")
        for week in range(4):
            world.article(key, MONDAY + timedelta(days=7 * week), wechat(reads))
    run_award(store(world), small_rule(tmp_path), tmp_path / "out")
    one = explain(tmp_path / "out", "demo-a")
    remedy = next(remedy for remedy in one.remedies if remedy.metric == "read_people")
    assert remedy.more is not None and remedy.needed is not None
    assert 0 < remedy.more < Decimal("0.2")
    assert remedy.now["R"] == 4000
    assert one.above is not None and one.above.neighbour.index is not None
    less = {name: str(int(Decimal(value) * Decimal("0.99"))) for name, value in remedy.needed.items()}
    assert one.placed is not None
    index = index_of(one.category, {**one.placed.figures, **less})
    assert index is not None and index < one.above.neighbour.index


def test_the_articles_that_count_most_are_told_with_what_they_are_worth(store: Store, tmp_path: Path) -> None:
    world = World()
    key = world.account("wechat", "demo-a", "league")
    for week, reads in enumerate((100, 9000, 100, 3000, 50, 60, 70)):
        world.article(key, MONDAY + timedelta(days=7 * week), wechat(reads))
    run_award(store(world), small_rule(tmp_path), tmp_path / "out")
    one = explain(tmp_path / "out", "wechat:demo-a")
    assert len(one.articles) == 5
    assert [article.figures["read_people"] for article in one.articles[:2]] == ["9000", "3000"]
    assert one.articles[0].worth > one.articles[1].worth > 0
    assert one.above is None and one.remedies == ()


def test_the_text_says_everything_in_both_languages(run: Path) -> None:
    one = explain(run, "demo-w3")
    chinese, english = as_text(one, "zh"), as_text(one, "en")
    assert one.run_id in chinese and one.run_id in english
    for told in (
        "名次区间",
        "资格",
        "按人数",
        "离上一名",
        "合计",
        "只改一项",
        "最要紧的文章",
        "去掉最好的一篇",
    ):
        assert told in chinese
    for told in ("Places", "Gates", "by people", "ahead, made of", "sum", "One figure alone", "count most"):
        assert told in english
    assert len(chinese.splitlines()) == len(english.splitlines())
    told = as_json(one)
    assert isinstance(told["above"], dict)
    assert sum(line["value"] for line in told["above"]["lines"]) == told["above"]["gap"]
    assert told["remedies"] and differences("award-explain", as_json_text(told)) == ""


def test_who_is_not_on_the_list_reads_why(run: Path) -> None:
    one = explain(run, "demo-late")
    assert one.placed is None
    text = as_text(one, "en")
    assert "✗ filed: 2026-02-01, must be before 2026-01-01" in text
    assert "Not on the list" in text
    assert as_json(one)["placed"] is None
    assert differences("award-explain", as_json_text(as_json(one))) == ""


def test_equal_scores_are_told_by_the_tie_that_settled_them(store: Store, tmp_path: Path) -> None:
    world = World()
    for handle, filed in (("demo-a", date(2024, 1, 1)), ("demo-b", date(2025, 1, 1))):
        key = world.account("wechat", handle, "league", filed=filed, unit=f"U-{handle}")
        world.article(key, MONDAY, wechat(1000))
    scores = [f"demo-{n},{judge},70," for n in "ab" for judge in "xyz"]
    files = judged(tmp_path, scores, ["demo-a,1", "demo-b,1"])
    run_award(store(world), small_rule(tmp_path, JURIED), tmp_path / "out", **files)
    one = explain(tmp_path / "out", "demo-b")
    assert one.above is not None
    assert one.above.gap == 0
    assert [name for name, mine, theirs in one.above.ties if mine != theirs] == ["earlier_filed"]
    assert "equal scores, so the earlier filing: own 2025-01-01, theirs 2024-01-01" in as_text(one, "en")
    assert "jury  0.30 × 70.000000 = 21" in as_text(one, "en")
    assert differences("award-explain", as_json_text(as_json(one))) == ""


def test_an_account_that_is_not_there_and_a_folder_without_a_list_are_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean"):
        explain(run, "demo-w33")
    with pytest.raises(MeizhenError) as refused:
        explain(tmp_path, "demo-w3")
    assert refused.value.code == "award.not_frozen"
