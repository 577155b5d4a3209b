"""The sixteen traps of comparison (metrics-map.md, section C), each where the mistake would be made."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import responses
from access import make_access
from python_calamine import CalamineWorkbook
from scenery import make_account
from sqlmodel import col, select
from telling import Told, article, followers, reads

from analytics import export_week, import_figures, load
from analytics.articles import Article, KnownMetric, Snapshot
from analytics.awards import load_rule, run_award, shipped_rule
from analytics.awards.holes import Signature
from analytics.collection import CollectionReport, collect
from analytics.exports.columns import Rule, layout_for
from analytics.gaps import list_gaps
from config import Database, InputError, ManualClock, MeizhenError
from config.secrets import KeyRing
from connectors import ArticleFigures, Connector, Figures, Http, Unit, connector_for, platforms
from organisation.access import access_for
from organisation.accounts import Account
from sandbox.platforms import wechat as wechat_double
from sandbox.platforms import weibo as weibo_double
from sandbox.readers import readership
from sandbox.world import BEIJING, World

YESTERDAY = date(2026, 3, 1)  # the Sunday of 2026-W09
WEEK = "2026-W09"
BORDER = date(2025, 11, 1)


class Place:
    """A database, its clock and the sandbox: collect from what a test tells, or over HTTP."""

    def __init__(self, database: Database, keys: KeyRing, clock: ManualClock, sandbox: Any) -> None:
        self.database, self.keys, self.clock = database, keys, clock
        self.world: World = sandbox.world
        self.url: str = sandbox.url

    def account(self, platform: str = "wechat", handle: str = "qnzs") -> Account:
        return make_account(self.database, self.keys, platform, handle)

    def told(self, connector: Connector) -> CollectionReport:
        """A collection of every account from what the connector tells."""
        return collect(
            self.database,
            self.clock,
            access_for=lambda account: make_access(
                account.platform, account.handle, credentials={}, api_base="", now=self.clock.now
            ),
            connector_of=lambda _: connector,
        )

    def at_sandbox(self, platform: str = "wechat", handle: str = "binhe", **switches: object) -> Account:
        double = {"wechat": wechat_double, "weibo": weibo_double}[platform]
        made = double.example(self.world, handle)
        made.posts_per_week = 0.0
        made.switches.update(switches)
        return make_account(
            self.database,
            self.keys,
            platform,
            handle,
            api_base=f"{self.url}/{platform}",
            credentials=made.credentials,
        )

    def publish(self, day: date, remote_id: str, *, platform: str = "wechat", **extra: Any) -> None:
        at = datetime(day.year, day.month, day.day, 10, tzinfo=BEIJING)
        self.world.publish(
            platform, "binhe", remote_id=remote_id, title=f"主题 {remote_id}", text="正文", at=at, **extra
        )

    def collected(self, since: date = date(2026, 2, 20)) -> CollectionReport:
        """A collection over HTTP."""
        http = Http("wechat", seconds=5.0)

        def opened(account: Account) -> Any:
            return access_for(self.database, self.keys, account, clock=self.clock, http=http)

        return collect(self.database, self.clock, access_for=opened, since=since)

    def metric(self, name: str, as_of: date | None = None) -> dict[str, Decimal]:
        """The newest figure (or that of a day) by the article's remote id."""
        wanted = (
            select(Article.remote_id, Snapshot.value)
            .join(Snapshot, col(Snapshot.article_id) == col(Article.id))
            .where(Snapshot.metric == name)
            .order_by(col(Snapshot.as_of))
        )
        if as_of is not None:
            wanted = wanted.where(Snapshot.as_of == as_of)
        with self.database.read() as session:
            return dict(iter(session.exec(wanted)))

    def codes(self) -> set[tuple[str, str]]:
        with self.database.read() as session:
            return {(gap.subject, gap.code) for gap in list_gaps(session)}


@pytest.fixture
def place(database: Database, keys: KeyRing, clock: ManualClock, sandbox: Any) -> Place:
    return Place(database, keys, clock, sandbox)


