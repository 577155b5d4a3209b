"""The plan of collecting: when, which days, how many calls; who was told "not before" is not asked before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

import pytest
from access import make_access
from hypothesis import given
from hypothesis import strategies as st
from scenery import make_account
from sqlmodel import Session
from telling import Live, Told, article, followers, reads

from analytics.articles import CollectionGap
from analytics.collection import CollectionReport, collect
from analytics.gaps import explain, list_gaps
from analytics.plans import AccountPlan, newest_day, next_asking, plan_accounts
from analytics.sharing import Need
from analytics.turns import CollectionTurn, pause_after, take
from config import Database, ManualClock
from config.clock import SHANGHAI
from config.secrets import KeyRing
from connectors import (
    Access,
    ArticleFigures,
    Asking,
    Connector,
    NeedsPerson,
    Refused,
    Throttled,
    Unreachable,
    connector_for,
)
from organisation.accounts import Account
from organisation.budgets import spent_of
from organisation.memory import SealedMemory

NINE = datetime(2026, 3, 2, 1, tzinfo=UTC)  # in Beijing
YESTERDAY = date(2026, 3, 1)


@dataclass
class Counted(Told):
    """One call an article day and one an account day, so many a day."""

    asking: ClassVar[Asking] = Asking(
        ready_at=time(8), calls=1, calls_a_publishing_day=1, calls_an_account_day=1, daily_calls=100
    )
    made: list[str] = field(default_factory=list)

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        days = (until - since).days + 1
        for number in range(days + 1):
            access.http.call("GET", f"{access.api_base}/day/{number}", writes=False)
            self.made.append(access.handle)
        yield from super().articles(access, since, until)


class OneQuota(Told):
    asking: ClassVar[Asking] = Asking(calls=1, one_quota=True, daily_calls=50)


@dataclass
class Publishing:
    """What `analytics.sharing.Sharing` is told, and tells."""

    shut: dict[str, datetime] = field(default_factory=dict)
    lanes: dict[int, datetime] = field(default_factory=dict)
    notices: dict[int, str] = field(default_factory=dict)
    opened: int = 0

    def gates(self, session: Session, now: datetime) -> Mapping[str, datetime]:
        return {key: until for key, until in self.shut.items() if until > now}

    def shut_gates(self, session: Session, shut: Mapping[str, tuple[datetime, str]]) -> None:
        self.shut |= {key: until for key, (until, _) in shut.items()}

    def closed(self, session: Session, account_ids: Sequence[int], now: datetime) -> Mapping[int, datetime]:
        return {one: until for one, until in self.lanes.items() if one in account_ids and until > now}

    def close(self, session: Session, until: Mapping[int, datetime]) -> None:
        self.lanes |= until

    def tell(self, session: Session, needs: Iterable[Need], at: datetime) -> None:
        for need in needs:
            self.opened += need.account_id not in self.notices
            self.notices[need.account_id] = need.code

    def untell(self, session: Session, account_ids: Iterable[int], at: datetime) -> None:
        for account_id in account_ids:
            self.notices.pop(account_id, None)


@dataclass
class House:
    """A database with accounts, and a collection of them."""

    database: Database
    clock: ManualClock
    keys: KeyRing
    publishing: Publishing = field(default_factory=Publishing)
    address: str = ""

    def account(self, handle: str = "qnzs") -> Account:
        return make_account(self.database, self.keys, "wechat", handle)

    def opened(self, account: Account) -> Access:
        memory = SealedMemory(
            self.database, self.keys, account.known_id, clock=self.clock, lease=timedelta(seconds=10)
        )
        access = make_access(
            account.platform, account.handle, credentials={}, api_base=self.address, now=self.clock.now
        )
        return Access(**{**vars(access), "memory": memory})

    def collect(
        self, connector: Connector, *, accounts: Sequence[Account] | None = None, due_only: bool = False
    ) -> CollectionReport:
        return collect(
            self.database,
            self.clock,
            access_for=self.opened,
            accounts=accounts,
            due_only=due_only,
            connector_of=lambda _: connector,
            sharing=self.publishing,
            workers=1,
        )

    def plan(self, connector: Connector) -> AccountPlan:
        plans = plan_accounts(
            self.database, self.clock, connector_of=lambda _: connector, sharing=self.publishing
        )
        assert len(plans) == 1
        return plans[0]

    def holes(self) -> set[tuple[str, date, str]]:
        with self.database.read() as session:
            return {(gap.subject, gap.day, gap.code) for gap in list_gaps(session)}


@pytest.fixture
def house(database: Database, clock: ManualClock, keys: KeyRing) -> House:
    return House(database, clock, keys)


def test_a_platform_of_yesterday_is_ready_at_its_hour_and_a_live_one_at_any_time() -> None:
    wechat, weibo = connector_for("wechat"), connector_for("weibo")
    early = datetime(2026, 3, 2, 7, 59, tzinfo=SHANGHAI)
    assert newest_day(wechat, early) == date(2026, 2, 28)
    assert newest_day(wechat, early + timedelta(minutes=1)) == YESTERDAY
    assert newest_day(weibo, early) == date(2026, 3, 2)
    assert next_asking(wechat, early) == datetime(2026, 3, 2, 8, tzinfo=SHANGHAI)
    assert next_asking(wechat, early + timedelta(minutes=1)) == datetime(2026, 3, 3, 8, tzinfo=SHANGHAI)
    assert next_asking(weibo, early) == datetime(2026, 3, 3, tzinfo=SHANGHAI)


@given(st.integers(0, 700 * 24 * 60))
def test_the_next_asking_has_one_more_day(minutes: int) -> None:
    at = NINE + timedelta(minutes=minutes)
    for name in ("wechat", "weibo", "youth_voice"):
        connector = connector_for(name)
        coming = next_asking(connector, at)
        assert coming > at
        assert newest_day(connector, coming) == newest_day(connector, at) + timedelta(days=1)
        assert newest_day(connector, coming - timedelta(microseconds=1)) == newest_day(connector, at)


def test_the_plan_tells_days_calls_and_what_is_left(house: House) -> None:
    house.account()
    plan = house.plan(connector_for("wechat"))
    assert (plan.next_at, plan.since, plan.newest, plan.days) == (NINE, date(2026, 1, 30), YESTERDAY, 31)
    assert (plan.calls, plan.limit, plan.left) == (2 + 31 + 3 * 31, 1000, 1000)
    house.collect(Told(told=[article(reads(YESTERDAY, 3))], day=followers))
    plan = house.plan(Told())
    assert plan.next_at == datetime(2026, 3, 3, 0, 0, tzinfo=SHANGHAI)
    assert (plan.days, plan.code) == (1, "")


def test_what_is_due_is_asked_and_what_was_told_is_not_asked_again_that_day(house: House) -> None:
    house.account()
    connector = Told(told=[article(reads(YESTERDAY, 3))], day=followers)
    assert house.collect(connector, due_only=True).accounts == 1
    house.clock.advance(3600)
    assert house.collect(connector, due_only=True).accounts == 0
    house.clock.advance(24 * 3600)
    assert house.collect(connector, due_only=True).accounts == 1
    assert len(connector.windows) == 2


def test_throttled_is_not_asked_before_its_time_even_by_name(house: House) -> None:
    account = house.account()
    until = NINE + timedelta(hours=3)
    house.collect(Told(told=[Throttled("quota", until=until, platform_code="45009")], day=followers))
    assert (house.plan(Told()).next_at, house.plan(Told()).code) == (until, "45009")
    again = Told(told=[article(reads(YESTERDAY, 3))], day=followers)
    for accounts in (None, [account]):
        report = house.collect(again, accounts=accounts)
        assert (report.accounts, report.resting, again.windows) == (0, 1, [])
    house.clock.move_to(until)
    assert house.collect(again, due_only=True).accounts == 1
    assert house.holes() == set()


def test_an_app_wide_limit_stops_every_account_behind_the_same_gate(house: House) -> None:
    for number in range(3):
        house.account(f"n{number}")
    until = NINE + timedelta(hours=1)
    wall = Told(told=[Throttled("slow down", until=until, platform_code="429", app_wide=True)], day=followers)
    house.collect(wall)
    assert len(wall.windows) == 1  # the other two were not asked
    assert list(house.publishing.shut.values()) == [until]
    assert {code for _, _, code in house.holes()} == {"429"}
    other = Told(told=[article(reads(YESTERDAY, 3))], day=followers)
    house.collect(other)
    assert other.windows == []
    house.clock.move_to(until)
    assert house.collect(other, due_only=True).accounts == 3


def test_one_quota_closes_publishing_too_and_the_other_way_round(house: House) -> None:
    account = house.account()
    until = NINE + timedelta(hours=2)
    house.collect(OneQuota(told=[Throttled("user quota", until=until, platform_code="10023")]))
    assert house.publishing.lanes == {account.known_id: until}
    house.clock.move_to(until)
    house.publishing.lanes = {account.known_id: until + timedelta(hours=1)}
    asked = OneQuota(told=[article(reads(YESTERDAY, 3))])
    assert house.collect(asked).resting == 1
    assert asked.windows == []


def test_our_own_planning_never_closes_publishing(house: House) -> None:
    house.account()
    until = NINE + timedelta(hours=2)
    house.collect(OneQuota(told=[Throttled("planned calls", until=until, platform_code="budget")]))
    assert house.publishing.lanes == {}


def test_a_person_is_told_once_and_the_account_waits_until_it_is_named(house: House) -> None:
    account = house.account()
    broken = Told(told=[NeedsPerson("ip not in whitelist", platform_code="40164")])
    house.collect(broken)
    house.clock.advance(24 * 3600)
    assert house.collect(broken).resting == 1
    assert (house.publishing.opened, len(broken.windows)) == (1, 1)
    assert house.plan(Told()).next_at is None
    assert ("account_day", date(2026, 3, 2), "40164") in house.holes()  # a day that was not asked is a hole
    mended = Told(told=[article(reads(YESTERDAY, 3), reads(date(2026, 3, 2), 4))], day=followers)
    assert house.collect(mended, accounts=[account]).accounts == 1
    assert (house.publishing.notices, house.holes()) == ({}, set())
    assert house.plan(Told()).next_at is not None


def test_an_unreachable_platform_is_asked_ever_more_rarely_by_the_plan(house: House) -> None:
    house.account()
    down = Told(told=[Unreachable("no route", platform_code="not-sent")])
    pauses = []
    for _ in range(6):
        at = house.clock.now()
        assert house.collect(down, due_only=True).accounts == 1
        coming = house.plan(Told()).next_at
        assert coming is not None
        pauses.append((coming - at) / timedelta(hours=1))
        house.clock.move_to(coming - timedelta(seconds=1))
        assert house.collect(down, due_only=True).accounts == 0
        house.clock.move_to(coming)
    assert pauses == [0.5, 1, 2, 4, 6, 6]
    assert house.collect(Told(told=[article(reads(YESTERDAY, 3))], day=followers)).accounts == 1
    assert house.plan(Told()).code == ""


def test_what_is_refused_for_good_waits_for_the_next_day(house: House) -> None:
    house.account()
    house.collect(Told(told=[Refused("bad date", platform_code="61501")], day=followers))
    assert house.plan(Told()).next_at == datetime(2026, 3, 3, tzinfo=SHANGHAI)


def test_pauses_grow_and_never_pass_six_hours() -> None:
    pauses = [pause_after(failures) for failures in range(0, 60)]
    assert pauses == sorted(pauses)
    assert (pauses[1], pauses[-1]) == (timedelta(minutes=30), timedelta(hours=6))


def test_the_days_calls_are_one_budget_for_all_runs(house: House, sandbox: "Sandbox") -> None:
    """32 article calls; 31 account days are planned: 63 of 100, given back where they were not made."""
    house.address = sandbox.url
    account = house.account()
    connector = Counted(told=[article(reads(YESTERDAY, 3))], day=followers)

    def spent() -> int:
        with house.database.read() as session:
            found = spent_of(session, Asking.counted_under, [account.known_id], house.clock.now())
        return found.get(account.known_id, 0)

    house.collect(connector)
    assert (len(connector.made), spent()) == (32, 32)
    assert house.plan(connector).left == 68
    house.collect(connector)
    house.collect(connector)
    assert spent() == 96
    assert house.collect(connector).failures[0].code == "budget"
    assert (len(connector.made), spent()) == (100, 100)
    midnight = datetime(2026, 3, 3, tzinfo=SHANGHAI)
    assert house.plan(connector).next_at == midnight
    house.clock.move_to(midnight + timedelta(hours=8))
    assert house.collect(connector).failures == []


def test_an_account_that_another_run_is_asking_is_left_to_it(house: House) -> None:
    account = house.account()
    with house.database.write() as session:
        assert take(session, [account.known_id], "other", NINE) == {account.known_id}
    connector = Told(told=[article(reads(YESTERDAY, 3))])
    report = house.collect(connector)
    assert (report.accounts, report.resting, connector.windows) == (0, 1, [])
    house.clock.advance(16 * 60)  # the other died
    assert house.collect(connector).accounts == 1
    with house.database.read() as session:
        turn = session.get(CollectionTurn, account.known_id)
    assert turn is not None and (turn.holder, turn.lease_until) == (None, None)


def test_a_run_that_is_stopped_gives_its_turns_back(house: House) -> None:
    account = house.account()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            collect(
                house.database,
                house.clock,
                access_for=house.opened,
                connector_of=lambda _: Told(),
                progress=stop,
            )
    assert house.collect(Told(), accounts=[account]).accounts == 1


def test_the_oldest_hole_comes_first_and_old_holes_are_asked_for_again(house: House) -> None:
    ids = [house.account(f"n{number}").known_id for number in range(3)]
    old = date(2026, 1, 20)  # before the 31 days
    with house.database.write() as session:
        for account_id, day in ((ids[1], YESTERDAY), (ids[2], old)):
            for subject in ("articles", "account_day"):
                session.add(
                    CollectionGap(
                        account_id=account_id, subject=subject, day=day, code="connect", seen_at=NINE
                    )
                )
    asked: list[str] = []

    class Noting(Told):
        def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
            asked.append(access.handle)
            return super().articles(access, since, until)

    connector = Noting(day=followers)
    house.collect(connector)
    assert asked == ["n2", "n1", "n0"]
    assert connector.windows[0][0] == old - timedelta(days=30)  # its age 30 fell on the hole
    assert connector.days[0] == old
    assert house.holes() == set()


def test_a_live_platform_is_planned_for_today_only(house: House) -> None:
    house.account()
    plan = house.plan(Live())
    assert (plan.newest, plan.days) == (date(2026, 3, 2), 1)


@pytest.mark.parametrize(
    ("platform", "code", "zh"),
    [
        ("wechat", "delayed", "没算完"),
        ("wechat", "61503", "半小时"),
        ("wechat", "48001", ""),
        ("weibo", "10023", "频率"),
        ("weibo", "budget", "用完"),
        ("youth_voice", "not-sent", "连不上"),
    ],
)
def test_a_holes_reason_is_told_in_both_languages(platform: str, code: str, zh: str) -> None:
    label = explain(platform, code)
    assert label is not None
    assert zh in label.zh
    assert label.en.isascii()


def test_a_reason_nobody_knows_is_left_to_the_platforms_words() -> None:
    assert explain("wechat", "31415") is None
    assert explain("gone", "31415") is None


class Sandbox:
    """What the fixture `sandbox` gives."""

    url: str
