"""What processes that serve together need around them: sandboxes, databases, environment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.client import AsyncPaygateClient, InProgressError
from gateway.demo.acting import creation
from gateway.sandboxed import Sandboxes, running_sandboxes, write_configuration
from legacy_bridge.sql import SqlBackOffice
from paygate.v1.payment_service_pb2 import CreatePaymentRequest, CreatePaymentResponse
from tests.support.databases import PostgresqlDatabases

_STRIPE_TAKES_S: Final = 0.2
"""So that calls are under way whenever something happens."""
_ASK_AGAIN_S: Final = 1.0


@dataclass(frozen=True)
class Surroundings:
    """All but the processes."""

    sandboxes: Sandboxes
    environment: dict[str, str]
    """Of every process; ports are chosen by the test."""

    def slow_down(self) -> None:
        """Have Stripe take its time for every payment from now on."""
        self.sandboxes.stripe.inject(
            "delay_after",
            method="POST",
            path_suffix="/payment_intents",
            delay_s=_STRIPE_TAKES_S,
            count=1_000_000,
        )

    def intents(self) -> list[str]:
        """Return our id of every payment in Stripe's books."""
        books: list[Any] = list(self.sandboxes.stripe.books())
        return [
            intent["metadata"]["paygate_payment_id"]
            for each in books
            for intent in each["payment_intents"]
        ]


@asynccontextmanager
async def surroundings(databases: PostgresqlDatabases, folder: Path) -> AsyncIterator[Surroundings]:
    """Run them, on PostgreSQL: replicas share it."""
    async with AsyncExitStack() as stack:
        sandboxes = await stack.enter_async_context(running_sandboxes())
        office_url = f"sqlite+aiosqlite:///{folder}/back_office.db"
        office = SqlBackOffice.open(office_url)
        stack.push_async_callback(office.close)
        await office.create_schema()
        yield Surroundings(
            sandboxes,
            {
                "PAYGATE_CONFIG_FILE": str(write_configuration(sandboxes, folder)),
                "PAYGATE_DATABASE_URL": databases.fresh(folder, migrated=True),
                "PAYGATE_BACK_OFFICE_URL": office_url,
                "PAYGATE_GRPC_PORT": "0",
                "PAYGATE_HTTP_PORT": "0",
            },
        )


class Shop:
    """Creates payments one after the other until it is told to close; each is answered once.

    `asks_again` while a request still runs, as docs/errors.md tells callers: after a process was
    killed, it does so until another has found out what became of it.
    """

    def __init__(self, client: AsyncPaygateClient, name: str, *, asks_again: bool = False) -> None:
        self._client = client
        self._name = name
        self._asks_again = asks_again
        self.answers: list[CreatePaymentResponse] = []
        self.is_open = True

    async def sell(self) -> None:
        """Sell; whatever the client does not retry by itself comes out here."""
        while self.is_open:
            request = creation(f"{self._name}-{len(self.answers)}")
            self.answers.append(await self._sold(request))

    async def _sold(self, request: CreatePaymentRequest) -> CreatePaymentResponse:
        while True:
            try:
                return await self._client.create_payment(request, timeout_s=30)
            except InProgressError as running:
                if not self._asks_again:
                    raise
                await asyncio.sleep(running.retry_after_s or _ASK_AGAIN_S)
