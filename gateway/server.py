"""The processes of a gateway, from the first byte to a clean end: one serves, another works."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import structlog

from gateway.embedded import prepare_databases
from gateway.hangups import hear_hangups
from gateway.identity.listening import listening_credentials
from gateway.lifeline import ParentLine
from gateway.logs import configure_logging
from gateway.routing.configuration import Configuration
from gateway.routing.reload import ConfigurationReloader
from gateway.running import load_checked, running_gateway, running_worker
from gateway.settings import Settings
from gateway.tracing import tracing

_log = structlog.get_logger(__name__)
_COLLECTION_THRESHOLDS: Final = (20_000, 50, 100)
"""Of the three generations; CPython's own are 700, 10 and 10."""


def spare_the_garbage_collector() -> None:
    """Keep what was loaded at start out of every collection, and collect less often.

    Half a million objects of libraries live as long as the process. Walking them again and again
    took a third of the processor time of CreatePayment, and most of its slowest calls.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTION_THRESHOLDS)


async def serve(
    settings: Settings,
    *,
    with_sandbox: bool,
    with_workers: bool = True,
    own_http_port: int | None = None,
) -> int:
    """Run a gateway until SIGTERM or SIGINT; SIGHUP reads the configuration; the exit code.

    Without workers, what webhooks bring waits for a process that runs `work`. With a port of its
    own it is one of several processes: it shares the others, and ends with its parent. Raises
    `ConfigurationError` and `SettingsError` before anything is opened.
    """
    listening_credentials(settings)  # read again when it listens: here only so that it fails early
    configuration = await prepare(settings)
    stopped = _stopping()
    parent = None if own_http_port is None else ParentLine()
    if parent is not None:
        parent.on_end(stopped.set)  # nobody would restart this process, or stop it
    async with AsyncExitStack() as stack:
        stack.enter_context(tracing(settings))
        gateway = await stack.enter_async_context(
            running_gateway(
                settings, configuration, with_workers=with_workers, own_http_port=own_http_port
            )
        )
        if with_sandbox:
            from gateway.playground import playing_sandbox  # noqa: PLC0415 - simulators are loaded on demand only

            await stack.enter_async_context(playing_sandbox(settings, configuration, gateway))
        await stack.enter_async_context(_following_file(gateway.reloader))
        spare_the_garbage_collector()
        if parent is not None:
            parent.beat()
        _log.info(
            "serving", grpc=gateway.grpc_address, http=gateway.http_address, workers=with_workers
        )
        await stopped.wait()
        _log.info("stopping", grace_s=settings.shutdown_grace_s)
    _log.info("stopped")
    return 0


async def work(settings: Settings) -> int:
    """Do what is due, beside others who do the same, until SIGTERM or SIGINT; else as `serve`."""
    configuration = await prepare(settings)
    stopped = _stopping()
    async with AsyncExitStack() as stack:
        stack.enter_context(tracing(settings))
        worker = await stack.enter_async_context(running_worker(settings, configuration))
        await stack.enter_async_context(_following_file(worker.reloader))
        spare_the_garbage_collector()
        _log.info("working", http=worker.http_address)
        await stopped.wait()
        _log.info("stopping", grace_s=settings.shutdown_grace_s)
    _log.info("stopped")
    return 0


async def prepare(settings: Settings) -> Configuration:
    """Do what comes before everything else; raises `ConfigurationError` and `SettingsError`."""
    configure_logging(settings.log_format, settings.log_level)
    configuration = load_checked(settings)
    await prepare_databases(settings)
    return configuration


def _stopping() -> asyncio.Event:
    """Return what SIGTERM and SIGINT set."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


@asynccontextmanager
async def _following_file(reloader: ConfigurationReloader) -> AsyncIterator[None]:
    hear_hangups(reloader.ask)
    task = asyncio.create_task(reloader.run(), name="configuration")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
