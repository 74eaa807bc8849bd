"""Runs: what both sides agree on, what is posted, what waits and what fails."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway.domain.discrepancy import DiscrepancyState
from gateway.domain.reconciliation import OwnTotal, RunState, shortcomings
from gateway.errors import PaygateError, Reason
from gateway.storage.settlement_lines import last_line
from psp.errors import NotSentError, RejectedError, UnavailableError
from psp.port import Capability
from psp.settlements import ReportState
from tests.integration.reconciliation.till import ACCOUNT, DAY, DAY_AFTER, NOON, OTHER, Till
from tests.support.fake_psp import FakePsp


async def test_books_that_agree_close_to_the_cent(till: Till) -> None:
    """Nothing is open, opening and activity make closing, and the refund's debit is posted once."""
    bought = await till.capture(1999)
    await till.capture(500)
    await till.give_back(bought, 700)

    run = await till.reconcile()

    assert run.state is RunState.DONE
    assert await till.discrepancies(None) == []
    assert shortcomings(run) == ()
    assert [(each.category.value, each.lines, each.gross_minor) for each in run.totals] == [
        ("charge", 2, 2499),
        ("refund", 1, -700),
    ]
    (balance,) = run.balances
    assert (balance.opening_minor, balance.activity_minor, balance.closing_minor) == (0, 1741, 1741)
    (posting,) = await till.postings(bought)
    assert (posting.kind.value, posting.amount.amount_minor) == (
        "refund_debit",
        700,
    )
    assert run.counts.settled == 1
    assert (await till.discrepancies(DiscrepancyState.HEALED)) == []


async def test_a_report_that_is_not_ready_is_a_state(till: Till) -> None:
    """The run waits, says why, and goes on under its id; a new report is asked for with a new key.

    Nothing was taken over meanwhile.
    """
    await till.capture()
    till.psp.books.states.extend([ReportState.NOT_YET, ReportState.PENDING, ReportState.READY])

    waiting = await till.reconcile()
    done = await till.reconcile()

    assert (waiting.state, waiting.detail) == (
        RunState.WAITING_FOR_REPORT,
        "the PSP closes its books at noon",
    )
    assert (done.id, done.state, done.detail) == (waiting.id, RunState.DONE, "")
    assert till.psp.books.keys == [f"{done.id}-1", f"{done.id}-2"]


async def test_a_report_that_failed_is_asked_for_anew(till: Till) -> None:
    """The PSP could not make it: a new one has a key of its own."""
    till.psp.books.states.extend([ReportState.PENDING, ReportState.FAILED])

    run = await till.reconcile()

    assert run.state is RunState.DONE
    assert till.psp.books.keys == [f"{run.id}-1", f"{run.id}-2"]


async def test_a_psp_that_is_away_is_waited_for(till: Till) -> None:
    """Before the report, and in the middle of it: the same run goes on later, from its start."""
    await till.capture()
    till.psp.fail("start_settlement_report", NotSentError("stripe_eu", "no connection"))
    till.psp.fail("settlement_entries", UnavailableError("stripe_eu", "maintenance"))

    waiting = await till.reconcile()
    halfway = await till.reconcile()
    done = await till.reconcile()

    assert waiting.detail == "the PSP could not be asked: stripe_eu: no connection"
    assert halfway.detail == "the report could not be read to its end: stripe_eu: maintenance"
    assert {waiting.state, halfway.state} == {RunState.WAITING_FOR_REPORT}
    assert (done.id, done.line_count, await till.named()) == (waiting.id, 1, [])


async def test_a_report_that_breaks_off_changes_nothing(till: Till) -> None:
    """The run fails with the line; what an earlier report said of the day still counts."""
    for _ in range(3):
        await till.capture()
    good = await till.reconcile()
    till.psp.books.cut_after = 2

    failed = await till.reconcile()
    till.psp.books.cut_after = None
    again = await till.reconcile()

    assert failed.state is RunState.FAILED
    assert failed.detail == (
        f"ReportUnreadable: stripe_eu: report_{failed.id}-1 ends in the middle of line 3"
    )
    assert await till.named() == []
    assert again.id != failed.id
    assert again.totals == good.totals


async def test_a_refusal_of_the_psp_fails_the_run(till: Till) -> None:
    """No wait helps there."""
    till.psp.fail("start_settlement_report", RejectedError("stripe_eu", "no such report", "gone"))

    run = await till.reconcile()

    assert (run.state, run.detail) == (
        RunState.FAILED,
        "Rejected: stripe_eu: no such report [gone]",
    )


