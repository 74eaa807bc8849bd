"""Webhooks over HTTP: taken durably, or refused with a precise answer."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from gateway.events.errors import UnknownAccountError
from gateway.events.received import ReceiveResult
from gateway.storage.writes import StorageUnavailableError
from psp.errors import InvalidEventError
from tests.integration.web.fakes import MAX_BYTES, Edge, running_edge

_SIGNATURE = "t=1,v1=feedfeed"
_POST = b"POST /webhooks/stripe_fr HTTP/1.1\r\nHost: x\r\n"
_HEADERS = {"Stripe-Signature": _SIGNATURE}


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _raw(edge: Edge, *pieces: bytes) -> bytes:
    """Send bytes as they are, and return the answer to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.splitlines() if line.startswith(b"Content-Length: "))
    answer = head + await reader.readexactly(int(length.partition(b" ")[2]))
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_webhook_reaches_the_inbox_as_it_was_sent(edge: Edge) -> None:
    """The bytes, the headers in any case, and the account's name."""
    body = b'{"id": "evt_1",\n "odd": "\xff"}'
    async with edge.session.post(edge.webhook_url, data=body, headers=_HEADERS) as answer:
        said = await answer.json()

    ((account, headers, received),) = edge.inbox.received
    assert (answer.status, said) == (200, {"received": True, "duplicate": False})
    assert (account, received) == ("stripe_fr", body)
    assert headers["Stripe-Signature"] == _SIGNATURE


async def test_a_compressed_body_is_not_unpacked(edge: Edge) -> None:
    """The signature is over the bytes as sent, and unpacking is a way to be flooded."""
    body = gzip.compress(b"x" * 100_000)
    headers = {"Content-Encoding": "gzip"}
    async with edge.session.post(edge.webhook_url, data=body, headers=headers) as answer:
        assert answer.status == 200

    assert [body] == [received for _, _, received in edge.inbox.received]


async def test_a_duplicate_is_answered_like_the_first(edge: Edge) -> None:
    """200, or the PSP would send it a third time."""
    edge.inbox.result = ReceiveResult("evt_1", duplicate=True)
    async with edge.session.post(edge.webhook_url, data=b"{}") as answer:
        said = await answer.json()

    assert (answer.status, said) == (200, {"received": True, "duplicate": True})


@pytest.mark.parametrize(
    "error, status, said",
    [
        (
            InvalidEventError("the signature does not match"),
            400,
            {"error": "invalid", "detail": "the signature does not match"},
        ),
        (
            InvalidEventError("the signature is 301 s old"),
            400,
            {"error": "invalid", "detail": "the signature is 301 s old"},
        ),
        (
            InvalidEventError("the Stripe-Signature header is missing"),
            400,
            {"error": "invalid", "detail": "the Stripe-Signature header is missing"},
        ),
        (
            UnknownAccountError("stripe_fr"),
            404,
            {"error": "unknown_account", "detail": "no PSP account has this name"},
        ),
        (
            StorageUnavailableError("postgresql://secret is down"),
            503,
            {"error": "storage_unavailable", "detail": "not kept: send it again"},
        ),
    ],
    ids=["forged", "stale", "unsigned", "unknown_account", "storage_down"],
)
async def test_a_refusal_is_precise(
    error: Exception, status: int, said: dict[str, str], edge: Edge
) -> None:
    """What the sender can mend is a 4xx with the reason; what it should repeat is a 503."""
    edge.inbox.result = error
    with capture_logs() as lines:
        async with edge.session.post(edge.webhook_url, data=b"{}") as answer:
            assert (await answer.json(), answer.status) == (said, status)

    assert [(line["outcome"], line["status"]) for line in lines] == [(said["error"], status)]


async def test_an_unexpected_failure_shows_nothing(edge: Edge) -> None:
    """500 with an id that finds the whole story in the log."""
    edge.inbox.result = ZeroDivisionError("private words")
    with capture_logs() as lines:
        async with edge.session.post(edge.webhook_url, data=b"{}") as answer:
            said = await answer.json()

    failed = next(line for line in lines if line["event"] == "http_failed")
    assert (answer.status, said) == (500, {"error": "internal", "error_id": failed["error_id"]})
    assert [line["status"] for line in lines if line["event"] == "webhook"] == [500]


async def test_a_body_of_just_the_limit_is_taken(edge: Edge) -> None:
    """The limit itself is allowed, announced or not."""
    for body in (b"x" * MAX_BYTES, _pieces(b"x" * (MAX_BYTES - 1), b"x")):
        async with edge.session.post(edge.webhook_url, data=body) as answer:
            assert answer.status == 200

    assert [len(received) for _, _, received in edge.inbox.received] == [MAX_BYTES, MAX_BYTES]


