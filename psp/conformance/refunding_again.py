"""Scenarios of refunds that are made again: repeated, without an answer, equal to another."""

from __future__ import annotations

from contextlib import suppress

from psp.conformance.bench import Bench, Silenced
from psp.conformance.expecting import expect, expect_equal, expect_not_denied, expect_once_told
from psp.conformance.refund_steps import (
    expect_about,
    expect_listed,
    expect_refunded,
    list_refunds,
)
from psp.conformance.steps import (
    AMOUNT,
    PART,
    captured,
    expect_given_back,
    refund_of,
    settled,
)
from psp.errors import OutcomeUnknownError, UnavailableError
from psp.port import RefundStatus


async def refund_repeated(bench: Bench) -> None:
    """The same refund again, at once or later, is answered by the first and gives nothing more."""
    reference = (await captured(bench)).psp_reference
    first = await bench.provider.refund_payment(refund_of(reference, PART))

    at_once = await bench.provider.refund_payment(refund_of(reference, PART))
    await bench.settle_offline()
    later = await bench.provider.refund_payment(refund_of(reference, PART))

    told = {each.psp_reference for each in (first, at_once, later)}
    expect_equal("it is one refund", {first.psp_reference}, told)
    expect_refunded(await settled(bench, reference), PART.amount_minor)
    await expect_listed(bench, reference, first)
    expect_given_back(bench, PART.amount_minor)


async def refund_at_once_twice(bench: Bench) -> None:
    """The same full refund made twice at the same moment gives the money back once."""
    reference = (await captured(bench)).psp_reference

    await expect_once_told(
        bench.provider.refund_payment(refund_of(reference)),
        bench.provider.refund_payment(refund_of(reference)),
    )

    expect_refunded(await settled(bench, reference), AMOUNT.amount_minor)
    expect_given_back(bench, AMOUNT.amount_minor)


async def silent_refund(bench: Bench) -> None:
    """A refund whose answer was lost is listed once; made again it gives nothing more."""
    order = refund_of((await captured(bench)).psp_reference, PART)
    bench.silence(Silenced.REFUND)
    await expect_not_denied(bench.provider.refund_payment(order))

    (listed,) = await list_refunds(bench, order.psp_reference, 1)
    expect_about(bench, listed, order)
    again = await bench.provider.refund_payment(order)

    expect_equal("it is the same refund", listed.psp_reference, again.psp_reference)
    await bench.settle_offline()
    await expect_listed(bench, order.psp_reference, again)
    expect_given_back(bench, PART.amount_minor)


async def silent_equal_refund(bench: Bench) -> None:
    """Of two equal refunds the one whose answer was lost is found, and not made a third time."""
    reference = (await captured(bench)).psp_reference
    first = await bench.provider.refund_payment(refund_of(reference, PART))
    await bench.settle_offline()
    order = refund_of(reference, PART, number=2, known=[first.psp_reference])
    bench.silence(Silenced.REFUND)
    await expect_not_denied(bench.provider.refund_payment(order))

    again = await bench.provider.refund_payment(order)

    expect("it is another than the first", again.psp_reference != first.psp_reference, again)
    await bench.settle_offline()
    await expect_listed(bench, reference, first, again)
    expect_given_back(bench, PART.amount_minor, PART.amount_minor)


async def equal_refund_is_another(bench: Bench) -> None:
    """A second refund of the same amount, which knows of the first, is made as well."""
    reference = (await captured(bench)).psp_reference
    first = await bench.provider.refund_payment(refund_of(reference, PART))
    await bench.settle_offline()

    known = [first.psp_reference]
    second = await bench.provider.refund_payment(refund_of(reference, PART, number=2, known=known))

    expect("it is another refund", second.psp_reference != first.psp_reference, second)
    expect_refunded(await settled(bench, reference), 2 * PART.amount_minor)
    await expect_listed(bench, reference, first, second)
    expect_given_back(bench, PART.amount_minor, PART.amount_minor)


async def refund_in_doubt(bench: Bench) -> None:
    """A refund that the PSP does not speak clearly of is unknown, never failed or made again."""
    order = refund_of((await captured(bench)).psp_reference, PART)
    refund = await bench.provider.refund_payment(order)
    await bench.settle_offline()

    await bench.doubt_refund(refund)

    with suppress(OutcomeUnknownError, UnavailableError):
        again = await bench.provider.refund_payment(order)
        expect_equal("it is the same refund", refund.psp_reference, again.psp_reference)
        expect("it is not told as failed", again.status is not RefundStatus.FAILED, again)
    (listed,) = await list_refunds(bench, order.psp_reference, 1)
    expect_equal("it is unknown", RefundStatus.UNKNOWN, listed.status)
    expect("the PSP's own word is kept", listed.raw_status != "")
