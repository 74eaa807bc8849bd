"""Any PSP behind a guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import pytest

from psp.breaker import BreakerRules, BreakerState
from psp.errors import BreakerOpenError, InvalidEventError, UnavailableError
from psp.guard import Guard
from psp.guarded import GuardedProvider
from psp.methods import MethodTraits
from psp.ogone.traits import METHODS as OGONE_METHODS
from psp.port import (
    CancelPayment,
    CapturePayment,
    CustomerProfile,
    PaymentMethod,
    PaymentServiceProvider,
    RefundPayment,
)
from psp.settlements import SettlementPeriod
from psp.stripe.traits import METHODS as STRIPE_METHODS
from tests.support.fake_psp import FakePsp
from tests.unit.psp.stripe.support import create_request

_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)


async def _behind_an_open_breaker(
    methods: Mapping[PaymentMethod, MethodTraits] = STRIPE_METHODS,
) -> tuple[PaymentServiceProvider, FakePsp]:
    psp = FakePsp()
    guard = Guard("stripe_eu", at_once=1, wait_s=1, rules=BreakerRules(failures=1, pause_s=60))
    provider = GuardedProvider(psp, guard, methods)
    psp.fail("list_refunds", UnavailableError("stripe_eu", "down"))
    with pytest.raises(UnavailableError):
        await provider.list_refunds("pi_1")
    assert guard.state is BreakerState.OPEN
    psp.calls.clear()
    return provider, psp


async def test_it_is_a_provider_like_the_one_it_guards() -> None:
    """The guard passes on what it stands before."""
    psp = FakePsp()
    guard = Guard("stripe_eu", at_once=1, wait_s=1, rules=BreakerRules())
    provider: PaymentServiceProvider = GuardedProvider(psp, guard, STRIPE_METHODS)

    created = await provider.create_payment(create_request())

    assert (psp.account, psp.capabilities, psp.idempotency_lifetime_s) == (
        provider.account,
        provider.capabilities,
        provider.idempotency_lifetime_s,
    )
    assert created == await provider.retrieve_payment(created.psp_reference)
    await provider.close()
    assert psp.is_closed


async def test_no_method_gets_past_an_open_breaker() -> None:
    """Every read and every change of the port is refused, and the PSP hears of none."""
    provider, psp = await _behind_an_open_breaker()
    profile, amount = CustomerProfile("shopper-1"), create_request().amount
    period = SettlementPeriod(_MOMENT, _MOMENT.replace(day=2))
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "create_customer": lambda: provider.create_customer(profile, "k"),
        "update_customer": lambda: provider.update_customer("cus_1", profile, "k"),
        "list_aliases": lambda: provider.list_aliases("cus_1"),
        "start_alias_setup": lambda: provider.start_alias_setup(
            "cus_1", PaymentMethod.CARD, "", "k"
        ),
        "set_default_alias": lambda: provider.set_default_alias("cus_1", "pm_1", "k"),
        "delete_alias": lambda: provider.delete_alias("cus_1", "pm_1", "k"),
        "create_payment": lambda: provider.create_payment(create_request()),
        "retrieve_payment": lambda: provider.retrieve_payment("pi_1"),
        "next_action": lambda: provider.next_action(create_request(), "pi_1"),
        "find_payment": lambda: provider.find_payment("pay_1", _MOMENT, _MOMENT),
        "capture_payment": lambda: provider.capture_payment(CapturePayment("pi_1", amount, "k")),
        "cancel_payment": lambda: provider.cancel_payment(CancelPayment("pi_1", "k")),
        "refund_payment": lambda: provider.refund_payment(
            RefundPayment("ref_1", "pi_1", amount, "k")
        ),
        "list_refunds": lambda: provider.list_refunds("pi_1"),
        "retrieve_review": lambda: provider.retrieve_review("prv_1"),
        "start_settlement_report": lambda: provider.start_settlement_report(period, "k"),
        "retrieve_settlement_report": lambda: provider.retrieve_settlement_report("frr_1"),
        "list_events": lambda: anext(aiter(provider.list_events(_MOMENT))),
        "settlement_entries": lambda: anext(aiter(provider.settlement_entries("frr_1"))),
    }

    for call in calls.values():
        with pytest.raises(BreakerOpenError):
            await call()

    methods = {
        name
        for name, member in vars(PaymentServiceProvider).items()
        if not name.startswith("_") and callable(member)
    }
    assert methods - {"close", "parse_event"} == calls.keys()
    assert psp.calls == []


async def test_the_first_word_of_a_stream_is_an_answer() -> None:
    """Whoever catches up after an outage reads for minutes: nobody need wait for its end."""
    psp, now_s = FakePsp(), [0.0]
    rules = BreakerRules(failures=1, pause_s=60)
    guard = Guard("stripe_eu", at_once=2, wait_s=1, rules=rules, clock=lambda: now_s[0])
    provider = GuardedProvider(psp, guard, STRIPE_METHODS)
    created = await provider.create_payment(create_request())
    psp.webhook(created.psp_reference)
    psp.fail("list_refunds", UnavailableError("stripe_eu", "down"))
    with pytest.raises(UnavailableError):
        await provider.list_refunds("pi_1")
    now_s[0] = 61.0

    events = aiter(provider.list_events(_MOMENT))
    await anext(events)

    assert guard.state is BreakerState.CLOSED
    await provider.retrieve_payment(created.psp_reference)


async def test_a_webhook_is_read_whatever_the_breaker_says() -> None:
    """Nobody is called for it, and it may be the first sign that the PSP is back."""
    provider, _ = await _behind_an_open_breaker()

    with pytest.raises(InvalidEventError):
        provider.parse_event({}, b"")


async def test_a_payment_that_begins_in_the_browser_is_not_held_back() -> None:
    """Nobody is called for the form of Ogone's page; a charge without the shopper is a call."""
    provider, psp = await _behind_an_open_breaker(OGONE_METHODS)

    await provider.create_payment(create_request())
    with pytest.raises(BreakerOpenError):
        await provider.create_payment(create_request(shopper_present=False))

    assert [call.method for call in psp.calls] == ["create_payment"]
