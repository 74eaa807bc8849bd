"""PaymentIntents read as payments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from psp.port import (
    FailureCategory,
    NextAction,
    NextActionKind,
    PspPayment,
    PspStatus,
    ReviewStatus,
)
from psp.stripe.fields import UnreadableAnswerError
from psp.stripe.money import AmountError
from psp.stripe.payment_reading import read_payment, review_to_ask_for
from tests.unit.psp.stripe.support import JsonDict, charge, payment_intent


def test_a_new_payment_waits_for_the_page() -> None:
    """A fresh PaymentIntent asks the page to confirm with the client secret."""
    assert read_payment(payment_intent()) == PspPayment(
        psp_reference="pi_1",
        status=PspStatus.AWAITING_CUSTOMER,
        raw_status="requires_payment_method",
        currency="EUR",
        amount_minor=1234,
        next_action=NextAction(NextActionKind.CONFIRM, client_secret="pi_1_secret_abc"),
        payment_id="pay_1",
    )


def test_the_client_secret_is_not_in_the_representation() -> None:
    """A payment that slips into a log line shows no client secret."""
    assert "secret_abc" not in repr(read_payment(payment_intent()))


@pytest.mark.parametrize(
    "action,expected",
    [
        (
            {"type": "redirect_to_url", "redirect_to_url": {"url": "https://pay.example"}},
            NextAction(NextActionKind.REDIRECT, url="https://pay.example"),
        ),
        (
            {"type": "use_stripe_sdk", "use_stripe_sdk": {}},
            NextAction(NextActionKind.AUTHENTICATE, client_secret="pi_1_secret_abc"),
        ),
        (
            {"type": "brand_new"},
            NextAction(NextActionKind.AUTHENTICATE, client_secret="pi_1_secret_abc"),
        ),
        (
            {"type": "redirect_to_url"},
            NextAction(NextActionKind.AUTHENTICATE, client_secret="pi_1_secret_abc"),
        ),
    ],
)
def test_the_next_action_is_the_shoppers(action: JsonDict, expected: NextAction) -> None:
    """A redirect is followed; everything else is left to Stripe's own front end."""
    payment = read_payment(payment_intent(status="requires_action", next_action=action))

    assert expected == payment.next_action


def test_an_authorised_payment_says_how_much_and_how_long() -> None:
    """Authorised in full, with the moment the authorisation lapses."""
    payment = read_payment(
        payment_intent(
            status="requires_capture",
            amount_capturable=1234,
            latest_charge=charge(amount_captured=0),
        )
    )

    assert payment.status is PspStatus.AUTHORIZED
    assert (
        payment.authorized_minor,
        payment.captured_minor,
        payment.refunded_minor,
    ) == (1234, 0, 0)
    assert datetime.fromtimestamp(1_800_600_000, UTC) == payment.capture_before
    assert payment.next_action is None


def test_paypal_without_a_date_is_given_its_promised_window() -> None:
    """PayPal's authorisation is promised for ten days."""
    details = {"type": "paypal", "paypal": {}}
    payment = read_payment(
        payment_intent(
            status="requires_capture",
            amount_capturable=1234,
            latest_charge=charge(amount_captured=0, payment_method_details=details),
        )
    )

    assert payment.capture_before == datetime.fromtimestamp(1_800_000_000, UTC) + timedelta(10)


@pytest.mark.parametrize(
    "received,charge_changes,sums",
    [
        (1234, {}, (1234, 1234, 0)),
        (1234, {"amount_refunded": 200}, (1234, 1234, 200)),
        (1000, {"amount_captured": 1000, "amount_refunded": 234}, (1234, 1000, 0)),
        (1000, {"amount_captured": 1000, "amount_refunded": 534}, (1234, 1000, 300)),
        (1000, {"amount_captured": 1000, "amount_refunded": 0}, (1234, 1000, 0)),
        (1000, {"amount_captured": 1000, "amount_refunded": 100}, (1234, 1000, 100)),
    ],
)
def test_what_a_partial_capture_released_is_no_refund(
    received: int, charge_changes: JsonDict, sums: tuple[int, int, int]
) -> None:
    """Released money was never taken, so it was never given back."""
    payment = read_payment(
        payment_intent(
            status="succeeded", amount_received=received, latest_charge=charge(**charge_changes)
        )
    )

    assert payment.status is PspStatus.CAPTURED
    assert sums == (payment.authorized_minor, payment.captured_minor, payment.refunded_minor)


def test_a_released_authorisation_is_no_refund() -> None:
    """A canceled payment keeps what was authorised, and nothing was refunded."""
    payment = read_payment(
        payment_intent(
            status="canceled",
            cancellation_reason="requested_by_customer",
            latest_charge=charge(amount_captured=0, amount_refunded=1234),
        )
    )

    assert payment.status is PspStatus.CANCELED
    assert (
        payment.authorized_minor,
        payment.captured_minor,
        payment.refunded_minor,
    ) == (1234, 0, 0)
    assert payment.failure is None


