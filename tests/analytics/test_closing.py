"""What a campaign's posts came to: found by id, address or title, one source each, unknown left unknown."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from scenery import make_account
from weeks import AT, publish

from analytics.articles import Article
from analytics.closing.content import Cell, Closing, Item, Line, Step, UnitRow
from analytics.closing.paper import page_facts, paper
from analytics.closing.reach import CampaignReach, Effect, Known, reach_of
from analytics.closing.workbook import workbook
from analytics.figures import ArticleFigure, Meaning, know_metrics, source_id, store_snapshots
from config import Database
from config.secrets import KeyRing
from organisation import Account

DAY = date(2026, 11, 9)
AS_OF = date(2026, 11, 15)


@dataclass(frozen=True)
class Out:
    """A post that is out."""

    account_id: int | None
    platform: str
    remote_id: str = ""
    link: str = ""
    headline: str = ""
    day: date = DAY


@pytest.fixture
def wechat(database: Database, keys: KeyRing) -> Account:
    with database.write() as session:
        names = [
            Meaning("read_people", "people", "cumulative"),
            Meaning("read_events", "events", "cumulative"),
        ]
        know_metrics(session, "wechat", [*names, Meaning("like", "people", "cumulative")])
        know_metrics(session, "weibo", [Meaning("repost", "events", "cumulative")])
    return make_account(database, keys, "wechat", "qnzs")


def reached(database: Database, *posts: Out) -> CampaignReach:
    with database.read() as session:
        return reach_of(session, posts)


def test_what_is_not_known_is_none_and_told_of_how_many_it_is(database: Database, wechat: Account) -> None:
    publish(database, wechat, DAY, [(DAY, 40), (AS_OF, 120)], remote_id="a")
    publish(database, wechat, DAY, [], remote_id="b")
    posts = [Out(wechat.id, "wechat", one) for one in ("a", "b", "c")]
    reach = reached(database, *posts)
    (platform,) = reach.platforms
    read, like = platform.totals[Effect.READ], platform.totals[Effect.LIKE]
    assert (read.value, read.known, platform.posts, read.counts) == (Decimal(120), 1, 3, "people")
    assert (like.metric, like.value, like.known, like.sources) == ("like", None, 0, ())
    assert [len(one) for one in reach.posts] == [1, 0, 0] and reach.as_of == AS_OF
    assert reached(database) == CampaignReach()


def test_a_platforms_word_comes_before_files_and_two_sources_are_never_added(
    database: Database, wechat: Account
) -> None:
    publish(database, wechat, DAY, [(DAY, 100)], remote_id="a")
    publish(database, wechat, DAY, [(AS_OF, 999)], remote_id="a", kind="import", name="周报.xlsx")
    publish(database, wechat, DAY, [(AS_OF, 7)], remote_id="b", kind="typed", name="person:li")
    # Reads counted as events do not stand beside readers, whatever the source.
    publish(database, wechat, DAY, [(AS_OF, 5000)], remote_id="c", metric="read_events")
    reach = reached(database, *(Out(wechat.id, "wechat", one) for one in "abc"))
    total = reach.platforms[0].totals[Effect.READ]
    assert (total.metric, total.value, total.known) == ("read_people", Decimal(107), 2)
    assert total.sources == ("api", "typed")
    assert [one[Effect.READ].source for one in reach.posts[:2]] == ["wechat articles", "person:li"]


def test_a_post_without_the_platforms_id_is_found_by_its_address_or_title(
    database: Database, wechat: Account, keys: KeyRing
) -> None:
    other = make_account(database, keys, "wechat", "else")
    for account, value in ((wechat, 10), (other, 99)):
        publish(database, account, DAY, [(AS_OF, value)], remote_id="a", title="同一个 标题")
    with database.write() as session:
        row = Article(
            account_id=wechat.known_id,
            remote_id="b",
            title="另一篇",
            url="https://mp.weixin.qq.com/s/b?scene=1",
            published_at=datetime(2026, 11, 9, 2, tzinfo=UTC),
            published_day=DAY,
        )
        session.add(row)
        session.flush()
        source = source_id(session, "api", "wechat articles", AT)
        store_snapshots(session, source, AT, [ArticleFigure(row.id or 0, "read_people", AS_OF, 5)])
    posts = [
        Out(wechat.id, "wechat", link="http://mp.weixin.qq.com/s/b"),
        Out(wechat.id, "wechat", headline="同一个  标题"),
        Out(wechat.id, "wechat", headline="同一个 标题", day=DAY + timedelta(days=1)),
        Out(None, "wechat"),
    ]
    told = reached(database, *posts).posts
    assert [one[Effect.READ].value if one else None for one in told] == [5, 10, None, None]


def test_a_platform_that_tells_nothing_of_the_kind_says_so(database: Database, keys: KeyRing) -> None:
    weibo = make_account(database, keys, "weibo", "us")
    totals = reached(database, Out(weibo.id, "weibo", "a")).platforms[0].totals
    assert {effect: one.metric for effect, one in totals.items()} == {
        "read": "", "like": "like", "share": "repost", "comment": "comment",
    }  # fmt: skip


# --- the papers -------------------------------------------------------------------------------------------


def closing(title: str = "学雷锋") -> Closing:
    known = {Effect.READ: Known("read_people", "people", Decimal(120), AS_OF, "api", "wechat articles")}
    line = Line(
        DAY, "呼和浩特", 1, "=1+1", "青听", "wechat", "已发布", False, "https://x.example/1", "李", known
    )
    work = replace(line, item=2, headline="清扫社区", account="", platform="", known={}, late=True)
    cells = (Cell(1, 0, 0, "done"), Cell(0, 0, 1, "late"))
    return Closing(
        number=3,
        title=title,
        goal="第一段\n第二段",
        unit="内蒙古",
        starts=DAY,
        ends=AS_OF,
        made_at=AT,
        closed_at=AT,
        closed_by="其木格",
        items=(Item(1, "推送", "稿件", DAY, 1), Item(2, "服务", "", AS_OF, 1)),
        units=(UnitRow("呼和浩特", "HH", cells),),
        register=(line, work),
        reach=CampaignReach(),
        history=(Step(AT, "其木格", "发起"),),
    )


def test_the_same_facts_make_the_same_workbook_and_paper(tmp_path: object) -> None:
    assert workbook(closing()) == workbook(closing())
    assert paper(closing()) == paper(closing()) != paper(closing("另一个"))


def test_a_long_register_says_on_paper_that_the_rest_is_in_the_workbook() -> None:
    long = replace(closing(), register=closing().register * 200)
    register = page_facts(long)["register"]
    assert isinstance(register, dict)
    assert len(register["rows"]) == 300 and "100" in register["more"]
