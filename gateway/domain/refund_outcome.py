"""How one attempt at a refund ended, and what that makes of refund and payment: pure and total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.journal import EventType
from gateway.domain.operation import Operation, OperationState
from gateway.domain.payment import Payment
from gateway.domain.refund import Refund
from gateway.domain.refund_rules import (
    OPERATION_OF_STATUS,
    REFUND_ID,
    as_listed,
    heard,
    made_elsewhere,
    mismatch,
    never_done,
    refund_event,
    with_refunds,
)
from gateway.domain.transitions import Change, Event, record
from psp.errors import PspError
from psp.port import PspRefund


@dataclass(frozen=True, slots=True)
class RefundAnswered:
    """The PSP showed the refund."""

    word: PspRefund
    listed: Sequence[PspRefund] = ()
    """Every refund of the payment, if the PSP showed them along with it; this one is among them."""


@dataclass(frozen=True, slots=True)
class RefundNotDone:
    """It surely did not happen."""

    error: PspError
    refused: bool
    """The PSP read it and refused: the same again would be refused again."""


@dataclass(frozen=True, slots=True)
class RefundUnknown:
    """It may have happened."""

    detail: str


RefundOutcome = RefundAnswered | RefundNotDone | RefundUnknown


@dataclass(frozen=True, slots=True)
class RefundSettlement:
    """What to store after an attempt."""

    change: Change
    refund: Refund
    state: OperationState
    """SUCCEEDED or FAILED: settled. UNKNOWN: to be asked about again."""
    error: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether the operation is over."""
        return self.state is not OperationState.UNKNOWN


def refund_settlement(
    payment: Payment,
    refund: Refund,
    others: Sequence[Refund],
    operation: Operation,
    outcome: RefundOutcome,
    now: datetime,
) -> RefundSettlement:
    """Judge an attempt; `others` are the payment's further refunds."""
    if isinstance(outcome, RefundNotDone):
        ended = never_done(refund, outcome.error, refused=outcome.refused, now=now)
        # No news for the order: whoever wanted the refund hears it, and it must not be told at once
        # to try again.
        details = {"operation": operation.id, REFUND_ID: refund.id, "detail": str(outcome.error)}
        event = Event(EventType.OPERATION_FAILED, details)
        change = _recorded(payment, [event], [*others, ended], now)
        return RefundSettlement(change, ended, OperationState.FAILED, str(outcome.error))
    if isinstance(outcome, RefundUnknown):
        return _unknown(payment, refund, operation, outcome.detail, now)
    wrong = mismatch(refund, payment, outcome.word)
    if wrong:
        detail = f"the PSP shows another refund as {refund.id}: see the journal"
        events = [] if operation.error == detail else [Event(EventType.PSP_MISMATCH, wrong)]
        return RefundSettlement(
            record(payment, events, now), refund, OperationState.UNKNOWN, detail
        )
    return _answered(payment, refund, others, outcome, now)


def _answered(
    payment: Payment,
    refund: Refund,
    others: Sequence[Refund],
    outcome: RefundAnswered,
    now: datetime,
) -> RefundSettlement:
    word = outcome.word
    after = heard(refund, word, now)
    events = [] if after == refund else [refund_event(refund, after)]
    if outcome.listed:
        told = as_listed(payment, outcome.listed)
        if not events and told != payment:
            events = [Event(EventType.AMOUNTS_CHANGED)]
        change = record(told, events, now)
    else:
        change = _recorded(payment, events, [*others, after], now)
    state = OPERATION_OF_STATUS[word.status]
    error = "" if state is OperationState.SUCCEEDED else f"the PSP shows {word.raw_status}"
    return RefundSettlement(change, after, state, error)


def _unknown(
    payment: Payment, refund: Refund, operation: Operation, detail: str, now: datetime
) -> RefundSettlement:
    told = bool(operation.error)  # once is enough: the row says how often it was asked about
    event = Event(EventType.OPERATION_UNKNOWN, {"operation": operation.id, "detail": detail})
    return RefundSettlement(
        record(payment, [] if told else [event], now), refund, OperationState.UNKNOWN, detail
    )


def _recorded(
    payment: Payment, events: Sequence[Event], refunds: Sequence[Refund], now: datetime
) -> Change:
    """Journal events with the sums as the refunds that are known here make them."""
    return record(with_refunds(payment, refunds), events, now)


@dataclass(frozen=True, slots=True)
class RefundNews:
    """What the PSP's list of a payment's refunds says that was not known here."""

    change: Change
    changed: tuple[tuple[Refund, Refund], ...]
    """Each as it was read, and as it is now."""
    found: tuple[Refund, ...]
    """Made elsewhere."""


def refund_news(
    payment: Payment,
    refunds: Sequence[Refund],
    words: Sequence[PspRefund],
    now: datetime,
    told: Sequence[Mapping[str, str]] = (),
) -> RefundNews:
    """Hold the PSP's list against the refunds known here; none of them is unanswered.

    A refund that is known and not shown stays as it is: only the PSP's word changes one. What was
    refunded in all is taken from the list, which is younger than any other word, unless it shows
    what nobody asked for. `told` are the alarms that the journal holds already.
    """
    by_reference = {refund.psp_reference: refund for refund in refunds if refund.psp_reference}
    by_id = {refund.id: refund for refund in refunds}
    changed: list[tuple[Refund, Refund]] = []
    found: list[Refund] = []
    events: list[Event] = []
    is_clear = bool(words)
    for word in words:
        known = by_reference.get(word.psp_reference) or by_id.get(word.refund_id)
        if known is None:
            found.append(made_elsewhere(payment, word, now))
            events.append(refund_event(None, found[-1]))
            continue
        wrong = mismatch(known, payment, word)
        after = known if wrong else heard(known, word, now)
        is_clear = is_clear and not wrong
        if wrong and wrong not in told:
            events.append(Event(EventType.PSP_MISMATCH, wrong))
        elif after != known:
            changed.append((known, after))
            events.append(refund_event(known, after))
    summed = as_listed(payment, words) if is_clear else payment
    if not events and summed != payment:
        events = [Event(EventType.AMOUNTS_CHANGED)]
    return RefundNews(record(summed, events, now), tuple(changed), tuple(found))
