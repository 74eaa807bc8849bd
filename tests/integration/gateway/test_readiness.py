"""Whether a whole gateway says that it wants traffic, while what it stands on goes and comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from gateway.demo.stage import PATIENCE_S, open_stage, stage_settings
from tests.integration.kafka.playing import Cluster
from tests.support.databases import PostgresqlDatabases
from tests.support.kafka import running_broker
from tests.support.postgresql import restartable_postgresql

Answer = tuple[int, dict[str, Any]]


async def test_without_its_database_it_wants_no_traffic(tmp_path: Path) -> None:
    """It names what is away, stays alive, and is ready again without a restart."""
    with restartable_postgresql(fsync=False) as (server, url):
        database_url = PostgresqlDatabases(url).fresh(tmp_path, migrated=True)
        settings = stage_settings(tmp_path).model_copy(update={"database_url": database_url})
        async with (
            open_stage(tmp_path, settings) as stage,
            aiohttp.ClientSession(stage.gateway.http_address) as http,
        ):
            assert await _asked(http) == (
                HTTPStatus.OK,
                {"status": "ready", "checks": {"process": "ok", "database": "ok"}},
            )
            await asyncio.to_thread(server.crash)
            status, said = await _asked(http)
            async with http.get("/healthz") as alive:
                assert alive.status == HTTPStatus.OK
            await asyncio.to_thread(server.start)
            await _eventually(lambda: _asked(http), HTTPStatus.OK)

    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert said["status"] == "not_ready"
    assert said["checks"]["database"].startswith("failed: ")
    assert said["checks"]["process"] == "ok"


async def test_without_its_broker_it_says_so_and_serves(tmp_path: Path) -> None:
    """Calls can do without: the journal keeps what is to be delivered."""
    with running_broker() as broker:
        cluster = Cluster(broker.address)
        kafka = cluster.settings()
        settings = stage_settings(tmp_path).model_copy(
            update={
                name: getattr(kafka, name)
                for name in type(kafka).model_fields
                if name == "delivery" or name.startswith("kafka_")
            }
        )
        async with (
            open_stage(tmp_path, settings) as stage,
            aiohttp.ClientSession(stage.gateway.http_address) as http,
        ):
            ready = await _asked(http)
            await asyncio.to_thread(broker.stop)
            status, said = await _asked(http)
            await asyncio.to_thread(broker.start)
            await _eventually(lambda: _is_ready(http), HTTPStatus.OK)

    assert ready[1] == {
        "status": "ready",
        "checks": {"process": "ok", "database": "ok", "broker": "ok"},
    }
    assert (status, said["status"]) == (HTTPStatus.OK, "degraded")
    assert said["checks"]["broker"].startswith("failed: ")


async def _asked(http: aiohttp.ClientSession) -> Answer:
    async with http.get("/readyz") as answer:
        return answer.status, json.loads(await answer.text())


async def _is_ready(http: aiohttp.ClientSession) -> Answer:
    status, said = await _asked(http)
    return (status if said["status"] == "ready" else 0), said


async def _eventually(ask: Callable[[], Awaitable[Answer]], wanted: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await ask())[0] != wanted:  # noqa: ASYNC110 - other systems set no events here
            await asyncio.sleep(0.1)
