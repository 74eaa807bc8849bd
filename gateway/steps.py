"""A job's step: one thing that a worker does, with its span, its measurement and its log line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from opentelemetry.trace import SpanKind

from gateway.canonical import CanonicalLine, canonical_line
from gateway.storage.writes import StorageUnavailableError
from gateway.traces import fail, span, tell

_log = structlog.get_logger(__name__)

StepObserver = Callable[[str, str, float], None]
"""Receives every finished step: the job's name, the outcome, seconds. It must not raise."""

IDLE: Final = "idle"
"""Noted as the outcome of a step that found nothing to do: such lines are at debug level."""
_DONE: Final = "done"
_TROUBLES: Final = frozenset({"failed", "storage_unavailable"})


def ignore_step(_job: str, _outcome: str, _duration_s: float) -> None:
    """Observe nothing."""


@contextmanager
def job_step(
    job: str, key: str, *, trace: str = "", observe: StepObserver = ignore_step, **facts: object
) -> Iterator[CanonicalLine]:
    """Do a step and tell of it once, when it is over; it belongs to `trace` if one is named.

    Its outcome is `done` unless the step notes another one, or ends by an exception.
    """
    kind = SpanKind.CONSUMER if trace else SpanKind.INTERNAL
    with (
        span(f"job {job}", {"paygate.job": job}, kind=kind, trace=trace) as current,
        canonical_line() as line,
    ):
        line.facts.update(facts)
        started_s = time.perf_counter()
        outcome = "failed"
        try:
            yield line
            outcome = str(line.facts.get("outcome", _DONE))
        except StorageUnavailableError:
            outcome = "storage_unavailable"
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            duration_s = time.perf_counter() - started_s
            line.facts["outcome"] = outcome
            tell(current, line.facts)
            if outcome in _TROUBLES:
                fail(current, outcome)
            _write_line(job, key, line, duration_s)
            observe(job, outcome, duration_s)


def _write_line(job: str, key: str, line: CanonicalLine, duration_s: float) -> None:
    outcome = line.facts["outcome"]
    level = "warning" if outcome in _TROUBLES else "debug" if outcome == IDLE else "info"
    told = {
        **line.facts,
        "job": job,
        "key": key,
        "duration_ms": round(duration_s * 1000, 3),
        **line.times(),
    }
    getattr(_log, level)("job_step", **told)
