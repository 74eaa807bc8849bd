"""Each type of discrepancy, provoked and named; found again, healed, resolved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.discrepancy import DiscrepancyState, DiscrepancyType, Resolution
from gateway.domain.reconciliation import RunState
from gateway.domain.refund import RefundFilter, RefundState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.reconciliation.commands import ResolveCommand
from legacy_bridge.port import MovementKind
from psp.port import RefundStatus
from psp.settlements import SettlementCategory
from tests.integration.reconciliation.till import DAY_AFTER, NOON, Till

Drift = Callable[[Till], Awaitable[str]]
"""Provokes one difference; the reference of what it is about."""


async def _charge_lost(till: Till) -> str:
    return till.psp.books.lose(await till.capture()).payment_reference


async def _refund_lost(till: Till) -> str:
    given = await till.give_back(await till.capture())
    till.psp.books.lose(given)
    return given


async def _charge_unknown(till: Till) -> str:
    till.psp.books.add(SettlementCategory.CHARGE, 700, NOON, payment_reference="pi_foreign")
    return "pi_foreign"


async def _refund_unknown(till: Till) -> str:
    till.psp.books.add(SettlementCategory.REFUND, -700, NOON, refund_reference="re_foreign")
    return "re_foreign"


async def _charge_unnamed(till: Till) -> str:
    return till.psp.books.add(SettlementCategory.CHARGE, 700, NOON).entry_id


async def _charge_amount(till: Till) -> str:
    reference = await till.capture()
    till.psp.books.change(reference, gross_minor=1998)
    return reference


async def _refund_amount(till: Till) -> str:
    given = await till.give_back(await till.capture(), 500)
    till.psp.books.change(given, gross_minor=-501)
    return given


async def _charge_currency(till: Till) -> str:
    reference = await till.capture()
    till.psp.books.change(reference, currency="USD")
    return reference


async def _refund_currency(till: Till) -> str:
    given = await till.give_back(await till.capture())
    till.psp.books.change(given, currency="USD")
    return given


async def _charge_taken_back(till: Till) -> str:
    reference = await till.capture(1999)
    till.psp.books.add(SettlementCategory.CHARGE_FAILURE, -1999, NOON, payment_reference=reference)
    return reference


async def _refund_failed_here_only(till: Till) -> str:
    given = await till.give_back(await till.capture())
    till.psp.books.refund_failure(till.psp.refunds[given], NOON)
    return given


async def _charge_twice(till: Till) -> str:
    reference = await till.capture()
    till.psp.books.double(reference)
    return reference


async def _refund_twice(till: Till) -> str:
    given = await till.give_back(await till.capture())
    till.psp.books.double(given)
    return given


async def _entry_twice(till: Till) -> str:
    entry = till.psp.books.of(await till.capture())
    till.psp.books.double(entry.entry_id, entry_id=entry.entry_id)
    return entry.entry_id


async def _fee_without_reason(till: Till) -> str:
    return till.psp.books.add(SettlementCategory.FEE, -250, NOON).entry_id


async def _fee_that_does_not_add_up(till: Till) -> str:
    return till.psp.books.change(await till.capture(), net_minor=1900).entry_id


async def _category_unknown(till: Till) -> str:
    line = till.psp.books.add(
        SettlementCategory.UNKNOWN, -80, NOON, raw_category="climate_contribution"
    )
    return line.entry_id


_TYPES: dict[DiscrepancyType, list[Drift]] = {
    DiscrepancyType.MISSING_AT_PSP: [_charge_lost, _refund_lost],
    DiscrepancyType.MISSING_HERE: [_charge_unknown, _refund_unknown, _charge_unnamed],
    DiscrepancyType.AMOUNT: [_charge_amount, _refund_amount],
    DiscrepancyType.CURRENCY: [_charge_currency, _refund_currency],
    DiscrepancyType.STATUS: [_charge_taken_back, _refund_failed_here_only],
    DiscrepancyType.DUPLICATE: [_charge_twice, _refund_twice, _entry_twice],
    DiscrepancyType.UNEXPLAINED_FEE: [_fee_without_reason, _fee_that_does_not_add_up],
    DiscrepancyType.UNKNOWN_CATEGORY: [_category_unknown],
}
CASES = [
    pytest.param(kind, drift, id=drift.__name__.strip("_"))
    for kind, drifts in _TYPES.items()
    for drift in drifts
]


def test_every_type_is_provoked() -> None:
    """None is named in the contract alone."""
    assert set(_TYPES) == set(DiscrepancyType)


@pytest.mark.parametrize("kind, drift", CASES)
async def test_a_difference_is_named(till: Till, kind: DiscrepancyType, drift: Drift) -> None:
    """Alone, with evidence of the side that has it, among others that agree; found again, the same.

    The totals close on what the PSP reports, whatever is in it.
    """
    await till.give_back(await till.capture())
    reference = await drift(till)

    run = await till.reconcile()
    (found,) = await till.discrepancies()
    again = await till.reconcile()
    (still,) = await till.discrepancies()

    assert (found.finding.type, found.finding.subject.reference) == (kind, reference)
    assert found.finding.ours or found.finding.psp
    assert (run.counts.found, run.counts.new) == (1, 1)
    assert all(balance.closes for balance in run.balances)
    assert (still.id, still.first_run_id, still.last_run_id) == (found.id, run.id, again.id)
    assert (again.totals, again.line_count) == (run.totals, run.line_count)
    assert (again.counts.found, again.counts.new) == (1, 0)


async def test_a_partial_capture_s_release_is_no_refund(till: Till) -> None:
    """What was never taken is taken off the charge."""
    reference = await till.capture(1500)
    till.psp.books.change(reference, gross_minor=1999)
    till.psp.books.add(SettlementCategory.RELEASE, -499, NOON, payment_reference=reference)

    await till.reconcile()

    assert await till.named() == []


async def test_a_late_line_heals_what_missed_it(till: Till) -> None:
    """It stands in the next day's report; the discrepancy says which line came."""
    reference = await till.capture()
    line = till.psp.books.lose(reference)
    await till.reconcile()
    till.psp.books.lines.append(replace(line, occurred_time=NOON + timedelta(days=1)))

    run = await till.reconcile(DAY_AFTER)

    (healed,) = await till.discrepancies(None)
    assert healed.state is DiscrepancyState.HEALED
    assert healed.healed_reason == f"the PSP's line came: {line.entry_id}"
    assert run.counts.healed == 1


