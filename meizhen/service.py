"""The running service: a publishing node, APScheduler's ticks, collection and reports. Wiring only."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from config.clock import SHANGHAI
from config.process import live_long
from meizhen import upkeep
from meizhen.collecting import collect_figures
from meizhen.house import House
from meizhen.rules import JOBS
from scheduler import Dispatcher, Pace, register_periodic
from scheduler.opening import OpenedAccounts
from scheduler.watch import Watchman

if TYPE_CHECKING:
    from organisation.job_runner import JobRunner

_COLLECTING = timedelta(hours=2)  # thousands of accounts, some of whose platforms do not answer
_SHORT = timedelta(minutes=10)
_log = structlog.get_logger("meizhen.service")
_JOIN_SECONDS = 5.0  # a watchman that waits for a dead database is left behind


def dispatcher_of(house: House, advance: Callable[[timedelta], None] | None = None) -> Dispatcher:
    """A publishing node of this house; `advance` moves the demo's clock instead of waiting."""
    settings = house.settings
    pace = Pace(
        senders=settings.senders,
        tick=timedelta(seconds=settings.tick_seconds),
        lease=timedelta(seconds=settings.lease_seconds),
        call=timedelta(seconds=settings.call_seconds),
        advance=advance,
    )
    accounts = OpenedAccounts(house.database, house.keys, house.clock, settings)
    return Dispatcher(house.database, house.clock, accounts, house.media_folder, pace)


def job_runner_of(house: House, node: str) -> "JobRunner":
    """What does this house's background jobs on a node."""
    from analytics.jobs import job_kinds
    from meizhen.campaign_job import CampaignReport
    from organisation.job_runner import JobRunner, Tools

    settings = house.settings
    report = CampaignReport(Tools(settings, house.database, house.keys, house.clock))
    return JobRunner(
        house.database,
        house.keys,
        house.clock,
        {**job_kinds(settings, house.database, house.keys, house.clock), report.name: report},
        settings.jobs_folder,
        node=node,
        threads=settings.job_threads,
        tick=timedelta(seconds=settings.tick_seconds),
    )


@dataclass(frozen=True)
class Place:
    """Where a node answers HTTP; `said` is told the address once it does. `demo`: the pages say so."""

    host: str
    port: int
    said: Callable[[str], None]
    demo: bool = False


def run_worker(
    house: House, stop: threading.Event, *, until_idle: bool, patience: timedelta, place: Place | None = None
) -> None:
    """Runs one publishing node until stopped, or until there is nothing to do.

    It answers HTTP only at a `place`. Raises MeizhenError `web.port_taken` before anything is sent.
    """
    dispatcher = dispatcher_of(house)
    live_long()
    jobs = None if until_idle else job_runner_of(house, dispatcher.node)
    with _watched(dispatcher, house, place, jobs), _ticking(dispatcher, house):
        dispatcher.run(stop, until_idle=until_idle, patience=patience)


def run_service(house: House, stop: threading.Event, place: Place, started: Callable[[str], None]) -> None:
    """Runs a publishing node, the collection and the reports until stopped; answers HTTP at `place`.

    Raises MeizhenError `web.port_taken` before anything is sent.
    """
    dispatcher = dispatcher_of(house)
    live_long()
    jobs = job_runner_of(house, dispatcher.node)
    with _watched(dispatcher, house, place, jobs), _ticking(dispatcher, house) as ticker:
        upkeep.record_settings(house)
        _register_jobs(ticker, house, dispatcher.node)
        started(dispatcher.node)
        dispatcher.run(stop)


