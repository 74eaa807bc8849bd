"""The real thing: PostgreSQL, PSP sandboxes, perhaps a broker, and a gateway's own process."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import make_url

from gateway.client import AsyncPaygateClient
from gateway.routing.configuration import load_configuration
from gateway.sandboxed import Sandboxes, introduce, running_sandboxes, write_configuration
from legacy_bridge.sql import SqlBackOffice
from tests.support.databases import PostgresqlDatabases
from tests.support.kafka import running_broker
from tests.support.postgresql import postgresql_server

_ROOT: Final = Path(__file__).resolve().parents[2]
_START_S: Final = 60.0
_STOP_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.1
_FAULTS: Final = frozenset(
    {"rpc_fault", "worker_round_failed", "lane_failed", "delivery_failed", "http_failed"}
)
"""Lines that no load and no PSP is a reason for."""
_KAFKA_OPTIONS: Final = json.dumps({"partition.assignment.strategy": "range"})
"""The broker of the tests hands over by this alone, see docs/kafka.md."""


class GatewayEndedError(Exception):
    """The gateway's process is gone; its log says why."""


@dataclass(frozen=True)
class Stage:
    """What is running."""

    sandboxes: Sandboxes
    office: SqlBackOffice
    client: AsyncPaygateClient
    process: asyncio.subprocess.Process
    log: Path
    grpc_address: str
    http_address: str
    database_port: int

    def faults(self) -> list[str]:
        """Return the lines that tell of faults of the gateway's own; raises if it ended."""
        if self.process.returncode is not None:
            raise GatewayEndedError(f"exit code {self.process.returncode}, see {self.log}")
        return [line for line in _lines(self.log) if json.loads(line).get("event") in _FAULTS]


@asynccontextmanager
async def running_stage(folder: Path, *, plant: str, kafka: bool) -> AsyncIterator[Stage]:
    """Run everything anew, with a leak planted into the gateway if one is named."""
    async with AsyncExitStack() as stack:
        superuser_url = stack.enter_context(postgresql_server(fsync=False))
        databases = PostgresqlDatabases(superuser_url)
        office_url = databases.fresh(folder, migrated=False)
        office = SqlBackOffice.open(office_url)
        stack.push_async_callback(office.close)
        await office.create_schema()
        sandboxes = await stack.enter_async_context(running_sandboxes())
        file = write_configuration(sandboxes, folder)
        environment = {
            "PAYGATE_CONFIG_FILE": str(file),
            "PAYGATE_DATABASE_URL": databases.fresh(folder, migrated=True),
            "PAYGATE_BACK_OFFICE_URL": office_url,
            "PAYGATE_GRPC_PORT": "0",
            "PAYGATE_HTTP_PORT": "0",
            "PAYGATE_MIN_DEADLINE_S": "0.2",
            "PAYGATE_MAX_CONNECTION_AGE_S": "20",
            "PAYGATE_SOAK_PSP_ADDRESS": sandboxes.stripe.address,
        }
        if kafka:
            broker = stack.enter_context(running_broker())
            environment |= {
                "PAYGATE_DELIVERY": "kafka",
                "PAYGATE_KAFKA_BOOTSTRAP_SERVERS": broker.address,
                "PAYGATE_KAFKA_OPTIONS": _KAFKA_OPTIONS,
                "PAYGATE_KAFKA_PARTITIONS": "4",
            }
        log = folder / "gateway.log"
        process = await _started(plant, environment, log)
        stack.push_async_callback(_stop, process)
        addresses = await _serving(process, log)
        introduce(sandboxes, load_configuration(file), addresses["http"])
        client = await stack.enter_async_context(
            AsyncPaygateClient.connect(addresses["grpc"], caller="soak")
        )
        yield Stage(
            sandboxes,
            office,
            client,
            process,
            log,
            addresses["grpc"],
            addresses["http"],
            make_url(superuser_url).port or 0,
        )


async def _started(
    plant: str, environment: Mapping[str, str], log: Path
) -> asyncio.subprocess.Process:
    module = ["scripts.soak.planted", plant] if plant else ["gateway"]
    with log.open("wb") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", *module, "serve", "--json"),
            cwd=_ROOT,
            env=environment,
            stderr=errors,
        )


async def _serving(process: asyncio.subprocess.Process, log: Path) -> dict[str, Any]:
    """Wait until it says where it answers."""
    async with asyncio.timeout(_START_S):
        while True:
            for line in _lines(log):
                said: dict[str, Any] = json.loads(line)
                if said["event"] == "serving":
                    return said
            if process.returncode is not None:
                raise GatewayEndedError("\n".join(_lines(log)[-20:]))
            await asyncio.sleep(_LOOK_EVERY_S)


def _lines(log: Path) -> list[str]:
    """Return the whole lines that were written so far."""
    return log.read_text(encoding="utf-8").split("\n")[:-1]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
