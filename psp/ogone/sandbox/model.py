"""What an account's books hold; amounts are hundredths of the currency, as requests carry them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from psp.ogone.sandbox.cards import Behaviour
from psp.ogone.sandbox.transitions import COURSES, OPERATIONS, Family, Standing


@dataclass(frozen=True, slots=True)
class Account:
    """A merchant: who may ask, how both sides sign, who is told."""

    pspid: str
    userid: str
    password: str = field(repr=False)
    sha_in_ecommerce: str = field(repr=False)
    """The passphrase of forms for the hosted page."""
    sha_in_directlink: str = field(repr=False)
    sha_out: str = field(repr=False)
    algorithm: str = "sha512"
    notification_url: str = ""
    """Empty: nobody is told."""
    attempts: int = 1
    """How often a shopper may try on the hosted page."""
    partial_captures: bool = True
    download_profile: bool = True
    """Whether the user may download reports."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card as the books keep it: masked."""

    masked: str
    expiry: str
    """MMYY."""
    holder: str
    behaviour: Behaviour


@dataclass(frozen=True, slots=True)
class Alias:
    """A card under a name of the merchant's."""

    name: str
    card: Card
    usage: str = ""


@dataclass(slots=True)
class Operation:
    """One step of a payment's history: PAYID/0 is the order itself."""

    payidsub: int
    operation: str
    family: Family
    amount: int
    status: int
    at: float
    ends: int
    """The status that the acquirer's truth is, whatever is shown until it is known."""
    due: float | None = None
    """When it becomes known; None if it is."""
    ncerror: str = "0"
    acceptance: str = ""
    changed: float = 0.0
    """When the status was last written."""
    by_hand: bool = False
    """Made in Ogone's own back office, past the merchant's systems."""

    @property
    def counts(self) -> bool:
        """Whether it is done, or may yet be."""
        return COURSES[self.family].counts(self.status)

    @property
    def is_done(self) -> bool:
        """Whether it is known to be done."""
        return COURSES[self.family].is_done(self.status)

    @property
    def moves(self) -> bool:
        """Whether it is really done, as only the acquirer knows while it is uncertain."""
        return COURSES[self.family].is_done(self.ends)


@dataclass(slots=True)
class Payment:
    """An order that reached the acquirer, or waits for its shopper."""

    payid: str
    order_id: str
    amount: int
    currency: str
    operation: str
    """RES or SAL."""
    card: Card
    created: float
    eci: str = "7"
    alias: str = ""
    ip: str = ""
    encoding: str = "utf-8"
    complus: str = ""
    paramplus: Mapping[str, str] = field(default_factory=dict)
    history: list[Operation] = field(default_factory=list)

    @property
    def latest(self) -> Operation:
        """The operation that a query without PAYIDSUB shows."""
        return self.history[-1]

    @property
    def first(self) -> Operation:
        """PAYID/0."""
        return self.history[0]

    def total(self, family: Family, *, done_only: bool = False) -> int:
        """Return the sum of a family's operations that count, or of those known to be done."""
        return sum(
            step.amount
            for step in self.history
            if step.family is family and (step.is_done if done_only else step.counts)
        )

    def true_total(self, family: Family) -> int:
        """Return the sum that really moves."""
        return sum(step.amount for step in self.history if step.family is family and step.moves)


def standing(payment: Payment, now: float, lasts_s: float) -> Standing:
    """Return the sums that decide what maintenance may do with a payment."""
    renewals = [
        step for step in payment.history if step.family is Family.AUTHORISE and step.is_done
    ]
    closing = {
        OPERATIONS[step.operation].family
        for step in payment.history
        if step.payidsub and step.counts and OPERATIONS[step.operation].closes
    }
    return Standing(
        authorised=payment.amount if renewals else 0,
        capturing=payment.total(Family.CAPTURE),
        cancelling=payment.total(Family.CANCEL),
        captured=payment.total(Family.CAPTURE, done_only=True),
        refunding=payment.total(Family.REFUND),
        closed=bool(closing & {Family.CAPTURE, Family.CANCEL}),
        refunds_closed=Family.REFUND in closing,
        too_old=bool(renewals) and renewals[-1].changed + lasts_s < now,
    )
