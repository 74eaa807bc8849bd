"""Health, readiness and metrics over HTTP."""

from __future__ import annotations

import asyncio
import socket

import pytest
from structlog.testing import capture_logs

from gateway.metrics import Metrics
from gateway.web.app import build_web_app, start_web
from tests.integration.web.fakes import Edge, FakeInbox


async def _good() -> None:
    """Serve."""


async def _bad() -> None:
    raise ConnectionError("postgresql://user:word@host refused")


async def _stuck() -> None:
    await asyncio.Event().wait()


async def test_a_living_process_says_so_whatever_fails(edge: Edge) -> None:
    """A database that is down is no reason to restart the process."""
    edge.checks["database"] = _bad
    async with edge.session.get(f"{edge.url}/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "alive"})


async def test_ready_if_every_check_passes(edge: Edge) -> None:
    """Each check is named with its result."""
    edge.checks |= {"database": _good, "workers": _good}
    async with edge.session.get(f"{edge.url}/readyz") as answer:
        said = await answer.json()

    assert (answer.status, said) == (
        200,
        {"status": "ready", "checks": {"database": "ok", "workers": "ok"}},
    )


async def test_not_ready_if_one_check_fails_or_hangs(edge: Edge) -> None:
    """The answer says which and how, but not an exception's words, which are logged."""
    edge.checks |= {"database": _bad, "workers": _good, "back_office": _stuck}
    with capture_logs() as lines:
        async with edge.session.get(f"{edge.url}/readyz") as answer:
            said = await answer.json()

    assert (answer.status, said) == (
        503,
        {
            "status": "not_ready",
            "checks": {
                "database": "failed: ConnectionError",
                "workers": "ok",
                "back_office": "failed: TimeoutError",
            },
        },
    )
    assert {"database", "back_office"} == {line["check"] for line in lines}


async def test_a_broker_that_is_down_stops_no_calls(edge: Edge) -> None:
    """It is told, and no replica is taken out of service: what it would carry waits."""
    edge.checks |= {"database": _good, "broker": _bad}
    async with edge.session.get(f"{edge.url}/readyz") as answer:
        said = await answer.json()

    assert (answer.status, said) == (
        200,
        {
            "status": "degraded",
            "checks": {"database": "ok", "broker": "failed: ConnectionError"},
        },
    )


async def test_metrics_are_exposed(edge: Edge) -> None:
    """In the format that Prometheus reads."""
    edge.metrics.observe_step("inbox", "applied", 0.01)
    async with edge.session.get(f"{edge.url}/metrics") as answer:
        text = await answer.text()

    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'paygate_job_step_duration_seconds_count{job_name="inbox",outcome="applied"} 1.0' in text


async def test_unknown_addresses_are_refused_in_json(edge: Edge) -> None:
    """Nothing is served but what is listed."""
    async with edge.session.get(f"{edge.url}/admin") as answer:
        assert (answer.status, (await answer.json())["error"]) == (404, "not_found")


async def test_a_taken_port_is_told() -> None:
    """Who starts the server hears that it did not start."""
    app = build_web_app(FakeInbox(), Metrics(), {}, webhook_max_bytes=10)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(OSError, match="address already in use"):
            await start_web(app, "127.0.0.1", taken.getsockname()[1])
