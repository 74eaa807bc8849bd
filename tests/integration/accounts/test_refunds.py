"""What refunds move on the shopper's account, in a whole gateway with Stripe's sandbox."""

from __future__ import annotations

from contextlib import suppress

from gateway.accounts.commands import ReportInvoicedCommand
from gateway.customers.commands import EnsureCustomerCommand
from gateway.domain.refund import RefundState
from gateway.domain.refund_postings import (
    posting_for_returned_refund,
    posting_for_settled_refund,
)
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError
from gateway.storage.account_postings import insert_posting, postings_of_order
from gateway.storage.refunds import get_refund
from psp.money import Money
from psp.port import CustomerProfile
from tests.integration.gateway.refunding import bought, command, refund, refunds
from tests.support.rig import CrashError, Rig

_SHOPPER = "shopper-1"
_MOST_STEPS = 60


async def _moved(rig: Rig, customer_id: str = _SHOPPER) -> list[tuple[str, int]]:
    return [(each.key, each.signed_minor) async for each in rig.office.list_movements(customer_id)]


async def test_a_refund_that_the_psp_accepts_is_due(rig: Rig) -> None:
    """The credit is on the account as soon as the PSP has the refund."""
    key = RequestKey("tests", "EnsureCustomer", "r-0")
    shopper = CustomerProfile(_SHOPPER, email="zoe@example.org", country_code="FR")
    await rig.application.customers.ensure(EnsureCustomerCommand(key, shopper), None)
    payment = await bought(rig, customer_id=_SHOPPER)

    made = await refund(rig, payment.id, 500)
    await rig.settle()

    assert await _moved(rig) == [(f"refund-due:{made.id}", 500)]


async def test_its_settlement_closes_it(rig: Rig) -> None:
    """With the posting that reconciliation writes."""
    payment = await bought(rig)
    made = await refund(rig, payment.id)
    settled = posting_for_settled_refund(made, payment.customer_id, rig.now())

    for _ in range(2):  # a report that is read twice
        await rig.database.commit([insert_posting(settled)])
        await rig.settle()

    assert await rig.office.balance(_SHOPPER) == {"EUR": 0}
    assert len(await _moved(rig)) == 2


async def test_a_refund_that_fails_later_leaves_nothing(rig: Rig) -> None:
    """Whether it was settled and returned, or the report never showed it."""
    payment = await bought(rig)
    made = await refund(rig, payment.id)
    await rig.settle()
    settled = posting_for_settled_refund(made, _SHOPPER, rig.now())
    await rig.database.commit([insert_posting(settled)])

    rig.sandbox.force_refund(made.psp_reference, "failed")
    await rig.settle()
    failed = await get_refund(rig.database, made.id)
    assert failed is not None
    assert failed.state is RefundState.FAILED
    returned = posting_for_returned_refund(failed, _SHOPPER, rig.now())
    await rig.database.commit([insert_posting(returned)])
    await rig.settle()

    assert dict(await _moved(rig)) == {
        f"refund-due:{made.id}": 1999,
        f"refund-settled:{made.psp_account}:{made.psp_reference}": -1999,
        f"refund-lapsed:{made.id}": -1999,
        f"refund-failed:{made.psp_account}:{made.psp_reference}": 1999,
    }
    assert await rig.office.balance(_SHOPPER) == {"EUR": 0}


async def test_a_refund_without_a_shopper_goes_where_the_order_belongs(rig: Rig) -> None:
    """The payment names nobody: the back office knows whose order it is."""
    payment = await bought(rig)
    assert payment.customer_id == ""

    await refund(rig, payment.id)
    await rig.settle()

    assert [minor for _, minor in await _moved(rig)] == [1999]


async def test_a_refund_is_due_once_wherever_the_process_dies(rig: Rig) -> None:
    """For every step of a refund and of its posting."""
    due: list[tuple[str, int]] = []
    for crash_at in range(1, _MOST_STEPS):
        order_id = f"order-{crash_at}"
        payment = await bought(rig, order_id)
        rig.restart(crash_at)
        steps = rig.steps
        for _ in range(_MOST_STEPS):
            try:
                await rig.application.refunds.create(command(payment.id, request_id=order_id), None)
                break
            except CrashError:
                rig.restart()
            except PaygateError as running:
                assert running.retry_after_s is not None  # noqa: PT017 - another one fails here
            rig.pass_time(minutes=2)
            await rig.settle()
        await rig.recover()

        (made,) = await refunds(rig, payment_id=payment.id)
        due.append((f"refund-due:{made.id}", 1999))
        assert sorted(await _moved(rig)) == sorted(due), crash_at
        if not steps.crashed:
            return
    raise AssertionError("more steps than this test knows of")


async def test_a_captured_payment_is_invoiced(rig: Rig) -> None:
    """A payment as the PSP has it, its order as the back office has it."""
    payment = await bought(rig)
    report = ReportInvoicedCommand(
        RequestKey("tests", "ReportInvoiced", "r-1"), "order-1", "I-1", Money(1999, "EUR")
    )

    posting = await rig.application.accounts.report_invoiced(report, None)
    with suppress(PaygateError):  # there is no second one to invoice
        again = RequestKey("tests", "ReportInvoiced", "r-2")
        await rig.application.accounts.report_invoiced(
            ReportInvoicedCommand(again, "order-1", "I-2", Money(1, "EUR")), None
        )
    await rig.settle()

    assert posting.reference == payment.id
    assert await _moved(rig) == [("invoice:I-1", 1999)]
    (stored,) = await postings_of_order(rig.database, "order-1")
    assert stored.movement == posting.movement
