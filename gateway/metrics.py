"""Metrics: what Prometheus reads of this process, counted in a registry of its own."""

from __future__ import annotations

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

from psp.observed import PspCall

_RPC_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 40)
_PSP_BUCKETS_S: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)


class Metrics:
    """Everything this process measures. Labels take few values: names of ours, never ids.

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
        self._inbox = Counter(
            "paygate_inbox_events",
            "Attempts to deal with a webhook of the inbox, by outcome.",
            ("outcome",),
            registry=registry,
        )
        self._outbox = Counter(
            "paygate_outbox_deliveries",
            "Attempts to deliver a journal line, by outcome.",
            ("outcome",),
            registry=registry,
        )
        self._open_operations = Gauge(
            "paygate_open_operations",
            "PSP operations whose end is not known, by state.",
            ("state",),
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
        self._waiting = Gauge(
            "paygate_waiting",
            "Entries of the inbox and the outbox that wait, by queue.",
            ("queue",),
            registry=registry,
        )

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

    def count_inbox(self, outcome: str) -> None:
        """Count an attempt to deal with a webhook of the inbox, e.g. `applied`."""
        self._inbox.labels(outcome).inc()

    def count_delivery(self, outcome: str) -> None:
        """Count an attempt to deliver a journal line, e.g. `delivered`."""
        self._outbox.labels(outcome).inc()

    def count_reload(self, outcome: str) -> None:
        """Count a reading of the configuration file: `applied`, `unchanged` or `refused`."""
        self._reloads.labels(outcome).inc()
        self._refused.set(outcome == "refused")

    def set_open_operations(self, state: str, count: int) -> None:
        """Say how many operations are in an open state now."""
        self._open_operations.labels(state).set(count)

    def set_waiting(self, queue: str, count: int) -> None:
        """Say how many entries of `inbox` or `outbox` wait now."""
        self._waiting.labels(queue).set(count)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
