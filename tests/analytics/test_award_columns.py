"""Articles as arrays give what counting them one by one gives, and an index of many what it gives of each."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from award_world import Store, World, rows_of, small_rule, wechat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.awards import load_rule, run_award, shipped_rule
from analytics.awards.columns import Columns, articles_in
from analytics.awards.counts import Counts, Found, Variables, millionths
from analytics.awards.files import shown, write_csv
from analytics.awards.freeze import ACCOUNT_COLUMNS, ARTICLE_COLUMNS, Frozen
from analytics.awards.sources import Source
from analytics.awards.weights import every_account
from analytics.indices import compute, explain, load_definition
from analytics.indices.columns import compute_columns, level_columns
from config.errors import MeizhenError

CATEGORY = load_rule(shipped_rule()).categories[0]
METRIC = "read_people"
NAMES = ("like", METRIC, "recommend_heart", "share")
EVERY = [
    *(
        Source(f"v{n}", "article", METRIC, select)
        for n, select in enumerate(("", "original", "headline", "max"))
    ),
    Source("over", "article", METRIC, "over_100"),
    *(Source(f"n{n}", "posts", "", select) for n, select in enumerate(("", "original", "headline"))),
    Source("d", "days"),
]

article = st.fixed_dictionaries(
    {
        "who": st.integers(0, 3),
        "position": st.sampled_from(["", "1", "2"]),
        "original": st.sampled_from(["", "true", "false"]),
        "reads": st.one_of(st.none(), st.decimals(0, 10**6, places=6), st.integers(0, 300)),
        "title": st.sampled_from(["题目", 'a,"b"', "zwei\nZeilen", "cr\rlf", ""]),
    }
)


def frozen(folder: Path, articles: list[dict[str, Any]]) -> Frozen:
    """Frozen files of four accounts with these articles, the last account not among them."""
    rows = [(f"h{n}", f"名{n}", "U", "单位", "league", "", "true", 0) for n in range(3)]
    accounts = write_csv(folder / "accounts.csv", ACCOUNT_COLUMNS, rows)
    lines = []
    for number, one in enumerate(sorted(articles, key=lambda one: one["who"])):
        reads = "" if one["reads"] is None else shown(millionths(str(one["reads"])))
        told = (f"h{one['who']}", f"r{number}", "2026-02-03", one["position"], "post", one["original"])
        lines.append((*told, one["title"].replace("\r", " "), "", "api", "", reads, "", ""))
    path = write_csv(folder / "articles.csv", (*ARTICLE_COLUMNS, *NAMES), lines)
    return Frozen(accounts, path, (), NAMES)


def counted(select: str, rows: list[dict[str, Any]], source: Source) -> Decimal | None:
    """One variable of an account's articles, counted as the documentation says it."""
    if not rows:
        return Decimal(0)
    chosen = rows
    if select == "original":
        if not any(one["original"] for one in rows):
            return None
        chosen = [one for one in rows if one["original"] == "true"]
    if select == "headline":
        if not any(one["position"] for one in rows):
            return None
        chosen = [one for one in rows if one["position"] == "1"]
    if source.of == "posts":
        return Decimal(len(chosen))
    known = [Decimal(one["reads"]) for one in chosen if one["reads"] is not None]
    if select.startswith("over_"):
        return Decimal(sum(value > 100 for value in known)) if known else None
    if not known:
        return Decimal(0) if not chosen else None
    return max(known) if select == "max" else sum(known, Decimal(0))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(article, max_size=12))
def test_every_variable_is_what_counting_one_by_one_gives(tmp_path: Path, articles: list[Any]) -> None:
    columns = Columns.read(frozen(tmp_path, articles))
    assert len(columns) == sum(one["who"] < 3 for one in articles)
    found = Variables(Counts(columns, columns.account, 3), columns.accounts, 365).of(EVERY)
    for source in EVERY[:-1]:
        for account in range(3):
            own = [one for one in articles if one["who"] == account]
            expected = counted(source.select, own, source)
            one: Found = found[source.variable]
            assert bool(one.known[account]) == (expected is not None), source
            if expected is not None:
                assert Decimal(int(one.values[account])).scaleb(-6) == expected, source
    assert found["d"].values.tolist() == [365_000_000] * 3


