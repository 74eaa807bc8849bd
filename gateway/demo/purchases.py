"""The demo's purchases: paid, declined, repeated, given up, and told in disorder."""

from __future__ import annotations

from typing import Final

from gateway.client import (
    DeadlineError,
    RequestIdReusedError,
)
from gateway.demo.acting import (
    TOTAL,
    create,
    creation,
    ensure,
    intents_of,
    money_message,
    patiently,
    short,
)
from gateway.demo.stage import Stage
from gateway.demo.telling import Telling, expect
from paygate.v1.customer_service_pb2 import (
    ENSURE_OUTCOME_CREATED,
    ENSURE_OUTCOME_UNCHANGED,
)
from paygate.v1.order_service_pb2 import (
    ORDER_STATE_DRAFT,
    ORDER_STATE_RELEASED,
    GetOrderRequest,
)
from paygate.v1.payment_service_pb2 import (
    FAILURE_CATEGORY_INSUFFICIENT_FUNDS,
    PAYMENT_METHOD_CARD,
    PAYMENT_METHOD_PAYPAL,
    PAYMENT_STATE_AWAITING_CUSTOMER,
    PAYMENT_STATE_CAPTURED,
    PAYMENT_STATE_OUTCOME_UNKNOWN,
    GetPaymentRequest,
    PaymentMethod,
    PaymentState,
    WatchPaymentRequest,
)
from paygate.v1.proposal_service_pb2 import GetPaymentProposalRequest
from psp.stripe.sandbox.api_errors import ApiError

_CREATE_PATH: Final = "/v1/payment_intents"


async def propose(stage: Stage, telling: Telling) -> None:
    """Checkout asks what to offer."""
    answer = await stage.client.get_payment_proposal(
        GetPaymentProposalRequest(
            country_code="FR", customer_id="shopper-1", amount=money_message(TOTAL)
        )
    )
    for offered in answer.methods:
        telling.say(
            "GetPaymentProposal offers",
            {
                "method": short(PaymentMethod.Name(offered.method)),
                "account": offered.psp_account,
                "presented": offered.presentation.WhichOneof("kind"),
            },
        )
    methods = [offered.method for offered in answer.methods]
    expect(methods == [PAYMENT_METHOD_CARD, PAYMENT_METHOD_PAYPAL], "card first, then PayPal")
    expect(answer.methods[0].presentation.embedded_fields.publishable_key, "a key for the page")
    expect(not answer.unavailable_sources, "every source of aliases answered")


async def ensure_customer(stage: Stage, telling: Telling) -> None:
    """The shopper is made known to Stripe, once."""
    outcomes = [(await ensure(stage, telling)).outcome for _ in range(2)]
    expect(
        outcomes == [ENSURE_OUTCOME_CREATED, ENSURE_OUTCOME_UNCHANGED],
        "created first, then left alone without a call to Stripe",
    )


async def pay_with_3d_secure(stage: Stage, telling: Telling) -> None:
    """From draft to released order: 3-D Secure, webhook, capture, release."""
    await ensure(stage, telling)
    await stage.store_draft("order-3ds", TOTAL)
    created = await create(stage, telling, creation("order-3ds", customer_id="shopper-1"))
    secret = created.next_action.confirm.client_secret
    stage.sandbox.browser_confirm(secret, "pm_card_authenticationRequired")
    telling.say("the page confirms: the bank asks for 3-D Secure")
    stage.sandbox.browser_authenticate(secret, "succeed")
    telling.say("the shopper authenticates; Stripe sends its webhooks")
    journal = stage.client.watch_payment(
        WatchPaymentRequest(payment_id=created.payment.id), timeout_s=20
    )
    async for step in journal:
        telling.say(
            f"WatchPayment: {step.event.sequence} {step.event.type}",
            {"state": short(PaymentState.Name(step.event.state))},
        )
    order = await stage.order_in("order-3ds", ORDER_STATE_RELEASED)
    telling.say("GetOrder", {"state": "RELEASED", "because": order.waiting_for})
    (payment,) = order.payments
    expect(payment.state == PAYMENT_STATE_CAPTURED, "the payment is captured")
    expect(payment.captured.amount_minor == TOTAL.amount_minor, "in full")


