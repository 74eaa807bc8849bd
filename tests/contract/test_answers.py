"""What every service answers, over a real connection."""

from __future__ import annotations

from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.payment import PaymentFilter, PaymentState
from gateway.domain.requests import RequestKey
from gateway.ids import new_id
from gateway.payments.commands import (
    CancelPaymentCommand,
    CapturePaymentCommand,
    CreatePaymentCommand,
    WatchStep,
)
from paygate.v1 import customer_service_pb2 as customer_pb
from paygate.v1 import order_service_pb2 as order_pb
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1 import proposal_service_pb2 as proposal_pb
from paygate.v1 import routing_service_pb2 as routing_pb
from paygate.v1.customer_service_pb2_grpc import CustomerServiceStub
from paygate.v1.money_pb2 import Money as MoneyMessage
from paygate.v1.order_service_pb2_grpc import OrderServiceStub
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from paygate.v1.proposal_service_pb2_grpc import ProposalServiceStub
from paygate.v1.routing_service_pb2_grpc import RoutingServiceStub
from psp.port import ReviewStatus
from tests.contract.edge import CLIENT_SECRET, RunningEdge
from tests.support.payments import NOW, payment
from tests.unit.api.requests import (
    REQUEST_ID,
    cancel_request,
    capture_request,
    create_request,
    ensure_request,
)


def _step(sequence: int) -> WatchStep:
    entry = JournalEntry(
        id=f"evt_{sequence}",
        payment_id=payment().id,
        order_id="order-1",
        sequence=sequence,
        type=EventType.STATE_CHANGED,
        state=PaymentState.AUTHORIZED,
        review=ReviewStatus.NONE,
        currency="EUR",
        captured_minor=0,
        refunded_minor=0,
        create_time=NOW,
    )
    return WatchStep(entry, payment(last_sequence=sequence))


async def test_a_payment_is_created_for_its_caller(running: RunningEdge) -> None:
    """The command carries the caller's name and the method; the page gets its secret."""
    answer = await PaymentServiceStub(running.channel).CreatePayment(
        create_request(), metadata=(("x-paygate-caller", "checkout"),)
    )
    assert answer.payment.id == payment().id
    assert answer.next_action.confirm.client_secret == CLIENT_SECRET
    (command,) = running.payments.seen
    assert isinstance(command, CreatePaymentCommand)
    assert command.key == RequestKey("checkout", "CreatePayment", REQUEST_ID)


async def test_changes_are_told_how_long_the_caller_waits(running: RunningEdge) -> None:
    """The rest of the deadline reaches the use cases; none means for ever."""
    stub = PaymentServiceStub(running.channel)
    await stub.CapturePayment(capture_request(), timeout=60)
    await stub.CancelPayment(cancel_request(), timeout=60)
    await stub.CreatePayment(create_request())
    captured, canceled, created = running.payments.remaining_s
    assert captured is not None
    assert canceled is not None
    # gRPC sends deadlines rounded up, so a little more than a minute may arrive.
    assert 0 < captured < 120
    assert 0 < canceled < 120
    assert created is None
    assert [type(command) for command in running.payments.seen] == [
        CapturePaymentCommand,
        CancelPaymentCommand,
        CreatePaymentCommand,
    ]


async def test_a_payment_is_read(running: RunningEdge) -> None:
    """By its id."""
    payment_id = new_id("pay")
    stub = PaymentServiceStub(running.channel)
    answer = await stub.GetPayment(pb.GetPaymentRequest(payment_id=payment_id))
    assert answer.payment.id == payment_id


async def test_payments_are_read_page_by_page(running: RunningEdge) -> None:
    """The token of each page leads on from its last payment, and the last page has none."""
    ids = [new_id("pay") for _ in range(3)]
    running.payments.payments = [payment(id=each) for each in ids]
    stub = PaymentServiceStub(running.channel)
    request = pb.ListPaymentsRequest(order_id="order-1", page_size=2)
    first = await stub.ListPayments(request)
    assert [each.id for each in first.payments] == ids[:2]

    request.page_token = first.next_page_token
    request.page_size = 3
    last = await stub.ListPayments(request)
    assert last.next_page_token == ""
    assert running.payments.seen == [
        (PaymentFilter(order_id="order-1"), "", 2),
        (PaymentFilter(order_id="order-1"), ids[1], 3),
    ]


