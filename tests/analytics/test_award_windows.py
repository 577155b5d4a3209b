"""An index by windows as a category's index: the mean of its weeks, in the list and in what explains it."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from award_world import Store, World, content, rows_of, small_rule, wechat
from hypothesis import given, settings
from hypothesis import strategies as st
from json_schemas import differences
from openpyxl import load_workbook

from analytics.awards import load_rule, run_award
from analytics.awards.explanation import explain, summed
from analytics.awards.explanation_page import as_page
from analytics.awards.explanation_text import as_json, as_text
from analytics.awards.folder import RunFolder
from analytics.awards.papers.facts import read_run
from analytics.awards.papers.method import method_facts
from analytics.awards.papers.sheet import workbook
from analytics.awards.robustness import shake
from analytics.awards.rule import Category, Robustness
from analytics.awards.split import WindowTerms, contributions, split_windows, total
from analytics.awards.verification import verify
from analytics.awards.window_levels import moments_of
from analytics.awards.windows import COLUMNS, index_of_windows, mean_of
from analytics.indices import compute, load_definition
from analytics.indices import explain as explain_index
from config.database import connect
from config.errors import InputError
from meizhen.cli._output import as_json_text

MONDAY = date(2026, 1, 5)
WCI = load_definition("wci_v14_2b_share")
WEEKLY = ('version = "14.2b"', 'version = "14.2b"\naggregate = "mean_of_weeks"')
CLOSE = Decimal("0.000001")


def a_world() -> World:
    """Accounts that post every week, now and then, once; one week of one has no figures."""
    world = World()
    for number, every in enumerate((1, 2, 3, 5)):
        key = world.account("wechat", f"demo-{number}", "league")
        for week in range(0, 40, every):
            day = MONDAY + timedelta(days=7 * week + number)
            figures = wechat(900 * (number + 1) + 137 * ((week * 7 + number) % 11))
            if number == 2 and week == 6:
                figures = {"read_people": 500, "recommend_heart": None, "like": 3, "share": 4}
            world.article(key, day, figures)
            if week % 2:
                world.article(key, day, wechat(300 + week), position=2)
    lucky = world.account("wechat", "demo-lucky", "league")
    world.article(lucky, MONDAY, wechat(900_000))
    return world


def a_rule(folder: Path, *changes: tuple[str, str], more: str = "") -> Path:
    path = small_rule(folder, WEEKLY, *changes)
    path.write_text(path.read_text("utf-8") + more, "utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """The folder of a run by weeks; nobody changes it."""
    folder = tmp_path_factory.mktemp("weeks")
    shutil.copy(_sqlite_template, folder / "db.sqlite")
    database = connect(f"sqlite:///{folder / 'db.sqlite'}")
    a_world().store(database, 1)
    more = '\n[robustness]\ndraws = 400\nalternatives = ["annual", "mean_of_weeks", "drop_top_post", '
    more += '"wci:13.0", "equal_weights"]\n'
    run_award(database, a_rule(folder, more=more), folder / "out")
    database.close()
    return folder / "out"


def weekly(figures: dict[str, object]) -> Decimal:
    """The index of a week with this one article."""
    variables: dict[str, Decimal | int] = {"n": 1, "nt": 1, "d": 7}
    for name, count in zip(("R", "Z", "L", "RE"), figures.values(), strict=True):
        variables |= dict.fromkeys((name, f"{name}max", f"{name}t"), int(str(count)))
    return compute(WCI, variables)


def test_the_index_is_the_mean_of_all_weeks_silent_ones_as_nothing(run: Path) -> None:
    indices = {row["handle"]: Decimal(row["index"]) for row in rows_of(run / "wechat" / "index.csv")}
    # 2026 touches 53 ISO weeks: 1 January is a Thursday.
    assert indices["demo-lucky"] == (weekly(wechat(900_000)) / 53).quantize(CLOSE)
    windows = rows_of(run / "wechat" / "windows.csv")
    assert list(windows[0])[: len(COLUMNS)] == list(COLUMNS)
    own = [row for row in windows if row["handle"] == "demo-lucky"]
    assert len(own) == 53 and own[0]["window"] == "2025-12-29" and own[1]["posts"] == "1"
    assert [row["index"] for row in own if row["posts"] == "0"] == ["0"] * 52
    assert own[1]["d"] == "7"


def test_a_week_whose_articles_lack_figures_is_left_out_and_not_counted_as_nothing(run: Path) -> None:
    windows = [row for row in rows_of(run / "wechat" / "windows.csv") if row["handle"] == "demo-2"]
    unknown = [row for row in windows if not row["index"]]
    assert [row["window"] for row in unknown] == ["2026-02-16"]
    known = [Decimal(row["index"]) for row in windows if row["index"]]
    (index,) = [row["index"] for row in rows_of(run / "wechat" / "index.csv") if row["handle"] == "demo-2"]
    assert len(known) == 52 and Decimal(index) == mean_of(sum(known), 52)


def test_silent_weeks_cost_the_account_that_one_great_article_put_first(
    run: Path,
) -> None:
    places = {row["handle"]: row for row in rows_of(run / "wechat" / "robustness.csv")}
    assert places["demo-lucky"]["place"] == "5"
    assert places["demo-lucky"]["place_annual"] == "1"
    assert "place_mean_of_weeks" not in places["demo-lucky"]  # that is the index itself
    assert all(row[f"place_{name}"] for row in places.values() for name in ("drop_top_post", "wci:13.0"))
    assert places["demo-0"]["place_equal_weights"] == places["demo-0"]["place"]


def test_a_run_by_weeks_is_verified_and_alike_in_another_order(
    run: Path, store: Store, tmp_path: Path
) -> None:
    assert verify(run).differences == ()
    run_award(store(a_world(), seed=2), run / "rule.toml", tmp_path / "again")
    assert content(tmp_path / "again") == content(run)


def test_every_gap_by_weeks_is_split_and_the_advice_would_have_worked(run: Path) -> None:
    seen = advised = 0
    for number in ("demo-0", "demo-1", "demo-2", "demo-3", "demo-lucky"):
        one = explain(run, number)
        assert one.placed is not None and one.placed.index is not None
        for found in filter(None, (one.above, one.below)):
            assert summed(found.lines) == found.gap == found.neighbour.exact - one.placed.exact
            rest = sum((abs(line.value) for line in found.lines if line.part == "rounding"), Decimal(0))
            assert rest <= CLOSE
            seen += 1
        for remedy in one.remedies:
            if remedy.needed is None or remedy.more is None or one.above is None:
                continue
            grown = [grow(row, list(remedy.now), 1 + remedy.more) for row in one.windows if row["index"]]
            index = index_of_windows(one.category.index, grown)
            assert index is not None and one.above.neighbour.index is not None
            assert index > one.above.neighbour.index
            advised += 1
        assert one.articles and one.articles[0].worth > 0
    assert seen == 8 and advised >= 3


def grow(row: dict[str, str], names: list[str], times: Decimal) -> dict[str, str]:  # type: ignore[type-arg]
    return {
        **row,
        **{name: str((Decimal(row[name]) * times).to_integral_value("ROUND_CEILING")) for name in names},
    }


def test_text_page_and_json_tell_every_week(run: Path) -> None:
    one = explain(run, "demo-2")
    text = as_text(one, "zh")
    assert "指数是 52 周指数的平均" in text and "缺数据的 1 周不算" in text and "2026-02-16 –" in text
    assert "mean of 52 weekly indices" in as_text(one, "en")
    assert "2026-02-16" in as_page(one, "zh")
    told = as_json(one)["windows"]
    assert isinstance(told, list) and len(told) == 53
    assert differences("award-explain", as_json_text(as_json(one))) == ""
    lines = method_facts(read_run(RunFolder(run)))["method"]
    assert isinstance(lines, dict)
    assert any("53 周的平均" in line for line in lines["categories"][0]["lines"])
    sheet = load_workbook(io.BytesIO(workbook(read_run(RunFolder(run)))))["各期指数 wechat"]
    assert sheet.max_row == 1 + 5 * 53


def window_rows(category: Category, numbers: list[list[int] | None]) -> list[dict[str, str]]:
    """Windows of one account: None has no figures."""
    names = category.index.names
    found = []
    for place, figures in enumerate(numbers):
        cells = (
            dict.fromkeys(names, "") if figures is None else dict(zip(names, map(str, figures), strict=False))
        )
        cells = {name: cells.get(name, "0") for name in names} if figures is not None else cells
        found.append(
            {"window": f"{place:02}", "posts": "1", "index": "" if figures is None else "1", **cells}
        )
    return found


COUNTS = st.lists(st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 10**6)), min_size=14, max_size=14)
WINDOWS = st.lists(st.one_of(st.none(), COUNTS), min_size=3, max_size=3)


@pytest.fixture(scope="module")
def category(tmp_path_factory: pytest.TempPathFactory) -> Category:
    return load_rule(a_rule(tmp_path_factory.mktemp("rule"))).categories[0]


@settings(max_examples=40)
@given(WINDOWS, WINDOWS)
def test_the_split_of_any_two_accounts_sums_to_the_gap_of_their_means(
    category: Category, one: list[list[int] | None], other: list[list[int] | None]
) -> None:
    mine, theirs = window_rows(category, one), window_rows(category, other)
    found = split_windows(category, WindowTerms(category, theirs), WindowTerms(category, mine))
    assert abs(total(found) - (exact_mean(category, theirs) - exact_mean(category, mine))) <= CLOSE
    # The published means are of indices with six decimals: each is rounded twice.
    known = [[row for row in rows if row["index"]] for rows in (theirs, mine)]
    indices = [index_of_windows(category.index, rows) or Decimal(0) for rows in known]
    assert abs(total(found) - (indices[0] - indices[1])) <= 2 * CLOSE


def exact_mean(category: Category, rows: list[dict[str, str]]) -> Decimal:
    """The mean of the windows' indices before any of them is rounded."""
    definition = category.index.definition
    assert definition is not None
    known = [row for row in rows if row["index"]]
    values = [explain_index(definition, row).total ** 2 * definition.scale for row in known]
    return sum(values, Decimal(0)) / len(values) if values else Decimal(0)


