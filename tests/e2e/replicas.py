"""Two processes that serve, two that work, and everything around them that may go down too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.client import AsyncPaygateClient
from gateway.routing.configuration import load_configuration
from gateway.sandboxed import Sandboxes, introduce, write_configuration
from legacy_bridge.sql import SqlBackOffice
from psp.ogone import sandbox as ogone
from psp.stripe import sandbox as stripe
from tests.support.databases import PostgresqlDatabases
from tests.support.front_door import front_door
from tests.support.kafka import Broker, running_broker
from tests.support.ports import free_port
from tests.support.postgresql import PostgresqlServer, restartable_postgresql
from tests.support.processes import Replaceable

_EVENING_S: Final = 1.0
"""After so long Ogone's sandbox carries out what it accepted."""
_REPEATS_S: Final = (0.5,) * 120
"""Webhooks are repeated for a minute: longer than anything here is down, as with real PSPs."""
_CALL_S: Final = 2.0
"""What a call of a PSP may last, so that leases, which are longer than four, can be short."""
_KAFKA_OPTIONS: Final = {
    # The broker of the tests hands over by this alone, see docs/kafka.md.
    "partition.assignment.strategy": "range",
    "session.timeout.ms": 6000,
    "reconnect.backoff.max.ms": 1000,
}


@dataclass(frozen=True)
class Replicas:
    """All that is running."""

    sandboxes: Sandboxes
    office: SqlBackOffice
    client: AsyncPaygateClient
    """Knows both servers, and goes to the one that lives."""
    servers: tuple[Replaceable, Replaceable]
    workers: tuple[Replaceable, Replaceable]
    broker: Broker
    postgresql: PostgresqlServer
    database_url: str

    @property
    def processes(self) -> tuple[Replaceable, ...]:
        """The four processes of ours."""
        return (*self.servers, *self.workers)


@asynccontextmanager
async def running_replicas(folder: Path) -> AsyncIterator[Replicas]:
    """Run everything anew; every process that still lives at the end is stopped."""
    async with AsyncExitStack() as stack:
        broker = stack.enter_context(running_broker())
        postgresql, superuser_url = stack.enter_context(restartable_postgresql(fsync=False))
        databases = PostgresqlDatabases(superuser_url)
        database_url = databases.fresh(folder, migrated=True)
        office_url = databases.fresh(folder, migrated=False)
        office = SqlBackOffice.open(office_url)
        stack.push_async_callback(office.close)
        await office.create_schema()
        sandboxes = Sandboxes(
            await stack.enter_async_context(
                stripe.running_sandbox(webhook_retry_gaps_s=_REPEATS_S)
            ),
            await stack.enter_async_context(
                ogone.running_sandbox(
                    processing_delay_s=_EVENING_S, notification_retry_gaps_s=_REPEATS_S
                )
            ),
        )
        file = _configuration(sandboxes, folder)
        common = {
            "PAYGATE_CONFIG_FILE": str(file),
            "PAYGATE_DATABASE_URL": database_url,
            "PAYGATE_BACK_OFFICE_URL": office_url,
            "PAYGATE_DELIVERY": "kafka",
            "PAYGATE_KAFKA_BOOTSTRAP_SERVERS": broker.address,
            "PAYGATE_KAFKA_OPTIONS": json.dumps(_KAFKA_OPTIONS),
            "PAYGATE_KAFKA_LEASE_S": "4",
            "PAYGATE_KAFKA_PARTITIONS": "4",
            "PAYGATE_WORK_LEASE_S": "2",
            "PAYGATE_OPERATION_LEASE_S": str(_CALL_S * 4 + 1),
            "PAYGATE_WORKER_POLL_INTERVAL_S": "0.2",
        }
        servers, grpc_ports, http_ports = [], [], []
        for _ in range(2):
            grpc_ports.append(free_port())
            http_ports.append(free_port())
            ports = {
                "PAYGATE_GRPC_PORT": str(grpc_ports[-1]),
                "PAYGATE_HTTP_PORT": str(http_ports[-1]),
            }
            servers.append(_process(common | ports, ("serve", "--no-workers"), "serving", stack))
        working = common | {"PAYGATE_HTTP_PORT": "0"}
        workers = [_process(working, ("worker",), "working", stack) for _ in range(2)]
        await asyncio.gather(*(process.start() for process in (*servers, *workers)))
        door = await stack.enter_async_context(
            front_door([f"http://127.0.0.1:{port}" for port in http_ports])
        )
        introduce(sandboxes, load_configuration(file), door)
        client = await stack.enter_async_context(
            AsyncPaygateClient.connect(
                "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in grpc_ports), caller="tests"
            )
        )
        yield Replicas(
            sandboxes,
            office,
            client,
            (servers[0], servers[1]),
            (workers[0], workers[1]),
            broker,
            postgresql,
            database_url,
        )


def _configuration(sandboxes: Sandboxes, folder: Path) -> Path:
    file = write_configuration(sandboxes, folder)
    text = file.read_text(encoding="utf-8").replace(
        "total_timeout_s = 5.0", "total_timeout_s = 2.0"
    )
    file.write_text(text.replace("read_timeout_s = 2.0", "read_timeout_s = 1.0"), encoding="utf-8")
    return file


def _process(
    environment: Mapping[str, str], words: tuple[str, ...], ready: str, stack: AsyncExitStack
) -> Replaceable:
    process = Replaceable(environment, words, ready)
    stack.push_async_callback(process.stop)
    return process