def weekly(place: Place, folder: Path, sheet: str = "微信公众号") -> dict[str, list[object]]:
    """The first account's row of the weekly workbook: heading → this week, last week, change, last year."""
    rows = CalamineWorkbook.from_path(
        export_week(place.database, WEEK, folder, formats=["xlsx"])["xlsx"]
    ).get_sheet_by_name(sheet)
    cells = rows.to_python(skip_empty_area=False)
    found: dict[str, list[object]] = {}
    last = ""
    for heading, cell in zip(cells[2], cells[4], strict=True):
        last = str(heading) or last
        found.setdefault(last, []).append(cell)
    return found


def refused(folder: Path, before: str, after: str) -> dict[str | None, str]:
    """The problems of the shipped award rule with one thing changed."""
    text = shipped_rule().read_text("utf-8")
    assert before in text
    path = folder / "rule.toml"
    path.write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(InputError) as raised:
        load_rule(path)
    return {problem.column: problem.code for problem in raised.value.problems}


def small_rule(folder: Path, start: str, end: str, *, gates: str = '{ rule = "no_veto" }') -> Path:
    path = folder / "small.toml"
    path.write_text(
        f"""
schema = 1
[award]
id = "small"
title = "小评选"
period = {{ start = {start}, end = {end} }}
read_age_days = 7
[[category]]
id = "wechat"
tracks = [{{ id = "league", label = "盟市", places = 1 }}]
eligibility = [{gates}]
[category.index]
formula = "wci"
version = "14.2b"
[category.score]
data = {{ weight = "1", scale = "fixed_anchor", anchor = 1000 }}
tie_break = ["index"]
""",
        "utf-8",
    )
    return path


def test_1_people_and_events_never_share_a_name(place: Place, tmp_path: Path) -> None:
    place.account()
    place.told(Told(told=[article(reads(YESTERDAY, 3))]))
    mapping = tmp_path / "own.toml"
    mapping.write_text(
        """
schema = 1
platform = "wechat"
label = { zh = "自己的", en = "own" }
title = "标题"
published = "日期"
[[figure]]
column = "阅读"
metric = "read_people"
unit = "events"
kind = "cumulative"
""",
        "utf-8",
    )
    file = tmp_path / "own.csv"
    file.write_text("标题,日期,阅读\n甲,2026-03-01,5\n", "utf-8")
    with pytest.raises(MeizhenError) as raised:
        import_figures(place.database, place.keys, place.clock, file, actor="test", mapping=mapping)
    assert raised.value.code == "figures.other_meaning"
    assert set(load(place.database)["counts"]) == {"people"}


def test_2_reads_as_events_end_at_the_border_and_a_year_across_it_is_marked(
    place: Place, tmp_path: Path
) -> None:
    for name in ("read_events", "int_page_read_count"):
        problems = refused(tmp_path, 'R = "read_user"', f'R = "{name}"')
        assert "award.not_delivered" in problems.values()
    place.account()
    place.told(Told())
    across = run_award(place.database, small_rule(tmp_path, "2025-06-01", "2026-05-31"), tmp_path / "a")
    told = json.loads(across.paths["ranking_json"].read_text("utf-8"))
    assert list(told["categories"][0]["breaks"]) == [BORDER.isoformat()]
    after = run_award(place.database, small_rule(tmp_path, "2025-11-01", "2026-05-31"), tmp_path / "b")
    assert "breaks" not in json.loads(after.paths["ranking_json"].read_text("utf-8"))["categories"][0]


def test_3_cumulative_figures_are_read_and_not_summed(place: Place, tmp_path: Path) -> None:
    place.account()
    monday = YESTERDAY - timedelta(6)
    days = [reads(monday + timedelta(age), 100 + age) for age in range(7)]
    place.told(Told(told=[article(*days, day=monday)]))
    assert weekly(place, tmp_path)["阅读人数"][0] == 106
    # The same person reads on two days: people of days are no column of any platform.
    for platform in platforms():
        declared = {m.name: m.unit for m in connector_for(platform).metrics if m.level == "account"}
        summed = [column.metric for column in layout_for(platform).columns if column.rule is Rule.DAYS]
        assert all(declared[name] is Unit.EVENTS for name in summed)


