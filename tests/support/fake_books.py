"""The books of a PSP in memory: a line for all that moves, and drift on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from psp.errors import ReportUnreadableError
from psp.port import PspPayment, PspRefund
from psp.settlements import (
    ReportState,
    SettlementCategory,
    SettlementEntry,
    SettlementPeriod,
    SettlementReport,
)


@dataclass
class FakeBooks:
    """Lines in the order of their making. Nothing here asks what the PSP's payments say."""

    account: str
    fee_minor: int = 29
    """Of each charge."""
    lines: list[SettlementEntry] = field(default_factory=list)
    states: deque[ReportState] = field(default_factory=deque)
    """How the next reports stand when they are asked for; READY once it is empty."""
    tells_balances: bool = True
    missing_minor: dict[str, int] = field(default_factory=dict)
    """What the closing balance has beyond the lines, by currency."""
    cut_after: int | None = None
    """After so many lines a download breaks off."""
    keys: list[str] = field(default_factory=list)
    """Idempotency keys of the reports that were asked for."""

    def __post_init__(self) -> None:
        self._periods: dict[str, SettlementPeriod] = {}
        self._made = 0

    # ------------------------------------------------------------ what moves

    def add(
        self, category: SettlementCategory, gross_minor: int, now: datetime, **values: Any
    ) -> SettlementEntry:
        """Write a line; its net follows, unless it is given."""
        self._made += 1
        given = {
            "entry_id": f"txn_{self.account}_{self._made}",
            "raw_category": category.value,
            "currency": "EUR",
            "fee_minor": 0,
            **values,
        }
        given.setdefault("net_minor", gross_minor - given["fee_minor"])
        entry = SettlementEntry(
            category=category, occurred_time=now, gross_minor=gross_minor, **given
        )
        self.lines.append(entry)
        return entry

    def charge(self, payment: PspPayment, taken_minor: int, now: datetime) -> None:
        """Write what was taken of a payment."""
        self.add(
            SettlementCategory.CHARGE,
            taken_minor,
            now,
            currency=payment.currency,
            fee_minor=min(self.fee_minor, taken_minor),
            payment_reference=payment.psp_reference,
        )

    def refund(self, refund: PspRefund, now: datetime) -> None:
        """Write what was given back."""
        self._of_refund(SettlementCategory.REFUND, refund, -refund.amount_minor, now)

    def refund_failure(self, refund: PspRefund, now: datetime) -> None:
        """Write what came back."""
        self._of_refund(SettlementCategory.REFUND_FAILURE, refund, refund.amount_minor, now)

    def _of_refund(
        self, category: SettlementCategory, refund: PspRefund, gross_minor: int, now: datetime
    ) -> None:
        self.add(
            category,
            gross_minor,
            now,
            currency=refund.currency,
            payment_reference=refund.payment_reference,
            refund_reference=refund.psp_reference,
        )

    # ------------------------------------------------------------ drift

    def of(self, reference: str) -> SettlementEntry:
        """Return the first line of a payment or refund, by the PSP's reference."""
        return next(
            line
            for line in self.lines
            if reference in {line.refund_reference or line.payment_reference, line.entry_id}
        )

    def lose(self, reference: str) -> SettlementEntry:
        """Drop a line, as if it had never been written."""
        line = self.of(reference)
        self.lines.remove(line)
        return line

    def double(self, reference: str, **changes: Any) -> SettlementEntry:
        """Write a line again, under an id of its own."""
        line = self.of(reference)
        again = replace(line, **{"entry_id": f"{line.entry_id}_again", **changes})
        self.lines.append(again)
        return again

    def change(self, reference: str, **changes: Any) -> SettlementEntry:
        """Falsify a line; its net follows, unless it is given."""
        line = self.of(reference)
        changed = replace(line, **changes)
        if "net_minor" not in changes:
            changed = replace(changed, net_minor=changed.gross_minor - changed.fee_minor)
        self.lines[self.lines.index(line)] = changed
        return changed

    # ------------------------------------------------------------ reports

    def start(self, period: SettlementPeriod, key: str) -> SettlementReport:
        """Make a report, the same for the same key."""
        self.keys.append(key)
        reference = f"report_{key}"
        self._periods[reference] = period
        return self._report(reference)

    def retrieve(self, reference: str) -> SettlementReport:
        """Return where a report stands."""
        return self._report(reference)

    def read(self, reference: str) -> Iterator[SettlementEntry]:
        """Yield the lines of a report."""
        inside = self._inside(self._periods[reference])
        for number, line in enumerate(inside):
            if number == self.cut_after:
                raise ReportUnreadableError(
                    self.account, f"{reference} ends in the middle of line {number + 1}"
                )
            yield line

    def _report(self, reference: str) -> SettlementReport:
        state = self.states.popleft() if self.states else ReportState.READY
        if state is ReportState.NOT_YET:
            return SettlementReport("", state, "the PSP closes its books at noon")
        if state is not ReportState.READY:
            return SettlementReport(reference, state, f"the report is {state.value}")
        if not self.tells_balances:
            return SettlementReport(reference, state)
        period = self._periods[reference]
        before = [line for line in self.lines if line.occurred_time < period.since]
        opening = _sums(before)
        closing = _sums([*before, *self._inside(period)])
        for currency, extra in self.missing_minor.items():
            closing[currency] = closing.get(currency, 0) + extra
        return SettlementReport(reference, state, "", opening, closing)

    def _inside(self, period: SettlementPeriod) -> list[SettlementEntry]:
        return [line for line in self.lines if period.since <= line.occurred_time < period.until]


def _sums(lines: Iterable[SettlementEntry]) -> dict[str, int]:
    sums: dict[str, int] = {}
    counted: set[str] = set()
    for line in lines:
        if line.entry_id not in counted:
            counted.add(line.entry_id)
            sums[line.currency] = sums.get(line.currency, 0) + line.net_minor
    return sums
