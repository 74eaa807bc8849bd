"""Refunds at the sandbox: what it answers, what it tells, and what its books hold."""

from __future__ import annotations

import aiohttp
import pytest
import stripe
from stripe.params import RefundCreateParams

from psp.stripe.sandbox import StripeSandbox
from psp.stripe.sandbox.api_errors import ApiError
from tests.integration.stripe_sandbox.support import SECRET, Receiver, Shop

JsonDict = dict[str, object]

_DAY_S = 86_400


async def _refund(shop: Shop, intent: stripe.PaymentIntent, **changes: object) -> stripe.Refund:
    return await shop.client.v1.refunds.create_async(_wish(intent, **changes))


def _wish(intent: stripe.PaymentIntent, **changes: object) -> RefundCreateParams:
    values: JsonDict = {"payment_intent": intent.id}
    return {**values, **changes}  # type: ignore[typeddict-item, return-value, unused-ignore]  # fields by name


async def _charge(shop: Shop, intent: stripe.PaymentIntent) -> stripe.Charge:
    shown = await shop.intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert isinstance(shown.latest_charge, stripe.Charge)
    return shown.latest_charge


def _booked(sandbox: StripeSandbox) -> JsonDict:
    payments = sandbox.books()[0]["payment_intents"]
    assert isinstance(payments, list)
    booked: JsonDict = payments[0]
    return booked


async def test_a_card_is_refunded_at_once(shop: Shop) -> None:
    """In full without an amount; the charge says so, and both are told in this order."""
    intent = await shop.confirmed()
    before = await shop.event_types()

    made = await _refund(shop, intent, metadata={"ours": "1"}, reason="duplicate")

    charge = await _charge(shop, intent)
    assert (made.status, made.amount, made.currency, made.reason) == (
        "succeeded",
        2000,
        "eur",
        "duplicate",
    )
    assert (made.payment_intent, made.charge, made.to_dict()["metadata"]) == (
        intent.id,
        charge.id,
        {"ours": "1"},
    )
    assert made.id.startswith("re_")
    assert made.balance_transaction is not None
    assert (charge.amount_refunded, charge.refunded) == (2000, True)
    assert await shop.event_types_since(before) == ["refund.created", "charge.refunded"]


async def test_refunds_are_retrieved_and_listed(shop: Shop) -> None:
    """By payment, by charge, or all, the newest first, expanded on demand."""
    one, other = await shop.confirmed(), await shop.confirmed()
    first = await _refund(shop, one, amount=500)
    second = await _refund(shop, one, amount=600)
    third = await _refund(shop, other)
    refunds = shop.client.v1.refunds

    of_one = await refunds.list_async({"payment_intent": one.id})
    of_charge = await refunds.list_async({"charge": str(other.latest_charge)})
    page = await refunds.list_async({"limit": 2})
    shown = await refunds.retrieve_async(first.id, {"expand": ["payment_intent", "charge"]})

    assert [made.id for made in of_one.data] == [second.id, first.id]
    assert [made.id for made in of_charge.data] == [third.id]
    assert ([made.id for made in page.data], page.has_more) == ([third.id, second.id], True)
    assert isinstance(shown.payment_intent, stripe.PaymentIntent)
    assert isinstance(shown.charge, stripe.Charge)


async def test_a_pending_refund_succeeds_with_time(shop: Shop, sandbox: StripeSandbox) -> None:
    """Its sum is on its way from the start; success is told when it comes."""
    intent = await shop.confirmed("pm_card_pendingRefund")
    before = await shop.event_types()

    made = await _refund(shop, intent, amount=500)
    on_its_way = (await _charge(shop, intent)).amount_refunded
    at_first = await shop.event_types_since(before)
    sandbox.advance_clock(_DAY_S)

    later = await shop.client.v1.refunds.retrieve_async(made.id)
    assert (made.status, made.pending_reason, on_its_way) == ("pending", "processing", 500)
    assert later.status == "succeeded"
    assert "pending_reason" not in later.to_dict()
    assert at_first == ["refund.created"]
    assert (await shop.event_types_since(before))[1:] == ["charge.refunded", "refund.updated"]


