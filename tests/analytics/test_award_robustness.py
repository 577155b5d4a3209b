"""How sure a place is: the laws of shaken weights, and other ways to the same list."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from award_world import Store, World, rows_of, small_rule, wechat
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.awards import load_rule, run_award, shipped_rule
from analytics.awards.robustness import Shaken, shake
from analytics.awards.rule import Category, Part, Robustness
from analytics.awards.score import percentiles
from analytics.indices import compute, load_definition
from config.database import connect

RULE = load_rule(shipped_rule())
WECHAT, WEIBO = RULE.categories[0], RULE.categories[1]
LAW = Robustness(draws=400)


def shaken(
    levels: Sequence[Sequence[float]],
    *,
    category: Category = WECHAT,
    law: Robustness = LAW,
    places: int = 1,
    seed: str = "a",
    parts: Sequence[Sequence[int]] = (),
) -> list[Shaken]:
    rows = [[Decimal(str(value)) for value in row] for row in levels]
    judged = [[Decimal(value) for value in row] for row in parts] or [[Decimal(0)] * 2] * len(rows)
    return shake(category, law, rows, judged, places, seed)


CLOSE = [[6.0, 7.0, 5.0, 8.0], [6.1, 6.9, 5.1, 7.8], [5.9, 7.2, 4.9, 8.1], [5.0, 5.5, 4.0, 6.0]]


def test_accounts_that_are_close_change_places_and_one_far_behind_does_not() -> None:
    *close, last = shaken(CLOSE, places=2)
    assert (last.low, last.high, last.inside) == (4, 4, 0)
    assert any(one.low < one.high for one in close)
    assert sum(one.inside for one in close) == pytest.approx(Decimal(2), abs=Decimal("0.001"))


def test_the_same_seed_gives_the_same_draws_and_another_one_others() -> None:
    assert shaken(CLOSE) == shaken(CLOSE)
    assert shaken(CLOSE) != shaken(CLOSE, seed="b")


def test_a_higher_concentration_shakes_less() -> None:
    narrow = shaken(CLOSE, law=replace(LAW, concentration=Decimal(10**6)))
    assert all(one.inside in (0, 1) for one in narrow)
    assert [one.low for one in narrow] == [one.high for one in narrow]


def test_the_draws_are_those_that_were_published() -> None:
    """A list that was published must come out again after years: the stream may never change."""
    told = [(one.low, one.high, str(one.inside)) for one in shaken(CLOSE, seed="2026")]
    assert told == [(2, 3, "0.0025"), (1, 2, "0.9200"), (1, 3, "0.0775"), (4, 4, "0.0000")]


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 40), min_size=4, max_size=4), min_size=1, max_size=7),
    st.randoms(use_true_random=False),
)
def test_the_order_of_accounts_is_irrelevant(levels: list[list[int]], chance: object) -> None:
    numbers = list(range(len(levels)))
    chance.shuffle(numbers)  # type: ignore[attr-defined]
    straight = shaken(levels)
    turned = shaken([levels[n] for n in numbers])
    assert [straight[n] for n in numbers] == turned


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 40), min_size=4, max_size=4), min_size=1, max_size=6))
def test_who_leads_on_every_level_leads_in_every_draw(levels: list[list[int]]) -> None:
    best = [max(row[level] for row in levels) + 1 for level in range(4)]
    first, *_ = shaken([best, *levels])
    assert (first.low, first.high, first.inside) == (1, 1, 1)


def test_equal_accounts_share_every_place() -> None:
    assert shaken([[1, 2, 3, 4]] * 3) == [Shaken(1, 1, Decimal(1))] * 3


def test_large_figures_of_a_linear_index_stay_exact() -> None:
    topic = load_definition("weibo_topic_list_60_25_10_5")
    category = replace(WEIBO, index=replace(WEIBO.index, definition=topic))
    size = 10**15
    first, second = shaken([[size + 10**6], [size]], category=category)
    assert (first.high, second.low) == (1, 2)


def test_jury_and_data_are_shaken_against_each_other_on_percentiles() -> None:
    data = Part(Decimal("0.5"), "percentile_in_track")
    category = replace(WECHAT, data=data, jury=replace(WECHAT.jury, weight=Decimal("0.5")))
    levels = [[8, 8, 8, 8], [5, 5, 5, 5], [2, 2, 2, 2]]
    assert percentiles([Decimal(3), Decimal(2), Decimal(1)]) == [100, 50, 0]
    judged = [[0, 0], [50, 0], [100, 0]]  # against the data exactly: half of the draws each way
    first, middle, last = shaken(levels, category=category, parts=judged, law=replace(LAW, draws=2000))
    assert first.inside + last.inside == pytest.approx(Decimal(1), abs=Decimal("0.01"))
    assert first.inside == pytest.approx(Decimal("0.5"), abs=Decimal("0.06"))
    assert (middle.low, middle.high) == (2, 2)


def steady_and_lucky(store: Store, tmp_path: Path, alternatives: str) -> dict[str, dict[str, str]]:
    """The robustness rows of one account that is read every week and one with a single great article."""
    world = World()
    steady = world.account("wechat", "demo-steady", "league")
    lucky = world.account("wechat", "demo-lucky", "league")
    for week in range(30):
        day = date(2026, 1, 5) + timedelta(days=7 * week)
        world.article(steady, day, wechat(2000))
        if week < 3:
            world.article(lucky, day, wechat(200_000 if week == 1 else 900))
    rule = small_rule(tmp_path)
    rule.write_text(f"{rule.read_text('utf-8')}\n[robustness]\nalternatives = [{alternatives}]\n", "utf-8")
    run_award(store(world), rule, tmp_path / "out")
    return {row["handle"]: row for row in rows_of(tmp_path / "out" / "wechat" / "robustness.csv")}


def test_other_ways_to_the_list_are_computed_from_the_articles(store: Store, tmp_path: Path) -> None:
    lines = '"mean_of_weeks", "mean_of_months", "drop_top_post", "wci:13.0", "equal_weights", "geometric"'
    rows = steady_and_lucky(store, tmp_path, lines)
    steady, lucky = rows["demo-steady"], rows["demo-lucky"]
    assert (lucky["place"], steady["place"]) == ("1", "2")
    for line in ("mean_of_weeks", "mean_of_months", "drop_top_post"):
        assert (lucky[f"place_{line}"], steady[f"place_{line}"]) == ("2", "1"), line
    assert {lucky["place_wci:13.0"], steady["place_wci:13.0"]} == {"1", "2"}
    assert "place_geometric" not in lucky  # one part only: nothing to multiply


def test_capped_figures_are_a_line_of_the_report_and_change_no_place(store: Store, tmp_path: Path) -> None:
    plain = steady_and_lucky(store, tmp_path, '"mean_of_weeks"')
    rule = tmp_path / "small.toml"
    text = rule.read_text("utf-8")
    line = 'version = "14.2b"\nwinsorise = { field = "R", upper_quantile = 0.9, report_only = true }'
    rule.write_text(text.replace('version = "14.2b"', line), "utf-8")
    database = connect(f"sqlite:///{next(tmp_path.glob('world*.sqlite'))}")
    run_award(database, rule, tmp_path / "capped")
    database.close()
    rows = {row["handle"]: row for row in rows_of(tmp_path / "capped" / "wechat" / "robustness.csv")}
    assert {name: row["place"] for name, row in rows.items()} == {
        name: row["place"] for name, row in plain.items()
    }
    # Nine tenths of 33 articles have at most 2000 reads: the one great article counts as 2000.
    assert rows["demo-lucky"]["place_winsorised"] == "2"


def test_the_mean_of_weeks_counts_silent_weeks_as_nothing(store: Store, tmp_path: Path) -> None:
    from analytics.awards.alternatives import Standings, _Counting
    from analytics.awards.columns import Columns
    from analytics.awards.freeze import Frozen

    steady_and_lucky(store, tmp_path, '"mean_of_weeks"')
    out = tmp_path / "out"
    rule = load_rule(out / "rule.toml")
    category = rule.categories[0]
    frozen = Frozen.of(category, out / "wechat" / "accounts.csv", out / "wechat" / "articles.csv")
    standings = Standings.read(out / "wechat" / "variables.csv", out / "wechat" / "score.csv")
    counting = _Counting(rule, category, Columns.read(frozen), standings.accounts)
    mean = counting.indices("mean_of_weeks")["demo-lucky"]
    weekly = []
    for reads in (900, 200_000, 900):
        figures = {"n": 1, "d": 7}
        for name, count in zip(("R", "Z", "L", "RE"), wechat(reads).values(), strict=True):
            figures |= dict.fromkeys((name, f"{name}max", f"{name}t"), count)  # type: ignore[arg-type]
        weekly.append(compute(load_definition("wci_v14_2b_share"), figures))
    weeks = 53  # 2026 touches 53 ISO weeks: 1 January is a Thursday
    assert mean == (sum(weekly) / weeks).quantize(Decimal("0.000001"))
