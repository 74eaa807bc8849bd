"""What the legacy back office is to us: orders, aliases, accounts, and the port itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from psp.money import Money

DEFAULT_PAGE_SIZE: Final = 200
"""Orders that one page of a listing holds in memory."""
MOST_NAMES: Final = 500
"""Aliases that one search looks for."""


class OrderState(StrEnum):
    """Where an order stands in the back office."""

    DRAFT = "draft"
    """Stored by the shop's front end; nobody knows yet whether it gets paid."""
    HELD = "held"
    """Paid or authorised, and under fraud review: not to be shipped, not to be dropped."""
    RELEASED = "released"
    """Paid: may be shipped. Final."""
    CANCELED = "canceled"
    """Will not be shipped. Final."""


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """An order as the back office holds it. Everything up to `total` never changes."""

    order_id: str
    customer_id: str
    """The shopper; empty for a guest."""
    country_code: str
    """ISO 3166-1 alpha-2 code of the country it was sold in."""
    total: Money
    create_time: datetime
    """When the front end stored it; aware, UTC."""
    update_time: datetime
    """When its state last changed; aware, UTC."""
    state: OrderState = OrderState.DRAFT
    payment_id: str = ""
    """The payment that it was last held or released for; empty before that."""
    reason: str = ""
    """Why it is held or was canceled, in one sentence; empty otherwise."""


@dataclass(frozen=True, slots=True)
class LegacyAlias:
    """A saved payment method of a PSP that keeps no list itself: no card number, ever."""

    alias: str
    """What the PSP calls it; unique in its account."""
    customer_id: str
    psp_account: str
    """Our name of the account that can charge it."""
    brand: str
    """In lower case, e.g. `visa`; empty if it is no card."""
    last4: str
    expiry_month: int
    """1 to 12; 0 if it is no card."""
    expiry_year: int
    method: str
    """How the shopper pays with it, e.g. `card`."""
    is_default: bool = False
    """A shopper has at most one."""


class Direction(StrEnum):
    """Which way a movement moves the shopper's balance."""

    CREDIT = "credit"
    DEBIT = "debit"


class MovementKind(StrEnum):
    """Why money moves on a shopper's account."""

    INVOICE_CREDIT = "invoice_credit"
    """An invoice of a captured payment: the shopper has paid, and we owe the goods."""
    PARCEL_DEBIT = "parcel_debit"
    """A parcel was created: goods for so much of the invoices are on their way."""
    REFUND_CREDIT = "refund_credit"
    """A refund is due: we owe money back."""
    REFUND_DEBIT = "refund_debit"
    """The PSP's report shows the refund paid."""
    REFUND_REVERSAL = "refund_reversal"
    """The PSP's report shows a paid refund returned: takes its debit back."""
    REFUND_LAPSE = "refund_lapse"
    """A refund that was due failed: takes its credit back."""


DIRECTION_OF_KIND: Final[Mapping[MovementKind, Direction]] = MappingProxyType(
    {
        MovementKind.INVOICE_CREDIT: Direction.CREDIT,
        MovementKind.PARCEL_DEBIT: Direction.DEBIT,
        MovementKind.REFUND_CREDIT: Direction.CREDIT,
        MovementKind.REFUND_DEBIT: Direction.DEBIT,
        MovementKind.REFUND_REVERSAL: Direction.CREDIT,
        MovementKind.REFUND_LAPSE: Direction.DEBIT,
    }
)


