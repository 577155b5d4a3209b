"""Flags: bought reads are found, honest accounts mostly left alone, no score changes."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest
from award_world import Store, World, rows_of, small_rule

from analytics.awards import run_award
from analytics.awards.anomalies import Spread
from analytics.awards.folder import RunFolder
from analytics.awards.papers.facts import read_run
from analytics.awards.papers.method import method_facts
from analytics.awards.rule_check import check_award
from analytics.awards.verification import verify
from analytics.figures import Meaning, know_metrics
from config.database import Database

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
    (checked,) = check_award(store(world), rule).categories
    assert checked.in_vain == ("like_read", "spike", "mean_median", "source_mix", "unexplained")


def test_a_look_at_the_rule_tells_which_checks_the_figures_do_not_allow(store: Store, tmp_path: Path) -> None:
    world = World()
    sourced(world, "demo-told", lambda place: {})
    rule = small_rule(tmp_path)
    (checked,) = check_award(told_by_source(store(world)), rule).categories
    assert checked.in_vain == ()
    (untold,) = check_award(store(world), rule).categories
    assert untold.in_vain == ("source_mix", "unexplained")


PARTS = ("message", "chat", "moments", "profile", "feed", "search")


def by_source(chance: Random, reads: int, **changed: float) -> dict[str, object]:
    """Honest figures with their sources: half from messages, the rest spread; `changed` shares instead."""
    shares = {"message": 0.5, "chat": 0.15, "moments": 0.2, "profile": 0.05, "feed": 0.04, "search": 0.03}
    spread = {name: share * chance.uniform(0.85, 1.15) for name, share in (shares | changed).items()}
    told = {f"read_from_{name}": int(reads * min(share, 1)) for name, share in spread.items()}
    return article(chance, reads) | told | {"read_from_other": reads - sum(told.values())}


def told_by_source(database: Database) -> Database:
    names = ["read_from_message", "message_read_events"]
    with database.write() as session:
        know_metrics(session, "wechat", [Meaning(name, "people", "cumulative") for name in names])
    return database


def sourced(world: World, handle: str, change: Callable[[int], dict[str, float]], seed: int = 3) -> None:
    chance = Random(seed)
    key = world.account("wechat", handle, "league")
    for place in range(40):
        reads = round(3000 * chance.lognormvariate(0, 0.4))
        world.article(key, MONDAY + timedelta(days=3 * place), by_source(chance, reads, **change(place)))


def test_an_article_read_from_elsewhere_than_usual_is_flagged_with_the_source(
    store: Store, tmp_path: Path
) -> None:
    nowhere = dict.fromkeys(PARTS, 0.01)
    world = World()
    sourced(world, "demo-bought", lambda place: nowhere if place == 7 else {})
    sourced(world, "demo-honest", lambda place: {}, seed=5)
    run_award(told_by_source(store(world)), small_rule(tmp_path), tmp_path / "out")
    rows = [row for row in rows_of(tmp_path / "out" / "wechat" / "anomalies.csv") if row["remote_id"]]
    (row,) = [row for row in rows if row["check"] == "source_mix"]
    assert (row["handle"], row["remote_id"], row["title"]) == ("demo-bought", "r7", "题目")
    assert row["day"] == (MONDAY + timedelta(days=21)).isoformat()
    source, share = row["received"].removesuffix(" %").split(" ")
    assert source == "read_from_other" and float(share) > 90 and float(row["z"]) > 6
    assert "其他来源" in row["zh"] and "other sources" in row["en"] and row["usual"] in row["zh"]


def test_an_account_whose_reads_always_come_from_elsewhere_shows_against_its_track_and_the_limit(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    sourced(world, "demo-odd", lambda place: dict.fromkeys(PARTS, 0.05))
    for number in range(6):
        sourced(world, f"demo-{number}", lambda place: {}, seed=20 + number)
    database = told_by_source(store(world))
    looked = run_award(database, small_rule(tmp_path), tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "wechat" / "anomalies.csv")
    found = [(row["handle"], row["check"]) for row in rows if row["check"] in ("source_mix", "unexplained")]
    assert found == [("demo-odd", "source_mix"), ("demo-odd", "unexplained")]
    assert verify(tmp_path / "out").differences == ()
    rule = small_rule(tmp_path)
    rule.write_text(rule.read_text("utf-8") + "\n[anomaly]\ndaily_spike = { mad_z = 900 }\n", "utf-8")
    blind = run_award(database, rule, tmp_path / "blind")
    assert not (tmp_path / "blind" / "wechat" / "source_mix.csv").exists()
    lists = [
        [(one.handle, one.score) for one in run.categories[0].tracks[0].places] for run in (looked, blind)
    ]
    assert lists[0] == lists[1]


def test_what_the_back_office_exports_tells_a_mix_where_the_interface_tells_none(
    store: Store, tmp_path: Path
) -> None:
    world, chance = World(), Random(4)
    key = world.account("wechat", "demo-file", "league")
    for place in range(20):
        reads = 2000 + chance.randint(0, 500)
        shared = 0.9 if place == 3 else 0.3 + 0.02 * chance.random()
        events = {"read_events": reads, "share_read_events": int(reads * shared)}
        events |= {"message_read_events": int(reads * (0.95 - shared))}
        world.article(key, MONDAY + timedelta(days=place), article(chance, reads) | events)
    run_award(told_by_source(store(world)), small_rule(tmp_path), tmp_path / "out")
    rows = [
        row for row in rows_of(tmp_path / "out" / "wechat" / "anomalies.csv") if row["check"] == "source_mix"
    ]
    assert [row["remote_id"] for row in rows] == ["r3"]
    assert rows[0]["received"] == "message_read_events 4.99 %"
    assert "“公众号消息”" in rows[0]["zh"]


def test_accounts_without_sources_are_not_flagged_and_the_method_note_says_so(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    sourced(world, "demo-told", lambda place: {})
    year(world, "demo-untold", untouched)
    out = tmp_path / "out"
    run_award(told_by_source(store(world)), small_rule(tmp_path), out)
    rows = rows_of(out / "wechat" / "anomalies.csv")
    assert not [row for row in rows if row["handle"] == "demo-untold" and row["check"] in ("source_mix",)]
    method = method_facts(read_run(RunFolder(out)))["method"]
    assert isinstance(method, dict)
    assert "wechat有 1 个账号的平台或文件没有给出阅读来源，来源没有看，也没有因此提示" in method["flags"]
    assert not any("阅读来源的构成" in line for line in method["flags"])
    rule = small_rule(tmp_path, ('id = "small"', 'id = "other"'))
    run_award(store(world), rule, tmp_path / "untold")
    method = method_facts(read_run(RunFolder(tmp_path / "untold")))["method"]
    assert isinstance(method, dict)
    assert any("没有做的检查：阅读来源的构成、说不清来源的阅读" in line for line in method["flags"])
