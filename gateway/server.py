"""A gateway process: gRPC, HTTP and workers, from the first byte to a clean end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from gateway.api.server import GrpcEdge, build_grpc_edge
from gateway.bootstrap import Application, open_application
from gateway.clock import Clock, system_clock
from gateway.embedded import prepare_databases
from gateway.logs import configure_logging
from gateway.metrics import Metrics
from gateway.routing.configuration import Configuration, load_configuration
from gateway.settings import Settings
from gateway.web.app import build_web_app, start_web

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A gateway that answers."""

    application: Application
    edge: GrpcEdge
    grpc_address: str
    """`host:port` for clients."""
    http_address: str
    """`http://host:port` for webhooks, health and metrics."""


@asynccontextmanager
async def running_gateway(
    settings: Settings, configuration: Configuration, clock: Clock = system_clock
) -> AsyncIterator[RunningGateway]:
    """Serve until the context ends, then drain: no call that began is cut off inside the grace."""
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        application = await stack.enter_async_context(
            open_application(settings, configuration, metrics, clock)
        )
        application.workers.start()
        stack.push_async_callback(application.workers.stop)
        stack.push_async_callback(_drain, application, settings.shutdown_grace_s)
        web = build_web_app(
            application.inbox,
            metrics,
            {"database": application.doors.database.ping},
            webhook_max_bytes=settings.webhook_max_bytes,
        )
        runner, http_port = await start_web(web, settings.http_host, settings.http_port)
        stack.push_async_callback(runner.cleanup)
        edge = build_grpc_edge(application, settings, metrics)
        grpc_port = await edge.start(settings.grpc_host, settings.grpc_port)
        stack.push_async_callback(edge.stop, settings.shutdown_grace_s)
        stack.callback(application.signals.close)  # followers would use up the whole grace
        yield RunningGateway(
            application,
            edge,
            grpc_address=f"{settings.grpc_host}:{grpc_port}",
            http_address=f"http://{settings.http_host}:{http_port}",
        )


async def _drain(application: Application, grace_s: float) -> None:
    late = await application.shield.drain(grace_s)
    if late:
        _log.warning("work_left_to_the_resolver", tasks=late)


async def serve(settings: Settings, *, with_sandbox: bool) -> int:
    """Run a gateway until SIGTERM or SIGINT; the exit code.

    Raises `ConfigurationError` and `SettingsError` before anything is opened.
    """
    configure_logging(settings.log_format, settings.log_level)
    configuration = load_configuration(settings.config_file)
    await prepare_databases(settings)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(running_gateway(settings, configuration))
        if with_sandbox:
            from gateway.playground import playing_sandbox  # noqa: PLC0415 - simulators are loaded on demand only

            await stack.enter_async_context(playing_sandbox(settings, configuration, gateway))
        _log.info("serving", grpc=gateway.grpc_address, http=gateway.http_address)
        await stopped.wait()
        _log.info("stopping", grace_s=settings.shutdown_grace_s)
    _log.info("stopped")
    return 0
