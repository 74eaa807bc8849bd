"""The tables of the financial account: what is to be posted, and how much of an order was."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.storage.tables import UtcDateTime, metadata, partial_index

account_postings = sa.Table(
    "account_postings",
    metadata,
    # One row a movement, for ever: a movement is posted once by its key.
    sa.Column("key", sa.Text, primary_key=True),
    # Empty as long as only the back office knows whose order it is.
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("booking_time", UtcDateTime, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    # NULL once it is not due any more.
    sa.Column("next_attempt_time", UtcDateTime),
    sa.Column("last_error", sa.Text, nullable=False),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.Index("ix_account_postings_order", "order_id", "kind"),
)
WAITING_POSTING: Final = sa.text("next_attempt_time IS NOT NULL")
partial_index(
    "ix_account_postings_due", account_postings.c.next_attempt_time, where=WAITING_POSTING
)
REFUSED_POSTING: Final = sa.text("state = 'refused'")
partial_index("ix_account_postings_refused", account_postings.c.key, where=REFUSED_POSTING)

account_orders = sa.Table(
    "account_orders",
    metadata,
    # The sums of an order's postings. Two reports of one order meet here: one of them is first.
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("invoiced_minor", sa.BigInteger, nullable=False),
    sa.Column("shipped_minor", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.CheckConstraint(
        "0 <= shipped_minor AND shipped_minor <= invoiced_minor",
        name="sums",
    ),
)
