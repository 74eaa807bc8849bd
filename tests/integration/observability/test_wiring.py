"""What a whole gateway counts, refuses and admits to: that each part is told where to say it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from gateway.demo.acting import TOTAL
from gateway.demo.stage import PATIENCE_S, Stage, open_stage, stage_settings
from gateway.routing.reload import Reloaded
from legacy_bridge.port import DraftOrder
from tests.support.certificates import Authority, Names, write_files

_LIMIT_BYTES: Final = 1024


async def _sample(http: aiohttp.ClientSession, name: str) -> float:
    async with http.get("/metrics") as answer:
        for line in (await answer.text()).splitlines():
            sample, _, value = line.rpartition(" ")
            if sample == name:
                return float(value)
    return -1.0


async def _comes(http: aiohttp.ClientSession, name: str) -> None:
    """Wait until something was counted."""
    async with asyncio.timeout(PATIENCE_S):
        while await _sample(http, name) < 1:  # noqa: ASYNC110 - the gateway sets no events here
            await asyncio.sleep(0.05)


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[aiohttp.ClientSession]:
    """The gateway's other port."""
    async with aiohttp.ClientSession(stage.gateway.http_address) as session:
        yield session


async def test_what_the_sweeper_did_is_counted(stage: Stage, http: aiohttp.ClientSession) -> None:
    """A draft of two days ago that nobody pays is canceled, once."""
    old = datetime.now(UTC) - timedelta(days=2)
    await stage.back_office.save_draft(
        DraftOrder("order-old", "shopper-1", "FR", TOTAL, create_time=old, update_time=old)
    )

    await _comes(http, 'paygate_swept_orders_total{action="cancel_order"}')


async def test_a_round_that_fails_is_counted(
    stage: Stage, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """By job, so that an alert can say which one does nothing."""
    name = 'paygate_worker_rounds_failed_total{job_name="inbox"}'
    with closing(sqlite3.connect(tmp_path / "paygate.db")) as connection, connection:
        connection.execute("ALTER TABLE inbox RENAME TO inbox_away")

    await _comes(http, name)


async def test_a_refused_file_shows_until_it_is_mended(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    """An old configuration in force is nothing to find out by surprise."""
    good = stage.config_file.read_text(encoding="utf-8")
    stage.config_file.write_text("no configuration", encoding="utf-8")
    assert await stage.gateway.reloader.reload() is Reloaded.REFUSED
    refused = await _sample(http, "paygate_configuration_refused")
    stage.config_file.write_text(good, encoding="utf-8")
    assert await stage.gateway.reloader.reload() is not Reloaded.REFUSED

    assert refused == 1
    assert await _sample(http, "paygate_configuration_refused") == 0
    assert await _sample(http, 'paygate_configuration_reloads_total{outcome="refused"}') == 1


async def test_a_rotation_that_breaks_shows(tmp_path: Path) -> None:
    """Before the old certificate expires, and though nobody shakes hands."""
    authority = Authority()
    files = write_files(tmp_path, authority.issue(Names()), authority.certificate)
    settings = stage_settings(tmp_path).model_copy(
        update={
            "tls_cert_file": files.certificate,
            "tls_key_file": files.key,
            "tls_ca_file": files.authorities,
        }
    )
    labels = f'{{file="{files.certificate}"}}'
    async with (
        open_stage(tmp_path, settings) as stage,
        aiohttp.ClientSession(stage.gateway.http_address) as http,
    ):
        assert await _sample(http, f"paygate_certificate_refused{labels}") == 0
        files.certificate.write_text("rubbish of a rotation")

        assert await _sample(http, f"paygate_certificate_refused{labels}") == 1
        expires_s = await _sample(http, f"paygate_certificate_expires_timestamp_seconds{labels}")
        assert expires_s > datetime.now(UTC).timestamp()


async def test_tasks_come_and_go_with_what_is_under_way(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    """Watches that hang up leave none behind."""
    before = await _sample(http, "paygate_asyncio_tasks")
    waiting = [asyncio.create_task(asyncio.Event().wait()) for _ in range(50)]
    during = await _sample(http, "paygate_asyncio_tasks")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert before > 0
    assert during - before >= len(waiting) / 2
    assert await _sample(http, "paygate_asyncio_tasks") < during


async def test_the_settings_bound_webhooks(tmp_path: Path) -> None:
    """How large one may be, and how many are taken at once."""
    settings = stage_settings(tmp_path).model_copy(
        update={"webhook_max_bytes": _LIMIT_BYTES, "webhook_max_at_once": 1}
    )
    async with (
        open_stage(tmp_path, settings) as stage,
        aiohttp.ClientSession(stage.gateway.http_address) as http,
    ):
        async with http.post("/webhooks/stripe_eu", data=b"x" * (_LIMIT_BYTES + 1)) as answer:
            too_large = answer.status
        host, _, port = stage.gateway.http_address.rpartition("//")[2].partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /webhooks/stripe_eu HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        await writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            while True:  # until the first, whose body does not come, has taken the one place
                async with http.post("/webhooks/stripe_eu", data=b"{}") as answer:
                    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
                        break
        writer.close()
        await writer.wait_closed()

    assert too_large == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
