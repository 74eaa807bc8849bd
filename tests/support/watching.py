"""What a gateway tells of itself, caught: spans and log lines."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.logs import configure_logging
from gateway.traces import use_tracer


class Spans:
    """The spans that have ended."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        """Every one, in the order of their ends."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of a name."""
        return [each for each in self.all() if each.name == name]

    def of_trace_of(self, one: ReadableSpan) -> list[ReadableSpan]:
        """All of one's trace."""
        trace_id = id_of(one)
        return [each for each in self.all() if id_of(each) == trace_id]


def id_of(one: ReadableSpan) -> int:
    """The trace that a span is of."""
    assert one.context is not None
    trace_id: int = one.context.trace_id
    return trace_id


def parent_of(one: ReadableSpan, among: list[ReadableSpan]) -> ReadableSpan | None:
    """The span that one is a part of, if it is among those."""
    parent = one.parent
    if parent is None:
        return None
    return next(
        (each for each in among if each.context and each.context.span_id == parent.span_id), None
    )


@contextmanager
def watched_spans() -> Iterator[Spans]:
    """Keep every span in memory for a while."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before = use_tracer(provider.get_tracer("tests"))
    try:
        yield Spans(exporter)
    finally:
        use_tracer(before)
        provider.shutdown()


class Lines:
    """What was logged, as a machine reads it."""

    def __init__(self, output: io.StringIO) -> None:
        self._output = output

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of one kind."""
        lines = [json.loads(line) for line in self._output.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


@contextmanager
def watched_lines() -> Iterator[Lines]:
    """Log as JSON into memory for a while."""
    root, output = logging.getLogger(), io.StringIO()
    handlers, level = [*root.handlers], root.level
    configure_logging("json", "INFO", output)
    try:
        yield Lines(output)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
