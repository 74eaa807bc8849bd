"""Rows as messages, and messages as the rows that they name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from gateway.api.enums import ORDER_STATES, PAYMENT_STATES
from gateway.api.money import timestamp_message
from gateway.api.payment_messages import event_message
from gateway.domain.inbox import InboxEvent
from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.outbox import Delivery
from gateway.events.kafka.headers import (
    Envelope,
    Headers,
    read_headers,
    time_text,
    write_headers,
)
from gateway.events.kafka.poison import PoisonError, PoisonReason
from gateway.events.kafka.topics import Topics
from gateway.payments.books import decides
from legacy_bridge.port import OrderState
from paygate.v1 import events_pb2 as pb
from paygate.v1.order_service_pb2 import ORDER_STATE_UNSPECIFIED

M = TypeVar("M", bound=Message)
_STATE_OF_ORDER: Final = {
    EventType.ORDER_RELEASED: OrderState.RELEASED,
    EventType.ORDER_HELD: OrderState.HELD,
    EventType.ORDER_CANCELED: OrderState.CANCELED,
    EventType.ORDER_CONFLICT: None,
}
"""Journal lines that are about an order, and where it stands after each."""


@dataclass(frozen=True, slots=True)
class Record:
    """A message to be published."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it was consumed."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Named:
    """The row that a message names, and what it says of it."""

    account: str
    """The PSP account: what hangs at one PSP holds up no other."""
    row_id: str
    order_id: str
    attempt: int
    trace_context: str


def psp_event_record(
    topics: Topics, received: InboxEvent, payment_id: str, order_id: str
) -> Record:
    """Write a webhook; payment and order are empty if they are not known."""
    event = received.event
    message = pb.PspEventReceived(
        psp_account=received.psp_account,
        event_id=event.event_id,
        event_type=event.event_type,
        psp_reference=event.psp_reference,
        payment_id=payment_id,
        order_id=order_id,
        occurred_time=timestamp_message(event.occurred_time),
        receive_time=timestamp_message(received.receive_time),
    )
    envelope = Envelope(
        event.event_id,
        message.DESCRIPTOR.full_name,
        time_text(event.occurred_time),
        received.trace_context,
        received.attempts,
    )
    # Without its order, its payment keeps it in order.
    key = order_id or event.psp_reference or event.event_id
    return _record(topics.psp_events, key, message, envelope)


def journal_record(topics: Topics, account: str, line: Delivery, entry: JournalEntry) -> Record:
    """Write a journal line: to the orders' topic what was done to an order, else the payments'."""
    if entry.type in _STATE_OF_ORDER:
        topic, message = topics.orders, _order_changed(entry)
    else:
        topic, message = topics.payments, _payment_changed(account, entry)
    envelope = Envelope(
        entry.id,
        message.DESCRIPTOR.full_name,
        time_text(entry.create_time),
        line.trace_context,
        line.attempts,
    )
    return _record(topic, entry.order_id, message, envelope)


def read_psp_event(message: Incoming) -> Named:
    """Return the webhook that a message names; raises `PoisonError`."""
    parsed, envelope = _parsed(message, pb.PspEventReceived)
    _require(parsed.psp_account and parsed.event_id, envelope.id == parsed.event_id)
    return Named(
        parsed.psp_account,
        parsed.event_id,
        parsed.order_id,
        envelope.attempt,
        envelope.trace_context,
    )


def read_deciding_line(message: Incoming) -> Named | None:
    """Return the journal line that a message names; None if it decides nothing about an order.

    Raises `PoisonError`.
    """
    parsed, envelope = _parsed(message, pb.PaymentChanged)
    event = parsed.event
    _require(parsed.psp_account and parsed.order_id and event.id, envelope.id == event.id)
    state = PAYMENT_STATES.from_wire.get(event.state)
    # A later release may journal what this one does not know: it can decide nothing here.
    if event.type not in set(EventType) or state is None:
        return None
    if not decides(EventType(event.type), state):
        return None
    return Named(
        parsed.psp_account, event.id, parsed.order_id, envelope.attempt, envelope.trace_context
    )


def _payment_changed(account: str, entry: JournalEntry) -> Message:
    return pb.PaymentChanged(
        order_id=entry.order_id, psp_account=account, event=event_message(entry)
    )


def _order_changed(entry: JournalEntry) -> Message:
    state = _STATE_OF_ORDER[entry.type]
    number = ORDER_STATE_UNSPECIFIED if state is None else ORDER_STATES.to_wire[state]
    return pb.OrderChanged(
        order_id=entry.order_id,
        payment_id=entry.payment_id,
        state=number,
        reason=entry.details.get("reason", ""),
        conflict=entry.type is EventType.ORDER_CONFLICT,
        sequence=entry.sequence,
        create_time=timestamp_message(entry.create_time),
    )


def _record(topic: str, key: str, message: Message, envelope: Envelope) -> Record:
    # Deterministic, so that a line that is published again is the same message.
    value = message.SerializeToString(deterministic=True)
    return Record(topic, key.encode(), value, write_headers(envelope))


def _parsed(message: Incoming, kind: type[M]) -> tuple[M, Envelope]:
    envelope = read_headers(message.headers, kind.DESCRIPTOR.full_name)
    try:
        return kind.FromString(message.value or b""), envelope
    except DecodeError as error:
        raise PoisonError(PoisonReason.UNREADABLE, f"its value is no {kind.__name__}") from error


def _require(named: object, agrees: bool) -> None:  # noqa: FBT001 - two conditions of one message
    if not named:
        raise PoisonError(PoisonReason.UNREADABLE, "its value lacks the ids that it is known by")
    if not agrees:
        raise PoisonError(PoisonReason.FOREIGN, "its ce_id is not the id in its value")
