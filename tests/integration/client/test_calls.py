"""The asyncio client and a server: calls, deadlines, retries, errors."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from gateway.client import (
    AsyncPaygateClient,
    DeadlineError,
    InProgressError,
    LimitExceededError,
    PaygateClient,
    PaygateRpcError,
    Timeouts,
    UnavailableError,
)
from gateway.client.errors import BY_STATUS
from paygate.v1.alias_service_pb2 import ImportAliasesResponse
from paygate.v1.payment_service_pb2 import (
    CreatePaymentRequest,
    CreatePaymentResponse,
    GetPaymentRequest,
    GetPaymentResponse,
    ListPaymentEventsRequest,
    ListPaymentEventsResponse,
    ListPaymentsRequest,
    ListPaymentsResponse,
    Payment,
    PaymentEvent,
    WatchPaymentRequest,
    WatchPaymentResponse,
)
from paygate.v1.refund_service_pb2 import (
    ListRefundsRequest,
    ListRefundsResponse,
    Refund,
    RefundBatch,
    SubmitRefundBatchResponse,
)
from paygate.v1.routing_service_pb2 import (
    CountryPolicy,
    ListCountryPoliciesRequest,
    ListCountryPoliciesResponse,
)
from tests.integration.client.scripted import Answer, ScriptedGateway, refused, running_gateway
from tests.unit.client.calls import CHANGES, PAYMENT, UNARY_CALLS, UnaryCall, name_of

_CREATED = Answer((CreatePaymentResponse(payment=PAYMENT),))


@pytest.mark.parametrize("call", UNARY_CALLS, ids=name_of)
async def test_every_method_calls_its_rpc(
    call: UnaryCall, client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """The request arrives with the caller's name and a deadline; the answer is returned."""
    script.will_answer(Answer((call.answer,)))

    answer = await getattr(client, call.method)(call.request)

    (asked,) = script.asked
    assert answer == call.answer
    assert (asked.rpc, asked.metadata["x-paygate-caller"]) == (call.rpc, "checkout")
    assert asked.time_left_s is not None
    if call.changes:
        uuid.UUID(asked.request.request_id)
        asked.request.request_id = ""
    assert asked.request == call.request


