"""What WeChat's connector collects: cumulative rows, totals among parts, days that are not ready."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import responses
from access import make_access

from config import ManualClock
from connectors import Access, ArticleFigures, Figures, Kind, NeedsPerson, Throttled, Unit
from connectors.wechat import connector
from sandbox.readers import follower_change, followers, readership
from sandbox.world import BEIJING, SandboxAccount, World

BASE = "https://api.example.org"
TODAY = date(2026, 3, 2)  # nine in the morning in Beijing
YESTERDAY = TODAY - timedelta(days=1)
ROW = {
    "stat_date": "2026-02-20",
    "read_user": 1204,
    "read_user_source": [
        {"user_count": 1204, "scene_desc": "全部"},
        {"user_count": 803, "scene_desc": "公众号消息"},
        {"user_count": 401, "scene_desc": "从没见过的场景"},
    ],
    "share_user": 96,
    "zaikan_user": 38,
    "like_user": 71,
    "comment_count": 9,
    "collection_user": 22,
    "praise_money": 600,
    "read_subscribe_user": 15,
    "read_delivery_rate": 0.0249,
    "read_finish_rate": 0.5816,
    "read_avg_activetime": 0.93,
    "read_jump_position": [{"position": 1, "rate": 0.41}],
}


class Stage:
    """One WeChat account with readers, and its access."""

    def __init__(self, world: World, clock: ManualClock, url: str) -> None:
        self.world, self.clock = world, clock
        credentials = {"appid": "wx9f2c61d0a7b3e845", "secret": "0" * 32}
        self.account = world.add_account(SandboxAccount("wechat", "binhe", credentials))
        self.access = make_access(
            "wechat", "binhe", credentials=credentials, api_base=f"{url}/wechat", now=clock.now
        )

    def move_to(self, at: datetime) -> None:
        self.clock.move_to(at)
        self.world.move_to(at)

    def by_hand(self, day: date, remote_id: str = "2650184411", **extra: Any) -> None:
        at = datetime(day.year, day.month, day.day, 10, tzinfo=BEIJING)
        self.world.publish(
            "wechat",
            "binhe",
            remote_id=remote_id,
            title="主题团日",
            text="正文",
            at=at,
            by_hand=True,
            **extra,
        )

    def articles(self, since: date, until: date = TODAY) -> list[ArticleFigures]:
        return list(connector.articles(self.access, since, until))


@pytest.fixture
def stage(sandbox: Any, clock: ManualClock) -> Stage:
    return Stage(sandbox.world, clock, sandbox.url)


def told(clock: ManualClock, answers: dict[str, dict[str, Any]]) -> Access:
    """An access whose datacube gives these answers, as text/plain like the platform's."""
    access = make_access(
        "wechat", "binhe", credentials={"appid": "a", "secret": "s"}, api_base=BASE, now=clock.now
    )
    responses.post(f"{BASE}/cgi-bin/stable_token", json={"access_token": "T", "expires_in": 7200})
    for name, answer in answers.items():
        body = json.dumps(answer, ensure_ascii=False).encode()
        responses.post(f"{BASE}/datacube/{name}", body=body, content_type="text/plain")
    return access


def of_row(clock: ManualClock, *rows: dict[str, Any], delayed: bool = False, **item: Any) -> ArticleFigures:
    """The one article that these rows make."""
    given = {
        "ref_date": "2026-02-20",
        "msgid": "2650184411_1",
        "title": "青年",
        "detail_list": list(rows),
        **item,
    }
    access = told(clock, {"getarticletotaldetail": {"list": [given], "is_delay": delayed}})
    (found,) = connector.articles(access, date(2026, 2, 20), date(2026, 2, 20))
    return found


@responses.activate
def test_every_field_has_its_common_name_unit_and_exact_value(clock: ManualClock) -> None:
    found = of_row(clock, ROW, publish_type=0, content_url="https://mp.weixin.qq.com/s?x")

    (figures,) = found.figures
    assert figures.values == {
        "read_people": 1204,
        "share": 96,
        "recommend_heart": 38,
        "like": 71,
        "comment": 9,
        "favourite": 22,
        "tip_money": 600,
        "follow_from_post": 15,
        "delivered_rate": Decimal("0.0249"),
        "finish_rate": Decimal("0.5816"),
        "avg_time_s": Decimal("55.80"),
        "read_from_message": 803,
        "read_from_chat": 0,
        "read_from_moments": 0,
        "read_from_profile": 0,
        "read_from_feed": 0,
        "read_from_search": 0,
        "read_from_other": 401,
    }
    assert not any(isinstance(value, float) for value in figures.values.values())
    assert (found.remote_id, found.position, found.kind) == ("2650184411_1", 1, "pushed")
    assert (found.title, found.url) == ("青年", "https://mp.weixin.qq.com/s?x")
    assert found.published_at == datetime(2026, 2, 19, 16, tzinfo=UTC)


