"""Flags: bought reads are found, honest accounts mostly left alone, no score changes."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest
from award_world import Store, World, rows_of, small_rule

from analytics.awards import run_award
from analytics.awards.anomalies import Spread

MONDAY = date(2026, 1, 5)


def article(chance: Random, reads: int) -> dict[str, object]:
    """Honest figures: likes about 2 % of reads, give or take a fifth."""
    likes = round(reads * 0.02 * chance.lognormvariate(0, 0.2))
    return {"read_people": reads, "recommend_heart": likes, "like": likes, "share": reads // 30}


def year(world: World, handle: str, change: Callable[[int, dict[str, object]], None], seed: int = 3) -> None:
    chance = Random(seed)
    key = world.account("wechat", handle, "league")
    for place in range(100):
        figures = article(chance, round(1100 * chance.lognormvariate(0, 0.3)))
        change(place, figures)
        world.article(key, MONDAY + timedelta(days=3 * place), figures)


def untouched(place: int, figures: dict[str, object]) -> None:
    """An honest article."""


def bought(every: int, reads: int) -> Callable[[int, dict[str, object]], None]:
    def change(place: int, figures: dict[str, object]) -> None:
        if place % every == 0:
            figures["read_people"] = int(str(figures["read_people"])) + reads

    return change


@pytest.fixture
def flags(store: Store, tmp_path: Path) -> Callable[[World], list[dict[str, str]]]:
    def found(world: World) -> list[dict[str, str]]:
        run_award(store(world), small_rule(tmp_path), tmp_path / "out")
        return rows_of(tmp_path / "out" / "wechat" / "anomalies.csv")

    return found


Flags = Callable[[World], list[dict[str, str]]]


def test_bought_reads_are_flagged_with_their_evidence_and_honest_articles_hardly(flags: Flags) -> None:
    world = World()
    year(world, "demo-bought", bought(10, 20_000))
    year(world, "demo-honest", untouched)
    rows = [row for row in flags(world) if row["check"] == "like_read"]
    guilty = [row for row in rows if row["handle"] == "demo-bought"]
    assert len(guilty) >= 8
    assert len(rows) - len(guilty) <= 4  # about one honest article in a hundred
    for row in guilty:
        assert float(row["z"]) < -3
        assert row["remote_id"] and row["title"] and row["day"]
        assert row["received"].split(" / ")[1] > "20"
        assert row["usual"] in row["zh"] and row["usual"] in row["en"]


def test_an_account_that_treats_half_of_its_articles_shows_only_against_its_track(flags: Flags) -> None:
    world = World()
    year(world, "demo-half", bought(1, 20_000))
    for number in range(6):
        year(world, f"demo-{number}", untouched, seed=20 + number)
    rows = [row for row in flags(world) if row["handle"] == "demo-half"]
    assert [row["check"] for row in rows if not row["remote_id"] and not row["day"]] == ["like_read"]


def test_a_day_far_above_the_others_is_a_spike_from_a_thousand_reads_on(flags: Flags) -> None:
    world = World()
    year(world, "demo-spike", bought(100, 60_000))
    small = world.account("wechat", "demo-small", "league")
    for place in range(30):
        reads = 900 if place == 4 else 20 + place % 3
        world.article(small, MONDAY + timedelta(days=place), article(Random(1), reads))
    spikes = [row for row in flags(world) if row["check"] == "spike"]
    assert [(row["handle"], row["day"]) for row in spikes] == [("demo-spike", MONDAY.isoformat())]


def test_few_articles_that_carry_the_sum_are_told_of_the_account(flags: Flags) -> None:
    world = World()
    year(world, "demo-few", bought(25, 90_000))
    for number in range(6):
        year(world, f"demo-{number}", untouched, seed=40 + number)
    found = [row["handle"] for row in flags(world) if row["check"] == "mean_median"]
    assert found == ["demo-few"]


def test_flags_change_no_score(store: Store, tmp_path: Path) -> None:
    world = World()
    year(world, "demo-bought", bought(10, 20_000))
    year(world, "demo-honest", untouched)
    database, rule = store(world), small_rule(tmp_path)
    looked = run_award(database, rule, tmp_path / "a")
    text = rule.read_text("utf-8")
    rule.write_text(f"{text}\n[anomaly]\ndaily_spike = {{ mad_z = 900 }}\n", "utf-8")
    blind = run_award(database, rule, tmp_path / "b")
    ours, theirs = (run.categories[0].tracks[0].places for run in (looked, blind))
    assert [(one.handle, one.score, one.place) for one in ours] == [
        (one.handle, one.score, one.place) for one in theirs
    ]
    assert sum(one.flags for one in ours) > 0 == sum(one.flags for one in theirs)


def test_values_that_do_not_vary_are_not_far_from_anything() -> None:
    assert Spread([2.0] * 9).z(5.0) is None
    spread = Spread([1.0, 2.0, 3.0, 4.0, 5.0])
    assert str(spread.z(3.0)) == "0.0"
    assert str(spread.z(3.0 + 1.4826)) == "1.0"


def test_a_platform_without_reads_is_not_looked_at_and_says_so(store: Store, tmp_path: Path) -> None:
    world = World()
    key = world.account("weibo", "demo-a", "league")
    world.article(key, MONDAY, {"repost": 1, "comment": 2, "like": 3})
    changes = {'id = "wechat"': 'id = "weibo"', '"wci"': '"bci"', '"14.2b"': '"7-input"'}
    rule = small_rule(tmp_path, *changes.items())
    rule.write_text(rule.read_text("utf-8").replace('"shares_per_post", ', ""), "utf-8")
    result = run_award(store(world), rule, tmp_path / "out")
    assert rows_of(tmp_path / "out" / "weibo" / "anomalies.csv") == []
    told = result.paths["ranking_json"].read_text("utf-8")
    assert '"not_looked_at"' in told and '"like_read"' in told
