"""Figures that go backwards, are pulled twice or come spoilt: stored as told, once, and holes stay holes."""

import random
from datetime import date
from decimal import Decimal

import pytest
from oracle import Trial
from sqlmodel import col, select

from analytics.articles import AccountDayFigure, Article, CollectionGap, Snapshot
from analytics.collection import CollectionReport, collect
from config.settings import load_settings
from organisation.access import access_for, http_for
from organisation.accounts import Account
from sandbox.world import Fault

YESTERDAY = date(2026, 3, 1)
SPOILT = ("html", "truncated_json", "null", "nan", "duplicate_keys", "deep", "gbk", "cut_after", "status")


def pull(trial: Trial) -> CollectionReport:
    """One collection of yesterday, over HTTP."""
    settings = load_settings({"MEIZHEN_HOME": str(trial.folder), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"})
    return collect(
        trial.database,
        trial.clock,
        since=YESTERDAY,
        until=YESTERDAY,
        workers=1,
        access_for=lambda account: access_for(
            trial.database,
            trial.keys,
            account,
            clock=trial.clock,
            http=http_for(account.platform, settings),
        ),
    )


def stored(trial: Trial) -> list[tuple[object, ...]]:
    """Every stored figure, with when it was first seen."""
    with trial.database.read() as session:
        articles = session.exec(
            select(Article.remote_id, Snapshot.metric, Snapshot.as_of, Snapshot.value, Snapshot.collected_at)
            .join(Snapshot, col(Snapshot.article_id) == col(Article.id))
            .order_by(col(Article.remote_id), col(Snapshot.metric), col(Snapshot.as_of))
        ).all()
        days = session.exec(
            select(
                AccountDayFigure.metric,
                AccountDayFigure.day,
                AccountDayFigure.value,
                AccountDayFigure.collected_at,
            ).order_by(col(AccountDayFigure.metric), col(AccountDayFigure.day))
        ).all()
    return [tuple(row) for row in (*articles, *days)]


def holes(trial: Trial) -> int:
    with trial.database.read() as session:
        return len(session.exec(select(CollectionGap).where(col(CollectionGap.closed_at).is_(None))).all())


@pytest.fixture
def site(trial_on_both: Trial) -> tuple[Trial, Account]:
    """A site with questions of yesterday and an announcement of ours; it is 09:00 in Beijing."""
    trial = trial_on_both
    account = trial.account("youth_voice", "qn")
    there = trial.world.account("youth_voice", "qn")
    assert there is not None
    there.posts_per_week = 35.0
    now = trial.clock.now()
    trial.clock.advance(-24 * 3600)
    trial.queue(account, 2)
    trial.run()
    trial.clock.move_to(now)
    return trial, account


@pytest.mark.fault(39)
def test_figures_pulled_twice_stand_there_once_as_first_seen(site: tuple[Trial, Account]) -> None:
    trial, _ = site
    pull(trial)
    before = stored(trial)
    assert len(before) > 10
    trial.clock.advance(0.001)
    pull(trial)
    assert stored(trial) == before


@pytest.mark.fault(39)
def test_a_count_that_fell_is_stored_as_told_beside_the_higher_one_of_the_day_before(
    site: tuple[Trial, Account],
) -> None:
    """Platforms take false readers out again: the latest is what they say, and yesterday's stays."""
    trial, _ = site
    trial.clock.advance(24 * 3600)
    pull(trial)

    def views() -> dict[tuple[str, date], Decimal]:
        with trial.database.read() as session:
            rows = session.exec(
                select(Article.remote_id, Snapshot.as_of, Snapshot.value)
                .join(Snapshot, col(Snapshot.article_id) == col(Article.id))
                .where(Snapshot.metric == "read_events", Article.kind == "announcement")
            )
            return {(remote_id, as_of): value for remote_id, as_of, value in rows}

    before = views()
    there = trial.world.account("youth_voice", "qn")
    assert there is not None and before
    there.strength /= 10
    trial.clock.advance(24 * 3600)
    pull(trial)
    after = views()
    assert {key: after[key] for key in before} == before
    fallen = {key: value for key, value in after.items() if key not in before}
    assert len(fallen) == len(before)
    earlier = {remote_id: value for (remote_id, _), value in before.items()}
    assert all(value < earlier[remote_id] for (remote_id, _), value in fallen.items())
    pull(trial)
    assert views() == after


@pytest.mark.fault(29, 30, 31, 32)
@pytest.mark.parametrize("kind", SPOILT)
def test_figures_that_come_spoilt_are_a_hole_until_they_come_whole(kind: str, trial: Trial) -> None:
    trial.account("youth_voice", "qn")
    there = trial.world.account("youth_voice", "qn")
    assert there is not None
    there.posts_per_week = 35.0
    trial.strike(Fault(kind, path="/youth_voice"))
    report = pull(trial)
    assert stored(trial) == []
    assert holes(trial) >= 1
    assert len(report.failures) >= 1
    trial.strike()
    pull(trial)
    assert len(stored(trial)) > 10
    assert holes(trial) == 0


@pytest.mark.fault(39)
def test_a_collection_that_breaks_in_the_middle_is_completed_by_the_next(
    site: tuple[Trial, Account], chance: random.Random
) -> None:
    trial, _ = site
    paths = ("/announcements", "/questions", "/days")
    trial.strike(Fault("cut_after", path=chance.choice(paths), times=2))
    pull(trial)
    trial.strike()
    pull(trial)
    whole = {row[:-1] for row in stored(trial)}
    assert holes(trial) == 0
    pull(trial)
    assert {row[:-1] for row in stored(trial)} == whole
