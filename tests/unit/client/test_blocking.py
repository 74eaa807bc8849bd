"""The blocking client over a channel that the test answers."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import grpc
import grpc_testing
import pytest

from gateway.client import (
    CallCanceledError,
    NotFoundError,
    PaygateClient,
    PaygateRpcError,
    UnavailableError,
    new_request_id,
)
from paygate.v1.alias_service_pb2 import ImportAliasesResponse
from paygate.v1.payment_service_pb2 import (
    CreatePaymentRequest,
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
from tests.unit.client.calls import CHANGES, METHODS, SERVICES, UNARY_CALLS, UnaryCall, name_of

T = TypeVar("T")


class Answered:
    """A blocking client in a thread of its own, and the channel it calls."""

    def __init__(self) -> None:
        self.channel = grpc_testing.channel(SERVICES, grpc_testing.strict_real_time())
        self.client = PaygateClient(self.channel, caller="checkout")

    def begin(self, call: Callable[[], T]) -> Future[T]:
        """Run something that waits for an answer; a test that fails does not wait for it."""
        end: Future[T] = Future()

        def run() -> None:
            try:
                end.set_result(call())
            except PaygateRpcError as error:
                end.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return end

    def call(self, call: UnaryCall, request: Any) -> tuple[Future[Any], Any, Any, Any]:
        """Make a unary call; return its end, and the metadata, request and rpc as received."""
        running = self.begin(lambda: getattr(self.client, call.method)(request))
        return (running, *self.channel.take_unary_unary(METHODS[call.rpc]))


@pytest.fixture
def answered() -> Answered:
    """Return a client whose calls the test answers."""
    return Answered()


def _fail(rpc: Any, code: grpc.StatusCode) -> None:
    rpc.terminate(None, (), code, "words")


def test_no_rpc_of_the_contract_is_left_out() -> None:
    """The clients' methods are the contract's RPCs."""
    assert {*METHODS} == {call.rpc for call in UNARY_CALLS} | {
        "WatchPayment",
        "ImportAliases",
        "SubmitRefundBatch",
        "RunReconciliation",
    }


@pytest.mark.parametrize("call", UNARY_CALLS, ids=name_of)
def test_every_method_calls_its_rpc(call: UnaryCall, answered: Answered) -> None:
    """The request arrives as given with the caller's name, and the answer is returned as it is."""
    running, metadata, received, rpc = answered.call(call, call.request)
    rpc.terminate(call.answer, (), grpc.StatusCode.OK, "")

    assert running.result() == call.answer
    assert ("x-paygate-caller", "checkout") in [tuple(pair) for pair in metadata]
    if call.changes:
        uuid.UUID(received.request_id)
        received.request_id = ""
    assert received == call.request


@pytest.mark.parametrize("call", CHANGES, ids=name_of)
def test_a_request_id_of_the_caller_is_kept(call: UnaryCall, answered: Answered) -> None:
    """A caller who made the id before sending sees that very id sent."""
    request = type(call.request)()
    request.CopyFrom(call.request)
    request.request_id = new_request_id()

    running, _, received, rpc = answered.call(call, request)
    rpc.terminate(call.answer, (), grpc.StatusCode.OK, "")

    running.result()
    assert received.request_id == request.request_id


@pytest.mark.parametrize("call", CHANGES, ids=name_of)
def test_a_failed_change_can_be_replayed(call: UnaryCall, answered: Answered) -> None:
    """The exception carries the request_id that was sent, and the caller's message is untouched."""
    running, _, received, rpc = answered.call(call, call.request)
    _fail(rpc, grpc.StatusCode.UNAVAILABLE)

    with pytest.raises(UnavailableError) as caught:
        running.result()

    assert caught.value.request_id == received.request_id != ""
    assert call.request.request_id == ""


@pytest.mark.parametrize("call", UNARY_CALLS, ids=name_of)
def test_every_method_raises_typed_errors(call: UnaryCall, answered: Answered) -> None:
    """No method lets grpc's own exception through."""
    running, _, _, rpc = answered.call(call, call.request)
    _fail(rpc, grpc.StatusCode.NOT_FOUND)

    with pytest.raises(NotFoundError, match="NOT_FOUND: words"):
        running.result()


