"""Postings in bulk: what a report settles is many movements at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from gateway.domain.posting import Posting, PostingState
from gateway.storage.account_tables import account_postings
from gateway.storage.json_rows import Moment, rows_parameter, select_rows
from gateway.storage.writes import Write

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TEXTS: Final = ("key", "customer_id", "order_id", "kind", "currency", "reference")


def _insert() -> sa.Insert:
    given = select_rows(*_TEXTS, "amount_minor", "booking_us").subquery("given_postings")
    booked = Moment(sa.cast(given.c.booking_us, sa.BigInteger))
    values = {
        **{name: given.c[name] for name in _TEXTS},
        "amount_minor": sa.cast(given.c.amount_minor, sa.BigInteger),
        "booking_time": booked,
        "next_attempt_time": booked,
        "state": sa.literal(PostingState.DUE.value, sa.Text),
        "attempts": sa.literal(0, sa.BigInteger),
        "last_error": sa.literal("", sa.Text),
    }
    # SQLite takes ON CONFLICT for a part of the SELECT unless that has a WHERE of its own.
    chosen = sa.select(*values.values()).where(given.c.key != sa.literal("", sa.Text))
    # As `insert_posting` has it: both dialects spell it like this.
    return (
        postgresql.insert(account_postings).from_select([*values], chosen).on_conflict_do_nothing()
    )


_INSERT: Final = _insert()


def insert_postings(postings: Sequence[Posting]) -> Write:
    """Have movements posted, from their booking times on; those whose key is there stay."""
    rows = [
        {
            "key": posting.key,
            "customer_id": posting.customer_id,
            "order_id": posting.order_id,
            "kind": posting.kind.value,
            "currency": posting.amount.currency,
            "reference": posting.reference,
            "amount_minor": posting.amount.amount_minor,
            "booking_us": (posting.booking_time - _EPOCH) // _MICROSECOND,
        }
        for posting in postings
    ]
    return Write(_INSERT, rows_parameter(rows))
