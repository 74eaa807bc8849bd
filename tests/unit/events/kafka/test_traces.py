"""Trace context that outlives a task."""

from __future__ import annotations

import pytest

from gateway.traces import current_trace, span, trace_of

_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_trace_is_continued_and_left() -> None:
    """What is written inside belongs to it, and what comes after does not."""
    with span("work", trace=_TRACE):
        assert current_trace() == _TRACE
        with span("within"):
            assert current_trace() == _TRACE
    assert current_trace() == ""


@pytest.mark.parametrize(
    "headers,trace",
    [
        pytest.param({}, "", id="none"),
        pytest.param({"traceparent": _TRACE}, _TRACE, id="one"),
        pytest.param({"traceparent": "00-x-y-z"}, "", id="nonsense"),
        pytest.param({"traceparent": f"00-{'0' * 32}-{'0' * 16}-01"}, "", id="zeros"),
        pytest.param({"traceparent": "\x00" * 4096}, "", id="rubbish"),
    ],
)
def test_a_caller_names_its_trace(headers: dict[str, str], trace: str) -> None:
    """Anybody can send the header: what is no trace is none."""
    assert trace_of(headers) == trace


@pytest.mark.parametrize("trace", ["nonsense", "00-x-y-z"])
def test_a_broken_trace_changes_nothing(trace: str) -> None:
    """It came from a message that anybody may have written."""
    with span("work", trace=trace):
        assert current_trace() == ""
