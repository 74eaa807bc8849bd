"""What a PSP is to the gateway: the values that cross the border and the port itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from psp.money import Money
from psp.settlements import SettlementEntry, SettlementPeriod, SettlementReport


class Capability(StrEnum):
    """One thing an adapter can do. Declared if and only if its method works."""

    CUSTOMERS = "customers"
    ALIASES = "aliases"
    """List saved methods, save one without a payment, choose the default, delete. Without it, the
    merchant keeps the aliases himself."""
    CREATE_PAYMENT = "create_payment"
    FIND_PAYMENT = "find_payment"
    CAPTURE = "capture"
    PARTIAL_CAPTURE = "partial_capture"
    CANCEL = "cancel"
    REFUNDS = "refunds"
    """Give captured money back, in full or in parts, and list what was given back."""
    EVENTS = "events"
    LIST_EVENTS = "list_events"
    """Read past events from the PSP's own list: the way back after an outage."""
    SETTLEMENTS = "settlements"
    """Tell, line by line, what moved on our balance in a period."""
    REVIEWS = "reviews"
    IDEMPOTENT_MUTATIONS = "idempotent_mutations"
    """The same idempotency key may be sent again inside `idempotency_lifetime_s`."""


class PaymentMethod(StrEnum):
    """How a shopper pays. The word is the gateway's own; each adapter maps it to its PSP's."""

    CARD = "card"
    PAYPAL = "paypal"


class CapturePolicy(StrEnum):
    """Who takes the money and when."""

    AUTOMATIC = "automatic"
    """The PSP captures when the shopper confirms."""
    AT_ORDER = "at_order"
    """The gateway captures once the payment is authorised and no review is open."""
    MANUAL = "manual"
    """A caller captures, in full or in part, before the authorisation window closes."""


class PspStatus(StrEnum):
    """Where a payment stands at the PSP, in our words."""

    AWAITING_CUSTOMER = "awaiting_customer"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CANCELED = "canceled"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """The PSP answered with a status we do not know, or itself does not know yet."""


class ReviewStatus(StrEnum):
    """The PSP's fraud review of a payment, a dimension beside its status."""

    NONE = "none"
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


class FailureCategory(StrEnum):
    """Why a shopper's attempt to pay did not succeed, coarse enough for every PSP."""

    DECLINED = "declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED_CARD = "expired_card"
    INCORRECT_DATA = "incorrect_data"
    AUTHENTICATION_FAILED = "authentication_failed"
    FRAUD_SUSPECTED = "fraud_suspected"
    PROCESSING_ERROR = "processing_error"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    NEVER_CREATED = "never_created"
    """The PSP's own books show that the payment never came to be there."""


@dataclass(frozen=True, slots=True)
class PspFailure:
    """A decline or another end of an attempt, as data."""

    category: FailureCategory
    code: str
    """The PSP's own code, e.g. `insufficient_funds`."""
    message: str
    """One sentence for customer care; never a card number."""
    retryable: bool
    """Whether the shopper may try again, perhaps with another method."""


class NextActionKind(StrEnum):
    """What the shopper's page must do next."""

    CONFIRM = "confirm"
    """Confirm with the PSP's front-end library and the client secret."""
    AUTHENTICATE = "authenticate"
    """Run strong customer authentication (3-D Secure) with the front-end library."""
    REDIRECT = "redirect"
    """Send the browser to `url` by GET."""
    POST_FORM = "post_form"
    """Send the browser to `url` by POST with `fields`."""


@dataclass(frozen=True, slots=True)
class NextAction:
    """The shopper's next step. `client_secret` is a secret: never logged, never stored."""

    kind: NextActionKind
    client_secret: str = field(default="", repr=False)
    url: str = ""
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


