"""The sandbox's balance: what is booked when, and how it is listed."""

from __future__ import annotations

import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from psp.stripe.sandbox.api_errors import ApiError
from tests.integration.stripe_sandbox.support import API_KEY, ManualClock, Shop

_DAY_S = 86_400


async def _lines(shop: Shop, **filters: object) -> list[stripe.BalanceTransaction]:
    """Return what is listed, the oldest first."""
    wanted: dict[str, object] = {"limit": 100, **filters}
    listed = await shop.client.v1.balance_transactions.list_async(wanted)  # type: ignore[arg-type]  # fields by name
    return listed.data[::-1]


def _booked(lines: list[stripe.BalanceTransaction]) -> list[tuple[str, int, int]]:
    return [(line.reporting_category, line.amount, line.fee) for line in lines]


async def test_a_charge_is_booked_with_its_fee(shop: Shop, clock: ManualClock) -> None:
    """Its money is pending for two days; charge and line name each other."""
    intent = await shop.confirmed()

    (line,) = await _lines(shop)
    charge = await shop.client.v1.charges.retrieve_async(str(intent.latest_charge))

    assert (line.type, line.amount, line.fee, line.net) == ("charge", 2000, 55, 1945)
    assert (line.source, charge.balance_transaction) == (charge.id, line.id)
    assert line.available_on == (int(clock.seconds) // _DAY_S + 2) * _DAY_S
    assert line.status == "pending"
    clock.seconds += 2 * _DAY_S
    again = await shop.client.v1.balance_transactions.retrieve_async(line.id)
    assert again.status == "available"


async def test_an_authorisation_moves_nothing(shop: Shop) -> None:
    """Nor does its end; a capture of a part books the whole and reverses the rest."""
    held = await shop.confirmed(capture_method="manual")
    canceled = await shop.confirmed(capture_method="manual")
    await shop.intents.cancel_async(canceled.id)
    before = await _lines(shop)

    await shop.intents.capture_async(held.id, {"amount_to_capture": 1500})

    lines = await _lines(shop)
    assert before == []
    assert _booked(lines) == [("charge", 2000, 47), ("partial_capture_reversal", -500, 0)]


async def test_an_asynchronous_capture_is_booked_later(shop: Shop) -> None:
    """The answer has no line yet; the event that follows brings it."""
    intent = await shop.confirmed(capture_method="automatic_async", expand=["latest_charge"])
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)

    later = await shop.client.v1.charges.retrieve_async(charge.id)

    assert charge.balance_transaction is None
    assert [line.id for line in await _lines(shop)] == [later.balance_transaction]


async def test_refunds_that_fail_come_back(shop: Shop, sandbox: StripeSandbox) -> None:
    """Once, however often they are moved; one that never left moves nothing."""
    intent = await shop.confirmed()
    given = sandbox.refund_by_hand(intent.id, 500)
    for status in ("failed", "failed", "succeeded", "succeeded", "canceled"):
        sandbox.force_refund(given, status)
    sandbox.set_circumstances(balance_too_low=True)
    waiting = sandbox.refund_by_hand(intent.id, 300)
    sandbox.force_refund(waiting, "failed")

    lines = await _lines(shop)

    assert _booked(lines)[1:] == [
        ("refund", -500, 0),
        ("refund_failure", 500, 0),
        ("refund", -500, 0),
        ("refund_failure", 500, 0),
    ]
    assert {line.source for line in lines[1:]} == {given}
    shown = await shop.client.v1.refunds.retrieve_async(given)
    assert shown.failure_balance_transaction == lines[-1].id
    assert sandbox.books()[0]["balance"] == {"eur": 1945}


async def test_a_disputed_card_takes_its_money_back(shop: Shop) -> None:
    """With a fee, and a dispute that leads to the charge."""
    intent = await shop.confirmed("pm_card_createDispute")

    line = (await _lines(shop, expand=["data.source.payment_intent"]))[1]

    assert _booked([line]) == [("dispute", -2000, 2000)]
    assert isinstance(line.source, stripe.Dispute)
    assert isinstance(line.source.payment_intent, stripe.PaymentIntent)
    assert (line.source.charge, line.source.payment_intent.id) == (intent.latest_charge, intent.id)


async def test_lists_are_filtered_and_paged(
    shop: Shop, sandbox: StripeSandbox, clock: ManualClock
) -> None:
    """By time, source, type and currency; the newest first, a page at a time."""
    intent = await shop.confirmed()
    clock.seconds += 10
    refund = sandbox.refund_by_hand(intent.id, 500)
    clock.seconds += 10
    await shop.confirmed(currency="usd")
    start = int(clock.seconds) - 20

    listing = shop.client.v1.balance_transactions
    first = await listing.list_async({"limit": 2})
    rest = await listing.list_async({"limit": 2, "starting_after": first.data[-1].id})

    assert [line.type for line in (*first.data, *rest.data)] == ["charge", "refund", "charge"]
    assert (first.has_more, rest.has_more) == (True, False)
    assert [line.source for line in await _lines(shop, type="refund")] == [refund]
    assert len(await _lines(shop, source=intent.latest_charge)) == 1
    assert len(await _lines(shop, currency="usd")) == 1
    assert len(await _lines(shop, created={"gte": start + 10, "lt": start + 20})) == 1
    with pytest.raises(stripe.InvalidRequestError):
        await listing.retrieve_async("txn_unknown")


async def test_payouts(shop: Shop, sandbox: StripeSandbox, clock: ManualClock) -> None:
    """Only what is available can be paid out, in one currency, in parts or as a whole."""
    await shop.confirmed()
    with pytest.raises(ApiError):
        sandbox.pay_out(API_KEY, "eur")
    clock.seconds += 2 * _DAY_S

    first = sandbox.pay_out(API_KEY, "EUR", 1000)
    with pytest.raises(ApiError):
        sandbox.pay_out(API_KEY, "eur", 946)
    rest = sandbox.pay_out(API_KEY, "eur")

    lines = (await _lines(shop, expand=["data.source"]))[1:]
    assert _booked(lines) == [("payout", -1000, 0), ("payout", -945, 0)]
    assert [line.source.id for line in lines if isinstance(line.source, stripe.Payout)] == [
        first,
        rest,
    ]
    assert sandbox.books()[0]["balance"] == {"eur": 0}


async def test_lines_by_hand(shop: Shop, sandbox: StripeSandbox) -> None:
    """What nothing else here causes can be booked; what Stripe does not know cannot."""
    intent = await shop.confirmed()

    line_id = sandbox.book(
        API_KEY, "dispute_reversal", 2000, "eur", fee=-2000, payment_intent=intent.id
    )

    line = await shop.client.v1.balance_transactions.retrieve_async(line_id)
    assert (line.net, line.type, line.source) == (4000, "adjustment", intent.latest_charge)
    with pytest.raises(ApiError):
        sandbox.book(API_KEY, "lottery", 1, "eur")


@pytest.mark.parametrize(
    "currency, amount, fee",
    [("jpy", 500, 32), ("isk", 70_000, 1000), ("kwd", 12_340, 210), ("eur", 1, 25)],
)
async def test_fees_are_whole_units(
    shop: Shop, sandbox: StripeSandbox, currency: str, amount: int, fee: int
) -> None:
    """No fee has parts that its currency lacks."""
    if amount > 1:
        await shop.confirmed(currency=currency, amount=amount)
    else:
        sandbox.book(API_KEY, "charge", amount, currency, fee=fee)

    assert [line.fee for line in await _lines(shop)] == [fee]
