"""A reconciliation as a document: plain values, the same in JSON, CSV and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from psp.money import CURRENCY_DECIMALS


@dataclass(frozen=True, slots=True)
class TotalRow:
    """One currency and category; signed minor units."""

    currency: str
    category: str
    lines: int
    gross_minor: int
    fee_minor: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """One currency: opening + activity = closing. None where the PSP does not tell it."""

    currency: str
    opening_minor: int | None
    activity_minor: int
    closing_minor: int | None
    difference_minor: int | None


@dataclass(frozen=True, slots=True)
class DiscrepancyRow:
    """One difference with both sides' evidence."""

    id: str
    type: str
    state: str
    subject: str
    reference: str
    description: str
    currency: str
    ours_minor: int | None
    psp_minor: int | None
    difference_minor: int
    payment_id: str
    order_id: str
    occurred_time: str
    age_days: int
    owner: str
    note: str
    resolution: str
    healed_reason: str
    first_run_id: str
    last_run_id: str
    ours: Mapping[str, str] = field(default_factory=dict)
    psp: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunReport:
    """One account's run, and what is open at the account."""

    id: str
    psp_account: str
    first_day: str
    last_day: str
    state: str
    detail: str
    line_count: int
    found: int
    new: int
    healed: int
    settled_refunds: int
    totals: Sequence[TotalRow]
    balances: Sequence[BalanceRow]
    shortcomings: Sequence[str]
    discrepancies: Sequence[DiscrepancyRow]

    @property
    def is_done(self) -> bool:
        """Whether it ran to its end."""
        return self.state == "done"

    @property
    def is_clean(self) -> bool:
        """Whether nobody has to look: done, nothing open, and no currency that does not close."""
        closes = all(balance.difference_minor in {0, None} for balance in self.balances)
        return self.is_done and closes and not self.discrepancies


@dataclass(frozen=True, slots=True)
class OwnRow:
    """What the gateway itself has of one currency."""

    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class SideRow:
    """One account's part of a country's day."""

    psp_account: str
    reconciled: bool
    totals: Sequence[TotalRow]
    captures: Sequence[OwnRow]
    refunds: Sequence[OwnRow]


@dataclass(frozen=True, slots=True)
class CountryReport:
    """A country's day, its accounts side by side."""

    country_code: str
    day: str
    sides: Sequence[SideRow]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one command found out."""

    runs: Sequence[RunReport]
    country: CountryReport | None = None

    @property
    def is_clean(self) -> bool:
        """Whether nobody has to look at anything."""
        return all(run.is_clean for run in self.runs)

    @property
    def combined(self) -> tuple[TotalRow, ...]:
        """The totals of all accounts together, by currency and category."""
        sums: dict[tuple[str, str], TotalRow] = {}
        for run in self.runs:
            for row in run.totals:
                key = (row.currency, row.category)
                before = sums.get(key, TotalRow(row.currency, row.category, 0, 0, 0, 0))
                sums[key] = TotalRow(
                    row.currency,
                    row.category,
                    before.lines + row.lines,
                    before.gross_minor + row.gross_minor,
                    before.fee_minor + row.fee_minor,
                    before.net_minor + row.net_minor,
                )
        return tuple(sums[key] for key in sorted(sums))

    def document(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return {
            "clean": self.is_clean,
            "runs": [asdict(run) for run in self.runs],
            "combined": [asdict(row) for row in self.combined],
            "country": None if self.country is None else asdict(self.country),
        }


def shown_amount(amount_minor: int | None, currency: str) -> str:
    """Write a signed amount for people: -1234 EUR is "-12.34 EUR"; "-" if there is none."""
    if amount_minor is None:
        return "-"
    decimals = CURRENCY_DECIMALS.get(currency)
    if decimals is None:
        return f"{amount_minor} minor units {currency}".rstrip()
    sign = "-" if amount_minor < 0 else ""
    whole, fraction = divmod(abs(amount_minor), 10**decimals)
    if not decimals:
        return f"{sign}{whole:,} {currency}"
    return f"{sign}{whole:,}.{fraction:0{decimals}d} {currency}"
