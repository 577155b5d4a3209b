"""The seeded readers: the same at every asking, growing, plausible; and the history of hand-made posts."""

import time
from datetime import UTC, date, datetime, timedelta
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.readers import Readership, ensure_history, follower_change, followers, readership
from sandbox.world import BEIJING, Published, SandboxAccount, World

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
FOUNDED = datetime(2025, 11, 1, tzinfo=UTC)


def world_of(seed: int = 1, now: datetime = NOW) -> World:
    return World(seed=seed, now=now)


def account_of(world: World, name: str = "a", platform: str = "wechat", **fields: object) -> SandboxAccount:
    return world.add_account(SandboxAccount(platform, name, **{"posts_per_week": 4.0, **fields}))  # type: ignore[arg-type]


def article(number: int = 1, **extra: object) -> Published:
    return Published("wechat", "a", str(number), "标题", "正文", NOW, 1, extra=dict(extra))


def figures(told: Readership) -> list[int]:
    return list(vars(told).values())


AGES = st.floats(-5, 90).map(lambda days: timedelta(days=days))


@given(st.integers(0, 10_000), AGES, AGES, st.floats(0.2, 5), st.integers(0, 5_000_000))
def test_readers_only_grow_and_are_the_same_at_every_asking(
    number: int, one: timedelta, other: timedelta, strength: float, following: int
) -> None:
    world = world_of()
    account = account_of(world, strength=strength, followers=following)
    earlier, later = sorted((one, other))
    before = readership(world, account, article(number), NOW + earlier)
    after = readership(world, account, article(number), NOW + later)
    assert all(a <= b for a, b in zip(figures(before), figures(after), strict=True))
    assert readership(world, account, article(number), NOW + earlier) == before
    assert after.read_users <= after.reads
    assert max(figures(after)[2:-1]) <= after.read_users
    assert min(figures(before)) >= 0


def test_most_readers_come_within_two_days_and_none_after_thirty() -> None:
    world = world_of()
    account = account_of(world, followers=100_000)
    for number in range(50):
        two, thirty, year = (
            readership(world, account, article(number), NOW + timedelta(days=days)) for days in (2, 30, 365)
        )
        assert 0.7 * thirty.reads < two.reads <= thirty.reads
        assert thirty == year


def test_nobody_reads_before_publication() -> None:
    world = world_of()
    account = account_of(world)
    assert figures(readership(world, account, article(), NOW)) == [0] * 9


def test_headlines_strength_and_followers_bring_readers() -> None:
    world = world_of()
    weak, strong = account_of(world, "a", strength=0.5), account_of(world, "b", strength=2)
    large = account_of(world, "c", strength=0.5, followers=100_000)

    def mean(account: SandboxAccount, **extra: object) -> float:
        at = NOW + timedelta(days=30)
        return fmean(readership(world, account, article(n, **extra), at).reads for n in range(200))

    assert mean(strong) > 2 * mean(weak)
    assert mean(large) > 2 * mean(weak)
    assert mean(weak, push_position=1) > mean(weak, push_position=2) > mean(weak, push_position=3)


def test_reads_are_log_normal_and_ratios_plausible() -> None:
    world = world_of()
    account = account_of(world, followers=200_000)
    told = [readership(world, account, article(n), NOW + timedelta(days=30)) for n in range(400)]
    reads = [one.reads for one in told]
    assert fmean(reads) > 1.1 * median(reads)
    users = sum(one.read_users for one in told)
    assert 0.7 < users / sum(reads) < 0.95
    assert 0.01 < sum(one.likes for one in told) / users < 0.05
    assert 0.02 < sum(one.shares for one in told) / users < 0.08


@given(st.integers(-30, 800), st.integers(0, 1_000_000))
def test_followers_are_those_of_yesterday_plus_new_minus_lost(step: int, following: int) -> None:
    world = world_of()
    account = account_of(world, followers=following)
    day = date(2025, 11, 1) + timedelta(days=step)
    new, lost = follower_change(world, account, day)
    before = followers(world, account, day - timedelta(days=1))
    assert followers(world, account, day) == before + new - lost
    assert min(new, lost, before) >= 0


def test_the_history_holds_about_the_posts_of_a_week_since_the_founding() -> None:
    world = world_of()
    account = account_of(world)
    ensure_history(world, account)
    items = world.of("wechat", "a")
    weeks = (NOW - FOUNDED) / timedelta(days=7)
    assert 0.8 * 4 * weeks < len(items) < 1.2 * 4 * weeks
    assert all(FOUNDED <= item.at <= NOW for item in items)
    assert all(item.extra["by_hand"] is True and item.remote_id.isdigit() for item in items)
    assert {item.extra["original"] for item in items} == {True, False}
    assert all(7 <= item.at.astimezone(BEIJING).hour < 21 for item in items)


@given(st.lists(st.integers(1, 20), max_size=8))
def test_the_history_is_the_same_whatever_the_steps(steps: list[int]) -> None:
    walked, jumped = world_of(), world_of()
    account, other = account_of(walked), account_of(jumped)
    for days in steps:
        ensure_history(walked, account)
        walked.move_to(walked.now() + timedelta(days=days, minutes=days))
    ensure_history(walked, account)
    ensure_history(walked, account)
    jumped.move_to(walked.now())
    ensure_history(jumped, other)
    told = [[(item.remote_id, item.title, item.at) for item in world.published] for world in (walked, jumped)]
    assert told[0] == told[1]


def test_a_clock_set_back_adds_nothing_twice() -> None:
    world = world_of()
    account = account_of(world)
    ensure_history(world, account)
    before = len(world.published)
    world.move_to(NOW - timedelta(days=10))
    ensure_history(world, account)
    world.move_to(NOW)
    ensure_history(world, account)
    assert len(world.published) == before


def test_another_seed_is_another_world() -> None:
    worlds = [world_of(seed) for seed in (1, 2)]
    for world in worlds:
        ensure_history(world, account_of(world))
    first, second = ({item.remote_id for item in world.published} for world in worlds)
    assert not first & second


def test_an_account_without_hand_made_posts_has_no_history() -> None:
    world = world_of()
    ensure_history(world, account_of(world, posts_per_week=0.0))
    assert world.published == []


@pytest.mark.parametrize(("platform", "moments"), [("wechat", 1), ("weibo", 3)])
def test_a_push_is_one_moment_and_single_posts_are_many(platform: str, moments: int) -> None:
    world = world_of()
    ensure_history(world, account_of(world, platform=platform, posts_per_week=21.0))
    days: dict[date, list[Published]] = {}
    for item in world.published:
        days.setdefault(item.at.astimezone(BEIJING).date(), []).append(item)
    full = [items for day, items in days.items() if day != NOW.astimezone(BEIJING).date()]
    assert all(len({item.at for item in items}) == moments for items in full)
    assert all([item.extra["push_position"] for item in items] == [1, 2, 3] for items in full)


def test_a_year_of_sixty_accounts_is_quick_and_every_id_is_unique() -> None:
    world = world_of(now=FOUNDED + timedelta(days=365))
    accounts = [account_of(world, f"a{number}") for number in range(60)]
    began = time.thread_time()
    for account in accounts:
        ensure_history(world, account)
    assert time.thread_time() - began < 2
    assert len(world.published) > 11_000
    assert len({item.remote_id for item in world.published}) == len(world.published)
