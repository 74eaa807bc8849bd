"""Holding a report's lines against payments and refunds, chunk by chunk, and naming differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol

from gateway.domain.discrepancy import Discrepancy, Finding, Subject, SubjectKind
from gateway.domain.reconciliation import Reconciliation
from gateway.domain.settlement_rules import (
    BookedLine,
    healing_reason,
    judge_line,
    judge_payment,
    judge_refund,
)
from gateway.reconciliation.keeping import DiscrepancyBooks, batched
from gateway.reconciliation.pairing import Pair, Pairs, ReadPairs, judged
from gateway.reconciliation.settling import Settling
from gateway.reconciliation.staging import Keep, chunks
from gateway.reconciliation.windows import expected_window
from gateway.storage.database import Database
from gateway.storage.discrepancies import open_and_not_seen
from gateway.storage.settlement_doubts import doubted_subjects
from gateway.storage.settlement_lines import (
    counted_runs,
    delete_repeats,
    first_covered_day,
    last_line,
    odd_lines,
    repeated_lines,
)
from gateway.storage.settlement_pairs import (
    PaymentPair,
    RefundPair,
    failed_refunds,
    uncharged_payments,
    unrefunded_refunds,
    window_end,
)
from psp.settlements import SettlementPeriod

_BATCH: Final = 500
_MOST_ASKED: Final = 500
"""How many payments the PSP is asked about in one run; what is left is asked about by the next."""
_DAY: Final = timedelta(days=1)


class Asker(Protocol):
    """See `gateway.reconciliation.correcting.Corrections`."""

    async def ask(self, payment_id: str) -> None:
        """Take over what the PSP says of a payment and its refunds."""


@dataclass
class _Matched:
    """One run while it is matched."""

    run: Reconciliation
    pairs: Pairs
    keep: Keep
    asked: set[str]


class Matching:
    """Names every difference of a run. Doing it again, after a crash, ends the same."""

    def __init__(
        self, database: Database, books: DiscrepancyBooks, settling: Settling, asker: Asker
    ) -> None:
        self._database = database
        self._books = books
        self._settling = settling
        self._asker = asker

    async def ask(self, payment_id: str) -> None:
        """See `Asker.ask`."""
        await self._asker.ask(payment_id)

    async def match(self, run: Reconciliation, keep: Keep, tell: Callable[[int], None]) -> int:
        """Match a run whose report was read to its end; how many old discrepancies it closed."""
        matched = _Matched(run, Pairs(self._database, run.psp_account), keep, set())
        for after, until in chunks(await last_line(self._database, run.id)):
            await keep()
            await self._match_lines(matched, after, until)
            tell(until)
        await self._find_missing(matched)
        return await self._heal(matched)

    async def _match_lines(self, matched: _Matched, after: int, until: int) -> None:
        run, pairs = matched.run, matched.pairs
        doubts = await doubted_subjects(self._database, run.id, run.psp_account, after, until)
        # First: an entry that comes again is in doubt where it comes for the first time, and must
        # not be added up twice.
        for batch in batched(doubts, _BATCH):
            await matched.keep()
            await self._take_repeats_out(run, [subject.reference for subject in batch])
        odd = await odd_lines(self._database, run.id, after, until)
        await self._books.keep(run, _named(judge_line(line) for line in odd))
        for kind, read in (
            (SubjectKind.PAYMENT, pairs.payments),
            (SubjectKind.REFUND, pairs.refunds),
        ):
            for references in batched(_of_kind(doubts, kind), _BATCH):
                await self._judge(matched, await read(references), read)

    async def _take_repeats_out(self, run: Reconciliation, references: Sequence[str]) -> None:
        """Name entries that the report has twice, wherever it has them, and count each once."""
        again = await repeated_lines(self._database, run.id, run.psp_account, references)
        if not again:
            return
        most = {line.entry.entry_id: line for line in sorted(again, key=_repeats)}
        await self._books.keep(run, _named(judge_line(line) for line in most.values()))
        await self._database.commit([delete_repeats(run.id, run.psp_account, references)])

    async def _judge(self, matched: _Matched, pairs: Sequence[Pair], read: ReadPairs) -> None:
        """Name the differences of pairs; the PSP is asked first, and then they are read again."""
        differing = [pair for pair in pairs if judged(pair) is not None]
        for batch in batched(differing, _BATCH):
            await matched.keep()
            asked = await self._ask_about(matched, batch)
            found = await read([pair.reference for pair in batch]) if asked else batch
            await self._books.keep(matched.run, _named(judged(pair) for pair in found))

    async def _ask_about(self, matched: _Matched, pairs: Sequence[Pair]) -> bool:
        """Ask the PSP about the payments of pairs, each once in a run; whether any was."""
        any_asked = False
        for pair in pairs:
            payment_id = await matched.pairs.payment_id_of(pair)
            if not payment_id or payment_id in matched.asked:
                continue
            if len(matched.asked) >= _MOST_ASKED:
                break
            matched.asked.add(payment_id)
            await matched.keep()
            await self._asker.ask(payment_id)
            any_asked = True
        return any_asked

    async def _find_missing(self, matched: _Matched) -> None:
        """Find what moved here in the period and is in no book of the PSP's."""
        run = matched.run
        window = expected_window(
            run.period,
            day_before_is_read=await self._is_read(run, run.period.first_day - _DAY),
            day_after_is_read=await self._is_read(run, run.period.last_day + _DAY),
        )
        first_day = await first_covered_day(self._database, run.psp_account)
        covered = datetime.combine(first_day or run.period.first_day, time(), UTC)
        after = window.after
        while after < window.until:
            await matched.keep()
            until = await window_end(self._database, after, window.until)
            uncharged = await uncharged_payments(self._database, run.psp_account, after, until)
            await self._judge(
                matched,
                [PaymentPair(ours.psp_reference, None, ours) for ours, _ in uncharged],
                matched.pairs.payments,
            )
            unrefunded = await unrefunded_refunds(
                self._database,
                run.psp_account,
                after,
                until,
                since=window.after,
                covered_since=covered,
            )
            await self._judge(
                matched,
                [RefundPair(ours.refund.psp_reference, None, ours) for ours in unrefunded],
                matched.pairs.refunds,
            )
            failed = await failed_refunds(
                self._database, run.psp_account, after, until, since=window.after
            )
            for batch in batched(failed, _BATCH):
                refunds = await matched.pairs.refunds(batch)
                await self._judge(matched, refunds, matched.pairs.refunds)
            after = until

    async def _is_read(self, run: Reconciliation, day: date) -> bool:
        period = SettlementPeriod(day, day)
        return bool(await counted_runs(self._database, run.psp_account, period))

    async def _heal(self, matched: _Matched) -> int:
        """Close what is open and no difference any more."""
        run, closed, after_id = matched.run, 0, ""
        while page := await open_and_not_seen(
            self._database, run.psp_account, run.id, after_id, _BATCH
        ):
            await matched.keep()
            after_id = page[-1].id
            closed += await self._heal_lines(run, page)
            closed += await self._heal_payments(matched, page)
            closed += await self._heal_refunds(matched, page)
        return closed

    async def _heal_lines(self, run: Reconciliation, page: Sequence[Discrepancy]) -> int:
        """Close those about lines that this newer report of their day has no more."""
        reason = f"a newer report of that day has it no more: {run.id}"
        return sum(
            [
                await self._books.heal(known, reason)
                for known in _about(page, SubjectKind.LINE)
                if run.period.since <= known.finding.occurred_time < run.period.until
            ]
        )

    async def _heal_payments(self, matched: _Matched, page: Sequence[Discrepancy]) -> int:
        known = {each.id: each for each in _about(page, SubjectKind.PAYMENT)}
        references = sorted({each.finding.subject.reference for each in known.values()})
        pairs = {pair.reference: pair for pair in await matched.pairs.payments(references)}
        closed = 0
        for discrepancy in known.values():
            pair = pairs[discrepancy.finding.subject.reference]
            after = judge_payment(pair.reference, pair.ours, pair.lines)
            if after is None or after.type is not discrepancy.finding.type:
                reason = healing_reason(discrepancy.finding.type, pair.lines, after)
                closed += await self._books.heal(discrepancy, reason)
                await self._books.keep(matched.run, _named([after]))
        return closed

    async def _heal_refunds(self, matched: _Matched, page: Sequence[Discrepancy]) -> int:
        """As payments; the money of a refund whose sides agree now is posted along."""
        known = {each.id: each for each in _about(page, SubjectKind.REFUND)}
        references = sorted({each.finding.subject.reference for each in known.values()})
        pairs = {pair.reference: pair for pair in await matched.pairs.refunds(references)}
        closed = 0
        for discrepancy in known.values():
            pair = pairs[discrepancy.finding.subject.reference]
            after = judge_refund(pair.reference, pair.ours, pair.lines)
            if after is None or after.type is not discrepancy.finding.type:
                reason = healing_reason(discrepancy.finding.type, pair.lines, after)
                writes = self._settling.writes([pair])
                closed += await self._books.heal(discrepancy, reason, writes)
                await self._books.keep(matched.run, _named([after]))
        return closed


def _repeats(line: BookedLine) -> int:
    return line.repeats


def _of_kind(subjects: Iterable[Subject], kind: SubjectKind) -> list[str]:
    return [subject.reference for subject in subjects if subject.kind is kind]


def _about(page: Iterable[Discrepancy], kind: SubjectKind) -> list[Discrepancy]:
    return [each for each in page if each.finding.subject.kind is kind]


def _named(findings: Iterable[Finding | None]) -> list[Finding]:
    return [finding for finding in findings if finding is not None]
