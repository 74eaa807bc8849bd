"""PaymentService: what the use cases answer, written as messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gateway.api.enums import (
    CAPTURE_POLICIES,
    FAILURE_CATEGORIES,
    METHODS,
    PAYMENT_STATES,
    REVIEW_STATES,
)
from gateway.api.money import money_message, timestamp_message
from gateway.domain.journal import JournalEntry
from gateway.domain.payment import Payment
from paygate.v1 import payment_service_pb2 as pb
from psp.money import Money
from psp.port import NextAction, NextActionKind, PspFailure


def payment_message(payment: Payment) -> pb.Payment:
    """Write a payment."""
    amount, failure, capture_before = payment.amount, payment.failure, payment.capture_before
    return pb.Payment(
        id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        country_code=payment.country_code,
        method=METHODS.to_wire[payment.method],
        amount=money_message(amount),
        authorized=money_message(amount.with_amount(payment.authorized_minor)),
        captured=money_message(amount.with_amount(payment.captured_minor)),
        refunded=money_message(amount.with_amount(payment.refunded_minor)),
        state=PAYMENT_STATES.to_wire[payment.state],
        review=REVIEW_STATES.to_wire[payment.review],
        capture_policy=CAPTURE_POLICIES.to_wire[payment.capture_policy],
        psp_account=payment.psp_account,
        psp_reference=payment.psp_reference,
        failure=None if failure is None else failure_message(failure),
        capture_before_time=None if capture_before is None else timestamp_message(capture_before),
        config_digest=payment.config_digest,
        create_time=timestamp_message(payment.create_time),
        update_time=timestamp_message(payment.update_time),
        version=payment.version,
    )


def event_message(entry: JournalEntry) -> pb.PaymentEvent:
    """Write a line of a payment's journal."""
    return pb.PaymentEvent(
        id=entry.id,
        payment_id=entry.payment_id,
        sequence=entry.sequence,
        type=entry.type.value,
        state=PAYMENT_STATES.to_wire[entry.state],
        review=REVIEW_STATES.to_wire[entry.review],
        captured=money_message(Money(entry.captured_minor, entry.currency)),
        refunded=money_message(Money(entry.refunded_minor, entry.currency)),
        details=entry.details,
        create_time=timestamp_message(entry.create_time),
    )


def next_action_message(action: NextAction) -> pb.NextAction:
    """Write what the shopper's page must do next. It holds a secret of the payment."""
    return NEXT_ACTIONS[action.kind](action)


def _confirm(action: NextAction) -> pb.NextAction:
    return pb.NextAction(confirm=pb.NextAction.Confirm(client_secret=action.client_secret))


def _authenticate(action: NextAction) -> pb.NextAction:
    secret = action.client_secret
    return pb.NextAction(authenticate=pb.NextAction.Authenticate(client_secret=secret))


def _redirect(action: NextAction) -> pb.NextAction:
    return pb.NextAction(redirect=pb.NextAction.Redirect(url=action.url))


def _post_form(action: NextAction) -> pb.NextAction:
    form = pb.NextAction.PostForm(url=action.url, fields=action.fields)
    return pb.NextAction(post_form=form)


NEXT_ACTIONS: Final[Mapping[NextActionKind, Callable[[NextAction], pb.NextAction]]] = {
    NextActionKind.CONFIRM: _confirm,
    NextActionKind.AUTHENTICATE: _authenticate,
    NextActionKind.REDIRECT: _redirect,
    NextActionKind.POST_FORM: _post_form,
}
"""How each kind is written; total over the kinds."""


def failure_message(failure: PspFailure) -> pb.PaymentFailure:
    """Write why an attempt, or a refund, did not succeed."""
    return pb.PaymentFailure(
        category=FAILURE_CATEGORIES.to_wire[failure.category],
        psp_code=failure.code,
        message=failure.message,
        retryable=failure.retryable,
    )
