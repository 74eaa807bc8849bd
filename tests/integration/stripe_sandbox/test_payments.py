"""Payments beyond the recorded rows: cancel, expiry, declines, reviews, PayPal, the browser."""

from __future__ import annotations

import aiohttp
import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from psp.stripe.sandbox.api_errors import ApiError
from tests.integration.stripe_sandbox.support import Shop

_DAY_S = 86_400


@pytest.mark.parametrize(
    "method, status",
    [
        (None, "requires_payment_method"),
        ("pm_card_visa", "requires_confirmation"),
    ],
)
async def test_cancel_before_anything_happened(shop: Shop, method: str | None, status: str) -> None:
    """What nobody paid yet can be canceled, with the reason kept."""
    changes: dict[str, object] = {"payment_method": method} if method else {}
    created = await shop.create(**changes)
    assert created.status == status

    canceled = await shop.intents.cancel_async(created.id, {"cancellation_reason": "abandoned"})

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert (await shop.event_types())[-1] == "payment_intent.canceled"


async def test_cancel_releases_an_authorisation(shop: Shop, sandbox: StripeSandbox) -> None:
    """The charge counts the released sum as refunded; nothing was taken."""
    created = await shop.confirmed(capture_method="manual")

    canceled = await shop.intents.cancel_async(created.id, {"expand": ["latest_charge"]})

    charge = canceled.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (canceled.amount_capturable, charge.amount_refunded, charge.refunded) == (0, 2000, True)
    assert sandbox.books()[0]["taken"] == {"eur": 0}


@pytest.mark.parametrize(
    "changes, held_days", [({}, 7), ({"off_session": True}, 4.75)], ids=["on session", "off"]
)
async def test_an_authorisation_lapses(
    shop: Shop, sandbox: StripeSandbox, changes: dict[str, object], held_days: float
) -> None:
    """After its window it is canceled by Stripe itself."""
    created = await shop.confirmed("pm_card_visa", capture_method="manual", **changes)
    sandbox.advance_clock(held_days * _DAY_S - 1)
    assert (await shop.intents.retrieve_async(created.id)).status == "requires_capture"

    sandbox.advance_clock(1)

    intent = await shop.intents.retrieve_async(created.id)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")
    assert (await shop.event_types())[-2:] == ["charge.expired", "payment_intent.canceled"]


@pytest.mark.parametrize(
    "method, code, decline_code",
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
    ],
)
async def test_declines_by_test_method(
    shop: Shop, sandbox: StripeSandbox, method: str, code: str, decline_code: str | None
) -> None:
    """Each declines for its own reason, and the payment may be tried again."""
    with pytest.raises(stripe.CardError) as declined:
        await shop.confirmed(method)

    assert declined.value.error is not None
    assert (declined.value.code, declined.value.error.decline_code) == (code, decline_code)
    (intent,) = (await shop.intents.list_async()).data
    retried = await shop.intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert (retried.status, retried.last_payment_error) == ("succeeded", None)
    assert sandbox.books()[0]["taken"] == {"eur": 2000}


async def test_a_declining_card_can_be_attached(shop: Shop) -> None:
    """It is good until it is charged."""
    customer = await shop.customers.create_async()
    method = await shop.methods.attach_async(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )

    with pytest.raises(stripe.CardError):
        await shop.confirmed(method.id, customer=customer.id)


async def test_async_capture_brings_its_balance_transaction_later(shop: Shop) -> None:
    """With automatic_async, Stripe's default, charge.updated follows the answer."""
    intent = await shop.intents.create_async(
        {
            "amount": 2000,
            "currency": "eur",
            "allowed_payment_method_types": ["card"],
            "payment_method": "pm_card_visa",
            "confirm": True,
            "expand": ["latest_charge"],
        }
    )

    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (intent.capture_method, charge.balance_transaction) == ("automatic_async", None)
    settled = await shop.client.v1.charges.retrieve_async(charge.id)
    assert settled.balance_transaction is not None
    assert (await shop.event_types())[-2:] == ["payment_intent.succeeded", "charge.updated"]


async def test_manual_capture_of_one_type_only(shop: Shop) -> None:
    """A method's own capture_method beats the payment's."""
    intent = await shop.confirmed(payment_method_options={"card": {"capture_method": "manual"}})

    assert (intent.status, intent.capture_method) == ("requires_capture", "automatic")


