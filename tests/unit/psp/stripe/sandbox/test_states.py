"""The state machine: what each status allows, and what confirming leads to."""

from __future__ import annotations

import pytest

from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.cards import TEST_CARDS
from psp.stripe.sandbox.confirming import Step, Terms, next_step
from psp.stripe.sandbox.model import Charge, PaymentIntent, PaymentMethod
from psp.stripe.sandbox.transitions import ALLOWED, STATUSES, require_status

_OPEN = {"requires_payment_method", "requires_confirmation", "requires_action"}
_EXPECTED = {
    "confirm": _OPEN,
    "update": _OPEN,
    "authenticate": {"requires_action"},
    "capture": {"requires_capture"},
    "cancel": _OPEN | {"requires_capture"},
}


def _intent(status: str = "requires_confirmation", **options: object) -> PaymentIntent:
    card = {"card": dict(options)} if options else {}
    return PaymentIntent(
        "pi_1", 0, "s", 100, "eur", "manual", ["card"], options=card, status=status
    )


@pytest.mark.parametrize("status", [*sorted(STATUSES), "requires_reauthorization"])
@pytest.mark.parametrize("verb", sorted(_EXPECTED))
def test_every_verb_in_every_status(verb: str, status: str) -> None:
    """Each pair is either taken or refused with Stripe's code."""
    assert set(ALLOWED) == set(_EXPECTED)
    if status in _EXPECTED[verb]:
        require_status(_intent(status), verb)
        return
    with pytest.raises(ApiError) as refused:
        require_status(_intent(status), verb)
    assert (refused.value.status, refused.value.code) == (400, "payment_intent_unexpected_state")


_ON, _OFF = Terms(), Terms(off_session=True)
_ALWAYS = "pm_card_authenticationRequired"
_UNLESS = "pm_card_authenticationRequiredOnSetup"
_ON_ONLY = "pm_card_authenticationRequiredSetupForOffSession"


@pytest.mark.parametrize(
    "card, set_up, terms, step",
    [
        ("pm_card_visa", False, _ON, Step.CHARGE),
        ("pm_card_visa", False, _OFF, Step.CHARGE),
        (_ALWAYS, True, _ON, Step.AUTHENTICATE),
        (_ALWAYS, True, _OFF, Step.DECLINE),
        (_ALWAYS, False, Terms(error_on_action=True), Step.DECLINE),
        (_UNLESS, False, _ON, Step.AUTHENTICATE),
        (_UNLESS, False, _OFF, Step.DECLINE),
        (_UNLESS, True, _ON, Step.CHARGE),
        (_UNLESS, True, _OFF, Step.CHARGE),
        (_ON_ONLY, False, _ON, Step.AUTHENTICATE),
        (_ON_ONLY, False, _OFF, Step.CHARGE),
    ],
)
def test_when_a_card_asks_for_its_shopper(
    card: str, set_up: bool, terms: Terms, step: Step
) -> None:
    """By the card, by whether it was set up, by whether the shopper is there."""
    method = PaymentMethod("pm_1", 0, "card", TEST_CARDS[card], set_up_off_session=set_up)

    assert next_step(_intent(), method, terms) is step


def test_three_d_secure_can_be_asked_for() -> None:
    """request_three_d_secure asks a card that would not ask by itself."""
    method = PaymentMethod("pm_1", 0, "card", TEST_CARDS["pm_card_visa"])

    assert next_step(_intent(request_three_d_secure="any"), method, _ON) is Step.AUTHENTICATE


@pytest.mark.parametrize("customer, step", [(None, Step.REDIRECT), ("cus_1", Step.CHARGE)])
def test_a_saved_wallet_needs_no_redirect(customer: str | None, step: Step) -> None:
    """An agreement is charged under itself."""
    wallet = PaymentMethod("pm_1", 0, "paypal", customer=customer)

    assert next_step(_intent(), wallet, _ON) is step


@pytest.mark.parametrize(
    "captured, refunded, held, taken",
    [
        (0, 0, True, 0),
        (100, 0, True, 100),
        (40, 60, True, 40),
        (40, 100, True, 0),
        (0, 100, True, 0),
        (100, 0, False, 100),
        (100, 30, False, 70),
        (0, 0, False, 0),
    ],
)
def test_what_was_taken(captured: int, refunded: int, held: bool, taken: int) -> None:
    """A released rest counts as refunded at Stripe, and was never taken."""
    charge = Charge("ch_1", 0, 100, "eur", "pi_1", "pm_1", "card", {}, {})
    charge.amount_captured, charge.amount_refunded = captured, refunded
    charge.authorised_until = 1 if held else None

    assert charge.taken == taken
