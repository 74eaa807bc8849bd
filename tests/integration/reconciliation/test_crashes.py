"""A process that dies at any step of a run: the next one ends as if it had not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from gateway.domain.reconciliation import RunState
from gateway.storage.database import Database
from tests.integration.reconciliation.till import DAY, DAY_AFTER, Till
from tests.support.rig import CrashError

_LEASE_ENDS: Final = timedelta(minutes=6)
_FEWEST_STEPS: Final = 20


async def _play(till: Till, account: str) -> dict[str, str]:
    """Make an account's books: a refund, three differences, and one that heals in the next run."""
    books = till.add_account(account).books
    late = await till.capture(account=account)
    line = books.lose(late)
    await till.reconcile(account=account)
    books.lines.append(line)
    bought = await till.capture(account=account)
    given = await till.give_back(bought)
    lost = await till.capture(account=account)
    books.lose(lost)
    other = await till.capture(account=account)
    books.change(other, gross_minor=1500)
    books.lines.append(replace(books.of(bought)))
    entry = books.of(bought).entry_id
    return {
        "late": late,
        "bought": bought,
        "given": given,
        "lost": lost,
        "other": other,
        "entry": entry,
    }


async def _expect_the_end(till: Till, account: str, made: dict[str, str]) -> None:
    """Finish the run in a new process once the dead one's lease has ended, and look around."""
    till.restart()
    till.clock.advance(_LEASE_ENDS)

    run = await till.reconcile(account=account, request_id=f"crashing-{account}")

    assert run.state is RunState.DONE
    found = await till.discrepancies(None, account)
    assert sorted(
        (each.finding.type.value, each.finding.subject.reference, each.state.value)
        for each in found
    ) == sorted(
        [
            ("missing_at_psp", made["late"], "healed"),
            ("missing_at_psp", made["lost"], "open"),
            ("amount", made["other"], "open"),
            ("duplicate", made["entry"], "open"),
        ]
    )
    assert [each.key for each in await till.postings(made["bought"])] == [
        f"refund-settled:{account}:{made['given']}"
    ]
    assert [(total.category.value, total.lines) for total in run.totals] == [
        ("charge", 3),
        ("refund", 1),
    ]
    assert all(balance.closes for balance in run.balances)


async def test_a_run_that_dies_at_any_step_ends_the_same(database: Database) -> None:
    """Every difference once, every movement once, the same totals, whichever step was the last.

    Each step has an account of its own, with books of its own.
    """
    till = Till(database)
    made = await _play(till, "whole")
    till.restart()
    await till.reconcile(account="whole", request_id="crashing-whole")
    steps = till.steps.taken
    await _expect_the_end(till, "whole", made)
    assert len(steps) > _FEWEST_STEPS

    for crash_at in range(1, len(steps) + 1):
        account = f"account-{crash_at}"
        made = await _play(till, account)
        till.restart(crash_at)
        with pytest.raises(CrashError):
            await till.reconcile(account=account, request_id=f"crashing-{account}")
        await _expect_the_end(till, account, made)


async def test_lines_of_a_run_that_died_while_reading_count_for_nothing(
    database: Database,
) -> None:
    """Another period of the account is reconciled meanwhile, as if they were not there."""
    till = Till(database)
    psp = till.psp
    await till.capture()
    reference = await till.capture()
    psp.books.change(reference, gross_minor=1500)
    till.restart()
    await till.reconcile(request_id="whole")
    named = await till.named()
    at_load = till.steps.taken.index("after load") + 1
    till.restart(at_load)
    psp.books.change(reference, gross_minor=1700)
    with pytest.raises(CrashError):
        await till.reconcile(request_id="crashing")
    till.restart()
    till.clock.advance(_LEASE_ENDS)

    await till.reconcile(DAY_AFTER)

    assert await till.named() == named
    (found,) = await till.discrepancies()
    assert found.finding.psp_minor == 1500


async def test_a_run_that_died_and_whose_days_a_later_one_read_begins_anew(
    database: Database,
) -> None:
    """Its lines are gone by then: it would add up nothing, and call the day unbalanced."""
    till = Till(database)
    await till.give_back(await till.capture())

    async def die(*_: object) -> int:
        raise CrashError("while it is matched")

    matching: Any = till.application.reconciliations._parts.matching  # noqa: SLF001 - where it dies
    matching.match = die
    with pytest.raises(CrashError):
        await till.reconcile()
    till.restart()
    till.clock.advance(_LEASE_ENDS)
    await till.reconcile(DAY, DAY_AFTER)

    run = await till.reconcile()

    assert (run.state, run.line_count, len(run.totals)) == (RunState.DONE, 2, 2)
    assert all(balance.closes for balance in run.balances)
    assert await till.named() == []
