"""The card that a notification says was saved."""

from __future__ import annotations

import pytest

from psp.ogone.events import OgoneEvents
from psp.ogone.order_params import page_fields
from psp.ogone.statuses import STATUSES
from psp.port import PaymentMethod, PspAlias
from tests.unit.psp.ogone.support import (
    PAYMENT_ID,
    account_config,
    create_request,
    notification,
    signed_body,
)

_NAME = f"als_{PAYMENT_ID}"
_CARD = {
    "ALIAS": _NAME,
    "CARDNO": "XXXXXXXXXXXX1111",
    "BRAND": "VISA",
    "ED": "1230",
    "CN": "A Shopper",
}
_SAVED = PspAlias(_NAME, PaymentMethod.CARD, "visa", "1111", 12, 2030)


def _saved(**changes: str) -> PspAlias | None:
    body = signed_body(notification(**{**_CARD, **changes}))
    return OgoneEvents(account_config()).parse(body).saved_alias


def test_the_page_saves_under_the_name_that_is_looked_for() -> None:
    """What is sent and what comes back are one name."""
    fields = page_fields("ogone_be", account_config(), create_request(save_alias=True))

    assert fields["ALIAS"] == _NAME
    assert _saved() == _SAVED


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_only_a_card_that_was_authorised_is_saved(status: str) -> None:
    """A declined one makes an alias at Ogone too, which nobody is to be offered."""
    saved = _saved(STATUS=status)

    assert saved == (_SAVED if STATUSES[status].authorized else None)


@pytest.mark.parametrize("alias", ["", "als_old", "4111111111111111", f"als_{PAYMENT_ID}x"])
def test_another_alias_was_not_saved_by_this_payment(alias: str) -> None:
    """It was only charged, or the merchant's back office named it."""
    assert _saved(ALIAS=alias) is None


@pytest.mark.parametrize(
    "changes,expected",
    [
        ({"ED": ""}, ("visa", "1111", 0, 0)),
        ({"ED": "1330"}, ("visa", "1111", 0, 0)),
        ({"ED": "0131"}, ("visa", "1111", 1, 2031)),
        ({"CARDNO": ""}, ("visa", "", 12, 2030)),
        ({"CARDNO": "XXXX"}, ("visa", "", 12, 2030)),
        ({"CARDNO": "4111111111111111"}, ("visa", "1111", 12, 2030)),
        ({"BRAND": ""}, ("", "1111", 12, 2030)),
        ({"BRAND": "V\nISA"}, ("", "1111", 12, 2030)),
        ({"BRAND": "American Express"}, ("american express", "1111", 12, 2030)),
    ],
)
def test_what_cannot_be_read_is_left_empty(
    changes: dict[str, str], expected: tuple[str, str, int, int]
) -> None:
    """The alias is saved all the same; of a card number never more than four digits are kept."""
    saved = _saved(**changes)

    assert saved is not None
    assert (saved.brand, saved.last4, saved.expiry_month, saved.expiry_year) == expected