def test_two_changes_have_two_request_ids(answered: Answered) -> None:
    """The same message sent twice without an id is two intents."""
    (call,) = [one for one in CHANGES if one.method == "create_payment"]
    sent = []
    for _ in range(2):
        running, _, received, rpc = answered.call(call, CreatePaymentRequest())
        rpc.terminate(call.answer, (), grpc.StatusCode.OK, "")
        running.result()
        sent.append(received.request_id)

    assert sent[0] != sent[1]


def test_watching_yields_steps_until_the_end(answered: Answered) -> None:
    """Steps come in order, and the end of the stream is the end of the iteration."""
    steps = [WatchPaymentResponse(event=PaymentEvent(sequence=n)) for n in (3, 4)]
    request = WatchPaymentRequest(payment_id="pay_1", after_sequence=2)
    running = answered.begin(lambda: list(answered.client.watch_payment(request)))

    _, received, rpc = answered.channel.take_unary_stream(METHODS["WatchPayment"])
    for step in steps:
        rpc.send_response(step)
    rpc.terminate((), grpc.StatusCode.OK, "")

    assert running.result() == steps
    assert received == request


def test_watching_raises_typed_errors(answered: Answered) -> None:
    """A stream that breaks is told like any other call."""
    request = WatchPaymentRequest(payment_id="pay_1")
    running = answered.begin(lambda: list(answered.client.watch_payment(request)))

    _, _, rpc = answered.channel.take_unary_stream(METHODS["WatchPayment"])
    rpc.terminate((), grpc.StatusCode.UNAVAILABLE, "gone")

    with pytest.raises(UnavailableError, match="gone"):
        running.result()


def test_a_closed_watch_is_canceled(answered: Answered) -> None:
    """Closing the generator tells the server that nobody listens."""
    watch = answered.client.watch_payment(WatchPaymentRequest(payment_id="pay_1"))
    running = answered.begin(lambda: next(watch))
    _, _, rpc = answered.channel.take_unary_stream(METHODS["WatchPayment"])
    rpc.send_response(WatchPaymentResponse())
    running.result()

    watch.close()

    rpc.cancelled()  # returns once the call is canceled


@pytest.mark.parametrize(
    "method, rpc_name, request_message, pages, expected",
    [
        (
            "iter_payments",
            "ListPayments",
            ListPaymentsRequest(order_id="order-1", page_size=1),
            [
                ListPaymentsResponse(payments=[Payment(id="pay_2")], next_page_token="t1"),
                ListPaymentsResponse(next_page_token="t2"),
                ListPaymentsResponse(payments=[Payment(id="pay_1")]),
            ],
            [Payment(id="pay_2"), Payment(id="pay_1")],
        ),
        (
            "iter_refunds",
            "ListRefunds",
            ListRefundsRequest(payment_id="pay_1"),
            [
                ListRefundsResponse(refunds=[Refund(id="ref_2")], next_page_token="t1"),
                ListRefundsResponse(refunds=[Refund(id="ref_1")]),
            ],
            [Refund(id="ref_2"), Refund(id="ref_1")],
        ),
        (
            "iter_payment_events",
            "ListPaymentEvents",
            ListPaymentEventsRequest(payment_id="pay_1"),
            [
                ListPaymentEventsResponse(events=[PaymentEvent(sequence=1)], next_page_token="t1"),
                ListPaymentEventsResponse(events=[PaymentEvent(sequence=2)]),
            ],
            [PaymentEvent(sequence=1), PaymentEvent(sequence=2)],
        ),
        (
            "iter_country_policies",
            "ListCountryPolicies",
            ListCountryPoliciesRequest(),
            [
                ListCountryPoliciesResponse(
                    policies=[CountryPolicy(country_code="BE")], next_page_token="t1"
                ),
                ListCountryPoliciesResponse(policies=[CountryPolicy(country_code="FR")]),
            ],
            [CountryPolicy(country_code="BE"), CountryPolicy(country_code="FR")],
        ),
    ],
)
def test_iterating_asks_for_page_after_page(
    method: str,
    rpc_name: str,
    request_message: Any,
    pages: list[Any],
    expected: list[Any],
    answered: Answered,
) -> None:
    """Every page is asked for with the same filters and the token of the page before."""
    running = answered.begin(lambda: list(getattr(answered.client, method)(request_message)))
    tokens = []
    for page in pages:
        _, received, rpc = answered.channel.take_unary_unary(METHODS[rpc_name])
        rpc.terminate(page, (), grpc.StatusCode.OK, "")
        tokens.append(received.page_token)
        received.page_token = ""
        assert received == request_message

    assert running.result() == expected
    assert tokens == ["", *(page.next_page_token for page in pages[:-1])]
    assert request_message.page_token == ""