def test_articles_out_of_order_and_of_strangers_count_alike(tmp_path: Path) -> None:
    told = [{"who": n % 4, "position": "1", "original": "true", "reads": n, "title": "题"} for n in range(40)]
    files = frozen(tmp_path, told)
    straight = Columns.read(files, ids=True)
    lines = files.articles.read_text("utf-8").splitlines(keepends=True)
    files.articles.write_text("".join([lines[0], *reversed(lines[1:])]), "utf-8")
    turned = Columns.read(files, ids=True)
    assert straight.account.tolist() == turned.account.tolist() == sorted(straight.account.tolist())
    totals = [Counts(one, one.account, 3).total(METRIC).values.tolist() for one in (straight, turned)]
    assert totals[0] == totals[1]


def test_a_file_that_no_freeze_wrote_is_told(tmp_path: Path) -> None:
    files = frozen(tmp_path, [{"who": 0, "position": "1", "original": "", "reads": 5, "title": "题"}])
    whole = files.articles.read_text("utf-8")
    for broken in (
        whole.replace("title,", "heading,"),
        whole.replace(",5,", ",5x,"),
        whole.replace("2026", "20x6"),
    ):
        files.articles.write_text(broken, "utf-8")
        with pytest.raises(MeizhenError) as raised:
            Columns.read(files)
        assert raised.value.code == "award.frozen_unreadable"


def test_a_sum_that_would_wrap_is_refused(tmp_path: Path) -> None:
    one = {"who": 0, "position": "1", "original": "", "reads": 9 * 10**12, "title": "题"}
    columns = Columns.read(frozen(tmp_path, [one, one]))
    with pytest.raises(MeizhenError) as raised:
        Counts(columns, columns.account, 3).total(METRIC)
    assert raised.value.code == "award.sum_too_large"


DEFINITIONS = ("wci_v14_2b_share", "wci_v13", "bci_7", "nri_newrank_old", "points_with_caps_hebei", "qsci_v1")
numbers = st.one_of(st.integers(0, 30), st.integers(0, 10**9), st.decimals(0, 10**6, places=6))


@settings(max_examples=60)
@given(st.sampled_from(DEFINITIONS), st.data())
def test_an_index_of_many_rows_is_that_of_each(name: str, data: st.DataObject) -> None:
    definition = load_definition(name)
    rows = data.draw(
        st.lists(st.fixed_dictionaries(dict.fromkeys(definition.variables, numbers)), min_size=1, max_size=5)
    )
    figures = {
        v: np.array([millionths(str(row[v])) for row in rows], dtype=np.int64) for v in definition.variables
    }
    values = compute_columns(definition, figures).tolist()
    assert [Decimal(value).scaleb(-6) for value in values] == [compute(definition, row) for row in rows]
    levels = level_columns(definition, figures)
    assert levels == [tuple(level.value for level in explain(definition, row).levels) for row in rows]


def test_the_freeze_writes_any_title_as_csv_does(store: Store, tmp_path: Path) -> None:
    titles = ['说:"好",再见', "两行\n标题", "plain, comma", "'", "a\rb", "", "=1+1", "😀", '"', "null"]
    titles += ["a\\nb", "\\", '\\"', '["x"]', "\x01\x1f\x7f", "a\tb", " 前后 ", "#", "\ufeff\u2028\u0085"]
    world = World()
    key = world.account("wechat", "w,1", "league")
    for number, title in enumerate(titles):
        day = date(2026, 3, 1) + timedelta(days=number)
        world.article(key, day, wechat(1000 + number), title=title, url=f"https://x.test/?a={number},b")
    run_award(store(world), small_rule(tmp_path), tmp_path / "out")
    articles = tmp_path / "out" / "wechat" / "articles.csv"
    assert [row["title"] for row in rows_of(articles)] == titles
    assert {row["handle"] for row in rows_of(articles)} == {"w,1"}
    files = Frozen(articles.with_name("accounts.csv"), articles, (), NAMES)
    with articles_in(files) as duck:
        found = duck.execute("SELECT coalesce(title, '') FROM articles ORDER BY published_day").fetchall()
    assert [title for (title,) in found] == titles
    ((handle, columns, rows),) = every_account(files)
    assert (handle, len(columns), len(rows)) == ("w,1", len(titles), len(titles))
