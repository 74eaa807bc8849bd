"""Metrics: what Prometheus reads of this process, counted in a registry of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from gateway.domain.backlog import Backlog, Waiting
from gateway.identity.certificates import CertificateStanding
from psp.observed import PspCall

_RPC_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 40)
_PSP_BUCKETS_S: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)
BREAKER_STATES: Final = ("closed", "half_open", "open")
_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}
"""What samples of a kind of metric are called besides its name (Prometheus, text format)."""


async def _nothing() -> None:
    """Refresh nothing."""


class Metrics:
    """Everything this process measures. Labels take few values: names of ours, never ids.

    None is called `job` or `instance`: Prometheus has labels of its own by these names, and renames
    ours where they meet (`honor_labels`, false by default).

    `observe_psp_call` is an `Observer` for `psp.observed.ObservedProvider`.
    """

    content_type: Final = CONTENT_TYPE_LATEST
    """Goes with `exposition`."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._rpcs = Histogram(
            "paygate_rpc_duration_seconds",
            "Time to answer an RPC, by method and status code.",
            ("method", "code"),
            buckets=_RPC_BUCKETS_S,
            registry=registry,
        )
        self._psp_calls = Histogram(
            "paygate_psp_call_duration_seconds",
            "Time a PSP took, by account, operation and outcome.",
            ("account", "operation", "outcome"),
            buckets=_PSP_BUCKETS_S,
            registry=registry,
        )
        self._webhooks = Counter(
            "paygate_webhooks",
            "Webhooks answered, by account and outcome.",
            ("account", "outcome"),
            registry=registry,
        )
        self._steps = Histogram(
            "paygate_job_step_duration_seconds",
            "Time of a job's step, by job and outcome.",
            ("job_name", "outcome"),
            buckets=_RPC_BUCKETS_S,
            registry=registry,
        )
        self._rounds_failed = Counter(
            "paygate_worker_rounds_failed",
            "Rounds of a worker that failed before it could begin with what is due, by job.",
            ("job_name",),
            registry=registry,
        )
        self._swept = Counter(
            "paygate_swept_orders",
            "Orders that the sweeper looked at, by what it did.",
            ("action",),
            registry=registry,
        )
        self._published = Counter(
            "paygate_kafka_published",
            "Messages that a relay published, by relay and outcome.",
            ("relay", "outcome"),
            registry=registry,
        )
        self._taken = Gauge(
            "paygate_kafka_taken",
            "Messages that a consumer of this process took and is not done with, by group.",
            ("group",),
            registry=registry,
        )
        self._lag = Gauge(
            "paygate_kafka_consumer_lag",
            "Messages between the committed offset and the end, by group, topic and partition.",
            ("group", "topic", "partition"),
            registry=registry,
        )
        self._reloads = Counter(
            "paygate_configuration_reloads",
            "Times that the configuration file was read anew, by outcome.",
            ("outcome",),
            registry=registry,
        )
        self._refused = Gauge(
            "paygate_configuration_refused",
            "1 while the file as read last is refused and an older one is in force.",
            registry=registry,
        )
        self._certificate_expires = Gauge(
            "paygate_certificate_expires_timestamp_seconds",
            "When the certificate that gRPC listens with expires, in Unix time, by its file.",
            ("file",),
            registry=registry,
        )
        self._certificate_refused = Gauge(
            "paygate_certificate_refused",
            "1 while its files cannot be used as they are now and older ones are in use.",
            ("file",),
            registry=registry,
        )
        self._breaker = Gauge(
            "paygate_psp_breaker",
            "1 for the state that the circuit breaker of an account is in here, 0 for the others.",
            ("account", "state"),
            registry=registry,
        )
        self._tasks = Gauge(
            "paygate_asyncio_tasks",
            "Tasks of the process that did not end: calls, watches, workers, work begun by them.",
            registry=registry,
        )
        self._backlog = _BacklogGauges(registry)
        self.refresh: Callable[[], Awaitable[None]] = _nothing
        """Brings up to date what nobody counts as it happens; to be awaited before `exposition`."""

    def observe_rpc(self, method: str, code: str, duration_s: float) -> None:
        """Count an answered RPC: `/paygate.v1.PaymentService/GetPayment`, `OK`, seconds."""
        self._rpcs.labels(method, code).observe(duration_s)

    def observe_psp_call(self, call: PspCall) -> None:
        """Count a finished call to a PSP."""
        self._psp_calls.labels(call.account, call.operation, call.outcome).observe(
            call.duration_ms / 1000
        )

    def count_webhook(self, account: str, outcome: str) -> None:
        """Count an answered webhook; `account` is a configured one or `unknown`."""
        self._webhooks.labels(account, outcome).inc()

    def observe_step(self, job: str, outcome: str, duration_s: float) -> None:
        """Count a finished step: a `StepObserver`."""
        self._steps.labels(job, outcome).observe(duration_s)

    def count_failed_round(self, job: str) -> None:
        """Count a round of a worker that failed."""
        self._rounds_failed.labels(job).inc()

    def count_swept(self, counts: Mapping[str, int]) -> None:
        """Count the orders of one pass of the sweeper, by what was done about them."""
        for action, count in counts.items():
            self._swept.labels(action).inc(count)

    def count_published(self, relay: str, outcome: str, count: int) -> None:
        """Count messages of a relay that the brokers took or did not: `published`, `failed`."""
        self._published.labels(relay, outcome).inc(count)

    def set_taken(self, group: str, count: int) -> None:
        """Say how many messages a consumer is at."""
        self._taken.labels(group).set(count)

    def set_consumer_lag(self, group: str, topic: str, partition: int, lag: int) -> None:
        """Say how far a consumer group is behind on a partition that is this process's."""
        self._lag.labels(group, topic, str(partition)).set(lag)

    def forget_consumer_lag(self, group: str, topic: str, partition: int) -> None:
        """Say nothing any more of a partition that became another process's."""
        with suppress(KeyError):  # nothing was said of it yet
            self._lag.remove(group, topic, str(partition))

    def set_breaker(self, account: str, state: str) -> None:
        """Say in which of `BREAKER_STATES` an account's circuit breaker is now."""
        for each in BREAKER_STATES:
            self._breaker.labels(account, each).set(each == state)

    def count_reload(self, outcome: str) -> None:
        """Count a reading of the configuration file: `applied`, `unchanged` or `refused`."""
        self._reloads.labels(outcome).inc()
        self._refused.set(outcome == "refused")

    def set_certificate(self, standing: CertificateStanding) -> None:
        """Say how the certificate stands that gRPC listens with."""
        self._certificate_expires.labels(standing.file).set(standing.expires_s)
        self._certificate_refused.labels(standing.file).set(standing.refused)

    def set_tasks(self, count: int) -> None:
        """Say how many asyncio tasks there are now."""
        self._tasks.set(count)

    def set_backlog(self, backlog: Backlog, now: datetime) -> None:
        """Say what waits now."""
        self._backlog.show(backlog, now)

    def set_backlog_unread(self) -> None:
        """Say that what waits could not be read: it is told as it was."""
        self._backlog.read.set(0)

    def names(self) -> frozenset[str]:
        """Return the name of every sample there may be, for checking what asks for them."""
        return frozenset(
            f"{family.name}{suffix}"
            for family in self._registry.collect()
            for suffix in _SUFFIXES[family.type]
        )

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _BacklogGauges:
    """What waits in the database, as read last."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(name, what, labels, registry=registry)

        self.read = gauge("paygate_backlog_read", "1 if what waits was read when asked for last.")
        self._operations = gauge(
            "paygate_open_operations", "PSP operations whose end is not known, by state.", "state"
        )
        self._operations_oldest = gauge(
            "paygate_open_operations_oldest_seconds",
            "Age of the oldest of them, by state.",
            "state",
        )
        self._waiting = gauge(
            "paygate_waiting", "Rows that a job is still to deal with, by queue.", "queue"
        )
        self._waiting_oldest = gauge(
            "paygate_waiting_oldest_seconds", "Age of the oldest of them, by queue.", "queue"
        )
        self._unsettled = gauge(
            "paygate_refunds_unsettled", "Refunds that a PSP has more to say of."
        )
        self._unsettled_oldest = gauge(
            "paygate_refunds_unsettled_oldest_seconds", "Age of the oldest of them."
        )
        self._overdue = gauge(
            "paygate_refunds_overdue", "Refunds that no PSP confirmed for too long."
        )
        self._refused = gauge(
            "paygate_account_postings_refused", "Movements that the back office refused."
        )
        self._unfinished = gauge(
            "paygate_captures_unfinished",
            "Captures and cancels that a PSP accepted only.",
        )
        self._discrepancies = gauge(
            "paygate_discrepancies_open",
            "Differences to the PSPs' reports that nobody dealt with, by account and type.",
            "account",
            "type",
        )
        self._done = gauge(
            "paygate_job_done_timestamp_seconds",
            "Until when a job that one replica at a time does was done, in Unix time.",
            "job_name",
        )

    def show(self, backlog: Backlog, now: datetime) -> None:
        """Show what was read."""
        self.read.set(1)
        for state, waiting in backlog.operations.items():
            self._operations.labels(state).set(waiting.count)
            self._operations_oldest.labels(state).set(_age_s(waiting, now))
        for queue, waiting in backlog.queues.items():
            self._waiting.labels(queue).set(waiting.count)
            self._waiting_oldest.labels(queue).set(_age_s(waiting, now))
        self._unsettled.set(backlog.refunds_unsettled.count)
        self._unsettled_oldest.set(_age_s(backlog.refunds_unsettled, now))
        self._overdue.set(backlog.refunds_overdue)
        self._refused.set(backlog.postings_refused)
        self._unfinished.set(backlog.captures_unfinished)
        self._discrepancies.clear()  # of a type that is dealt with there is no row any more
        for (account, kind), count in backlog.discrepancies.items():
            self._discrepancies.labels(account, kind).set(count)
        for job, done_time in backlog.jobs.items():
            self._done.labels(job).set(done_time.timestamp())


def _age_s(waiting: Waiting, now: datetime) -> float:
    if waiting.oldest_time is None:
        return 0.0
    return max(0.0, (now - waiting.oldest_time).total_seconds())