async def test_books_that_do_not_close_say_what_is_missing(till: Till) -> None:
    """To the cent."""
    await till.capture(1999)
    till.psp.books.missing_minor = {"EUR": -37}

    run = await till.reconcile()

    assert shortcomings(run) == (
        (
            "EUR: opening 0 + activity 1970 is not closing 1933: "
            "-37 minor units are missing from the report"
        ),
    )


async def test_a_psp_that_tells_no_balances_is_said_so(till: Till) -> None:
    """The totals stand, and are not called proved."""
    await till.capture()
    till.psp.books.tells_balances = False

    run = await till.reconcile()

    assert [balance.closes for balance in run.balances] == [False]
    assert shortcomings(run) == (
        "the PSP does not tell balances: opening + activity = closing is not checked",
    )


async def test_the_same_request_is_answered_as_it_ended(till: Till) -> None:
    """And another one under its id is refused."""
    await till.capture()
    first = await till.reconcile(request_id="r-1")
    await till.capture()

    assert await till.reconcile(request_id="r-1") == first
    with pytest.raises(PaygateError) as refused:
        await till.reconcile(DAY_AFTER, request_id="r-1")
    assert refused.value.reason is Reason.REQUEST_ID_REUSED


async def test_one_run_of_an_account_at_a_time(till: Till) -> None:
    """A second one is told to come back; another account is another matter."""
    await till.capture()
    gate = till.psp.hold("settlement_entries")
    first = asyncio.create_task(till.reconcile())
    await gate.reached()

    with pytest.raises(PaygateError) as refused:
        await till.reconcile()
    other = await till.reconcile(account=OTHER)
    gate.open()

    assert refused.value.reason is Reason.RECONCILIATION_IN_PROGRESS
    assert (other.state, (await first).state) == (RunState.DONE, RunState.DONE)


async def test_a_run_outlives_its_caller(till: Till) -> None:
    """Who goes away in the middle finds it done."""
    await till.capture()
    gate = till.psp.hold("settlement_entries")
    caller = asyncio.create_task(till.reconcile(request_id="r-1"))
    await gate.reached()
    caller.cancel()
    gate.open()
    await till.application.shield.drain(30)

    run = await till.reconcile(request_id="r-1")

    assert run.state is RunState.DONE
    assert len(till.psp.calls_of("settlement_entries")) == 1


@pytest.mark.parametrize(
    "account, says",
    [("nobody", "no account"), ("mute", "reports no settlements")],
)
async def test_an_account_that_cannot_be_reconciled_is_refused(
    till: Till, account: str, says: str
) -> None:
    """Before a run is begun."""
    mute = FakePsp("mute")
    mute.capabilities = frozenset(Capability) - {Capability.SETTLEMENTS}
    till.psps["mute"] = mute

    with pytest.raises(PaygateError) as refused:
        await till.reconcile(account=account)

    (violation,) = refused.value.fields
    assert (violation.field, says in violation.description) == ("psp_account", True)


async def test_a_country_s_day_shows_both_accounts(till: Till) -> None:
    """For the day a country moves: what was captured and refunded at the old PSP and at the new."""
    await till.capture(1000)
    await till.capture(700, country_code="BE")
    old = await till.capture(500, account=OTHER)
    await till.give_back(old, 200)
    await till.reconcile()
    read = till.application.reconciliations.country_day

    half = await read("FR", DAY, (ACCOUNT, OTHER))
    await till.reconcile(account=OTHER)
    whole = await read("FR", DAY, (ACCOUNT, OTHER))

    assert [side.is_reconciled for side in half.sides] == [True, False]
    new_side, old_side = whole.sides
    assert [(each.category.value, each.gross_minor) for each in new_side.totals] == [
        ("charge", 1000)
    ]
    assert new_side.captures == (OwnTotal("EUR", 1, 1000),)
    assert [(each.category.value, each.gross_minor) for each in old_side.totals] == [
        ("charge", 500),
        ("refund", -200),
    ]
    assert (old_side.captures, old_side.refunds) == (
        (OwnTotal("EUR", 1, 500),),
        (OwnTotal("EUR", 1, 200),),
    )


async def test_lines_of_a_report_that_was_replaced_are_dropped(till: Till) -> None:
    """Those of the newest report of each day stay, as evidence."""
    await till.capture()
    await till.capture(at=NOON + timedelta(days=1))
    first = await till.reconcile()
    both = await till.reconcile(DAY, DAY_AFTER)
    second = await till.reconcile(DAY_AFTER)

    lines = [await last_line(till.database, run.id) for run in (first, both, second)]

    assert lines == [0, 2, 1]
    assert await till.named() == []
