"""A flood of webhooks: bounded work, an answer for everybody, and what was answered 200 is kept."""

from __future__ import annotations

import asyncio
from collections import Counter

import aiohttp
from structlog.testing import capture_logs

from gateway.storage.writes import StorageUnavailableError
from tests.integration.web.fakes import MAX_AT_ONCE, MAX_BYTES, Edge

_FLOOD = 40


async def _post(edge: Edge, body: bytes) -> tuple[int, str]:
    async with edge.session.post(edge.webhook_url, data=body) as answer:
        said = await answer.json()
        return answer.status, said.get("error", "")


async def _until_full(edge: Edge) -> None:
    async with asyncio.timeout(30):
        while len(edge.inbox.received) < MAX_AT_ONCE:  # noqa: ASYNC110 - the inbox sets no event
            await asyncio.sleep(0.01)


async def test_more_than_there_is_room_for_is_refused_at_once(edge: Edge) -> None:
    """Storage hangs: so many wait for it, the others hear 503 and are not kept waiting."""
    edge.inbox.goes_on = asyncio.Event()
    waiting = [asyncio.create_task(_post(edge, b"w%d" % n)) for n in range(MAX_AT_ONCE)]
    await _until_full(edge)

    refused = [await _post(edge, b"x") for _ in range(_FLOOD)]
    edge.inbox.goes_on.set()

    assert refused == [(503, "busy")] * _FLOOD
    assert await asyncio.gather(*waiting) == [(200, "")] * MAX_AT_ONCE
    assert len(edge.inbox.received) == MAX_AT_ONCE


async def test_a_place_is_free_again_whatever_became_of_a_webhook(edge: Edge) -> None:
    """Refused, broken or crashed: no place is lost for ever."""
    for failure in (StorageUnavailableError("down"), ZeroDivisionError("private")):
        edge.inbox.result = failure
        for _ in range(MAX_AT_ONCE + 1):
            await _post(edge, b"{}")
    for _ in range(MAX_AT_ONCE + 1):
        assert (await _post(edge, b"x" * (MAX_BYTES + 1)))[0] == 413
    edge.inbox.result = type(edge.inbox)().result

    assert await _post(edge, b"{}") == (200, "")


async def test_storage_that_is_down_loses_nothing_in_a_flood(edge: Edge) -> None:
    """All are refused, and are sent again until they are answered 200: then all are there."""
    edge.inbox.result = StorageUnavailableError("down")
    first = await asyncio.gather(*(_post(edge, b"%d" % n) for n in range(_FLOOD)))
    edge.inbox.result, taken = type(edge.inbox)().result, len(edge.inbox.received)

    async def until_taken(number: int) -> None:
        while (await _post(edge, b"%d" % number))[0] != 200:  # noqa: ASYNC110 - the edge sets no event
            await asyncio.sleep(0.01)

    await asyncio.gather(*(until_taken(number) for number in range(_FLOOD)))

    assert {status for status, _ in first} == {503}
    assert sorted(int(body) for _, _, body in edge.inbox.received[taken:]) == list(range(_FLOOD))


async def test_a_body_that_trickles_holds_one_place_and_no_more(edge: Edge) -> None:
    """What has not arrived yet is at work too, and is bounded with the rest."""
    hanging = []
    for _ in range(MAX_AT_ONCE):
        _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(b"POST /webhooks/stripe_fr HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        await writer.drain()
        hanging.append(writer)
    outcomes: Counter[str] = Counter()
    with capture_logs() as lines:
        async with asyncio.timeout(30):
            while not outcomes["busy"]:
                outcomes[(await _post(edge, b"{}"))[1]] += 1
        for writer in hanging:
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(30):
            while (await _post(edge, b"{}"))[0] != 200:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)

    busy = [line for line in lines if line.get("outcome") == "busy"]
    assert {(line["status"], line["bytes"]) for line in busy} == {(503, 0)}


async def test_health_answers_in_a_flood(edge: Edge) -> None:
    """Probes do not queue behind webhooks: a flooded process is not restarted for it."""
    edge.inbox.goes_on = asyncio.Event()
    waiting = [asyncio.create_task(_post(edge, b"w")) for _ in range(MAX_AT_ONCE)]
    await _until_full(edge)

    async with aiohttp.ClientSession(edge.url) as session:
        statuses = [(await session.get(path)).status for path in ("/healthz", "/readyz")]

    edge.inbox.goes_on.set()
    await asyncio.gather(*waiting)
    assert statuses == [200, 200]