@pytest.mark.parametrize(
    "outcome, status", [("succeed", "succeeded"), ("fail", "requires_payment_method")]
)
async def test_the_browser_confirms_and_authenticates(
    shop: Shop, sandbox: StripeSandbox, outcome: str, status: str
) -> None:
    """Stripe.js needs the client secret alone, and 3-D Secure ends as the shopper ends it."""
    created = await shop.create()

    seen = sandbox.browser_confirm(str(created.client_secret), "pm_card_authenticationRequired")
    sandbox.browser_authenticate(str(created.client_secret), outcome)

    intent = await shop.intents.retrieve_async(created.id)
    assert (seen["status"], "metadata" in seen, intent.status) == ("requires_action", False, status)
    if outcome == "fail":
        assert intent.last_payment_error is not None
        assert intent.last_payment_error.code == "payment_intent_authentication_failure"
        assert intent.latest_charge is None


async def test_the_browser_needs_the_right_secret(shop: Shop, sandbox: StripeSandbox) -> None:
    """A guessed secret, or another account's publishable key, opens nothing."""
    created = await shop.create()

    with pytest.raises(ApiError):
        sandbox.browser_confirm(f"{created.id}_secret_guess", "pm_card_visa")
    with pytest.raises(ApiError):
        sandbox.browser_confirm(
            str(created.client_secret), "pm_card_visa", publishable_key="pk_test_other"
        )

    assert (await shop.intents.retrieve_async(created.id)).status == "requires_payment_method"


async def test_a_risky_payment_is_reviewed(shop: Shop) -> None:
    """It is captured, named by payment and charge, listed while open, and can be approved once."""
    intent = await shop.confirmed("pm_card_riskLevelElevated", expand=["review", "latest_charge"])

    review, charge = intent.review, intent.latest_charge
    assert isinstance(review, stripe.Review)
    assert isinstance(charge, stripe.Charge)
    assert charge.outcome is not None
    assert (intent.status, review.open, review.opened_reason, charge.outcome.type) == (
        "succeeded",
        True,
        "rule",
        "manual_review",
    )
    reviews = shop.client.v1.reviews
    assert [entry.id for entry in (await reviews.list_async()).data] == [review.id]

    approved = await reviews.approve_async(review.id)

    assert (approved.open, approved.closed_reason) == (False, "approved")
    assert (await reviews.list_async()).data == []
    assert (await shop.event_types())[-2:] == ["review.opened", "review.closed"]
    with pytest.raises(stripe.InvalidRequestError):
        await reviews.approve_async(review.id)


async def test_reviews_by_hand_and_their_end(shop: Shop, sandbox: StripeSandbox) -> None:
    """A refunding reason gives the money back; a cancel closes an open review."""
    paid = await shop.confirmed()
    held = await shop.confirmed("pm_card_riskLevelElevated", capture_method="manual")
    review_id = sandbox.open_review(paid.id)

    sandbox.close_review(review_id, "refunded_as_fraud")
    await shop.intents.cancel_async(held.id)

    assert sandbox.books()[0]["taken"] == {"eur": 0}
    assert held.review is not None
    closed = await shop.client.v1.reviews.retrieve_async(str(held.review))
    assert closed.closed_reason == "canceled"


async def test_an_unknown_status_can_be_forced(shop: Shop, sandbox: StripeSandbox) -> None:
    """The future can be tried today."""
    created = await shop.create()

    sandbox.force_status(created.id, "requires_reauthorization")

    assert (await shop.intents.retrieve_async(created.id)).status == "requires_reauthorization"


_PAYPAL: dict[str, object] = {
    "allowed_payment_method_types": ["paypal"],
    "payment_method_data": {"type": "paypal"},
    "confirm": True,
    "return_url": "https://shop.example/return?cart=7",
}


@pytest.mark.parametrize(
    "decision, status, told",
    [("approve", "requires_capture", "succeeded"), ("cancel", "requires_payment_method", "failed")],
)
async def test_paypal_redirects_there_and_back(
    shop: Shop, session: aiohttp.ClientSession, decision: str, status: str, told: str
) -> None:
    """The shopper decides on PayPal's page and comes back to the return_url."""
    created = await shop.create(**_PAYPAL, capture_method="manual")
    assert created.next_action is not None
    assert created.next_action.redirect_to_url is not None
    page = str(created.next_action.redirect_to_url.url)

    async with session.get(page) as shown:
        assert "20" in await shown.text()
    form = {"decision": decision}
    async with session.post(page, data=form, allow_redirects=False) as answer:
        target = answer.headers["Location"]

    intent = await shop.intents.retrieve_async(created.id)
    assert intent.status == status
    assert target.startswith("https://shop.example/return?cart=7&payment_intent=" + created.id)
    assert target.endswith(f"redirect_status={told}")
    async with session.post(page, data=form, allow_redirects=False) as twice:
        assert twice.status == 400


