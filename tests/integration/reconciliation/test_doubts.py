"""What is left out as surely agreeing is what the rules find no difference in, and nothing else."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from gateway.domain.discrepancy import DiscrepancyType, Subject, SubjectKind
from gateway.domain.reconciliation import Reconciliation, RunState
from gateway.domain.refund import RefundState
from gateway.domain.settlement_rules import subject_of
from gateway.ids import new_id
from gateway.reconciliation import staging
from gateway.reconciliation.pairing import Pair, Pairs, judged
from gateway.storage.settlement_doubts import doubted_subjects
from gateway.storage.settlement_lines import count_lines_of, stage_lines
from psp.settlements import SettlementCategory, SettlementPeriod
from tests.integration.reconciliation.till import ACCOUNT, DAY, NOON, OTHER, Till

_CURRENCIES = ("EUR", "USD")


async def test_a_line_alone_is_in_doubt_if_the_rules_find_a_difference(till: Till) -> None:
    """Whatever it says of a payment or refund, known here or not, and wherever that stands.

    And only then, but for lines that move nothing.
    """
    books = till.psp.books
    for gross, currency in product((1999, 1998, 0, -1999), _CURRENCIES):
        books.change(await till.capture(), gross_minor=gross, currency=currency)
    for state, gross, currency in product(RefundState, (-500, -501, 0, 500), _CURRENCIES):
        given = await till.give_back(await till.capture(), 500, state)
        books.lines = [line for line in books.lines if not line.category.endswith("_failure")]
        books.change(given, gross_minor=gross, currency=currency)
    for gross in (0, 700):
        books.add(SettlementCategory.CHARGE, gross, NOON, payment_reference=f"pi_foreign_{gross}")
        books.add(SettlementCategory.REFUND, gross, NOON, refund_reference=f"re_foreign_{gross}")
    books.add(SettlementCategory.FEE, -250, NOON)
    assert set(_lines_by_subject(till).values()) == {1}

    doubts = set(await _doubts_of_a_run(till))

    pairs = Pairs(till.database, ACCOUNT)
    named = _lines_by_subject(till)
    found: list[Pair] = [
        *await pairs.payments(_references(named, SubjectKind.PAYMENT)),
        *await pairs.refunds(_references(named, SubjectKind.REFUND)),
    ]
    differing = {finding.subject for pair in found if (finding := judged(pair)) is not None}
    of_nothing = {subject_of(line) for line in books.lines if not line.gross_minor}
    assert differing
    assert differing <= doubts
    assert doubts - differing <= of_nothing


async def test_what_has_other_lines_is_in_doubt(till: Till) -> None:
    """Together they say more than the one of this chunk."""
    reference = await till.capture()
    given = await till.give_back(await till.capture())
    await till.capture()
    for each in (reference, given):
        till.psp.books.double(each)
    fee = till.psp.books.add(SettlementCategory.FEE, -250, NOON, description="Billing")
    till.psp.books.double(fee.entry_id, entry_id=fee.entry_id)

    doubts = await _doubts_of_a_run(till)

    assert Counter(doubts) == {
        Subject(SubjectKind.PAYMENT, reference): 1,
        Subject(SubjectKind.REFUND, given): 1,
        Subject(SubjectKind.LINE, fee.entry_id): 1,
    }


async def test_lines_of_another_account_raise_no_doubt(till: Till) -> None:
    """Two PSPs may give the same reference."""
    reference = await till.capture()
    other = till.psps[OTHER].books
    other.add(SettlementCategory.CHARGE, 5, NOON, payment_reference=reference)
    await till.reconcile(account=OTHER)

    assert await _doubts_of_a_run(till) == []


async def test_an_entry_that_comes_again_much_later_is_counted_once(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another chunk than the first time, and not taken for a payment that was charged twice."""
    monkeypatch.setattr(staging, "CHUNK_LINES", 1)
    entry = till.psp.books.of(await till.capture())
    await till.capture()
    till.psp.books.double(entry.entry_id, entry_id=entry.entry_id)
    till.psp.books.double(entry.entry_id, entry_id=entry.entry_id)

    run = await till.reconcile()

    (found,) = await till.discrepancies()
    assert found.finding.type is DiscrepancyType.DUPLICATE
    assert found.finding.subject == Subject(SubjectKind.LINE, entry.entry_id)
    assert found.finding.psp_minor == entry.gross_minor * 2
    assert [total.lines for total in run.totals] == [2]


async def _doubts_of_a_run(till: Till) -> list[Subject]:
    """Stage the books as a run would, and ask what is in doubt."""
    period = SettlementPeriod(DAY, DAY)
    run = Reconciliation(new_id("rec"), ACCOUNT, period, RunState.MATCHING, "", NOON, NOON)
    lines = till.psp.books.lines
    await stage_lines(till.database, run, 1, lines)
    await till.database.commit(count_lines_of(run.id, ACCOUNT, period, frozenset()))
    return await doubted_subjects(till.database, run.id, ACCOUNT, 0, len(lines))


def _lines_by_subject(till: Till) -> Counter[Subject]:
    return Counter(subject_of(line) for line in till.psp.books.lines)


def _references(subjects: Counter[Subject], kind: SubjectKind) -> list[str]:
    return [subject.reference for subject in subjects if subject.kind is kind]
