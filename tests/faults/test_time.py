"""Clocks that jump, days that are not there, hours that come twice, zones that are not Beijing's."""

import csv
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
import time_machine
from command import command
from oracle import Trial
from scenery import attempts, delivery, make_account, make_node, queue_posts

from analytics.imports import import_figures
from config import Database, InputError, ManualClock, MeizhenError, SystemClock
from config.clock import SHANGHAI, shanghai_day
from config.secrets import KeyRing
from scheduler import reschedule
from scheduler.deliveries import State
from scheduler.post_import import import_posts
from scheduler.posts import parse_due, parse_moment

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

# 10, 11 and 17: the clock jumps, or the house was closed.


@pytest.mark.fault(10)
def test_an_hour_forward_sends_what_is_late_within_its_limit_and_holds_the_rest(
    trial_on_both: Trial, chance: Random
) -> None:
    trial = trial_on_both
    account = trial.account()
    due = trial.clock.now() + timedelta(minutes=chance.randint(1, 20))
    patient = trial.queue(account, 3, due=due, lateness=2 * HOUR)
    strict = trial.queue(account, 3, due=due, lateness=timedelta(minutes=30))
    trial.run(timedelta(0))
    assert trial.received() == []
    trial.clock.advance(3600)
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 3, State.MISSED: 3}
    assert [delivery(trial.database, id_).state for id_ in (*patient, *strict)] == [
        *[State.PUBLISHED] * 3,
        *[State.MISSED] * 3,
    ]


@pytest.mark.fault(11)
def test_an_hour_back_sends_nothing_twice_and_waits_for_the_time_to_come_again(
    trial_on_both: Trial, chance: Random
) -> None:
    trial = trial_on_both
    account = trial.account()
    began = trial.clock.now()
    trial.queue(account, 4)
    later = trial.queue(account, 2, due=began + timedelta(minutes=30))
    trial.run(timedelta(minutes=5))
    assert len(trial.received()) == 4
    trial.clock.move_to(trial.clock.now() - HOUR - timedelta(seconds=chance.randint(0, 300)))
    trial.run(timedelta(minutes=50))
    assert len(trial.received()) == 4
    trial.run(2 * HOUR)
    assert trial.judge() == {State.PUBLISHED: 6}
    for id_ in later:
        (call,) = attempts(trial.database, id_)
        assert call.started_at >= began + timedelta(minutes=30)


@pytest.mark.fault(10, 11)
@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_jump_of_the_machines_clock_moves_no_post_of_a_running_node(jump: timedelta, trial: Trial) -> None:
    clock = SystemClock()
    trial.world.move_to(clock.now())
    account = trial.account()
    trial.queue(account, 2, due=clock.now())
    (soon,) = trial.queue(account, due=clock.now() + timedelta(minutes=30))
    node = make_node(trial.database, trial.keys, clock, trial.folder)
    with time_machine.travel(datetime.now(UTC) + jump, tick=True):
        node.run(threading.Event(), until_idle=True, patience=timedelta(minutes=2))
    assert len(trial.received()) == 2
    assert delivery(trial.database, soon).state == State.QUEUED


@pytest.mark.fault(17)
def test_three_days_down_hold_every_late_post_for_a_person_and_send_what_is_due_now(
    trial_on_both: Trial,
) -> None:
    trial = trial_on_both
    accounts = [trial.account("webhook", f"site{number}") for number in range(3)]
    old = [id_ for account in accounts for id_ in trial.queue(account, 3)]
    trial.clock.advance(3 * 24 * 3600)
    for account in accounts:
        trial.queue(account, 2)
    trial.run()
    assert trial.judge() == {State.MISSED: 9, State.PUBLISHED: 6}
    with trial.database.write() as session:
        now = trial.clock.now()
        reschedule(session, trial.keys, old, due=now, now=now, actor="test")
    trial.run()
    assert trial.judge(in_order=False) == {State.PUBLISHED: 15}