def test_4_posts_are_compared_at_equal_age_and_ripe(place: Place, tmp_path: Path) -> None:
    place.account()
    day = date(2026, 2, 10)
    ages = [reads(day + timedelta(age), 10 * age) for age in range(19)]
    place.told(Told(told=[article(*ages, day=day), article(reads(YESTERDAY, 500), remote_id="200_1")]))
    frame = load(place.database)
    kept = set(frame[frame["remote_id"] == "100_1"]["age"])
    assert {1, 2, 3, 7} <= kept  # awards and weeks read here
    young = frame[frame["remote_id"] == "200_1"]
    assert set(young["age"]) == {0}  # the mark of an immature post: the age of its newest figure
    out = tmp_path / "out"
    run_award(place.database, small_rule(tmp_path, "2026-01-01", "2026-12-31"), out)
    with (out / "wechat" / "articles.csv").open(encoding="utf-8", newline="") as file:
        frozen = {row["remote_id"]: row["read_people"] for row in csv.DictReader(file)}
    assert frozen["100_1"] == "70"  # at age 7, not the 180 of today
    problems = refused(tmp_path, "freeze_on = 2027-01-10", "freeze_on = 2027-01-08")
    assert problems["award.freeze_on"] == "award.freeze_too_early"


ROW = {
    "stat_date": "2026-03-01",
    "read_user_source": [
        {"user_count": 1204, "scene_desc": "全部"},
        {"user_count": 803, "scene_desc": "公众号消息"},
        {"user_count": 401, "scene_desc": "朋友圈"},
    ],
}


@responses.activate
def test_5_a_total_among_its_parts_is_not_added_to_them(place: Place) -> None:
    base = "https://api.example.org"
    day = {"ref_date": "2026-03-01"}
    answers: dict[str, list[dict[str, object]]] = {
        "getarticletotaldetail": [{**day, "msgid": "7_1", "title": "甲", "detail_list": [ROW]}],
        "getbizsummary": [],
        "getusersummary": [
            {**day, "user_source": 99999999, "new_user": 9, "cancel_user": 3},
            {**day, "user_source": 0, "new_user": 4, "cancel_user": 3},
            {**day, "user_source": 30, "new_user": 5, "cancel_user": 0},
        ],
        "getusercumulate": [],
    }
    responses.post(f"{base}/cgi-bin/stable_token", json={"access_token": "T", "expires_in": 7200})
    for name, rows in answers.items():
        responses.post(f"{base}/datacube/{name}", json={"list": rows, "is_delay": False})
    make_account(
        place.database,
        place.keys,
        "wechat",
        "real",
        api_base=base,
        credentials={"appid": "a", "secret": "s"},
    )
    place.collected(since=YESTERDAY)
    assert place.metric("read_people") == {"7_1": Decimal(1204)}
    days = load(place.database, kind="account_days").set_index("metric")["value"]
    assert (days["followers_new"], days["followers_lost"]) == (9, 3)


def test_6_fewer_than_three_readers_are_unknown_and_not_zero(place: Place, tmp_path: Path) -> None:
    account = place.at_sandbox()
    place.world.accounts["wechat", "binhe"].followers = 1
    place.publish(YESTERDAY, "26501")
    assert place.collected().failures == []
    assert load(place.database).empty
    place.told(Told(told=[article(remote_id="26501_1")]))  # known from elsewhere, without figures
    row = weekly(place, tmp_path)
    assert row["发布篇数"][0] == 1
    assert row["阅读人数"] == ["", "", "", "", ""]
    assert account.stable_id == "wechat:binhe"


def test_7_a_share_and_a_repost_keep_their_own_names_and_units(place: Place) -> None:
    place.at_sandbox()
    place.at_sandbox("weibo")
    place.publish(YESTERDAY, "26501")
    place.publish(YESTERDAY, "5012345678901234", platform="weibo", by_hand=True)
    assert place.collected().failures == []
    frame = load(place.database)
    seen = {
        (platform, metric): counts
        for platform, metric, counts in zip(frame["platform"], frame["metric"], frame["counts"], strict=True)
    }
    assert (seen["wechat", "share"], seen["weibo", "repost"]) == ("people", "events")
    assert ("weibo", "share") not in seen
    assert ("wechat", "repost") not in seen


