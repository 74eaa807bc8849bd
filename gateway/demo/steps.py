"""The steps of the demo: each plays one promise, and raises if it is not kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.client import (
    DeadlineError,
    InProgressError,
    RequestIdReusedError,
    new_request_id,
)
from gateway.demo.stage import Stage
from gateway.demo.telling import Telling, expect
from gateway.domain.aliases import parse_alias_id
from gateway.routing.reload import Reloaded
from legacy_bridge.port import LegacyAlias
from paygate.v1.alias_service_pb2 import ListAliasesRequest, ListAliasesResponse
from paygate.v1.customer_service_pb2 import (
    ENSURE_OUTCOME_CREATED,
    ENSURE_OUTCOME_UNCHANGED,
    CustomerLink,
    CustomerProfile,
    EnsureCustomerRequest,
    EnsureOutcome,
)
from paygate.v1.money_pb2 import Money as MoneyMessage
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
    PAYMENT_STATE_PROCESSING,
    CreatePaymentRequest,
    CreatePaymentResponse,
    GetPaymentRequest,
    PaymentMethod,
    PaymentState,
    WatchPaymentRequest,
)
from paygate.v1.proposal_service_pb2 import GetPaymentProposalRequest
from paygate.v1.routing_service_pb2 import ExplainRouteRequest
from psp.money import Money
from psp.stripe.sandbox.api_errors import ApiError

_CREATE_PATH: Final = "/v1/payment_intents"
_TOTAL: Final = Money(1999, "EUR")
_OGONE_CARD: Final = "4111111111111111"
_OLD_CARD: Final = "claires-card"
_MAPPING_HEADER: Final = (
    "old_customer_id,customer_id,old_card_id,card_id,card_fingerprint,card_last4,"
    "card_exp_month,card_exp_year,card_brand"
)
_EVENING_S: Final = 3601.0
"""So long Ogone's sandbox takes to carry out what it accepted."""
_BELGIUM_AT_OGONE: Final = '[[countries.BE.methods]]\nmethod = "card"\naccount = "ogone_be"'
_BELGIUM_AT_STRIPE: Final = _BELGIUM_AT_OGONE.replace("ogone_be", "stripe_eu")


@dataclass(frozen=True, slots=True)
class Step:
    """One promise."""

    name: str
    title: str
    play: Callable[[Stage, Telling], Awaitable[None]]


def creation(order_id: str, **changes: object) -> CreatePaymentRequest:
    """Return a request to pay an order of 19.99 EUR in France by card."""
    values: dict[str, object] = {
        "request_id": new_request_id(),
        "order_id": order_id,
        "country_code": "FR",
        "method": PAYMENT_METHOD_CARD,
        "amount": _money(_TOTAL),
    }
    return CreatePaymentRequest(**{**values, **changes})  # type: ignore[arg-type]  # fields by name