# 12: moments that are odd, or none.


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2028-02-29 09:00", "2028-02-29T01:00:00Z"),
        ("2028/2/29", "2028-02-28T16:00:00Z"),
        ("2026-12-31 23:59:59", "2026-12-31T15:59:59Z"),
        ("2027-01-01T00:00:00+08:00", "2026-12-31T16:00:00Z"),
        ("2026-12-31T24:00:00Z", None),
        ("2026-12-31T23:59:60Z", None),  # a leap second
        ("2027-01-01 07:59:60", None),
        ("2027-02-29 09:00", None),
        ("2100-02-29 09:00", None),
        ("2026-04-31 09:00", None),
    ],
)
def test_an_odd_moment_is_that_moment_or_refused_by_name(told: str, moment: str | None) -> None:
    if moment is not None:
        assert parse_due(told, NOW) == datetime.fromisoformat(moment)
        return
    with pytest.raises(MeizhenError) as caught:
        parse_due(told, NOW)
    assert caught.value.code == "input.not_a_moment"
    assert told in str(caught.value)


@pytest.mark.fault(12)
@pytest.mark.parametrize("eve", ["2026-12-31T15:59:59Z", "2028-02-28T15:59:59Z", "2028-02-29T15:59:59Z"])
def test_posts_around_a_midnight_go_out_at_their_moments(eve: str, trial: Trial) -> None:
    midnight = datetime.fromisoformat(eve) + timedelta(seconds=1)
    trial.clock.move_to(midnight - HOUR)
    account = trial.account()
    dues = [midnight + timedelta(seconds=seconds) for seconds in (-60, -1, 0, 1, 60)]
    ids = [id_ for due in dues for id_ in trial.queue(account, due=due)]
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 5}
    for id_, due in zip(ids, dues, strict=True):
        (call,) = attempts(trial.database, id_)
        assert timedelta(0) <= call.started_at - due <= timedelta(seconds=2)


# 13: summer time in Shanghai, 1986 to 1991: an hour is missing in spring and comes twice in autumn.


def edges() -> list[tuple[datetime, bool]]:
    """The hours at which the clocks were changed (UTC), and whether forward."""
    found = []
    at = datetime(1986, 1, 1, tzinfo=UTC)
    while at < datetime(1992, 1, 1, tzinfo=UTC):
        before, after = (moment.astimezone(SHANGHAI).utcoffset() for moment in (at, at + HOUR))
        if before != after:
            assert before is not None and after is not None
            found.append((at + HOUR, after > before))
        at += HOUR
    return found


@pytest.mark.fault(13)
def test_there_are_twelve_edges_and_the_two_of_the_list_are_among_them() -> None:
    days = [shanghai_day(at) for at, _ in edges()]
    assert len(days) == 12
    assert {date(1986, 5, 4), date(1991, 9, 15)} <= set(days)


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("at", "forward"), edges(), ids=lambda told: f"{told:%F}" if told != bool(told) else ""
)
def test_a_wall_clocks_hour_at_the_edge_is_one_moment_in_utc(at: datetime, forward: bool) -> None:
    """Missing hours are read as the time just passed tells them, repeated ones as their first coming."""
    wall = (at - HOUR).astimezone(SHANGHAI).replace(tzinfo=None) + (HOUR if forward else timedelta(0))
    for minutes in (0, 30, 59):
        told = f"{wall + timedelta(minutes=minutes):%Y-%m-%d %H:%M}"
        moment = parse_moment(told, NOW)
        assert moment.utcoffset() == timedelta(0)
        assert moment == at - (timedelta(0) if forward else HOUR) + timedelta(minutes=minutes)


