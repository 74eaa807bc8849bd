"""How a PSP's word changes a payment: pure, total, and never silently backwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.payment import ALLOWED_TRANSITIONS, STATE_OF_PSP_STATUS, Payment, PaymentState
from gateway.ids import new_id
from psp.port import PspPayment, ReviewStatus

_R = ReviewStatus
_CLOSED: Final = frozenset({_R.APPROVED, _R.REJECTED})
_REVIEW_AFTER: Final[dict[tuple[ReviewStatus, ReviewStatus], ReviewStatus]] = {
    # (what we hold, what the PSP shows) -> what we hold then. A PSP may stop showing a review once
    # it is closed, without saying how it ended: "none" therefore never takes back what we knew.
    **{(held, shown): shown for held in _R for shown in _R if shown is not _R.NONE},
    **{(held, _R.NONE): held for held in _R},
}


@dataclass(frozen=True, slots=True)
class Event:
    """A journal line to be: its type and details, before it has a sequence and a time."""

    type: EventType
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A payment as it is to be stored, with the journal lines that explain it."""

    payment: Payment
    entries: tuple[JournalEntry, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to store."""
        return not self.entries


def record(payment: Payment, events: Sequence[Event], now: datetime) -> Change:
    """Return the payment one version on, with `events` as its next journal lines."""
    if not events:
        return Change(payment, ())
    changed = replace(
        payment,
        version=payment.version + 1,
        last_sequence=payment.last_sequence + len(events),
        update_time=now,
    )
    return Change(
        changed,
        tuple(
            entry_of(changed, event, payment.last_sequence + number, now)
            for number, event in enumerate(events, start=1)
        ),
    )


def entry_of(payment: Payment, event: Event, sequence: int, now: datetime) -> JournalEntry:
    """Return `event` as the line `sequence` of a payment's journal."""
    return JournalEntry(
        id=new_id("evt"),
        payment_id=payment.id,
        order_id=payment.order_id,
        sequence=sequence,
        type=event.type,
        state=payment.state,
        review=payment.review,
        currency=payment.currency,
        captured_minor=payment.captured_minor,
        refunded_minor=payment.refunded_minor,
        create_time=now,
        details=event.details,
    )


def apply_psp_payment(payment: Payment, word: PspPayment, now: datetime) -> Change:
    """Take over what the PSP says of a payment.

    `word` must have been fetched after `payment` was read, and the change must be stored only if
    that version still stands: then an older word can never overwrite a newer one.
    """
    mismatch = _mismatch(payment, word)
    if mismatch:
        return record(payment, [Event(EventType.PSP_MISMATCH, mismatch)], now)
    review = _review_after(payment, word)
    heard = replace(
        payment,
        review=review,
        review_reference=word.review_reference or payment.review_reference,
        psp_reference=payment.psp_reference or word.psp_reference,
    )
    state = STATE_OF_PSP_STATUS[word.status]
    if state is not None:
        heard = replace(
            heard,
            state=state,
            authorized_minor=max(payment.authorized_minor, word.authorized_minor),
            captured_minor=word.captured_minor,
            refunded_minor=word.refunded_minor,
            failure=word.failure,
            capture_before=word.capture_before or payment.capture_before,
        )
    return record(heard, _events_between(payment, heard, word), now)


def _review_after(payment: Payment, word: PspPayment) -> ReviewStatus:
    """Return what we hold of the review then.

    One that is open and not named may be the one whose end we know: a charge at Stripe tells for
    ever that it went to review. Only a review with a name opens anew.
    """
    nameless = bool(payment.review_reference) and not word.review_reference
    if nameless and payment.review in _CLOSED and word.review is _R.OPEN:
        return payment.review
    return _REVIEW_AFTER[payment.review, word.review]


def _mismatch(payment: Payment, word: PspPayment) -> dict[str, str]:
    """Say in what the PSP's payment is not ours; empty if it is."""
    checks = {
        "psp_reference": (payment.psp_reference or word.psp_reference, word.psp_reference),
        "currency": (payment.currency, word.currency),
        "amount_minor": (payment.amount.amount_minor, word.amount_minor),
        # What was made before the gateway was is known there by a reference of that time.
        "payment_id": (
            payment.id,
            payment.id if payment.is_adopted else word.payment_id or payment.id,
        ),
    }
    wrong = {
        name: f"ours {ours}, PSP {theirs}"
        for name, (ours, theirs) in checks.items()
        if ours != theirs
    }
    authorized = max(payment.authorized_minor, word.authorized_minor)
    if not (
        0 <= word.refunded_minor <= word.captured_minor <= authorized <= payment.amount.amount_minor
    ):
        wrong["sums"] = (
            f"refunded {word.refunded_minor}, captured {word.captured_minor}, "
            f"authorised {authorized} of {payment.amount.amount_minor}"
        )
    return wrong


def _events_between(before: Payment, after: Payment, word: PspPayment) -> list[Event]:
    events: list[Event] = []
    if after.state is not before.state or _goes_back(before, after):
        allowed = after.state in ALLOWED_TRANSITIONS[before.state]
        events.append(
            Event(
                EventType.STATE_CHANGED if allowed else EventType.STATUS_CORRECTED,
                {"from": before.state, "psp_status": word.raw_status},
            )
        )
    if after.review is not before.review:
        events.append(Event(EventType.REVIEW_CHANGED, {"from": before.review}))
    if after.failure is not None and after.failure != before.failure:
        events.append(
            Event(
                EventType.FAILURE_RECORDED,
                {"category": after.failure.category, "psp_code": after.failure.code},
            )
        )
    if not events and _differ(before, after, _SUMS):
        events.append(Event(EventType.AMOUNTS_CHANGED))
    if not events and _differ(before, after, _DETAILS):
        events.append(Event(EventType.STATE_CHANGED, {"psp_status": word.raw_status}))
    return events


_SUMS: Final = ("authorized_minor", "captured_minor", "refunded_minor")
_DETAILS: Final = ("psp_reference", "review_reference", "failure", "capture_before")


def _differ(before: Payment, after: Payment, fields: Sequence[str]) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in fields)


def _goes_back(before: Payment, after: Payment) -> bool:
    """Whether money that was taken or given back is said not to have been."""
    return (
        after.captured_minor < before.captured_minor or after.refunded_minor < before.refunded_minor
    )


def mark_unknown(payment: Payment, operation_id: str, detail: str, now: datetime) -> Change:
    """Record that an operation's outcome is not known; the payment waits for the PSP's word."""
    unknown = replace(payment, state=PaymentState.OUTCOME_UNKNOWN)
    event = Event(EventType.OPERATION_UNKNOWN, {"operation": operation_id, "detail": detail})
    return record(unknown, [event], now)


def mark_operation_failed(
    payment: Payment, operation_id: str, detail: str, now: datetime
) -> Change:
    """Record that an operation surely did not happen; the payment is otherwise as it was."""
    event = Event(EventType.OPERATION_FAILED, {"operation": operation_id, "detail": detail})
    return record(payment, [event], now)
