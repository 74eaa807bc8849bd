"""Reports of invoices and parcels: each is written down once, whoever sends it how often."""

from __future__ import annotations

import asyncio

import pytest

from gateway.accounts.commands import ReportCommand
from gateway.domain.posting import PostingState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from tests.integration.accounts.ledger import FULL_MINOR, Ledger, in_parcel, invoiced


def _other(request_id: str, method: str = "ReportInvoiced") -> RequestKey:
    return RequestKey("tests", method, request_id)


async def test_an_invoice_and_its_parcels_close_the_order(ledger: Ledger) -> None:
    """The credit names its payment; the debits reconcile it to the cent."""
    payment_id = await ledger.open_order()

    credit = await ledger.invoice()
    await ledger.parcel(999, "P-1")
    await ledger.parcel(1000, "P-2")
    await ledger.work()

    assert credit.reference == payment_id
    assert [(each.key, each.signed_minor) for each in await ledger.movements()] == [
        ("invoice:I-1", FULL_MINOR),
        ("parcel:P-1", -999),
        ("parcel:P-2", -1000),
    ]
    assert await ledger.office.balance("shopper-1") == {"EUR": 0}
    assert set(await ledger.states()) == {PostingState.POSTED}


async def test_a_report_sent_again_is_answered_as_it_was(ledger: Ledger) -> None:
    """By its request_id, and by its own number under another one."""
    await ledger.open_order()
    first = await ledger.invoice()
    await ledger.work()

    by_request = await ledger.invoice()
    by_number = await ledger.invoice(key=_other("another"))
    again = await ledger.invoice(key=_other("another"))

    assert {by_request.key, by_number.key, again.key} == {first.key}
    assert by_number.movement == again.movement == first.movement
    assert len(await ledger.movements()) == 1


async def test_a_request_id_stands_for_one_report(ledger: Ledger) -> None:
    """Also where the report itself changed nothing."""
    await ledger.open_order()
    await ledger.invoice(1000)
    await ledger.invoice(1000, key=_other("another"))

    for request_id in ("r-I-1", "another"):
        with pytest.raises(PaygateError) as refused:
            await ledger.invoice(999, "I-2", key=_other(request_id))
        assert refused.value.reason is Reason.REQUEST_ID_REUSED


async def test_the_same_invoice_with_another_amount_is_refused(ledger: Ledger) -> None:
    """Loudly, and it may be reported as it was afterwards, under the same request_id."""
    await ledger.open_order()
    await ledger.invoice(1000)

    with pytest.raises(PaygateError) as refused:
        await ledger.invoice(1001, key=_other("another"))

    assert refused.value.reason is Reason.REPORTED_OTHERWISE
    assert (await ledger.invoice(1000, key=_other("another"))).amount.amount_minor == 1000
    await ledger.parcel(10)
    with pytest.raises(PaygateError) as refused:
        await ledger.parcel(11, key=_other("another", "ReportParcelCreated"))
    assert refused.value.reason is Reason.REPORTED_OTHERWISE


async def test_an_invoice_of_an_unknown_order_is_refused(ledger: Ledger) -> None:
    """The back office says whose account an order moves."""
    with pytest.raises(PaygateError) as refused:
        await ledger.invoice()
    assert refused.value.reason is Reason.ORDER_NOT_FOUND


async def test_too_short_a_deadline_writes_nothing(ledger: Ledger) -> None:
    """The caller sends the same again, and it is the first."""
    await ledger.open_order()
    with pytest.raises(PaygateError) as refused:
        await ledger.accounts.report_invoiced(invoiced(), -1.0)
    assert refused.value.reason is Reason.DEADLINE_TOO_SHORT
    assert await ledger.states() == []


async def test_reports_that_race_never_exceed_the_money(ledger: Ledger) -> None:
    """Ten invoices and then ten parcels of which only so many fit, at once."""
    await ledger.open_order()

    async def answered(command: ReportCommand) -> Reason | None:
        while True:
            try:
                await ledger.send(command)
            except PaygateError as refused:
                if refused.retry_after_s is None:
                    return refused.reason
            else:
                return None

    for report in (invoiced, in_parcel):
        reports = [report(500, f"N-{number}") for number in range(10)]
        answers = await asyncio.gather(*(answered(each) for each in reports))
        assert answers.count(None) == 3
        assert set(answers) == {None, Reason.AMOUNT_EXCEEDS_REMAINING}
    await ledger.work()
    assert await ledger.office.balance("shopper-1") == {"EUR": 0}
    assert len(await ledger.movements()) == 6


async def test_one_report_sent_at_once_is_one(ledger: Ledger) -> None:
    """Under one request_id or several."""
    await ledger.open_order()
    answers = await asyncio.gather(
        *(ledger.invoice(key=_other(f"r-{number // 2}")) for number in range(6)),
        return_exceptions=True,
    )
    for answer in answers:
        if isinstance(answer, BaseException):
            assert isinstance(answer, PaygateError)
            assert answer.reason is Reason.OPERATION_IN_PROGRESS
    assert len(await ledger.states()) == 1