async def test_paypal_holds_ten_days(shop: Shop, sandbox: StripeSandbox) -> None:
    """Its authorisation lapses after ten days, and names no moment by itself."""
    created = await shop.create(**_PAYPAL, capture_method="manual")
    sandbox.paypal(created.id)
    sandbox.advance_clock(10 * _DAY_S - 1)
    held = await shop.intents.retrieve_async(created.id, {"expand": ["latest_charge"]})

    sandbox.advance_clock(1)

    lapsed = await shop.intents.retrieve_async(created.id)
    assert isinstance(held.latest_charge, stripe.Charge)
    details = held.latest_charge.payment_method_details
    assert details is not None
    assert (held.status, details.type, lapsed.status) == ("requires_capture", "paypal", "canceled")
    assert "capture_before" not in details.to_dict()["paypal"]


async def test_paypal_is_saved_for_charges_without_the_shopper(
    shop: Shop, sandbox: StripeSandbox
) -> None:
    """off_session saves an agreement that is charged without a redirect; on_session is refused."""
    customer = await shop.customers.create_async()
    created = await shop.create(**_PAYPAL, customer=customer.id, setup_future_usage="off_session")
    sandbox.paypal(created.id)
    (wallet,) = (await shop.customers.payment_methods.list_async(customer.id)).data

    again = await shop.create(
        allowed_payment_method_types=["paypal"],
        payment_method=wallet.id,
        customer=customer.id,
        confirm=True,
        off_session=True,
    )

    assert (wallet.type, again.status) == ("paypal", "succeeded")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.create(**_PAYPAL, customer=customer.id, setup_future_usage="on_session")
    assert refused.value.param == "setup_future_usage"


@pytest.mark.parametrize(
    "changes, param",
    [
        ({"currency": "huf", "amount": 17_500}, "allowed_payment_method_types"),
        ({"return_url": None}, "return_url"),
    ],
)
async def test_paypal_has_its_limits(shop: Shop, changes: dict[str, object], param: str) -> None:
    """It takes its own currencies and needs a way back."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.create(**{**_PAYPAL, **changes})

    assert refused.value.param == param


async def test_an_open_payment_can_be_updated_and_a_paid_one_described(shop: Shop) -> None:
    """The amount changes only while nobody paid; metadata changes always."""
    created = await shop.create(metadata={"order": "1"})
    await shop.intents.update_async(created.id, {"amount": 2500})
    await shop.intents.confirm_async(created.id, {"payment_method": "pm_card_visa"})

    described = await shop.intents.update_async(created.id, {"metadata": {"parcel": "9"}})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.intents.update_async(created.id, {"amount": 1})

    assert (described.amount_received, described.to_dict()["metadata"]) == (
        2500,
        {"order": "1", "parcel": "9"},
    )
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_a_refused_confirm_changes_nothing(shop: Shop) -> None:
    """What is sent with a confirmation that is refused is not kept."""
    created = await shop.create(payment_method="pm_card_visa")

    with pytest.raises(stripe.InvalidRequestError):
        await shop.intents.confirm_async(
            created.id, {"setup_future_usage": "off_session", "off_session": True}
        )

    intent = await shop.intents.retrieve_async(created.id)
    assert (intent.status, intent.setup_future_usage) == ("requires_confirmation", None)


async def test_events_are_listed_for_thirty_days(shop: Shop, sandbox: StripeSandbox) -> None:
    """Types and times filter them; older ones are gone from the list."""
    await shop.confirmed()
    listing = shop.client.v1.events

    charges = await listing.list_async({"type": "charge.*"})
    two = await listing.list_async({"types": ["charge.succeeded", "payment_intent.created"]})
    assert [event.type for event in charges.data] == ["charge.succeeded"]
    assert len(two.data) == 2
    assert (await listing.retrieve_async(two.data[0].id)).type == two.data[0].type

    sandbox.advance_clock(30 * _DAY_S + 1)
    assert (await listing.list_async()).data == []