async def test_a_late_refund_s_money_is_posted_when_its_line_comes(till: Till) -> None:
    """Once, although three runs see it."""
    bought = await till.capture()
    given = await till.give_back(bought)
    line = till.psp.books.lose(given)
    await till.reconcile()
    assert await till.postings(bought) == []
    till.psp.books.lines.append(replace(line, occurred_time=NOON + timedelta(days=1)))

    for _ in range(2):
        await till.reconcile(DAY_AFTER)

    assert [each.key for each in await till.postings(bought)] == [
        f"refund-settled:stripe_eu:{given}"
    ]


async def test_a_newer_report_of_the_day_heals_lines(till: Till) -> None:
    """The last report that was read of a day is the PSP's word on it."""
    odd = await _category_unknown(till)
    reference = await _charge_amount(till)
    await till.reconcile()
    till.psp.books.lose(odd)
    till.psp.books.change(reference, gross_minor=1999)

    await till.reconcile()

    assert await till.named() == []
    assert {each.state for each in await till.discrepancies(None)} == {DiscrepancyState.HEALED}


async def test_what_healed_and_is_found_again_is_the_same(till: Till) -> None:
    """It is open again, under its id."""
    reference = await _charge_amount(till)
    await till.reconcile()
    (first,) = await till.discrepancies()
    till.psp.books.change(reference, gross_minor=1999)
    await till.reconcile()
    till.psp.books.change(reference, gross_minor=1997)

    await till.reconcile()

    (found,) = await till.discrepancies()
    assert (found.id, found.finding.psp_minor, found.healed_reason) == (first.id, 1997, "")


