"""Long work in the background: one at a time, its progress read by others, called off, outlived."""

import threading
from pathlib import Path

import pytest

from config import ManualClock, MeizhenError
from config.errands import CANCELLED, DONE, FAILED, INTERRUPTED, REFUSED, Errand, Telling


def test_progress_is_read_by_another_and_the_end_too(tmp_path: Path, clock: ManualClock) -> None:
    told, go_on = threading.Event(), threading.Event()

    def work(tell: Telling) -> None:
        tell("counting", 3, 7)
        told.set()
        assert go_on.wait(10)

    assert Errand(tmp_path, clock).state() is None
    thread = Errand(tmp_path, clock).start("dry", "person:quan", work)
    assert told.wait(10)
    seen = Errand(tmp_path, clock).state()
    assert seen is not None
    assert (seen.is_running, seen.step, seen.done, seen.total) == (True, "counting", 3, 7)
    assert (seen.kind, seen.by, seen.started_at) == ("dry", "person:quan", clock.now())
    with pytest.raises(MeizhenError) as refused:
        Errand(tmp_path, clock).start("run", "person:wen", work)
    assert refused.value.code == "errand.running"
    go_on.set()
    thread.join(10)
    ended = Errand(tmp_path, clock).state()
    assert ended is not None
    assert ended.state == DONE


def test_work_that_is_called_off_stops_at_its_next_step(tmp_path: Path, clock: ManualClock) -> None:
    cancelled = threading.Event()
    steps: list[int] = []

    def work(tell: Telling) -> None:
        tell("first", 0, 2)
        assert cancelled.wait(10)
        tell("second", 1, 2)
        steps.append(1)

    thread = Errand(tmp_path, clock).start("run", "person:quan", work)
    Errand(tmp_path, clock).cancel()
    cancelled.set()
    thread.join(10)
    ended = Errand(tmp_path, clock).state()
    assert ended is not None
    assert (ended.state, steps) == (CANCELLED, [])
    again = Errand(tmp_path, clock).start("run", "person:quan", lambda tell: tell("first", 0, 1))
    again.join(10)
    after = Errand(tmp_path, clock).state()
    assert after is not None
    assert after.state == DONE


def test_a_refusal_is_kept_in_both_languages_and_a_fault_without_its_words(
    tmp_path: Path, clock: ManualClock
) -> None:
    def refused(_: Telling) -> None:
        raise MeizhenError("award.sign_incomplete")

    def broken(_: Telling) -> None:
        raise ValueError("a secret")

    Errand(tmp_path, clock).start("run", "person:quan", refused).join(10)
    state = Errand(tmp_path, clock).state()
    assert state is not None
    assert state.state == REFUSED
    assert state.refusal["code"] == "award.sign_incomplete"
    assert state.refusal["zh"] != state.refusal["en"]
    Errand(tmp_path, clock).start("run", "person:quan", broken).join(10)
    after = Errand(tmp_path, clock).state()
    assert after is not None
    assert (after.state, dict(after.refusal)) == (FAILED, {})
    assert "secret" not in (tmp_path / "state.json").read_text("utf-8")


def test_work_of_a_node_that_died_is_interrupted_and_can_begin_again(
    tmp_path: Path, clock: ManualClock
) -> None:
    go_on = threading.Event()
    dead = Errand(tmp_path, clock).start("run", "person:quan", lambda _: go_on.wait(10) and None)
    clock.advance(61)  # its heart beats every five seconds of the machine's time, not of this clock's
    seen = Errand(tmp_path, clock).state()
    assert seen is not None
    assert seen.state == INTERRUPTED
    Errand(tmp_path, clock).start("run", "person:wen", lambda tell: tell("first", 0, 1)).join(10)
    after = Errand(tmp_path, clock).state()
    assert after is not None
    assert (after.state, after.by) == (DONE, "person:wen")
    go_on.set()
    dead.join(10)