@responses.activate
def test_the_scene_that_is_the_total_is_never_added(clock: ManualClock) -> None:
    without = {name: value for name, value in ROW.items() if name != "read_user"}

    assert of_row(clock, without).figures[0].values["read_people"] == 1204


@responses.activate
def test_a_scene_that_is_not_told_is_unknown_unless_the_others_make_up_the_whole(clock: ManualClock) -> None:
    scenes = [
        {"user_count": 700, "scene_desc": "公众号消息"},
        {"user_count": 20, "scene_desc": "推荐"},
        {"user_count": 3, "scene_desc": "看一看"},
        {"user_count": "many", "scene_desc": "朋友圈"},
    ]

    values = of_row(clock, ROW | {"read_user_source": scenes}).figures[0].values

    assert (values["read_from_message"], values["read_from_feed"]) == (700, 23)
    assert values["read_from_moments"] is values["read_from_search"] is values["read_from_other"] is None


@responses.activate
@pytest.mark.parametrize("given", [None, [], "全部", [{"user_count": 1204, "scene_desc": "全部"}]])
def test_without_scenes_no_source_is_known(clock: ManualClock, given: object) -> None:
    values = of_row(clock, ROW | {"read_user_source": given}).figures[0].values

    assert values["read_people"] == 1204
    assert all(value is None for name, value in values.items() if name.startswith("read_from_"))


@responses.activate
@pytest.mark.parametrize("given", [None, "many", -1, True, 1.5, [], {}])
def test_what_cannot_be_read_is_unknown_not_zero(clock: ManualClock, given: object) -> None:
    values = of_row(clock, ROW | {"share_user": given}).figures[0].values

    assert values["share"] is None and values["like"] == 71


@responses.activate
@pytest.mark.parametrize(("given", "expected"), [("96", 96), (96.0, 96), (2**60, 2**60)])
def test_numbers_may_come_as_text_and_of_any_size(clock: ManualClock, given: object, expected: int) -> None:
    assert of_row(clock, ROW | {"share_user": given}).figures[0].values["share"] == expected


@responses.activate
@pytest.mark.parametrize(("given", "expected"), [(1, Decimal(1)), (0, Decimal(0)), ("x", None), (-0.1, None)])
def test_a_rate_is_a_decimal_even_where_it_comes_whole(
    clock: ManualClock, given: object, expected: Decimal | None
) -> None:
    assert of_row(clock, ROW | {"read_finish_rate": given}).figures[0].values["finish_rate"] == expected


@responses.activate
def test_rows_come_oldest_first_whatever_their_order(clock: ManualClock) -> None:
    later = ROW | {"stat_date": "2026-02-21", "read_user": 1489}

    found = of_row(clock, later, ROW)

    assert [(figures.as_of.day, figures.values["read_people"]) for figures in found.figures] == [
        (20, 1204),
        (21, 1489),
    ]


@responses.activate
@pytest.mark.parametrize("delayed", [True, False])
def test_is_delay_marks_the_figures(clock: ManualClock, delayed: bool) -> None:
    assert of_row(clock, ROW, delayed=delayed).figures[0].delayed is delayed


@responses.activate
@pytest.mark.parametrize(
    ("msgid", "publish_type", "position", "kind"),
    [
        ("2650184411_3", 1, 3, "published"),
        ("2650184411_2", "0", 2, "pushed"),
        ("2650184411", None, None, "post"),
        (2650184411, 9, None, "post"),
        ("2650184411_x", 0, None, "pushed"),
    ],
)
def test_position_and_kind_are_read_or_left_open(
    clock: ManualClock, msgid: object, publish_type: object, position: int | None, kind: str
) -> None:
    found = of_row(clock, ROW, msgid=msgid, publish_type=publish_type)

    assert (found.position, found.kind) == (position, kind)


@responses.activate
def test_an_article_without_an_id_is_left_out(clock: ManualClock) -> None:
    access = told(clock, {"getarticletotaldetail": {"list": [{"title": "青年"}, None, 7], "is_delay": False}})

    assert list(connector.articles(access, date(2026, 2, 20), date(2026, 2, 20))) == []


@responses.activate
def test_followers_are_summed_over_their_sources(clock: ManualClock) -> None:
    day = "2026-03-01"
    changes = [
        {"ref_date": day, "user_source": 30, "new_user": 41, "cancel_user": 9},
        {"ref_date": day, "user_source": 1, "new_user": "2", "cancel_user": 0},
        {"ref_date": "2026-02-28", "user_source": 1, "new_user": 500, "cancel_user": 500},
    ]
    access = told(
        clock,
        {
            "getbizsummary": {"list": [{"ref_date": day, "detail": {"read_user": 9, "like_user": 1}}]},
            "getusersummary": {"list": changes},
            "getusercumulate": {"list": [{"ref_date": day, "user_source": 0, "cumulate_user": 48170}]},
        },
    )

    found = connector.account_day(access, date(2026, 3, 1))

    assert found is not None
    assert (found.values["followers_new"], found.values["followers_lost"]) == (43, 9)
    assert (found.values["followers_total"], found.values["account_read_people"]) == (48170, 9)
    assert (found.values["like"], found.values["share"]) == (1, None)