class PendingChange(StrEnum):
    """A change that a PSP accepted and carries out later, offline."""

    NONE = "none"
    CAPTURE = "capture"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class PspPayment:
    """The PSP's word on one payment, at one moment. Sums are minor units of `currency`."""

    psp_reference: str
    status: PspStatus
    raw_status: str
    """The status exactly as the PSP spells it, for the journal."""
    currency: str
    amount_minor: int
    authorized_minor: int = 0
    """What was authorised in all; it stays when the money is captured or released."""
    captured_minor: int = 0
    refunded_minor: int = 0
    """What was given back or is on its way to the shopper; it falls again if a refund fails."""
    review: ReviewStatus = ReviewStatus.NONE
    review_reference: str = ""
    """The PSP's id of the review, for `retrieve_review`; empty if there is none, or none shows."""
    failure: PspFailure | None = None
    """The last failed attempt, also while the shopper may still try again."""
    next_action: NextAction | None = None
    payment_id: str = ""
    """Our reference as the PSP holds it; empty if it holds none."""
    capture_before: datetime | None = None
    """When an uncaptured authorisation lapses."""
    pending: PendingChange = PendingChange.NONE
    """What was accepted and is not done yet; its end comes by an event. `status` then says what
    is true so far: `PROCESSING` while money is on its way."""


@dataclass(frozen=True, slots=True)
class CustomerProfile:
    """What a PSP is told of a shopper; an empty string is "not given"."""

    customer_id: str
    email: str = ""
    name: str = ""
    phone: str = ""
    country_code: str = ""
    preferred_locale: str = ""


@dataclass(frozen=True, slots=True)
class PspAlias:
    """A saved payment method as a shopper sees it: no card number, ever."""

    psp_alias: str
    """The PSP's id of it."""
    method: PaymentMethod
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    is_default: bool = False
    label: str = ""
    """For methods without a card, e.g. the masked PayPal address."""


@dataclass(frozen=True, slots=True)
class AliasSetup:
    """A method that is about to be saved without a payment; the shopper's page ends it."""

    psp_reference: str
    next_action: NextAction | None
    """None if there is nothing left for the shopper to do."""


@dataclass(frozen=True, slots=True)
class CreatePayment:
    """All that an adapter needs to create, or to create again, the same payment."""

    payment_id: str
    order_id: str
    amount: Money
    method: PaymentMethod
    country_code: str
    capture_policy: CapturePolicy
    idempotency_key: str
    psp_customer: str = ""
    psp_alias: str = ""
    """A saved method to charge; the PSP is then asked to confirm at once."""
    shopper_present: bool = True
    """False for a merchant-initiated charge of an alias (Stripe: `off_session`)."""
    save_alias: bool = False
    return_url: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CapturePayment:
    """Capture `amount` of an authorisation; the rest is released."""

    psp_reference: str
    amount: Money
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class CancelPayment:
    """Cancel an uncaptured payment."""

    psp_reference: str
    idempotency_key: str
    reason: str = "requested_by_customer"
    """abandoned, duplicate, fraudulent or requested_by_customer."""


class RefundStatus(StrEnum):
    """Where a refund stands at the PSP, in our words."""

    PENDING = "pending"
    """Accepted, and not at the shopper's bank yet."""
    REQUIRES_ACTION = "requires_action"
    """The shopper, or we, must do something first; the PSP's page says what."""
    SUCCEEDED = "succeeded"
    """On its way to the shopper. It can still become `FAILED` later."""
    FAILED = "failed"
    """The money is, or comes, back with us; a canceled refund counts."""
    UNKNOWN = "unknown"
    """The PSP answered with a status we do not know, or itself does not know yet."""


@dataclass(frozen=True, slots=True)
class PspRefund:
    """The PSP's word on one refund, at one moment."""

    psp_reference: str
    """The PSP's id of the refund (Stripe: `re_…`; Ogone: PAYID/PAYIDSUB)."""
    payment_reference: str
    """The refunded payment's `PspPayment.psp_reference`."""
    status: RefundStatus
    raw_status: str
    currency: str
    amount_minor: int
    refund_id: str = ""
    """Our reference as the PSP holds it; empty if it holds none, or the refund is not ours."""
    failure: PspFailure | None = None
    """Why it failed, or what keeps it pending."""


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """All that an adapter needs to give money back, or to find out that it did so before."""

    refund_id: str
    psp_reference: str
    """The payment's."""
    amount: Money
    idempotency_key: str
    reason: str = "requested_by_customer"
    """duplicate, fraudulent or requested_by_customer. Stripe block-lists the card and the e-mail
    address of what is called fraudulent: only on purpose."""
    known_references: frozenset[str] = frozenset()
    """The PSP's ids of this payment's other refunds. A PSP that keeps no reference of ours has
    done this one already if it shows a refund of this amount that is not among them."""


