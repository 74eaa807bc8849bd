"""`paygate serve --with-sandbox`: what a person with grpcurl needs around a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import structlog

from gateway.routing.configuration import Configuration
from gateway.running import RunningGateway
from gateway.sandboxed import introduce, running_sandboxes
from gateway.settings import Settings, SettingsError
from legacy_bridge.port import DraftOrder
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money

_log = structlog.get_logger(__name__)
_DRAFTS: Final = tuple(f"order-{number}" for number in range(1, 10))
_TOTAL: Final = Money(1999, "EUR")


@asynccontextmanager
async def playing_sandbox(
    settings: Settings, configuration: Configuration, gateway: RunningGateway
) -> AsyncIterator[None]:
    """Run the sandboxes where the configuration looks for the PSPs, and store draft orders.

    Raises `SettingsError` if the accounts of a PSP do not all look for it at one port of this
    machine, and `OSError` if a port is taken.
    """
    ports = {kind: _port(configuration, kind) for kind in ("stripe", "ogone")}
    async with running_sandboxes(ports["stripe"], ports["ogone"]) as sandboxes:
        introduce(sandboxes, configuration, gateway.http_address)
        await _store_drafts(settings)
        _log.info(
            "sandbox_ready",
            stripe=sandboxes.stripe.address,
            ogone=sandboxes.ogone.address,
            draft_orders=f"{_DRAFTS[0]} to {_DRAFTS[-1]}, {_TOTAL} each",
        )
        yield


def _port(configuration: Configuration, kind: str) -> int:
    """Return the port where accounts of a PSP look for it; 0 if there are none."""
    addresses = {
        urlsplit(config.api_base)
        for config in configuration.accounts.values()
        if config.psp == kind
    }
    ports = {address.port for address in addresses if address.scheme == "http"}
    if not addresses:
        return 0
    if len({address.netloc for address in addresses}) != 1 or len(ports) != 1 or None in ports:
        problem = f"--with-sandbox needs {kind} accounts whose api_base is at one port of 127.0.0.1"
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