async def test_a_journal_is_read_page_by_page(running: RunningEdge) -> None:
    """Without a gap and without a line twice."""
    running.payments.steps = [_step(1), _step(2), _step(3)]
    stub = PaymentServiceStub(running.channel)
    request = pb.ListPaymentEventsRequest(payment_id=payment().id, page_size=2)
    first = await stub.ListPaymentEvents(request)
    request.page_token = first.next_page_token
    last = await stub.ListPaymentEvents(request)
    assert [each.sequence for each in (*first.events, *last.events)] == [1, 2, 3]
    assert last.next_page_token == ""


async def test_a_payment_is_followed(running: RunningEdge) -> None:
    """Each line of the journal with the payment, then the end."""
    running.payments.steps = [_step(1), _step(2)]
    request = pb.WatchPaymentRequest(payment_id=payment().id)
    answers = [answer async for answer in PaymentServiceStub(running.channel).WatchPayment(request)]
    assert [answer.event.sequence for answer in answers] == [1, 2]
    assert {answer.payment.id for answer in answers} == {payment().id}


async def test_a_shopper_is_ensured(running: RunningEdge) -> None:
    """The answer says what was done where."""
    answer = await CustomerServiceStub(running.channel).EnsureCustomer(ensure_request())
    assert list(answer.links) == [
        customer_pb.CustomerLink(
            psp_account="stripe_eu",
            psp_customer="cus_1",
            outcome=customer_pb.ENSURE_OUTCOME_UNCHANGED,
        )
    ]


async def test_a_proposal_is_made(running: RunningEdge) -> None:
    """For a country and an amount."""
    request = proposal_pb.GetPaymentProposalRequest(
        country_code="FR", amount=MoneyMessage(amount_minor=1, currency_code="EUR")
    )
    answer = await ProposalServiceStub(running.channel).GetPaymentProposal(request)
    assert answer.capture_policy == pb.CAPTURE_POLICY_AT_ORDER


async def test_an_order_is_read(running: RunningEdge) -> None:
    """With its payments."""
    request = order_pb.GetOrderRequest(order_id="order-1")
    answer = await OrderServiceStub(running.channel).GetOrder(request)
    assert (answer.order.order_id, len(answer.order.payments)) == ("order-1", 1)


async def test_a_route_is_explained(running: RunningEdge) -> None:
    """With every rule, from the table in force."""
    stub = RoutingServiceStub(running.channel)
    request = routing_pb.ExplainRouteRequest(country_code="FR", method=pb.PAYMENT_METHOD_CARD)
    served = await stub.ExplainRoute(request)
    assert (served.psp_account, served.refusal, served.config_digest) == (
        "stripe_eu",
        "",
        "digest",
    )
    request.country_code = "JP"
    refused = await stub.ExplainRoute(request)
    assert (refused.psp_account, refused.refusal) == ("", "COUNTRY_NOT_SERVED")
    assert [step.passed for step in refused.steps] == [False]


async def test_policies_are_read(running: RunningEdge) -> None:
    """One by its country, and all of them page by page."""
    stub = RoutingServiceStub(running.channel)
    one = await stub.GetCountryPolicy(routing_pb.GetCountryPolicyRequest(country_code="FR"))
    assert one.policy.country_code == "FR"

    request = routing_pb.ListCountryPoliciesRequest(page_size=2)
    first = await stub.ListCountryPolicies(request)
    request.page_token = first.next_page_token
    last = await stub.ListCountryPolicies(request)
    assert [each.country_code for each in (*first.policies, *last.policies)] == ["BE", "DE", "FR"]
    assert last.next_page_token == ""
