"""The gateway's tables. Amounts are minor units, times are UTC, JSON is text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class _Microseconds(sa.types.TypeDecorator[datetime]):
    """Aware datetimes as whole numbers: SQLite has no type of its own for them."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> int | None:
        """Turn an aware datetime into what is stored."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, _: Dialect) -> datetime | None:
        """Turn what is stored into an aware datetime."""
        return None if value is None else _EPOCH + value * _MICROSECOND


UtcDateTime: Final = sa.DateTime(timezone=True).with_variant(_Microseconds(), "sqlite")
"""TIMESTAMPTZ on PostgreSQL, microseconds since 1970 on SQLite."""

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def partial_index(
    name: str, *columns: sa.Column[Any], where: sa.TextClause, unique: bool = False
) -> None:
    """Index only the rows `where` it says so, on both databases; a statement must say it too."""
    sa.Index(name, *columns, unique=unique, postgresql_where=where, sqlite_where=where)


payments = sa.Table(
    "payments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("country_code", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("authorized_minor", sa.BigInteger, nullable=False),
    sa.Column("captured_minor", sa.BigInteger, nullable=False),
    sa.Column("refunded_minor", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("review", sa.Text, nullable=False),
    sa.Column("capture_policy", sa.Text, nullable=False),
    sa.Column("psp_account", sa.Text, nullable=False),
    sa.Column("psp_reference", sa.Text, nullable=False),
    sa.Column("failure_json", sa.Text, nullable=False),
    sa.Column("capture_before", UtcDateTime),
    sa.Column("config_digest", sa.Text, nullable=False),
    sa.Column("last_sequence", sa.BigInteger, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("review_reference", sa.Text, nullable=False, server_default=""),
    sa.CheckConstraint(
        "0 <= refunded_minor AND refunded_minor <= captured_minor "
        "AND captured_minor <= authorized_minor AND authorized_minor <= amount_minor",
        name="sums",
    ),
    # With the id, so that a page of the newest is read and nothing is sorted.
    sa.Index("ix_payments_order", "order_id", "id"),
    sa.Index("ix_payments_customer", "customer_id", "id"),
)
KNOWN_REFERENCE: Final = sa.text("psp_reference <> ''")
# What a PSP knows by one reference is one payment, also if two callers bring it here at once.
partial_index(
    "uq_payments_psp",
    payments.c.psp_account,
    payments.c.psp_reference,
    where=KNOWN_REFERENCE,
    unique=True,
)

PROCESSING_PAYMENT: Final = sa.text("state = 'processing'")
"""An authorisation, a capture or a cancel that a PSP accepted and is not done with."""
partial_index("ix_payments_processing", payments.c.id, where=PROCESSING_PAYMENT)
FAILED_PAYMENT: Final = sa.text("state = 'failed'")
partial_index("ix_payments_failed", payments.c.update_time, payments.c.id, where=FAILED_PAYMENT)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("payment_id", sa.Text, sa.ForeignKey("payments.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("psp_account", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("parameters_json", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("request_caller", sa.Text, nullable=False),
    sa.Column("request_method", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("next_check_time", UtcDateTime, nullable=False),
    sa.Index("ix_operations_request", "request_id", "request_caller", "request_method"),
)
OPEN_OPERATION: Final = sa.text("state IN ('pending', 'unknown')")
"""Written out, since a partial index serves only a statement that repeats its condition."""
# At most one change of a payment is under way: the database itself refuses a second one.
partial_index("uq_operations_open", operations.c.payment_id, where=OPEN_OPERATION, unique=True)
partial_index("ix_operations_due", operations.c.next_check_time, where=OPEN_OPERATION)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("resource_id", sa.Text, nullable=False),
    sa.Column("answer_json", sa.Text),
    sa.Column("create_time", UtcDateTime, nullable=False),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("payment_id", sa.Text, sa.ForeignKey("payments.id"), nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("review", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("captured_minor", sa.BigInteger, nullable=False),
    sa.Column("refunded_minor", sa.BigInteger, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("details_json", sa.Text, nullable=False),
    sa.UniqueConstraint("payment_id", "sequence"),
    # For what a reconciliation asks: what was captured and refunded in a period.
    sa.Index("ix_journal_create_time", "create_time"),
)

HELD_LINE: Final = sa.text("journal.type = 'order_held'")
"""It tells that an order was held."""
partial_index("ix_journal_held", journal.c.order_id, where=sa.text("type = 'order_held'"))

outbox = sa.Table(
    "outbox",
    metadata,
    # One row for each journal line that is still to be delivered; delivery deletes it.
    sa.Column("journal_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False, index=True),
    sa.Column("payment_id", sa.Text, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    sa.Column("next_attempt_time", UtcDateTime, nullable=False, index=True),
    sa.Column("last_error", sa.Text, nullable=False),
    # W3C trace context ("traceparent") of what wrote the line; empty if it had none.
    sa.Column("trace_context", sa.Text, nullable=False, server_default=""),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("psp_account", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("psp_reference", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    sa.Column("occurred_time", UtcDateTime, nullable=False),
    sa.Column("receive_time", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    # NULL once it is dealt with.
    sa.Column("next_attempt_time", UtcDateTime),
    sa.Column("outcome", sa.Text, nullable=False),
    # What it says of the amount, to be compared only; NULL and empty if nothing.
    sa.Column("claimed_minor", sa.BigInteger),
    sa.Column("claimed_currency", sa.Text, nullable=False, server_default=""),
    # As in the outbox.
    sa.Column("trace_context", sa.Text, nullable=False, server_default=""),
    # The method that it says was saved with its payment; empty if it says nothing of one.
    sa.Column("saved_alias_json", sa.Text, nullable=False, server_default=""),
)
WAITING_EVENT: Final = sa.text("next_attempt_time IS NOT NULL")
partial_index("ix_inbox_due", inbox.c.next_attempt_time, where=WAITING_EVENT)

customer_links = sa.Table(
    "customer_links",
    metadata,
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("psp_account", sa.Text, primary_key=True),
    sa.Column("psp_customer", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("pending_key", sa.Text, nullable=False),
    sa.Column("pending_profile_json", sa.Text, nullable=False),
    sa.Column("lease_time", UtcDateTime),
    sa.Column("pending_since", UtcDateTime),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("ix_customer_links_psp", "psp_account", "psp_customer"),
)

alias_links = sa.Table(
    "alias_links",
    metadata,
    # A legacy alias that an import moved, and the alias that stands for it since.
    sa.Column("legacy_alias", sa.Text, primary_key=True),
    sa.Column("legacy_account", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, nullable=False, index=True),
    sa.Column("psp_account", sa.Text, nullable=False),
    sa.Column("psp_customer", sa.Text, nullable=False),
    sa.Column("psp_alias", sa.Text, nullable=False),
    # Of the line that moved it: the same line again is known by it.
    sa.Column("line_digest", sa.Text, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Index("ix_alias_links_psp", "psp_account", "psp_alias"),
)

alias_defaults = sa.Table(
    "alias_defaults",
    metadata,
    # What a shopper chose over all places that keep aliases; each of those has its own default.
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("psp_account", sa.Text, nullable=False),
    sa.Column("psp_alias", sa.Text, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
)

alias_operations = sa.Table(
    "alias_operations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("psp_account", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("parameters_json", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("request_caller", sa.Text, nullable=False),
    sa.Column("request_method", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
    # When the resolver may look at it; NULL once it is settled.
    sa.Column("next_check_time", UtcDateTime),
    sa.Index("ix_alias_operations_request", "request_id", "request_caller", "request_method"),
    sa.Index("ix_alias_operations_customer", "customer_id", "id"),
)
partial_index("ix_alias_operations_due", alias_operations.c.next_check_time, where=OPEN_OPERATION)

refunds = sa.Table(
    "refunds",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("payment_id", sa.Text, sa.ForeignKey("payments.id"), nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("psp_account", sa.Text, nullable=False),
    # Empty until the PSP answered.
    sa.Column("psp_reference", sa.Text, nullable=False),
    sa.Column("failure_json", sa.Text, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.Index("ix_refunds_payment", "payment_id", "id"),
    sa.Index("ix_refunds_order", "order_id", "id"),
)
# A PSP's refund is one row, whoever learns of it first.
partial_index(
    "uq_refunds_psp",
    refunds.c.psp_account,
    refunds.c.psp_reference,
    where=KNOWN_REFERENCE,
    unique=True,
)

job_leases = sa.Table(
    "job_leases",
    metadata,
    # Work that one replica at a time does: who holds it until when, and how far it came.
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("lease_time", UtcDateTime, nullable=False),
    sa.Column("cursor", sa.Text, nullable=False),
)
