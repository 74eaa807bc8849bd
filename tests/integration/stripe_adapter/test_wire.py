"""What travels between the adapter and Stripe."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import aiohttp
import pytest

from psp.errors import MisconfiguredError, NotFoundError, RejectedError, UnavailableError
from psp.money import Money
from psp.port import (
    CancelPayment,
    CapturePayment,
    CustomerProfile,
    FailureCategory,
    PspStatus,
    ReviewStatus,
)
from psp.stripe.provider import StripeProvider
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.stripe.support import (
    JsonDict,
    account_config,
    charge,
    create_request,
    payment_intent,
)

_FROM = datetime(2027, 1, 15, 8, 0, 0, 500_000, UTC)
_TO = datetime(2027, 1, 15, 9, 0, 0, 500_000, UTC)


def _page(*entries: JsonDict, has_more: bool = False) -> Answer:
    return Answer({"object": "list", "data": list(entries), "has_more": has_more})


async def test_a_request_carries_key_version_and_authorisation(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """A change names its API version and the caller's key, and tells nothing about us."""
    script.will_answer(Answer(payment_intent()))

    await provider.create_payment(create_request(idempotency_key="op-7"))

    (asked,) = script.asked
    assert (
        asked.method,
        asked.path,
        asked.idempotency_key,
    ) == ("POST", "/v1/payment_intents", "op-7")
    assert asked.headers["Stripe-Version"] == "2026-10-28.endive"
    assert asked.headers["Authorization"] == "Bearer sk_test_adapter"
    assert "X-Stripe-Client-Telemetry" not in asked.headers
    assert "telemetry_id" not in asked.headers["X-Stripe-Client-User-Agent"]
    assert asked.parameters == {
        "amount": "1234",
        "currency": "eur",
        "allowed_payment_method_types[0]": "card",
        "capture_method": "manual",
        "description": "Order order-1",
        "metadata[paygate_payment_id]": "pay_1",
        "metadata[paygate_order_id]": "order-1",
    }


async def test_a_read_carries_no_key(script: ScriptedServer, provider: StripeProvider) -> None:
    """A read changes nothing, so it needs no idempotency key."""
    script.will_answer(Answer(payment_intent()))

    await provider.retrieve_payment("pi_1")

    (asked,) = script.asked
    assert (
        asked.method,
        asked.path,
        asked.idempotency_key,
    ) == ("GET", "/v1/payment_intents/pi_1", "")


async def test_a_decline_is_a_result(script: ScriptedServer, provider: StripeProvider) -> None:
    """HTTP 402 with its PaymentIntent is a payment that may be tried again."""
    declined = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}
    script.will_answer(Answer({"error": {**declined, "payment_intent": payment_intent()}}, 402))

    payment = await provider.create_payment(create_request(psp_alias="pm_1"))

    assert payment.status is PspStatus.AWAITING_CUSTOMER
    assert payment.failure is not None
    assert (
        payment.failure.category,
        payment.failure.code,
    ) == (FailureCategory.FRAUD_SUSPECTED, "lost_card")
    assert len(script.asked) == 1