def test_equal_terms_take_no_part_in_the_gap(category: Category) -> None:
    mine, theirs = window_rows(category, [[50] * 14]), window_rows(category, [[50] * 14])
    theirs[0]["R"] = "5000"
    found = split_windows(category, WindowTerms(category, theirs), WindowTerms(category, mine))
    assert {key[1] for key, value in found.items() if value} == {"R"}
    assert contributions(category, mine[0]).keys() == found.keys()


@pytest.mark.parametrize("power", [1, 2, 3])
def test_draws_of_moments_rank_as_draws_of_every_week_would(
    category: Category, power: int, tmp_path: Path
) -> None:
    definition = category.index.definition
    assert definition is not None
    powered = replace(definition, power=Decimal(power))
    category = replace(category, index=replace(category.index, definition=powered))
    weeks = {"a": [[9] * 14, [0] * 14], "b": [[400] * 14, [0] * 14], "c": [[90] * 14, [80] * 14]}
    path = tmp_path / "windows.csv"
    lines = [",".join(("handle", "window", "posts", "index", *category.index.names))]
    for handle, numbers in weeks.items():
        for row in window_rows(category, [list(one) for one in numbers]):
            lines.append(",".join((handle, row["window"], "1", "1", *(row[n] for n in category.index.names))))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    moments = moments_of(category, path, weeks)
    values = {}
    for handle, numbers in weeks.items():
        means = [compute(powered, row) for row in window_rows(category, [list(one) for one in numbers])]
        values[handle] = sum(means, Decimal(0)) / len(means)
    still = Robustness(draws=100, concentration=Decimal(10**6))
    found = shake(category, still, [moments[h] for h in "abc"], [[Decimal(0)] * 2] * 3, 1, "a")
    order = sorted("abc", key=lambda handle: -values[handle])
    assert ["abc"[place] for place in sorted(range(3), key=lambda n: found[n].low)] == order
    assert [one.low for one in found] == [one.high for one in found]


