"""The three shapes of real rules give the lists that a person would work out by hand."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from award_world import SIGNED, Store, World, judged, rows_of, wechat

from analytics.awards import check_award, load_rule, new_rule, run_award
from analytics.awards.explanation import explain, summed
from analytics.awards.verification import verify
from analytics.indices import compute, load_definition
from config.errors import InputError

MONDAY = date(2026, 1, 5)


def a_world(posts: int = 52) -> World:
    world = World()
    for number in range(3):
        key = world.account("wechat", f"demo-{number}", "league", unit=f"U-{number}")
        for week in range(posts):
            reads = 1600 if week < 4 * number else 700
            world.article(key, MONDAY + timedelta(days=7 * week), wechat(reads), original=week % 2 == 0)
        world.days.append((key, "followers_total", date(2026, 12, 31), 480 + 1000 * number))
    return world


def test_points_with_caps_are_those_of_the_notice_counted_by_hand(store: Store, tmp_path: Path) -> None:
    (rule, beside) = new_rule(tmp_path / "rule.toml", "points")
    assert beside.name == "points.index.toml"
    votes = judged(tmp_path, [], ["demo-0,1249", "demo-1,99999", "demo-2,0"])["votes"]
    result = run_award(store(a_world()), rule, tmp_path / "out", votes=votes, signature=SIGNED)
    placed = {one.handle: one for one in result.categories[0].tracks[0].places}
    for number in range(3):
        one = placed[f"demo-{number}"]
        figures = {"n": 52, "d": 365}
        many = 4 * number
        for name, high, low in zip(
            ("R", "Z", "L", "RE"), wechat(1600).values(), wechat(700).values(), strict=True
        ):
            total = many * int(str(high)) + (52 - many) * int(str(low))
            best = int(str(high if many else low))
            figures |= {name: total, f"{name}t": total, f"{name}max": best}
        wci = compute(load_definition("wci_v14_2b_share"), figures)
        points = {
            "fans": min(round((480 + 1000 * number) / 100), 10),
            "wci": min(round(wci / 50), 10),
            "posts": 5,  # 52 ÷ 10
            "originals": 3,  # 26 ÷ 10
            "hits": min(many, 15),
        }
        assert one.index == sum(points.values())
        assert one.figures["hits"] == str(many)
        assert Decimal(one.figures["wci"]) == wci
        vote = {0: 12, 1: 25, 2: 0}[number]
        assert one.score == one.index + vote
    assert verify(tmp_path / "out").differences == ()
    explained = explain(tmp_path / "out", "demo-0")
    assert explained.above is not None
    assert abs(summed(explained.above.lines) - explained.above.gap) <= Decimal("0.000001")


def test_a_run_keeps_the_definition_and_does_without_the_one_beside_the_rule(
    store: Store, tmp_path: Path
) -> None:
    rule, beside = new_rule(tmp_path / "rule.toml", "points")
    votes = judged(tmp_path, [], [f"demo-{n},0" for n in range(3)])["votes"]
    run_award(store(a_world()), rule, tmp_path / "out", votes=votes)
    kept = tmp_path / "out" / "definitions" / beside.name
    assert kept.read_bytes() == beside.read_bytes()
    beside.unlink()
    assert verify(tmp_path / "out").differences == ()
    kept.write_text(kept.read_text("utf-8").replace("cap = 15", "cap = 16", 1), "utf-8")
    assert {one.kind for one in verify(tmp_path / "out").differences} >= {"input"}


def test_gates_and_a_jury_alone(store: Store, tmp_path: Path) -> None:
    (rule,) = new_rule(tmp_path / "rule.toml", "jury")
    world = a_world()
    short = world.account("wechat", "demo-short", "league")
    world.article(short, MONDAY, wechat(10**6))
    scores = [f"demo-{n},judge{m},{70 + n * 5 + m}," for n in range(3) for m in range(5)]
    jury = judged(tmp_path, scores, [])["jury"]
    result = run_award(store(world), rule, tmp_path / "out", jury=jury, today=date(2027, 1, 10))
    (track, *_) = result.categories[0].tracks
    assert [(one.handle, one.score, one.index) for one in track.places] == [
        (f"demo-{n}", Decimal(72 + 5 * n), None) for n in (2, 1, 0)
    ]
    assert [account["handle"] for account in result.categories[0].ineligible] == ["demo-short"]
    assert result.waiting is not None and result.waiting.code == "award.notice_not_up"
    explained = explain(tmp_path / "out", "demo-1")
    assert explained.above is not None
    assert [(line.part, line.value) for line in explained.above.lines] == [("jury", Decimal(5))]
    assert verify(tmp_path / "out").differences == ()


def test_a_check_looks_at_scores_and_votes_before_the_year_is_over(store: Store, tmp_path: Path) -> None:
    (rule,) = new_rule(tmp_path / "rule.toml", "jury")
    database = store(a_world())
    files = judged(tmp_path, ["demo-0,x,60,U-0", "demo-9,x,60,"], ["demo-0,1"])
    with pytest.raises(InputError) as refused:
        check_award(database, rule, jury=files["jury"])
    assert [problem.code for problem in refused.value.problems] == [
        "award.own_account",
        "award.no_such_handle",
    ]
    assert check_award(database, rule).wanted == ("jury",)


@pytest.mark.parametrize(
    ("before", "after", "key", "code"),
    [
        (
            'wci = "index:wci_v14_2b_share"',
            'wci = "index:wci_v14"',
            "index.variables.wci",
            "award.not_delivered",
        ),
        (
            '"read_people:over_1500"',
            '"read_people:over"',
            "index.variables.hits",
            "award.not_delivered",
        ),
        ("per = 100", "per = 0", "score.public.per", "index.key_out_of_range"),
        ("anchor = 75", 'anchor = "seventy"', "score.data.anchor", "index.key_not_decimal"),
        (
            '"points.index.toml"',
            '"../points.index.toml"',
            "index.definition",
            "award.definition_outside",
        ),
    ],
)
def test_what_is_wrong_in_a_rule_of_points_is_named_by_its_key(
    tmp_path: Path, before: str, after: str, key: str, code: str
) -> None:
    rule, _ = new_rule(tmp_path / "rule.toml", "points")
    text = rule.read_text("utf-8")
    assert before in text
    rule.write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(InputError) as refused:
        load_rule(rule)
    assert {problem.column: problem.code for problem in refused.value.problems}[f"category[1].{key}"] == code


def test_repeated_questions_take_no_part_and_reopened_ones_count_against(
    store: Store, tmp_path: Path
) -> None:
    world = World()
    for handle, reopened in (("demo-kept", 0), ("demo-reopened", 1)):
        key = world.account("youth_voice", handle, "league")
        for place in range(60):
            figures: dict[str, object] = {"answers": 1, "answered_within_72h": 1, "first_answer_hours": 3}
            figures |= {"duplicate": int(place >= 50), "reopened": reopened if place % 2 else 0}
            day = MONDAY + timedelta(days=place)
            world.article(key, day, figures, kind="question", position=None, original=None)
    (rule,) = new_rule(tmp_path / "rule.toml")
    text = rule.read_text("utf-8")
    text = text[: text.index("[[category]]")] + text[text.rindex("[[category]]") : text.index("[robustness]")]
    head, tail = text[: text.index("terms = [")], text[text.index("[category.score]") :]
    terms = '{ metric = "answered_within_72h_rate", kind = "wilson_lower", weight = "0.5" }, '
    terms += '{ metric = "kept_closed_rate", kind = "wilson_lower", weight = "0.5" }'
    tail = tail.replace(', "satisfied_rate"]', "]")
    rule.write_text(f"{head}terms = [{terms}]\n{tail}".replace("value = 100", "value = 50"), "utf-8")
    result = run_award(store(world), rule, tmp_path / "out")
    places = result.categories[0].tracks[0].places
    assert [(one.handle, one.place) for one in places] == [("demo-kept", 1), ("demo-reopened", 2)]
    assert {row["questions"] for row in rows_of(tmp_path / "out/youth-voice/variables.csv")} == {"50"}
    kept, reopened_rate = (Decimal(one.figures["kept_closed_rate"]) for one in places)
    assert Decimal("0.9") < kept < 1
    assert Decimal("0.35") < reopened_rate < Decimal("0.5")
