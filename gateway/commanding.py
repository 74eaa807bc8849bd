"""A gateway for one command: wired as the server's is, with no worker started."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.bootstrap import Application
from gateway.embedded import prepare_databases
from gateway.logs import configure_logging
from gateway.metrics import Metrics
from gateway.opening import open_application, open_providers
from gateway.routing.configuration import load_configuration
from gateway.settings import Settings


@asynccontextmanager
async def commanded_application(settings: Settings) -> AsyncIterator[Application]:
    """Open everything that the settings name, and let what was begun end before it is closed.

    Raises `ConfigurationError` and `SettingsError` before anything is opened.
    """
    configure_logging(settings.log_format, settings.log_level)
    configuration = await asyncio.to_thread(load_configuration, settings.config_file)
    await prepare_databases(settings)
    async with (
        open_providers(settings, configuration.accounts, Metrics()) as providers,
        open_application(settings, configuration, providers) as application,
    ):
        try:
            yield application
        finally:
            await application.shield.drain(settings.shutdown_grace_s)
