"""Long work in the background of a node: one at a time in a folder, its progress in a file beside it.

Whoever looks, after a reload or from another node of the same home, reads the file. Cancelling leaves a mark
that the work meets at its next step. A node that dies leaves a file that says `running` and beats no more.
"""

import json
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from config.clock import Clock
from config.errors import MeizhenError

_log = structlog.get_logger("errands")
_BEAT = 5.0  # seconds
_SILENT = timedelta(seconds=60)
_STATE, _LOCK, _CANCEL = "state.json", "lock", "cancel"

RUNNING, DONE, REFUSED, FAILED = "running", "done", "refused", "failed"
CANCELLED, INTERRUPTED = "cancelled", "interrupted"


class Cancelled(Exception):
    """Somebody called the work off; raised where it tells its progress."""


@dataclass(frozen=True)
class ErrandState:
    """How far the work is. `refusal` is the MeizhenError's `as_json`, empty without one."""

    kind: str
    by: str
    state: str
    started_at: datetime
    beat_at: datetime
    step: str = ""
    done: int = 0
    total: int = 0
    refusal: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        return self.state == RUNNING


Telling = Callable[[str, int, int], None]


class Errand:
    """The work of one folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._key = secrets.token_hex(8)

    def state(self) -> ErrandState | None:
        """None where nothing was ever done; one that beats no more is `interrupted`."""
        try:
            told = json.loads((self._folder / _STATE).read_text("utf-8"))
            told["started_at"] = datetime.fromisoformat(told["started_at"])
            told["beat_at"] = datetime.fromisoformat(told["beat_at"])
            state = ErrandState(**told)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if state.is_running and self._clock.now() - state.beat_at > _SILENT:
            return replace(state, state=INTERRUPTED)
        return state

    def start(self, kind: str, by: str, work: Callable[[Telling], None]) -> threading.Thread:
        """Begins `work` in a thread of this process; it tells its steps: name, done, of how many.

        Raises MeizhenError `errand.running` while the folder's work goes on. Gives the thread.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take(kind)
        (self._folder / _CANCEL).unlink(missing_ok=True)
        now = self._clock.now()
        self._write(ErrandState(kind, by, RUNNING, now, now))
        thread = threading.Thread(target=self._run, args=(work,), name=f"errand {kind}", daemon=True)
        thread.start()
        return thread

    def cancel(self) -> None:
        """Calls the work off; nothing happens where none runs."""
        if self._folder.is_dir():
            (self._folder / _CANCEL).touch()

    def _take(self, kind: str) -> None:
        lock = self._folder / _LOCK
        found = self.state()
        if found is None or not found.is_running:
            lock.unlink(missing_ok=True)
        try:
            with lock.open("x") as file:
                file.write(self._key)
        except FileExistsError:
            raise MeizhenError("errand.running", kind=kind) from None

    def _run(self, work: Callable[[Telling], None]) -> None:
        over = threading.Event()
        heart = threading.Thread(target=self._beat, args=(over,), name="errand heart", daemon=True)
        heart.start()
        state, refusal = DONE, dict[str, object]()
        try:
            work(self._tell)
        except Cancelled:
            state = CANCELLED
        except MeizhenError as error:
            state, refusal = REFUSED, error.as_json()
        except Exception as error:
            state = FAILED
            _log.error("errand_failed", reason=type(error).__name__, exc_info=error)
        finally:
            over.set()
            heart.join()
            self._change(state=state, refusal=refusal)
            self._leave()

    def _leave(self) -> None:
        """Gives the folder free, unless somebody took it over since."""
        lock = self._folder / _LOCK
        with suppress(FileNotFoundError):
            if lock.read_text() == self._key:
                lock.unlink()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(_BEAT):
            self._change()

    def _tell(self, step: str, done: int, total: int) -> None:
        if (self._folder / _CANCEL).exists():
            raise Cancelled
        self._change(step=step, done=done, total=total)

    def _change(
        self,
        *,
        state: str = "",
        step: str = "",
        done: int = -1,
        total: int = 0,
        refusal: Mapping[str, object] | None = None,
    ) -> None:
        with self._lock:
            old = self.state()
            if old is None:
                return
            new = replace(old, beat_at=self._clock.now(), state=state or RUNNING)
            if done >= 0:
                new = replace(new, step=step, done=done, total=total)
            self._write(replace(new, refusal=refusal or {}))

    def _write(self, state: ErrandState) -> None:
        draft = self._folder / f"{_STATE}.draft"
        draft.write_text(json.dumps(asdict(state), ensure_ascii=False, default=_plain), "utf-8")
        with suppress(FileNotFoundError):  # the folder was taken away: nobody looks any more
            os.replace(draft, self._folder / _STATE)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
