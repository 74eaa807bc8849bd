"""What the house itself knows of a run: what it asked for, reported and wrote; compared at last."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.domain.discrepancy import Discrepancy
from gateway.domain.reconciliation import Reconciliation
from psp.money import Money


@dataclass(frozen=True, slots=True)
class Wish:
    """One line of a refund file: what it would have refunded. Two that are equal mean the same."""

    movement_id: str
    order_id: str
    payment_id: str
    amount: str
    currency: str
    country: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Return it as the columns of a refund file have it."""
        head = (self.movement_id, self.order_id, self.payment_id, "", "")
        return (*head, self.amount, self.currency, "", self.country)


@dataclass
class RefundFile:
    """One refund file and how it went out."""

    name: str
    lines: list[Wish | str]
    """In their order; a text is a line that is none."""
    is_called: bool
    """Sent through SubmitRefundBatch, and not put into the folder."""
    was_answered: bool = False

    @property
    def numbers(self) -> list[int]:
        """The numbers of its lines, the header being 1."""
        return list(range(2, 2 + len(self.lines)))

    @property
    def wishes(self) -> list[Wish]:
        """The lines that can be read."""
        return [line for line in self.lines if isinstance(line, Wish)]


@dataclass(frozen=True, slots=True)
class Report:
    """An invoice or a parcel that was answered as written down."""

    key: str
    order_id: str
    customer_id: str
    signed_minor: int
    """Credits up, debits down."""
    currency: str


@dataclass
class Ledger:
    """All of it."""

    files: list[RefundFile] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    """By the key of the movement."""
    unsure: set[str] = field(default_factory=set)
    """Keys of reports that were never answered: they may stand, or not."""
    accounts: dict[str, str] = field(default_factory=dict)
    """By order of a guest: whose account was named."""
    foreign_lines: dict[str, Money] = field(default_factory=dict)
    """Lines of the PSPs' books that are no business of the gateway's."""
    passes: list[tuple[list[Reconciliation], list[Discrepancy]]] = field(default_factory=list)
    """Runs over all days at the very end, and what was open or closed after each."""
