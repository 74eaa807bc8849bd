"""A reconciliation: one run over a PSP account's books of a period, and what it added up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from psp.settlements import SettlementCategory, SettlementPeriod


class RunState(StrEnum):
    """How far a run came."""

    WAITING_FOR_REPORT = "waiting_for_report"
    """The PSP has no report of the period yet; the run's detail says why. Run it again later."""
    STAGING = "staging"
    """The report is being read; nothing is matched before its end."""
    MATCHING = "matching"
    """The report was read to its end, and is held against what is known here."""
    MATCHED = "matched"
    """Every difference is named; refunds that the PSP settled are being posted."""
    DONE = "done"
    FAILED = "failed"
    """The run's detail says why. Nothing of it was taken over; a new run begins anew."""


UNFINISHED_STATES: Final = frozenset(
    {RunState.WAITING_FOR_REPORT, RunState.STAGING, RunState.MATCHING, RunState.MATCHED}
)
"""A run that stands here is taken on by the next one of the same account and period."""


@dataclass(frozen=True, slots=True)
class CategoryTotal:
    """All lines of one currency and category. Sums are signed minor units, as the PSP has them."""

    currency: str
    category: SettlementCategory
    lines: int
    gross_minor: int
    fee_minor: int
    net_minor: int

    def plus(self, other: CategoryTotal) -> CategoryTotal:
        """Return both together; they are of the same currency and category."""
        return CategoryTotal(
            self.currency,
            self.category,
            self.lines + other.lines,
            self.gross_minor + other.gross_minor,
            self.fee_minor + other.fee_minor,
            self.net_minor + other.net_minor,
        )


@dataclass(frozen=True, slots=True)
class RunCounts:
    """What a run found."""

    found: int = 0
    """Discrepancies that it saw, new and old."""
    new: int = 0
    healed: int = 0
    """That it closed, since they are none any more."""
    settled: int = 0
    """Refunds that the report settled."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One run."""

    id: str
    psp_account: str
    period: SettlementPeriod
    state: RunState
    detail: str
    """Why it waits or failed, in one sentence."""
    create_time: datetime
    update_time: datetime
    report_reference: str = ""
    report_attempt: int = 0
    """How many reports were asked for: each has an idempotency key of its own."""
    line_count: int = 0
    opening_minor: Mapping[str, int] | None = None
    """By currency; None if the PSP does not tell balances."""
    closing_minor: Mapping[str, int] | None = None
    totals: tuple[CategoryTotal, ...] = ()
    counts: RunCounts = field(default_factory=RunCounts)

    @property
    def balances(self) -> tuple[Balance, ...]:
        """How each currency closes."""
        return balances_of(self.totals, self.opening_minor, self.closing_minor)


@dataclass(frozen=True, slots=True)
class Balance:
    """One currency of a period: opening + activity = closing, or what is missing."""

    currency: str
    activity_minor: int
    opening_minor: int | None
    closing_minor: int | None

    @property
    def difference_minor(self) -> int | None:
        """What is missing between the books and their lines; None where it cannot be said."""
        if self.opening_minor is None or self.closing_minor is None:
            return None
        return self.closing_minor - self.opening_minor - self.activity_minor

    @property
    def closes(self) -> bool:
        """Whether it is known to close to the cent."""
        return self.difference_minor == 0


def balances_of(
    totals: Iterable[CategoryTotal],
    opening_minor: Mapping[str, int] | None,
    closing_minor: Mapping[str, int] | None,
) -> tuple[Balance, ...]:
    """Close each currency that has lines or a balance; one that a PSP leaves out is nought."""
    activity: dict[str, int] = {}
    for total in totals:
        activity[total.currency] = activity.get(total.currency, 0) + total.net_minor
    currencies = {*activity, *(opening_minor or ()), *(closing_minor or ())}
    return tuple(
        Balance(
            currency,
            activity.get(currency, 0),
            None if opening_minor is None else opening_minor.get(currency, 0),
            None if closing_minor is None else closing_minor.get(currency, 0),
        )
        for currency in sorted(currencies)
    )


def shortcomings(run: Reconciliation) -> tuple[str, ...]:
    """Say what keeps a finished run's totals from being proved, one sentence each."""
    if run.state is not RunState.DONE:
        return ()
    if run.opening_minor is None or run.closing_minor is None:
        return ("the PSP does not tell balances: opening + activity = closing is not checked",)
    return tuple(
        f"{balance.currency}: opening {balance.opening_minor} + activity "
        f"{balance.activity_minor} is not closing {balance.closing_minor}: "
        f"{balance.difference_minor} minor units are missing from the report"
        for balance in run.balances
        if not balance.closes
    )


def added(totals: Iterable[CategoryTotal]) -> tuple[CategoryTotal, ...]:
    """Add totals up by currency and category, in that order."""
    sums: dict[tuple[str, str], CategoryTotal] = {}
    for total in totals:
        key = (total.currency, total.category)
        sums[key] = sums[key].plus(total) if key in sums else total
    return tuple(sums[key] for key in sorted(sums))


@dataclass(frozen=True, slots=True)
class CountrySide:
    """One account's part of a country's day: what the PSP's books and ours say of it."""

    psp_account: str
    is_reconciled: bool
    """Whether a report of this day was read to its end."""
    totals: tuple[CategoryTotal, ...] = ()
    """Of the lines that name a payment of the country."""
    captures: tuple[OwnTotal, ...] = ()
    refunds: tuple[OwnTotal, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnTotal:
    """What our books say of one currency."""

    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class CountryDay:
    """A country's day over all its PSP accounts, side by side: for the day it moves."""

    country_code: str
    day: date
    sides: Sequence[CountrySide]
