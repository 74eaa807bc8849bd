"""Traces: spans of what is done, and trace context that outlives a task as text beside its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from types import TracebackType
from typing import Final

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    INVALID_SPAN,
    NoOpTracer,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from psp.redaction import without_secrets

Attributes = Mapping[str, AttributeValue]

TRACEPARENT: Final = "traceparent"
"""Name of the header that carries it (W3C Trace Context, section 3.2)."""
_PROPAGATOR: Final = TraceContextTextMapPropagator()


_NOBODY: Final = NoOpTracer()


class _Tracing:
    """Who makes this process's spans; nobody unless `use_tracer` said who."""

    tracer: Tracer = _NOBODY


def use_tracer(tracer: Tracer) -> Tracer:
    """Have spans made by a tracer from now on; the one before."""
    before, _Tracing.tracer = _Tracing.tracer, tracer
    return before


def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    trace: str = "",
    exceptions_fail: bool = True,
) -> AbstractContextManager[Span]:
    """Do something as a span: of the `trace` that is named, else of this task's, else of a new one.

    An exception makes it failed, unless exceptions are how it ends in good order too. Only the
    exception's name is kept: its words may quote anything.
    """
    return _Spanning(name, attributes, kind, trace, exceptions_fail=exceptions_fail)


class _Spanning:
    """What `span` returns. A class and no generator: it is there for every RPC."""

    __slots__ = ("_attributes", "_exceptions_fail", "_kind", "_made", "_name", "_token", "_trace")

    def __init__(
        self,
        name: str,
        attributes: Attributes | None,
        kind: SpanKind,
        trace: str,
        *,
        exceptions_fail: bool,
    ) -> None:
        self._name = name
        self._attributes = attributes
        self._kind = kind
        self._trace = trace
        self._exceptions_fail = exceptions_fail
        self._made: Span | None = None
        self._token: Token[Context] | None = None

    def __enter__(self) -> Span:
        outer = get_current_span()
        if not self._trace:
            if not outer.is_recording() and _began_here(outer):
                return outer  # of a trace that is not kept, nor are its parts: they cost time
            if outer is INVALID_SPAN and _Tracing.tracer is _NOBODY:
                return outer
        self._made = _Tracing.tracer.start_span(
            self._name,
            _PROPAGATOR.extract({TRACEPARENT: self._trace}) if self._trace else None,
            kind=self._kind,
            attributes=self._attributes,
            record_exception=False,
            set_status_on_exception=False,
        )
        self._token = attach(set_span_in_context(self._made))
        return self._made

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._made is None or self._token is None:
            return
        detach(self._token)
        if self._exceptions_fail and isinstance(error, Exception):
            fail(self._made, type(error).__name__)
        self._made.end()


def is_traced() -> bool:
    """Whether this task's work belongs to a span that is kept."""
    return get_current_span().is_recording()


def _began_here(outer: Span) -> bool:
    context = outer.get_span_context()
    return context.is_valid and not context.is_remote


@contextmanager
def inner_span(name: str, attributes: Attributes | None = None) -> Iterator[Span | None]:
    """Do something as a span, but only inside of one that is kept: never a trace of its own.

    For what is done thousands of times, also by jobs that find nothing to do.
    """
    if not is_traced():
        yield None
        return
    with span(name, attributes, kind=SpanKind.CLIENT) as current:
        yield current


def finished_span(
    name: str, attributes: Attributes, *, start_ns: int, end_ns: int, failed: str = ""
) -> None:
    """Add a span of what is over, inside of the current one; `failed` says why it was."""
    if not is_traced():
        return
    made = _Tracing.tracer.start_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, start_time=start_ns
    )
    if failed:
        fail(made, failed)
    made.end(end_ns)


def tell(current: Span, facts: Mapping[str, object]) -> None:
    """Add what is known of a span as `paygate.NAME`, without what looks like a secret in it.

    Callers and PSPs send ids that are none, and traces are kept where more people read.
    """
    if current.is_recording():
        current.set_attributes(
            {f"paygate.{name}": without_secrets(str(value)) for name, value in facts.items()}
        )


def fail(failed: Span, why: str) -> None:
    """Say that a span failed, in a word or two."""
    failed.set_status(Status(StatusCode.ERROR, why))


def current_trace() -> str:
    """Return the trace that this task belongs to, as a `traceparent`; empty if to none."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(TRACEPARENT, "")


def current_trace_id() -> str:
    """Return the id of the trace that this task belongs to, in hexadecimal; empty if to none."""
    context = get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def trace_of(headers: Mapping[str, str]) -> str:
    """Return the trace that a caller's headers name; empty if they name none, or nonsense."""
    carrier: dict[str, str] = {}
    given = headers.get(TRACEPARENT, "")
    _PROPAGATOR.inject(carrier, _PROPAGATOR.extract({TRACEPARENT: given}, Context()))
    return carrier.get(TRACEPARENT, "")