async def propose(stage: Stage, telling: Telling) -> None:
    """Checkout asks what to offer."""
    answer = await stage.client.get_payment_proposal(
        GetPaymentProposalRequest(country_code="FR", customer_id="shopper-1", amount=_money(_TOTAL))
    )
    for offered in answer.methods:
        telling.say(
            "GetPaymentProposal offers",
            {
                "method": _short(PaymentMethod.Name(offered.method)),
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
    outcomes = [(await _ensure(stage, telling)).outcome for _ in range(2)]
    expect(
        outcomes == [ENSURE_OUTCOME_CREATED, ENSURE_OUTCOME_UNCHANGED],
        "created first, then left alone without a call to Stripe",
    )


async def pay_with_3d_secure(stage: Stage, telling: Telling) -> None:
    """From draft to released order: 3-D Secure, webhook, capture, release."""
    await _ensure(stage, telling)
    await stage.store_draft("order-3ds", _TOTAL)
    created = await _create(stage, telling, creation("order-3ds", customer_id="shopper-1"))
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
            {"state": _short(PaymentState.Name(step.event.state))},
        )
    order = await stage.order_in("order-3ds", ORDER_STATE_RELEASED)
    telling.say("GetOrder", {"state": "RELEASED", "because": order.waiting_for})
    (payment,) = order.payments
    expect(payment.state == PAYMENT_STATE_CAPTURED, "the payment is captured")
    expect(payment.captured.amount_minor == _TOTAL.amount_minor, "in full")


async def decline(stage: Stage, telling: Telling) -> None:
    """A decline is data: its reason, and whether trying again makes sense."""
    await stage.store_draft("order-declined", _TOTAL)
    created = await _create(stage, telling, creation("order-declined"))
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
            "state": _short(PaymentState.Name(answer.payment.state)),
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
    await stage.store_draft("order-replayed", _TOTAL)
    request = creation("order-replayed")
    first = await _create(stage, telling, request)
    second = await _create(stage, telling, request)
    expect(first == second, "the same request gets the same answer")
    request.amount.amount_minor = 1
    try:
        await stage.client.create_payment(request)
    except RequestIdReusedError as refused:
        telling.say("CreatePayment with another amount", {"refused": refused.reason})
    else:
        expect(None, "the same id for another request is refused")
    expect(_intents(stage, "order-replayed") == 1, "Stripe has one payment")


async def give_up(stage: Stage, telling: Telling) -> None:
    """A client that gives up finds its payment whole."""
    await stage.store_draft("order-given-up", _TOTAL)
    request = creation("order-given-up")
    stage.sandbox.inject("delay_after", method="POST", path_prefix=_CREATE_PATH, delay_s=1.0)
    try:
        await stage.client.create_payment(request, timeout_s=0.4)
    except DeadlineError:
        telling.say("CreatePayment: the client gave up after 0.4 s, Stripe takes 1 s")
    else:
        expect(None, "the client's deadline passes first")
    answer = await _patiently(stage, telling, request)
    telling.say("the same request_id again", {"payment": answer.payment.id})
    expect(answer.payment.state == PAYMENT_STATE_AWAITING_CUSTOMER, "the payment is whole")
    expect(_intents(stage, "order-given-up") == 1, "Stripe has one payment")


async def disordered_webhooks(stage: Stage, telling: Telling) -> None:
    """Webhooks that come twice and in the wrong order release an order once."""
    await stage.store_draft("order-disorder", _TOTAL)
    created = await _create(stage, telling, creation("order-disorder"))
    stage.sandbox.webhooks.hold()
    stage.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")
    held = [event.type for event in stage.sandbox.webhooks.held()]
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
    await stage.store_draft("order-silence", _TOTAL)
    request = creation("order-silence")
    # As often as the adapter tries: no attempt gets an answer.
    stage.sandbox.inject("drop_after", method="POST", path_prefix=_CREATE_PATH, count=3)
    created = await _create(stage, telling, request)
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
    expect(_intents(stage, "order-silence") == 1, "Stripe has one payment")


async def pay_at_the_legacy_psp(stage: Stage, telling: Telling) -> None:
    """A country that has not moved: the shopper pays on Ogone's own page."""
    await stage.store_draft("order-belgium", _TOTAL, "BE")
    request = creation("order-belgium", country_code="BE", return_url="https://shop.example/back")
    created = await _create(stage, telling, request)
    form = created.next_action.post_form
    landing = await stage.ogone.pay(dict(form.fields), _OGONE_CARD, url=form.url)
    telling.say("the shopper pays on Ogone's page, and comes back", {"to": landing.url[:46] + "…"})
    await stage.payment_in(created.payment.id, PAYMENT_STATE_PROCESSING)
    telling.say("the notification came; the capture waits for Ogone's evening run")
    order = (await stage.client.get_order(GetOrderRequest(order_id="order-belgium"))).order
    expect(order.state == ORDER_STATE_DRAFT, "nothing is shipped before the money is taken")
    stage.ogone.advance_clock(_EVENING_S)
    await stage.order_in("order-belgium", ORDER_STATE_RELEASED)
    payment = await stage.payment_in(created.payment.id, PAYMENT_STATE_CAPTURED)
    telling.say("Ogone took the money", {"account": payment.psp_account, "order": "RELEASED"})
    expect(payment.psp_account == "ogone_be", "the payment is pinned to the legacy account")


async def split_a_country(stage: Stage, telling: Telling) -> None:
    """A country on its way: a part of its shoppers, always the same ones, is served by Stripe."""
    shoppers = [f"shopper-{number}" for number in range(1000)]
    at_30 = await _served_by_stripe(stage, shoppers)
    telling.say("Portugal at 30 %", {"stripe_eu": len(at_30), "ogone_be": 1000 - len(at_30)})
    again = await _served_by_stripe(stage, shoppers)
    expect(at_30 == again, "asked again, every shopper meets the same PSP")
    text = stage.config_file.read_text(encoding="utf-8")
    stage.config_file.write_text(text.replace("percent = 30", "percent = 50"), encoding="utf-8")
    expect(await stage.gateway.reloader.reload() is Reloaded.APPLIED, "the file is read anew")
    at_50 = await _served_by_stripe(stage, shoppers)
    telling.say(
        "the file says 50 %, without a restart",
        {"stripe_eu": len(at_50), "moved back": len(at_30 - at_50)},
    )
    expect(at_30 < at_50, "raising the percentage only adds shoppers: nobody flips")


async def finish_what_moved(stage: Stage, telling: Telling) -> None:
    """A payment made at the old PSP stays there when its country moves."""
    await stage.store_draft("order-moved", _TOTAL, "BE")
    request = creation("order-moved", country_code="BE", return_url="https://shop.example/back")
    created = await _create(stage, telling, request)
    text = stage.config_file.read_text(encoding="utf-8")
    moved = text.replace(_BELGIUM_AT_OGONE, _BELGIUM_AT_STRIPE)
    stage.config_file.write_text(moved, encoding="utf-8")
    expect(await stage.gateway.reloader.reload() is Reloaded.APPLIED, "Belgium moves to Stripe")
    route = await stage.client.explain_route(
        ExplainRouteRequest(country_code="BE", method=PAYMENT_METHOD_CARD)
    )
    telling.say("new payments in Belgium go to", {"account": route.psp_account})
    expect(route.psp_account == "stripe_eu", "new payments go to Stripe")
    form = created.next_action.post_form
    await stage.ogone.pay(dict(form.fields), _OGONE_CARD, url=form.url)
    await stage.payment_in(created.payment.id, PAYMENT_STATE_PROCESSING)
    stage.ogone.advance_clock(_EVENING_S)
    await stage.order_in("order-moved", ORDER_STATE_RELEASED)
    payment = await stage.payment_in(created.payment.id, PAYMENT_STATE_CAPTURED)
    telling.say("the old payment was captured at", {"account": payment.psp_account})
    expect(payment.psp_account == "ogone_be", "it was seen through where it was created")


async def one_alias_list(stage: Stage, telling: Telling) -> None:
    """Saved cards of both PSPs in one list; a card that moved is one card, and not two."""
    link = await _ensure(stage, telling)
    await stage.store_draft("order-saved", _TOTAL)
    request = creation("order-saved", customer_id="shopper-1", save_alias=True)
    created = await _create(stage, telling, request)
    stage.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")
    await stage.order_in("order-saved", ORDER_STATE_RELEASED)
    await stage.back_office.save_alias(
        LegacyAlias(_OLD_CARD, "shopper-1", "ogone_be", "visa", "4242", 12, 2034, "card"),
        key="saved by the legacy shop",
    )
    both = await _saved(stage, telling, "her saved cards, from two sources")
    expect({alias.psp_account for alias in both.aliases} == {"stripe_eu", "ogone_be"}, "two")

    async with stage.back_office_without_aliases():
        one = await _saved(stage, telling, "the same with the back office down")
    expect([alias.psp_account for alias in one.aliases] == ["stripe_eu"], "the rest is there")
    expect([each.source for each in one.unavailable_sources] == ["back_office"], "and it is named")

    (stripe,) = one.aliases
    card = parse_alias_id(stripe.id).psp_alias
    expiry = f"{stripe.expiry_month},{stripe.expiry_year}"
    line = f"shopper-1,{link.psp_customer},{_OLD_CARD},{card},fp_1,4242,{expiry},visa"
    mapping = f"{_MAPPING_HEADER}\n{line}\n".encode()
    moved = await stage.client.import_aliases([mapping], psp_account="stripe_eu")
    telling.say("the mapping file of the card import", {"moved": moved.moved})
    after = await _saved(stage, telling, "her saved cards")
    expect((moved.moved, moved.refused) == (1, 0), "the card is moved")
    expect([alias.psp_account for alias in after.aliases] == ["stripe_eu"], "one card, not two")


async def _saved(stage: Stage, telling: Telling, what: str) -> ListAliasesResponse:
    answer = await stage.client.list_aliases(ListAliasesRequest(customer_id="shopper-1"))
    shown = [f"{alias.brand} {alias.last4} at {alias.psp_account}" for alias in answer.aliases]
    silent = [each.source for each in answer.unavailable_sources]
    telling.say(what, {"aliases": ", ".join(shown), "silent": ", ".join(silent) or "nobody"})
    return answer


async def _served_by_stripe(stage: Stage, shoppers: Sequence[str]) -> set[str]:
    served = set()
    for shopper in shoppers:
        request = ExplainRouteRequest(
            country_code="PT", method=PAYMENT_METHOD_CARD, customer_id=shopper
        )
        if (await stage.client.explain_route(request)).psp_account == "stripe_eu":
            served.add(shopper)
    return served


STEPS: Final = (
    Step("propose", "A French shopper is offered how to pay", propose),
    Step("ensure_customer", "She is made known to Stripe once", ensure_customer),
    Step("pay_with_3d_secure", "She pays by card with 3-D Secure", pay_with_3d_secure),
    Step("decline", "A card is declined", decline),
    Step("replay", "A request is sent twice", replay),
    Step("give_up", "A client gives up in the middle of a call", give_up),
    Step("disordered_webhooks", "Webhooks come twice and in disorder", disordered_webhooks),
    Step("silence", "Stripe acts and answers nothing", silence),
    Step("pay_at_the_legacy_psp", "Belgium still pays at Ogone", pay_at_the_legacy_psp),
    Step("split_a_country", "Portugal moves, three shoppers in ten first", split_a_country),
    Step("one_alias_list", "Her saved cards, wherever they are kept", one_alias_list),
    Step("finish_what_moved", "Belgium moves while a payment is open", finish_what_moved),
)


async def _ensure(stage: Stage, telling: Telling) -> CustomerLink:
    profile = CustomerProfile(email="claire@example.com", name="Claire Martin")
    request = EnsureCustomerRequest(customer_id="shopper-1", country_code="FR", profile=profile)
    (link,) = (await stage.client.ensure_customer(request)).links
    outcome = _short(EnsureOutcome.Name(link.outcome))
    telling.say("EnsureCustomer", {"outcome": outcome, "psp_customer": link.psp_customer})
    return link


async def _create(
    stage: Stage, telling: Telling, request: CreatePaymentRequest
) -> CreatePaymentResponse:
    answer = await stage.client.create_payment(request)
    telling.say(
        "CreatePayment",
        {
            "payment": answer.payment.id,
            "state": _short(PaymentState.Name(answer.payment.state)),
            "next": answer.next_action.WhichOneof("action") or "nothing",
        },
    )
    return answer


async def _patiently(
    stage: Stage, telling: Telling, request: CreatePaymentRequest
) -> CreatePaymentResponse:
    """Send the same request until it no longer runs, as the error's RetryInfo asks."""
    while True:
        try:
            return await stage.client.create_payment(request)
        except InProgressError as running:
            telling.say("still running, so the client waits", {"reason": running.reason})
            await asyncio.sleep(running.retry_after_s or 0.2)


def _short(name: str) -> str:
    """Return an enum's value without its prefix: the telling is for people."""
    for prefix in ("PAYMENT_STATE_", "PAYMENT_METHOD_", "ENSURE_OUTCOME_"):
        name = name.removeprefix(prefix)
    return name


def _intents(stage: Stage, order_id: str) -> int:
    """Count the payments of an order in the sandbox's own books."""
    kept: list[Any] = [books["payment_intents"] for books in stage.sandbox.books()]
    return sum(
        intent["metadata"]["paygate_order_id"] == order_id for intents in kept for intent in intents
    )


def _money(money: Money) -> MoneyMessage:
    return MoneyMessage(amount_minor=money.amount_minor, currency_code=money.currency)