@pytest.mark.parametrize("call", CHANGES, ids=name_of)
async def test_a_change_is_retried_with_the_same_request_id(
    call: UnaryCall, client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """UNAVAILABLE is sent again by the channel, so that it cannot become a second intent."""
    unavailable = refused(grpc.StatusCode.UNAVAILABLE)
    script.will_answer(unavailable, unavailable, Answer((call.answer,)))

    await getattr(client, call.method)(call.request)

    first, second, third = (asked.request.request_id for asked in script.asked)
    assert first == second == third != ""


async def test_it_gives_up_after_four_attempts(
    client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """The error of the last attempt is raised, with the request_id to replay."""
    script.will_answer(*[refused(grpc.StatusCode.UNAVAILABLE)] * 5)

    with pytest.raises(UnavailableError) as caught:
        await client.create_payment(CreatePaymentRequest())

    assert len(script.asked) == 4
    assert {caught.value.request_id} == {asked.request.request_id for asked in script.asked}


@pytest.mark.parametrize("code", sorted(BY_STATUS.keys() - {grpc.StatusCode.UNAVAILABLE}, key=str))
async def test_nothing_else_is_retried(
    code: grpc.StatusCode, client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """One attempt for every other status."""
    script.will_answer(refused(code), _CREATED)

    with pytest.raises(PaygateRpcError) as caught:
        await client.create_payment(CreatePaymentRequest())

    assert (caught.value.code, len(script.asked)) == (code, 1)


async def test_details_arrive_over_the_wire(
    client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """Reason, metadata and wait survive the trailers."""
    info, retry = AnyMessage(), AnyMessage()
    info.Pack(
        ErrorInfo(
            reason="OPERATION_IN_PROGRESS", domain="paygate.v1", metadata={"payment_id": "pay_1"}
        )
    )
    retry.Pack(RetryInfo(retry_delay=Duration(seconds=2)))
    status = Status(code=grpc.StatusCode.ABORTED.value[0], message="words", details=[info, retry])
    trailers = (("grpc-status-details-bin", status.SerializeToString()),)
    script.will_answer(Answer(code=grpc.StatusCode.ABORTED, trailers=trailers))

    with pytest.raises(InProgressError) as caught:
        await client.get_payment(GetPaymentRequest())

    assert (caught.value.reason, caught.value.retry_after_s) == ("OPERATION_IN_PROGRESS", 2.0)
    assert caught.value.metadata == {"payment_id": "pay_1"}


async def test_each_kind_of_call_has_its_deadline(script: ScriptedGateway) -> None:
    """Reads, changes and watches take their own default, and a call's own wish comes first."""
    script.will_answer(
        Answer((GetPaymentResponse(),)),
        _CREATED,
        Answer((WatchPaymentResponse(),)),
        Answer((GetPaymentResponse(),)),
        _CREATED,
        Answer((WatchPaymentResponse(),)),
    )
    timeouts = Timeouts(read_s=100, change_s=200, watch_s=300)
    async with AsyncPaygateClient.connect(script.address, timeouts=timeouts) as client:
        for timeout_s in (None, 50.0):
            await client.get_payment(GetPaymentRequest(), timeout_s=timeout_s)
            await client.create_payment(CreatePaymentRequest(), timeout_s=timeout_s)
            async for _ in client.watch_payment(WatchPaymentRequest(), timeout_s=timeout_s):
                pass

    given = [asked.time_left_s or 0 for asked in script.asked]
    # gRPC rounds what it sends, so each is told apart from the others, not compared to the second.
    assert [round(left, -2) for left in given[:3]] == [100, 200, 300]
    assert all(left < 75 for left in given[3:])


async def test_a_call_that_takes_too_long_can_be_replayed(
    client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """The deadline's exception names the request_id that finds out what became of it."""
    script.will_answer(Answer(stall=True), _CREATED)

    with pytest.raises(DeadlineError) as caught:
        await client.create_payment(CreatePaymentRequest(), timeout_s=0.2)
    await client.create_payment(CreatePaymentRequest(request_id=caught.value.request_id))

    first, second = (asked.request.request_id for asked in script.asked)
    assert first == second


async def test_a_canceled_caller_is_canceled(
    client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """Asyncio's own cancellation is not turned into an error of ours, and reaches the server."""
    script.will_answer(Answer(stall=True))
    running = asyncio.create_task(client.create_payment(CreatePaymentRequest()))
    await script.stalled.wait()

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    await script.left.wait()


async def test_watching_yields_steps_and_then_the_error(
    client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """What was heard before a stream broke is not lost."""
    steps = tuple(WatchPaymentResponse(event=PaymentEvent(sequence=n)) for n in (1, 2))
    script.will_answer(Answer(steps, code=grpc.StatusCode.UNAVAILABLE))
    watch = client.watch_payment(WatchPaymentRequest(payment_id="pay_1"))

    assert (await anext(watch), await anext(watch)) == steps
    with pytest.raises(UnavailableError):
        await anext(watch)


async def test_a_closed_watch_is_canceled(
    client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """Leaving the iteration tells the server that nobody listens."""
    script.will_answer(Answer((WatchPaymentResponse(),), stall=True))

    async with aclosing(client.watch_payment(WatchPaymentRequest())) as watch:
        await anext(watch)

    await script.left.wait()


@pytest.mark.parametrize(
    "method, request_message, pages, expected",
    [
        (
            "iter_payments",
            ListPaymentsRequest(order_id="order-1"),
            (
                ListPaymentsResponse(payments=[Payment(id="pay_2")], next_page_token="t1"),
                ListPaymentsResponse(payments=[Payment(id="pay_1")]),
            ),
            [Payment(id="pay_2"), Payment(id="pay_1")],
        ),
        (
            "iter_refunds",
            ListRefundsRequest(payment_id="pay_1"),
            (
                ListRefundsResponse(refunds=[Refund(id="ref_2")], next_page_token="t1"),
                ListRefundsResponse(refunds=[Refund(id="ref_1")]),
            ),
            [Refund(id="ref_2"), Refund(id="ref_1")],
        ),
        (
            "iter_payment_events",
            ListPaymentEventsRequest(payment_id="pay_1"),
            (
                ListPaymentEventsResponse(events=[PaymentEvent(sequence=1)], next_page_token="t1"),
                ListPaymentEventsResponse(events=[PaymentEvent(sequence=2)]),
            ),
            [PaymentEvent(sequence=1), PaymentEvent(sequence=2)],
        ),
        (
            "iter_country_policies",
            ListCountryPoliciesRequest(page_size=1),
            (
                ListCountryPoliciesResponse(
                    policies=[CountryPolicy(country_code="BE")], next_page_token="t1"
                ),
                ListCountryPoliciesResponse(policies=[CountryPolicy(country_code="FR")]),
            ),
            [CountryPolicy(country_code="BE"), CountryPolicy(country_code="FR")],
        ),
    ],
)
async def test_iterating_asks_for_page_after_page(
    method: str,
    request_message: Any,
    pages: tuple[Any, ...],
    expected: list[Any],
    client: AsyncPaygateClient,
    script: ScriptedGateway,
) -> None:
    """Every page is asked for with the same filters and the token of the page before."""
    script.will_answer(*(Answer((page,)) for page in pages))

    assert [one async for one in getattr(client, method)(request_message)] == expected

    assert [asked.request.page_token for asked in script.asked] == ["", "t1"]
    for asked in script.asked:
        asked.request.page_token = ""
        assert asked.request == request_message


async def test_a_message_too_large_is_not_sent(script: ScriptedGateway) -> None:
    """The client's own limit is told like the server's."""
    async with AsyncPaygateClient.connect(script.address, max_message_bytes=100) as client:
        with pytest.raises(LimitExceededError):
            await client.create_payment(CreatePaymentRequest(return_url="x" * 200))

    assert not script.asked


async def test_a_channel_that_was_given_stays_open(script: ScriptedGateway) -> None:
    """Who opens a channel closes it."""
    script.will_answer(_CREATED)
    async with grpc.aio.insecure_channel(script.address) as channel:
        async with AsyncPaygateClient(channel):
            pass
        answer = await AsyncPaygateClient(channel).create_payment(CreatePaymentRequest())

    assert answer.payment == PAYMENT
    assert "x-paygate-caller" not in script.asked[0].metadata


async def test_both_clients_take_credentials() -> None:
    """With credentials the channel is not plaintext."""
    async with running_gateway(grpc.local_server_credentials()) as script:
        script.will_answer(_CREATED, _CREATED)
        credentials = grpc.local_channel_credentials()
        async with AsyncPaygateClient.connect(script.address, credentials=credentials) as client:
            await client.create_payment(CreatePaymentRequest())
        with PaygateClient.connect(script.address, credentials=credentials) as blocking:
            await asyncio.to_thread(blocking.create_payment, CreatePaymentRequest())

    assert len(script.asked) == 2


async def test_the_blocking_client_retries_alike(script: ScriptedGateway) -> None:
    """Both clients open their channel with the same service config."""
    script.will_answer(refused(grpc.StatusCode.UNAVAILABLE), _CREATED)

    with PaygateClient.connect(script.address, caller="checkout") as client:
        answer = await asyncio.to_thread(client.create_payment, CreatePaymentRequest())

    first, second = (asked.request.request_id for asked in script.asked)
    assert answer.payment == PAYMENT
    assert first == second != ""


async def _pieces() -> AsyncIterator[bytes]:
    for piece in (b"a", b"", b"b"):
        yield piece


@pytest.mark.parametrize("pieces", [lambda: [b"a", b"", b"b"], _pieces], ids=["list", "stream"])
async def test_an_import_streams_its_options_and_then_the_file(
    pieces: Callable[[], Any], client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """From whatever gives the pieces."""
    script.will_answer(Answer((ImportAliasesResponse(lines=2),)))

    answer = await client.import_aliases(pieces(), psp_account="stripe_eu")

    (asked,) = script.asked
    first, *chunks = asked.request
    assert answer.lines == 2
    uuid.UUID(first.options.request_id)
    assert [message.chunk for message in chunks] == [b"a", b"b"]
    assert asked.time_left_s is not None


@pytest.mark.parametrize("pieces", [lambda: [b"a", b"", b"b"], _pieces], ids=["list", "stream"])
async def test_a_refund_file_streams_its_options_and_then_its_bytes(
    pieces: Callable[[], Any], client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """As an import does."""
    script.will_answer(Answer((SubmitRefundBatchResponse(batch=RefundBatch(id="rbt_1")),)))

    answer = await client.submit_refund_batch(pieces(), file_name="day.csv")

    (asked,) = script.asked
    first, *chunks = asked.request
    assert answer.batch.id == "rbt_1"
    uuid.UUID(first.options.request_id)
    assert first.options.file_name == "day.csv"
    assert [message.chunk for message in chunks] == [b"a", b"b"]


async def test_an_import_raises_typed_errors(
    client: AsyncPaygateClient, script: ScriptedGateway
) -> None:
    """With the request_id that was sent."""
    script.will_answer(refused(grpc.StatusCode.ABORTED))

    with pytest.raises(InProgressError) as caught:
        await client.import_aliases([b"a"], psp_account="stripe_eu")

    (asked,) = script.asked
    assert caught.value.request_id == asked.request[0].options.request_id
