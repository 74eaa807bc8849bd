"""A gateway process: gRPC, HTTP and workers, from the first byte to a clean end."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from gateway.api.server import GrpcEdge, build_grpc_edge
from gateway.bootstrap import Application, open_application, open_providers
from gateway.clock import Clock, system_clock
from gateway.embedded import prepare_databases
from gateway.logs import configure_logging
from gateway.metrics import Metrics
from gateway.routing.configuration import Configuration, load_configuration
from gateway.routing.reload import ConfigurationReloader
from gateway.settings import Settings, check_lease
from gateway.web.app import build_web_app, start_web

_log = structlog.get_logger(__name__)
_COLLECTION_THRESHOLDS: Final = (20_000, 50, 100)
"""Of the three generations; CPython's own are 700, 10 and 10."""
_WEBHOOK_GRACE_S: Final = 2.0
"""A webhook is stored in milliseconds, and sent again if it was not."""


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
async def running_gateway(
    settings: Settings, configuration: Configuration, clock: Clock = system_clock
) -> AsyncIterator[RunningGateway]:
    """Serve until the context ends, then drain: no call that began is cut off inside the grace."""
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        providers = await stack.enter_async_context(
            open_providers(settings, configuration.accounts, metrics)
        )
        application = await stack.enter_async_context(
            open_application(settings, configuration, providers, clock)
        )
        grace = Grace(settings.shutdown_grace_s)
        application.workers.start()
        # Told backwards: calls end first, then workers, which begin work of their own, then what
        # both began and nobody waits for any more.
        stack.push_async_callback(_drain, application, grace)
        stack.push_async_callback(application.workers.stop)
        web = build_web_app(
            application.inbox,
            metrics,
            {"database": application.doors.database.ping},
            webhook_max_bytes=settings.webhook_max_bytes,
        )
        runner, http_port = await start_web(
            web, settings.http_host, settings.http_port, drain_timeout_s=_WEBHOOK_GRACE_S
        )
        stack.push_async_callback(runner.cleanup)
        edge = build_grpc_edge(application, settings, metrics)
        grpc_port = await edge.start(settings.grpc_host, settings.grpc_port)
        stack.push_async_callback(_stop, edge, grace)
        stack.callback(application.signals.close)  # followers would use up the whole grace
        yield RunningGateway(
            application,
            edge,
            grpc_address=f"{settings.grpc_host}:{grpc_port}",
            http_address=f"http://{settings.http_host}:{http_port}",
            reloader=ConfigurationReloader(
                settings.config_file,
                partial(load_checked, settings),
                application.routing,
                providers,
                observe=metrics.count_reload,
            ),
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


def spare_the_garbage_collector() -> None:
    """Keep what was loaded at start out of every collection, and collect less often.

    Half a million objects of libraries live as long as the process. Walking them again and again
    took a third of the processor time of CreatePayment, and most of its slowest calls.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTION_THRESHOLDS)


async def serve(settings: Settings, *, with_sandbox: bool) -> int:
    """Run a gateway until SIGTERM or SIGINT; SIGHUP reads the configuration; the exit code.

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
        await stack.enter_async_context(_following_file(gateway.reloader))
        spare_the_garbage_collector()
        _log.info("serving", grpc=gateway.grpc_address, http=gateway.http_address)
        await stopped.wait()
        _log.info("stopping", grace_s=settings.shutdown_grace_s)
    _log.info("stopped")
    return 0


@asynccontextmanager
async def _following_file(reloader: ConfigurationReloader) -> AsyncIterator[None]:
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloader.ask)
    task = asyncio.create_task(reloader.run(), name="configuration")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