@pytest.mark.fault(13)
def test_posts_of_those_hours_are_stored_in_utc_and_come_back_as_they_were(
    database: Database, keys: KeyRing
) -> None:
    account = make_account(database, keys, "webhook", "archive")
    moments = [at + step for at, _ in edges() for step in (-HOUR / 2, timedelta(0), HOUR / 2)]
    for moment in moments:
        (id_,) = queue_posts(database, account, ["旧"], due=moment.astimezone(SHANGHAI), now=NOW)
        assert delivery(database, id_).due == moment


def table(path: Path, *rows: tuple[str, ...]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.fault(13)
def test_an_import_of_those_years_names_every_cell_and_never_crashes(
    sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    make_account(sqlite, keys, "webhook", "archive", credentials={"token": "t"})
    days = [f"{at.astimezone(SHANGHAI).replace(tzinfo=None) - HOUR / 2:%Y-%m-%d %H:%M}" for at, _ in edges()]
    days += ["1986-05-04 02:30", "1991-09-15 01:30"]
    posts = table(
        tmp_path / "posts.csv",
        ("account", "due", "text"),
        *(("webhook:archive", day, f"旧{day}") for day in days),
    )
    with pytest.raises(InputError) as caught:
        import_posts(sqlite, keys, tmp_path, posts, lateness_hours=2, now=clock.now(), actor="test")
    told = [(problem.row, problem.column, problem.code) for problem in caught.value.problems]
    assert told == [(row, "due", "post.due_past") for row in range(2, 2 + len(days))]

    account = make_account(sqlite, keys, "wechat", "archive")
    header = ("内容标题", "发表时间", "总阅读人数", "阅读完成率", "内容url")
    figures = table(
        tmp_path / "figures.csv",
        header,
        *((f"旧{number}", day, "12", "50%", "") for number, day in enumerate(days)),
    )
    with pytest.raises(InputError) as caught:
        import_figures(sqlite, keys, clock, figures, account, actor="test")
    told = [(problem.row, problem.column, problem.code) for problem in caught.value.problems]
    assert told == [(row, "发表时间", "input.not_a_date") for row in range(2, 2 + len(days))]


# 14: Urumqi is two hours behind, and says so.


@pytest.mark.fault(14)
def test_a_moment_of_urumqi_is_that_moment_and_without_a_zone_it_is_beijings(trial: Trial) -> None:
    assert datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("Asia/Urumqi")).utcoffset() == timedelta(hours=6)
    trial.account()
    posts = table(
        trial.folder / "posts.csv",
        ("account", "due", "text"),
        ("webhook:site", "2026-03-02T08:00:00+06:00", "乌鲁木齐八点〔1〕"),
        ("webhook:site", "2026-03-02 10:30", "北京十点半〔2〕"),
        ("webhook:site", "2026-03-02T11:00+08:00", "北京十一点〔3〕"),
    )
    import_posts(
        trial.database,
        trial.keys,
        trial.folder,
        posts,
        lateness_hours=2,
        now=trial.clock.now(),
        actor="test",
    )
    trial.run(timedelta(hours=6))
    assert trial.judge() == {State.PUBLISHED: 3}
    told = [(item.text, item.at.astimezone(SHANGHAI).strftime("%H:%M")) for item in trial.world.published]
    assert told == [
        ("乌鲁木齐八点〔1〕", "10:00"),
        ("北京十点半〔2〕", "10:30"),
        ("北京十一点〔3〕", "11:00"),
    ]


@pytest.mark.fault(14)
def test_the_zone_stands_beside_every_time_that_is_handed_on(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trial.queue(trial.account(), 2)
    trial.run()
    monkeypatch.setenv("MEIZHEN_HOME", str(trial.folder))
    told = command(monkeypatch, capsys)("post", "list", "--json").json()
    dues = [datetime.fromisoformat(item["due"]) for item in told]
    assert len(dues) == 2
    assert {due.utcoffset() for due in dues} <= {timedelta(0), timedelta(hours=8)}
    assert set(dues) == {datetime(2026, 3, 2, 1, tzinfo=UTC)}