def test_8_the_heart_is_not_the_thumb(place: Place) -> None:
    place.at_sandbox()
    place.publish(date(2026, 2, 22), "26501")
    place.collected()
    double = place.world.accounts["wechat", "binhe"]
    item = place.world.of("wechat", "binhe")[0]
    seen = readership(place.world, double, item, datetime(2026, 3, 2, tzinfo=BEIJING))
    assert seen.likes != seen.hearts
    assert place.metric("like")["26501_1"] == seen.likes
    assert place.metric("recommend_heart")["26501_1"] == seen.hearts


@pytest.mark.parametrize("may", [True, False])
def test_9_no_comments_of_an_account_that_may_have_none_are_unknown(place: Place, may: bool) -> None:
    place.at_sandbox(comments=may)
    place.world.accounts["wechat", "binhe"].followers = 60
    place.publish(YESTERDAY, "26501")
    place.collected()
    assert place.metric("read_people")
    assert place.metric("comment") == ({"26501_1": Decimal(0)} if may else {})


def test_10_followers_may_fall_and_the_last_day_counts(place: Place, tmp_path: Path) -> None:
    place.account()
    sunday = YESTERDAY
    totals = {sunday - timedelta(7): 1000, sunday - timedelta(1): 990, sunday: 700}  # the platform cleaned up

    def told(day: date) -> Figures | None:
        return Figures(day, {"followers_total": totals[day]}, "e") if day in totals else None

    place.told(Told(day=told))
    assert weekly(place, tmp_path)["关注人数"] == [700, 1000, -0.3, "", ""]


def test_11_what_was_pushed_to_followers_is_told_from_what_was_not(place: Place, tmp_path: Path) -> None:
    place.at_sandbox()
    place.publish(YESTERDAY, "26501", pushed=True)
    place.publish(YESTERDAY, "26502", pushed=False)
    place.collected()
    frame = load(place.database)
    kinds = dict(zip(frame["remote_id"], frame["article_kind"], strict=True))
    assert kinds == {"26501_1": "pushed", "26502_1": "published"}
    out = tmp_path / "out"
    run_award(place.database, small_rule(tmp_path, "2026-01-01", "2026-12-31"), out)
    with (out / "wechat" / "articles.csv").open(encoding="utf-8", newline="") as file:
        assert {row["remote_id"]: row["kind"] for row in csv.DictReader(file)} == kinds


def test_12_rates_are_never_summed(tmp_path: Path) -> None:
    for name in ("finish_rate", "delivered_rate", "avg_time_s"):
        problems = refused(tmp_path, 'R = "read_user"', f'R = "{name}"')
        assert "award.not_delivered" in problems.values()
    for platform in platforms():
        units = {metric.name: metric.unit for metric in connector_for(platform).metrics}
        columns = [column.metric for column in layout_for(platform).columns if column.metric]
        assert all(units[name] in (Unit.PEOPLE, Unit.EVENTS) for name in columns)


def test_13_few_posts_do_not_make_a_champion(place: Place, tmp_path: Path) -> None:
    place.account(handle="small")
    day = date(2026, 2, 10)
    names = ("read_people", "like", "recommend_heart", "share")

    def counted(*, metrics: tuple[str, ...] = names) -> Figures:
        return Figures(day + timedelta(7), dict.fromkeys(metrics, 5000), "e")

    lucky = ArticleFigures("1_1", "甲", datetime(2026, 2, 10, 4, tzinfo=UTC), (counted(),), position=1)
    place.told(_Full(told=[lucky]))
    gate = '{ rule = "min_posts", value = 12 }'
    ungated = run_award(place.database, small_rule(tmp_path, "2026-01-01", "2026-12-31"), tmp_path / "a")
    assert [one.handle for one in ungated.categories[0].tracks[0].places] == ["small"]
    rule = small_rule(tmp_path, "2026-01-01", "2026-12-31", gates=gate)
    gated = run_award(place.database, rule, tmp_path / "b")
    assert gated.categories[0].tracks[0].places == ()
    assert [account["handle"] for account in gated.categories[0].ineligible] == ["small"]