def test_an_import_streams_its_options_and_then_the_file(answered: Answered) -> None:
    """In pieces as given, with a request_id of its own; empty pieces say nothing."""
    running = answered.begin(
        lambda: answered.client.import_aliases([b"a", b"", b"b"], psp_account="stripe_eu")
    )

    _, rpc = answered.channel.take_stream_unary(METHODS["ImportAliases"])
    first, *chunks = [rpc.take_request() for _ in range(3)]
    rpc.requests_closed()
    rpc.terminate(ImportAliasesResponse(lines=1), (), grpc.StatusCode.OK, "")

    assert running.result() == ImportAliasesResponse(lines=1)
    uuid.UUID(first.options.request_id)
    assert first.options.psp_account == "stripe_eu"
    assert [message.chunk for message in chunks] == [b"a", b"b"]


def test_an_import_raises_typed_errors(answered: Answered) -> None:
    """With the request_id that was sent."""
    request_id = new_request_id()
    running = answered.begin(
        lambda: answered.client.import_aliases(
            [], psp_account="stripe_eu", legacy_account="ogone_be", request_id=request_id
        )
    )
    _, rpc = answered.channel.take_stream_unary(METHODS["ImportAliases"])
    assert rpc.take_request().options.legacy_account == "ogone_be"
    rpc.terminate(ImportAliasesResponse(), (), grpc.StatusCode.UNAVAILABLE, "words")

    with pytest.raises(UnavailableError) as caught:
        running.result()
    assert caught.value.request_id == request_id


def test_a_refund_file_streams_its_options_and_then_its_bytes(answered: Answered) -> None:
    """As an import does."""
    running = answered.begin(
        lambda: answered.client.submit_refund_batch([b"a", b"", b"b"], file_name="day.csv")
    )

    _, rpc = answered.channel.take_stream_unary(METHODS["SubmitRefundBatch"])
    first, *chunks = [rpc.take_request() for _ in range(3)]
    rpc.requests_closed()
    answer = SubmitRefundBatchResponse(batch=RefundBatch(id="rbt_1"))
    rpc.terminate(answer, (), grpc.StatusCode.OK, "")

    assert running.result() == answer
    uuid.UUID(first.options.request_id)
    assert first.options.file_name == "day.csv"
    assert [message.chunk for message in chunks] == [b"a", b"b"]


def test_a_refund_file_raises_typed_errors(answered: Answered) -> None:
    """With the request_id that was sent."""
    request_id = new_request_id()
    running = answered.begin(
        lambda: answered.client.submit_refund_batch([], file_name="day.csv", request_id=request_id)
    )
    _, rpc = answered.channel.take_stream_unary(METHODS["SubmitRefundBatch"])
    rpc.terminate(SubmitRefundBatchResponse(), (), grpc.StatusCode.UNAVAILABLE, "words")

    with pytest.raises(UnavailableError) as caught:
        running.result()
    assert caught.value.request_id == request_id


def test_a_canceled_call_is_told_so(answered: Answered) -> None:
    """Cancellation by the server or a proxy has its own exception."""
    call = UNARY_CALLS[0]
    running, _, _, rpc = answered.call(call, call.request)
    _fail(rpc, grpc.StatusCode.CANCELLED)

    with pytest.raises(CallCanceledError):
        running.result()