@dataclass(frozen=True, slots=True)
class AccountMovement:
    """One movement of a shopper's financial account: posted once, never changed.

    Raises `ValueError` for one that nobody could post: without key or customer, or of nothing.
    """

    key: str
    """Names it for ever; chosen by who posts it."""
    customer_id: str
    order_id: str
    kind: MovementKind
    amount: Money
    """Above zero; the kind says which way it goes."""
    reference: str
    """What it is about at who posted it: a payment, a parcel, a refund."""
    booking_time: datetime
    """When it happened; aware, UTC."""

    def __post_init__(self) -> None:
        if not self.key or not self.customer_id:
            raise ValueError(f"movement {self.key!r} of {self.customer_id!r}: both are needed")
        if self.amount.amount_minor == 0:
            raise ValueError(f"movement {self.key} moves nothing")

    @property
    def direction(self) -> Direction:
        """Which way it moves the balance."""
        return DIRECTION_OF_KIND[self.kind]

    @property
    def signed_minor(self) -> int:
        """The amount as it counts for the balance, in minor units: credits up, debits down."""
        minor = self.amount.amount_minor
        return minor if self.direction is Direction.CREDIT else -minor


class BackOffice(Protocol):
    """The back office of one retailer.

    Every change carries a key chosen and kept by the caller. The first call with a key acts; a
    repeat changes nothing and answers the order as the first call left it, whatever happened
    since. A refused call leaves no trace, so its key may be used again.

    Asking for the state that the order already has, under a new key, changes nothing and answers
    the order as it is, with one exception: an order released for one payment cannot be released
    for another, since one of the two payments has to go back to the shopper.

    All methods raise `BackOfficeUnavailableError` if the back office does not answer in time; the
    changes also raise `KeyReusedError`, those of orders `OrderNotFoundError` and
    `OrderConflictError`, and `save_alias` `AliasConflictError` (`legacy_bridge.errors`), and
    nothing else.
    """

    async def find_order(self, order_id: str) -> DraftOrder | None:
        """Return the order as it stands now, or None if there is none with this id."""

    def list_drafts_older_than(
        self, cutoff: datetime, *, page_size: int = DEFAULT_PAGE_SIZE
    ) -> AsyncIterator[DraftOrder]:
        """Stream the orders in draft or held that were stored before `cutoff`, oldest first.

        At most `page_size` orders are in memory, and nothing is locked or held open in between,
        so orders may be changed while the stream is read: one that changes before its page is
        read is left out, and each is answered at most once.
        """

    async def release_order(self, order_id: str, *, payment_id: str, key: str) -> DraftOrder:
        """Let the order be shipped: it is paid by `payment_id`."""

    async def hold_order(
        self, order_id: str, *, payment_id: str, reason: str, key: str
    ) -> DraftOrder:
        """Keep the order from being shipped and from being dropped, while `payment_id` is checked.

        An order that is held already stays as it is, with the payment and reason it has.
        """

    async def cancel_order(self, order_id: str, *, reason: str, key: str) -> DraftOrder:
        """Give the order up; it will never be shipped."""

    async def list_aliases(self, customer_id: str) -> tuple[LegacyAlias, ...]:
        """Return the shopper's aliases at all accounts, the default first, expired ones too."""

    async def find_aliases(self, names: Collection[str]) -> tuple[LegacyAlias, ...]:
        """Return the aliases of these names at any account; those that are not there are left out.

        At most `MOST_NAMES` names at once.
        """

    async def save_alias(self, alias: LegacyAlias, *, key: str) -> LegacyAlias:
        """Store an alias or its new contents; as a default, it takes that from the one before."""

    async def delete_alias(self, psp_account: str, alias: str, *, key: str) -> None:
        """Forget an alias; one that is not there is done."""

    async def post_movement(self, movement: AccountMovement) -> None:
        """Post a movement under its key, once and for ever.

        The same one again changes nothing, whatever its booking time: the first one stands. Raises
        `KeyReusedError` if another movement was posted under the key.
        """

    def list_movements(
        self, customer_id: str, *, page_size: int = DEFAULT_PAGE_SIZE
    ) -> AsyncIterator[AccountMovement]:
        """Stream the shopper's movements, first booked first, as orders are streamed."""

    async def balance(self, customer_id: str) -> Mapping[str, int]:
        """Return the shopper's balance in minor units by currency: credits less debits.

        A currency that nothing was ever moved in is not in it.
        """
