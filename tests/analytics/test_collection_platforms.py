"""Collecting over HTTP from every platform double that tells figures; a new one is taken up unedited."""

from datetime import date, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from scenery import make_account
from sqlmodel import select

from analytics import load
from analytics.articles import Article, Snapshot
from analytics.collection import CollectionReport, collect
from analytics.gaps import list_gaps
from config import Database, ManualClock
from config.secrets import KeyRing
from connectors import Access, Http, connector_for, platforms
from organisation.access import access_for
from organisation.accounts import Account
from sandbox.world import BEIJING, Fault

TELLING = [name for name in platforms() if "articles" in connector_for(name).capabilities]
PUBLISHED = date(2026, 2, 25)


class Stage:
    """One account at one platform's double, with a post made by hand a few days ago."""

    def __init__(
        self, platform: str, database: Database, keys: KeyRing, clock: ManualClock, sandbox: SimpleNamespace
    ) -> None:
        self.platform, self.database, self.keys, self.clock = platform, database, keys, clock
        self.world = sandbox.world
        double = import_module(f"sandbox.platforms.{platform}")
        credentials = double.example(self.world, "binhe").credentials
        address = f"{sandbox.url}/{platform}"
        self.account = make_account(
            database, keys, platform, "binhe", api_base=address, credentials=credentials
        )
        at = datetime(PUBLISHED.year, PUBLISHED.month, PUBLISHED.day, 10, tzinfo=BEIJING)
        self.world.publish(
            platform, "binhe", remote_id="2650184411", title="主题团日", text="正文", at=at, by_hand=True
        )
        self.http = Http(platform, seconds=5.0)

    def collect(self) -> CollectionReport:
        return collect(self.database, self.clock, access_for=self.opened, since=PUBLISHED - timedelta(days=2))

    def opened(self, account: Account) -> Access:
        return access_for(self.database, self.keys, account, clock=self.clock, http=self.http)

    def tomorrow(self) -> None:
        self.clock.advance(24 * 3600)
        self.world.move_to(self.clock.now())

    def gaps(self) -> list[tuple[str, str]]:
        with self.database.read() as session:
            return [(gap.subject, gap.code) for gap in list_gaps(session)]


@pytest.fixture(params=TELLING)
def stage(
    request: pytest.FixtureRequest,
    database: Database,
    keys: KeyRing,
    clock: ManualClock,
    sandbox: SimpleNamespace,
) -> Stage:
    return Stage(request.param, database, keys, clock, sandbox)


def test_articles_and_their_figures_arrive(stage: Stage) -> None:
    report = stage.collect()
    assert (report.accounts, report.failures, stage.gaps()) == (1, [], [])
    assert report.articles >= 1
    frame = load(stage.database)
    declared = {
        metric.name: metric.unit.value
        for metric in connector_for(stage.platform).metrics
        if metric.level == "article"
    }
    assert not frame.empty
    assert {name: declared[name] for name in set(frame["metric"])} == dict(
        zip(frame["metric"], frame["counts"], strict=True)
    )
    assert set(frame["source_kind"]) == {"api"}


def test_the_accounts_own_days_arrive(stage: Stage) -> None:
    if "account_day" not in connector_for(stage.platform).capabilities:
        pytest.skip("the platform tells nothing of the account itself")
    stage.collect()
    frame = load(stage.database, kind="account_days")
    assert not frame.empty
    stage.tomorrow()
    stage.collect()
    assert load(stage.database, kind="account_days")["day"].max() > frame["day"].max()


def test_collected_twice_the_same_day_nothing_changes(stage: Stage) -> None:
    stage.collect()
    before = load(stage.database), load(stage.database, kind="account_days")
    stage.collect()
    assert before[0].equals(load(stage.database))
    assert before[1].equals(load(stage.database, kind="account_days"))


def test_daily_runs_leave_the_ages_that_are_kept(stage: Stage) -> None:
    for _ in range(6):
        assert stage.collect().failures == []
        stage.tomorrow()
    with stage.database.read() as session:
        told = session.exec(
            select(Article.published_day, Snapshot.as_of)
            .join(Snapshot, Snapshot.article_id == Article.id)  # type: ignore[arg-type]
            .where(Article.published_day == PUBLISHED)
            .distinct()
        ).all()
    ages = {(as_of - published).days for published, as_of in told}
    newest = max(ages)
    assert newest >= 8
    assert ages <= {1, 2, 3, 4, 7, newest}  # 4: the Sunday
    assert 7 in ages


def test_a_platform_that_is_down_leaves_holes_and_the_next_run_goes_on(stage: Stage) -> None:
    stage.world.faults.append((Fault("status", value="503"), [0]))
    report = stage.collect()
    assert report.failures
    assert {subject for subject, _ in stage.gaps()} >= {"articles"}
    stage.world.faults.clear()
    stage.clock.advance(3600)
    stage.world.move_to(stage.clock.now())
    assert stage.collect().failures == []
    assert stage.gaps() == []
    assert load(stage.database)["age"].max() >= timedelta(days=4).days
