"""A job's step: one line, one measurement, whatever it comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.trace import StatusCode

from gateway.canonical import current_line, note
from gateway.lanes import Lanes
from gateway.signals import Wake
from gateway.steps import IDLE, job_step
from gateway.storage.writes import StorageUnavailableError
from gateway.traces import current_trace
from tests.support.watching import watched_spans

Lines = list[structlog.typing.EventDict]
_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Every log line of the test."""
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_a_step_tells_what_was_noted_on_the_way(lines: Lines) -> None:
    """Whoever does a part of it adds to the same line, and to nobody else's."""
    with job_step("delivery", "order-1", road="stripe_eu") as line:
        note(payment_id="pay_1")
        line.psp_ms += 12.5
    note(payment_id="pay_2")

    (line_written,) = lines
    assert line_written.pop("duration_ms") > 0
    assert line_written == {
        "event": "job_step",
        "log_level": "info",
        "job": "delivery",
        "key": "order-1",
        "road": "stripe_eu",
        "payment_id": "pay_1",
        "outcome": "done",
        "psp_ms": 12.5,
    }
    assert current_line() is None


@pytest.mark.parametrize(
    "error,outcome,level,failed",
    [
        (StorageUnavailableError("away"), "storage_unavailable", "warning", True),
        (ValueError("a fault"), "failed", "warning", True),
        (asyncio.CancelledError(), "cancelled", "info", False),
    ],
)
def test_a_step_that_breaks_off_says_how(
    lines: Lines, error: BaseException, outcome: str, level: str, failed: bool
) -> None:
    """In the line, the measurement and the span alike; the error goes on its way."""
    seen: list[tuple[str, str]] = []
    with watched_spans() as spans:
        with (
            pytest.raises(type(error)),
            job_step("inbox", "k", observe=lambda job, how, _: seen.append((job, how))),
        ):
            raise error
        (span,) = spans.all()

    assert seen == [("inbox", outcome)]
    assert [(line["outcome"], line["log_level"]) for line in lines] == [(outcome, level)]
    assert (span.status.status_code is StatusCode.ERROR) is failed


def test_a_step_that_found_nothing_is_quiet(lines: Lines) -> None:
    """A look into an empty folder every ten seconds is nobody's news."""
    with job_step("refund_folder", "folder"):
        note(outcome=IDLE)

    assert [line["log_level"] for line in lines] == ["debug"]


async def test_a_lane_goes_on_in_its_rows_trace(lines: Lines) -> None:
    """What a row was written in is what its lane does is a part of."""
    lanes, traces, seen = Lanes("test", 2, Wake()), list[str](), list[tuple[str, str]]()
    lanes.observe = lambda job, outcome, _: seen.append((job, outcome))

    async def look() -> None:
        traces.append(current_trace())

    with watched_spans():
        lanes.start("a", "1", look, trace=_TRACE)
        lanes.start("a", "2", look)
        await lanes.join()

    assert traces[0].split("-")[1] == _TRACE.split("-")[1]
    assert traces[1].split("-")[1] != _TRACE.split("-")[1]
    assert seen == [("test", "done"), ("test", "done")]