async def test_a_pending_refund_is_settled_by_its_line(till: Till) -> None:
    """The money left our balance, whenever the shopper's bank has it."""
    bought = await till.capture()
    await till.give_back(bought, state=RefundState.PENDING)

    await till.reconcile()

    assert await till.named() == []
    assert len(await till.postings(bought)) == 1


async def test_a_refund_that_came_back_is_reversed(till: Till) -> None:
    """The PSP is asked, its word corrects the refund, and both movements stand, once each."""
    bought = await till.capture()
    given = await till.give_back(bought, state=RefundState.SUCCEEDED)
    await till.reconcile()
    till.psp.fail_refund(given)

    for _ in range(2):
        await till.reconcile()

    assert await till.named() == []
    wanted = RefundFilter(payment_id=till.psp.payments[bought].payment_id)
    (refund,) = (await till.application.refunds.list(wanted, "", 5)).refunds
    assert refund.state is RefundState.FAILED
    kinds = [each.kind.value for each in await till.postings(bought)]
    assert sorted(kinds).count("refund_debit") == 1
    assert sorted(kinds).count("refund_reversal") == 1


async def test_a_refund_made_by_hand_at_the_psp_is_taken_over(till: Till) -> None:
    """Its line makes the gateway ask, and then both sides agree."""
    bought = await till.capture()
    given = await till.give_back(bought)
    foreign = replace(
        till.psp.refunds[given], psp_reference="re_by_hand", refund_id="", amount_minor=100
    )
    till.psp.refunds["re_by_hand"] = foreign
    till.psp.books.refund(foreign, NOON)

    await till.reconcile()

    assert await till.named() == []
    assert len(await till.postings(bought)) == 1


async def test_a_resolved_discrepancy_stays_resolved_until_the_sums_change(till: Till) -> None:
    """Who resolved it saw these sums; others are for him to see again."""
    reference = await _charge_amount(till)
    await till.reconcile()
    (found,) = await till.discrepancies()
    command = ResolveCommand(
        RequestKey("tests", "ResolveDiscrepancy", "r-1"),
        found.id,
        "ana",
        "a rounding of the PSP's, see ticket 7",
        Resolution.EXPLAINED,
    )
    resolve = till.application.reconciliations.resolve
    resolved = await resolve(command)
    assert await resolve(command) == resolved

    await till.reconcile()
    (kept,) = await till.discrepancies(None)
    till.psp.books.change(reference, gross_minor=1000)
    await till.reconcile()
    (opened,) = await till.discrepancies(None)

    assert (kept.state, kept.owner) == (DiscrepancyState.RESOLVED, "ana")
    assert kept.resolution is Resolution.EXPLAINED
    assert (opened.state, opened.owner, opened.resolution) == (DiscrepancyState.OPEN, "ana", None)


async def test_a_discrepancy_that_nobody_has_is_refused(till: Till) -> None:
    """And so is another request under the same id."""
    command = ResolveCommand(
        RequestKey("tests", "ResolveDiscrepancy", "r-1"), "dis_0", "ana", "", None
    )

    with pytest.raises(PaygateError) as refused:
        await till.application.reconciliations.resolve(command)

    assert refused.value.reason is Reason.DISCREPANCY_NOT_FOUND


async def test_lines_at_midnight_are_expected_by_one_of_both_days(till: Till) -> None:
    """Heard of a minute later than it was booked, or the other way round: nothing is missing."""
    midnight = NOON + timedelta(hours=12)
    late_here = await till.capture(at=midnight + timedelta(minutes=1))
    till.psp.books.change(late_here, occurred_time=midnight - timedelta(minutes=1))
    late_there = await till.capture(at=midnight - timedelta(minutes=1))
    till.psp.books.change(late_there, occurred_time=midnight + timedelta(minutes=1))
    lost = await till.capture(at=midnight - timedelta(minutes=2))
    till.psp.books.lose(lost)

    first = await till.reconcile()
    assert (first.state, await till.named()) == (RunState.DONE, [])
    await till.reconcile(DAY_AFTER)

    assert await till.named() == [("missing_at_psp", lost)]


