"""`meizhen post show` and `post resolve`: a story that people understand, and what they can do about it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from command import invoke
from scenery import make_account, make_node, run_until_idle

import meizhen.house
from config import Database, ManualClock, MeizhenError
from config.secrets import KeyRing
from organisation.accounts import Account, find_account
from sandbox.platforms import webhook
from sandbox.world import Fault
from scheduler import transitions
from scheduler.posts import Draft, queue_post
from scheduler.queue import stop_accounts, stop_queue

if TYPE_CHECKING:
    from conftest import RunningSandbox


class Desk:
    """Two accounts, a node, and a person who looks; everything on the test's clock."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        clock: ManualClock,
        folder: Path,
        sandbox: "RunningSandbox",
    ) -> None:
        self.database, self.keys, self.clock, self.folder = database, keys, clock, folder
        self.world, self.url = sandbox.world, f"{sandbox.url}/webhook"
        self.accounts = [self._account(handle) for handle in ("a", "b")]

    def _account(self, handle: str) -> Account:
        there = webhook.example(self.world, handle)
        return make_account(
            self.database, self.keys, "webhook", handle, api_base=self.url, credentials=there.credentials
        )

    def queue(self, *, accounts: int = 1, later: timedelta = timedelta(0)) -> int:
        with self.database.write() as session:
            queued = queue_post(
                session,
                self.keys,
                Draft("标题", "正文"),
                self.accounts[:accounts],
                due=self.clock.now() + later,
                lateness_hours=2,
                now=self.clock.now(),
                actor="li",
            )
        return queued.post_id

    def work(self, *faults: Fault, patience: timedelta = timedelta(hours=12)) -> None:
        self.world.set_faults(*faults)
        run_until_idle(make_node(self.database, self.keys, self.clock, self.folder), patience)

    def die_in_the_call(self) -> None:
        """A node writes the attempt and is gone before it could call."""
        dead = make_node(self.database, self.keys, self.clock, self.folder)
        with patch.object(dead._senders, "send"):
            dead.turn()
        self.clock.advance(61)

    def run(self, *arguments: object) -> str:
        result = invoke("post", *arguments)
        if isinstance(result.exception, Exception):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture
