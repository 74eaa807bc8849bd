"""Scenarios of a shopper who pays: cards, declines, 3-D Secure, finding a payment again."""

from __future__ import annotations

from dataclasses import replace

from psp.conformance.bench import Bench, Card
from psp.conformance.expecting import expect, expect_equal, expect_error
from psp.conformance.steps import (
    AMOUNT,
    PAYMENT_ID,
    UNKNOWN_ID,
    authorised,
    capture_of,
    charge,
    expect_captured,
    expect_taken,
    found,
    paid,
    purchase,
    settled,
    step_of,
)
from psp.errors import NotFoundError
from psp.port import (
    CapturePolicy,
    FailureCategory,
    PspPayment,
    PspStatus,
    ReviewStatus,
)

_NOT_PAID = frozenset({PspStatus.AWAITING_CUSTOMER, PspStatus.FAILED})
"""Some PSPs let the shopper try again with the same payment, for others a decline is its end."""


async def pay_by_card(bench: Bench) -> None:
    """A payment waits for its shopper, is authorised, and is captured in full."""
    created = await bench.provider.create_payment(purchase())
    expect_equal("it waits for its shopper", PspStatus.AWAITING_CUSTOMER, created.status)
    expect_equal("it bears our reference", PAYMENT_ID, created.payment_id)

    await bench.pay(step_of(created))
    payment = await bench.provider.retrieve_payment(created.psp_reference)
    expect_equal(
        "it is authorised, and nothing is taken",
        (PspStatus.AUTHORIZED, AMOUNT.amount_minor, 0, AMOUNT.currency),
        (payment.status, payment.authorized_minor, payment.captured_minor, payment.currency),
    )
    expect_taken(bench, 0)

    await bench.provider.capture_payment(capture_of(created.psp_reference))
    expect_captured(await settled(bench, created.psp_reference), AMOUNT.amount_minor)
    expect_taken(bench, AMOUNT.amount_minor)


async def automatic_capture(bench: Bench) -> None:
    """With the automatic policy paying takes the money, and nobody captures."""
    payment = await paid(bench, policy=CapturePolicy.AUTOMATIC)

    expect_captured(await settled(bench, payment.psp_reference), AMOUNT.amount_minor)
    expect_taken(bench, AMOUNT.amount_minor)


async def next_step_anew(bench: Bench) -> None:
    """The shopper's next step can be had again, and she can pay with it."""
    created = await bench.provider.create_payment(purchase())

    again = await bench.provider.next_action(purchase(), created.psp_reference)

    await bench.pay(step_of(replace(created, next_action=again)))
    payment = await bench.provider.retrieve_payment(created.psp_reference)
    expect_equal("she paid with it", PspStatus.AUTHORIZED, payment.status)


async def saved_card_charged(bench: Bench) -> None:
    """A saved card is charged without the shopper, and the answer is what is true."""
    payment = await bench.provider.create_payment(charge(bench))

    expect_equal(
        "it is authorised at once",
        (PspStatus.AUTHORIZED, AMOUNT.amount_minor, PAYMENT_ID),
        (payment.status, payment.authorized_minor, payment.payment_id),
    )
    read = await bench.provider.retrieve_payment(payment.psp_reference)
    expect_equal("asked, the PSP says the same", payment, read)


async def declined_on_page(bench: Bench) -> None:
    """A decline on the shopper's page is a result with its category, and takes nothing."""
    _expect_declined(await paid(bench, Card.DECLINED))
    expect_taken(bench, 0)


async def declined_charge(bench: Bench) -> None:
    """A decline of a saved card is a result with its category, not an error."""
    payment = await bench.provider.create_payment(charge(bench, Card.DECLINED))

    _expect_declined(payment)
    read = await bench.provider.retrieve_payment(payment.psp_reference)
    expect_equal("asked, the PSP says the same", payment.failure, read.failure)
    expect_taken(bench, 0)


async def three_d_secure(bench: Bench) -> None:
    """A bank that asks and is answered authorises the payment."""
    payment = await paid(bench, Card.THREE_D_SECURE)

    expect_equal(
        "it is authorised without a failure",
        (PspStatus.AUTHORIZED, None),
        (payment.status, payment.failure),
    )


async def three_d_secure_refused(bench: Bench) -> None:
    """A bank that asks in vain authorises nothing, and the category says so."""
    payment = await paid(bench, Card.THREE_D_SECURE_REFUSED)

    expect("it is not paid", payment.status in _NOT_PAID, payment.status)
    expect_equal(
        "authentication failed",
        FailureCategory.AUTHENTICATION_FAILED,
        payment.failure.category if payment.failure else None,
    )
    expect_taken(bench, 0)


async def uncertain_payment(bench: Bench) -> None:
    """What the PSP does not say clearly is unknown, never failed, until it does."""
    payment = await paid(bench, Card.UNCERTAIN)
    expect_equal("it is unknown", PspStatus.UNKNOWN, payment.status)
    expect("the PSP's own word is kept", payment.raw_status != "")

    truth = await settled(bench, payment.psp_reference)
    expect_equal("later the truth is told", PspStatus.AUTHORIZED, truth.status)


async def found_by_our_reference(bench: Bench) -> None:
    """A payment is found by our reference alone, and one that never was is None."""
    payment = await authorised(bench)

    expect_equal("it is found as it is", payment, await found(bench))
    expect_equal("another is not there", None, await found(bench, UNKNOWN_ID))


async def review_opens(bench: Bench) -> None:
    """A fraud review is told beside the status, which it does not change."""
    payment = await paid(bench, Card.REVIEWED)

    expect_equal(
        "it is authorised, and a review is open",
        (PspStatus.AUTHORIZED, ReviewStatus.OPEN),
        (payment.status, payment.review),
    )


async def review_read_after_its_end(bench: Bench) -> None:
    """A fraud review is read by its own reference, open and after a person has decided."""
    payment = await paid(bench, Card.REVIEWED)
    reference = payment.review_reference
    expect("the payment names it", reference != "", payment)
    before = await bench.provider.retrieve_review(reference)

    await bench.close_review(reference, ReviewStatus.APPROVED)

    after = await bench.provider.retrieve_review(reference)
    expect_equal("it is approved", (ReviewStatus.OPEN, ReviewStatus.APPROVED), (before, after))
    unknown = bench.provider.retrieve_review(UNKNOWN_ID)
    await expect_error("another is not found", NotFoundError, unknown)


async def review_rejected(bench: Bench) -> None:
    """A payment that a person rejects is rejected by its review's reference as well."""
    reference = (await paid(bench, Card.REVIEWED)).review_reference

    await bench.close_review(reference, ReviewStatus.REJECTED)

    after = await bench.provider.retrieve_review(reference)
    expect_equal("it is rejected", ReviewStatus.REJECTED, after)


def _expect_declined(payment: PspPayment) -> None:
    expect("it is not paid", payment.status in _NOT_PAID, payment.status)
    if payment.failure is None:
        expect("the failure is told", kept=False)
        return
    expect_equal(
        "its category is known", FailureCategory.INSUFFICIENT_FUNDS, payment.failure.category
    )
    expect("it has the PSP's code and a sentence", bool(payment.failure.code))
    expect_equal(
        "nothing is authorised or taken",
        (0, 0),
        (payment.authorized_minor, payment.captured_minor),
    )
