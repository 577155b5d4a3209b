"""A rule file is read strictly: weights, names and days are refused with key, expectation and remedy."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from analytics.awards import load_rule, shipped_rule
from analytics.awards.rule import Rule
from config.errors import InputError

SHIPPED = shipped_rule().read_text("utf-8")
WITHOUT_REPORTS = SHIPPED.split("[robustness]")[0]
EXAMPLE = """
[robustness]
draws = 2000
weights = { law = "dirichlet", concentration = 40 }
alternatives = ["wci:13.0", "mean_of_weeks", "geometric", "drop_top_post"]
interval = [0.05, 0.95]
[anomaly]
like_read_ratio = { mad_z = 3.0 }
daily_spike = { mad_z = 6.0, min_reads = 500 }
[notice]
public_days = 7
objection = { named = true, answer_days = 3 }
"""


def refusals(folder: Path, text: str) -> dict[str | None, str]:
    path = folder / "rule.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError) as refused:
        load_rule(path)
    assert refused.value.source == "rule.toml"
    for problem in refused.value.problems:
        assert problem.told("zh")
        assert problem.told("en")
    return {problem.column: problem.code for problem in refused.value.problems}


def changed(before: str, after: str) -> str:
    assert before in SHIPPED
    return SHIPPED.replace(before, after, 1)


def read(folder: Path, text: str) -> Rule:
    path = folder / "rule.toml"
    path.write_text(text, "utf-8")
    return load_rule(path)


def test_the_shipped_rule_has_three_categories_of_three_tracks() -> None:
    rule = load_rule(shipped_rule())
    assert [category.platform for category in rule.categories] == ["wechat", "weibo", "youth_voice"]
    tracks = [tuple(track.id for track in category.tracks) for category in rule.categories]
    assert tracks == [("league", "university", "enterprise")] * 3
    indices = [(category.index.formula, category.index.version) for category in rule.categories]
    assert indices == [("wci", "14.2b"), ("bci", "7-input"), ("weighted_log", "qa-1")]
    assert (rule.start, rule.end, rule.days, rule.read_age_days) == (
        date(2026, 1, 1),
        date(2026, 12, 31),
        365,
        7,
    )
    assert not rule.needs_jury
    assert not rule.needs_votes


def test_platform_field_names_become_common_names_and_derived_variables_follow() -> None:
    index = load_rule(shipped_rule()).categories[0].index
    told = {source.variable: (source.of, source.metric, source.select) for source in index.sources}
    assert told["R"] == ("article", "read_people", "")
    assert told["Zmax"] == ("article", "recommend_heart", "max")
    assert told["REt"] == ("article", "share", "headline")
    assert (told["n"][0], told["d"][0]) == ("posts", "days")
    assert index.by_people


def test_what_looks_at_the_list_is_read_with_its_numbers(tmp_path: Path) -> None:
    rule = read(tmp_path, WITHOUT_REPORTS + EXAMPLE)
    assert (rule.robustness.draws, rule.robustness.concentration) == (2000, 40)
    assert (rule.robustness.low, rule.robustness.high) == (Decimal("0.05"), Decimal("0.95"))
    assert rule.robustness.alternatives == ("wci:13.0", "mean_of_weeks", "geometric", "drop_top_post")
    assert [version.name for version in rule.categories[0].index.versions] == ["wci:13.0"]
    assert (rule.anomaly.like_read, rule.anomaly.spike, rule.anomaly.spike_reads) == (3, 6, 500)
    assert rule.anomaly.unexplained is None
    assert rule.notice is not None
    assert (rule.notice.public_days, rule.notice.named, rule.notice.answer_days) == (7, True, 3)


def test_a_rule_that_says_nothing_of_them_has_intervals_and_no_notice(tmp_path: Path) -> None:
    rule = read(tmp_path, WITHOUT_REPORTS)
    assert rule.robustness.draws == 10_000
    assert rule.notice is None
    assert rule.anomaly.like_read == 3


@pytest.mark.parametrize(
    ("before", "after", "key", "code"),
    [
        ("draws = 2000", "draws = 1", "robustness.draws", "index.key_not_integer"),
        ('"wci:13.0"', '"wci:13"', "robustness.alternatives[1]", "index.key_not_known"),
        ('"wci:13.0"', '"dci:6-input"', "robustness.alternatives[1]", "award.alternative_unused"),
        ('"geometric"', '"wci:13.0"', "robustness.alternatives[3]", "index.key_repeated"),
        ("[0.05, 0.95]", "[0.95, 0.05]", "robustness.interval", "award.interval_reversed"),
        ("[0.05, 0.95]", "[0.05]", "robustness.interval", "index.key_not_numbers"),
        (
            "concentration = 40",
            "concentration = 0",
            "robustness.weights.concentration",
            "index.key_out_of_range",
        ),
        ('law = "dirichlet"', 'law = "normal"', "robustness.weights.law", "index.key_not_one_of"),
        ("mad_z = 3.0", "mad = 3.0", "anomaly.like_read_ratio.mad_z", "index.key_missing"),
        ("public_days = 7", "public_days = 0", "notice.public_days", "index.key_not_integer"),
        ("answer_days = 3", "answers_days = 3", "notice.objection.answers_days", "index.key_near"),
    ],
)
def test_what_is_wrong_in_them_is_named_by_its_key(
    tmp_path: Path, before: str, after: str, key: str, code: str
) -> None:
    assert before in EXAMPLE
    assert refusals(tmp_path, WITHOUT_REPORTS + EXAMPLE.replace(before, after))[key] == code


@pytest.mark.parametrize("weight", ['"0.99"', '"0"', '"0.1"'])
def test_weights_that_do_not_sum_to_one_are_refused(tmp_path: Path, weight: str) -> None:
    text = changed('weight = "1.00"', f"weight = {weight}")
    assert refusals(tmp_path, text) == {"category[1].score": "award.weights_sum"}
    text = changed('kind = "log",          weight = "0.20"', 'kind = "log", weight = "0.21"')
    assert refusals(tmp_path, text) == {"category[3].index.terms": "award.weights_sum"}


def test_weights_are_added_as_decimals(tmp_path: Path) -> None:
    parts = 'data = { weight = "0.6", scale = "fixed_anchor", anchor = 1 }\n'
    parts += 'jury = { weight = "0.3" }\npublic = { weight = "0.1", scale = "percentile_in_track" }'
    text = changed('data = { weight = "1.00", scale = "fixed_anchor", anchor = 1200 }', parts)
    category = read(tmp_path, text).categories[0]
    assert (category.data.weight, category.jury.weight, category.public.weight) == (
        Decimal("0.6"),
        Decimal("0.3"),
        Decimal("0.1"),
    )


def test_a_float_weight_is_refused(tmp_path: Path) -> None:
    text = changed('weight = "1.00"', "weight = 1.00")
    assert refusals(tmp_path, text) == {"category[1].score.data.weight": "index.key_float"}


@pytest.mark.parametrize(
    ("before", "after", "key", "code"),
    [
        ('formula = "wci"', 'formula = "wcl"', "category[1].index.formula", "index.key_not_known"),
        ('version = "14.2b"', 'version = "14.2"', "category[1].index.version", "index.key_not_known"),
        ('formula = "wci"', 'formula = "龘"', "category[1].index.formula", "index.key_not_one_of"),
        ('"read_user"', '"read_usr"', "category[1].index.variables.R", "award.not_delivered"),
        ('"read_user"', '"play_count"', "category[1].index.variables.R", "award.not_delivered"),
        ('R = "read_user", ', 'Q = "read_user", ', "category[1].index.variables.Q", "index.key_not_one_of"),
        ('rule = "min_posts"', 'rule = "min_post"', "category[1].eligibility[3].rule", "index.key_not_known"),
        ('"shares_per_post"', '"shares_per_pots"', "category[1].score.tie_break[2]", "index.key_not_known"),
        (
            'scale = "fixed_anchor"',
            'scale = "fixed_ancor"',
            "category[1].score.data.scale",
            "index.key_not_known",
        ),
        ("end = 2026-12-31", "end = 2025-12-31", "award.period.end", "award.period_reversed"),
        ("freeze_on = 2027-01-10", "freeze_on = 2026-12-31", "award.freeze_on", "award.freeze_too_early"),
        ('tz = "Asia/Shanghai"', 'tz = "UTC"', "award.period.tz", "index.key_not_one_of"),
        ("read_age_days = 7", 'read_age_days = "7"', "award.read_age_days", "index.key_not_integer"),
        ("anchor = 1200", "anchor = 0", "category[1].score.data.anchor", "index.key_out_of_range"),
        ("value = 0.95", "value = 95", "category[1].eligibility[5].value", "index.key_out_of_range"),
        ("days = 365", "dais = 365", "category[1].index.dais", "index.key_near"),
        ("days = 365", 'aggregate = "mean_of_days"', "category[1].index.aggregate", "index.key_not_known"),
        ('id = "weibo"', 'id = "wechat"', "category[2]", "index.key_repeated"),
        ('id = "weibo"', 'id = "../wb"\nplatform = "weibo"', "category[2].id", "award.bad_id"),
        (
            'platform = "youth_voice"',
            'platform = "youth_vice"',
            "category[3].platform",
            "index.key_not_known",
        ),
        ('kind = "neg_log"', 'kind = "log"', "category[3].index.terms[2].kind", "index.key_not_known"),
        ('"distinct_askers"', '"visits"', "category[3].index.terms[4].metric", "index.key_not_one_of"),
        ("schema = 1", "schema = 2", "schema", "index.schema"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(
    tmp_path: Path, before: str, after: str, key: str, code: str
) -> None:
    assert refusals(tmp_path, changed(before, after))[key] == code


def test_the_near_name_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "rule.toml"
    path.write_text(changed('"read_user"', '"read_usr"'), "utf-8")
    with pytest.raises(InputError, match="did you mean “read_user”"):
        load_rule(path)


def test_an_index_of_another_platform_is_refused(tmp_path: Path) -> None:
    text = SHIPPED.replace('formula = "bci" ', 'formula = "dci" ').replace('"7-input"', '"6-input"')
    told = refusals(tmp_path, text)
    assert told["category[2].index.formula"] == "award.other_platform"
    assert told["category[2].index.variables.X1"] == "award.no_source"


def test_question_terms_need_a_question_site(tmp_path: Path) -> None:
    text = changed('platform = "youth_voice"', 'platform = "weibo"')
    assert refusals(tmp_path, text)["category[3].index.formula"] == "award.not_a_question_site"


def test_a_jury_must_keep_a_score_after_trimming(tmp_path: Path) -> None:
    parts = 'data = { weight = "0.5", scale = "fixed_anchor", anchor = 1 }\n'
    parts += 'jury = { weight = "0.5", min_judges = 2, trim = 1 }'
    text = changed('data = { weight = "1.00", scale = "fixed_anchor", anchor = 1200 }', parts)
    assert refusals(tmp_path, text) == {"category[1].score.jury.min_judges": "award.all_trimmed"}


def test_winsorising_may_only_be_reported(tmp_path: Path) -> None:
    good = 'days = 365\nwinsorise = { field = "R", upper_quantile = 0.99, report_only = true }'
    assert read(tmp_path, changed("days = 365", good)).categories[0].index.days == 365
    bad = changed("days = 365", good.replace(", report_only = true", ""))
    assert refusals(tmp_path, bad) == {"category[1].index.winsorise.report_only": "award.report_only"}
    other = changed("days = 365", good.replace('"R"', '"Q"'))
    assert set(refusals(tmp_path, other)) == {"category[1].index.winsorise.field"}


def test_a_definition_of_ones_own_is_found_beside_the_rule(tmp_path: Path) -> None:
    own = 'schema = 1\nid = "own"\nversion = "1"\nformula = "linear"\n[[level]]\nid = "all"\nweight = 1\n'
    own += 'terms = [{ variable = "reads", weight = 1 }, { variable = "fans", weight = 1 }, '
    own += '{ variable = "best", weight = 1 }]\n'
    (tmp_path / "own.toml").write_text(own, "utf-8")
    text = changed('formula = "wci"              #', 'definition = "own.toml"  #').replace(
        'version = "14.2b"', ""
    )
    sources = '{ reads = "read_people", fans = "account:followers_total", best = "share:max" }'
    text = text.replace('"wci:13.0", ', "").replace(
        '{ R = "read_user", Z = "zaikan_user", L = "like_user", RE = "share_user" }', sources
    )
    index = read(tmp_path, text).categories[0].index
    assert [(source.of, source.metric, source.select) for source in index.sources] == [
        ("article", "read_people", ""),
        ("account", "followers_total", ""),
        ("article", "share", "max"),
    ]
    assert len(index.digest) == 64
    bad = text.replace("account:followers_total", "account:follower_total").replace("share:max", "share:most")
    told = refusals(tmp_path, bad)
    assert told["category[1].index.variables.fans"] == "award.not_delivered"
    assert told["category[1].index.variables.best"] == "award.not_delivered"


@pytest.mark.parametrize("section", ["[award]", "[category.index]", "[category.score]"])
def test_a_missing_section_is_named(tmp_path: Path, section: str) -> None:
    start = SHIPPED.index(section)
    end = min(place for mark in ("\n[", "\n# ---") if (place := SHIPPED.find(mark, start)) > 0)
    told = refusals(tmp_path, SHIPPED[:start] + SHIPPED[end:])
    assert "index.key_missing" in told.values()
