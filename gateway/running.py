"""A gateway or a worker that runs: opened part by part, and ended in the opposite order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from gateway.api.interceptors.caller import TRUSTING, by_certificate
from gateway.api.server import GrpcEdge, build_grpc_edge
from gateway.bootstrap import Application
from gateway.clock import Clock, system_clock
from gateway.gauges import Gauges, watch_certificate
from gateway.identity.callers import CallerSource
from gateway.identity.listening import listening_certificates
from gateway.identity.names import CallerName
from gateway.identity.tls import server_credentials
from gateway.metrics import Metrics
from gateway.opening import open_application, open_providers
from gateway.readiness import Readiness
from gateway.routing.configuration import Configuration, load_configuration
from gateway.routing.reload import ConfigurationReloader
from gateway.settings import Settings, check_lease
from gateway.web.app import build_web_app, listen_too, start_web
from gateway.web.ports import Check

_log = structlog.get_logger(__name__)
_WEBHOOK_GRACE_S: Final = 2.0
"""A webhook is stored in milliseconds, and sent again if it was not."""


@dataclass(frozen=True, slots=True)
class RunningWorker:
    """A process that does what the workers do, and answers over HTTP alone."""

    application: Application
    metrics: Metrics
    http_address: str
    """`http://host:port` for webhooks, health and metrics."""
    reloader: ConfigurationReloader
    """Follows the settings' configuration file, if somebody runs it."""
    callers: CallerSource
    """What callers may call, as of the configuration in force."""
    readiness: Readiness


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A gateway that answers."""

    application: Application
    edge: GrpcEdge
    grpc_address: str
    """`host:port` for clients."""
    http_address: str
    """`http://host:port` for webhooks, health and metrics."""
    reloader: ConfigurationReloader
    """Follows the settings' configuration file, if somebody runs it."""


@asynccontextmanager
async def running_worker(
    settings: Settings,
    configuration: Configuration,
    clock: Clock = system_clock,
    *,
    grace: Grace | None = None,
    with_workers: bool = True,
    own_http_port: int | None = None,
) -> AsyncIterator[RunningWorker]:
    """Work and answer over HTTP until the context ends; then give back what is under way.

    With an own port, the settings' one is shared with other processes.
    """
    metrics, grace = Metrics(), grace or Grace(settings.shutdown_grace_s)
    callers, readiness = CallerSource(configuration.callers), Readiness()
    async with AsyncExitStack() as stack:
        providers = await stack.enter_async_context(
            open_providers(settings, configuration.accounts, metrics, clock)
        )
        application = await stack.enter_async_context(
            open_application(settings, configuration, providers, clock, metrics)
        )
        if with_workers:
            application.workers.start()
        # Told backwards: workers end, which begin work of their own, then what they and calls
        # began and nobody waits for any more.
        stack.push_async_callback(_drain, application, grace)
        stack.push_async_callback(application.workers.stop)
        metrics.refresh = Gauges(
            application.doors.database,
            providers,
            metrics,
            clock,
            timedelta(seconds=settings.refund_overdue_after_s),
        ).refresh
        web = build_web_app(
            application.inbox,
            metrics,
            _checks(application, readiness),
            webhook_max_bytes=settings.webhook_max_bytes,
            webhook_max_at_once=settings.webhook_max_at_once,
        )
        runner, http_port = await start_web(
            web,
            settings.http_host,
            settings.http_port,
            drain_timeout_s=_WEBHOOK_GRACE_S,
            share_port=own_http_port is not None,
        )
        stack.push_async_callback(runner.cleanup)
        if own_http_port is not None:
            http_port = await listen_too(runner, settings.http_host, own_http_port)
        stack.callback(readiness.leave)
        yield RunningWorker(
            application,
            metrics,
            http_address=f"http://{settings.http_host}:{http_port}",
            reloader=ConfigurationReloader(
                settings.config_file,
                partial(load_checked, settings),
                application.routing,
                providers,
                observe=metrics.count_reload,
                callers=callers,
            ),
            callers=callers,
            readiness=readiness,
        )


def _checks(application: Application, readiness: Readiness) -> dict[str, Check]:
    """Return what `/readyz` looks at."""
    checks: dict[str, Check] = {
        "process": readiness.check,
        "database": application.doors.database.ping,
    }
    if application.broker is not None:
        checks["broker"] = application.broker.ping
    return checks


@asynccontextmanager
async def running_gateway(
    settings: Settings,
    configuration: Configuration,
    clock: Clock = system_clock,
    *,
    with_workers: bool = True,
    own_http_port: int | None = None,
) -> AsyncIterator[RunningGateway]:
    """Serve until the context ends, then drain: no call that began is cut off inside the grace."""
    grace = Grace(settings.shutdown_grace_s)
    certificates = listening_certificates(settings)
    async with AsyncExitStack() as stack:
        # Told backwards: calls end before the workers do.
        worker = await stack.enter_async_context(
            running_worker(
                settings,
                configuration,
                clock,
                grace=grace,
                with_workers=with_workers,
                own_http_port=own_http_port,
            )
        )
        access, credentials = TRUSTING, None
        if certificates is not None:
            credentials = server_credentials(certificates)
            watch_certificate(worker.metrics, certificates)
            access = by_certificate(CallerName(settings.tls_caller), worker.callers)
        application = worker.application
        edge = build_grpc_edge(
            application,
            settings,
            worker.metrics,
            access,
            left=lambda: application.shield.unheard,
            share_port=own_http_port is not None,
        )
        grpc_port = await edge.start(settings.grpc_host, settings.grpc_port, credentials)
        stack.push_async_callback(_stop, edge, grace)
        stack.callback(application.signals.close)  # followers would use up the whole grace
        stack.push_async_callback(_leave, worker.readiness, edge, settings.shutdown_delay_s)
        yield RunningGateway(
            application,
            edge,
            grpc_address=f"{settings.grpc_host}:{grpc_port}",
            http_address=worker.http_address,
            reloader=worker.reloader,
        )


class Grace:
    """The time that everything under way has to end, all of it together, from the first wait on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until_s: float | None = None

    def left_s(self) -> float:
        """Return how much is left."""
        now_s = asyncio.get_running_loop().time()
        if self._until_s is None:
            self._until_s = now_s + self._seconds
        return max(0.0, self._until_s - now_s)


async def _leave(readiness: Readiness, edge: GrpcEdge, delay_s: float) -> None:
    """Say that nothing serves any more, and take calls until everybody has heard of it."""
    readiness.leave()
    await edge.serving.stop()
    await asyncio.sleep(delay_s)


async def _stop(edge: GrpcEdge, grace: Grace) -> None:
    await edge.stop(grace.left_s())


async def _drain(application: Application, grace: Grace) -> None:
    late = await application.shield.drain(grace.left_s())
    if late:
        _log.warning("work_left_to_the_resolver", tasks=late)


def load_checked(settings: Settings) -> Configuration:
    """Load the configuration file; raises `ConfigurationError` and `SettingsError`."""
    configuration = load_configuration(settings.config_file)
    check_lease(settings, configuration.accounts)
    return configuration
