"""What is done to an engine, and what the receiver counted then."""

import random
from collections.abc import Callable

from benchmarks._receiver import Manner, forget
from benchmarks._stage import run_limit
from benchmarks.peers._engines import Engine
from benchmarks.peers._runs import BrokenRun, Run, prepared
from benchmarks.peers._stores import Stores

Finding = dict[str, float | int | bool]
Scenario = Callable[[Engine, Stores, int], Finding]

IDLE_SECONDS = 240.0  # longer than every lease, time-out and look-up; what has not come then is stuck
KILLS = 5
CUT = 0.1
LIMIT = 200  # posts a second


def plain(engine: Engine, stores: Stores, posts: int) -> Finding:
    """All due at one moment; the rate is from the first to the last post at the receiver."""
    with prepared(engine, stores, posts) as run:
        run.fill()
        before = _limit(run)  # and once more after it: other work on the machine comes and goes
        forget(run.address)
        run.start()
        left = run.until_idle(IDLE_SECONDS)
        rate = _rate(run)
        found = _once(run, left) | {"ordered": run.counts()["ordered"], "peak_mb": run.peak_mb()}
        run.stop()
        bare = (before + _limit(run)) / 2
    return found | {
        "per_second": round(rate, 1),
        "limit_per_second": round(bare, 1),
        "ratio": round(rate / bare, 3),
    }


def cut(engine: Engine, stores: Stores, posts: int) -> Finding:
    """A tenth of the answers never comes, though the post was accepted."""
    with prepared(engine, stores, posts, Manner(cut=CUT)) as run:
        run.fill()
        run.start()
        return _once(run, run.until_idle(IDLE_SECONDS))


def kills(engine: Engine, stores: Stores, posts: int) -> Finding:
    """The worker is killed at random moments of its work and started again."""
    moments = sorted(random.Random(posts).sample(range(posts // 20, posts * 9 // 10), KILLS))
    done = 0
    with prepared(engine, stores, posts) as run:
        run.fill()
        run.start()
        for moment in moments:
            if not run.until_received(moment, IDLE_SECONDS / 4):
                break
            run.kill()
            done += 1
            run.start()
        return {"kills": done} | _once(run, run.until_idle(IDLE_SECONDS))


def throttled(engine: Engine, stores: Stores, posts: int) -> Finding:
    """The platform takes so many a second, and answers 429 with Retry-After to the rest."""
    with prepared(engine, stores, posts, Manner(limit=LIMIT)) as run:
        run.fill()
        run.start()
        left = run.until_idle(IDLE_SECONDS)
        told = run.counts()
        return {
            "wasted": round(told["throttled"] / told["requests"], 3),
            "undercut": told["undercut"],
            "seconds": told["seconds"],
        } | _once(run, left)


def _limit(run: Run) -> float:
    """Posts per second of bare sessions, counted in the same way."""
    forget(run.address)
    run_limit(f"{run.address}/bare", run.posts, 1)
    return _rate(run)


def _rate(run: Run) -> float:
    told = run.counts()
    return float(told["posts"] - 1) / max(float(told["seconds"]), 0.001)


def _once(run: Run, left: int) -> Finding:
    """Lost is what never came; stuck is what of it the engine still means to do, but did not in time."""
    told = run.counts()
    if told["posts"] == 0:
        raise BrokenRun(f"nothing was received:\n{run.log()}")
    lost = run.posts - told["posts"]
    return {"posts": run.posts, "lost": lost, "stuck": min(lost, left), "doubled": told["doubled"]}
