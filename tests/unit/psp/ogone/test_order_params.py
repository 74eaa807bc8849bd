"""What an order is sent with."""

from __future__ import annotations

import re

import pytest

from gateway.ids import new_id
from psp.errors import RejectedError
from psp.money import Money
from psp.ogone.order_params import charge_fields, page_fields
from psp.ogone.signing import sign
from psp.port import CapturePolicy, PaymentMethod
from tests.unit.psp.ogone.support import PAYMENT_ID, account_config, create_request, off_session

_RETURN_URL = "https://shop.example/return?order=1"


def _page(**changes: object) -> dict[str, str]:
    return page_fields("ogone_be", account_config(), create_request(**changes))


def _charge(**changes: object) -> dict[str, str]:
    return charge_fields("ogone_be", account_config(), off_session(**changes))


def test_the_page_gets_the_order_and_a_signature() -> None:
    """Everything that is sent is signed, and no secret is sent."""
    fields = _page(return_url=_RETURN_URL)

    signature = fields.pop("SHASIGN")
    assert fields == {
        "PSPID": "PaygateTest",
        "ORDERID": PAYMENT_ID,
        "AMOUNT": "1234",
        "CURRENCY": "EUR",
        "OPERATION": "RES",
        "LANGUAGE": "en_US",
        "PM": "CreditCard",
        "ACCEPTURL": _RETURN_URL,
        "DECLINEURL": _RETURN_URL,
        "EXCEPTIONURL": _RETURN_URL,
        "CANCELURL": _RETURN_URL,
    }
    assert signature == sign(fields, "topsecret-ecommerce", "sha512")
    assert "topsecret" not in repr(fields)


def test_the_same_request_makes_the_same_form() -> None:
    """A form made anew is the form that was made."""
    assert _page() == _page()


@pytest.mark.parametrize(
    "policy,operation",
    [
        (CapturePolicy.AUTOMATIC, "SAL"),
        (CapturePolicy.AT_ORDER, "RES"),
        (CapturePolicy.MANUAL, "RES"),
    ],
)
def test_the_capture_policy_is_the_operation(policy: CapturePolicy, operation: str) -> None:
    """A sale takes the money, an authorisation waits for the capture."""
    assert _page(capture_policy=policy)["OPERATION"] == operation
    assert _charge(capture_policy=policy)["OPERATION"] == operation


def test_the_language_is_the_countrys_if_it_has_one() -> None:
    """The page greets the shopper in it."""
    assert _page(country_code="FR")["LANGUAGE"] == "fr_FR"


def test_a_new_alias_is_named_by_us() -> None:
    """Opaque, short enough, and never used twice: it comes of the payment's id."""
    alias = _page(save_alias=True)["ALIAS"]

    assert alias == f"als_{PAYMENT_ID}"
    assert len(alias) <= 50
    assert _page(save_alias=True)["ALIASUSAGE"]
    assert "ALIAS" not in _page()


def test_a_saved_alias_is_shown_on_the_page() -> None:
    """While the shopper is there she confirms it there."""
    assert _page(psp_alias="als_old", save_alias=True)["ALIAS"] == "als_old"


def test_a_charge_without_the_shopper_says_so() -> None:
    """Recurring, by the merchant, after a first time; no page, no card."""
    assert _charge() == {
        "ORDERID": PAYMENT_ID,
        "AMOUNT": "1234",
        "CURRENCY": "EUR",
        "OPERATION": "RES",
        "ALIAS": "als_1",
        "ECI": "9",
        "COF_INITIATOR": "MIT",
        "COF_TRANSACTION": "SUBSEQ",
        "COM": "Order order-1",
    }
    assert len(_charge(order_id="o" * 300)["COM"]) == 100


@pytest.mark.parametrize(
    "read_timeout_s,sent", [(31.9, None), (32.0, "30"), (45.5, "43"), (99.0, "90")]
)
def test_ogone_gives_up_before_we_do(read_timeout_s: float, sent: str | None) -> None:
    """RTIMEOUT is 30 to 90 s and below our own time-out, or it is left out."""
    config = account_config(read_timeout_s=read_timeout_s)

    assert charge_fields("ogone_be", config, off_session()).get("RTIMEOUT") == sent


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"payment_id": PAYMENT_ID + "0"}, "order_id_invalid"),
        ({"payment_id": ""}, "order_id_invalid"),
        ({"payment_id": "pay 1"}, "order_id_invalid"),
        ({"payment_id": "pay_é"}, "order_id_invalid"),
        ({"payment_id": "pay_1\n"}, "order_id_invalid"),
        ({"amount": Money(0, "EUR")}, "amount_invalid"),
        ({"amount": Money(1234, "KWD")}, "amount_invalid"),
        ({"method": PaymentMethod.PAYPAL}, "method_invalid"),
        ({"psp_alias": "a" * 51}, "alias_invalid"),
        ({"psp_alias": "4111 1111 1111 1111"}, "alias_invalid"),
        ({"return_url": "https://shop.example/" + "x" * 200}, "return_url_invalid"),
        ({"return_url": "javascript:alert(1)"}, "return_url_invalid"),
    ],
)
def test_what_ogone_would_not_take_is_refused_before(changes: dict[str, object], code: str) -> None:
    """Above all an ORDERID that it would cut: that would be another payment's."""
    with pytest.raises(RejectedError) as refused:
        _page(**changes)

    assert refused.value.code == code


def test_an_absent_shopper_needs_an_alias() -> None:
    """There is nobody to enter a card."""
    with pytest.raises(RejectedError):
        _charge(psp_alias="")


def test_our_ids_fit() -> None:
    """They are as long as Ogone allows, and no longer."""
    payment_id = new_id("pay")

    assert re.fullmatch(r"[A-Za-z0-9_-]{30}", payment_id)
    assert _page(payment_id=payment_id)["ORDERID"] == payment_id