async def test_a_refund_fails_with_time(
    shop: Shop, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    """The money falls back, the reason is told, and webhooks carry it."""
    sandbox.register_webhook(receiver.url, SECRET, event_types=["refund.*"])
    intent = await shop.confirmed("pm_card_refundFail")
    made = await _refund(shop, intent)

    sandbox.advance_clock(_DAY_S)
    await sandbox.settle()

    failed = receiver.events()[-1].data.object
    assert receiver.types() == ["refund.created", "refund.updated", "refund.failed"]
    assert (made.status, failed["id"], failed["status"], failed["failure_reason"]) == (
        "succeeded",
        made.id,
        "failed",
        "expired_or_canceled_card",
    )
    assert failed["failure_balance_transaction"].startswith("txn_")
    assert (await _charge(shop, intent)).amount_refunded == 0
    assert sandbox.books()[0]["taken"] == {"eur": 2000}
    assert (await _refund(shop, intent, amount=2000)).status == "succeeded"


async def test_a_balance_too_low_holds_cards_and_fails_others(
    shop: Shop, sandbox: StripeSandbox
) -> None:
    """Cards wait and go on once there is money; a wallet's refund has failed."""
    card = await shop.confirmed()
    wallet = await shop.create(
        allowed_payment_method_types=["paypal"],
        payment_method_data={"type": "paypal"},
        confirm=True,
        return_url="https://shop.example/return",
    )
    sandbox.paypal(wallet.id)
    sandbox.set_circumstances(balance_too_low=True)
    before = await shop.event_types()

    waiting = await _refund(shop, card)
    failed = await _refund(shop, wallet)
    sandbox.advance_clock(_DAY_S)
    still = await shop.client.v1.refunds.retrieve_async(waiting.id)
    sandbox.set_circumstances(balance_too_low=False)
    done = await shop.client.v1.refunds.retrieve_async(waiting.id)

    assert (waiting.status, waiting.pending_reason) == ("pending", "insufficient_funds")
    assert (failed.status, failed.failure_reason) == ("failed", "insufficient_funds")
    assert failed.id.startswith("pyr_")
    assert (still.status, done.status) == ("pending", "succeeded")
    assert await shop.event_types_since(before) == [
        "refund.created",
        "refund.created",
        "refund.failed",
        "charge.refunded",
        "refund.updated",
    ]


@pytest.mark.parametrize(
    "method, manual, first, asked, code, param",
    [
        ("pm_card_visa", False, 1500, 501, None, "amount"),
        ("pm_card_visa", False, None, 2001, None, "amount"),
        ("pm_card_visa", False, 2000, 1, "charge_already_refunded", None),
        ("pm_card_createDispute", False, None, 1, "charge_disputed", None),
        ("pm_card_visa", True, None, 1, None, None),
        ("pm_card_visa", False, None, 0, "parameter_invalid_integer", "amount"),
    ],
    ids=["over", "over at once", "refunded", "disputed", "uncaptured", "nothing"],
)
async def test_what_cannot_be_given_back(  # noqa: PLR0917 - a table's columns
    shop: Shop,
    sandbox: StripeSandbox,
    method: str,
    manual: bool,
    first: int | None,
    asked: int,
    code: str | None,
    param: str | None,
) -> None:
    """Refused with Stripe's words, and nothing is changed or told."""
    intent = await shop.confirmed(method, capture_method="manual" if manual else "automatic")
    if first:
        await _refund(shop, intent, amount=first)
    before, booked = await shop.event_types(), _booked(sandbox)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await _refund(shop, intent, amount=asked)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        code,
        param,
    )
    assert await shop.event_types_since(before) == []
    assert booked == _booked(sandbox)


