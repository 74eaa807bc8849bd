"""What Prometheus reads."""

from __future__ import annotations

from gateway.metrics import Metrics
from psp.observed import Observer, PspCall


def test_everything_counted_is_exposed() -> None:
    """Each measurement appears under its name and labels."""
    metrics = Metrics()
    observer: Observer = metrics.observe_psp_call
    metrics.observe_rpc("/pkg.Service/GetPayment", "OK", 0.002)
    observer(PspCall("a", "op", "declined", 120.0))
    metrics.count_webhook("stripe_fr", "received")
    metrics.count_inbox("applied")
    metrics.count_delivery("delivered")
    metrics.set_open_operations("unknown", 3)
    metrics.set_waiting("outbox", 7)
    metrics.count_reload("refused")

    lines = metrics.exposition().decode().splitlines()

    expected = [
        'paygate_rpc_duration_seconds_count{code="OK",method="/pkg.Service/GetPayment"} 1.0',
        'paygate_psp_call_duration_seconds_sum{account="a",operation="op",outcome="declined"} 0.12',
        'paygate_webhooks_total{account="stripe_fr",outcome="received"} 1.0',
        'paygate_inbox_events_total{outcome="applied"} 1.0',
        'paygate_outbox_deliveries_total{outcome="delivered"} 1.0',
        'paygate_open_operations{state="unknown"} 3.0',
        'paygate_waiting{queue="outbox"} 7.0',
        'paygate_configuration_reloads_total{outcome="refused"} 1.0',
        "paygate_configuration_refused 1.0",
    ]
    assert [line for line in expected if line not in lines] == []


def test_two_registries_share_nothing() -> None:
    """Several gateways in one process count for themselves."""
    one, other = Metrics(), Metrics()
    one.count_inbox("applied")

    assert b"paygate_inbox_events_total{" in one.exposition()
    assert b"paygate_inbox_events_total{" not in other.exposition()