async def test_a_refund_of_which_the_psp_says_nothing_more_stays_open(till: Till) -> None:
    """Pending here, failed in the books: the PSP is asked and says that it is pending."""
    given = await till.give_back(
        await till.capture(), state=RefundState.PENDING, at_psp=RefundStatus.PENDING
    )
    till.psp.books.refund_failure(till.psp.refunds[given], NOON)

    await till.reconcile()

    assert await till.named() == [("status", given)]


@pytest.mark.parametrize("changes", [{"gross_minor": -499}, {"currency": "USD"}])
async def test_a_refund_that_differs_is_not_posted(till: Till, changes: dict[str, Any]) -> None:
    """Nobody knows yet what was paid; told rightly, it is posted once."""
    bought = await till.capture()
    given = await till.give_back(bought)
    line = till.psp.books.of(given)
    till.psp.books.change(given, **changes)
    await till.reconcile()
    before = await _settled(till, bought)
    till.psp.books.change(given, gross_minor=line.gross_minor, currency=line.currency)

    for _ in range(2):
        await till.reconcile()

    assert (before, await _settled(till, bought)) == ([], [-500])


async def test_a_return_that_took_the_refund_s_row_is_reversed(till: Till) -> None:
    """Ogone has one row an operation: the refund's day, read again, has it no more."""
    bought = await till.capture()
    given = await till.give_back(bought)
    await till.reconcile()
    till.psp.fail_refund(given)
    till.psp.books.lose(given)
    till.psp.books.change(given, occurred_time=NOON + timedelta(days=1))
    await till.reconcile(DAY_AFTER)

    await till.reconcile()
    again = await till.reconcile(DAY_AFTER)

    assert (again.state, await till.named()) == (RunState.DONE, [])
    assert await _settled(till, bought) == [-500, 500]


async def test_a_refund_that_failed_here_must_come_back_in_the_books(till: Till) -> None:
    """The debit was posted long ago: no line of the return is money that nobody gave us back."""
    bought = await till.capture()
    given = await till.give_back(bought)
    await till.reconcile()
    await _fails(till, given)

    await till.reconcile(DAY_AFTER)
    named = await till.named()
    till.psp.books.refund_failure(till.psp.refunds[given], NOON + timedelta(days=2))
    await till.reconcile(DAY_AFTER + timedelta(days=1))

    assert named == [("status", given)]
    assert await till.named() == []
    assert await _settled(till, bought) == [-500, 500]


async def test_a_refund_that_agrees_after_it_was_resolved_is_posted(till: Till) -> None:
    """Who closed the difference by hand did not move the account."""
    bought = await till.capture()
    pending = RefundStatus.PENDING
    given = await till.give_back(bought, state=RefundState.PENDING, at_psp=pending)
    till.psp.books.refund_failure(till.psp.refunds[given], NOON)
    await till.reconcile()
    (found,) = await till.discrepancies()
    key = RequestKey("tests", "ResolveDiscrepancy", "r-1")
    await till.application.reconciliations.resolve(
        ResolveCommand(key, found.id, "ana", "asked the PSP", Resolution.CORRECTED)
    )
    await _fails(till, given)

    for _ in range(2):
        await till.reconcile(DAY_AFTER)

    (kept,) = await till.discrepancies(None)
    assert kept.state is DiscrepancyState.RESOLVED
    assert await _settled(till, bought) == [-500, 500]


async def _fails(till: Till, given: str) -> None:
    """Let a refund fail at the PSP the day after, and the gateway hear of it; no line tells so."""
    till.psp.fail_refund(given)
    till.psp.books.lines.pop()
    now, till.clock.now = till.clock.now, NOON + timedelta(days=1)
    payment = till.psp.payments[till.psp.refunds[given].payment_reference]
    await till.application.reconciliations.ask(payment.payment_id)
    till.clock.now = now


async def _settled(till: Till, bought: str) -> list[int]:
    """Return what the PSP's books moved on the account."""
    postings = await till.postings(bought)
    signs = {MovementKind.REFUND_DEBIT: -1, MovementKind.REFUND_REVERSAL: 1}
    return sorted(
        signs[each.kind] * each.amount.amount_minor for each in postings if each.kind in signs
    )
