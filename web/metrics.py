"""Metrics for Prometheus: gauges asked from the database at each scrape, counts that the node kept itself."""

from collections.abc import Iterator
from datetime import timedelta

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from analytics.reports.deliveries import count_needing_person
from config.clock import Clock
from config.database import Database
from config.settings import Settings
from scheduler.status import QueueStatus, queue_status
from scheduler.watch import Spread, Watch, Watchman
from web.access import ruled


class Callbacks:
    """What came of callbacks, counted by the web's own threads: `heard`, `repeated`, or why refused."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._count = Counter(
            "meizhen_callbacks",
            "Requests to callback addresses, by what came of them.",
            ["result"],
            registry=self.registry,
        )

    def count(self, result: str) -> None:
        self._count.labels(result).inc()


def metrics_router(
    settings: Settings, database: Database, clock: Clock, watchman: Watchman, callbacks: Callbacks
) -> APIRouter:
    """`/metrics` in Prometheus' text format."""
    router = APIRouter()
    patience = timedelta(seconds=settings.idle_alarm_seconds)
    callbacks.registry.register(NodeCollector(watchman))
    callbacks.registry.register(QueueCollector(database, clock, patience))

    @router.get("/metrics")
    @ruled(None)
    def metrics() -> Response:
        return Response(generate_latest(callbacks.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


class QueueCollector(Collector):
    """Gauges of the whole queue, the same on every node; none while the database does not answer."""

    def __init__(self, database: Database, clock: Clock, patience: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._patience = patience

    def collect(self) -> Iterator[Metric]:
        now = self._clock.now()
        try:
            with self._database.read() as session:
                standing = queue_status(session, now, self._patience, finished=False)
                reports = count_needing_person(session)
        except SQLAlchemyError:
            return
        yield from _by_platform(standing)
        age = (now - standing.oldest_due).total_seconds() if standing.oldest_due else 0.0
        yield _gauge("meizhen_oldest_due_age_seconds", "Age of the oldest due delivery; 0 without any.", age)
        yield _gauge(
            "meizhen_deliveries_needing_person",
            "Deliveries that wait for a person's decision.",
            standing.needs_person,
        )
        yield _gauge(
            "meizhen_reports_needing_person",
            "Report deliveries that failed, were missed or are uncertain, and wait for a person.",
            reports,
        )
        yield _gauge("meizhen_lanes_paused", "Accounts whose queue is paused.", standing.paused_accounts)
        yield _gauge("meizhen_queue_stopped", "1 while the whole queue is stopped.", int(standing.stopped))
        yield _labelled("meizhen_lanes_held", "Accounts that a node holds.", "node", standing.nodes)
        yield _labelled("meizhen_notices_open", "Open notices, by kind.", "kind", standing.notices)


class NodeCollector(Collector):
    """What this node counted since it started, and whether it lives."""

    def __init__(self, watchman: Watchman) -> None:
        self._watchman = watchman

    def collect(self) -> Iterator[Metric]:
        watch = self._watchman.watch
        failing = self._watchman.failing()
        alarm = int(self._watchman.alarm is not None)
        yield _gauge("meizhen_due_but_idle", "1 while something is due and nothing moves.", alarm)
        yield _gauge("meizhen_node_healthy", "1 while /healthz is green.", int(not failing))
        yield from _calls(watch)
        yield _spread(
            "meizhen_lateness_seconds",
            "Seconds from a delivery's due time to its first call.",
            watch.lateness.copy(),
        )
        yield _spread(
            "meizhen_call_seconds",
            "Seconds from a committed attempt to its outcome.",
            watch.call_seconds.copy(),
        )
        yield _count(
            "meizhen_fences_refused",
            "Outcomes not written because another node had taken the account over.",
            watch.refused_fences,
        )
        yield _count("meizhen_database_losses", "Times the database went away.", watch.database_losses)


def _by_platform(standing: QueueStatus) -> Iterator[Metric]:
    every = GaugeMetricFamily(
        "meizhen_deliveries", "Unfinished deliveries by platform and state.", labels=["platform", "state"]
    )
    due = GaugeMetricFamily(
        "meizhen_deliveries_due", "Queued deliveries whose time has come.", labels=["platform"]
    )
    for name, platform in standing.platforms.items():
        due.add_metric([name], platform.due)
        for state, count in platform.states.items():
            every.add_metric([name, state], count)
    yield every
    yield due


def _calls(watch: Watch) -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "meizhen_calls", "Platform calls that ended.", labels=["platform", "purpose", "outcome"]
    )
    throttled = CounterMetricFamily(
        "meizhen_throttled", "Calls that the platform put off (429, quotas).", labels=["platform"]
    )
    put_off: dict[str, int] = {}
    for (platform, purpose, outcome), count in watch.calls.copy().items():
        calls.add_metric([platform, purpose, outcome], count)
        put_off[platform] = put_off.get(platform, 0) + (count if outcome == "throttled" else 0)
    for platform, count in put_off.items():
        throttled.add_metric([platform], count)
    yield calls
    yield throttled


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)


def _labelled(name: str, told: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _count(name: str, told: str, value: int) -> Metric:
    return CounterMetricFamily(name, told, value=value)


def _spread(name: str, told: str, by_platform: dict[str, Spread]) -> Metric:
    family = HistogramMetricFamily(name, told, labels=["platform"])
    for platform, spread in by_platform.items():
        below = 0
        buckets: list[tuple[str, float]] = []
        bounds = [*map(str, spread.bounds), "+Inf"]
        for bound, count in zip(bounds, spread.counts.copy(), strict=True):
            below += count
            buckets.append((bound, below))
        family.add_metric([platform], buckets, spread.total)
    return family
