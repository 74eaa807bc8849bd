"""What is sent to create a PaymentIntent."""

from __future__ import annotations

import pytest

from psp.errors import RejectedError
from psp.money import Money
from psp.port import CapturePolicy, PaymentMethod
from psp.stripe.payment_params import payment_parameters
from tests.unit.psp.stripe.support import JsonDict, create_request


def _parameters(**changes: object) -> JsonDict:
    return payment_parameters("stripe_fr", create_request(**changes))


def test_a_card_payment_waits_for_the_page() -> None:
    """A new card is confirmed by the shopper's page: nothing is confirmed here."""
    assert _parameters(psp_customer="cus_1") == {
        "amount": 1234,
        "currency": "eur",
        "allowed_payment_method_types": ["card"],
        "capture_method": "manual",
        "description": "Order order-1",
        "metadata": {"paygate_payment_id": "pay_1", "paygate_order_id": "order-1"},
        "customer": "cus_1",
    }


@pytest.mark.parametrize(
    "policy,capture_method",
    [
        (CapturePolicy.AUTOMATIC, "automatic_async"),
        (CapturePolicy.AT_ORDER, "manual"),
        (CapturePolicy.MANUAL, "manual"),
    ],
)
def test_the_capture_policy_decides_who_captures(
    policy: CapturePolicy, capture_method: str
) -> None:
    """Stripe captures by itself only where the policy says so."""
    assert _parameters(capture_policy=policy)["capture_method"] == capture_method


def test_paypal_is_confirmed_at_once_to_get_the_redirect() -> None:
    """With an address to come back to, PayPal's redirect is asked for right away."""
    parameters = _parameters(method=PaymentMethod.PAYPAL, return_url="https://shop.example/back")

    assert parameters["allowed_payment_method_types"] == ["paypal"]
    assert parameters["confirm"] is True
    assert parameters["payment_method_data"] == {"type": "paypal"}
    assert parameters["return_url"] == "https://shop.example/back"


def test_paypal_without_a_return_address_is_left_to_the_page() -> None:
    """Stripe takes a confirmation of PayPal only with a return address."""
    assert "confirm" not in _parameters(method=PaymentMethod.PAYPAL)


def test_a_return_address_is_sent_with_a_confirmation_only() -> None:
    """Stripe refuses `return_url` without `confirm`."""
    assert "return_url" not in _parameters(return_url="https://shop.example/back")


def test_an_alias_is_confirmed_at_once() -> None:
    """A saved method is charged on session, able to come back from 3-D Secure."""
    parameters = _parameters(psp_customer="cus_1", psp_alias="pm_1", return_url="https://s.example")

    assert parameters["confirm"] is True
    assert parameters["payment_method"] == "pm_1"
    assert parameters["return_url"] == "https://s.example"
    assert "off_session" not in parameters


def test_an_absent_shopper_is_said_to_be_absent() -> None:
    """A merchant-initiated charge is marked off session and expects nobody back."""
    parameters = _parameters(
        psp_alias="pm_1", shopper_present=False, return_url="https://s.example", save_alias=True
    )

    assert parameters["off_session"] is True
    assert "return_url" not in parameters
    assert "setup_future_usage" not in parameters


@pytest.mark.parametrize(
    "method,usage", [(PaymentMethod.CARD, "on_session"), (PaymentMethod.PAYPAL, "off_session")]
)
def test_a_method_is_saved_for_what_it_can_do(method: PaymentMethod, usage: str) -> None:
    """PayPal can be saved for later charges only; a card for the shopper's next visit."""
    parameters = _parameters(method=method, psp_customer="cus_1", save_alias=True)

    assert parameters["setup_future_usage"] == usage


def test_notes_are_added_and_cut_and_never_replace_our_ids() -> None:
    """A caller's metadata travels along; an over-long value is cut, an empty one left out."""
    metadata = _parameters(metadata={"cart": "x" * 600, "empty": ""})["metadata"]

    assert metadata == {
        "cart": "x" * 500,
        "paygate_payment_id": "pay_1",
        "paygate_order_id": "order-1",
    }


def test_a_long_order_id_does_not_overflow_the_description() -> None:
    """The description is cut; the order's id in the metadata is whole."""
    parameters = _parameters(order_id="o" * 500)

    assert parameters["metadata"] == {
        "paygate_payment_id": "pay_1",
        "paygate_order_id": "o" * 500,
    }


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"amount": Money(0, "EUR")}, "amount_invalid"),
        ({"amount": Money(12_345, "KWD")}, "amount_invalid"),
        ({"amount": Money(150, "MGA")}, "amount_invalid"),
        ({"save_alias": True}, "customer_required"),
        ({"payment_id": "p" * 501}, "metadata_invalid"),
        ({"order_id": ""}, "metadata_invalid"),
        ({"metadata": {"k" * 41: "v"}}, "metadata_invalid"),
        ({"metadata": {"a[b]": "v"}}, "metadata_invalid"),
        ({"metadata": {"paygate_payment_id": "pay_other"}}, "metadata_invalid"),
        ({"metadata": {f"k{number}": "v" for number in range(49)}}, "metadata_invalid"),
    ],
)
def test_what_stripe_would_refuse_or_bend_is_refused_before_sending(
    changes: JsonDict, code: str
) -> None:
    """Nothing is sent that Stripe cannot hold as we mean it."""
    with pytest.raises(RejectedError) as caught:
        _parameters(**changes)

    assert code == caught.value.code


def test_a_payment_that_is_confirmed_at_once_shows_its_charge() -> None:
    """Before that there is none to show."""
    assert payment_parameters("a", create_request(psp_alias="pm_1"))["expand"] == [
        "latest_charge",
        "review",
    ]
    assert "expand" not in payment_parameters("a", create_request())
