"""A run's folder belongs to one run: carried on, never edited; holes stop its freeze."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from award_world import JURIED, SIGNED, Store, World, content, judged, rows_of, small_rule, wechat

from analytics.awards import run_award
from analytics.awards.exclusions import Exclusion, exclude_account
from analytics.awards.folder import RunFolder
from analytics.awards.intake import Given
from analytics.awards.run import dry_run
from analytics.awards.verification import verify
from config.database import Database
from config.errors import InputError, MeizhenError

MONDAY = date(2026, 1, 5)


def a_world() -> World:
    world = World()
    for number in range(3):
        key = world.account("wechat", f"demo-{number}", "league", unit=f"U-{number}")
        for week in range(3):
            world.article(key, MONDAY + timedelta(days=7 * week), wechat(500 + 100 * number + week))
    return world


@pytest.fixture
def data(store: Store) -> Database:
    return store(a_world())


SCORES = [f"demo-{n},{judge},{60 + 10 * n + m}," for n in range(3) for m, judge in enumerate("xyz")]
VOTES = [f"demo-{n},{n}" for n in range(3)]


def test_a_finished_run_is_not_done_again_and_stays_frozen(
    data: Database, store: Store, tmp_path: Path
) -> None:
    rule = small_rule(tmp_path)
    told: list[str] = []
    first = run_award(data, rule, tmp_path / "out")
    before = content(tmp_path / "out")
    changed = a_world()
    changed.articles[0]["figures"] = [(7, "api", wechat(99_999))]
    again = run_award(
        store(changed), rule, tmp_path / "out", progress=lambda stage, *steps: told.append(stage)
    )
    assert again.run_id == first.run_id
    assert content(tmp_path / "out") == before
    assert told == ["done"]


def test_stages_can_be_done_again_but_never_the_freeze(data: Database, tmp_path: Path) -> None:
    rule = small_rule(tmp_path)
    run_award(data, rule, tmp_path / "out")
    before = content(tmp_path / "out")
    told: list[str] = []
    run_award(
        data,
        rule,
        tmp_path / "out",
        again_from="ties",
        progress=lambda stage, *steps: told.append(stage.split()[0]),
    )
    assert told == ["ties", "robustness", "anomalies", "notice", "final", "done"]
    assert content(tmp_path / "out") == before
    for stage in ("freeze", "tiess"):
        with pytest.raises(MeizhenError) as refused:
            run_award(data, rule, tmp_path / "out", again_from=stage)
        assert refused.value.code == "award.no_such_stage"


def test_a_stage_whose_files_were_touched_is_done_again(data: Database, tmp_path: Path) -> None:
    rule = small_rule(tmp_path)
    run_award(data, rule, tmp_path / "out")
    before = content(tmp_path / "out")
    (tmp_path / "out/wechat/score.csv").write_text("handle\n", "utf-8")
    run_award(data, rule, tmp_path / "out")
    assert content(tmp_path / "out") == before


def test_a_rule_changed_after_the_freeze_needs_another_folder(data: Database, tmp_path: Path) -> None:
    first = run_award(data, small_rule(tmp_path), tmp_path / "out")
    changed = small_rule(tmp_path, ("anchor = 1000", "anchor = 1001"))
    with pytest.raises(MeizhenError) as refused:
        run_award(data, changed, tmp_path / "out")
    assert refused.value.code == "award.other_rule"
    assert run_award(data, changed, tmp_path / "other").run_id != first.run_id
    assert verify(tmp_path / "out").differences == ()


def test_frozen_figures_that_were_edited_stop_the_run(data: Database, tmp_path: Path) -> None:
    rule = small_rule(tmp_path)
    run_award(data, rule, tmp_path / "out", until="index")
    path = tmp_path / "out/wechat/articles.csv"
    path.write_text(path.read_text("utf-8").replace(",500,", ",5000,", 1), "utf-8")
    with pytest.raises(MeizhenError) as refused:
        run_award(data, rule, tmp_path / "out")
    assert refused.value.code == "award.frozen_changed"


def test_scores_come_after_the_freeze_and_are_then_fixed(data: Database, tmp_path: Path) -> None:
    rule, out = small_rule(tmp_path, JURIED), tmp_path / "out"
    early = run_award(data, rule, out, until="index")
    assert early.categories == ()
    with pytest.raises(InputError, match="--jury"):
        run_award(data, rule, out)
    late = run_award(data, rule, out, **judged(tmp_path, SCORES, VOTES))
    at_once = run_award(data, rule, tmp_path / "once", **judged(tmp_path, list(reversed(SCORES)), VOTES))
    assert late.run_id == at_once.run_id
    assert rows_of(out / "ranking.csv") == rows_of(tmp_path / "once" / "ranking.csv")
    other = [*SCORES[:-1], "demo-2,z,99,"]
    with pytest.raises(MeizhenError) as refused:
        run_award(data, rule, out, **judged(tmp_path, other, VOTES))
    assert refused.value.code == "award.other_input"
    new = {"frozen": out, **judged(tmp_path, other, VOTES)}
    taken = run_award(data, rule, tmp_path / "new", **new)
    assert run_award(data, rule, tmp_path / "new", **new).run_id == taken.run_id
    assert taken.run_id != late.run_id
    assert verify(tmp_path / "new").differences == ()


def test_what_comes_too_late_is_refused(data: Database, tmp_path: Path) -> None:
    rule = small_rule(tmp_path)
    run_award(data, rule, tmp_path / "out")
    files = judged(tmp_path, SCORES, VOTES)
    vetoes = tmp_path / "vetoes.csv"
    vetoes.write_text("handle,who,when,why\ndemo-0,李敏,2026-12-01,失实\n", "utf-8")
    for late in ({"jury": files["jury"]}, {"vetoes": vetoes}, {"signature": SIGNED}):
        with pytest.raises(MeizhenError) as refused:
            run_award(data, rule, tmp_path / "out", **late)
        assert refused.value.code == "award.given_late"
    assert verify(tmp_path / "out").differences == ()


def test_a_dry_run_writes_nothing_and_needs_no_jury(data: Database, tmp_path: Path) -> None:
    rule = small_rule(tmp_path, JURIED)
    result = dry_run(data, rule, Given())
    assert result.data_only
    assert [one.handle for one in result.categories[0].tracks[0].places] == ["demo-2", "demo-1", "demo-0"]
    assert {path.name for path in tmp_path.iterdir()} == {"small.toml"} | {
        path.name for path in tmp_path.iterdir() if path.suffix == ".sqlite" or "sqlite-" in path.name
    }


def test_holes_stop_a_freeze_until_a_named_person_signs(store: Store, tmp_path: Path) -> None:
    world = a_world()
    world.account("wechat", "demo-out", "none")
    world.gaps = [
        ("wechat:demo-1", date(2026, 5, 1)),
        ("wechat:demo-1", date(2026, 5, 2)),
        ("wechat:demo-out", date(2026, 5, 1)),  # cannot take part anyway
        ("wechat:demo-2", date(2025, 5, 1)),  # before the period
    ]
    data, rule = store(world), small_rule(tmp_path)
    with pytest.raises(InputError) as refused:
        run_award(data, rule, tmp_path / "out")
    ((code, params),) = [(one.code, one.params) for one in refused.value.problems]
    assert (code, params["handle"], params["days"], params["reason"]) == ("award.hole", "demo-1", 2, "61503")
    assert not (tmp_path / "out").exists()
    signed = run_award(data, rule, tmp_path / "out", signature=SIGNED)
    assert "李敏" in (tmp_path / "out/inputs/signature.json").read_text("utf-8")
    assert "inputs/signature.json" in (tmp_path / "out/run.json").read_text("utf-8")
    other = run_award(data, rule, tmp_path / "other", signature=type(SIGNED)("王强", SIGNED.reason))
    assert other.run_id != signed.run_id


@pytest.mark.parametrize(("today", "refused"), [(date(2027, 1, 7), True), (date(2027, 1, 8), False)])
def test_a_freeze_before_the_last_article_has_its_age_is_refused(
    data: Database, tmp_path: Path, today: date, refused: bool
) -> None:
    rule = small_rule(tmp_path)
    if not refused:
        assert run_award(data, rule, tmp_path / "out", today=today).run_id
        return
    with pytest.raises(InputError) as error:
        run_award(data, rule, tmp_path / "out", today=today)
    assert [problem.code for problem in error.value.problems] == ["award.too_early"]


def test_an_exclusion_is_a_new_run_with_a_number_a_name_and_a_reason(data: Database, tmp_path: Path) -> None:
    first = run_award(data, small_rule(tmp_path), tmp_path / "one")
    before = content(tmp_path / "one")
    old, new = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    day = date(2027, 1, 20)
    second = exclude_account(old, new, Exclusion("wechat:demo-2", "李敏", "刷量,已核实"), today=day)
    assert (first.number, second.number) == (1, 2)
    assert second.run_id != first.run_id
    assert [one.handle for one in second.categories[0].tracks[0].places] == ["demo-1", "demo-0"]
    (out,) = second.categories[0].ineligible
    assert "刷量,已核实(李敏,2027-01-20)" in str(out["reasons"])
    (row,) = rows_of(tmp_path / "two/inputs/exclusions.csv")
    assert row["after"] == first.run_id
    assert content(tmp_path / "one") == before
    third = exclude_account(
        new, RunFolder(tmp_path / "three"), Exclusion("demo-1", "李敏", "同上"), today=day
    )
    assert third.number == 3
    assert verify(tmp_path / "three").differences == ()


@pytest.mark.parametrize(
    ("exclusion", "code"),
    [
        (Exclusion("demo-2", " ", "x"), "award.exclusion_unsigned"),
        (Exclusion("demo-2", "李敏", ""), "award.exclusion_unsigned"),
        (Exclusion("demo-22", "李敏", "x"), "input.refused"),
    ],
)
def test_an_exclusion_needs_a_name_a_reason_and_an_account(
    data: Database, tmp_path: Path, exclusion: Exclusion, code: str
) -> None:
    run_award(data, small_rule(tmp_path), tmp_path / "one")
    with pytest.raises(MeizhenError) as refused:
        exclude_account(
            RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two"), exclusion, today=date(2027, 1, 20)
        )
    assert refused.value.code == code
    assert not (tmp_path / "two").exists()