@pytest.mark.parametrize(
    "given, code, param",
    [
        ({}, "parameter_missing", "payment_intent"),
        ({"payment_intent": "pi_1", "charge": "ch_1"}, "parameters_exclusive", "payment_intent"),
        ({"payment_intent": "pi_unknown"}, "resource_missing", "payment_intent"),
        ({"charge": "ch_unknown"}, "resource_missing", "charge"),
        ({"payment_intent": "pi_1", "reason": "because"}, None, "reason"),
        ({"payment_intent": "pi_1", "amuont": 1}, "parameter_unknown", "amuont"),
        ({"payment_intent": "pi_1", "origin": "x"}, "parameter_not_simulated", "origin"),
    ],
)
async def test_wrong_wishes_are_refused(
    shop: Shop, given: RefundCreateParams, code: str | None, param: str
) -> None:
    """What to refund is said once, and rightly."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.client.v1.refunds.create_async(given)

    assert (refused.value.code, refused.value.param) == (code, param)


async def test_unknown_refunds_and_owners(shop: Shop) -> None:
    """A list of what is not there is no empty list."""
    refunds = shop.client.v1.refunds
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await refunds.retrieve_async("re_unknown")
    with pytest.raises(stripe.InvalidRequestError) as of_nobody:
        await refunds.list_async({"payment_intent": "pi_unknown"})
    with pytest.raises(stripe.InvalidRequestError):
        await refunds.list_async({"charge": "ch_unknown"})

    assert (unknown.value.http_status, of_nobody.value.http_status) == (404, 400)
    assert of_nobody.value.code == "resource_missing"


async def test_a_charge_is_refunded_by_its_own_name(shop: Shop) -> None:
    """The charge, or its payment: the same refund."""
    intent = await shop.confirmed()

    made = await shop.client.v1.refunds.create_async({"charge": str(intent.latest_charge)})

    assert (made.payment_intent, made.amount) == (intent.id, 2000)


async def test_what_was_released_cannot_be_refunded(shop: Shop, sandbox: StripeSandbox) -> None:
    """Of a partial capture only what was captured can be given back."""
    intent = await shop.confirmed(capture_method="manual")
    await shop.intents.capture_async(intent.id, {"amount_to_capture": 1500})

    with pytest.raises(stripe.InvalidRequestError):
        await _refund(shop, intent, amount=1501)
    made = await _refund(shop, intent)

    assert made.amount == 1500
    assert sandbox.books()[0]["taken"] == {"eur": 0}


async def test_the_same_key_refunds_once(shop: Shop, sandbox: StripeSandbox) -> None:
    """Also when the first answer was lost; a refusal is kept under the key as well."""
    intent = await shop.confirmed()
    refunds = shop.client.v1.refunds
    sandbox.inject("drop_after", method="POST", path_prefix="/v1/refunds")
    wish = _wish(intent, amount=500)

    with pytest.raises(stripe.APIConnectionError):
        await refunds.create_async(wish, {"idempotency_key": "key-1"})
    again = await refunds.create_async(wish, {"idempotency_key": "key-1"})
    with pytest.raises(stripe.IdempotencyError):
        await refunds.create_async(_wish(intent, amount=501), {"idempotency_key": "key-1"})

    booked = _booked(sandbox)
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert (booked["refunded"], booked["refunds"]) == (
        500,
        [{"id": again.id, "amount": 500, "status": "succeeded", "reason": None, "metadata": {}}],
    )


async def test_the_books_show_every_refund(shop: Shop, sandbox: StripeSandbox) -> None:
    """Each with its status and metadata; what failed or was canceled is in no sum."""
    intent = await shop.confirmed()
    await _refund(shop, intent, amount=100, metadata={"ours": "1"})
    failed = await _refund(shop, intent, amount=200)
    canceled = sandbox.refund_by_hand(intent.id, 400, reason="fraudulent")
    sandbox.force_refund(failed.id, "failed", "lost_or_stolen_card")
    sandbox.force_refund(canceled, "canceled")

    booked = _booked(sandbox)

    shown = booked["refunds"]
    assert isinstance(shown, list)
    assert [(made["amount"], made["status"], made["metadata"]) for made in shown] == [
        (100, "succeeded", {"ours": "1"}),
        (200, "failed", {}),
        (400, "canceled", {}),
    ]
    assert (booked["refunded"], booked["taken"]) == (100, 1900)
    refunds = shop.client.v1.refunds
    assert (await refunds.retrieve_async(failed.id)).failure_reason == "lost_or_stolen_card"
    assert (await refunds.retrieve_async(canceled)).failure_reason == "merchant_request"


async def test_forced_statuses(shop: Shop, sandbox: StripeSandbox) -> None:
    """Any status can be tried, and what belongs to it follows."""
    intent = await shop.confirmed("pm_card_pendingRefund")
    made = await _refund(shop, intent)
    before = await shop.event_types()

    sandbox.force_refund(made.id, "requires_action")
    sandbox.force_refund(made.id, "brand_new")
    sandbox.force_refund(made.id, "succeeded")
    sandbox.advance_clock(_DAY_S)

    assert await shop.event_types_since(before) == [
        "refund.updated",
        "refund.updated",
        "charge.refunded",
        "refund.updated",
    ]
    with pytest.raises(ApiError):
        sandbox.force_refund("re_unknown", "failed")


@pytest.mark.parametrize(
    "reason, said", [("refunded", "requested_by_customer"), ("refunded_as_fraud", "fraudulent")]
)
async def test_a_reviewer_who_rejects_refunds(
    shop: Shop, sandbox: StripeSandbox, reason: str, said: str
) -> None:
    """Stripe itself gives back what is left, with events and without our metadata."""
    intent = await shop.confirmed("pm_card_riskLevelElevated", metadata={"ours": "1"})
    await _refund(shop, intent, amount=500)
    before = await shop.event_types()

    sandbox.close_review(str(intent.review), reason)

    made = (await shop.client.v1.refunds.list_async({"payment_intent": intent.id})).data[0]
    assert (made.amount, made.reason, made.to_dict()["metadata"]) == (1500, said, {})
    assert await shop.event_types_since(before) == [
        "refund.created",
        "charge.refunded",
        "review.closed",
    ]
    assert sandbox.books()[0]["taken"] == {"eur": 0}


@pytest.mark.parametrize(
    "leaves, on_intent, on_charge",
    [
        ("nothing", True, True),
        ("payment_intent", False, True),
        ("payment_intent_and_charge", False, False),
    ],
)
@pytest.mark.parametrize("reason", ["approved", "refunded"])
async def test_what_a_closed_review_leaves(
    shop: Shop,
    sandbox: StripeSandbox,
    leaves: str,
    *,
    on_intent: bool,
    on_charge: bool,
    reason: str,
) -> None:
    """Whether a payment still names its closed review is for the test to say; its id finds it."""
    sandbox.set_circumstances(closed_review_leaves=leaves)
    intent = await shop.confirmed("pm_card_riskLevelElevated")
    review_id = str(intent.review)

    sandbox.close_review(review_id, reason)

    shown = await shop.intents.retrieve_async(intent.id)
    charge = await _charge(shop, intent)
    assert (shown.review == review_id, charge.review == review_id) == (on_intent, on_charge)
    closed = await shop.client.v1.reviews.retrieve_async(review_id)
    assert (closed.open, closed.closed_reason, closed.payment_intent) == (False, reason, intent.id)


async def test_refunds_by_the_control_endpoints(
    shop: Shop, sandbox: StripeSandbox, session: aiohttp.ClientSession
) -> None:
    """What another process can do about refunds; a reset makes all well again."""
    intent = await shop.confirmed()

    async def post(path: str, body: JsonDict) -> tuple[int, JsonDict]:
        async with session.post(f"{sandbox.address}/_sandbox/{path}", json=body) as answer:
            told: JsonDict = await answer.json()
            return answer.status, told

    assert await post("circumstances", {"balance_too_low": True}) == (200, {})
    status, told = await post("refunds", {"payment_intent": intent.id, "amount": 500})
    waiting = await shop.client.v1.refunds.retrieve_async(str(told["id"]))
    moved = await post(
        f"refunds/{waiting.id}/status", {"status": "failed", "failure_reason": "declined"}
    )

    failed = await shop.client.v1.refunds.retrieve_async(waiting.id)
    assert (status, moved, waiting.amount, waiting.status) == (200, (200, {}), 500, "pending")
    assert (failed.status, failed.failure_reason) == ("failed", "declined")
    wrong: list[tuple[str, JsonDict]] = [
        ("circumstances", {"balance_too_low": "yes"}),
        ("circumstances", {"closed_review_leaves": "all"}),
        ("refunds", {"payment_intent": intent.id, "amount": 2001}),
    ]
    for path, body in wrong:
        assert (await post(path, body))[0] == 400
    await post("reset", {})
    assert (await _refund(shop, await shop.confirmed())).status == "succeeded"


@pytest.mark.parametrize("path", ["refunds", "refunds/{refund}", "events", "reviews/{review}"])
@pytest.mark.parametrize(
    "kind, error",
    [
        ("drop_before", stripe.APIConnectionError),
        ("drop_after", stripe.APIConnectionError),
        ("rate_limited", stripe.RateLimitError),
        ("error_after", stripe.APIError),
    ],
)
async def test_reads_fail_on_demand(
    shop: Shop, sandbox: StripeSandbox, path: str, kind: str, error: type[stripe.StripeError]
) -> None:
    """Every read can go wrong, and goes well afterwards."""
    intent = await shop.confirmed("pm_card_riskLevelElevated")
    made = await _refund(shop, intent, amount=500)
    named = f"/v1/{path.format(refund=made.id, review=intent.review)}"
    # Twice: aiohttp itself repeats a read whose connection was closed before a word came.
    sandbox.inject(kind, method="GET", path_prefix=named, count=2)

    for _ in range(1 if kind.startswith("drop") else 2):
        with pytest.raises(error):
            await shop.client.raw_request_async("get", named)

    assert (await shop.client.raw_request_async("get", named)).code == 200
