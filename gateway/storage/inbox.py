"""The inbox as rows: webhooks that were received, each once, until they are dealt with."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.storage.database import Database, Row
from gateway.storage.tables import WAITING_EVENT, inbox
from gateway.storage.writes import Write
from psp.port import PspEvent, PspEventSubject

_COLUMNS: Final = (
    inbox.c.psp_account,
    inbox.c.event_id,
    inbox.c.event_type,
    inbox.c.subject,
    inbox.c.psp_reference,
    inbox.c.payment_id,
    inbox.c.occurred_time,
    inbox.c.claimed_minor,
    inbox.c.claimed_currency,
    inbox.c.receive_time,
    inbox.c.attempts,
    inbox.c.outcome,
)
_THIS: Final = sa.and_(
    inbox.c.psp_account == sa.bindparam("key_psp_account"),
    inbox.c.event_id == sa.bindparam("key_event_id"),
)
_INSERT: Final = sa.insert(inbox)
_FINISH: Final = (
    sa.update(inbox)
    .where(_THIS)
    .values(outcome=sa.bindparam("new_outcome"), next_attempt_time=sa.null())
)
_POSTPONE: Final = (
    sa.update(inbox)
    .where(_THIS)
    .values(
        attempts=sa.bindparam("new_attempts"),
        next_attempt_time=sa.bindparam("new_next_attempt_time"),
    )
)
_GET: Final = sa.select(*_COLUMNS).where(_THIS)
_DUE: Final = (
    sa.select(*_COLUMNS)
    .where(
        inbox.c.next_attempt_time <= sa.bindparam("now"),
        inbox.c.psp_account == sa.bindparam("account"),
        WAITING_EVENT,
    )
    .order_by(inbox.c.receive_time, inbox.c.event_id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)


def insert_event(received: InboxEvent) -> Write:
    """Store a webhook, due at once; a second one of the same account and id exists already."""
    event = received.event
    return Write(
        _INSERT,
        {
            "psp_account": received.psp_account,
            "event_id": event.event_id,
            "event_type": event.event_type,
            "subject": event.subject,
            "psp_reference": event.psp_reference,
            "payment_id": event.payment_id,
            "occurred_time": event.occurred_time,
            "claimed_minor": event.claimed_minor,
            "claimed_currency": event.claimed_currency,
            "receive_time": received.receive_time,
            "attempts": received.attempts,
            "next_attempt_time": received.receive_time,
            "outcome": received.outcome,
        },
    )


def finish_event(psp_account: str, event_id: str, outcome: InboxOutcome) -> Write:
    """Store what became of a webhook; it is not due again."""
    return Write(_FINISH, {**_key(psp_account, event_id), "new_outcome": outcome})


def postpone_event(received: InboxEvent, next_attempt_time: datetime) -> Write:
    """Count an attempt and say when the next may follow."""
    return Write(
        _POSTPONE,
        {
            **_key(received.psp_account, received.event.event_id),
            "new_attempts": received.attempts + 1,
            "new_next_attempt_time": next_attempt_time,
        },
    )


async def get_event(database: Database, psp_account: str, event_id: str) -> InboxEvent | None:
    """Return a webhook, or None if it was never received."""
    rows = await database.fetch(_GET, _key(psp_account, event_id))
    return _event_of(rows[0]) if rows else None


async def list_due_events(
    database: Database, psp_account: str, now: datetime, limit: int
) -> list[InboxEvent]:
    """Return an account's webhooks that may be dealt with now, first received first."""
    rows = await database.fetch(_DUE, {"account": psp_account, "now": now, "limit": limit})
    return [_event_of(row) for row in rows]


def _key(psp_account: str, event_id: str) -> dict[str, str]:
    return {"key_psp_account": psp_account, "key_event_id": event_id}


def _event_of(row: Row) -> InboxEvent:
    (
        psp_account,
        event_id,
        event_type,
        subject,
        psp_reference,
        payment_id,
        occurred_time,
        claimed_minor,
        claimed_currency,
        receive_time,
        attempts,
        outcome,
    ) = row
    return InboxEvent(
        psp_account=psp_account,
        event=PspEvent(
            event_id=event_id,
            event_type=event_type,
            subject=PspEventSubject(subject),
            psp_reference=psp_reference,
            payment_id=payment_id,
            occurred_time=occurred_time,
            claimed_minor=claimed_minor,
            claimed_currency=claimed_currency,
        ),
        receive_time=receive_time,
        attempts=attempts,
        outcome=InboxOutcome(outcome),
    )
