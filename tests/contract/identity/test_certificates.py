"""Mutual TLS: who connects, who does not, and certificates that change while calls run."""

from __future__ import annotations

import asyncio

import grpc
import pytest
import structlog

from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from tests.contract.identity.conftest import SERVER, SecureEdge, answer_of, failure_of
from tests.support.certificates import EXPIRED, NOT_YET, Authority, Names, Pair, write_files
from tests.support.payments import payment

_GET = pb.GetPaymentRequest(payment_id=payment().id)


async def _get(channel: grpc.aio.Channel) -> pb.GetPaymentResponse:
    return await PaymentServiceStub(channel).GetPayment(_GET)


async def test_a_client_with_a_certificate_is_answered(secure: SecureEdge) -> None:
    """Both sides believe the same authority."""
    async with secure.channel(secure.pair()) as channel:
        assert (await _get(channel)).payment.id == payment().id


@pytest.mark.parametrize("kind", ["none", "other authority", "expired", "not yet valid"])
async def test_others_get_no_connection(secure: SecureEdge, kind: str) -> None:
    """No call of theirs reaches the service, whatever they would have asked."""
    pairs: dict[str, Pair | None] = {
        "none": None,
        "other authority": Authority().issue(Names(uris=("spiffe://shop.example/checkout",))),
        "expired": secure.pair(lifetime=EXPIRED),
        "not yet valid": secure.pair(lifetime=NOT_YET),
    }
    async with secure.channel(pairs[kind]) as channel:
        error = await failure_of(_get(channel))

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert secure.use_cases.payments.seen == []


async def test_plaintext_gets_no_connection(secure: SecureEdge) -> None:
    """There is no way around the certificates."""
    async with grpc.aio.insecure_channel(secure.address) as channel:
        assert (await failure_of(_get(channel))).code() is grpc.StatusCode.UNAVAILABLE


async def test_a_client_does_not_believe_another_server(secure: SecureEdge) -> None:
    """Mutual: the client's authorities decide about the server."""
    async with secure.channel(secure.pair(), believed=Authority().certificate) as channel:
        assert (await failure_of(_get(channel))).code() is grpc.StatusCode.UNAVAILABLE


async def test_certificates_rotate_under_load(secure: SecureEdge) -> None:
    """Calls in flight end well, new connections meet the new files, the old authority is out."""
    release, began = asyncio.Event(), asyncio.Semaphore(0)
    in_flight = 8

    async def behave() -> None:
        began.release()
        await release.wait()

    old_pair, old = secure.pair(), secure.authority
    async with secure.channel(old_pair) as before:
        secure.use_cases.payments.behave = behave
        calls = [asyncio.create_task(answer_of(_get(before))) for _ in range(in_flight)]
        for _ in calls:
            await began.acquire()

        secure.replace_certificates(Authority("the next authority"))
        secure.use_cases.payments.behave = None
        async with secure.channel(secure.pair()) as after:
            assert (await _get(after)).payment.id == payment().id
        async with secure.channel(old_pair, believed=old.certificate) as refused:
            assert (await failure_of(_get(refused))).code() is grpc.StatusCode.UNAVAILABLE
        # A client that is believed now, and itself still believes in the old server alone.
        async with secure.channel(secure.pair(), believed=old.certificate) as unbelieving:
            assert (await failure_of(_get(unbelieving))).code() is grpc.StatusCode.UNAVAILABLE

        release.set()
        answers = await asyncio.gather(*calls)
        assert [answer.payment.id for answer in answers] == [payment().id] * in_flight
        assert (await _get(before)).payment.id == payment().id  # a connection outlives its files


@pytest.mark.parametrize("broken", ["key of another", "expired", "not there", "no authorities"])
async def test_unusable_files_leave_the_old_ones_in_force(
    secure: SecureEdge, broken: str, lines: list[structlog.typing.EventDict]
) -> None:
    """Logged once, with the cause; when the files are right again they are taken."""
    files, own = secure.files, secure.authority
    if broken == "key of another":
        files.key.write_text(own.issue(SERVER).key)
    elif broken == "expired":
        write_files(files.key.parent, own.issue(SERVER, EXPIRED), own.certificate)
    elif broken == "not there":
        files.certificate.unlink()
    else:
        files.authorities.write_text("")
    for _ in range(2):
        async with secure.channel(secure.pair()) as channel:
            assert (await _get(channel)).payment.id == payment().id
    (line,) = [line for line in lines if line["event"] == "certificate_refused"]
    assert line["log_level"] == "error"
    assert str(files.key.parent) in line["problem"]

    secure.replace_certificates(Authority("mended"))
    async with secure.channel(secure.pair()) as channel:
        assert (await _get(channel)).payment.id == payment().id
    assert [line["event"] for line in lines].count("certificate_rotated") == 1
