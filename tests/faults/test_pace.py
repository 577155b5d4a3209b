"""One slow platform among sixty: the others do not notice, and its own posts go one by one."""

import threading
from datetime import timedelta
from socket import socket

import pytest
from oracle import Trial, assert_oracle
from raw_site import Accept, raw_site
from scenery import make_account, make_node, queue_posts

from config.clock import SystemClock
from scheduler.deliveries import State

PATIENCE = 20.0  # seconds until a test that waits for something gives up


@pytest.mark.fault(18)
def test_sixty_accounts_of_which_one_hangs(trial: Trial) -> None:
    """The slow site holds its answer until the posts of all others are out: it waits for them, not they."""
    clock = SystemClock()
    trial.world.move_to(clock.now())
    others_out, slow_began = threading.Event(), threading.Event()

    def slow(connection: socket, accept: Accept) -> None:
        slow_began.set()
        others_out.wait(PATIENCE)
        connection.sendall(accept())

    for number in range(59):
        trial.queue(trial.account("webhook", f"site{number}"), 2, due=clock.now())
    with raw_site() as (site, address):
        site.misbehave(slow)
        account = make_account(trial.database, trial.keys, "webhook", "slow", api_base=address)
        queue_posts(trial.database, account, ["一", "二", "三"], due=clock.now())
        node = make_node(trial.database, trial.keys, clock, trial.folder, call=PATIENCE + 10)
        thread = threading.Thread(target=node.run, args=(threading.Event(),), kwargs={"until_idle": True})
        thread.start()
        assert slow_began.wait(PATIENCE)
        arrived = threading.Event()
        for _ in range(int(PATIENCE / 0.05)):
            if len(trial.world.published) == 118:
                break
            arrived.wait(0.05)
        assert len(trial.world.published) == 118
        assert site.received == [] and site.calls == 1
        others_out.set()
        thread.join(PATIENCE)
    received = trial.received() + site.received
    assert assert_oracle(trial.database, received, clock.now()) == {State.PUBLISHED: 121}
    assert site.most_under_way == 1


@pytest.mark.fault(18)
def test_more_slow_accounts_than_senders_still_go_one_by_one(trial: Trial) -> None:
    lock, together = threading.Lock(), []
    under_way = 0

    def slow(connection: socket, accept: Accept) -> None:
        nonlocal under_way
        with lock:
            under_way += 1
            together.append(under_way)
        threading.Event().wait(0.02)
        with lock:
            under_way -= 1
        connection.sendall(accept())

    sites = []
    with raw_site() as (one, first), raw_site() as (two, second), raw_site() as (three, third):
        for number, (site, address) in enumerate([(one, first), (two, second), (three, third)]):
            site.misbehave(*[slow] * 4)
            account = make_account(trial.database, trial.keys, "webhook", f"s{number}", api_base=address)
            texts = [f"{number}〔{n}〕" for n in range(4)]
            queue_posts(trial.database, account, texts, due=trial.clock.now(), lateness=timedelta(hours=2))
            sites.append(site)
        trial.run(senders=2)
    received = [key for site in sites for key in site.received]
    assert assert_oracle(trial.database, received, trial.clock.now()) == {State.PUBLISHED: 12}
    assert [site.most_under_way for site in sites] == [1, 1, 1]
    assert max(together) >= 2
