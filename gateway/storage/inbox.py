"""The inbox as rows: webhooks that were received, each once, until they are dealt with."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from pydantic import TypeAdapter

from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.storage.claims import (
    claim_parameters,
    claiming,
    not_left_out,
    piece_of_work,
    place_in_line,
)
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.tables import WAITING_EVENT, inbox
from gateway.storage.writes import Write
from psp.port import PspAlias, PspEvent, PspEventSubject

_ALIAS: Final = TypeAdapter(PspAlias)
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
    inbox.c.saved_alias_json,
    inbox.c.receive_time,
    inbox.c.attempts,
    inbox.c.outcome,
    inbox.c.trace_context,
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
_MOVE_LEASE: Final = (
    sa.update(inbox)
    .where(_THIS, inbox.c.next_attempt_time == sa.bindparam("held"))
    .values(next_attempt_time=sa.bindparam("new_next_attempt_time"))
)
_GET: Final = sa.select(*_COLUMNS).where(_THIS)
_THESE: Final = sa.select(*_COLUMNS).where(
    inbox.c.psp_account == sa.bindparam("account"),
    inbox.c.event_id.in_(select_rows("event_id")),
)
# What names no payment is a piece of work of its own.
_PAYMENT: Final = sa.func.coalesce(
    sa.func.nullif(inbox.c.psp_reference, sa.literal_column("''")), inbox.c.event_id
)
_CLAIM: Final = claiming(
    # In line by the time they became due, which is the time of receipt at first: an index has it.
    sa.select(
        inbox.c.psp_account,
        inbox.c.event_id,
        piece_of_work(_PAYMENT),
        place_in_line(inbox.c.next_attempt_time),
    ).where(
        inbox.c.next_attempt_time <= sa.bindparam("now"),
        inbox.c.psp_account == sa.bindparam("account"),
        WAITING_EVENT,
        not_left_out(_PAYMENT),
    ),
    key=(inbox.c.psp_account, inbox.c.event_id),
    until=inbox.c.next_attempt_time,
    returning=_COLUMNS,
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
            "saved_alias_json": _alias_json(event.saved_alias),
            "receive_time": received.receive_time,
            "attempts": received.attempts,
            "next_attempt_time": received.receive_time,
            "outcome": received.outcome,
            "trace_context": received.trace_context,
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


def extend_event(received: InboxEvent, *, held: datetime, until: datetime) -> Write:
    """Move the end of a lease that is `held` until now; one that was lost or is over stays."""
    return Write(
        _MOVE_LEASE,
        {
            **_key(received.psp_account, received.event.event_id),
            "held": held,
            "new_next_attempt_time": until,
        },
    )


async def claim_due_events(
    database: Database,
    psp_account: str,
    now: datetime,
    lease_until: datetime,
    limit: int,
    left_out: Collection[str] = (),
) -> list[InboxEvent]:
    """Take what is due of at most so many payments, until the lease ends; first received first.

    Payments are named by `payment_key`; those that are left out are not taken.
    """
    parameters = {
        "account": psp_account,
        "now": now,
        "lease_until": lease_until,
        **claim_parameters(limit, left_out),
    }
    events = [_event_of(row) for row in await database.claim(_CLAIM, parameters)]
    return sorted(events, key=lambda each: (each.receive_time, each.event.event_id))


def payment_key(received: InboxEvent) -> str:
    """Name the payment that a webhook is about, within its account; if it names none, itself."""
    return received.event.psp_reference or received.event.event_id


async def get_event(database: Database, psp_account: str, event_id: str) -> InboxEvent | None:
    """Return a webhook, or None if it was never received."""
    rows = await database.fetch(_GET, _key(psp_account, event_id))
    return _event_of(rows[0]) if rows else None


async def get_events(
    database: Database, psp_account: str, event_ids: Collection[str]
) -> list[InboxEvent]:
    """Return those of an account's webhooks that were ever received, first received first."""
    wanted = rows_parameter([{"event_id": each} for each in event_ids])
    rows = await database.fetch(_THESE, {"account": psp_account, **wanted})
    events = [_event_of(row) for row in rows]
    return sorted(events, key=lambda each: (each.receive_time, each.event.event_id))


def _key(psp_account: str, event_id: str) -> dict[str, str]:
    return {"key_psp_account": psp_account, "key_event_id": event_id}


def _alias_json(alias: PspAlias | None) -> str:
    return "" if alias is None else _ALIAS.dump_json(alias).decode()


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
        saved_alias_json,
        receive_time,
        attempts,
        outcome,
        trace_context,
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
            saved_alias=_ALIAS.validate_json(saved_alias_json) if saved_alias_json else None,
        ),
        receive_time=receive_time,
        attempts=attempts,
        outcome=InboxOutcome(outcome),
        trace_context=trace_context,
    )
