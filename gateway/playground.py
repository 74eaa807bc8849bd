"""`paygate serve --with-sandbox`: what a person with grpcurl needs around a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import structlog

from gateway.routing.configuration import Configuration
from gateway.sandboxed import register_webhooks
from gateway.server import RunningGateway
from gateway.settings import Settings, SettingsError
from legacy_bridge.port import DraftOrder
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money
from psp.stripe.sandbox import running_sandbox

_log = structlog.get_logger(__name__)
_DRAFTS: Final = tuple(f"order-{number}" for number in range(1, 10))
_TOTAL: Final = Money(1999, "EUR")


@asynccontextmanager
async def playing_sandbox(
    settings: Settings, configuration: Configuration, gateway: RunningGateway
) -> AsyncIterator[None]:
    """Run a Stripe sandbox where the configuration looks for Stripe, and store draft orders.

    Raises `SettingsError` if the configuration's accounts do not all look for it at one port of
    this machine, and `OSError` if the port is taken.
    """
    port = _sandbox_port(configuration)
    async with running_sandbox(port) as sandbox:
        register_webhooks(sandbox, configuration, gateway.http_address)
        await _store_drafts(settings)
        _log.info(
            "sandbox_ready",
            stripe=sandbox.address,
            draft_orders=f"{_DRAFTS[0]} to {_DRAFTS[-1]}, {_TOTAL} each",
        )
        yield


def _sandbox_port(configuration: Configuration) -> int:
    addresses = {urlsplit(config.api_base) for config in configuration.accounts.values()}
    ports = {address.port for address in addresses if address.scheme == "http"}
    if len(addresses) != 1 or None in ports or len(ports) != 1:
        problem = "--with-sandbox needs accounts whose api_base is one http://127.0.0.1:PORT"
        raise SettingsError([f"PAYGATE_CONFIG_FILE: {problem}: use config/sandbox.toml"])
    return next(port for port in ports if port is not None)


async def _store_drafts(settings: Settings) -> None:
    """Store the orders that the tour in the README pays; those that exist stay as they are."""
    back_office = SqlBackOffice.open(settings.back_office_url)
    now = datetime.now(UTC)
    try:
        for order_id in _DRAFTS:
            draft = DraftOrder(
                order_id=order_id,
                customer_id="shopper-1",
                country_code="FR",
                total=_TOTAL,
                create_time=now,
                update_time=now,
            )
            await back_office.save_draft(draft)
    finally:
        await back_office.close()