async def decline(stage: Stage, telling: Telling) -> None:
    """A decline is data: its reason, and whether trying again makes sense."""
    await stage.store_draft("order-declined", TOTAL)
    created = await create(stage, telling, creation("order-declined"))
    try:
        stage.sandbox.browser_confirm(
            created.next_action.confirm.client_secret,
            "pm_card_visa_chargeDeclinedInsufficientFunds",
        )
    except ApiError as refused:
        telling.say("the page confirms, and shows the shopper", {"message": refused.message})
    await stage.sandbox.settle()
    payment_id = created.payment.id
    async for step in stage.client.watch_payment(
        WatchPaymentRequest(payment_id=payment_id), timeout_s=20
    ):
        if step.event.type == "failure_recorded":
            break
    answer = await stage.client.get_payment(GetPaymentRequest(payment_id=payment_id))
    failure = answer.payment.failure
    telling.say(
        "GetPayment",
        {
            "state": short(PaymentState.Name(answer.payment.state)),
            "psp_code": failure.psp_code,
            "retryable": failure.retryable,
            "message": failure.message,
        },
    )
    order = (await stage.client.get_order(GetOrderRequest(order_id="order-declined"))).order
    expect(failure.category == FAILURE_CATEGORY_INSUFFICIENT_FUNDS, "the reason is told")
    expect(failure.retryable, "the shopper may try again")
    expect(order.state == ORDER_STATE_DRAFT, "the order is still a draft")


async def replay(stage: Stage, telling: Telling) -> None:
    """The same request_id gets the same answer, and never pays for something else."""
    await stage.store_draft("order-replayed", TOTAL)
    request = creation("order-replayed")
    first = await create(stage, telling, request)
    second = await create(stage, telling, request)
    expect(first == second, "the same request gets the same answer")
    request.amount.amount_minor = 1
    try:
        await stage.client.create_payment(request)
    except RequestIdReusedError as refused:
        telling.say("CreatePayment with another amount", {"refused": refused.reason})
    else:
        expect(None, "the same id for another request is refused")
    expect(len(intents_of(stage, "order-replayed")) == 1, "Stripe has one payment")


async def give_up(stage: Stage, telling: Telling) -> None:
    """A client that gives up finds its payment whole."""
    await stage.store_draft("order-given-up", TOTAL)
    request = creation("order-given-up")
    stage.sandbox.inject("delay_after", method="POST", path_prefix=_CREATE_PATH, delay_s=1.0)
    try:
        await stage.client.create_payment(request, timeout_s=0.4)
    except DeadlineError:
        telling.say("CreatePayment: the client gave up after 0.4 s, Stripe takes 1 s")
    else:
        expect(None, "the client's deadline passes first")
    answer = await patiently(stage.client, telling, request)
    telling.say("the same request_id again", {"payment": answer.payment.id})
    expect(answer.payment.state == PAYMENT_STATE_AWAITING_CUSTOMER, "the payment is whole")
    expect(len(intents_of(stage, "order-given-up")) == 1, "Stripe has one payment")


async def disordered_webhooks(stage: Stage, telling: Telling) -> None:
    """Webhooks that come twice and in the wrong order release an order once."""
    await stage.store_draft("order-disorder", TOTAL)
    created = await create(stage, telling, creation("order-disorder"))
    stage.sandbox.webhooks.hold()
    stage.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")
    held = [parcel.event.type for parcel in stage.sandbox.webhooks.held()]
    stage.sandbox.webhooks.release(["reversed"], copies=2)
    telling.say("Stripe sends in reverse, each twice", {"events": ", ".join(held)})
    await stage.order_in("order-disorder", ORDER_STATE_RELEASED)
    await stage.sandbox.settle()
    actions = await stage.back_office.list_actions("order-disorder")
    releases = [action for action in actions if action.changed and action.state == "released"]
    telling.say("the back office's log", {"releases": len(releases)})
    expect(len(releases) == 1, "released exactly once")


async def silence(stage: Stage, telling: Telling) -> None:
    """Stripe acts and answers nothing: unknown, until Stripe's own word settles it."""
    await stage.store_draft("order-silence", TOTAL)
    request = creation("order-silence")
    # As often as the adapter tries: no attempt gets an answer.
    stage.sandbox.inject("drop_after", method="POST", path_prefix=_CREATE_PATH, count=3)
    created = await create(stage, telling, request)
    expect(
        created.payment.state == PAYMENT_STATE_OUTCOME_UNKNOWN,
        "without an answer the outcome is unknown, not failed",
    )
    payment = await stage.payment_in(created.payment.id, PAYMENT_STATE_AWAITING_CUSTOMER)
    telling.say(
        "the resolver asked Stripe under the same key",
        {"state": "AWAITING_CUSTOMER", "psp_reference": payment.psp_reference},
    )
    answer = await stage.client.create_payment(request)
    expect(answer.next_action.confirm.client_secret, "the page can go on with the same request")
    expect(len(intents_of(stage, "order-silence")) == 1, "Stripe has one payment")
