"""Rows as messages, and messages as the rows that they name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.inbox import InboxEvent
from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.outbox import Delivery
from gateway.domain.payment import PaymentState
from gateway.events.kafka.dead_letters import dead_letter, describe, replayed
from gateway.events.kafka.messages import (
    Incoming,
    Record,
    journal_record,
    psp_event_record,
    read_deciding_line,
    read_psp_event,
)
from gateway.events.kafka.poison import PoisonError, PoisonReason
from gateway.events.kafka.topics import Topics
from gateway.payments.books import is_delivered
from paygate.v1 import events_pb2 as pb
from psp.port import PspEvent, PspEventSubject, ReviewStatus
from tests.support.payments import NOW

_TOPICS = Topics()
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_EVENT = PspEvent(
    event_id="evt_1",
    event_type="payment_intent.succeeded",
    subject=PspEventSubject.PAYMENT,
    psp_reference="pi_1",
    payment_id="",
    occurred_time=NOW,
)


def _entry(event_type: EventType, state: PaymentState, **changes: Any) -> JournalEntry:
    base = JournalEntry(
        id="jnl_1",
        payment_id="pay_1",
        order_id="order-1",
        sequence=3,
        type=event_type,
        state=state,
        review=ReviewStatus.NONE,
        currency="EUR",
        captured_minor=1999,
        refunded_minor=0,
        create_time=NOW,
        details={"reason": "paid"},
    )
    return replace(base, **changes)


def _line(**changes: Any) -> Delivery:
    return replace(
        Delivery("jnl_1", "order-1", "pay_1", attempts=2, trace_context=_TRACE), **changes
    )


def _consumed(record: Record) -> Incoming:
    return Incoming(record.topic, 1, 7, record.key, record.value, record.headers)


@pytest.mark.parametrize(
    "reference,order_id,key",
    [
        pytest.param("pi_1", "order-1", b"order-1", id="its payment is known"),
        pytest.param("pi_1", "", b"pi_1", id="its payment is not known"),
        pytest.param("", "", b"evt_1", id="it names no payment"),
    ],
)
def test_a_webhook_is_kept_in_the_order_of(reference: str, order_id: str, key: bytes) -> None:
    """The order if there is one, else what comes nearest to it."""
    received = InboxEvent("stripe_eu", replace(_EVENT, psp_reference=reference), NOW)

    assert psp_event_record(_TOPICS, received, "", order_id).key == key


def test_a_webhook_reads_back() -> None:
    """As its row's name, with the attempt and the trace that it was published with."""
    received = InboxEvent("stripe_eu", _EVENT, NOW, attempts=4, trace_context=_TRACE)

    named = read_psp_event(_consumed(psp_event_record(_TOPICS, received, "pay_1", "order-1")))

    assert (named.account, named.row_id, named.order_id) == ("stripe_eu", "evt_1", "order-1")
    assert (named.attempt, named.trace_context) == (4, _TRACE)


def test_headers_are_those_of_cloudevents() -> None:
    """Binary mode, so that any consumer finds them (CloudEvents, Kafka Protocol Binding)."""
    record = journal_record(
        _TOPICS, "stripe_eu", _line(), _entry(EventType.STATE_CHANGED, PaymentState.CAPTURED)
    )

    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"jnl_1",
        "ce_type": b"paygate.v1.PaymentChanged",
        "ce_source": b"/paygate",
        "ce_time": b"2026-05-04T10:00:00+00:00",
        "content-type": b"application/protobuf",
        "traceparent": _TRACE.encode(),
        "paygate_attempt": b"2",
    }


def test_no_trace_no_header() -> None:
    """An empty one would be taken for a broken one."""
    entry = _entry(EventType.STATE_CHANGED, PaymentState.CAPTURED)
    record = journal_record(_TOPICS, "stripe_eu", _line(trace_context=""), entry)

    assert "traceparent" not in dict(record.headers)


@pytest.mark.parametrize("state", PaymentState)
@pytest.mark.parametrize("event_type", EventType)
def test_every_line_is_published_and_read(event_type: EventType, state: PaymentState) -> None:
    """What is about the order on its topic; those that decide are exactly the delivered ones."""
    entry = _entry(event_type, state)

    record = journal_record(_TOPICS, "stripe_eu", _line(), entry)

    assert record.key == b"order-1"
    if event_type.value.startswith("order_"):
        assert record.topic == _TOPICS.orders
        told = pb.OrderChanged.FromString(record.value)
        assert (told.reason, told.sequence) == ("paid", 3)
        assert told.conflict is (event_type is EventType.ORDER_CONFLICT)
        return
    assert record.topic == _TOPICS.payments
    named = read_deciding_line(_consumed(record))
    assert (named is not None) == is_delivered(entry)


def test_a_line_of_a_later_release_is_passed_over() -> None:
    """What this release does not know decides nothing, and is no poison."""
    record = journal_record(
        _TOPICS, "stripe_eu", _line(), _entry(EventType.STATE_CHANGED, PaymentState.CAPTURED)
    )
    for changes in ({"type": "payment_teleported"}, {"state": 99}):
        message = pb.PaymentChanged.FromString(record.value)
        for name, value in changes.items():
            setattr(message.event, name, value)
        later = replace(_consumed(record), value=message.SerializeToString())

        assert read_deciding_line(later) is None


def test_a_dead_letter_goes_back_as_it_came() -> None:
    """What was marked on it is taken off; where it comes from is told."""
    record = psp_event_record(_TOPICS, InboxEvent("stripe_eu", _EVENT, NOW), "", "")
    poison = PoisonError(PoisonReason.UNKNOWN_ROW, "no webhook here has the id evt_1")

    buried = _consumed(dead_letter(_consumed(record), poison, NOW))
    back = replayed(buried)

    assert buried.topic == "paygate.psp-events.v1.dlq"
    assert (back.topic, back.key, back.value) == (record.topic, record.key, record.value)
    assert back.headers == (
        *record.headers,
        ("paygate_replay_of", b"paygate.psp-events.v1.dlq/1/7"),
    )
    assert replayed(_consumed(dead_letter(_consumed(back), poison, NOW))).headers == back.headers
    letter = describe(buried)
    assert (letter.topic, letter.reason, letter.event_id) == (record.topic, "unknown_row", "evt_1")
    assert (letter.origin, letter.time) == ("paygate.psp-events.v1/1/7", NOW.isoformat())