def _register_jobs(ticker: BackgroundScheduler, house: House, node: str) -> None:
    """Every job by its name in `rules.JOBS`: one that is not there has no rule, and is not run."""
    from meizhen.checking import check_accounts
    from meizhen.reminding import register_post_reminders, remind_of_tasks
    from meizhen.reporting import register_reports
    from meizhen.webhooks import register_webhooks

    hour, minute = house.settings.collect_at.split(":")
    jobs: dict[str, tuple[CronTrigger, Callable[[House], None], timedelta]] = {
        # Every hour from then on: what was not ready, or not to be had, is asked for again when it is due.
        "collect": (
            CronTrigger(hour=f"{hour}-23", minute=minute, timezone=SHANGHAI),
            _collect,
            _COLLECTING,
        ),
        "ledger-head": (CronTrigger(hour=0, minute=10, timezone=SHANGHAI), upkeep.note_ledger_head, _SHORT),
        "check-accounts": (CronTrigger(hour=7, minute=30, timezone=SHANGHAI), check_accounts, _COLLECTING),
        "task-reminders": (CronTrigger(minute="*/5", timezone=SHANGHAI), remind_of_tasks, _SHORT),
        "sweep-sessions": (CronTrigger(hour=0, minute=20, timezone=SHANGHAI), upkeep.sweep, _SHORT),
    }
    # Every schedule has fire times of its own, every message its next try, every post its time: their rows
    # are their leases.
    own = {
        "reports": register_reports,
        "webhooks": register_webhooks,
        "post-reminders": register_post_reminders,
    }
    for name in JOBS:
        if name in own:
            own[name](ticker, house, node)
            continue
        trigger, work, at_most = jobs[name]
        register_periodic(
            ticker,
            name,
            trigger,
            partial(work, house),
            database=house.database,
            clock=house.clock,
            node=node,
            at_most=at_most,
        )


@contextmanager
def _watched(
    dispatcher: Dispatcher, house: House, place: Place | None, jobs: "JobRunner | None" = None
) -> Iterator[None]:
    """The watchman in a thread of its own, the jobs in theirs, and the web where a place is given."""
    settings = house.settings
    watchman = Watchman(
        house.database,
        house.clock,
        dispatcher.watch,
        patience=timedelta(seconds=settings.idle_alarm_seconds),
        tick=timedelta(seconds=settings.tick_seconds),
    )
    stop = threading.Event()
    watching = threading.Thread(target=watchman.run, args=(stop,), name="watchman", daemon=True)
    with ExitStack() as stack:
        if place is not None:
            place.said(stack.enter_context(_answering(house, dispatcher, watchman, place, jobs)))
        if jobs is not None:
            stack.enter_context(jobs.running())
        watching.start()
        stack.callback(watching.join, _JOIN_SECONDS)
        stack.callback(stop.set)
        yield


def _answering(
    house: House, dispatcher: Dispatcher, watchman: Watchman, place: Place, jobs: "JobRunner | None"
) -> AbstractContextManager[str]:
    # Imported only where something is to be served: a worker without a port needs none of it.
    from web import create_app
    from web.serving import listen, serving

    def wake() -> None:
        dispatcher.wake()
        if jobs is not None:
            jobs.wake()

    taken = listen(place.host, place.port)
    app = create_app(
        settings=house.settings,
        database=house.database,
        keys=house.keys,
        clock=house.clock,
        watchman=watchman,
        wake=wake,
        demo=place.demo,
    )
    return serving(app, taken)


@contextmanager
def _ticking(dispatcher: Dispatcher, house: House) -> Iterator[BackgroundScheduler]:
    """APScheduler in memory, for ticks only: due work lives in our tables and nowhere else."""
    ticker = BackgroundScheduler(
        timezone=SHANGHAI,
        # A late tick is still a tick: without this a tick late by a second would be dropped.
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    ticker.add_job(dispatcher.wake, IntervalTrigger(seconds=house.settings.tick_seconds), id="dispatch")
    ticker.start()
    try:
        yield ticker
    finally:
        ticker.shutdown(wait=False)


def _collect(house: House) -> None:
    report = collect_figures(house, due_only=True)
    _log.info(
        "collected",
        accounts=report.accounts,
        figures=report.figures,
        failures=len(report.failures),
        resting=report.resting,
    )
