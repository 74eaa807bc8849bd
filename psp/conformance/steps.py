"""Steps that scenarios share: our side of a payment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from psp.conformance.bench import Bench, Card
from psp.conformance.expecting import ConformanceError, expect_equal
from psp.money import Money
from psp.port import (
    AliasSetup,
    CancelPayment,
    CapturePayment,
    CapturePolicy,
    CreatePayment,
    NextAction,
    PaymentMethod,
    PspPayment,
    PspStatus,
    RefundPayment,
)

PAYMENT_ID: Final = "pay_01jd3v8e2m0000000000000001"
"""As long as the gateway's ids are."""
REFUND_ID: Final = "ref_01jd3v8e2m0000000000000001"
UNKNOWN_ID: Final = "pay_01jd3v8e2m0000000000000009"
UNKNOWN_REFERENCE: Final = "unknown_to_any_psp"
AMOUNT: Final = Money(1234, "EUR")
PART: Final = Money(500, "EUR")
_WINDOW: Final = timedelta(hours=1)


def purchase(policy: CapturePolicy = CapturePolicy.AT_ORDER) -> CreatePayment:
    """Return a card payment with the shopper at her page."""
    return CreatePayment(
        payment_id=PAYMENT_ID,
        order_id="order-1",
        amount=AMOUNT,
        method=PaymentMethod.CARD,
        country_code="FR",
        capture_policy=policy,
        idempotency_key="create-1",
        return_url="https://shop.example/back",
    )


def charge(bench: Bench, card: Card = Card.SUCCEEDS, *, amount: Money = AMOUNT) -> CreatePayment:
    """Return a charge of a saved card without the shopper: every PSP is called for it at once."""
    return CreatePayment(
        payment_id=PAYMENT_ID,
        order_id="order-1",
        amount=amount,
        method=PaymentMethod.CARD,
        country_code="FR",
        capture_policy=CapturePolicy.AT_ORDER,
        idempotency_key="create-1",
        psp_alias=bench.saved_card(card),
        shopper_present=False,
    )


async def paid(
    bench: Bench, card: Card = Card.SUCCEEDS, policy: CapturePolicy = CapturePolicy.AT_ORDER
) -> PspPayment:
    """Create a payment, let the shopper pay, and return what the PSP then says of it."""
    created = await bench.provider.create_payment(purchase(policy))
    await bench.pay(step_of(created), card)
    return await bench.provider.retrieve_payment(created.psp_reference)


def step_of(waiting: PspPayment | AliasSetup) -> NextAction:
    """Return what the shopper must do next."""
    if waiting.next_action is None:
        raise ConformanceError("expected that the shopper is told what to do next")
    return waiting.next_action


async def authorised(bench: Bench) -> PspPayment:
    """Return a payment that was paid and is not captured."""
    payment = await paid(bench)
    expect_equal("a paid payment is authorised", PspStatus.AUTHORIZED, payment.status)
    return payment


async def captured(bench: Bench, card: Card = Card.SUCCEEDS) -> PspPayment:
    """Return a payment whose money was taken for good."""
    payment = await paid(bench, card, CapturePolicy.AUTOMATIC)
    payment = await settled(bench, payment.psp_reference)
    expect_captured(payment, AMOUNT.amount_minor)
    return payment


async def settled(bench: Bench, psp_reference: str) -> PspPayment:
    """Return what is true once the PSP has ended what it carries out later."""
    await bench.settle_offline()
    return await bench.provider.retrieve_payment(psp_reference)


async def found(bench: Bench, payment_id: str = PAYMENT_ID) -> PspPayment | None:
    """Look a payment up by our reference, around now."""
    now = datetime.now(UTC)
    return await bench.provider.find_payment(payment_id, now - _WINDOW, now + _WINDOW)


def capture_of(
    psp_reference: str, amount: Money = AMOUNT, key: str = "capture-1"
) -> CapturePayment:
    """Return the order to capture."""
    return CapturePayment(psp_reference, amount, key)


def cancel_of(psp_reference: str, key: str = "cancel-1") -> CancelPayment:
    """Return the order to cancel."""
    return CancelPayment(psp_reference, key)


def refund_of(
    psp_reference: str, amount: Money = AMOUNT, *, number: int = 1, known: Iterable[str] = ()
) -> RefundPayment:
    """Return the order to refund: of the same number it is the same, with the same key."""
    return RefundPayment(
        refund_id=f"{REFUND_ID[:-1]}{number}",
        psp_reference=psp_reference,
        amount=amount,
        idempotency_key=f"refund-{number}",
        known_references=frozenset(known),
    )


def expect_taken(bench: Bench, minor: int) -> None:
    """The sandbox took exactly this from the shopper, in one capture, or nothing in none."""
    books = bench.books(PAYMENT_ID)
    expect_equal(
        "the shopper paid this once",
        (minor, 1 if minor else 0),
        (books.taken_minor, books.captures),
    )


def expect_given_back(bench: Bench, *minors: int) -> None:
    """The sandbox gave back exactly these amounts, and took the whole payment once."""
    books = bench.books(PAYMENT_ID)
    expect_equal(
        "the shopper got this back, in so many refunds",
        (sum(minors), len(minors)),
        (books.refunded_minor, books.refunds),
    )
    expect_taken(bench, AMOUNT.amount_minor)


def expect_captured(payment: PspPayment, minor: int) -> None:
    """The PSP says that exactly this was captured, and nothing was refunded."""
    expect_equal(
        "the payment is captured with its sums",
        (PspStatus.CAPTURED, AMOUNT.amount_minor, minor, 0),
        (
            payment.status,
            payment.authorized_minor,
            payment.captured_minor,
            payment.refunded_minor,
        ),
    )
