"""The demo, step by step: build, publish, collect, report, rank, by the product's own functions."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from time import perf_counter

from sqlalchemy import func, select
from sqlmodel import col

from analytics.awards.result import CategoryResult
from analytics.collection import CollectionReport
from config.clock import SHANGHAI, shanghai_day
from config.errors import MeizhenError
from config.settings import Settings, load_settings
from config.table_files import read_table
from meizhen.collecting import collect_figures
from meizhen.demo.accounts import DemoAccount, demo_accounts, write_accounts_file
from meizhen.demo.campaign import DAYS, first_day, write_posts_file
from meizhen.demo.platforms import Platforms, SharedClock, running_platforms
from meizhen.house import House, make_house, open_house
from meizhen.service import dispatcher_of
from organisation.account_import import import_accounts
from organisation.accounts import accounts_of
from organisation.unit_import import import_units
from scheduler.deliveries import Attempt, Delivery, State
from scheduler.outcomes import Purpose
from scheduler.post_import import import_posts

SEED = 2016
ACTOR = "demo"
NEW_YEAR = date(2026, 1, 1)
FREEZE = date(2027, 1, 10)
_MONDAY = 0
RULE = Path("awards/most-influential.toml")
_AWARD = "most-influential-2026"
# A few answers get lost on their way, as they do: each such post is looked up, none is sent twice.
FAULTS = (
    {"kind": "cut_after", "path": "/publish", "probability": 0.2},
    {"kind": "cut_after", "path": "/freepublish/submit", "probability": 0.03},
    {"kind": "cut_after", "path": "/statuses/share", "probability": 0.02},
)

Tell = Callable[[str, int, int], None]
"""Told of each step: its name in the catalogue `demo`, how much of how much is done."""


@dataclass
class Summary:
    """What the demo did; `shortfalls` names every step that fell short."""

    folder: str
    units: int = 0
    accounts: int = 0
    queued: int = 0
    deliveries: dict[str, int] = field(default_factory=dict)
    doubts_settled: int = 0
    received_twice: int = 0
    articles: int = 0
    figures: int = 0
    gaps: int = 0
    winners: list[dict[str, object]] = field(default_factory=list)
    run_id: str = ""
    files: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    shortfalls: list[str] = field(default_factory=list)


@dataclass
class _Stage:
    """What the steps share."""

    house: House
    platforms: Platforms
    clock: SharedClock
    folder: Path
    summary: Summary
    tell: Tell
    accounts: Sequence[DemoAccount] = ()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.summary.seconds[name] = round(perf_counter() - began, 1)

    def need(self, fact: bool, shortfall: str) -> None:
        if not fact:
            self.summary.shortfalls.append(shortfall)


@contextmanager
def demo(folder: Path, tell: Tell) -> Iterator[tuple[Summary, House, SharedClock]]:
    """Runs the demo in `folder` and keeps house, platforms and their clock open for the caller.

    Raises MeizhenError `demo.not_empty` for a folder that holds something else than an earlier demo.
    """
    _prepare(folder)
    with ExitStack() as stack:
        platforms = stack.enter_context(running_platforms(SEED))
        clock = SharedClock(datetime.combine(NEW_YEAR, time(8, 0), SHANGHAI), platforms)
        settings = _settings(folder)
        make_house(settings, clock)
        house = stack.enter_context(open_house(settings, clock))
        stage = _Stage(house, platforms, clock, folder, Summary(str(folder)), tell)
        for name, step in _STEPS:
            with stage.step(name):
                step(stage)
        yield stage.summary, house, clock


def _prepare(folder: Path) -> None:
    marker = folder / ".meizhen-demo"
    if folder.exists() and any(folder.iterdir()):
        if not marker.exists():
            raise MeizhenError("demo.not_empty", folder=folder)
        import shutil

        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _settings(folder: Path) -> Settings:
    language = os.environ.get("MEIZHEN_LANGUAGE", "zh")
    return load_settings(
        {
            "MEIZHEN_HOME": str(folder / "home"),
            "MEIZHEN_LANGUAGE": language,
            "MEIZHEN_ACTOR": ACTOR,
            "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8",  # where the platforms' doubles are
        }
    )


# --- the steps --------------------------------------------------------------------------------------------


def _organise(stage: _Stage) -> None:
    """Units, accounts and their doubles."""
    stage.tell("organise", 0, 1)
    house, now = stage.house, stage.clock.now()
    with as_file(files("meizhen.demo") / "units.csv") as units_file:
        units = read_table(units_file)
    stage.accounts = demo_accounts(units, stage.platforms.address)
    stage.platforms.add_accounts([account.double for account in stage.accounts])
    file = stage.folder / "accounts.csv"
    write_accounts_file(stage.accounts, file)
    with house.database.write() as session:
        stage.summary.units = import_units(session, house.keys, units, at=now, actor=ACTOR).added
        imported = import_accounts(session, house.keys, read_table(file), at=now, actor=ACTOR)
    stage.summary.accounts = len(imported.added)
    stage.need(len(imported.added) == len(stage.accounts), "accounts")
    stage.tell("organise", 1, 1)


def _spring_and_summer(stage: _Stage) -> None:
    """Week by week to the campaign: Weibo tells only of now, so its counts are read every Sunday."""
    _sundays(stage, "first_months", until=first_day())


def _queue(stage: _Stage) -> None:
    """The campaign's posts, queued on its first morning."""
    stage.tell("queue", 0, 1)
    from meizhen.demo.cover import draw_cover

    stage.clock.move_to(datetime.combine(first_day(), time(7, 0), SHANGHAI))
    cover = draw_cover(stage.folder / "cover.png")
    file = stage.folder / "posts.csv"
    asked = write_posts_file(stage.accounts, cover, file)
    house = stage.house
    imported = import_posts(
        house.database,
        house.keys,
        house.media_folder,
        file,
        lateness_hours=house.settings.lateness_hours,
        now=stage.clock.now(),
        actor=ACTOR,
    )
    stage.summary.queued = imported.deliveries
    stage.need(imported.deliveries == asked, "queue")
    stage.tell("queue", 1, 1)


