"""Platforms that say "not now": the account waits for as long as it was told, never less, and nobody else."""

import random
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from oracle import Trial
from scenery import attempts, delivery
from sqlmodel import select

from config.clock import SHANGHAI
from sandbox.world import Fault
from scheduler import cancel
from scheduler.deliveries import Attempt, Delivery, State


def calls_between(trial: Trial, account_id: int, since: datetime, until: datetime) -> int:
    """Calls about an account's posts that began after `since` and before `until`."""
    with trial.database.read() as session:
        rows = session.exec(
            select(Attempt.started_at)
            .join(Delivery, Delivery.id == Attempt.delivery_id)  # type: ignore[arg-type]
            .where(Delivery.account_id == account_id)
        )
        return sum(since < at < until for at in rows)


@pytest.mark.fault(27)
@pytest.mark.parametrize("said", ["seconds", "date", "nothing", "nonsense"])
def test_retry_after_closes_the_account_and_is_never_undercut(
    said: str, trial: Trial, chance: random.Random
) -> None:
    began = trial.clock.now()
    wait = timedelta(seconds=chance.randint(61, 1500))
    headers = {
        "seconds": str(int(wait.total_seconds())),
        "date": format_datetime(began + wait, usegmt=True),
        "nothing": "",
        "nonsense": "soon, perhaps",
    }
    until = began + (wait if said in ("seconds", "date") else timedelta(seconds=60))
    busy, other = trial.account("webhook", "busy"), trial.account("youth_voice", "other")
    ids = trial.queue(busy, 4)
    elsewhere = trial.queue(other, 4)
    trial.strike(Fault("throttle", path="/publish", times=1, value=headers[said]))
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 8}
    assert calls_between(trial, busy.known_id, began, until) == 0
    assert [call.outcome for call in attempts(trial.database, ids[0])] == ["throttled", "published"]
    for id_ in elsewhere:
        published_at = delivery(trial.database, id_).published_at
        assert published_at is not None and published_at - began < timedelta(seconds=30)


@pytest.mark.fault(27)
def test_a_new_node_and_a_wait_after_a_wait_undercut_nothing(trial_on_both: Trial) -> None:
    trial = trial_on_both
    account = trial.account()
    trial.queue(account, 3)
    began = trial.clock.now()
    trial.strike(Fault("throttle", path="/publish", times=2, value="1800"))
    trial.run(timedelta(minutes=1))
    assert trial.judge() == {State.QUEUED: 3}
    for _ in range(3):  # restarts in the closed time
        trial.clock.advance(300)
        trial.run(timedelta(seconds=30))
    assert trial.world.calls["POST /webhook/publish"] == 1
    trial.run(timedelta(hours=2))
    assert trial.judge() == {State.PUBLISHED: 3}
    with trial.database.read() as session:
        first_published = min(at for at in session.exec(select(Delivery.published_at)) if at)
    assert first_published - began >= timedelta(seconds=3600)


@pytest.mark.fault(27)
def test_a_used_up_day_of_wechat_goes_on_after_beijings_midnight_whatever_becomes_of_the_post(
    trial: Trial,
) -> None:
    submit = "/cgi-bin/freepublish/submit"
    account = trial.account("wechat", "qnzs")
    there = trial.world.account("wechat", "qnzs")
    assert there is not None
    first, second = trial.queue(account, 2, media=[trial.cover()], lateness=timedelta(days=2))
    there.switches["daily_limit"] = {submit: 0}
    trial.run(timedelta(hours=1))
    assert trial.judge() == {State.QUEUED: 2}
    assert attempts(trial.database, first)[0].platform_code == "45009"
    with trial.database.write() as session:  # the quota is the account's, not this post's
        cancel(session, trial.keys, [first], now=trial.clock.now(), actor="test")
    trial.run(timedelta(hours=1))
    assert trial.judge() == {State.CANCELLED: 1, State.QUEUED: 1}
    assert trial.world.calls[f"POST /wechat{submit}"] == 1
    there.switches["daily_limit"] = {}
    trial.run(timedelta(days=1))
    assert trial.judge() == {State.CANCELLED: 1, State.PUBLISHED: 1}
    midnight = datetime(2026, 3, 3, tzinfo=SHANGHAI)
    assert attempts(trial.database, second)[0].started_at >= midnight


@pytest.mark.fault(27)
@pytest.mark.parametrize(("code", "wait"), [(10023, 3600), (20016, 600)], ids=str)
def test_a_used_up_window_of_weibo_closes_only_its_account(code: int, wait: int, trial: Trial) -> None:
    began = trial.clock.now()
    full, free = trial.account("weibo", "full"), trial.account("weibo", "free")
    there = trial.world.account("weibo", "full")
    assert there is not None
    there.switches["error_code"] = {"/2/statuses/share.json": code}
    ids = trial.queue(full, 2)
    trial.queue(free, 2)
    trial.run(timedelta(minutes=5))
    assert trial.judge() == {State.QUEUED: 2, State.PUBLISHED: 2}
    there.switches["error_code"] = {}
    trial.run(timedelta(hours=2))
    assert trial.judge() == {State.PUBLISHED: 4}
    assert calls_between(trial, full.known_id, began, began + timedelta(seconds=wait)) == 0
    assert attempts(trial.database, ids[0])[0].platform_code == str(code)