class _Full(Told):
    metrics = connector_for("wechat").metrics


def test_14_days_are_beijings(place: Place) -> None:
    place.account()
    late = datetime(2026, 2, 28, 16, 30, tzinfo=UTC)  # already Sunday in Beijing
    place.told(Told(told=[ArticleFigures("1_1", "甲", late, (reads(YESTERDAY, 3),))], day=followers))
    frame = load(place.database)
    assert [day.date() for day in frame["published_day"]] == [YESTERDAY]
    assert set(frame["age"]) == {0}
    place.clock.move_to(datetime(2026, 3, 2, 16, 30, tzinfo=UTC))  # Tuesday there
    connector = Told(day=followers)
    place.told(connector)
    assert connector.days == [date(2026, 3, 2)]


def test_15_an_imported_figure_stands_marked_beside_the_platforms_own(place: Place, tmp_path: Path) -> None:
    place.account()
    place.told(Told(told=[article(reads(YESTERDAY, 100), url="https://x.test/1")]))
    file = tmp_path / "export.csv"
    file.write_text(
        "内容标题,发表时间,总阅读人数,内容url\n标题 100_1,2026-03-01,140,https://x.test/1\n", "utf-8"
    )
    import_figures(place.database, place.keys, place.clock, file, actor="test", as_of=YESTERDAY)
    frame = load(place.database)
    found = frame[frame["metric"] == "read_people"]
    assert dict(zip(found["source_kind"], found["value"], strict=True)) == {"api": 100, "import": 140}
    row = weekly(place, tmp_path)
    assert (row["阅读人数"][0], row["数据来源"]) == (100, ["接口"])


def _delayed(place: Place) -> None:
    place.world.accounts["wechat", "binhe"].switches["is_delay"] = True


def _not_ready(place: Place) -> None:
    place.world.accounts["wechat", "binhe"].switches["errcode"] = dict.fromkeys(DATACUBE, 61503)


def _quota(place: Place) -> None:
    place.world.accounts["wechat", "binhe"].switches["daily_limit"] = dict.fromkeys(DATACUBE, 0)


DATACUBE = ("/datacube/getarticletotaldetail", "/datacube/getbizsummary")


@pytest.mark.parametrize(
    ("trouble", "code"), [(_delayed, "delayed"), (_not_ready, "61503"), (_quota, "45009")]
)
def test_16_a_missing_day_is_a_hole_and_not_zero(
    place: Place, tmp_path: Path, trouble: Callable[[Place], None], code: str
) -> None:
    place.at_sandbox()
    place.publish(date(2026, 2, 22), "26501")
    trouble(place)
    place.collected()
    assert {found for _, found in place.codes()} == {code}
    assert load(place.database).empty
    out = tmp_path / "out"
    gate = '{ rule = "data_coverage", value = 0.95 }'
    rule = small_rule(tmp_path, "2026-01-01", "2026-12-31", gates=gate)
    with pytest.raises(InputError) as refused:
        run_award(place.database, rule, out)
    assert code in str(refused.value)
    run = run_award(place.database, rule, out, signature=Signature("li", "the platform will not tell it"))
    assert [account["handle"] for account in run.categories[0].ineligible] == ["binhe"]
    with (out / "wechat" / "accounts.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["open_gaps"] != "0"
    place.world.accounts["wechat", "binhe"].switches.clear()
    place.clock.advance(16 * 3600)
    place.world.move_to(place.clock.now())
    assert place.collected().failures == []
    assert (place.codes(), load(place.database).empty) == (set(), False)


def test_every_name_has_one_meaning_a_platform(place: Place) -> None:
    place.at_sandbox()
    place.collected(since=YESTERDAY)
    with place.database.read() as session:
        known = session.exec(select(KnownMetric)).all()
    declared = {(m.level, m.name): m.unit.value for m in connector_for("wechat").metrics}
    assert {(one.level, one.name): one.unit for one in known} == declared
