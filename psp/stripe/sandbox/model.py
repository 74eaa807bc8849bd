"""What an account's books hold; every amount is in Stripe's units of its currency."""

from __future__ import annotations

from dataclasses import dataclass, field

from psp.stripe.sandbox.api_errors import JsonDict
from psp.stripe.sandbox.cards import SimulatedCard


@dataclass(slots=True)
class Customer:
    """A shopper."""

    id: str
    created: int
    details: JsonDict = field(default_factory=dict)
    """What the merchant tells: name, email, address and the like, as JSON holds them."""
    metadata: dict[str, str] = field(default_factory=dict)
    default_payment_method: str | None = None


@dataclass(slots=True)
class PaymentMethod:
    """A card or a PayPal wallet."""

    id: str
    created: int
    type: str
    card: SimulatedCard | None = None
    """Set for a card."""
    customer: str | None = None
    allow_redisplay: str = "unspecified"
    billing: JsonDict = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    set_up_off_session: bool = False
    spent: bool = False
    """Charged without a customer, or detached: it can never be used again."""


@dataclass(slots=True)
class PaymentIntent:
    """One payment."""

    id: str
    created: int
    client_secret: str
    amount: int
    currency: str
    capture_method: str
    method_types: list[str]
    """What can be used, computed from what is allowed and the currency."""
    allowed_types: list[str] = field(default_factory=list)
    """Empty: whatever the account has."""
    automatic_methods: JsonDict | None = None
    options: dict[str, JsonDict] = field(default_factory=dict)
    """`payment_method_options`, by type."""
    customer: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    receipt_email: str | None = None
    setup_future_usage: str | None = None
    shipping: JsonDict | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None

    status: str = "requires_payment_method"
    payment_method: str | None = None
    amount_capturable: int = 0
    amount_received: int = 0
    latest_charge: str | None = None
    review: str | None = None
    last_payment_error: JsonDict | None = None
    next_action: JsonDict | None = None
    return_url: str | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None

    off_session: bool = False
    """How the attempt under way was confirmed."""
    captures: int = 0
    """How often money was taken: the sandbox's own count, shown in no answer."""

    def captures_later(self, method_type: str) -> bool:
        """Return whether confirming only authorises; the type's own option is heard first."""
        own = self.options.get(method_type, {}).get("capture_method")
        return (own or self.capture_method) == "manual"

    def saves_for(self, method_type: str) -> str | None:
        """Return what the method is saved for after success, or None."""
        own = self.options.get(method_type, {}).get("setup_future_usage")
        chosen = own if isinstance(own, str) else self.setup_future_usage
        return None if chosen == "none" else chosen


@dataclass(slots=True)
class SetupIntent:
    """A method that is to be saved without a payment."""

    id: str
    created: int
    client_secret: str
    method_types: list[str]
    customer: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    usage: str = "off_session"

    status: str = "requires_payment_method"
    payment_method: str | None = None
    next_action: JsonDict | None = None
    last_setup_error: JsonDict | None = None
    return_url: str | None = None


@dataclass(slots=True)
class Charge:
    """One attempt to move money."""

    id: str
    created: int
    amount: int
    currency: str
    payment_intent: str
    payment_method: str
    method_type: str
    method_details: JsonDict
    outcome: JsonDict
    status: str = "succeeded"
    customer: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    captured: bool = False
    amount_captured: int = 0
    amount_refunded: int = 0
    """What was given back or is on its way, and what a partial capture or a cancel released."""
    authorised_until: int | None = None
    balance_transaction: str | None = None
    disputed: bool = False
    review: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None

    @property
    def taken(self) -> int:
        """What the shopper has paid and is not given back: what can still be refunded."""
        released = self.amount - self.amount_captured if self.authorised_until is not None else 0
        given_back = self.amount_refunded - min(released, self.amount_refunded)
        return self.amount_captured - given_back


@dataclass(slots=True)
class Refund:
    """Money given back, or about to be."""

    id: str
    created: int
    amount: int
    currency: str
    charge: str
    payment_intent: str
    status: str
    reason: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    pending_reason: str | None = None
    failure_reason: str | None = None
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    due: int | None = None
    """When its status changes by itself; None if it stays."""
    booked: bool = False
    """Whether its sum has left the balance and did not come back."""

    @property
    def counts(self) -> bool:
        """Whether its sum is the shopper's; one that failed or was canceled came back."""
        return self.status not in {"failed", "canceled"}


@dataclass(slots=True)
class Review:
    """A payment that somebody should look at."""

    id: str
    created: int
    charge: str | None
    payment_intent: str
    opened_reason: str
    closed_reason: str | None = None

    @property
    def open(self) -> bool:
        """Whether nobody has decided yet."""
        return self.closed_reason is None


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """One line of the account's balance."""

    id: str
    created: int
    available_on: int
    amount: int
    fee: int
    currency: str
    type: str
    reporting_category: str
    source: str | None
    description: str | None = None

    @property
    def net(self) -> int:
        """What the balance gains or loses."""
        return self.amount - self.fee


@dataclass(slots=True)
class Dispute:
    """A charge that the shopper's bank took back."""

    id: str
    created: int
    amount: int
    currency: str
    charge: str
    payment_intent: str


@dataclass(slots=True)
class Payout:
    """Money sent to the merchant's bank."""

    id: str
    created: int
    amount: int
    currency: str
    balance_transaction: str | None = None


@dataclass(slots=True)
class ReportRun:
    """A report that was asked for."""

    id: str
    created: int
    report_type: str
    parameters: JsonDict
    """As they were sent."""
    interval_start: int
    interval_end: int
    columns: list[str]
    file: str
    """The id that its file has once it succeeded."""
    status: str = "pending"
    error: str | None = None
    succeeded_at: int | None = None
    due: int | None = None
    """When it succeeds by itself; None if it stays."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with its object as it then was."""

    id: str
    created: int
    type: str
    subject: JsonDict
    request: JsonDict
    pending_webhooks: int
