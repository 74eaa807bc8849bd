"""What becomes of a finished PSP call: a measurement, time on the canonical line, and a span."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from gateway.canonical import current_line
from gateway.traces import finished_span
from psp.observed import Observer, PspCall

_HERE: Final = frozenset({"parse_event"})
"""Methods of the port that ask nobody."""
_FINE: Final = frozenset({"ok", "declined", "rejected", "not_found"})
"""The PSP answered, if not as one hoped: nothing is broken."""


def watching(measure: Callable[[PspCall], None]) -> Observer:
    """Return an observer that measures each call, and tells line and trace of it.

    A call is reported from the task that made it, so that its span finds the one it belongs to.
    """

    def observe(call: PspCall) -> None:
        measure(call)
        if call.operation in _HERE:
            return
        line = current_line()
        if line is not None:
            line.psp_ms += call.duration_ms
        end_ns = time.time_ns()
        finished_span(
            f"psp {call.operation}",
            {
                "paygate.psp_account": call.account,
                "paygate.operation": call.operation,
                "paygate.outcome": call.outcome,
                "paygate.psp_code": call.code,
                "paygate.psp_request": call.request_reference,
            },
            start_ns=end_ns - round(call.duration_ms * 1_000_000),
            end_ns=end_ns,
            failed="" if call.outcome in _FINE else call.outcome,
        )

    return observe
