"""Scenarios of captures and cancels: partial, repeated, too much, too late."""

from __future__ import annotations

from psp.conformance.bench import Bench, Card
from psp.conformance.expecting import expect, expect_equal, expect_error, expect_errors
from psp.conformance.steps import (
    AMOUNT,
    PART,
    UNKNOWN_REFERENCE,
    authorised,
    cancel_of,
    capture_of,
    expect_captured,
    expect_taken,
    paid,
    purchase,
    settled,
)
from psp.errors import NotFoundError, PspError, RejectedError
from psp.port import PendingChange, PspStatus


async def part_captured(bench: Bench) -> None:
    """A part is captured, and the rest is released: it is neither refunded nor capturable."""
    reference = (await authorised(bench)).psp_reference

    await bench.provider.capture_payment(capture_of(reference, PART))
    expect_captured(await settled(bench, reference), PART.amount_minor)

    rest = AMOUNT - PART
    again = bench.provider.capture_payment(capture_of(reference, rest, "capture-2"))
    await expect_error("the rest cannot be captured", RejectedError, again)
    await bench.settle_offline()
    expect_taken(bench, PART.amount_minor)


async def capture_twice(bench: Bench) -> None:
    """The same capture again is answered with what is true, and takes nothing more."""
    reference = (await authorised(bench)).psp_reference
    first = await bench.provider.capture_payment(capture_of(reference))
    expect(
        "it is captured, or will be",
        first.status is PspStatus.CAPTURED or first.pending is PendingChange.CAPTURE,
        first,
    )

    # Under the same key at once; under a new one once everything has long settled.
    await bench.provider.capture_payment(capture_of(reference))
    await bench.settle_offline()
    again = await bench.provider.capture_payment(capture_of(reference, key="capture-2"))

    expect_captured(again, AMOUNT.amount_minor)
    await bench.settle_offline()
    expect_taken(bench, AMOUNT.amount_minor)


async def capture_too_much(bench: Bench) -> None:
    """More than is authorised is refused, and the authorisation stands as it was."""
    payment = await authorised(bench)
    more = AMOUNT.with_amount(AMOUNT.amount_minor + 1)

    call = bench.provider.capture_payment(capture_of(payment.psp_reference, more))
    await expect_error("it is refused", RejectedError, call)

    expect_equal("nothing changed", payment, await settled(bench, payment.psp_reference))
    expect_taken(bench, 0)


async def capture_unpaid(bench: Bench) -> None:
    """What the shopper has not paid cannot be captured."""
    created = await bench.provider.create_payment(purchase())

    call = bench.provider.capture_payment(capture_of(created.psp_reference))
    await expect_error("it is refused", RejectedError, call)

    expect_taken(bench, 0)


async def capture_uncertain(bench: Bench) -> None:
    """While the PSP is not certain of the authorisation no capture is told as done."""
    payment = await paid(bench, Card.UNCERTAIN)

    call = bench.provider.capture_payment(capture_of(payment.psp_reference))
    await expect_error("it is refused for now", PspError, call)

    truth = await settled(bench, payment.psp_reference)
    expect_equal("it is authorised after all", PspStatus.AUTHORIZED, truth.status)
    expect_taken(bench, 0)


async def cancel_authorised(bench: Bench) -> None:
    """A canceled authorisation took nothing; canceling again is done already."""
    reference = (await authorised(bench)).psp_reference
    first = await bench.provider.cancel_payment(cancel_of(reference))
    expect(
        "it is canceled, or will be",
        first.status is PspStatus.CANCELED or first.pending is PendingChange.CANCEL,
        first,
    )

    payment = await settled(bench, reference)
    again = await bench.provider.cancel_payment(cancel_of(reference, "cancel-2"))

    expect_equal("canceling again is answered with what is true", payment, again)
    expect_equal(
        "it is canceled, with nothing taken or refunded",
        (PspStatus.CANCELED, 0, 0),
        (payment.status, payment.captured_minor, payment.refunded_minor),
    )
    expect_taken(bench, 0)


async def capture_after_cancel(bench: Bench) -> None:
    """What was canceled cannot be captured, neither at once nor later."""
    reference = (await authorised(bench)).psp_reference
    await bench.provider.cancel_payment(cancel_of(reference))

    for key in ("capture-1", "capture-2"):
        call = bench.provider.capture_payment(capture_of(reference, key=key))
        await expect_error("it is refused", RejectedError, call)
        await bench.settle_offline()
    expect_taken(bench, 0)


async def cancel_after_capture(bench: Bench) -> None:
    """What was captured cannot be canceled, neither at once nor later; the money stays taken."""
    reference = (await authorised(bench)).psp_reference
    await bench.provider.capture_payment(capture_of(reference))

    for key in ("cancel-1", "cancel-2"):
        call = bench.provider.cancel_payment(cancel_of(reference, key))
        await expect_error("it is refused", RejectedError, call)
        await bench.settle_offline()
    expect_captured(await settled(bench, reference), AMOUNT.amount_minor)
    expect_taken(bench, AMOUNT.amount_minor)


async def unknown_reference(bench: Bench) -> None:
    """A payment that the PSP does not know is not found, whatever is asked of it."""
    await expect_errors(
        "it is not found",
        NotFoundError,
        lambda: bench.provider.retrieve_payment(UNKNOWN_REFERENCE),
        lambda: bench.provider.capture_payment(capture_of(UNKNOWN_REFERENCE)),
        lambda: bench.provider.cancel_payment(cancel_of(UNKNOWN_REFERENCE)),
    )
