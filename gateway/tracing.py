"""Where a process's traces go: nowhere, to the terminal, or to a collector."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, Protocol

from gateway.traces import use_tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

TraceSink = Literal["none", "console", "otlp"]


class TraceSettings(Protocol):
    """What is set about traces."""

    @property
    def traces(self) -> TraceSink:
        """Where they go."""

    @property
    def trace_ratio(self) -> float:
        """How many of those that begin here are kept, from 0 to 1."""


@contextmanager
def tracing(settings: TraceSettings) -> Iterator[None]:
    """Trace this process until the context ends, and send what is left then.

    With `none` every piece of work still has a trace id, for log lines and messages, and no span
    is kept. Where a collector is, OpenTelemetry's own variables say, such as
    OTEL_EXPORTER_OTLP_ENDPOINT (OpenTelemetry specification, "OpenTelemetry Protocol Exporter").
    """
    # Loaded here: commands that do no work never trace.
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace.sampling import (  # noqa: PLC0415 - see above
        ALWAYS_OFF,
        ParentBased,
        TraceIdRatioBased,
    )

    make = _PROCESSORS[settings.traces]
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)) if make else ALWAYS_OFF,
        resource=Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "paygate")}),
        shutdown_on_exit=False,
    )
    if make is not None:
        provider.add_span_processor(make())
    before = use_tracer(provider.get_tracer("paygate"))
    try:
        yield
    finally:
        use_tracer(before)
        provider.shutdown()


def _to_console() -> SpanProcessor:
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415 - see `tracing`
        ConsoleSpanExporter,
        SimpleSpanProcessor,
    )

    return SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr))


def _to_collector() -> SpanProcessor:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - see `tracing`
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - see `tracing`

    return BatchSpanProcessor(OTLPSpanExporter())


_PROCESSORS: Final[Mapping[TraceSink, Callable[[], SpanProcessor] | None]] = {
    "none": None,
    "console": _to_console,
    "otlp": _to_collector,
}