@responses.activate
def test_a_day_of_which_nothing_is_known_has_no_figures(clock: ManualClock) -> None:
    empty: dict[str, Any] = {"list": []}
    access = told(clock, dict.fromkeys(("getbizsummary", "getusersummary", "getusercumulate"), empty))

    assert connector.account_day(access, date(2026, 3, 1)) is None


# Against the double


def test_articles_grow_from_day_to_day_until_yesterday(stage: Stage) -> None:
    stage.by_hand(date(2026, 2, 20), push_position=2)

    (found,) = stage.articles(date(2026, 2, 18))

    (item,) = stage.world.of("wechat", "binhe")
    midnight = datetime(2026, 3, 2, tzinfo=BEIJING)
    reads = [figures.values["read_people"] for figures in found.figures]
    assert found.remote_id == "2650184411_2" and found.position == 2 and found.kind == "pushed"
    assert found.figures[-1].as_of == YESTERDAY and len(reads) == 10
    assert reads == sorted(reads, key=lambda value: value or 0)
    assert reads[-1] == readership(stage.world, stage.account, item, midnight).read_users


def test_only_days_that_are_over_are_asked_for(stage: Stage) -> None:
    stage.articles(date(2026, 2, 27), date(2026, 3, 9))
    assert stage.world.calls["POST /wechat/datacube/getarticletotaldetail"] == 3

    assert connector.account_day(stage.access, TODAY) is None


def test_nothing_is_asked_for_before_the_new_family_begins(stage: Stage) -> None:
    assert stage.articles(date(2025, 10, 1), date(2025, 10, 31)) == []
    assert not stage.world.calls


def test_before_eight_yesterday_is_not_ready_and_the_days_before_are_kept(stage: Stage) -> None:
    stage.by_hand(date(2026, 2, 27))
    stage.move_to(datetime(2026, 3, 2, 7, 59, tzinfo=BEIJING))
    found: list[ArticleFigures] = []

    with pytest.raises(Throttled) as caught:
        for article in connector.articles(stage.access, date(2026, 2, 27), YESTERDAY):
            found.append(article)

    assert len(found) == 1
    assert caught.value.until == stage.clock.now() + timedelta(minutes=30)
    with pytest.raises(Throttled):
        connector.account_day(stage.access, YESTERDAY)


def test_an_article_with_fewer_than_three_readers_is_unknown(stage: Stage) -> None:
    stage.account.followers, stage.account.strength = 2, 0.1
    stage.by_hand(date(2026, 2, 20))

    assert stage.articles(date(2026, 2, 20)) == []


def test_the_account_day_is_the_worlds(stage: Stage) -> None:
    stage.by_hand(date(2026, 2, 28))

    found = connector.account_day(stage.access, YESTERDAY)

    assert isinstance(found, Figures)
    new, lost = follower_change(stage.world, stage.account, YESTERDAY)
    assert (found.values["followers_new"], found.values["followers_lost"]) == (new, lost)
    assert found.values["followers_total"] == followers(stage.world, stage.account, YESTERDAY)
    assert found.values["posts_published"] == 0 and (found.values["account_read_people"] or 0) > 0


def test_an_unverified_account_has_no_figures_and_says_why(stage: Stage) -> None:
    stage.account.switches["verified"] = False

    with pytest.raises(NeedsPerson):
        stage.articles(date(2026, 2, 20))


def test_the_old_family_is_never_called(stage: Stage) -> None:
    stage.articles(date(2026, 2, 20))
    connector.account_day(stage.access, YESTERDAY)

    old = ("getarticlesummary", "getarticletotal", "getuserread", "getuserreadhour", "getusershare")
    assert not {call.rsplit("/", 1)[1] for call in stage.world.calls} & set(old)


def test_everything_delivered_is_declared_with_its_meaning(stage: Stage) -> None:
    stage.by_hand(date(2026, 2, 20))
    (article,) = stage.articles(date(2026, 2, 20))
    day = connector.account_day(stage.access, YESTERDAY)
    assert day is not None

    declared = {(metric.level, metric.name): metric for metric in connector.metrics}
    delivered = {("article", name) for name in article.figures[0].values} | {
        ("account", name) for name in day.values
    }
    assert delivered == set(declared)
    assert declared["article", "read_people"].unit is Unit.PEOPLE
    assert declared["article", "read_people"].kind is Kind.CUMULATIVE
    assert declared["account", "followers_total"].kind is Kind.SNAPSHOT
    assert not any(name.endswith("_events") for _, name in declared)
