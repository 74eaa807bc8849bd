"""Scenarios of answers that never came, and of calls that are made twice."""

from __future__ import annotations

from psp.conformance.bench import Bench, Card, Silenced
from psp.conformance.expecting import (
    expect_equal,
    expect_error,
    expect_not_denied,
    expect_once_told,
)
from psp.conformance.steps import (
    AMOUNT,
    PART,
    PAYMENT_ID,
    authorised,
    cancel_of,
    capture_of,
    charge,
    expect_captured,
    expect_taken,
    found,
    settled,
)
from psp.errors import PspError
from psp.port import PspStatus


async def silent_create_found(bench: Bench) -> None:
    """A charge whose answer was lost is found by our reference, and happened once."""
    bench.silence(Silenced.CREATE)
    await expect_not_denied(bench.provider.create_payment(charge(bench)))

    payment = await found(bench)

    expect_equal(
        "it is found authorised",
        (PspStatus.AUTHORIZED, AMOUNT.amount_minor),
        (payment.status, payment.authorized_minor) if payment else None,
    )
    _expect_one_charge(bench)


async def silent_create_repeated(bench: Bench) -> None:
    """A charge whose answer was lost is sent again under its key, and happened once."""
    bench.silence(Silenced.CREATE)
    await expect_not_denied(bench.provider.create_payment(charge(bench)))

    payment = await bench.provider.create_payment(charge(bench))

    expect_equal("it is authorised", PspStatus.AUTHORIZED, payment.status)
    _expect_one_charge(bench)


async def silent_capture(bench: Bench) -> None:
    """A capture whose answer was lost shows when asked; made again it takes nothing more."""
    reference = (await authorised(bench)).psp_reference
    bench.silence(Silenced.CAPTURE)
    await expect_not_denied(bench.provider.capture_payment(capture_of(reference)))

    await bench.provider.capture_payment(capture_of(reference))

    expect_captured(await settled(bench, reference), AMOUNT.amount_minor)
    expect_taken(bench, AMOUNT.amount_minor)


async def silent_cancel(bench: Bench) -> None:
    """A cancel whose answer was lost shows when asked; made again it is done already."""
    reference = (await authorised(bench)).psp_reference
    bench.silence(Silenced.CANCEL)
    await expect_not_denied(bench.provider.cancel_payment(cancel_of(reference)))

    await bench.provider.cancel_payment(cancel_of(reference))

    payment = await settled(bench, reference)
    expect_equal("it is canceled", PspStatus.CANCELED, payment.status)
    expect_taken(bench, 0)


async def charge_at_once_twice(bench: Bench) -> None:
    """The same charge made twice at the same moment happens once."""
    first = bench.provider.create_payment(charge(bench))
    second = bench.provider.create_payment(charge(bench))
    await expect_once_told(first, second)

    _expect_one_charge(bench)


async def capture_at_once_twice(bench: Bench) -> None:
    """The same capture made twice at the same moment takes the money once."""
    reference = (await authorised(bench)).psp_reference
    first = bench.provider.capture_payment(capture_of(reference))
    second = bench.provider.capture_payment(capture_of(reference))
    await expect_once_told(first, second)

    expect_captured(await settled(bench, reference), AMOUNT.amount_minor)
    expect_taken(bench, AMOUNT.amount_minor)


async def same_key_same_charge(bench: Bench) -> None:
    """The same charge under the same key is the same payment, made once."""
    first = await bench.provider.create_payment(charge(bench))
    again = await bench.provider.create_payment(charge(bench))

    expect_equal("the answer is the same", first, again)
    _expect_one_charge(bench)


async def same_key_same_decline(bench: Bench) -> None:
    """A decline under the same key is the same decline: the bank is not asked again."""
    first = await bench.provider.create_payment(charge(bench, Card.DECLINED))
    again = await bench.provider.create_payment(charge(bench, Card.DECLINED))

    expect_equal("the answer is the same", first, again)


async def same_key_other_charge(bench: Bench) -> None:
    """Another amount under a used key is never told as done, and the first charge stands."""
    first = await bench.provider.create_payment(charge(bench))

    other = bench.provider.create_payment(charge(bench, amount=PART))
    # Refused, or unknown: under this key something else may have been meant to happen.
    await expect_error("it is not done", PspError, other)

    read = await bench.provider.retrieve_payment(first.psp_reference)
    expect_equal("the first charge stands", first, read)
    _expect_one_charge(bench)


def _expect_one_charge(bench: Bench) -> None:
    authorizations = bench.books(PAYMENT_ID).authorizations
    expect_equal("the shopper's bank was charged once", 1, authorizations)