def _publish(stage: _Stage) -> None:
    """The fortnight: every post at its time, figures collected before each Monday's report."""
    stage.platforms.set_faults(FAULTS)
    for day in range(DAYS):
        stage.tell("publish", day, DAYS)
        dispatcher = dispatcher_of(stage.house, advance=stage.clock.pass_time)
        tomorrow = datetime.combine(first_day() + timedelta(days=day + 1), time(8, 5), SHANGHAI)
        dispatcher.run(threading.Event(), until=tomorrow)
        if shanghai_day(tomorrow).weekday() == _MONDAY or day == DAYS - 1:
            _count(stage, collect_figures(stage.house, since=first_day()))
    stage.platforms.set_faults([])
    dispatcher = dispatcher_of(stage.house, advance=stage.clock.pass_time)
    dispatcher.run(threading.Event(), until_idle=True, patience=timedelta(days=2))
    stage.tell("publish", DAYS, DAYS)
    _check_published(stage)


def _check_published(stage: _Stage) -> None:
    summary = stage.summary
    with stage.house.database.read() as session:
        counted = session.execute(select(col(Delivery.state), func.count()).group_by(col(Delivery.state)))
        summary.deliveries = {row[0]: row[1] for row in counted}
        found = select(func.count(func.distinct(col(Attempt.delivery_id)))).where(
            col(Attempt.purpose) == Purpose.FIND, col(Attempt.outcome).in_(("published", "accepted"))
        )
        summary.doubts_settled = session.execute(found).scalar_one()
    settled = {State.PUBLISHED, State.HANDED_OVER}
    stage.need(set(summary.deliveries) <= {str(state) for state in settled}, "publish")
    received = stage.platforms.counts()
    summary.received_twice = sum(row["publications"] > 1 for row in received)
    stage.need(summary.received_twice == 0, "once")
    published = summary.deliveries.get(State.PUBLISHED, 0)
    stage.need(len(received) == published, "received")


