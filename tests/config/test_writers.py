"""Writers take turns: short ones go before long ones that wait as well, and nobody waits for ever."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from config.writers import WriterTurns


class Room:
    """Threads that want a turn, and the order in which they had it."""

    def __init__(self) -> None:
        self.turns = WriterTurns()
        self.had: list[str] = []
        self._threads: list[threading.Thread] = []

    def wants(self, name: str, *, short: bool, seconds: float = 30) -> None:
        def work() -> None:
            with self.turns.turn(short=short, seconds=seconds):
                self.had.append(name)

        self._threads.append(threading.Thread(target=work, name=name))
        self._threads[-1].start()

    @contextmanager
    def taken(self) -> Iterator[None]:
        with self.turns.turn(short=False, seconds=30):
            yield
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


def _await(happens: threading.Event) -> None:
    assert happens.wait(30)


def test_a_short_writer_goes_before_a_long_one_that_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    room, asked, waits = Room(), threading.Event(), threading.Event()
    plain = room.turns._wait_as_long

    def long_asks(seconds: float) -> bool:
        asked.set()
        _await(waits)  # until the short one waits
        return plain(seconds)

    counted = room.turns._lock

    class Lock:
        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            if blocking and threading.current_thread().name == "short":
                waits.set()
            return counted.acquire(blocking, timeout)

        def release(self) -> None:
            counted.release()

    with room.taken():
        monkeypatch.setattr(room.turns, "_lock", Lock())
        monkeypatch.setattr(room.turns, "_wait_as_long", long_asks)
        room.wants("long", short=False)
        _await(asked)
        room.wants("short", short=True)
        _await(waits)
    assert room.had == ["short", "long"]


@pytest.mark.parametrize("short", [True, False])
def test_whoever_waits_too_long_goes_on_without_a_turn_and_takes_none_away(short: bool) -> None:
    room = Room()
    with room.turns.turn(short=False, seconds=30):
        with room.turns.turn(short=short, seconds=0.01):
            pass
        room.wants("later", short=True, seconds=0.01)
        room._threads[0].join(30)
        assert room.had == ["later"]
    with room.taken():
        pass


def test_a_failure_gives_the_turn_back() -> None:
    room = Room()
    with pytest.raises(ZeroDivisionError), room.turns.turn(short=True, seconds=30):
        raise ZeroDivisionError
    room.wants("next", short=True)
    room._threads[0].join(30)
    assert room.had == ["next"]


def test_one_writes_at_a_time_whatever_their_length() -> None:
    turns, inside, most = WriterTurns(), [0], [0]

    def work(short: bool) -> None:
        for _ in range(200):
            with turns.turn(short=short, seconds=30):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert most == [1]
