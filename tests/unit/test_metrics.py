"""What Prometheus reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.domain.backlog import Backlog, Waiting
from gateway.identity.certificates import CertificateStanding
from gateway.metrics import Metrics
from psp.observed import Observer, PspCall


def test_everything_counted_is_exposed() -> None:
    """Each measurement appears under its name and labels."""
    metrics = Metrics()
    observer: Observer = metrics.observe_psp_call
    metrics.observe_rpc("/pkg.Service/GetPayment", "OK", 0.002)
    observer(PspCall("a", "op", "declined", 120.0))
    metrics.count_webhook("stripe_fr", "received")
    metrics.observe_step("inbox", "applied", 0.01)
    metrics.count_failed_round("delivery")
    metrics.count_swept({"release": 2})
    metrics.count_published("outbox", "failed", 4)
    metrics.set_consumer_lag("orders", "payments.v1", 3, 17)
    metrics.set_breaker("stripe_fr", "open")
    metrics.count_reload("refused")
    metrics.set_certificate(CertificateStanding("tls.crt", 86400.0, refused=True))

    lines = metrics.exposition().decode().splitlines()

    expected = [
        'paygate_rpc_duration_seconds_count{code="OK",method="/pkg.Service/GetPayment"} 1.0',
        'paygate_psp_call_duration_seconds_sum{account="a",operation="op",outcome="declined"} 0.12',
        'paygate_webhooks_total{account="stripe_fr",outcome="received"} 1.0',
        'paygate_job_step_duration_seconds_count{job_name="inbox",outcome="applied"} 1.0',
        'paygate_worker_rounds_failed_total{job_name="delivery"} 1.0',
        'paygate_swept_orders_total{action="release"} 2.0',
        'paygate_kafka_published_total{outcome="failed",relay="outbox"} 4.0',
        'paygate_kafka_consumer_lag{group="orders",partition="3",topic="payments.v1"} 17.0',
        'paygate_psp_breaker{account="stripe_fr",state="open"} 1.0',
        'paygate_psp_breaker{account="stripe_fr",state="closed"} 0.0',
        'paygate_configuration_reloads_total{outcome="refused"} 1.0',
        "paygate_configuration_refused 1.0",
        'paygate_certificate_expires_timestamp_seconds{file="tls.crt"} 86400.0',
        'paygate_certificate_refused{file="tls.crt"} 1.0',
    ]
    assert [line for line in expected if line not in lines] == []


def test_two_registries_share_nothing() -> None:
    """Several gateways in one process count for themselves."""
    one, other = Metrics(), Metrics()
    one.observe_step("inbox", "applied", 0.01)

    assert b'job_name="inbox"' in one.exposition()
    assert b'job_name="inbox"' not in other.exposition()


def test_what_waits_is_exposed_with_its_age() -> None:
    """Counts as they are, ages from the moment of reading; what is dealt with disappears."""
    metrics, now = Metrics(), datetime(2026, 3, 1, 12, tzinfo=UTC)
    metrics.set_backlog(
        Backlog(
            operations={"pending": Waiting(), "unknown": Waiting(3, now - timedelta(minutes=2))},
            queues={"outbox": Waiting(7, now - timedelta(seconds=9))},
            refunds_unsettled=Waiting(5, now - timedelta(days=2)),
            refunds_overdue=2,
            postings_refused=1,
            captures_unfinished=4,
            discrepancies={("stripe_eu", "amount_differs"): 6},
            jobs={"sweeper": now},
        ),
        now,
    )
    lines = metrics.exposition().decode().splitlines()

    expected = {
        "paygate_backlog_read": 1,
        'paygate_open_operations{state="unknown"}': 3,
        'paygate_open_operations_oldest_seconds{state="unknown"}': 120,
        'paygate_open_operations_oldest_seconds{state="pending"}': 0,
        'paygate_waiting{queue="outbox"}': 7,
        'paygate_waiting_oldest_seconds{queue="outbox"}': 9,
        "paygate_refunds_unsettled": 5,
        "paygate_refunds_unsettled_oldest_seconds": 2 * 86400,
        "paygate_refunds_overdue": 2,
        "paygate_account_postings_refused": 1,
        "paygate_captures_unfinished": 4,
        'paygate_discrepancies_open{account="stripe_eu",type="amount_differs"}': 6,
        'paygate_job_done_timestamp_seconds{job_name="sweeper"}': now.timestamp(),
    }
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    shown = {name: float(value) for name, _, value in samples}
    assert {name: shown.get(name) for name in expected} == expected

    nothing = Waiting()
    metrics.set_backlog(Backlog({}, {}, nothing, 0, 0, 0), now)
    assert b"paygate_discrepancies_open{" not in metrics.exposition()


def test_what_could_not_be_read_is_told() -> None:
    """The other gauges stay as they are, and this one says not to believe them."""
    metrics = Metrics()
    metrics.set_backlog_unread()

    assert b"paygate_backlog_read 0.0" in metrics.exposition()