def _report(stage: _Stage) -> None:
    """The weekly export of the campaign's first whole week, with the week before beside it."""
    from analytics import export_week

    stage.tell("report", 0, 1)
    monday = first_day() + timedelta(days=(7 - first_day().weekday()) % 7)
    year, week, _ = monday.isocalendar()
    paths = export_week(stage.house.database, f"{year}-W{week:02}", stage.folder)
    stage.summary.files |= {f"weekly_{name}": str(path) for name, path in paths.items()}
    stage.tell("report", 1, 1)


def _autumn(stage: _Stage) -> None:
    """On to the day of the freeze."""
    _sundays(stage, "last_months", until=FREEZE)
    stage.clock.move_to(datetime.combine(FREEZE, time(9, 0), SHANGHAI))


def _backfill(stage: _Stage) -> None:
    """What platforms still tell of the whole year: WeChat by publish day, questions and answers."""
    with stage.house.database.read() as session:
        accounts = [
            account
            for platform in ("wechat", "youth_voice")
            for account in accounts_of(session, platform=platform)
        ]
    report = collect_figures(
        stage.house,
        accounts=accounts,
        since=NEW_YEAR,
        until=date(NEW_YEAR.year, 12, 31),
        account_days=False,
        progress=lambda done, whole: stage.tell("year", done, whole),
    )
    _count(stage, report)
    # Who asked and who answered this year, as the sites tell it at the year's end.
    sites = [account for account in accounts if account.platform == "youth_voice"]
    year_end = date(NEW_YEAR.year, 12, 31)
    _count(stage, collect_figures(stage.house, accounts=sites, since=year_end, until=year_end))


def _award(stage: _Stage) -> None:
    """The ranking of the year's most influential accounts."""
    from analytics import run_award

    stage.tell("award", 0, 1)
    with as_file(files("config") / "defaults" / RULE) as rule:
        result = run_award(stage.house.database, rule, stage.house.settings.awards_root / _AWARD)
    stage.summary.run_id = result.run_id
    stage.summary.files |= {name: str(path) for name, path in result.paths.items()}
    stage.summary.winners = _winners(result.categories)
    categories = {winner["category"] for winner in stage.summary.winners}
    stage.need(len(categories) == 3, "award")
    stage.tell("award", 1, 1)


# --- what steps share -------------------------------------------------------------------------------------


def _sundays(stage: _Stage, name: str, *, until: date) -> None:
    """Reads Weibo's live counts on the evening of every Sunday before `until`."""
    today = shanghai_day(stage.clock.now())
    sunday = today + timedelta(days=6 - today.weekday())
    evenings = []
    while sunday < until:
        evenings.append(datetime.combine(sunday, time(22, 0), SHANGHAI))
        sunday += timedelta(days=7)
    with stage.house.database.read() as session:
        accounts = accounts_of(session, platform="weibo")
    for number, evening in enumerate(evenings):
        stage.tell(name, number, len(evenings))
        stage.clock.move_to(evening)
        report = collect_figures(
            stage.house, accounts=accounts, since=shanghai_day(evening) - timedelta(days=30)
        )
        _count(stage, report)
    stage.tell(name, len(evenings), len(evenings))


def _count(stage: _Stage, report: CollectionReport) -> None:
    stage.summary.figures += report.figures
    stage.summary.articles += report.articles
    # An account that is not verified has no statistics interface: that hole is as it should be.
    unverified = {account.name for account in stage.accounts if account.row["verified"] == "no"}
    stage.summary.gaps += len(report.failures)
    for failure in report.failures:
        stage.need(failure.account in unverified, f"collect {failure.account} {failure.code}")


def _winners(categories: Sequence[CategoryResult]) -> list[dict[str, object]]:
    return [
        {
            "category": result.category.label.zh,
            "track": track.track.label.zh,
            "place": placed.place,
            "account": placed.name,
            "unit": placed.unit,
            "index": str(placed.index),
            "score": str(placed.score),
        }
        for result in categories
        for track in result.tracks
        for placed in track.places
        if placed.awarded
    ]


_STEPS: tuple[tuple[str, Callable[[_Stage], None]], ...] = (
    ("organise", _organise),
    ("first_months", _spring_and_summer),
    ("queue", _queue),
    ("publish", _publish),
    ("report", _report),
    ("last_months", _autumn),
    ("year", _backfill),
    ("award", _award),
)