class PspEventSubject(StrEnum):
    """What kind of thing a webhook is about."""

    PAYMENT = "payment"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PspEvent:
    """A verified webhook, reduced to what is needed to ask the PSP for the truth."""

    event_id: str
    event_type: str
    subject: PspEventSubject
    psp_reference: str
    """The payment at the PSP; empty if the event does not name one."""
    payment_id: str
    """Our reference, when the event carries it."""
    occurred_time: datetime
    claimed_minor: int | None = None
    """The amount that the event names, in minor units of `claimed_currency`; None if it names none.

    A claim, never the truth: where it contradicts the payment, somebody must look.
    """
    claimed_currency: str = ""
    """The currency that the event names; empty if it names none."""
    saved_alias: PspAlias | None = None
    """The method that the shopper saved with this payment, where the PSP tells it by event alone:
    `MethodTraits.saves_with_payment`."""


class PaymentServiceProvider(Protocol):
    """One account at one PSP.

    Every method may raise the errors of `psp.errors` and nothing else. Methods that change
    something take an idempotency key made and stored by the caller before the call.
    """

    @property
    def account(self) -> str:
        """Our name of the account, as configured."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this adapter can do; calling anything else raises `RejectedError`."""

    @property
    def idempotency_lifetime_s(self) -> float:
        """Seconds for which a key may be sent again; 0 where the PSP has no such keys."""

    async def create_customer(self, profile: CustomerProfile, idempotency_key: str) -> str:
        """Create the shopper at the PSP and return the PSP's reference."""

    async def update_customer(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        """Bring the PSP's record of the shopper up to date; what the profile leaves empty goes."""

    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        """Return the shopper's saved methods that may be shown again."""

    async def start_alias_setup(
        self, psp_customer: str, method: PaymentMethod, return_url: str, idempotency_key: str
    ) -> AliasSetup:
        """Begin to save a method for the shopper without a payment."""

    async def set_default_alias(
        self, psp_customer: str, psp_alias: str, idempotency_key: str
    ) -> None:
        """Make a saved method the shopper's default."""

    async def delete_alias(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:
        """Delete a saved method, for ever; one that is deleted already is done."""

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        """Create a payment; a decline is a result with `failure`, not an error."""

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        """Return the PSP's current word on a payment."""

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:
        """Return what the shopper's page must do next for a payment that was created before.

        It holds secrets and is never stored: it is asked for, or made anew, each time.
        """

    async def find_payment(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        """Look a payment up by our reference in the PSP's own, strongly consistent list.

        None means the list was read to its end over the whole window and does not hold it.
        """

    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        """Take money of an authorised payment."""

    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        """Release an uncaptured payment."""

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        """Give captured money back, in full or in part.

        A PSP that accepts it and pays later answers `PENDING`; one that refuses it outright, also
        because more than is left was asked for, raises `RejectedError`.
        """

    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        """Return every refund of a payment, the oldest first, whoever made it.

        Strongly consistent: what is not in it was not accepted.
        """

    async def retrieve_review(self, review_reference: str) -> ReviewStatus:
        """Return where a fraud review stands, also when the payment does not name it any more."""

    def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        """Stream the events that occurred from `since` on, the oldest first.

        As far back as the PSP keeps them. An event is the same one that a webhook brings, with the
        same `event_id`.
        """

    async def start_settlement_report(
        self, period: SettlementPeriod, idempotency_key: str
    ) -> SettlementReport:
        """Have the PSP report the lines of a period; asking for one twice does no harm."""

    async def retrieve_settlement_report(self, reference: str) -> SettlementReport:
        """Return where a report stands."""

    def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        """Stream the lines of a report that is READY, in the PSP's own order.

        Raises `ReportUnreadableError` at a line that is not what it should be, and where the
        report ends before its end: what was streamed until then is then worth nothing.
        """

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        """Verify a webhook on its raw bytes and reduce it; raises `InvalidEventError`."""

    async def close(self) -> None:
        """Release connections."""
