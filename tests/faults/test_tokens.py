"""Tokens that die in the middle: one renewal, one pause, one call for help; and nodes that renew together."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from oracle import Trial

from config.database import Database, connect
from config.settings import load_settings
from connectors import Access
from connectors._wechat_api import WeChatApi
from organisation.access import access_for, http_for
from organisation.accounts import Account
from sandbox.world import SandboxAccount
from scheduler import queue_status
from scheduler.deliveries import State

TOKEN = "POST /wechat/cgi-bin/stable_token"
SUBMIT = "/cgi-bin/freepublish/submit"


def counterpart(trial: Trial, account: Account) -> SandboxAccount:
    there = trial.world.account(account.platform, account.handle)
    assert there is not None
    return there


def after_two(trial: Trial, happens: Callable[[], None]) -> None:
    """Six posts, of which two are out when it happens."""
    account = trial.accounts[0]
    cover = [trial.cover()] if account.platform == "wechat" else []
    trial.queue(account, 2, media=cover)
    trial.run()
    trial.queue(account, 4, media=cover)
    happens()
    trial.run()


def calls_for_help(trial: Trial) -> tuple[int, int]:
    """Posts and accounts that wait for a person."""
    with trial.database.read() as session:
        standing = queue_status(session, trial.clock.now())
    return standing.needs_person, standing.paused_accounts


@pytest.mark.fault(25)
@pytest.mark.parametrize("code", [40001, 40014, 42001], ids=str)
def test_a_token_that_a_renewal_does_not_help_pauses_the_account_with_one_alert(
    code: int, trial_on_both: Trial
) -> None:
    trial = trial_on_both
    there = counterpart(trial, trial.account("wechat", "qnzs"))
    after_two(trial, lambda: there.switches.update(errcode={SUBMIT: code}))
    assert trial.judge() == {State.PUBLISHED: 2, State.FAILED: 1, State.QUEUED: 3}
    assert calls_for_help(trial) == (1, 1)
    assert trial.world.calls[TOKEN] == 2  # at the beginning, and once more
    assert trial.world.calls[f"POST /wechat{SUBMIT}"] == 2 + 2  # the third post, and again after renewing


@pytest.mark.fault(25)
def test_a_token_that_ended_before_its_time_is_renewed_once_and_all_six_go_out(trial: Trial) -> None:
    there = counterpart(trial, trial.account("wechat", "qnzs"))
    after_two(trial, lambda: there.state["tokens"].clear())
    assert trial.judge() == {State.PUBLISHED: 6}
    assert trial.world.calls[TOKEN] == 2
    assert calls_for_help(trial) == (0, 0)


@pytest.mark.fault(25)
def test_an_authorisation_that_only_its_holder_can_renew_pauses_the_account_with_one_alert(
    trial: Trial,
) -> None:
    there = counterpart(trial, trial.account("weibo", "neimenggu"))
    after_two(trial, lambda: there.state.update(revoked=True))
    assert trial.judge() == {State.PUBLISHED: 2, State.FAILED: 1, State.QUEUED: 3}
    assert calls_for_help(trial) == (1, 1)
    assert trial.world.calls["POST /weibo/2/statuses/share.json"] == 3


@pytest.mark.fault(25)
def test_a_site_that_no_longer_knows_our_token_gets_no_second_post(trial: Trial) -> None:
    there = counterpart(trial, trial.account("youth_voice", "qn"))
    after_two(trial, lambda: there.credentials.update(token="another-token-entirely"))
    assert trial.judge() == {State.PUBLISHED: 2, State.FAILED: 1, State.QUEUED: 3}
    assert calls_for_help(trial) == (1, 1)


@pytest.mark.fault(26)
def test_nodes_that_lose_their_token_together_renew_it_once(trial_on_both: Trial, database: Database) -> None:
    """Two nodes and three callers in each; five races, a hundred in a night."""
    trial = trial_on_both
    account = trial.account("wechat", "qnzs")
    there = counterpart(trial, account)
    other = connect(database.engine.url.render_as_string(hide_password=False))
    settings = load_settings({"MEIZHEN_HOME": str(trial.folder), "MEIZHEN_PRIVATE_NETWORKS": "127.0.0.0/8"})
    accesses = [
        access_for(node, trial.keys, account, clock=trial.clock, http=http_for("wechat", settings))
        for node in (database, other)
        for _ in range(3)
    ]
    for race in range(1, 6):
        there.state.get("tokens", {}).clear()
        accesses[0].memory.forget("token")
        got: list[str] = []
        ready = threading.Barrier(len(accesses))

        def ask(access: Access, got: list[str] = got, ready: threading.Barrier = ready) -> None:
            access.memory._read.clear()  # type: ignore[attr-defined]  # as after two seconds
            ready.wait(10)
            got.append(WeChatApi(access).token())

        threads = [threading.Thread(target=ask, args=(access,)) for access in accesses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(got) == len(accesses) and len(set(got)) == 1
        assert trial.world.calls[TOKEN] == race
    other.close()


@pytest.mark.fault(26)
def test_two_nodes_whose_tokens_die_at_once_send_each_post_once(trial_on_both: Trial) -> None:
    trial = trial_on_both
    cover = [trial.cover()]
    for number in range(4):
        trial.queue(trial.account("wechat", f"qnzs{number}"), 2, media=cover)
    trial.run()
    for account in trial.accounts:
        counterpart(trial, account).state["tokens"].clear()
        trial.queue(account, 2, media=cover)
    nodes = [trial.node(senders=2) for _ in range(2)]
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=node.run, args=(stop,), kwargs={"until_idle": True, "patience": timedelta(minutes=30)}
        )
        for node in nodes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 16}
    assert trial.world.calls[TOKEN] == 8
