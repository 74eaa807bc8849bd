"""Scenarios of refunds: in full, in parts, too much, pending, failed after all."""

from __future__ import annotations

from psp.conformance.bench import Bench, Card
from psp.conformance.expecting import expect, expect_equal, expect_error, expect_errors
from psp.conformance.refund_steps import (
    expect_about,
    expect_listed,
    expect_refunded,
    list_refunds,
)
from psp.conformance.steps import (
    AMOUNT,
    PART,
    UNKNOWN_REFERENCE,
    authorised,
    captured,
    expect_given_back,
    expect_taken,
    refund_of,
    settled,
)
from psp.errors import NotFoundError, RejectedError
from psp.port import RefundStatus

_REST = AMOUNT - PART
_ONE = AMOUNT.with_amount(1)
_ACCEPTED = frozenset({RefundStatus.PENDING, RefundStatus.SUCCEEDED})


async def refund_whole(bench: Bench) -> None:
    """A captured payment is given back in full, once, and stays captured."""
    order = refund_of((await captured(bench)).psp_reference)
    reference = order.psp_reference

    refund = await bench.provider.refund_payment(order)

    expect("it is done, or will be", refund.status in _ACCEPTED and not refund.failure, refund)
    expect_about(bench, refund, order)
    expect_refunded(await settled(bench, reference), AMOUNT.amount_minor)
    await expect_listed(bench, reference, refund)
    expect_given_back(bench, AMOUNT.amount_minor)


async def refund_in_parts(bench: Bench) -> None:
    """Parts are given back one after the other until nothing is left, and then no more."""
    reference = (await captured(bench)).psp_reference
    first = await bench.provider.refund_payment(refund_of(reference, PART))
    expect_refunded(await settled(bench, reference), PART.amount_minor)

    known = [first.psp_reference]
    second = await bench.provider.refund_payment(refund_of(reference, _REST, number=2, known=known))
    expect_refunded(await settled(bench, reference), AMOUNT.amount_minor)
    known.append(second.psp_reference)
    third = bench.provider.refund_payment(refund_of(reference, _ONE, number=3, known=known))
    await expect_error("nothing is left to give back", RejectedError, third)

    await bench.settle_offline()
    await expect_listed(bench, reference, first, second)
    expect_given_back(bench, PART.amount_minor, _REST.amount_minor)


async def refund_too_much(bench: Bench) -> None:
    """More than was taken, or than is left of it, is refused, and nothing moves."""
    payment = await captured(bench)
    reference = payment.psp_reference

    most = bench.provider.refund_payment(refund_of(reference, AMOUNT + _ONE))
    await expect_error("more than was taken is refused", RejectedError, most)
    expect_equal("nothing changed", payment, await settled(bench, reference))
    expect_given_back(bench)

    first = await bench.provider.refund_payment(refund_of(reference, PART, number=2))
    known = [first.psp_reference]
    more = bench.provider.refund_payment(refund_of(reference, _REST + _ONE, number=3, known=known))
    await expect_error("more than is left is refused", RejectedError, more)
    expect_refunded(await settled(bench, reference), PART.amount_minor)
    await expect_listed(bench, reference, first)
    expect_given_back(bench, PART.amount_minor)


async def refund_uncaptured(bench: Bench) -> None:
    """What was not taken cannot be given back, and the authorisation stands as it was."""
    payment = await authorised(bench)

    call = bench.provider.refund_payment(refund_of(payment.psp_reference))
    await expect_error("it is refused", RejectedError, call)

    expect_equal("nothing changed", payment, await settled(bench, payment.psp_reference))
    await expect_listed(bench, payment.psp_reference)
    expect_taken(bench, 0)


async def refund_pending(bench: Bench) -> None:
    """A refund that is accepted and not done yet is pending, is counted, and succeeds later."""
    reference = (await captured(bench, Card.REFUNDED_LATER)).psp_reference

    refund = await bench.provider.refund_payment(refund_of(reference, PART))

    (listed,) = await list_refunds(bench, reference, 1)
    pending = (RefundStatus.PENDING, RefundStatus.PENDING)
    expect_equal("it is pending", pending, (refund.status, listed.status))
    expect_refunded(await bench.provider.retrieve_payment(reference), PART.amount_minor)
    expect_refunded(await settled(bench, reference), PART.amount_minor)
    await expect_listed(bench, reference, refund)


async def refund_fails_later(bench: Bench) -> None:
    """A refund that fails after all counts no longer, says why, and can be made anew."""
    order = refund_of((await captured(bench)).psp_reference)
    reference = order.psp_reference
    failing = await bench.provider.refund_payment(order)
    await bench.settle_offline()

    await bench.fail_refund(failing)

    expect_refunded(await bench.provider.retrieve_payment(reference), 0)
    (failed,) = await list_refunds(bench, reference, 1)
    expect_about(bench, failed, order)
    expect_equal("it has failed", RefundStatus.FAILED, failed.status)
    expect("it says why", failed.failure is not None and bool(failed.failure.code), failed)
    known = [failing.psp_reference]
    anew = await bench.provider.refund_payment(refund_of(reference, number=2, known=known))
    expect("it is another refund", anew.psp_reference != failing.psp_reference, anew)
    expect_refunded(await settled(bench, reference), AMOUNT.amount_minor)
    expect_given_back(bench, AMOUNT.amount_minor)


async def refund_unknown_payment(bench: Bench) -> None:
    """A payment that the PSP does not know is not found, instead of having no refunds."""
    await expect_errors(
        "it is not found",
        NotFoundError,
        lambda: bench.provider.refund_payment(refund_of(UNKNOWN_REFERENCE)),
        lambda: bench.provider.list_refunds(UNKNOWN_REFERENCE),
    )