async def test_a_body_announced_too_large_is_not_read(edge: Edge) -> None:
    """The announcement is enough; nothing needs to be sent."""
    answer = await _raw(edge, _POST + b"Content-Length: 1000000000\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"too_large"' in answer
    assert not edge.inbox.received


async def test_a_body_that_grows_too_large_is_cut_off(edge: Edge) -> None:
    """Chunks without an announced length are counted."""
    body = _pieces(*[b"x" * 400] * 3)
    async with edge.session.post(edge.webhook_url, data=body) as answer:
        assert (answer.status, (await answer.json())["error"]) == (413, "too_large")

    assert not edge.inbox.received


async def test_a_body_that_does_not_arrive_times_out() -> None:
    """A sender that stops sending does not hold a handler."""
    async with running_edge(body_timeout_s=0.1) as edge:
        answer = await _raw(edge, _POST + b"Content-Length: 10\r\n\r\n123")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert not edge.inbox.received


async def test_a_badly_framed_body_is_refused(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    """Chunks whose sizes are no numbers are never taken, and what was sent is not logged."""
    answer = await _raw(edge, _POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nprivate\r\n")

    assert answer.startswith(b"HTTP/1.0 400 ")
    assert not edge.inbox.received
    assert "private" not in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_a_body_that_ends_early_is_not_taken(edge: Edge) -> None:
    """A connection lost halfway leaves nothing in the inbox, and a line in the log."""
    with capture_logs() as lines:
        _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(_POST + b"Content-Length: 10\r\n\r\n12")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await edge.metrics.counted.wait()

    assert [(line["outcome"], line["status"]) for line in lines] == [("broken_body", 400)]
    assert not edge.inbox.received


async def test_other_methods_are_refused(edge: Edge) -> None:
    """A webhook address opened in a browser says what it takes."""
    async with edge.session.get(edge.webhook_url) as answer:
        said = await answer.json()

    assert (answer.status, said["error"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("account", ["", "a/b", "UPPER", "a" * 41, "stripe%20fr", "%2e%2e"])
async def test_what_is_no_account_name_has_no_address(account: str, edge: Edge) -> None:
    """It never reaches the inbox, a metric or the log."""
    with capture_logs() as lines:
        async with edge.session.post(f"{edge.url}/webhooks/{account}", data=b"{}") as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "not_found")

    assert (edge.inbox.received, lines) == ([], [])


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Long: private" + b"x" * 20_000 + b"\r\n",
        b"".join(b"X-%d: private\r\n" % number for number in range(100)),
        b"Stripe-Signature: private\0\r\n",
        b"no header private\r\n",
    ],
    ids=["too_long", "too_many", "nul", "no_colon"],
)
async def test_bad_headers_are_refused_unseen(
    headers: bytes, edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    """They are bounded in size and number; what is malformed is not logged word by word."""
    caplog.set_level(logging.DEBUG)

    answer = await _raw(edge, _POST + headers + b"Content-Length: 2\r\n\r\n{}")

    assert answer.startswith(b"HTTP/1.0 400 ")
    assert not edge.inbox.received
    assert "private" not in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_one_line_tells_of_a_webhook(edge: Edge) -> None:
    """Who, what, how it went and how long, but neither signature nor body."""
    with capture_logs() as lines:
        async with edge.session.post(edge.webhook_url, data=b"the body", headers=_HEADERS):
            pass

    (line,) = lines
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "webhook",
        "log_level": "info",
        "account": "stripe_fr",
        "event_id": "evt_1",
        "event_type": "payment_intent.succeeded",
        "outcome": "received",
        "status": 200,
        "reason": "",
        "bytes": 8,
    }


async def test_outcomes_are_counted_and_strangers_make_no_label(edge: Edge) -> None:
    """Anybody can post to any name; only an account that the inbox knows is counted by name."""
    async with edge.session.post(edge.webhook_url, data=b"{}"):
        pass
    edge.inbox.result = UnknownAccountError("stranger")
    async with edge.session.post(f"{edge.url}/webhooks/stranger", data=b"{}"):
        pass

    text = edge.metrics.exposition().decode()
    assert 'paygate_webhooks_total{account="stripe_fr",outcome="received"} 1.0' in text
    assert 'paygate_webhooks_total{account="unknown",outcome="unknown_account"} 1.0' in text
    assert "stranger" not in text