def refused(path: Path) -> Iterator[tuple[str | None, str]]:
    with pytest.raises(InputError) as caught:
        load_rule(path)
    yield from ((problem.column, problem.code) for problem in caught.value.problems)


def test_what_does_not_go_by_windows_is_refused_before_anything_runs(tmp_path: Path) -> None:
    days = a_rule(tmp_path, ('aggregate = "mean_of_weeks"', 'aggregate = "mean_of_weeks"\ndays = 365'))
    assert list(refused(days)) == [("category[1].index.days", "award.days_of_window")]
    works = a_rule(tmp_path, ('id = "wechat"', 'id = "wechat"\nof = "works"'), ("min_posts", "data_coverage"))
    assert ("category[1].index", "award.work_has_no_windows") in list(refused(works))
    misspelt = a_rule(tmp_path, ("mean_of_weeks", "mean_of_week"))
    assert [column for column, _ in refused(misspelt)] == ["category[1].index.aggregate"]


def test_months_are_thirty_days_each_and_the_better_of_two_never_loses_by_one_more_read(
    store: Store, tmp_path: Path
) -> None:
    rule = a_rule(tmp_path, ("mean_of_weeks", "mean_of_months"))
    run_award(store(a_world()), rule, tmp_path / "months")
    windows = [
        row for row in rows_of(tmp_path / "months" / "wechat" / "windows.csv") if row["handle"] == "demo-0"
    ]
    assert [row["window"] for row in windows] == [f"2026-{month:02}" for month in range(1, 13)]
    assert {row["d"] for row in windows} == {"30"}
    category = load_rule(rule).categories[0]
    means = [
        index_of_windows(category.index, [grow(row, ["R"], times) for row in windows]) for times in TIMES
    ]
    assert all(one is not None and other is not None and one <= other for one, other in pairwise(means))


TIMES = [Decimal(1), Decimal("1.001"), Decimal(2), Decimal(100)]
