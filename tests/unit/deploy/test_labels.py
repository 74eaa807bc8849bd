"""Alerts and panels ask for labels that a metric has, and for values that the code can say.

A metric that is mistyped fails elsewhere; a mistyped value is an alert that never comes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import grpc
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gateway.domain.backlog import Backlog, Waiting
from gateway.identity.certificates import CertificateStanding
from gateway.metrics import BREAKER_STATES, Metrics
from gateway.steps import _TROUBLES
from gateway.storage.backlog import _OPEN_STATES, _QUEUES
from gateway.sweeping.sweeper import LEASE_NAME
from gateway.web.webhooks import _OUTCOMES_OF_KNOWN_ACCOUNTS
from psp.errors import PspError
from psp.observed import PspCall, outcome_of
from scripts.check_deploy import ROOT

_SELECTOR: Final = re.compile(r"(paygate_\w+)\s*\{([^}]*)\}")
_MATCHER: Final = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*,?')
_WORDS: Final = re.compile(r"\w+(\|\w+)*", re.ASCII)
"""A matcher that lists values; patterns are not looked into."""


def _errors(base: type[PspError]) -> Iterator[str]:
    yield outcome_of(base("account", "detail"))
    for each in base.__subclasses__():
        yield from _errors(each)


_VALUES: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("paygate_rpc_duration_seconds", "code"): frozenset(grpc.StatusCode.__members__),
    ("paygate_psp_breaker", "state"): frozenset(BREAKER_STATES),
    ("paygate_psp_call_duration_seconds", "outcome"): frozenset(
        {"ok", "declined", "cancelled", "crashed", *_errors(PspError)}
    ),
    ("paygate_webhooks", "outcome"): _OUTCOMES_OF_KNOWN_ACCOUNTS,
    ("paygate_open_operations", "state"): frozenset(str(state) for state in _OPEN_STATES),
    ("paygate_waiting", "queue"): frozenset(_QUEUES),
    ("paygate_job_step_duration_seconds", "outcome"): _TROUBLES,
    ("paygate_job_done_timestamp_seconds", "job_name"): frozenset({LEASE_NAME}),
    ("paygate_kafka_published", "outcome"): frozenset({"published", "failed"}),
}
"""What the code says, by metric and label. Accounts and methods are whatever they are."""


def _labels() -> dict[str, frozenset[str]]:
    """Return the labels of every sample, by its name."""
    metrics, now = Metrics(), datetime(2026, 3, 1, tzinfo=UTC)
    metrics.observe_rpc("m", "OK", 0.1)
    metrics.observe_psp_call(PspCall("a", "op", "ok", 1.0))
    metrics.count_webhook("a", "received")
    metrics.observe_step("j", "done", 0.1)
    metrics.count_failed_round("j")
    metrics.count_swept({"wait": 1})
    metrics.count_published("r", "published", 1)
    metrics.set_taken("g", 1)
    metrics.set_consumer_lag("g", "t", 0, 1)
    metrics.set_breaker("a", "open")
    metrics.count_reload("applied")
    metrics.set_certificate(CertificateStanding("f", 1.0, refused=False))
    one = Waiting(1, now)
    backlog = Backlog({"pending": one}, {"inbox": one}, one, 1, 1, 1, {("a", "t"): 1}, {"j": now})
    metrics.set_backlog(backlog, now)
    return {
        sample.name: frozenset(sample.labels)
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def _expressions() -> Iterator[tuple[str, str]]:
    rules = yaml.safe_load((ROOT / "config/prometheus/alerts.yaml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    board = json.loads((ROOT / "config/grafana/paygate.json").read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for number, target in enumerate(panel.get("targets", ())):
            yield f"{panel['title']} {number}", target["expr"]


def _family(sample: str) -> str:
    return re.sub(r"_(bucket|sum|count|total|oldest_seconds)$", "", sample)


_ASKED: Final = [
    pytest.param(sample, label, wanted, id=f"{where} {label}={wanted}")
    for where, expression in _expressions()
    for sample, matchers in _SELECTOR.findall(expression)
    for label, _, wanted in _MATCHER.findall(matchers)
]


@pytest.mark.parametrize("sample,label,wanted", _ASKED)
def test_what_is_asked_for_can_be_said(sample: str, label: str, wanted: str) -> None:
    """The label is one of the metric's, and each value that is written out is one of the code's."""
    assert label in _labels()[sample]
    known = _VALUES.get((_family(sample), label))
    if known is not None and _WORDS.fullmatch(wanted):
        assert set(wanted.split("|")) <= known


def test_no_label_is_one_that_prometheus_adds() -> None:
    """It would be renamed to exported_job when it is scraped, and never be found by its name."""
    taken = {"job", "instance"}
    assert {name: labels & taken for name, labels in _labels().items() if labels & taken} == {}


_GROUPED: Final = re.compile(r"by \(([^)]*)\) \((?:rate|increase)?\(?(paygate_\w+)")


def test_what_is_grouped_by_is_there() -> None:
    """Grouped by a label that a metric lacks, everything is one."""
    known = _labels()
    asked = [
        (where, sample, set(labels.split(", ")))
        for where, expression in _expressions()
        for labels, sample in _GROUPED.findall(expression)
    ]
    assert len(asked) > 20
    assert [each for each in asked if not each[2] <= known[each[1]]] == []


def test_health_hides_no_calls_that_fail() -> None:
    """A share of calls is one of ours: health and reflection are asked often, and answered."""
    (expression,) = (text for name, text in _expressions() if name == "PaygateCallsFail")
    asked = [matchers for _, matchers in _SELECTOR.findall(expression)]

    assert expression.count("paygate_rpc_duration_seconds_count") == len(asked) == 2
    for matchers in asked:
        ((mark, wanted),) = (each[1:] for each in _MATCHER.findall(matchers) if each[0] == "method")
        assert mark == "=~"
        assert re.fullmatch(wanted, "/paygate.v1.PaymentService/CreatePayment")
        assert not re.fullmatch(wanted, "/grpc.health.v1.Health/Check")


def test_every_written_out_value_is_known_somewhere() -> None:
    """So that a new alert cannot ask for a value that nobody compares with the code."""
    free = {"account", "method", "operation"}
    asked = {
        (_family(each.values[0]), each.values[1])  # type: ignore[arg-type]  # texts, as above
        for each in _ASKED
        if each.values[1] not in free
    }

    assert asked <= _VALUES.keys()
