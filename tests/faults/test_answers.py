"""Answers that are lost, late, spoilt, endless or false: each post once, and nobody is told a lie."""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from oracle import Trial, assert_oracle
from raw_server import Server, serving
from raw_site import Accept, Behaviour, RawSite, raw_site, whole
from scenery import attempts, delivery, make_account, make_node, queue_posts, run_until_idle, story

from config import Database, ManualClock
from config.secrets import KeyRing
from sandbox.world import Fault
from scheduler.deliveries import State

DONE_BUT_UNTOLD = (
    "cut_after",
    "status_after",
    "html_after",
    "truncated_json",
    "null",
    "nan",
    "duplicate_keys",
    "deep",
    "gbk",
)
NOT_DONE_AND_UNTOLD = ("cut_before", "status", "html", "redirect", "redirect_307")
PUBLISHING = {  # the call that makes a post public
    "webhook": "/publish",
    "youth_voice": "/announcements",
    "weibo": "/share.json",
}


# 19: the platform takes the post and the answer is lost.


@pytest.mark.fault(19)
def test_one_answer_in_ten_is_cut_after_acceptance(trial_on_both: Trial) -> None:
    trial = trial_on_both
    for number in range(5):
        trial.queue(trial.account("webhook", f"site{number}"), 12)
    trial.strike(Fault("cut_after", path="/publish", probability=0.1))
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 60}
    assert trial.world.calls["GET /webhook/lookup"] >= 1


@pytest.mark.fault(19, 22)
def test_a_platform_that_takes_a_post_and_never_answers_is_asked_later(trial: Trial, deadline: float) -> None:
    trial.call = deadline
    (first, _) = trial.queue(trial.account(), 2)
    trial.strike(Fault("hang", path="/publish", times=1))
    began = time.monotonic()
    trial.run()
    assert deadline <= time.monotonic() - began < 2 * deadline + 5
    assert trial.judge() == {State.PUBLISHED: 2}
    assert [step[1] for step in story(trial.database, first)] == [
        "queued",
        "sending",
        "uncertain",
        "published",
    ]


@pytest.mark.fault(19)
def test_where_the_platform_cannot_tell_either_a_person_decides_and_nothing_is_sent_again(
    trial: Trial,
) -> None:
    trial.queue(trial.account(), 3)
    trial.strike(
        Fault("cut_after", path="/publish", times=1), Fault("status", path="/lookup", value="500", times=9)
    )
    trial.run(timedelta(hours=12))
    assert trial.judge() == {State.UNCERTAIN: 1, State.PUBLISHED: 2}


@pytest.mark.fault(19, 29, 30, 31, 32)
@pytest.mark.parametrize("platform", PUBLISHING)
def test_a_day_on_which_every_answer_is_spoilt_another_way(
    platform: str, trial: Trial, chance: random.Random
) -> None:
    kinds = [*DONE_BUT_UNTOLD, *NOT_DONE_AND_UNTOLD]
    chance.shuffle(kinds)
    trial.queue(trial.account(platform, "jingqi"), 16, lateness=timedelta(days=3))
    trial.strike(*(Fault(kind, path=PUBLISHING[platform], method="POST", times=1) for kind in kinds))
    trial.run(timedelta(hours=12))
    stands = trial.judge()
    if platform == "weibo":  # without a key the timeline tells what is there, never what is not
        assert stands[State.UNCERTAIN] <= len(NOT_DONE_AND_UNTOLD)
        assert stands[State.UNCERTAIN] + stands[State.PUBLISHED] == 16
    else:
        assert stands == {State.PUBLISHED: 16}


# 20 to 22 and 29 to 32 one by one: what stands in the books while it is not known.


@pytest.mark.fault(29, 30, 31, 32)
@pytest.mark.parametrize("kind", DONE_BUT_UNTOLD)
def test_an_unreadable_answer_is_a_doubt_that_the_platform_settles(kind: str, trial: Trial) -> None:
    (id_,) = trial.queue(trial.account())
    trial.strike(Fault(kind, path="/publish", times=1))
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 1}
    publish, find = attempts(trial.database, id_)
    assert (publish.outcome, find.purpose, find.outcome) == ("uncertain", "find", "published")


@pytest.mark.fault(32)
def test_a_byte_order_mark_spoils_nothing(trial: Trial) -> None:
    (id_,) = trial.queue(trial.account())
    trial.strike(Fault("bom", path="/publish"))
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 1}
    assert [call.outcome for call in attempts(trial.database, id_)] == ["published"]


