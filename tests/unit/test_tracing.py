"""Where traces go, and that there are ids when they go nowhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.trace import get_current_span

from gateway.traces import current_trace, current_trace_id, finished_span, inner_span, span
from gateway.tracing import TraceSink, tracing
from tests.support.watching import watched_spans

_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass
class _Settings:
    traces: TraceSink = "none"
    trace_ratio: float = 1.0


def test_without_a_sink_there_are_ids_and_no_spans() -> None:
    """A log line has its trace id, a message its header; nothing is kept or sent."""
    with tracing(_Settings()), span("work"):
        assert len(current_trace_id()) == 32
        assert current_trace().split("-")[1] == current_trace_id()
        assert not get_current_span().is_recording()
        with inner_span("database fetch") as inner:
            assert inner is None
    assert (current_trace_id(), current_trace()) == ("", "")


def test_a_callers_trace_is_gone_on_with_also_without_a_sink() -> None:
    """Who asked finds what we logged under the id that it knows."""
    with tracing(_Settings()), span("work", trace=_TRACE):
        assert current_trace_id() == _TRACE.split("-")[1]


def test_the_console_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON document for each span, beside the log."""
    with tracing(_Settings("console")), span("work", {"paygate.job": "inbox"}):
        pass
    told = capsys.readouterr()
    assert '"name": "work"' in told.err
    assert '"service.name": "paygate"' in told.err
    assert told.out == ""


def test_none_of_the_traces_that_begin_here_are_kept_at_ratio_zero(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """But those that a caller keeps are."""
    with tracing(_Settings("console", trace_ratio=0.0)):
        with span("ours"):
            pass
        with span("theirs", trace=_TRACE):
            pass
    told = capsys.readouterr().err
    assert "theirs" in told
    assert "ours" not in told


class _Collector(TraceServiceServicer):
    """Keeps the names of the spans that it is sent."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def Export(  # noqa: N802 - the name of the RPC
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        for resource in request.resource_spans:
            self.names += [span.name for scope in resource.scope_spans for span in scope.spans]
        return ExportTraceServiceResponse()


def test_a_collector_gets_the_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenTelemetry's own variable says that it is, at the latest when tracing ends."""
    collector = _Collector()
    server = grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]  # generated without types
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")

    with tracing(_Settings("otlp")), span("ours"):
        pass

    server.stop(None).wait()
    assert collector.names == ["ours"]


def test_a_finished_call_is_a_span_of_its_own_time() -> None:
    """It began when the call did, and is a part of what is under way."""
    with watched_spans() as spans:
        finished_span("alone", {}, start_ns=1, end_ns=2)
        with span("work"):
            finished_span("psp capture", {"a": 1}, start_ns=5, end_ns=9, failed="outcome_unknown")
        call, work = spans.all()

    assert (call.name, call.start_time, call.end_time) == ("psp capture", 5, 9)
    assert call.parent == work.context
    assert call.status.description == "outcome_unknown"


def test_an_exceptions_words_are_not_kept() -> None:
    """They may quote what a shopper typed."""
    with watched_spans() as spans:
        with pytest.raises(ValueError, match="4242"), span("work"):
            raise ValueError("card 4242424242424242")
        (kept,) = spans.all()

    assert kept.status.description == "ValueError"
    assert "4242" not in kept.to_json()
