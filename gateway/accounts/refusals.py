"""Why a report of an order is refused, and what to do then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.accounts.commands import (
    ReportCommand,
    ReportInvoicedCommand,
    ReportParcelCommand,
)
from gateway.domain.payment import Payment
from gateway.errors import PaygateError, Reason
from psp.money import Money


def not_paid(command: ReportInvoicedCommand, payments: Sequence[Payment]) -> PaygateError:
    """Nothing of the order's money was captured."""
    states = ", ".join(f"{each.id} is {each.state}" for each in payments) or "it has no payment"
    return PaygateError(
        Reason.ORDER_NOT_PAID,
        f"order {command.order_id} has no captured payment to invoice ({states}): "
        "capture one, then report the invoice again",
        metadata={"order_id": command.order_id, "invoice_id": command.invoice_id},
    )


def not_its_payment(command: ReportInvoicedCommand) -> PaygateError:
    """The payment that was named is not the order's."""
    return PaygateError(
        Reason.PAYMENT_NOT_FOUND,
        f"order {command.order_id} has no payment {command.payment_id}: "
        "look at GetOrder, or leave payment_id empty",
        metadata={"order_id": command.order_id, "payment_id": command.payment_id},
    )


def not_invoiced(command: ReportParcelCommand) -> PaygateError:
    """A parcel came before the invoice that it reconciles."""
    return PaygateError(
        Reason.ORDER_NOT_INVOICED,
        f"order {command.order_id} has no invoice that parcel {command.parcel_id} could reconcile: "
        "report the invoice with ReportInvoiced first, then the parcel again",
        metadata={"order_id": command.order_id, "parcel_id": command.parcel_id},
    )


def above_the_rest(command: ReportCommand, rest: Money, what: str) -> PaygateError:
    """More was reported than there is, or in another currency."""
    return PaygateError(
        Reason.AMOUNT_EXCEEDS_REMAINING,
        f"{command.posting_key} is of {command.amount}, but {rest} of order {command.order_id} "
        f"is {what}: report at most that",
        metadata={
            "order_id": command.order_id,
            "remaining_minor": str(rest.amount_minor),
            "currency_code": rest.currency,
        },
    )


def without_account(command: ReportInvoicedCommand, ordered_by: str) -> PaygateError:
    """Nobody's account could be moved, or another one than the order's."""
    why = (
        f"was ordered by another customer than {command.customer_id}: leave customer_id empty"
        if ordered_by
        else "was ordered by a guest, who has no account: name the customer_id that is to have it"
    )
    return PaygateError(
        Reason.NO_ACCOUNT,
        f"order {command.order_id} {why}",
        metadata={"order_id": command.order_id},
    )


def reported_otherwise(
    command: ReportCommand, differing: Mapping[str, tuple[str, str]]
) -> PaygateError:
    """The invoice or parcel was reported before, with other contents."""
    words = ", ".join(f"{name} {was} then, {now} now" for name, (now, was) in differing.items())
    return PaygateError(
        Reason.REPORTED_OTHERWISE,
        f"{command.posting_key} was reported before with other contents ({words}): nothing was "
        "changed; another invoice or parcel has an id of its own",
        metadata={
            "movement_key": command.posting_key,
            **{name: was for name, (_, was) in differing.items()},
        },
    )