def desk(
    database: Database,
    database_address: str,
    keys: KeyRing,
    clock: ManualClock,
    tmp_path: Path,
    sandbox: "RunningSandbox",
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    monkeypatch.setenv("MEIZHEN_DATABASE_URL", database_address)
    monkeypatch.setenv("MEIZHEN_ACTOR", "li")
    monkeypatch.setattr(meizhen.house, "clock_of", lambda _database: clock)
    return Desk(database, keys, clock, tmp_path, sandbox)


def lines(told: str) -> list[str]:
    """What happened, without dates and node names."""
    return [line.strip() for line in told.splitlines()]


def assert_in_order(told: str, *words: str) -> None:
    position = 0
    for word in words:
        position = told.find(word, position)
        assert position >= 0, (word, told)


UNSURE = Fault("cut_after", path="/publish", times=1)
NO_LOOK_UP = Fault("status", path="/lookup", value="500")


def test_a_lost_answer_is_told_as_a_doubt_a_look_up_and_one_publication(desk: Desk) -> None:
    post = desk.queue()
    desk.work(Fault("cut_before", path="/publish", times=1))
    told = desk.run("show", post)
    assert_in_order(
        told, "webhook:a  published", "queued (li)", "call 1, to publish", "may have gone out",
        "Why: the connection broke", "no-answer", "call 2, to ask whether it is there",
        "it is not there: certainly not out", "queued (", "call 3, to publish", "published", "Link: https://",
    )  # fmt: skip
    assert "Next:" not in told and "sending" not in told


def test_a_question_that_failed_never_reads_as_if_the_post_were_not_out(desk: Desk) -> None:
    post = desk.queue()
    desk.work(UNSURE, NO_LOOK_UP)
    told = desk.run("show", post)
    assert told.count("no answer, still not known whether it is out") == 5
    assert "not sent" not in told
    assert f"meizhen post resolve {post} --account webhook:a" in told


def test_a_throttle_says_that_it_is_not_out_and_when_it_is_tried_again(desk: Desk) -> None:
    post = desk.queue()
    desk.work(Fault("throttle", path="/publish", times=1, value="1200"), patience=timedelta(seconds=1))
    told = desk.run("show", post)
    assert_in_order(told, "throttled (not sent)", "only the HTTP status 429", "Next:", "certainly not out")
    assert "2026-03-02 09:20:00" in told


def test_a_node_that_died_in_the_call_is_told_as_such(desk: Desk) -> None:
    post = desk.queue()
    desk.die_in_the_call()
    desk.work()
    told = desk.run("show", post)
    assert_in_order(told, "call 1", "took 61 s", "stopped in the middle of the call", "certainly not out")
    assert "call 3, to publish" in told and "call 4" not in told


def test_nodes_have_short_names(desk: Desk) -> None:
    post = desk.queue()
    desk.work()
    assert max(len(line) for line in lines(desk.run("show", post))) < 100


NEXT: dict[str, tuple[Callable[[Desk, int], object], str]] = {
    "waits for its time": (lambda desk, post: None, "it goes out at 2026-03-02 10:00:00"),
    "in doubt": (
        lambda desk, post: (
            desk.clock.advance(3600),
            desk.work(UNSURE, NO_LOOK_UP, patience=timedelta(seconds=1)),
        ),
        "The platform is asked at 2026-03-02 10:00:10",
    ),
    "all stopped": (lambda desk, post: switch(desk, everything=True), "the whole queue is stopped"),
    "account stopped": (
        lambda desk, post: switch(desk),
        "stopped (stopped by li): meizhen queue resume --account webhook:a",
    ),
    "held back": (
        lambda desk, post: hold(desk, post),
        "let it go with meizhen queue resume --post 1 --account webhook:a",
    ),
    "late, and no node up": (lambda desk, post: desk.clock.advance(4 * 3600), "past its limit"),
}


def switch(desk: Desk, *, everything: bool = False) -> None:
    with desk.database.write() as session:
        now = desk.clock.now()
        if everything:
            stop_queue(session, desk.keys, now=now, actor="li", stopped=True)
        else:
            account = find_account(session, "webhook:a")
            stop_accounts(session, desk.keys, [account], now=now, actor="li", stopped=True)


def hold(desk: Desk, post: int) -> None:
    with desk.database.write() as session:
        transitions.pause(session, desk.keys, [post], now=desk.clock.now(), actor="li")


@pytest.mark.parametrize("case", NEXT)
def test_it_says_what_happens_next_and_when(desk: Desk, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    happen, expected = NEXT[case]
    post = desk.queue(later=timedelta(hours=1))
    happen(desk, post)
    told = desk.run("show", post)
    assert "Next: " in told and expected in told
    monkeypatch.setenv("MEIZHEN_LANGUAGE", "zh")
    assert "下一步:" in desk.run("show", post)


def test_an_account_that_the_platform_stopped_is_named_with_the_failure(desk: Desk) -> None:
    post = desk.queue()
    desk.work(Fault("status", path="/publish", value="401"))
    told = desk.run("show", post)
    assert_in_order(
        told, "needs a person (not sent)", "What to do:", "meizhen post retry", "queue resume --account"
    )


# --- settling ---------------------------------------------------------------------------------------------


def test_the_only_doubt_of_a_post_needs_no_account(desk: Desk) -> None:
    post = desk.queue(accounts=2)
    desk.work(Fault("cut_after", path="/publish", times=1), NO_LOOK_UP)
    said = desk.run("resolve", post, "--published", "https://site.example/1")
    assert "not sent again, and later posts of this account go on" in said
    told = desk.run("show", post)
    assert "published, settled by a person (li)" in told and "https://site.example/1" in told
    with pytest.raises(MeizhenError) as error:
        desk.run("resolve", post, "--not-published")
    assert error.value.code == "post.none_in_doubt"


def test_several_doubts_are_named_and_settled_one_by_one(desk: Desk) -> None:
    post = desk.queue(accounts=2)
    desk.work(Fault("cut_after", path="/publish"), NO_LOOK_UP)
    with pytest.raises(MeizhenError) as error:
        desk.run("resolve", post, "--not-published")
    assert error.value.code == "post.several_in_doubt"
    assert "webhook:a, webhook:b" in str(error.value)
    said = desk.run("resolve", post, "--account", "b", "--not-published")
    assert f"meizhen post retry {post} --account webhook:b" in said
    assert f"meizhen post cancel {post} --account webhook:b" in said
    assert "webhook:a" in desk.run("resolve", post, "--not-published")


def test_what_is_in_no_doubt_is_refused_with_its_state(desk: Desk) -> None:
    post = desk.queue()
    with pytest.raises(MeizhenError) as error:
        desk.run("resolve", post, "--not-published")
    assert error.value.code == "delivery.wrong_state" and "queued" in str(error.value)


@pytest.mark.parametrize(
    "url",
    ["", "example.cn/1", "javascript:alert(1)", "http://", "https://[", "https://a.cn/ b", "ftp://a.cn/1",
     "https://a.cn/\x1b[2J", "https://a.cn/" + "x" * 1000],
)  # fmt: skip
def test_what_is_no_link_is_refused(desk: Desk, url: str) -> None:
    post = desk.queue()
    desk.work(UNSURE, NO_LOOK_UP)
    with pytest.raises(MeizhenError) as error:
        desk.run("resolve", post, "--published", url)
    assert error.value.code == "delivery.not_a_url"
    assert "uncertain" in desk.run("show", post)