def reset(connection: socket.socket, accept: Accept) -> None:
    accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def reset_unread(connection: socket.socket, accept: Accept) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def close_in_headers(connection: socket.socket, accept: Accept) -> None:
    connection.sendall(accept()[:20])


def close_in_body(connection: socket.socket, accept: Accept) -> None:
    connection.sendall(accept()[:-10])


def another_protocol(connection: socket.socket, accept: Accept) -> None:
    accept()
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


def promise_of_an_answer(connection: socket.socket, accept: Accept) -> None:
    accept()
    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def two_lengths(connection: socket.socket, accept: Accept) -> None:
    connection.sendall(accept().replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n", 1))


def success_without_a_word(connection: socket.socket, accept: Accept) -> None:
    accept()
    connection.sendall(whole("204 No Content", b""))


LOST: tuple[Behaviour, ...] = (
    reset,
    close_in_headers,
    close_in_body,
    another_protocol,
    promise_of_an_answer,
    two_lengths,
    success_without_a_word,
)


@contextmanager
def raw_trial(database: Database, keys: KeyRing, clock: ManualClock) -> Iterator[tuple[RawSite, list[int]]]:
    """A site of bare sockets with six posts due."""
    with raw_site() as (site, address):
        account = make_account(database, keys, "webhook", "raw", api_base=address)
        yield site, queue_posts(database, account, [f"第{n}篇" for n in range(6)], due=clock.now())


@pytest.mark.fault(20, 21)
@pytest.mark.parametrize("behaviour", LOST, ids=lambda behaviour: behaviour.__name__)
def test_a_connection_that_breaks_after_acceptance_is_a_doubt_and_order_holds(
    behaviour: Behaviour, sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with raw_trial(sqlite, keys, clock) as (site, ids):
        site.misbehave(behaviour, behaviour)
        run_until_idle(make_node(sqlite, keys, clock, tmp_path))
    assert assert_oracle(sqlite, site.received, clock.now()) == {State.PUBLISHED: 6}
    assert [step[1] for step in story(sqlite, ids[0])] == ["queued", "sending", "uncertain", "published"]


@pytest.mark.fault(20)
def test_a_reset_before_anything_was_read_is_looked_up_and_then_repeated(
    sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    with raw_trial(sqlite, keys, clock) as (site, ids):
        site.misbehave(reset_unread)
        run_until_idle(make_node(sqlite, keys, clock, tmp_path))
    assert assert_oracle(sqlite, site.received, clock.now()) == {State.PUBLISHED: 6}
    assert [call.purpose for call in attempts(sqlite, ids[0])] == ["publish", "find", "publish"]


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "label", ["text/plain", "text/html; charset=gb2312", "image/png", "", "application/json; charset=gbk"]
)
def test_a_wrong_content_type_over_the_true_answer_changes_nothing(
    label: str, sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    def mislabelled(connection: socket.socket, accept: Accept) -> None:
        connection.sendall(accept().replace(b"\r\n\r\n", f"\r\nContent-Type: {label}\r\n\r\n".encode(), 1))

    with raw_trial(sqlite, keys, clock) as (site, ids):
        site.misbehave(mislabelled)
        run_until_idle(make_node(sqlite, keys, clock, tmp_path))
    assert assert_oracle(sqlite, site.received, clock.now()) == {State.PUBLISHED: 6}
    assert [call.outcome for call in attempts(sqlite, ids[0])] == ["published"]


@pytest.mark.fault(31)
@pytest.mark.parametrize("label", ["text/html", "application/json"])
def test_a_login_page_with_status_200_is_no_success_whatever_it_calls_itself(
    label: str, sqlite: Database, keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    """The office's gateway asks for a password: nothing has gone out, and nobody is told that it has."""
    page = '<!doctype html><meta charset="gbk"><title>统一认证登录</title>'.encode("gbk")
    gateway = whole("200 OK", page, f"Content-Type: {label}; charset=gbk")

    def talk(connection: socket.socket, server: Server) -> None:
        while server.read_request(connection):
            connection.sendall(gateway)

    with serving(talk) as server:
        account = make_account(sqlite, keys, "webhook", "site", api_base=server.address(""))
        (id_,) = queue_posts(sqlite, account, ["一"], due=clock.now())
        run_until_idle(make_node(sqlite, keys, clock, tmp_path), timedelta(hours=12))
    assert assert_oracle(sqlite, [], clock.now()) == {State.UNCERTAIN: 1}
    assert "not JSON" in delivery(sqlite, id_).outcome_text
