"""The table of PSPs."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from psp.methods import Presentation
from psp.money import CURRENCY_DECIMALS, Money
from psp.port import Capability, PaymentMethod
from psp.registry import PSP_KINDS, PspKind, build_psp
from tests.unit.psp.ogone.support import account_config as ogone_config
from tests.unit.psp.stripe.support import account_config

_STRIPE = PSP_KINDS["stripe"]
_OGONE = PSP_KINDS["ogone"]


@pytest.mark.parametrize("kind", PSP_KINDS.values(), ids=PSP_KINDS)
def test_every_kind_is_complete(kind: PspKind) -> None:
    """Each PSP is listed under its own name, with methods in currencies we know."""
    assert PSP_KINDS[kind.name] is kind
    assert kind.methods
    for traits in kind.methods.values():
        currencies = {*(traits.currencies or ()), *traits.min_amount_minor}
        assert currencies <= set(CURRENCY_DECIMALS)


async def test_a_built_adapter_is_what_its_kind_declares() -> None:
    """The declared capabilities are the adapter's own."""
    provider = build_psp("stripe_fr", account_config())
    try:
        assert provider.account == "stripe_fr"
        assert _STRIPE.capabilities == provider.capabilities
        assert Capability.IDEMPOTENT_MUTATIONS in provider.capabilities
        assert 0 < provider.idempotency_lifetime_s < timedelta(hours=24).total_seconds()
    finally:
        await provider.close()


async def test_ogone_is_built_as_it_is_declared() -> None:
    """It does what it says, and nothing may be sent to it twice."""
    provider = build_psp("ogone_be", ogone_config())
    try:
        assert provider.account == "ogone_be"
        assert _OGONE.capabilities == provider.capabilities
        assert Capability.IDEMPOTENT_MUTATIONS not in provider.capabilities
        assert provider.idempotency_lifetime_s == 0
    finally:
        await provider.close()


@pytest.mark.parametrize("name", PSP_KINDS)
def test_an_account_of_another_psp_is_not_built(name: str) -> None:
    """A configuration in the wrong place is a bug, and says so."""
    config = account_config() if name == "ogone" else ogone_config()

    with pytest.raises(TypeError, match="another PSP"):
        PSP_KINDS[name].build("account", config, None)


def test_ogone_redirects_for_cards_in_whole_hundredths() -> None:
    """No card data comes near us, and no amount that its requests cannot say."""
    card = _OGONE.methods[PaymentMethod.CARD]

    assert card.presentation is Presentation.REDIRECT
    assert card.takes_amount(Money(1, "EUR"))
    assert card.takes_amount(Money(500, "JPY"))
    assert not card.takes_currency("KWD")
    assert PaymentMethod.PAYPAL not in _OGONE.methods


def test_cards_are_embedded_and_paypal_redirects() -> None:
    """A page shows cards itself and sends the browser away for PayPal."""
    assert _STRIPE.methods[PaymentMethod.CARD].presentation is Presentation.EMBEDDED
    assert _STRIPE.methods[PaymentMethod.PAYPAL].presentation is Presentation.REDIRECT


@pytest.mark.parametrize(
    "method,amount,taken",
    [
        (PaymentMethod.CARD, Money(50, "EUR"), True),
        (PaymentMethod.CARD, Money(49, "EUR"), False),
        (PaymentMethod.CARD, Money(17_500, "HUF"), True),
        (PaymentMethod.CARD, Money(17_499, "HUF"), False),
        (PaymentMethod.CARD, Money(99_999_999, "EUR"), True),
        (PaymentMethod.CARD, Money(100_000_000, "EUR"), False),
        (PaymentMethod.CARD, Money(0, "JPY"), False),
        (PaymentMethod.PAYPAL, Money(5000, "EUR"), True),
        (PaymentMethod.PAYPAL, Money(500_000, "HUF"), False),
        (PaymentMethod.PAYPAL, Money(5000, "RON"), False),
        (PaymentMethod.PAYPAL, Money(5000, "BGN"), False),
    ],
)
def test_limits_are_stripes(method: PaymentMethod, amount: Money, taken: bool) -> None:
    """Smallest and largest amounts and PayPal's currencies are as Stripe documents them."""
    assert taken == _STRIPE.methods[method].takes_amount(amount)


def test_paypals_windows_are_its_own() -> None:
    """PayPal holds an authorisation for ten days and refunds within 180."""
    paypal = _STRIPE.methods[PaymentMethod.PAYPAL]

    assert timedelta(days=10) == paypal.authorization_window
    assert timedelta(days=180) == paypal.refund_window


def test_reading_the_table_loads_no_sdk() -> None:
    """A check of a configuration does not pay for loading a PSP's SDK."""
    program = "import sys, psp.registry; sys.exit('stripe' in sys.modules)"

    finished = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program], check=False
    )

    assert finished.returncode == 0