def test_a_charge_that_is_only_named_is_read_safely() -> None:
    """An unexpanded charge says nothing beyond the PaymentIntent's own sums."""
    payment = read_payment(
        payment_intent(status="succeeded", amount_received=1234, latest_charge="ch_1")
    )

    assert (
        payment.authorized_minor,
        payment.captured_minor,
        payment.refunded_minor,
    ) == (1234, 1234, 0)


def test_a_failed_attempt_leaves_the_payment_open() -> None:
    """After a decline the shopper may try again, and the decline is told."""
    payment = read_payment(
        payment_intent(
            last_payment_error={"code": "card_declined", "decline_code": "insufficient_funds"},
            latest_charge=charge(status="failed", amount_captured=0),
        )
    )

    assert payment.status is PspStatus.AWAITING_CUSTOMER
    assert payment.failure is not None
    assert payment.failure.category is FailureCategory.INSUFFICIENT_FUNDS
    assert payment.authorized_minor == 0
    assert payment.next_action is not None


def test_an_earlier_failure_is_history_once_paid() -> None:
    """A paid payment carries no failure, whatever was tried before."""
    payment = read_payment(
        payment_intent(
            status="succeeded", amount_received=1234, last_payment_error={"code": "expired_card"}
        )
    )

    assert payment.failure is None


def test_an_expired_payment_says_so() -> None:
    """The reason that Stripe canceled for is the failure, before the last attempt's."""
    payment = read_payment(
        payment_intent(
            status="canceled",
            cancellation_reason="expired",
            last_payment_error={"code": "expired_card"},
        )
    )

    assert payment.failure is not None
    assert payment.failure.category is FailureCategory.EXPIRED


def test_an_unknown_status_survives() -> None:
    """A status from a later API version is reported as it is spelled, and as unknown."""
    payment = read_payment(payment_intent(status="requires_reauthorization"))

    assert payment.status is PspStatus.UNKNOWN
    assert payment.raw_status == "requires_reauthorization"
    assert payment.failure is None


def test_amounts_are_iso_minor_units() -> None:
    """What Stripe counts in hundredths of a krona is whole kronur to us."""
    payment = read_payment(
        payment_intent(currency="isk", amount=50_000, amount_received=50_000, status="succeeded")
    )

    assert (payment.currency, payment.amount_minor, payment.captured_minor) == ("ISK", 500, 500)


def test_an_open_review_is_told() -> None:
    """A payment may be captured and under review at once."""
    review = {"id": "prv_1", "object": "review", "open": True}
    payment = read_payment(payment_intent(status="succeeded", amount_received=1234, review=review))

    assert (payment.review, payment.review_reference) == (ReviewStatus.OPEN, "prv_1")


@pytest.mark.parametrize("name", ["id", "status", "currency", "amount", "object"])
@pytest.mark.parametrize("value", [None, "", [], True])
def test_what_is_no_payment_is_not_read_as_one(name: str, value: object) -> None:
    """An answer without its essentials proves nothing."""
    with pytest.raises(UnreadableAnswerError):
        read_payment(payment_intent(**{name: value}))


def test_a_sum_that_cannot_be_is_not_rounded() -> None:
    """A fraction of a krona is refused."""
    with pytest.raises(AmountError):
        read_payment(payment_intent(currency="isk", amount=50_050))


@pytest.mark.parametrize(
    "name",
    [
        "amount_capturable",
        "amount_received",
        "cancellation_reason",
        "client_secret",
        "last_payment_error",
        "latest_charge",
        "metadata",
        "next_action",
        "review",
    ],
)
@pytest.mark.parametrize("status", ["succeeded", "requires_action", "canceled", "requires_capture"])
def test_odd_fields_never_crash(name: str, status: str) -> None:
    """Any value of any field that is not essential can be read."""
    for junk in (None, 7, "text", [], [1], {"a": 1}, True):
        payment = read_payment(payment_intent(status=status, **{name: junk}))

        assert payment.psp_reference == "pi_1"


@pytest.mark.parametrize(
    "on_intent,on_charge,expected",
    [
        (None, "prv_1", "prv_1"),
        ("prv_2", "prv_1", ""),
        (None, {"id": "prv_1"}, ""),
        (None, None, ""),
    ],
)
def test_a_review_only_the_charge_names_is_asked_for(
    on_intent: object, on_charge: object, expected: str
) -> None:
    """A review that no expansion shows has to be read by itself."""
    intent = payment_intent(review=on_intent, latest_charge=charge(review=on_charge))

    assert expected == review_to_ask_for(intent)
