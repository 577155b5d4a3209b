"""A whole award over a database: the same bytes at every run, figures at the same age, one reason a gate."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from award_world import (
    JURIED,
    SIGNED,
    Store,
    World,
    a_year,
    content,
    judged,
    rows_of,
    small_rule,
    wechat,
)

from analytics.awards import check_award, run_award, shipped_rule
from analytics.awards.run import AwardResult
from analytics.awards.stages import STAGES
from analytics.indices import compute, load_definition
from config.database import Database
from config.errors import InputError


def listed(result: AwardResult, track: str = "league", category: int = 0) -> list[tuple[str, int]]:
    found = next(one for one in result.categories[category].tracks if one.track.id == track)
    return [(placed.handle, placed.place) for placed in found.places]


def test_two_runs_over_the_same_data_give_the_same_bytes(store: Store, tmp_path: Path) -> None:
    world = a_year()
    first = run_award(store(world, 1), shipped_rule(), tmp_path / "a")
    again = run_award(store(world, 2), shipped_rule(), tmp_path / "b")
    assert first.run_id == again.run_id
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert {"ranking.csv", "ranking.json", "ranking.png", "ranking.svg", "run.json", "rule.toml"} <= set(
        content(tmp_path / "a")
    )
    assert [len(category.tracks) for category in first.categories] == [3, 3, 3]
    assert all(track.places for category in first.categories for track in category.tracks)
    refused = {account["handle"] for account in first.categories[0].ineligible}
    assert refused == {"demo-late", "demo-silent"}


def test_one_changed_figure_changes_the_run_id(store: Store, tmp_path: Path) -> None:
    world = World()
    key = world.account("wechat", "demo-a", "league")
    world.article(key, date(2026, 3, 2), wechat(500))
    rule = small_rule(tmp_path)
    before = run_award(store(world), rule, tmp_path / "a").run_id
    world.articles[0]["figures"] = [(7, "api", wechat(500) | {"read_people": 501})]
    assert run_award(store(world), rule, tmp_path / "b").run_id != before


def test_the_index_is_that_of_the_articles_counted_by_hand(store: Store, tmp_path: Path) -> None:
    world = World()
    key = world.account("wechat", "demo-a", "league")
    world.article(key, date(2026, 3, 2), wechat(900))
    world.article(key, date(2026, 3, 9), wechat(3000), position=2)
    world.article(key, date(2025, 12, 31), wechat(10**6))
    result = run_award(store(world), small_rule(tmp_path), tmp_path / "out")
    figures = {"n": 2, "d": 365}
    for name, one, two in (("R", 900, 3000), ("Z", 10, 33), ("L", 15, 50), ("RE", 36, 120)):
        figures |= {name: one + two, f"{name}max": two, f"{name}t": one}
    expected = compute(load_definition("wci_v14_2b_share"), figures)
    (placed,) = result.categories[0].tracks[0].places
    assert placed.index == expected
    assert placed.score == (expected / 10).quantize(Decimal("0.01"))
    assert {name: int(value) for name, value in placed.figures.items()} == figures
    told = json.loads(result.paths["ranking_json"].read_text("utf-8"))
    account = told["categories"][0]["tracks"][0]["accounts"][0]
    assert set(account["levels"]) == {"overall", "average", "headline", "peak"}
    assert told["categories"][0]["index"]["reads"] == "people"


def test_every_article_is_read_at_the_same_age_per_metric(store: Store, tmp_path: Path) -> None:
    world = World()
    key = world.account("wechat", "demo-a", "league")
    world.article(key, date(2026, 3, 2), wechat(100))
    world.articles[0]["figures"] = [
        (1, "api", wechat(100)),
        (6, "api", {"read_people": 250}),
        (7, "api", {"like": 9}),
        (8, "api", wechat(9000)),
    ]
    run_award(store(world), small_rule(tmp_path), tmp_path / "out")
    (article,) = rows_of(tmp_path / "out" / "wechat" / "articles.csv")
    assert (article["read_people"], article["like"], article["share"]) == ("250", "9", "4")


def test_of_one_day_the_api_goes_before_files_and_files_before_people(store: Store, tmp_path: Path) -> None:
    world = World()
    key = world.account("wechat", "demo-a", "league")
    world.article(key, date(2026, 3, 2), {})
    world.articles[0]["figures"] = [
        (7, "typed", wechat(100) | {"read_people": 1}),
        (7, "import", {"read_people": 2, "like": 5}),
        (7, "api", {"read_people": 3}),
    ]
    run_award(store(world), small_rule(tmp_path), tmp_path / "out")
    (article,) = rows_of(tmp_path / "out" / "wechat" / "articles.csv")
    assert (article["read_people"], article["like"]) == ("3", "5")
    assert article["sources"] == "api+import+typed"


def test_a_figure_that_no_article_has_keeps_the_account_out_and_says_so(store: Store, tmp_path: Path) -> None:
    world = World()
    known = world.account("wechat", "demo-a", "league")
    world.article(known, date(2026, 3, 2), wechat(100))
    unknown = world.account("wechat", "demo-b", "league")
    world.article(unknown, date(2026, 3, 2), wechat(100) | {"share": None})
    unplaced = world.account("wechat", "demo-c", "league")
    world.article(unplaced, date(2026, 3, 2), wechat(100), position=None)
    result = run_award(store(world), small_rule(tmp_path), tmp_path / "out")
    assert listed(result) == [("demo-a", 1)]
    told = {str(account["handle"]): str(account["reasons"]) for account in result.categories[0].ineligible}
    assert "RE, REt, REmax" in told["demo-b"]
    assert "Rt, Zt, Lt, REt" in told["demo-c"]


def test_coverage_counts_missing_figures_and_days_that_were_not_collected(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    for handle in ("demo-a", "demo-b", "demo-c"):
        key = world.account("wechat", handle, "league")
        for week in range(4):
            missing = {"like": None} if handle == "demo-b" and week == 0 else {}
            world.article(key, date(2026, 3, 2 + 7 * week), wechat(100) | missing)
    world.gaps = [("wechat:demo-c", date(2026, 5, 1)), ("wechat:demo-c", date(2025, 5, 1))]
    rule = small_rule(tmp_path, ('"min_posts", value = 1', '"data_coverage", value = 0.9'))
    result = run_award(store(world), rule, tmp_path / "out", signature=SIGNED)
    facts = {row["handle"]: row for row in rows_of(tmp_path / "out" / "wechat" / "variables.csv")}
    assert [facts[f"demo-{letter}"]["data_coverage"] for letter in "abc"] == ["1", "0.75", "0.8"]
    assert listed(result) == [("demo-a", 1)]


def test_every_gate_gives_every_account_one_reason(store: Store, tmp_path: Path) -> None:
    world = World()
    key = world.account("wechat", "demo-a", "league", filed=None, verified=False)
    world.article(key, date(2026, 3, 2), wechat(100))
    gates = '[{ rule = "filed_before", value = 2026-01-01 }, { rule = "verified" }, '
    gates += '{ rule = "min_posts", value = 2 }, { rule = "min_active_weeks", value = 2 }, '
    gates += '{ rule = "data_coverage", value = "0.5" }, { rule = "no_veto" }]'
    rule = small_rule(tmp_path, ('[{ rule = "min_posts", value = 1 }]', gates))
    vetoes = tmp_path / "vetoes.csv"
    vetoes.write_text("handle,who,when,why\nwechat:demo-a,李敏,2026-12-01,未经审核发布\n", "utf-8")
    result = run_award(store(world), rule, tmp_path / "out", vetoes=vetoes)
    rows = rows_of(tmp_path / "out" / "wechat" / "eligibility.csv")
    assert [(row["rule"], row["passed"]) for row in rows] == [
        ("track", "true"),
        ("filed_before", "false"),
        ("verified", "false"),
        ("min_posts", "false"),
        ("min_active_weeks", "false"),
        ("data_coverage", "true"),
        ("no_veto", "false"),
        ("figures", "true"),
    ]
    assert (rows[0]["zh"], rows[0]["received"]) == ("组别:盟市(本类有 盟市、高校)", "league")
    assert (rows[2]["zh"], rows[2]["en"]) == ("已认证:否", "verified: no")
    assert rows[6]["zh"] == "单项否决:未经审核发布(李敏,2026-12-01)"
    assert len(result.categories[0].ineligible) == 1
    assert listed(result) == []


def test_equal_accounts_share_a_place_and_the_earlier_filed_one_wins(store: Store, tmp_path: Path) -> None:
    world = World()
    for handle, filed in (("demo-a", 5), ("demo-b", 3), ("demo-c", 5)):
        key = world.account("wechat", handle, "league", filed=date(2025, 1, filed))
        world.article(key, date(2026, 3, 2), wechat(100))
    result = run_award(store(world), small_rule(tmp_path), tmp_path / "out")
    assert listed(result) == [("demo-b", 1), ("demo-a", 2), ("demo-c", 2)]
    awarded = [placed.awarded for placed in result.categories[0].tracks[0].places]
    assert awarded == [True, False, False]


def test_one_account_more_changes_nobodys_index_nor_score(store: Store, tmp_path: Path) -> None:
    world = World()
    for number in range(4):
        key = world.account("wechat", f"demo-{number}", "league")
        world.article(key, date(2026, 3, 2), wechat(100 * (number + 1)))
    rule = small_rule(tmp_path)
    before = run_award(store(world), rule, tmp_path / "a").categories[0].tracks[0].places
    key = world.account("wechat", "demo-new", "league")
    world.article(key, date(2026, 3, 2), wechat(250))
    after = run_award(store(world), rule, tmp_path / "b").categories[0].tracks[0].places
    told = {placed.handle: (placed.index, placed.score) for placed in after}
    assert all(told[placed.handle] == (placed.index, placed.score) for placed in before)
    assert [placed.handle for placed in after if placed.handle != "demo-new"] == [p.handle for p in before]


def test_jury_and_public_are_added_and_a_recused_judge_has_no_effect(store: Store, tmp_path: Path) -> None:
    world = World()
    for handle in ("demo-a", "demo-b"):
        key = world.account("wechat", handle, "league", unit=f"U-{handle}")
        world.article(key, date(2026, 3, 2), wechat(100))
    rule, database = small_rule(tmp_path, JURIED), store(world)
    scores = [
        f"demo-{letter},{judge},{score},"
        for letter in "ab"
        for judge, score in zip("xyz", (60, 70, 95), strict=True)
    ]
    votes = ["demo-a,10", "demo-b,3"]
    result = run_award(database, rule, tmp_path / "a", **judged(tmp_path, scores, votes))
    first, second = result.categories[0].tracks[0].places
    assert (first.handle, first.jury, first.public) == ("demo-a", Decimal(70), Decimal(100))
    assert (second.handle, second.public) == ("demo-b", Decimal(0))
    exact = Decimal("0.6") * first.index / 10 + 21 + 10
    assert abs(first.score - exact) <= Decimal("0.005")
    own = [*scores, "demo-b,w,100,U-demo-b"]
    with pytest.raises(InputError) as refused:
        run_award(database, rule, tmp_path / "b", **judged(tmp_path, own, votes))
    assert [(problem.code, problem.row) for problem in refused.value.problems] == [("award.own_account", 8)]
    assert not list((tmp_path / "b").rglob("*.csv"))
    other = [*scores, "demo-a,w,70,U-demo-b"]  # steps back for demo-b, scores demo-a in the middle
    recused = run_award(database, rule, tmp_path / "c", **judged(tmp_path, other, votes))
    assert recused.categories[0].tracks[0].places[1].score == second.score
    assert recused.run_id != result.run_id


def test_without_enough_judges_or_votes_no_list_is_written(store: Store, tmp_path: Path) -> None:
    world = World()
    for handle in ("demo-a", "demo-b"):
        world.article(world.account("wechat", handle, "league"), date(2026, 3, 2), wechat(100))
    rule, database = small_rule(tmp_path, JURIED), store(world)
    scores = [f"demo-a,{judge},60," for judge in "xyz"] + ["demo-b,x,60,"]
    with pytest.raises(InputError) as refused:
        run_award(database, rule, tmp_path / "out", **judged(tmp_path, scores, ["demo-a,1"]))
    told = [(problem.code, problem.params["handle"]) for problem in refused.value.problems]
    assert told == [("award.too_few_judges", "demo-b")]
    assert not (tmp_path / "out" / "ranking.csv").exists()
    enough = [*scores, "demo-b,y,60,", "demo-b,z,60,"]
    with pytest.raises(InputError) as refused:
        run_award(database, rule, tmp_path / "other", **judged(tmp_path, enough, ["demo-a,1"]))
    told = [(problem.code, problem.params["handle"]) for problem in refused.value.problems]
    assert told == [("award.no_votes", "demo-b")]


def test_a_part_with_weight_and_no_file_is_refused_before_anything_is_computed(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refused:
        run_award(store(World()), small_rule(tmp_path, JURIED), tmp_path / "out")
    assert [(problem.code, problem.column) for problem in refused.value.problems] == [
        ("award.file_needed", "category[1].score.jury.weight"),
        ("award.file_needed", "category[1].score.public.weight"),
    ]
    assert "--jury" in str(refused.value)
    assert "--votes" in str(refused.value)


def test_question_sites_are_ranked_by_their_answers(store: Store, tmp_path: Path) -> None:
    world = World()
    for handle, hours in (("demo-fast", 2), ("demo-slow", 60), ("demo-mute", None)):
        key = world.account("youth_voice", handle, "league")
        for place in range(120):
            figures: dict[str, object] = {"answers": 1, "answered_within_72h": 1, "first_answer_hours": hours}
            if hours is None:
                figures = {"answers": 0, "answered_within_72h": 0}
            day = date(2026, 1, 1) + timedelta(days=place)
            world.article(key, day, figures, kind="question", position=None, original=None)
        world.article(key, date(2026, 6, 1), {}, kind="announcement", position=None, original=None)
        world.days += [(key, name, date(2026, 12, 1), 30) for name in ("askers_ytd", "experts_ytd")]
    text = shipped_rule().read_text("utf-8")
    rule = tmp_path / "questions.toml"
    text = text[: text.index("[[category]]")] + text[text.rindex("[[category]]") :]
    rule.write_text(text[: text.index("[robustness]")], "utf-8")
    result = run_award(store(world), rule, tmp_path / "out")
    assert listed(result) == [("demo-fast", 1), ("demo-slow", 2), ("demo-mute", 3)]
    mute = result.categories[0].tracks[0].places[2]
    assert mute.figures["median_first_answer_hours"] == "Infinity"
    facts = rows_of(tmp_path / "out" / "youth-voice" / "variables.csv")
    assert {row["questions"] for row in facts} == {"120"}
    assert {row["data_coverage"] for row in facts} == {"1"}


def test_a_check_counts_the_eligible_and_leaves_no_file(database: Database, tmp_path: Path) -> None:
    a_year().store(database, seed=3)
    checked = check_award(database, shipped_rule())
    assert [found.accounts for found in checked.categories] == [9, 7, 7]
    assert dict(checked.categories[0].eligible) == {"league": 3, "university": 2, "enterprise": 2}
    assert checked.categories[0].refused["filed_before"] == 2
    assert checked.wanted == ()
    assert list(tmp_path.glob("*.csv")) == []


def test_a_category_without_accounts_is_refused_before_anything_is_written(
    database: Database, tmp_path: Path
) -> None:
    for attempt in (
        lambda: run_award(database, shipped_rule(), tmp_path / "out"),
        lambda: check_award(database, shipped_rule()),
    ):
        with pytest.raises(InputError) as refused:
            attempt()
        told = [(problem.code, problem.params["category"]) for problem in refused.value.problems]
        assert told == [("award.no_accounts", name) for name in ("wechat", "weibo", "youth-voice")]
    assert not list((tmp_path / "out").rglob("*.csv"))


def test_accounts_that_may_not_take_part_leave_an_empty_list_and_a_picture(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    for platform in ("wechat", "weibo", "youth_voice"):
        world.account(platform, "demo-a", "league", verified=False, filed=None)
    told: list[tuple[str, int, int]] = []
    result = run_award(
        store(world), shipped_rule(), tmp_path / "out", progress=lambda *step: told.append(step)
    )
    assert [track.places for category in result.categories for track in category.tracks] == [()] * 9
    assert all(path.is_file() for path in result.paths.values())
    assert told[0][0] == "freeze wechat"
    assert [done for _, done, total in told[:-1]] == list(range(told[0][2]))


def test_the_record_of_a_run_names_every_file_by_its_hash(store: Store, tmp_path: Path) -> None:
    result = run_award(store(a_year()), shipped_rule(), tmp_path / "out")
    record = json.loads(result.paths["run"].read_text("utf-8"))
    assert record["run_id"] == result.run_id
    made = {name for name in content(tmp_path / "out") if not name.startswith("stages/")} - {"run.json"}
    assert set(record["files"]) == made
    assert record["stages"] == list(STAGES)
    assert {"wechat/articles.csv", "wechat/definition", "rule.toml"} <= set(record["inputs"])
    ranking = rows_of(result.paths["ranking_csv"])
    assert [row["category"] for row in ranking] == sorted(
        (row["category"] for row in ranking), key=["wechat", "weibo", "youth-voice"].index
    )
    assert all(
        str(tmp_path) not in text.decode("utf-8", "replace") for text in content(tmp_path / "out").values()
    )