async def test_a_decline_of_no_payment_is_a_refusal(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """HTTP 402 that carries no payment did not make one."""
    script.will_answer(Answer({"error": {"type": "card_error", "code": "card_declined"}}, 402))

    with pytest.raises(RejectedError):
        await provider.create_payment(create_request())


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_change_without_a_proper_key_is_not_sent(
    script: ScriptedServer, provider: StripeProvider, key: str
) -> None:
    """Nothing is changed without a key to repeat it under."""
    with pytest.raises(RejectedError):
        await provider.create_payment(create_request(idempotency_key=key))

    assert script.asked == []


async def test_an_impossible_reference_is_not_sent(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """An empty reference must not read the whole list."""
    with pytest.raises(NotFoundError):
        await provider.retrieve_payment("")
    with pytest.raises(NotFoundError):
        await provider.cancel_payment(CancelPayment("pi_1/../pi_2", "k"))

    assert script.asked == []


@pytest.mark.parametrize("amount", [Money(0, "EUR"), Money(12_345, "KWD")])
async def test_an_impossible_capture_is_not_sent(
    script: ScriptedServer, provider: StripeProvider, amount: Money
) -> None:
    """A capture of nothing must not become a capture of everything."""
    with pytest.raises(RejectedError):
        await provider.capture_payment(CapturePayment("pi_1", amount, "k"))

    assert script.asked == []


async def test_an_unknown_cancel_reason_is_not_sent(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """Stripe takes four reasons."""
    with pytest.raises(RejectedError):
        await provider.cancel_payment(CancelPayment("pi_1", "k", "because"))

    assert script.asked == []


async def test_finding_reads_every_page(script: ScriptedServer, provider: StripeProvider) -> None:
    """The list is read page by page over the whole window, widened to full seconds."""
    other = payment_intent(id="pi_9", metadata={})
    script.will_answer(
        _page(other, payment_intent(id="pi_8", metadata=None), has_more=True),
        _page(payment_intent(id="pi_7"), has_more=True),
        Answer(payment_intent(id="pi_7", status="succeeded", amount_received=1234)),
    )

    payment = await provider.find_payment("pay_1", _FROM, _TO)

    assert payment is not None
    assert (payment.status, payment.psp_reference) == (PspStatus.CAPTURED, "pi_7")
    first, second, last = script.asked
    assert first.parameters == {
        "created[gte]": str(int(_FROM.timestamp())),
        "created[lte]": str(int(_TO.timestamp()) + 1),
        "limit": "100",
    }
    assert second.parameters == {**first.parameters, "starting_after": "pi_8"}
    assert last.path == "/v1/payment_intents/pi_7"


async def test_a_list_read_to_its_end_proves_absence(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """None is said only after the last page."""
    script.will_answer(_page(payment_intent(id="pi_9", metadata={}), has_more=True), _page())

    assert await provider.find_payment("pay_1", _FROM, _TO) is None
    assert len(script.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer({"object": "list", "data": [], "has_more": True}),
        Answer({"object": "list", "data": []}),
        Answer({"object": "list", "data": ["pi_1"], "has_more": False}),
        Answer({"object": "list", "data": [{}], "has_more": True}),
        Answer({"object": "search_result", "data": [], "has_more": False}),
        Answer({"object": "list", "has_more": False}),
        Answer(status=503),
    ],
)
async def test_a_list_that_cannot_be_read_proves_nothing(
    script: ScriptedServer, provider: StripeProvider, answer: Answer
) -> None:
    """Absence is never concluded from a broken list."""
    script.will_answer(answer, answer, answer)

    with pytest.raises(UnavailableError):
        await provider.find_payment("pay_1", _FROM, _TO)


async def test_a_review_only_the_charge_names_is_read(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """Should the PaymentIntent forget its review, the charge still leads to it."""
    script.will_answer(
        Answer(
            payment_intent(
                status="succeeded", amount_received=1234, latest_charge=charge(review="prv_1")
            )
        ),
        Answer({"id": "prv_1", "object": "review", "open": False, "closed_reason": "approved"}),
    )

    payment = await provider.retrieve_payment("pi_1")

    assert payment.review is ReviewStatus.APPROVED
    assert script.asked[1].path == "/v1/reviews/prv_1"


_UNEXPECTED = {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}
_REFUSED = Answer({"error": _UNEXPECTED}, 400)
_CAPTURED = Answer(payment_intent(status="succeeded", amount_received=1000, latest_charge=charge()))
_CANCELED = Answer(payment_intent(status="canceled"))
_CAPTURE = CapturePayment("pi_1", Money(1000, "EUR"), "k")
_CANCEL = CancelPayment("pi_1", "k")


async def test_a_capture_that_was_done_before_is_done(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """A refusal of what is true already is answered with the truth."""
    script.will_answer(_REFUSED, _CAPTURED)

    payment = await provider.capture_payment(_CAPTURE)

    assert (payment.status, payment.captured_minor) == (PspStatus.CAPTURED, 1000)


@pytest.mark.parametrize(
    "truth",
    [
        Answer(payment_intent(status="succeeded", amount_received=999)),
        Answer(payment_intent(status="succeeded", amount_received=1000, currency="usd")),
        Answer(payment_intent(status="requires_capture", amount_capturable=1234)),
        _CANCELED,
    ],
)
async def test_a_capture_that_is_not_true_is_refused(
    script: ScriptedServer, provider: StripeProvider, truth: Answer
) -> None:
    """Another sum, currency or state is not what was asked for."""
    script.will_answer(_REFUSED, truth)

    with pytest.raises(RejectedError) as caught:
        await provider.capture_payment(_CAPTURE)

    assert caught.value.code == "payment_intent_unexpected_state"


async def test_a_cancel_that_was_done_before_is_done(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """Canceling twice is canceling once."""
    script.will_answer(_REFUSED, _CANCELED)

    assert (await provider.cancel_payment(_CANCEL)).status is PspStatus.CANCELED


async def test_a_captured_payment_is_not_canceled(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """A cancel that came too late is refused with Stripe's code."""
    script.will_answer(_REFUSED, _CAPTURED)

    with pytest.raises(RejectedError) as caught:
        await provider.cancel_payment(_CANCEL)

    assert caught.value.code == "payment_intent_unexpected_state"


async def test_an_unknown_payment_is_not_found(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """A missing object is told apart from a refusal, without asking again."""
    script.will_answer(Answer({"error": {"code": "resource_missing"}}, 404))

    with pytest.raises(NotFoundError):
        await provider.capture_payment(_CAPTURE)

    assert len(script.asked) == 1


async def test_aliases_are_read_with_their_default(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """Cards and PayPal agreements that may be shown; other kinds and hidden ones are left out."""
    card = {"brand": "visa", "last4": "4242", "exp_month": 1, "exp_year": 2034}
    methods: list[JsonDict] = [
        {"id": "pm_1", "type": "card", "card": card, "allow_redisplay": "always"},
        {"id": "pm_2", "type": "card", "card": card, "allow_redisplay": "limited"},
        {"id": "pm_3", "type": "sepa_debit", "allow_redisplay": "always"},
        {"id": "pm_4", "type": "paypal", "paypal": {}, "allow_redisplay": "unspecified"},
    ]
    customer = {
        "id": "cus_1",
        "object": "customer",
        "data": methods,
        "has_more": False,
        "invoice_settings": {"default_payment_method": "pm_4"},
    }
    # Both questions are asked at once, so either may come first: one body answers both.
    both = {**customer, "object": "list"}
    script.will_answer(Answer(both), Answer(customer))

    aliases = await provider.list_aliases("cus_1")

    assert [(alias.psp_alias, alias.is_default) for alias in aliases] == [
        ("pm_1", False),
        ("pm_4", True),
    ]
    assert {"/v1/customers/cus_1", "/v1/customers/cus_1/payment_methods"} == {
        asked.path for asked in script.asked
    }


async def test_a_customer_is_created_and_updated(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """Creating answers Stripe's id; updating goes to it."""
    script.will_answer(*[Answer({"id": "cus_1", "object": "customer"})] * 2)
    profile = CustomerProfile("shopper-1", email="a@example.com")

    assert await provider.create_customer(profile, "k1") == "cus_1"
    await provider.update_customer("cus_1", profile, "k2")

    assert [(asked.path, asked.idempotency_key) for asked in script.asked] == [
        ("/v1/customers", "k1"),
        ("/v1/customers/cus_1", "k2"),
    ]


async def test_a_shared_session_is_left_open(script: ScriptedServer) -> None:
    """An adapter never closes a session that others use too."""
    async with aiohttp.ClientSession() as session:
        provider = StripeProvider("a", account_config(api_base=script.address), session)
        script.will_answer(Answer(payment_intent()))

        await provider.retrieve_payment("pi_1")
        await provider.close()

        assert not session.closed


async def test_no_secret_is_logged(
    script: ScriptedServer, provider: StripeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Even with every logger at debug level, neither client secret nor key is written."""
    script.will_answer(Answer(payment_intent()))

    with caplog.at_level(logging.DEBUG):
        await provider.create_payment(create_request())

    assert "secret_abc" not in caplog.text
    assert "sk_test_adapter" not in caplog.text


def test_the_sdks_debug_output_is_not_tolerated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that would print client secrets does not start."""
    monkeypatch.setenv("STRIPE_LOG", "debug")

    with pytest.raises(MisconfiguredError, match="STRIPE_LOG"):
        StripeProvider("stripe_fr", account_config())
